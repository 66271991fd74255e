"""Tests of pictures: every kind is read as it is meant to be seen, and written as it was."""

from __future__ import annotations

import struct

import cv2
import numpy as np
import pytest
from helpers.clips import (
    corners,
    png,
    webp_animation,
    write_clip,
)

from w2l import video
from w2l.errors import W2LError
from w2l.video.images import to_bgr

pytestmark = pytest.mark.usefixtures("quiet")


def test_webp_frames_are_composed(tmp_path):
    """Offsets, blending, clearing and delays, against a canvas drawn here."""
    red, half = np.zeros((40, 60, 3), np.uint8), np.zeros((10, 20, 4), np.uint8)
    red[:] = (0, 0, 200)
    half[:] = (0, 0, 0, 128)
    half[:5] = (200, 0, 0, 255)
    frames = [(red, 0, 0, 40, 0), (half, 10, 4, 80, 0), (half, 30, 20, 40, 1), (half, 0, 0, 40, 2)]
    path = webp_animation(tmp_path / "layers.gif", (60, 40), frames)
    got = list(video.read_frames(path, fps=25))
    assert len(got) == 5
    canvas = red.astype(float)
    assert np.abs(got[0] - canvas).max() <= 2
    box = canvas[4:14, 10:30]
    box[:] = box * (1 - half[..., 3:] / 255) + half[..., :3] * (half[..., 3:] / 255)
    assert np.abs(got[1] - canvas).max() <= 2
    assert np.array_equal(got[1], got[2])
    third = canvas.copy()
    box = third[20:30, 30:50]
    box[:] = box * (1 - half[..., 3:] / 255) + half[..., :3] * (half[..., 3:] / 255)
    assert np.abs(got[3] - third).max() <= 2
    canvas[20:30, 30:50] = 255
    canvas[0:10, 0:20] = 255 * (1 - half[..., 3:] / 255) + half[..., :3] * (half[..., 3:] / 255)
    assert np.abs(got[4] - canvas).max() <= 2


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".jpeg", ".webp", ".bmp"])
def test_pictures_round_trip(tmp_path, suffix):
    path = tmp_path / f"still{suffix}"
    video.write_image(path, corners())
    path = path.rename(tmp_path / "still.mp4")
    info = video.probe(path)
    assert (info.width, info.height, info.is_still, info.n_frames) == (64, 48, True, 1)
    (frame,) = video.read_frames(path, fps=30)
    assert np.array_equal(frame, video.read_image(path))
    assert np.abs(frame.astype(int) - corners()).mean() < 3
    with pytest.raises(W2LError, match="picture called"):
        video.write_image(tmp_path / "still.tiff", corners())
    with pytest.raises(W2LError, match="does not fit"):
        video.write_image(tmp_path / "still.png", np.zeros((2, 2, 7), np.uint8))
    assert [p.name for p in tmp_path.iterdir()] == ["still.mp4"]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("order", ["<", ">"])
def test_exif_orientation(tmp_path, orientation, order):
    """The EXIF definition: where row 0 and column 0 of the stored picture belong."""
    upright = corners().astype(int)
    rows, columns = {
        1: "top left", 2: "top right", 3: "bottom right", 4: "bottom left",
        5: "left top", 6: "right top", 7: "right bottom", 8: "left bottom",
    }[orientation].split()  # fmt: skip
    stored = upright.transpose(1, 0, 2) if rows in ("left", "right") else upright
    stored = stored[::-1] if rows in ("bottom", "right") else stored
    stored = stored[:, ::-1] if columns in ("right", "bottom") else stored
    jpeg = cv2.imencode(".jpg", stored.astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 98])[1].tobytes()
    tiff = {"<": b"II", ">": b"MM"}[order] + struct.pack(order + "HIHHHIHHI", 42, 8, 1, 0x0112, 3, 1, orientation, 0, 0)
    app1 = b"Exif\0\0" + tiff
    (tmp_path / "p.jpg").write_bytes(jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(app1) + 2) + app1 + jpeg[2:])
    frame = video.read_image(tmp_path / "p.jpg")
    assert frame.shape == upright.shape
    assert np.abs(frame - upright).mean() < 6


def test_all_kinds_of_png(tmp_path):
    path = tmp_path / "p.png"
    rows = b"\0\0\1" * 2  # two rows of a filter byte and two palette entries
    path.write_bytes(png(2, 2, 3, rows, (b"PLTE", bytes([10, 20, 30, 200, 100, 50])), (b"tRNS", b"\xff\x00")))
    want = [[[30, 20, 10], [255, 255, 255]]] * 2
    assert video.read_image(path).tolist() == want
    rgba = b"\0" + bytes([0, 0, 0, 255]) + bytes([100, 0, 0, 51])
    path.write_bytes(png(2, 1, 6, rgba))
    assert video.read_image(path).tolist() == [[[0, 0, 0], [204, 204, 224]]]
    cv2.imwrite(str(path), np.array([[0, 257, 65535, 32896]], np.uint16))
    assert video.read_image(path)[0, :, 0].tolist() == [0, 1, 255, 128]
    cv2.imwrite(str(path), np.array([[7, 9]], np.uint8))
    assert video.read_image(path).tolist() == [[[7, 7, 7], [9, 9, 9]]]


def test_cmyk(tmp_path):
    image = pytest.importorskip("PIL.Image")
    image.fromarray(corners()[:, :, ::-1]).convert("CMYK").save(tmp_path / "print.jpg", quality=98)
    with image.open(tmp_path / "print.jpg") as saved:
        assert saved.mode == "CMYK"
    assert np.abs(video.read_image(tmp_path / "print.jpg").astype(int) - corners()).mean() < 4


def test_a_large_transparent_picture_is_laid_on_white():
    """In bands, which must not show."""
    picture = np.random.default_rng(0).integers(0, 256, (150, 20, 4), np.uint8)
    alpha = picture[:, :, 3:] / 255
    want = picture[:, :, :3] * alpha + 255 * (1 - alpha)
    assert np.abs(to_bgr(picture) - want).max() < 0.51


def test_a_video_is_no_picture(tmp_path):
    with pytest.raises(W2LError, match="not a picture"):
        video.read_image(write_clip(tmp_path / "clip.mp4", n=2))
