"""Stopping without losing work."""

import os
import signal

import pytest
import torch
from helpers import tiny_training as tiny

from w2l.errors import W2LError


def test_ctrl_c_ends_the_step_saves_and_the_next_run_resumes(tmp_path, capsys):
    it = tiny.make("gan", tiny.options(tmp_path, save_every=1000), steps=200)
    plain = it.train_step

    def train_step(parts, step):
        if step == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return plain(parts, step)

    it.train_step = train_step
    with pytest.raises(KeyboardInterrupt, match="told"):
        tiny.loop.fit(it)
    assert "stopped at step 4 of 200; run the same command again to resume" in capsys.readouterr().out
    assert tiny.saved_step(tmp_path) == 4
    assert not list(tmp_path.rglob(".*"))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_resumed_run_is_timed_by_its_own_steps(tmp_path, monkeypatch):
    tiny.loop.fit(tiny.make("expert", tiny.options(tmp_path), steps=2))
    looks = []
    plain = tiny.loop.progress_bar
    monkeypatch.setattr(tiny.loop, "progress_bar", lambda **look: looks.append(look) or plain(**look))
    tiny.loop.fit(tiny.make("expert", tiny.options(tmp_path), steps=2))
    assert [(look["initial"], look["total"]) for look in looks] == [(2, 2)]


def test_a_loss_that_is_no_number_stops_with_advice(tmp_path):
    it = tiny.make("expert", tiny.options(tmp_path, save_every=None))
    it.loss = lambda *_: (torch.tensor(float("nan"), requires_grad=True), torch.tensor(0.0))
    with pytest.raises(W2LError, match="lower the learning rate"):
        tiny.loop.fit(it)
    assert tiny.saved_step(tmp_path) == 0
