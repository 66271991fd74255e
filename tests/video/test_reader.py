"""Tests of the streaming reader: times at a constant rate, animations, memory, and files that are broken."""

from __future__ import annotations

import math
import struct
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from helpers.clips import (
    corners,
    grey,
    levels,
    png,
    text_file,
    webp_animation,
    write_clip,
    write_h264,
)

from w2l import video
from w2l.errors import W2LError
from w2l.video.ffmpeg import Shot
from w2l.video.reader import _constant_rate

pytestmark = pytest.mark.usefixtures("quiet")


def test_variable_rate_becomes_constant(tmp_path):
    path = write_h264(tmp_path / "phone.mp4", [0, 40, 80, 200, 240, 400])
    info = video.probe(path)
    assert info.duration == pytest.approx(0.44, abs=0.002)
    assert levels(video.read_frames(path, fps=25)) == [0, 1, 2, 2, 2, 3, 4, 4, 4, 4, 5]
    assert levels(video.read_frames(path, fps=12.5)) == [0, 2, 2, 4, 4, 5]
    assert levels(video.read_frames(path, fps=50)) == [0, 0, 1, 1, 2, 2, 2, 2, 2, 2, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4, 5, 5]


def test_a_grid_with_dropped_frames_keeps_its_rate(tmp_path):
    grid = (0, 1, 3, 4, 5, 7, 8, 9, 11, 12, 14, 15)
    path = write_h264(tmp_path / "dropped.mp4", [512 * k for k in grid], last=512, tick_rate=15360)
    assert video.probe(path).fps == 30
    assert levels(video.read_frames(path)) == [0, 1, 1, 2, 3, 4, 4, 5, 6, 7, 7, 8, 9, 9, 10, 11]


def test_resampling_against_the_definition():
    """Many random clips: frame i is the latest that has appeared by start + i / fps, and the count is exact."""
    random = np.random.default_rng(1)
    for _ in range(300):
        gaps = random.choice([5, 8, 17, 33, 40, 67, 300], size=random.integers(1, 30))
        times = np.concatenate([[0], np.cumsum(gaps)]) / 1000
        last = float(random.choice([0.005, 0.04, 0.2]))
        fps = float(random.choice([1, 7, 12.5, 24000 / 1001, 25, 30, 60, 120]))
        start = float(random.choice([0, 0, times[-1] / 2]))
        lengths = np.append(np.diff(times), last)
        shots = [Shot(float(t), float(d), lambda k=k: k) for k, (t, d) in enumerate(zip(times, lengths, strict=True))]
        got = list(_constant_rate(shots, fps, start, 0.0, None, Path("clip")))
        end = times[-1] + last
        n = max(1, math.floor((end - start) * fps + 0.5 + 1e-6))
        tolerance = min(0.0006, 0.25 / fps)
        want = [max(k for k, t in enumerate(times) if t <= start + i / fps + tolerance) for i in range(n)]
        assert got == want
        limit = int(random.integers(1, 20))
        assert list(_constant_rate(shots, fps, start, 0.0, limit, Path("clip"))) == want[:limit]


def test_millisecond_timestamps_do_not_slip(tmp_path):
    """Matroska rounds 1/30 s to 33 and 67 ms; a frame may then seem to come after its moment."""
    path = write_h264(tmp_path / "clip.mkv", [round(k * 100 / 3) for k in range(20)], last=33)
    assert levels(video.read_frames(path, fps=30)) == list(range(20))


def test_start_and_length(tmp_path):
    path = write_clip(tmp_path / "clip.mp4", n=10)
    assert levels(video.read_frames(path, start=0.2)) == [5, 6, 7, 8, 9]
    assert levels(video.read_frames(path, start=0.2, max_frames=2)) == [5, 6]
    assert levels(video.read_frames(path, max_frames=3)) == [0, 1, 2]
    with pytest.raises(W2LError, match=r"ends at 0\.40 s"):
        next(video.read_frames(path, start=7))


def test_frames_may_be_changed_by_who_asked(tmp_path):
    frames = video.read_frames(write_h264(tmp_path / "clip.mp4", [0, 400], last=400), fps=25)
    for frame in frames:
        assert frame.flags.c_contiguous
        assert frame.mean() > 10
        frame[:] = 0


