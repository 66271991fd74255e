"""Broken files by the hundred: each gives a right result or one sentence, and never a traceback, a hang or a crash."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from helpers import mutants

from w2l import audio, models, video
from w2l.errors import W2LError

CASES = 300
DUBBED = 50  # the first of them, one of every kind


@pytest.fixture(scope="module")
def samples(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("samples")
    mutants.make(folder)
    return folder


def run(*arguments: object) -> list[str]:
    """What `mutants` said of each of its cases; it runs in a process of its own, which a bad file may take down."""
    command = [sys.executable, "-W", "error", mutants.__file__, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=300, check=False)
    cases = done.stdout.splitlines()
    assert done.returncode == 0, f"died in case {cases[-1] if cases else None}\n{done.stderr}"
    assert done.stderr == "", "nothing of FFmpeg's or an image library's may reach the terminal"
    bad = [case.replace("\\n", "\n") for case in cases if "\tok " not in case]
    assert not bad, "\n".join(bad)
    return cases


def expected(name: str, k: int) -> np.ndarray:
    """The k-th frame of the file of this name, (96, 96, 3) BGR, before it was coded."""
    frame = mutants.picture(k).astype(float)
    if "alpha" in name or name in ("sticker.gif", "sticker.webp", "sticker.avif", "moving.png"):
        alpha = (mutants.see_through() if "alpha" in name else mutants.sticker(k))[:, :, 3:] / 255
        frame = frame * alpha + 255 * (1 - alpha)
    if "grey" in name:
        frame[:] = frame @ np.reshape([0.114, 0.587, 0.299], (3, 1))
    return np.rot90(frame, -1) if "turned" in name else frame


@pytest.fixture(params=sorted(mutants.FILMS | mutants.RAW | mutants.ANIMATIONS | mutants.STILLS | mutants.SOUNDS))
def whole(request, samples) -> Path:
    """A file of each kind as it was made."""
    path = samples / request.param
    if not path.exists():
        pytest.skip("this PyAV has no encoder for it")
    return path


def test_every_kind_is_read_while_it_is_whole(whole):
    """The pictures, their number and the sound; broken ones say nothing about a kind that is never read right."""
    if whole.name in mutants.SOUNDS:
        with pytest.raises(W2LError, match="sound but no picture"):
            video.probe(whole)
    else:
        info, frames = video.probe(whole), list(video.read_frames(whole))
        assert info.is_still == (whole.name in mutants.STILLS)
        assert info.is_animation == (whole.name in mutants.ANIMATIONS)
        extra = whole.suffix in (".avi", ".wmv")  # what they tell of their length includes the sound's
        assert len(frames) in (1 if info.is_still else mutants.FRAMES, mutants.FRAMES + extra)
        for k, frame in enumerate(frames[2:3] or frames):
            blurred = [cv2.blur(f.astype(float), (9, 9)) for f in (frame, expected(whole.name, k))]  # dither aside
            assert np.abs(blurred[0] - blurred[1]).mean() < 6
    if whole.name in mutants.FILMS | mutants.SOUNDS:
        wav = audio.load(whole)
        assert abs(len(wav) / 16000 - 0.48) < 0.06
        assert np.std(wav) == pytest.approx(np.std(mutants.speech()), rel=0.1)
    else:
        with pytest.raises(W2LError, match="has no sound"):
            audio.load(whole)


def test_three_hundred_broken_files(samples, tmp_path):
    cases = run(samples, tmp_path, 0, CASES)
    assert len(cases) == CASES
    kinds = Counter(case.split("\t")[0].rsplit("-", 1)[1] for case in cases)
    assert min(kinds.values()) >= 5, "the cases are spread over the kinds"
    read = sum("frames of" in case or "samples at" in case for case in cases)
    assert CASES / 4 < read < CASES * 3 / 4, "some can still be read, some not"


def test_dubs_of_broken_files(samples, tmp_path):
    weights = tmp_path / "tiny.safetensors"
    torch.manual_seed(0)
    models.save(models.build("wav2lip", 0.05), weights, "wav2lip", 0.05, mel_shift=-1.0)
    cases = run(samples, tmp_path, 0, DUBBED, weights)
    drawn = sum("frames drawn" in case for case in cases)
    assert len(cases) == DUBBED and DUBBED / 4 < drawn < DUBBED * 3 / 4
