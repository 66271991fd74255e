"""Tests of AVIF: animations, their transparency and their times, single pictures, and those that are not read."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.clips import corners, grey, levels, write_avif
from helpers.places import SHARED

from w2l import video
from w2l.dubbing.footage import Footage
from w2l.errors import W2LError

pytestmark = pytest.mark.usefixtures("quiet")

SEE_THROUGH = np.repeat([0, 128, 255], [24, 16, 24]).astype(np.uint8)[None].repeat(48, 0)


def sticker(k: int) -> np.ndarray:
    return np.dstack([grey(20 + 10 * k), SEE_THROUGH])


def test_an_animation(tmp_path):
    path = write_avif(tmp_path / "named.png", [grey(20 + 10 * k) for k in range(6)], duration=[40, 40, 120, 40, 40, 40])
    info = video.probe(path)
    assert (info.is_animation, info.is_still, info.fps, info.n_frames, info.has_audio) == (True, False, 25, 8, False)
    assert levels(video.read_frames(path)) == [0, 1, 2, 2, 2, 3, 4, 5]
    assert levels(video.read_frames(path, start=0.2)) == [3, 4, 5]


def test_a_transparent_animation(tmp_path):
    """Over the background as a browser shows it, and over black for a sticker."""
    path = write_avif(tmp_path / "sticker.avif", [sticker(k) for k in range(6)], duration=40)
    for ground in (255, 0):
        frames = list(video.read_frames(path, ground=ground))
        assert len(frames) == 6
        for k, frame in enumerate(frames):
            assert abs(float(frame[:, :20].mean()) - ground) < 3
            assert abs(float(frame[:, 26:38].mean()) - (20 + 10 * k + ground) / 2) < 6
            assert abs(float(frame[:, 44:].mean()) - (20 + 10 * k)) < 3
    footage = Footage(video.probe(path), 25.0, video.Framing())
    assert footage.on_black() is not None
    assert levels(frame[:, 44:] for frame in footage.frames(10, 6)) == [0, 1, 2, 3, 4, 5, 4, 3, 2, 1]


def test_a_still_picture(tmp_path):
    path = write_avif(tmp_path / "picture.jpg", [corners()])
    info = video.probe(path)
    assert (info.is_still, info.is_animation, info.width, info.height, info.duration) == (True, False, 64, 48, None)
    (frame,) = video.read_frames(path, fps=60, start=3)
    assert np.abs(frame - corners().astype(int)).mean() < 6
    (frame,) = video.read_frames(write_avif(tmp_path / "alpha.avif", [sticker(3)]))
    assert abs(float(frame[:, :20].mean()) - 255) < 3 and abs(float(frame[:, 44:].mean()) - 50) < 3


@pytest.mark.parametrize(("orientation", "turn"), [(3, 2), (6, -1), (8, 1)])
def test_a_turned_picture(tmp_path, orientation, turn, monkeypatch):
    """By FFmpeg 8; older ones do not tell, so that the picture is refused."""
    exif = pytest.importorskip("PIL.Image").Exif()
    exif[0x0112] = orientation
    path = write_avif(tmp_path / "turned.avif", [corners()], exif=exif)
    if video.images._TURNS_HEIF:
        (frame,) = video.read_frames(path)
        assert np.abs(frame - np.rot90(corners(), turn).astype(int)).mean() < 6
        monkeypatch.setattr(video.images, "_TURNS_HEIF", False)
    with pytest.raises(W2LError, match="save it as JPG or PNG"):
        video.probe(path)


@pytest.mark.parametrize("entry", [b"infe\2\0\0\0\0\1\0\0grid", b"infe\3\0\0\0\0\0\0\1\0\0grid"])
def test_pictures_in_tiles_are_refused(tmp_path, entry):
    (tmp_path / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(40) + entry + bytes(99))
    for read in (video.probe, video.read_image, lambda path: list(video.read_frames(path))):
        with pytest.raises(W2LError, match="HEIC or AVIF picture, which cannot be read here; save it as JPG or PNG"):
            read(tmp_path / "phone.heic")


@pytest.mark.skipif(not SHARED.exists(), reason="the file is not here")
def test_the_animation_beside_its_picture_is_chosen():
    path = SHARED / "faults" / "anim.avif"
    info = video.probe(path)
    assert (info.fps, info.n_frames, info.is_animation) == (25, 25, True)
    assert len({frame.tobytes() for frame in video.read_frames(path)}) == 25
