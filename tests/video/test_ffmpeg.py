"""Tests of one open video file: its rate, its stream, its frames upright, square and in true colours."""

from __future__ import annotations

import gc
import struct
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from helpers.clips import (
    chirp,
    corners,
    grey,
    levels,
    set_display_matrix,
    write_clip,
    write_h264,
    write_see_through,
)

from w2l import video
from w2l.errors import W2LError
from w2l.video.timing import usual_rate

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.mark.parametrize(
    ("average", "base", "rate"),
    [
        (1350 / 61, 30, 30),  # a grid of 30 with frames dropped
        (750000 / 71393, 90000, 11),
        (25, 50, 25),  # fields
        (29.97, 29.97, 30000 / 1001),
        (24000 / 1001, 0, 24000 / 1001),
        (1, 1, 1),
        (0.1, 0, 1),
        (1000, 0, 120),
        (0, 0, 25),
    ],
)
def test_usual_rate(average, base, rate):
    assert usual_rate(average, base) == pytest.approx(rate, rel=1e-9)


@pytest.mark.parametrize("kind", ["mp4", "mkv"])
def test_time_starts_at_the_first_picture(tmp_path, kind):
    path = write_h264(tmp_path / f"late.{kind}", [500 + 40 * k for k in range(6)])
    assert video.probe(path).n_frames == 6
    assert levels(video.read_frames(path)) == list(range(6))


def test_a_late_start_is_reached_by_seeking(tmp_path):
    path = tmp_path / "long.mp4"
    with video.VideoWriter(path, 25) as writer:
        for k in range(600):
            writer.write(np.full((16, 16, 3), 20 + 20 * (k % 10), np.uint8) + np.uint8(k // 100))
    whole = [int(frame[8, 8, 0]) for frame in video.read_frames(path)]
    assert len(whole) == 600
    for at in (100, 251, 598):
        assert [int(f[8, 8, 0]) for f in video.read_frames(path, start=at / 25)] == whole[at:]


def test_frames_do_not_pile_up(tmp_path):
    """Neither reading nor writing keeps frames, even while Python's cycle collector does not come by."""
    path = tmp_path / "clip.mp4"
    gc.collect()
    gc.disable()
    try:
        others = [thing for thing in gc.get_objects() if type(thing) is av.VideoFrame]  # of other tests, kept by them
        known = set(map(id, others))
        write_clip(path, n=150)
        assert sum(1 for _ in video.read_frames(path)) == 150
        kept = [thing for thing in gc.get_objects() if type(thing) is av.VideoFrame and id(thing) not in known]
        assert len(kept) < 20
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("matrix", "turn"),
    [
        ((1, 0, 0, 1), lambda p: p),
        ((0, 1, -1, 0), lambda p: np.rot90(p, -1)),
        ((-1, 0, 0, -1), lambda p: np.rot90(p, 2)),
        ((0, -1, 1, 0), lambda p: np.rot90(p, 1)),
        ((-1, 0, 0, 1), lambda p: p[:, ::-1]),
        ((1, 0, 0, -1), lambda p: p[::-1]),
        ((0, 1, 1, 0), lambda p: p.transpose(1, 0, 2)),
    ],
    ids=["none", "90", "180", "270", "mirror", "flip", "transpose"],
)
def test_rotation_is_obeyed(tmp_path, matrix, turn):
    path = tmp_path / "phone.mp4"
    with video.VideoWriter(path, 25) as writer:
        writer.write(corners())
    set_display_matrix(path, *matrix)
    want = turn(corners()).astype(int)
    info = video.probe(path)
    (frame,) = video.read_frames(path)
    assert frame.shape == want.shape == (info.height, info.width, 3)
    assert np.abs(frame - want).mean() < 8


@pytest.mark.parametrize(
    ("matrix", "turn"), [((1, 0, 0, 1), 0), ((0, 1, -1, 0), -1), ((-1, 0, 0, -1), 2), ((0, -1, 1, 0), 1)]
)
def test_rotation_is_obeyed_beside_exif(tmp_path, matrix, turn):
    """Frames may carry more than a rotation, of kinds that not every PyAV knows: EXIF, the views of a spatial video."""
    path = tmp_path / "camera.mov"
    tiff = b"Exif\0\0II" + struct.pack("<HIHHHIHHI", 42, 8, 1, 0x0131, 2, 1, ord("A"), 0, 0)
    jpeg = cv2.imencode(".jpg", corners())[1].tobytes()
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        packet = av.Packet(jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(tiff) + 2) + tiff + jpeg[2:])
        packet.stream, packet.pts, packet.dts, packet.time_base = stream, 0, 0, Fraction(1, 25)
        container.mux(packet)
    set_display_matrix(path, *matrix)
    (frame,) = video.read_frames(path)
    assert frame.shape == np.rot90(corners(), turn).shape
    assert np.abs(frame - np.rot90(corners(), turn).astype(int)).mean() < 8


@pytest.mark.parametrize(("sar", "size"), [((2, 1), (128, 48)), ((1, 2), (64, 96)), ((16, 15), (68, 48))])
def test_pixels_become_square(tmp_path, sar, size):
    path = write_h264(tmp_path / "pal.mp4", [0, 40], sar=Fraction(*sar))
    info = video.probe(path)
    assert (info.width, info.height) == size
    assert all(frame.shape == (size[1], size[0], 3) for frame in video.read_frames(path))


