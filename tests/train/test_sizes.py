"""Trainings of a generator of 192 pixels: what they start from, what the judges see, what they write."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers import tiny_training as tiny

from w2l import models
from w2l.data.clip import Clip
from w2l.data.packed import PackedFrames
from w2l.data.store import ClipEntry, write_clip, write_index
from w2l.errors import W2LError
from w2l.faces.crop import lower_halves, resized
from w2l.train import data, gan, generator, judge
from w2l.train.data import TrainingData
from w2l.train.engine import loop
from w2l.train.engine.precision import Precision


def large_clips(count=3):
    """Blocks that are a clip of 192 pixels in shape."""
    return [
        Clip(PackedFrames.pack(np.kron(one.frames[:], np.ones((1, 2, 2, 1), np.uint8))), one.mel, one.truth)
        for one in tiny.clips(count)
    ]


@pytest.fixture
def corpora(monkeypatch):
    """The talker's clips are blocks; returns the sizes that were asked for."""
    sizes = []

    def corpus(split, count, progress, cast, size):
        sizes.append(size)
        return large_clips(2) if size == 192 else tiny.clips(2)

    monkeypatch.setattr(data, "corpus", corpus)
    return sizes


def test_the_judge_sees_larger_faces_averaged_down():
    it = judge.Judge(tiny.judge(), tiny.CPU, Precision("off", tiny.CPU))
    frames = np.random.default_rng(0).integers(0, 256, (10, 192, 192, 3), dtype=np.uint8)
    faces = judge.to_faces(frames, tiny.CPU).requires_grad_()
    seen = it.see(faces)
    cut = [lower_halves(frames[at : at + 5]) for at in (0, 5)]
    assert seen.shape == (2, 15, 48, 96)
    assert np.abs(seen.detach().numpy() - np.stack(cut)).max() <= 0.51 / 255  # those are rounded to whole values
    it.loss(faces, torch.zeros(2, 80, 16)).backward()
    assert faces.grad is not None and faces.grad[:, :, 96:].abs().max() > 0 and not faces.grad[:, :, :96].any()


def test_a_training_of_192_pixels_starts_where_weights_of_96_are(tmp_path, corpora):
    small = models.build("wav2lip", tiny.WIDTH)
    models.save(small, tmp_path / "small.safetensors", "wav2lip", tiny.WIDTH)
    models.save(tiny.judge(), tmp_path / "expert.safetensors", "syncnet", tiny.WIDTH, frames=5)
    short = tiny.SMALL["generator"] | {"steps": 1, "sync_steps": 1}
    config = generator.GeneratorConfig(size=192, **short, evaluate_every=0)
    start, expert = str(tmp_path / "small.safetensors"), str(tmp_path / "expert.safetensors")
    run = tiny.options(tmp_path / "run")
    made = models.load(generator.train_generator(config, run, expert, start=start), "wav2lip")
    assert set(corpora) == {192} and made.size == made.meta["size"] == 192 and made.width == tiny.WIDTH
    assert made.meta["training"]["size"] == 192
    assert made.detail is not None and made.detail.last.weight.abs().max() > 0  # it learned
    best = models.load(tmp_path / "run" / "checkpoints" / "best.pt", "wav2lip")
    assert best.size == 192 and list((tmp_path / "run" / "sheets").glob("*.png"))
    short = tiny.SMALL["gan"] | {"steps": 2, "ahead": 1}
    config = gan.GanConfig(**short, evaluate_every=0)  # 192 is what its start has
    path = gan.train_gan(config, tiny.options(tmp_path / "gan"), str(tmp_path / "run/generator.safetensors"), expert)
    assert models.load(path).size == models.load(path.with_name("quality_disc.safetensors")).size == 192
    models.save(gan.fresh_disc(tiny.WIDTH), tmp_path / "disc.safetensors", "quality_disc", tiny.WIDTH)
    start, disc = (str(tmp_path / name) for name in ("run/generator.safetensors", "disc.safetensors"))
    with pytest.raises(W2LError, match="judges faces of 96 pixels and the generator draws 192"):
        gan.train_gan(config, tiny.options(tmp_path / "gan2"), start, expert, disc)


def test_a_stopped_training_of_192_pixels_goes_on_to_the_same_bits(tmp_path):
    def trained():
        short = tiny.SMALL["generator"] | {"steps": 1, "sync_steps": 2}
        config = generator.GeneratorConfig(size=192, width=tiny.WIDTH, **short, evaluate_every=0)
        clips = large_clips()
        found = TrainingData(clips, clips[:2], "blocks")
        trainer = generator.GeneratorTrainer(config, found, tiny.options(tmp_path), tiny.judge())
        loop.fit(trainer)
        return tiny.weights(trainer)

    whole = trained()
    for later in ("step_000000003", "step_000000002", "best"):  # as if it had been killed after its first step
        (tmp_path / "checkpoints" / f"{later}.pt").unlink()
    again = trained()
    assert all(torch.equal(whole[key], again[key]) for key in whole)


def test_a_store_of_another_size_is_refused_in_a_sentence(tmp_path):
    entries = []
    for i, clip in enumerate(large_clips(2)):
        size, checksum = write_clip(tmp_path / f"clips/{i}.safetensors", clip)
        split = ("train", "validation")[i]
        entries.append(ClipEntry(f"clips/{i}.safetensors", size, checksum, 20, f"s{i}", split, "x", 0, 0, 0.5, 0))
    write_index(tmp_path, entries, settings={"size": 192})
    config = generator.GeneratorConfig()
    found = data.open_data(tmp_path, config, 1, size=192)
    assert found.train[0].size == 192
    assert np.array_equal(resized(found.train[0].frames[:2], 96).shape, (2, 96, 96, 3))
    assert data.open_data(tmp_path, config, 1).train[0].size == 192  # an expert reduces them itself
    with pytest.raises(W2LError, match=r"have 192 pixels and the generator's 96; .*--size 96.*--set size=192"):
        data.open_data(tmp_path, config, 1, size=96)