MEASURE = """
import sys
import numpy as np, psutil
from w2l import video

process = psutil.Process()
stripes = np.arange(1280, dtype=np.uint8)[None, :, None].repeat(720, 0).repeat(3, 2)
resident = {"write": [], "read": []}
with video.VideoWriter(sys.argv[1], 25) as writer:
    for k in range(700):
        stripes[:64, :64] = k % 256
        writer.write(stripes)
        resident["write"].append(process.memory_info().rss)
for _ in video.read_frames(sys.argv[1]):
    resident["read"].append(process.memory_info().rss)
for name, sizes in resident.items():
    assert len(sizes) == 700
    early, late = max(sizes[150:250]), max(sizes[550:650])
    print(f"{name}: {early / 2**20:.1f} MiB at frame 200, {late / 2**20:.1f} MiB at frame 600")
    assert abs(late / early - 1) < 0.03, name
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_clip(tmp_path):
    """700 frames of 1280x720, written and read in a process of their own."""
    pytest.importorskip("psutil")
    command = [sys.executable, "-c", MEASURE, str(tmp_path / "long.mp4")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_reader_can_be_left_early(tmp_path):
    frames = video.read_frames(write_clip(tmp_path / "clip.mp4"))
    next(frames)
    frames.close()
    (tmp_path / "clip.mp4").unlink()


def test_tags_in_another_encoding_do_no_harm(tmp_path):
    path = write_clip(tmp_path / "clip.mp4", metadata={"title": "Gruesse"})
    path.write_bytes(path.read_bytes().replace(b"Gruesse", "Grüße..".encode("latin-1")))
    assert video.probe(path).n_frames == 10
    assert video.read_metadata(path)["title"].startswith("Gr")


def test_a_gif_with_a_comment_in_another_encoding(tmp_path):
    data = write_clip(tmp_path / "clip.gif", n=3).read_bytes()
    table = 3 * 2 ** ((data[10] & 7) + 1) if data[10] & 128 else 0
    at = 13 + table
    (tmp_path / "clip.gif").write_bytes(data[:at] + b"\x21\xfe\x06Gr\xfc\xdfe.\0" + data[at:])
    assert video.probe(tmp_path / "clip.gif").n_frames == 3
    assert levels(video.read_frames(tmp_path / "clip.gif")) == [0, 1, 2]


def test_gif_delays_become_a_constant_rate(tmp_path):
    path = tmp_path / "uneven.png"  # judged by content
    with av.open(str(path), "w", format="gif") as container:
        stream = container.add_stream("gif", rate=100)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "rgb8"
        stream.codec_context.time_base = Fraction(1, 100)
        for at, value in ((0, 0), (10, 255), (50, 0), (60, 255)):
            frame = av.VideoFrame.from_ndarray(grey(value), format="bgr24").reformat(format="rgb8")
            frame.pts, frame.time_base = at, Fraction(1, 100)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    shown = [int(frame.mean() > 128) for frame in video.read_frames(path, fps=10)]
    assert shown[:6] == [0, 1, 1, 1, 1, 0]
    assert video.probe(path).is_animation


@pytest.mark.parametrize("delay", [40, 0])
def test_animated_png(tmp_path, delay):
    """A sticker: see-through around its picture, laid on white; judged by content."""
    image = pytest.importorskip("PIL.Image")
    pictures = [np.dstack([grey(20 + 10 * k, 32, 32), np.zeros((32, 32), np.uint8)]) for k in range(5)]
    for picture in pictures:
        picture[8:24, 8:24, 3] = 255
    first, *rest = map(image.fromarray, pictures)
    first.save(tmp_path / "sticker.png", save_all=True, append_images=rest, duration=delay)
    path = (tmp_path / "sticker.png").rename(tmp_path / "sticker.mp4")
    info = video.probe(path)
    assert (info.is_animation, info.is_still, info.codec, info.width) == (True, False, "apng", 32)
    frames = list(video.read_frames(path))
    assert len(frames) == info.n_frames
    if delay:
        assert levels(frame[8:24, 8:24] for frame in frames) == [0, 1, 2, 3, 4]
    assert all((frame[0] == 255).all() for frame in frames)
    assert levels([video.read_image(path)[8:24, 8:24]]) == [0]
    assert video.read_metadata(path) == {}


def test_a_png_that_only_says_it_moves(tmp_path):
    control = (b"acTL", struct.pack(">II", 1, 0))
    (tmp_path / "p.png").write_bytes(png(2, 1, 6, b"\0" + bytes([9, 9, 9, 255] * 2), control))
    info = video.probe(tmp_path / "p.png")
    assert (info.is_still, info.is_animation, info.n_frames) == (True, False, 1)
    assert next(video.read_frames(tmp_path / "p.png")).tolist() == [[[9, 9, 9]] * 2]


@pytest.mark.parametrize("kind", ["gif", "webp"])
def test_an_animation_of_one_frame_is_a_still(tmp_path, kind):
    path = write_clip(tmp_path / f"one.{kind}", n=1)
    info = video.probe(path)
    assert (info.is_still, info.is_animation, info.n_frames, info.duration) == (True, False, 1, None)
    assert levels(video.read_frames(path, fps=60)) == [0]
    assert levels([video.read_image(path)]) == [0]


@pytest.mark.parametrize("kind", ["gif", "webp"])
def test_a_cut_animation_gives_what_is_left(tmp_path, kind):
    path = tmp_path / f"cut.{kind}"
    noise = np.random.default_rng(0)
    with video.VideoWriter(path, 25) as writer:
        for _ in range(8):
            writer.write(noise.integers(0, 255, (64, 64, 3), np.uint8))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert 2 <= sum(1 for _ in video.read_frames(path)) <= 5


@pytest.mark.parametrize("deep", [False, True])
def test_tiff_is_a_still(tmp_path, deep):
    """FFmpeg's own picture formats come as videos of one frame."""
    path = tmp_path / "scan.jpg"
    picture = corners().astype(np.uint16) * 257 if deep else corners()
    path.write_bytes(cv2.imencode(".tiff", picture)[1].tobytes())
    info = video.probe(path)
    assert (info.is_still, info.n_frames, info.duration, info.codec) == (True, 1, None, "tiff")
    for frames in (video.read_frames(path, fps=100), video.read_frames(path, start=7)):
        (frame,) = frames
        assert np.abs(frame.astype(int) - corners()).max() <= 1


