"""The expert: what it starts from, and what is said of its loss."""

from dataclasses import replace

import pytest
import torch
from helpers import tiny_training as tiny

from w2l import models
from w2l.train import data, expert
from w2l.train.engine.options import RunOptions


def test_weights_can_be_started_from_and_set_the_width(tmp_path, monkeypatch):
    """`start` takes a weight file or a checkpoint of ours; the file remembers where it came from."""
    monkeypatch.setattr(data, "corpus", lambda *_, **__: tiny.clips())
    models.save(tiny.judge(), tmp_path / "mine.safetensors", "syncnet", tiny.WIDTH)
    config = replace(expert.ExpertConfig(**tiny.SMALL["expert"]), steps=1, learning_rate=0.0, width=0.5)
    options = RunOptions(tmp_path / "run", progress=False, sanity=False)
    made = expert.train_expert(config, options, start=str(tmp_path / "mine.safetensors"))
    again = models.load(made)
    assert again.meta["start"] == "mine.safetensors" and again.meta["training"]["width"] == tiny.WIDTH
    for key, value in models.load(tmp_path / "mine.safetensors").named_parameters():
        assert torch.equal(value, again.get_parameter(key)), key
    checkpoint = tmp_path / "run" / "checkpoints" / "best.pt"
    assert data.load(str(checkpoint), "syncnet").width == pytest.approx(tiny.WIDTH, rel=0.01)  # read off its shapes


def test_weights_started_from_can_be_widened(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "corpus", lambda *_, **__: tiny.clips())
    models.save(tiny.judge(), tmp_path / "mine.safetensors", "syncnet", tiny.WIDTH)
    config = replace(expert.ExpertConfig(**tiny.SMALL["expert"]), steps=1, learning_rate=0.0, widen=2 * tiny.WIDTH)
    options = RunOptions(tmp_path / "run", progress=False, sanity=False)
    again = models.load(expert.train_expert(config, options, start=str(tmp_path / "mine.safetensors")), "syncnet")
    assert again.width == again.meta["training"]["width"] == again.meta["training"]["widen"] == 2 * tiny.WIDTH
    narrow = models.load(tmp_path / "mine.safetensors", "syncnet")
    sound = torch.ones(1, 1, 80, 16)
    assert again.embed_audio(sound).shape[1] == 2 * narrow.embed_audio(sound).shape[1]


def test_a_loss_at_chance_is_explained():
    it = tiny.make("expert")
    assert "0.69 is chance: normal until about step 300" in it.observe(100, {"held_out_loss": 0.69})[0]
    assert "now check that sound and picture are in sync" in it.observe(400, {"held_out_loss": 0.69})[0]
    assert it.observe(400, {"held_out_loss": 0.5}) == []
