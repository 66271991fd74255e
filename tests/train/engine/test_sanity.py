"""The checks before a training."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers import tiny_training as tiny

from w2l import models
from w2l.train import judge
from w2l.train.engine import sanity
from w2l.train.engine.precision import Precision


@pytest.mark.parametrize("pairs", ["all", "one"])
def test_expert_overfits_one_batch(pairs):
    it = tiny.make("expert", pairs=pairs, clips=2 if pairs == "all" else 6)
    check = sanity.overfits(it)
    assert check.holds, check


def test_sanity_leaves_everything_as_it_was():
    it = tiny.make("gan")
    before = {name: value.clone() for name, value in tiny.weights(it).items()}
    state = torch.get_rng_state()
    found = sanity.checks(it)
    assert {"overfit", "expert"} <= {check.name for check in found}
    assert torch.equal(state, torch.get_rng_state())
    for name, value in tiny.weights(it).items():
        assert torch.equal(value, before[name]), name


def test_sanity_notices_what_is_wrong():
    """Talker clips are in sync; with the sound three frames late, or another speaker's, they are not."""
    from w2l.talker import make_clip

    clips = [tiny.Clip(c.frames, c.mel, c.truth) for c in (make_clip("train", k, seconds=1.8) for k in range(4))]
    shuffled = [replace(clip, mel=clips[k - 1].mel) for k, clip in enumerate(clips)]
    late = [replace(clip, mel=np.roll(clip.mel, 10, axis=1)) for clip in clips]
    it = judge.Judge(models.load("classroom_expert"), tiny.CPU, Precision("off", tiny.CPU))

    def verdicts(data):
        return {check.name: check for check in sanity.judged(it, data)}

    good, mixed, delayed = (verdicts(data) for data in (clips, shuffled, late))
    assert good["expert"].holds and good["in sync"].holds
    assert mixed["expert"].holds is False and str(mixed["expert"]).startswith("sanity: NOT OK")
    assert delayed["in sync"].holds is False and "+3 frames" in delayed["in sync"].said


def test_sanity_notices_a_network_that_cannot_learn(monkeypatch):
    monkeypatch.setattr(sanity, "_SECONDS", 600.0)  # however busy the machine is
    it = tiny.make("expert")
    plain = it.main_loss
    monkeypatch.setattr(it, "main_loss", lambda *arguments: plain(*arguments).detach().requires_grad_())
    assert sanity.overfits(it).holds is False