def bomb(path):
    path.write_bytes(png(60000, 60000, 3, b"\0" * 1000, (b"PLTE", bytes(3))))


BROKEN = {
    "missing.mp4": (lambda path: None, "does not exist"),
    "folder.mp4": (lambda path: path.mkdir(), "not a file"),
    "empty.mp4": (lambda path: path.write_bytes(b""), "empty"),
    "text.mp4": (text_file, "text file"),
    "text.jpg": (text_file, "text file"),
    "list.m3u8": (lambda path: path.write_text("#EXTM3U\n#EXTINF:9,\nhttp://127.0.0.1:9/a.ts\n"), "text file"),
    "noise.mp4": (lambda path: path.write_bytes(np.random.default_rng(0).bytes(300_000)), "broken"),
    "head.jpg": (lambda path: path.write_bytes(b"\xff\xd8\xff\xe0\0\x10JFIF"), "broken"),
    "head.gif": (lambda path: path.write_bytes(b"GIF89a\x40\0\x40\0"), "broken"),
    "head.webp": (lambda path: path.write_bytes(b"RIFF\x10\0\0\0WEBPVP8 "), "broken"),
    "cut.png": (lambda path: path.write_bytes(png(64, 64, 3, b"", (b"PLTE", bytes(3)))[:60]), "broken"),
    "bomb.png": (bomb, "too large: 60000x60000"),
    "phone.heic": (lambda path: path.write_bytes(b"\0\0\0\x18ftypheic" + bytes(50)), "JPG or PNG"),
    "bare.jxl": (lambda path: path.write_bytes(b"\xff\x0a\xf8\x99" + bytes(50)), "is a JPEG XL picture"),
    "boxed.jxl": (lambda path: path.write_bytes(b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(50)), "is a JPEG XL picture"),
    "animation.webp": (lambda path: webp_animation(path, (8, 8), []), "without a readable frame"),
    "promise.webp": (
        lambda path: path.write_bytes(b"RIFF\xf0\xff\xff\xffWEBPVP8X\xf0\xff\xff\xff\x02" + bytes(99)),
        "broken",
    ),
    "a" * 300: (lambda path: None, "cannot be read: File name too long"),
    "mdat.mp4": (lambda path: path.write_bytes(b"\0\0\0\x08ftypisom\0\0\x10\0mdat" + bytes(4000)), "broken"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_input_gets_one_clear_sentence(tmp_path, name):
    make, words = BROKEN[name]
    path = tmp_path / name
    make(path)
    for read in (video.probe, lambda path: list(video.read_frames(path)), video.read_image):
        begun = time.process_time()
        with pytest.raises(W2LError) as caught:
            read(path)
        assert time.process_time() - begun < 5
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)
        assert words in str(caught.value) or read is video.read_image


@pytest.mark.parametrize("arguments", [{"fps": 0}, {"fps": -1}, {"fps": math.nan}, {"start": -1}, {"start": math.nan}])
def test_senseless_arguments(tmp_path, arguments):
    path = write_clip(tmp_path / "clip.mp4", n=2)
    with pytest.raises(W2LError, match="cannot read"):
        next(video.read_frames(path, **arguments))