def test_the_larger_of_two_streams_is_read(tmp_path):
    with av.open(str(tmp_path / "two.mkv"), "w") as container:
        streams = [container.add_stream("libx264", rate=25) for _ in range(2)]
        for stream, width in zip(streams, (32, 64), strict=True):
            stream.width, stream.height, stream.pix_fmt = width, 32, "yuv420p"
        for stream, width in zip(streams, (32, 64), strict=True):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(grey(90, 32, width), format="bgr24")))
            container.mux(stream.encode(None))
    assert video.probe(tmp_path / "two.mkv").width == 64


@pytest.mark.parametrize("matrix", [1, 6, 2], ids=["709", "601", "untagged"])
@pytest.mark.parametrize("full", [False, True], ids=["limited", "full"])
def test_colour_tags_are_obeyed(tmp_path, matrix, full):
    """YUV computed here from the definition (H.273), read back as BGR."""
    blue, green, red = 30, 60, 200
    kr, kb = (0.2126, 0.0722) if matrix == 1 else (0.299, 0.114)
    luma = kr * red + kb * blue + (1 - kr - kb) * green
    chroma = (blue - luma) / (2 * (1 - kb)), (red - luma) / (2 * (1 - kr))
    yuv = (
        (luma, *(128 + c for c in chroma)) if full else (16 + luma * 219 / 255, *(128 + c * 224 / 255 for c in chroma))
    )
    planes = np.repeat(np.rint(yuv).astype(np.uint8), [64, 16, 16])[:, None].repeat(64, 1)
    with av.open(str(tmp_path / "tagged.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"qp": "0"})
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        stream.codec_context.colorspace, stream.codec_context.color_range = matrix, 2 if full else 1
        container.mux(stream.encode(av.VideoFrame.from_ndarray(planes, format="yuv420p")))
        container.mux(stream.encode(None))
    (frame,) = video.read_frames(tmp_path / "tagged.mp4")
    assert np.abs(frame[32, 32].astype(int) - (blue, green, red)).max() <= 3


@pytest.mark.parametrize(
    ("codec", "kind"), [("libvpx", "webm"), ("libvpx-vp9", "webm"), ("libvpx-vp9", "mkv"), ("prores_ks", "mov")]
)
def test_transparent_videos_are_laid_on_the_ground(tmp_path, monkeypatch, codec, kind):
    """Opaque, half and fully transparent columns, which change places after 20 frames; also when read from there."""
    pictures = []
    for k in range(30):
        picture = np.empty((48, 96, 4), np.uint8)
        picture[:] = 30, 60, 200, 255
        picture[:, 32:64, 3], picture[:, 64:, 3] = 128, 0
        pictures.append(picture if k < 20 else picture[:, ::-1])
    path = write_see_through(tmp_path / f"clip.{kind}", pictures, codec)
    colours = {255: [(30, 60, 200), (142, 157, 227), (255, 255, 255)], 0: [(30, 60, 200), (15, 30, 100), (0, 0, 0)]}
    for ground, want in colours.items():
        whole = list(video.read_frames(path, ground=ground))
        assert len(whole) == 30
        for k, columns in ((0, want), (15, want), (25, want[::-1])):
            assert np.abs(whole[k][24, 16::32].astype(int) - columns).max() <= 6
    monkeypatch.setattr("w2l.video.ffmpeg._SEEK_FROM", 0.0)
    part = list(video.read_frames(path, start=22 / 25, ground=0))
    assert len(part) == 8 and all((a == b).all() for a, b in zip(part, whole[22:], strict=True))


def test_a_gif_is_not_stretched(tmp_path):
    """Its header may speak of pixels that are not square; browsers do not listen."""
    path = write_clip(tmp_path / "clip.gif", n=3)
    data = bytearray(path.read_bytes())
    data[12] = 113  # (113 + 15) / 64: twice as wide as high
    path.write_bytes(data)
    with av.open(str(path)) as container:
        assert container.streams.video[0].sample_aspect_ratio == 2
    info = video.probe(path)
    assert (info.width, info.height) == (64, 48)
    assert {frame.shape for frame in video.read_frames(path)} == {video.read_image(path).shape} == {(48, 64, 3)}


def test_sound_is_no_clip(tmp_path):
    with av.open(str(tmp_path / "song.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=16000, layout="mono")
        frame = av.AudioFrame.from_ndarray(chirp(0.3, 16000)[None], format="fltp", layout="mono")
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(W2LError, match="sound but no picture"):
        video.probe(tmp_path / "song.mp4")


def test_an_unknown_codec_is_told(tmp_path):
    path = write_clip(tmp_path / "new.mp4", n=2)
    path.write_bytes(path.read_bytes().replace(b"avc1", b"zzz9"))
    with pytest.raises(W2LError, match=r"new\.mp4 holds pictures in a code that cannot be read here"):
        video.probe(path)


def test_a_cut_video_gives_the_frames_that_decode(tmp_path):
    path, noise = tmp_path / "cut.mp4", np.random.default_rng(0)
    with video.VideoWriter(path, 25) as writer:
        for _ in range(30):
            writer.write(noise.integers(0, 255, (64, 64, 3), np.uint8))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert 5 <= sum(1 for _ in video.read_frames(path)) < 25
    path.write_bytes(path.read_bytes()[:2500])  # the index, but hardly a picture
    with pytest.raises(W2LError, match="broken"):
        list(video.read_frames(path))
