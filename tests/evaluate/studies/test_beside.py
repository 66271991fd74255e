"""Generators of different sizes side by side, on the same faces."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers import tiny_training as tiny
from helpers.command_line import run_main

from w2l import models
from w2l.data.clip import Clip
from w2l.data.packed import PackedFrames
from w2l.errors import W2LError
from w2l.evaluate.studies import beside


@pytest.fixture
def weights(tmp_path):
    torch.manual_seed(0)
    for name, size in (("small", 96), ("large", 192)):
        network = models.build("wav2lip", tiny.WIDTH, size=size)
        models.save(network, tmp_path / f"{name}.safetensors", "wav2lip", tiny.WIDTH)
    return [str(tmp_path / "large.safetensors"), str(tmp_path / "small.safetensors")]


@pytest.fixture
def asked(monkeypatch):
    """The talker's clips are blocks of noise; returns the sizes that were asked for."""
    sizes = []

    def corpus(split, count, progress, cast, size):
        sizes.append(size)
        times = np.ones((1, size // 96, size // 96, 1), np.uint8)
        made = (Clip(np.kron(one.frames[:], times), one.mel, one.truth) for one in tiny.clips(count, 36))
        return [Clip(PackedFrames.pack(one.frames), one.mel, one.truth) for one in made] if size > 96 else list(made)

    monkeypatch.setattr(beside, "corpus", corpus)
    return sizes


def test_faces_have_the_size_of_the_first_generator(weights, asked, capsys):
    chosen = ("--generator", weights[0], "--beside", weights[1], "--clips", "2", "--quiet")
    code, out, _ = run_main(capsys, "evaluate", "corpus", *chosen)
    assert code == 0
    assert asked == [192]
    head, _, *rows = out.splitlines()
    assert head == f"| figure | {weights[0]} | {weights[1]} |" and len(rows) == len(beside.FIGURES)


def test_figures_of_a_generator_that_draws_the_truth(weights, asked, monkeypatch):
    class Perfect:
        size = 192

        def speak(self, frames, mel):
            return frames.copy()

    monkeypatch.setattr(beside.Dubber, "load", lambda name: Perfect())
    figures = beside.compare(["truth"], count=2, progress=False)["truth"]
    assert list(figures) == list(beside.FIGURES)
    assert figures["mouth_sharpness"] == pytest.approx(1) and figures["jitter_ratio"] == pytest.approx(1)
    assert figures["box_over_paste"] == 0 and figures["frechet"] == pytest.approx(0, abs=1e-6)


def test_one_talker_is_refused(weights):
    with pytest.raises(W2LError, match="1 talkers cannot swap"):
        beside.compare(weights, count=1)
