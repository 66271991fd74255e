"""Tests of interlaced video: no combs, no wrong moments, no lost frames; progressive video is not touched."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from helpers.places import SHARED

from w2l import video
from w2l.video.ffmpeg import opened
from w2l.video.fields import deinterlaced

pytestmark = pytest.mark.usefixtures("quiet")

HEIGHT, WIDTH = 576, 720
# name: (codec, which field is first, options)
KINDS = {
    "h264.mp4": ("libx264", "tff", {"crf": "8", "preset": "veryfast", "flags": "+ildct"}),
    "mpeg2.ts": ("mpeg2video", "tff", {"qscale": "2", "g": "6", "flags": "+ildct+ilme"}),
    "bottom.mkv": ("mpeg2video", "bff", {"qscale": "2", "g": "6", "flags": "+ildct+ilme"}),
    "tape.dv": ("dvvideo", "bff", {}),
}


def moment(k: int) -> np.ndarray:
    """A smooth bright column that moves 4 pixels a field, on a slope of grey: what the camera sees at field k."""
    x = np.arange(WIDTH)[None, :]
    line = 40 + 60 * np.arange(HEIGHT)[:, None] / HEIGHT + 120 * np.exp(-(((x - 100 - 4 * k) / 12) ** 2))
    return np.rint(line).astype(np.uint8)


def woven(k: int, first: str) -> np.ndarray:
    frame = moment(2 * k + 1)
    top = 0 if first == "tff" else 1
    frame[top::2] = moment(2 * k)[top::2]
    return frame


def raw(pictures: Iterable[np.ndarray], fields: str) -> Iterator[av.VideoFrame]:
    """Frames of these grey pictures, flagged as "tff" or "bff" (top or bottom field first) or "prog"."""
    graph = av.filter.Graph()
    source = graph.add_buffer(width=WIDTH, height=HEIGHT, format=av.VideoFormat("yuv420p"), time_base=Fraction(1, 25))
    flag, sink = graph.add("setparams", f"field_mode={fields}"), graph.add("buffersink")
    source.link_to(flag)
    flag.link_to(sink)
    graph.configure()
    for k, grey in enumerate(pictures):
        planes = np.vstack([grey, np.full((HEIGHT // 2, WIDTH), 128, np.uint8)])
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts, frame.time_base = k, Fraction(1, 25)
        graph.vpush(frame)
        yield graph.vpull()


def write(path: Path, n: int) -> Path:
    """An interlaced clip of the kind that its name says."""
    codec, first, options = KINDS[path.name]
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for frame in raw((woven(k, first) for k in range(n)), first):
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def luma(frame: av.VideoFrame) -> np.ndarray:
    return frame.to_ndarray()[:HEIGHT]


def distance(frame: np.ndarray, k: int) -> float:
    """How far a frame, (H, W, 3) of any width, is from what the camera saw at field k."""
    frame = cv2.resize(frame, (WIDTH, HEIGHT))
    return float(np.abs(frame[..., 1] - (moment(k) - 16.0) * 255 / 219).mean())


@pytest.mark.parametrize("kind", KINDS)
def test_every_frame_shows_one_moment(tmp_path, kind):
    """That of its first field, whichever field is first: no combs, and not the moment after."""
    with opened(write(tmp_path / kind, 12)) as clip:
        shots = list(clip.shots(0.0))
        frames = [shot.picture() for shot in shots]
    assert len(frames) == 12
    if kind != "tape.dv":
        assert [shot.time for shot in shots] == pytest.approx([k / 25 for k in range(12)], abs=1e-3)
    for k, frame in enumerate(frames):
        assert distance(frame, 2 * k) < 1
        assert distance(frame, 2 * k + 1) > 1.5


@pytest.mark.parametrize("kind", ["h264.mp4", "mpeg2.ts", "bottom.mkv"])
def test_seeking_shows_the_same(tmp_path, monkeypatch, kind):
    """Also at a key frame, where the filter would not know the frame before."""
    path = write(tmp_path / kind, 24)
    whole = list(video.read_frames(path))
    monkeypatch.setattr("w2l.video.ffmpeg._SEEK_FROM", 0.0)
    for start in (5, 6, 7, 12, 18, 23):
        part = list(video.read_frames(path, start=start / 25))
        assert len(part) == 24 - start
        assert all((a == b).all() for a, b in zip(part, whole[start:], strict=True))


def test_progressive_frames_are_not_touched():
    """Neither in a clip without fields, where they are the very same, nor between interlaced ones."""
    frames = list(raw(map(moment, range(4)), "prog"))
    assert all(a is b for a, b in zip(deinterlaced(iter(frames)), frames, strict=True))
    mixed = frames + list(raw((woven(k, "tff") for k in range(3)), "tff")) + list(raw(map(moment, range(4)), "prog"))
    for k, frame in enumerate(mixed):
        frame.pts, frame.time_base = k, Fraction(1, 25)
    before = [luma(frame).copy() for frame in mixed]
    after = list(deinterlaced(iter(mixed)))
    assert [frame.pts for frame in after] == list(range(11))
    assert [(luma(a) == b).all() for a, b in zip(after, before, strict=True)] == [True] * 4 + [False] * 3 + [True] * 4
    assert all(np.abs(luma(after[4 + k]) - moment(2 * k).astype(float)).mean() < 1 for k in range(3))


def test_the_size_may_change():
    small = av.VideoFrame(64, 48, "yuv420p")
    small.pts, small.time_base = 3, Fraction(1, 25)
    frames = [*raw((woven(k, "tff") for k in range(3)), "tff"), small]
    after = list(deinterlaced(iter(frames)))
    assert [(frame.pts, frame.width) for frame in after] == [(0, WIDTH), (1, WIDTH), (2, WIDTH), (3, 64)]


@pytest.mark.skipif(not (SHARED / "faults").is_dir(), reason="needs shared/faults")
def test_a_real_clip():
    """Combing: how far lines are from their neighbours, against how far they are from the lines of their own field."""
    for frame in video.read_frames(SHARED / "faults" / "interlaced.mp4", max_frames=10):
        grey = frame[..., 1].astype(float)
        near, far = grey[1:-1] - (grey[:-2] + grey[2:]) / 2, grey[2:-2] - (grey[:-4] + grey[4:]) / 2
        assert np.abs(near).mean() < 0.8 * np.abs(far).mean()
