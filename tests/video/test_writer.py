"""Tests of the streaming writer: colours, sound, animations, and nothing left where writing fails."""

from __future__ import annotations

import math
from contextlib import contextmanager
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from helpers.clips import (
    chirp,
    corners,
    grey,
    levels,
    read_sound,
    write_clip,
)

from w2l import video
from w2l.errors import W2LError

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.mark.parametrize(("height", "width"), [(47, 63), (48, 63), (1, 1), (101, 30)])
def test_odd_sizes_repeat_the_last_row_and_column(tmp_path, height, width):
    picture = cv2.resize(corners(), (width, height), interpolation=cv2.INTER_NEAREST)
    with video.VideoWriter(tmp_path / "odd.mp4", 25, quality=5) as writer:
        writer.write(picture)
        writer.write(picture)
    frames = list(video.read_frames(tmp_path / "odd.mp4"))
    assert [frame.shape for frame in frames] == [(height + height % 2, width + width % 2, 3)] * 2
    want = np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge").astype(int)
    assert np.abs(frames[0] - want).mean() < 6


@pytest.mark.parametrize(("height", "width", "matrix"), [(96, 128, 6), (720, 1280, 1), (544, 1280, 1), (576, 720, 6)])
def test_colours_survive(tmp_path, height, width, matrix):
    path = tmp_path / "colours.mp4"
    picture = corners(height, width)
    with video.VideoWriter(path, 25) as writer:
        writer.write(picture)
    (frame,) = video.read_frames(path)
    inner = [(h, w) for h in (height // 4, 3 * height // 4) for w in (width // 4, 3 * width // 4)]
    for at in inner:
        assert np.abs(frame[at].astype(int) - picture[at]).max() <= 3
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        assert (int(context.colorspace), int(context.color_range), int(context.color_primaries)) == (matrix, 1, 1)


@pytest.mark.parametrize(
    ("rate", "channels", "seconds"),
    [(16000, 1, 2.345), (44100, 2, 1.234), (48000, 1, 0.31), (22050, 1, 1.0), (37800, 1, 1.5), (8000, 2, 0.7)],
)
def test_sound_is_whole_and_in_time(tmp_path, rate, channels, seconds):
    wav = chirp(seconds, rate)
    given = wav if channels == 1 else np.stack([wav, wav[::-1]], axis=1)
    n = round(seconds * 25)
    path = write_clip(tmp_path / "spoken.mp4", n=n, audio=(given, rate))
    assert sum(1 for _ in video.read_frames(path)) == n
    assert video.probe(path).has_audio
    got, coded_rate = read_sound(path)
    assert got.shape[0] == channels
    # AAC codes whole blocks of 1024 samples; nothing may be missing, and no more than a block may be added
    assert -1 <= got.shape[1] - seconds * coded_rate <= 1025
    want = np.interp(np.arange(round(seconds * coded_rate)) / coded_rate, np.arange(len(wav)) / rate, wav)
    size = 2 * max(got.shape[1], len(want))
    match = np.fft.irfft(np.fft.rfft(got[0], size) * np.conj(np.fft.rfft(want, size)), size)
    lag = int(np.argmax(match))
    lag -= size if lag > size // 2 else 0
    assert abs(lag) / coded_rate < 0.002
    assert match.max() > 0.9 * float((want**2).sum())


@pytest.mark.parametrize("seconds", [0.1, 3.0], ids=["shorter", "longer"])
def test_sound_need_not_be_as_long_as_the_pictures(tmp_path, seconds):
    path = write_clip(tmp_path / "clip.mp4", n=20, audio=(chirp(seconds, 16000), 16000))
    assert levels(video.read_frames(path)) == list(range(20))
    assert read_sound(path)[0].shape[1] >= seconds * 16000


def test_sound_and_pictures_lie_interleaved(tmp_path):
    path = write_clip(tmp_path / "clip.mp4", n=23, fps=5, audio=(chirp(4.6, 16000), 16000))
    with av.open(str(path)) as container:
        packets = [(p.pos, p.stream.type) for p in container.demux() if p.size]
    kinds = [kind for _, kind in sorted(packets)]
    assert sum(a != b for a, b in pairwise(kinds)) > 4


def test_tags_and_index_in_front(tmp_path):
    tags = {"title": "Größe", "digital_source_type": "http://cv.iptc.org/x?y=1", "my own key": "a=b; c"}
    path = write_clip(tmp_path / "clip.mp4", metadata=tags)
    assert tags.items() <= video.read_metadata(path).items()
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize("fps", [25, 29.97, 30000 / 1001, Fraction(24000, 1001), 23.976, 12.5, 60])
def test_rates_come_back(tmp_path, fps):
    path = write_clip(tmp_path / "clip.mp4", n=12, fps=fps)
    info = video.probe(path)
    assert info.fps == pytest.approx(float(fps), rel=1e-4)
    assert info.n_frames == 12
    assert levels(video.read_frames(path)) == list(range(12))


def test_a_clip_of_one_frame(tmp_path):
    path = write_clip(tmp_path / "one.mp4", n=1)
    info = video.probe(path)
    assert (info.n_frames, info.is_still, info.has_audio, info.codec) == (1, False, False, "h264")
    assert levels(video.read_frames(path)) == [0]


@pytest.mark.parametrize("kind", ["gif", "webp"])
@pytest.mark.parametrize("fps", [25, 12, 30])
def test_animations_round_trip(tmp_path, kind, fps):
    path = write_clip(tmp_path / f"clip.{kind}", n=12, fps=fps, audio=(chirp(1, 8000), 8000))
    info = video.probe(path)
    assert (info.is_animation, info.is_still, info.has_audio, info.codec) == (True, False, False, kind)
    assert info.fps == fps
    assert levels(video.read_frames(path)) == list(range(12))


@pytest.mark.parametrize("kind", ["gif", "webp"])
def test_animations_keep_colours(tmp_path, kind):
    gradient = np.stack(np.meshgrid(np.arange(0, 250, 4), np.arange(0, 250, 4)), -1)
    picture = np.concatenate([gradient, np.full((*gradient.shape[:2], 1), 120)], -1).astype(np.uint8)
    with video.VideoWriter(tmp_path / f"a.{kind}", 25) as writer:
        writer.write(picture)
        writer.write(255 - picture)
    first, second = video.read_frames(tmp_path / f"a.{kind}")
    assert np.abs(first.astype(int) - picture).mean() < 5
    assert np.abs(second.astype(int) - (255 - picture)).mean() < 5


def test_a_gif_never_runs_faster_than_browsers_show(tmp_path):
    path = write_clip(tmp_path / "fast.gif", n=20, fps=100)
    assert levels(video.read_frames(path, fps=50)) == list(range(0, 20, 2))


def write_and_raise(path: Path, error: type[BaseException]) -> None:
    with video.VideoWriter(path, 25) as writer:
        for k in range(5):
            writer.write(grey(10 * k))
        raise error


@pytest.mark.parametrize("kind", ["mp4", "gif", "webp"])
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_nothing_is_left_of_an_interrupted_clip(tmp_path, kind, error):
    old = tmp_path / f"old.{kind}"
    old.write_bytes(b"kept")
    for name in ("old", "new"):
        with pytest.raises(error):
            write_and_raise(tmp_path / f"{name}.{kind}", error)
    assert [p.name for p in tmp_path.iterdir()] == [old.name]
    assert old.read_bytes() == b"kept"


@contextmanager
def files_no_larger_than(size: int):
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("kind", ["mp4", "gif", "webp"])
@pytest.mark.parametrize("share", [0.3, 0.98], ids=["early", "at the end"])
def test_a_full_disk(tmp_path, kind, share):
    """The system refuses to let the file grow, as it does when a disk is full."""

    def write(path):
        noise = np.random.default_rng(0)
        with video.VideoWriter(path, 25) as writer:
            for _ in range(8):
                writer.write(noise.integers(0, 255, (128, 128, 3), np.uint8))

    whole = tmp_path / f"whole.{kind}"
    write(whole)
    size = whole.stat().st_size
    with files_no_larger_than(int(size * share)), pytest.raises(W2LError, match="free some space"):
        write(tmp_path / f"new.{kind}")
    assert [p.name for p in tmp_path.iterdir()] == [whole.name]


def test_a_full_disk_while_sound_is_written(tmp_path):
    audio = chirp(20, 16000), 16000
    with files_no_larger_than(20_000), pytest.raises(W2LError, match="free some space"):
        write_clip(tmp_path / "clip.mp4", n=2, audio=audio)
    assert list(tmp_path.iterdir()) == []


def test_places_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(W2LError, match="cannot write"):
        write_clip(tmp_path / "file" / "clip.mp4")
    with pytest.raises(W2LError, match=r"\.mp4, \.gif or \.webp"):
        video.VideoWriter(tmp_path / "clip.avi", 25)
    with pytest.raises(W2LError, match="no frame"):
        write_clip(tmp_path / "clip.mp4", n=0)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
    write_clip(tmp_path / "a new folder" / "sub" / "50%d: clip.v2.mp4", n=1)
    assert video.probe(tmp_path / "a new folder" / "sub" / "50%d: clip.v2.mp4").n_frames == 1


@pytest.mark.parametrize(
    "options",
    [
        {"fps": 0},
        {"fps": math.inf},
        {"quality": 99},
        {"audio": (np.zeros(0, np.float32), 16000)},
        {"audio": (np.zeros((10, 3), np.float32), 16000)},
        {"audio": (np.zeros(10, np.int16), 16000)},
        {"audio": (np.zeros(10, np.float32), 0)},
    ],
)
def test_senseless_options(tmp_path, options):
    with pytest.raises(W2LError, match="cannot write"):
        video.VideoWriter(tmp_path / "clip.mp4", **{"fps": 25, **options})


@pytest.mark.parametrize("frame", [np.zeros((48, 64), np.uint8), np.zeros((48, 64, 3)), grey(0, 64, 48)])
def test_frames_that_do_not_fit(tmp_path, frame):
    def write() -> None:
        with video.VideoWriter(tmp_path / "clip.mp4", 25) as writer:
            writer.write(grey(0))
            writer.write(frame)

    with pytest.raises(W2LError, match="cannot write a frame of shape"):
        write()
    assert list(tmp_path.iterdir()) == []
