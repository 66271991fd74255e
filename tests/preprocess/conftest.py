"""Clips that several tests make stores of."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import soundfile
from helpers.stores import make

from w2l import talker


@pytest.fixture(scope="session")
def corpus(tmp_path_factory):
    """Seven clips of 1.2 s as `w2l corpus` writes them."""
    folder = tmp_path_factory.mktemp("corpus")
    list(talker.write_corpus(folder, {"train": 4, "validation": 2, "test": 1}, 1.2))
    return folder


@pytest.fixture(scope="session")
def undisturbed(corpus, tmp_path_factory):
    """The store of the corpus, made in one go without an expert."""
    folder = tmp_path_factory.mktemp("undisturbed") / "store"
    make(corpus, folder)
    return folder


@pytest.fixture(scope="session")
def out_of_sync(tmp_path_factory):
    """A talker's pictures as the original's preprocessing writes them, with sound that is late by so many frames."""
    folder = tmp_path_factory.mktemp("original")
    made = talker.make_clip("test", 1, seconds=2.0)
    for late in (-5, -2, 0, 3, 5):
        there = folder / "talker" / f"late{late:+d}"
        there.mkdir(parents=True)
        wav = np.zeros_like(made.wav)
        wav[max(0, late * 640) : len(wav) + min(0, late * 640)] = made.wav[
            max(0, -late * 640) : len(wav) - max(0, late * 640)
        ]
        soundfile.write(there / "audio.wav", wav, 16000, "FLOAT")
        for i, frame in enumerate(made.frames):
            cv2.imwrite(str(there / f"{i}.png"), frame)
    return folder, made
