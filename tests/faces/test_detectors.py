"""Tests of the choice of a detector by its name, and of loading it once."""

from __future__ import annotations

import os
import shutil

import numpy as np
import pytest

import w2l
from w2l import faces, weights
from w2l.base import paths
from w2l.base.parallel import can_fork, forked
from w2l.errors import W2LError
from w2l.faces import detectors


@pytest.fixture
def no_weights(monkeypatch, tmp_path):
    """A folder that is searched for weights, and nothing in it."""
    monkeypatch.setenv("W2L_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("W2L_CACHE", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("name", ["auto", "yunet"])
def test_yunet_is_bundled(no_weights, name):
    assert faces.detector(name).name == "yunet"
    assert (
        weights.find("yunet") == weights.locate("yunet") == paths.data() / "detector" / weights.REGISTRY["yunet"].file
    )


def test_files_of_that_name_elsewhere_do_not_hide_the_bundled_one(no_weights):
    for content in (b"<html>", bytes(weights.REGISTRY["yunet"].bytes)):
        (no_weights / weights.REGISTRY["yunet"].file).write_bytes(content)
        assert weights.find("yunet").parent == paths.data() / "detector"


def test_absent_weights_are_told_with_the_command_that_fetches_them(no_weights):
    with pytest.raises(W2LError, match="'w2l weights fetch s3fd', or use the detector yunet"):
        faces.detector("s3fd")


def test_an_unknown_detector_is_refused():
    with pytest.raises(W2LError, match="choose one of auto, yunet, s3fd"):
        faces.detector("magic")


def test_hog_says_that_it_has_gone():
    for call in (lambda: faces.detector("hog"), lambda: w2l.track_faces([np.zeros((90, 90, 3), np.uint8)], "hog")):
        with pytest.raises(W2LError, match=r"hog is no longer part of w2l; .*yunet"):
            call()
    with pytest.raises(ImportError, match="hog is no longer part of w2l"):
        faces.Hog  # noqa: B018 - asked for, which is what fails


def test_a_detector_is_loaded_once(monkeypatch):
    assert faces.detector() is faces.detector("yunet") is faces.detector("auto", device="cpu", batch_size=None)
    made = []
    monkeypatch.setattr(
        faces.YuNet, "detect", lambda self, frames: made.append(self) or [np.zeros((0, 5))] * len(frames)
    )
    for _ in range(2):
        faces.see([np.zeros((90, 90, 3), np.uint8)])
    assert made == [faces.detector()] * 2


def test_another_file_is_loaded_anew(monkeypatch, tmp_path):
    path = shutil.copy(faces.detectors.find_weights("yunet"), tmp_path / "yunet.onnx")
    monkeypatch.setattr(detectors, "find_weights", lambda name: path)
    first = faces.detector()
    assert faces.detector() is first
    os.utime(path, (1, 1))
    assert faces.detector() is not first


@pytest.mark.skipif(not can_fork(), reason="processes are forked on Linux only")
def test_a_forked_process_loads_its_own():
    mine = id(faces.detector())
    assert list(forked(lambda number: id(faces.detector()) == mine, [0, 1], 1)) == [False, False]
    assert id(faces.detector()) == mine
