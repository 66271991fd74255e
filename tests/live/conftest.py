"""Faces that are ready to speak, with a tiny generator."""

from __future__ import annotations

import pytest
from helpers.dubs import BOX, SIZE, numbered
from helpers.faces import presenter_picture

from w2l import video
from w2l.live import LiveFace


@pytest.fixture(scope="session")
def picture(tmp_path_factory):
    path = tmp_path_factory.mktemp("pictures") / "face.png"
    video.write_image(path, presenter_picture()[:SIZE, :SIZE])
    return path


@pytest.fixture(scope="session")
def moving(tmp_path_factory):
    """A clip of 12 frames in which the picture drifts and gets brighter."""
    path = tmp_path_factory.mktemp("clips") / "moving.mp4"
    with video.VideoWriter(path, 25, quality=8) as writer:
        for i in range(12):
            writer.write(numbered(i) // 2 + presenter_picture()[2 * i : SIZE + 2 * i, i : SIZE + i] // 2)
    return path


@pytest.fixture(scope="session")
def face(picture, generator):
    return LiveFace(picture, box=BOX, weights=generator, device="cpu")
