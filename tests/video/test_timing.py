"""Tests of time in video files: seeking leads to the frame that reading from the beginning shows."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from helpers.places import SHARED

from w2l import video
from w2l.dubbing.footage import Footage

pytestmark = pytest.mark.usefixtures("quiet")

FPS, SIDE, BITS = 25, 64, 10


def numbered(k: int) -> np.ndarray:
    """A frame that shows its number as ten black and white bars: (64, 64, 3) uint8 BGR."""
    bars = np.repeat([235 if k >> bit & 1 else 20 for bit in range(BITS)], 6).astype(np.uint8)
    return np.pad(bars, (0, SIDE - 6 * BITS)).reshape(1, SIDE, 1).repeat(SIDE, 0).repeat(3, 2)


def number(frame: np.ndarray) -> int:
    return sum(1 << bit for bit in range(BITS) if frame[16:48, 6 * bit + 2 : 6 * bit + 4].mean() > 127)


def film(path: Path, codec: str, n: int = 200, kind: str | None = None, b_frames: int = 2, **options: str) -> Path:
    """A clip whose k-th frame is numbered(k), at 25 frames a second."""
    if codec == "libx264":
        options = {"preset": "ultrafast", "bf": str(b_frames), "b-adapt": "0", **options}
    with av.open(str(path), "w", format=kind) as container:
        stream = container.add_stream(codec, rate=FPS, options=options)
        stream.width = stream.height = SIDE
        stream.pix_fmt, stream.bit_rate = "yuv420p", 2_000_000
        stream.codec_context.max_b_frames = b_frames
        for k in range(n):
            frame = av.VideoFrame.from_ndarray(numbered(k), format="bgr24")
            frame.pts, frame.time_base = k, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def copied(source: Path, path: Path, change: Callable[[av.Packet], bool] = lambda packet: True, **options) -> Path:
    """The packets of a film in another container, each changed, or left out where `change` says False."""
    with av.open(str(source)) as old, av.open(str(path), "w", **options) as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(video=0):
            if packet.dts is not None and change(packet):
                packet.stream = stream
                new.mux(packet)
    return path


def later(seconds: float) -> Callable[[av.Packet], bool]:
    def change(packet: av.Packet) -> bool:
        ticks = round(seconds / packet.time_base)
        packet.pts, packet.dts = packet.pts + ticks, packet.dts + ticks
        return True

    return change


def unmarked(packet: av.Packet) -> bool:
    packet.is_keyframe = False
    return True


def all_marked(packet: av.Packet) -> bool:
    packet.is_keyframe = True
    return True


def joined(path: Path, *parts: Path) -> Path:
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


CLOCK = 2**33 / 90000  # seconds after which the clock of MPEG streams starts again
OPEN = {"x264-params": "open-gop=1:keyint=50:scenecut=0"}
SEEKS: dict[str, Callable[[Path], Path]] = {
    "one group, ts": lambda d: film(d / "a.ts", "libx264", g="250"),
    "open groups, ts": lambda d: film(d / "a.ts", "libx264", **OPEN),
    "mpeg-2, ts": lambda d: film(d / "a.ts", "mpeg2video", g="100"),
    "no key frames, ts": lambda d: film(d / "a.ts", "libx264", **{"x264-params": "intra-refresh=1:keyint=50"}),
    "short groups, ps": lambda d: film(d / "a.mpg", "mpeg1video", kind="mpeg", g="12"),
    "one group, ps": lambda d: film(d / "a.mpg", "mpeg2video", kind="mpeg", g="600"),
    "open groups, mp4": lambda d: film(d / "a.mp4", "libx264", **OPEN),
    "fragments": lambda d: film(d / "a.mp4", "libx264", g="50", movflags="frag_keyframe+empty_moov"),
    "no keys marked": lambda d: copied(film(d / "a.mp4", "libx264", g="50"), d / "b.mkv", unmarked),
    "all keys marked": lambda d: copied(film(d / "a.mp4", "libx264", g="50"), d / "b.mp4", all_marked),
    "late": lambda d: copied(film(d / "a.mp4", "libx264", g="50"), d / "b.ts", later(3600)),
    "clock starts again": lambda d: copied(film(d / "a.mp4", "libx264", g="50"), d / "b.ts", later(CLOCK - 5)),
    "no times": lambda d: film(d / "a.m4v", "mpeg4", kind="m4v", b_frames=0, g="50"),
}


@pytest.mark.parametrize("kind", SEEKS)
def test_a_start_in_the_middle_shows_the_true_frames(kind, tmp_path):
    path = SEEKS[kind](tmp_path)
    assert [number(frame) for frame in video.read_frames(path)] == list(range(200))
    for at in (76, *range(80, 200, 17), 199):
        got = [number(frame) for frame in video.read_frames(path, start=at / FPS, max_frames=2)]
        assert got == list(range(at, min(at + 2, 200)))


@pytest.mark.parametrize("kind", ["ts", "mpg", "mkv"])
def test_joined_recordings(kind, tmp_path):
    """Each has its own clock, so that a time is found in several places."""
    codec, container = ("mpeg2video", "mpeg") if kind == "mpg" else ("libx264", None)
    first, second = (film(tmp_path / f"{n}.{kind}", codec, n, container, g="25") for n in (100, 150))
    path = joined(tmp_path / f"joined.{kind}", first, second)
    whole = [number(frame) for frame in video.read_frames(path)]
    assert set(whole[:100]) == set(range(100)) and set(whole[-150:]) == set(range(150))
    assert 250 <= len(whole) <= 251
    for at in range(80, 250, 13):
        assert [number(f) for f in video.read_frames(path, start=at / FPS, max_frames=2)] == whole[at : at + 2]


@pytest.mark.parametrize("kind", ["one group, ts", "open groups, mp4", "short groups, ps", "no times"])
def test_a_clip_runs_backwards(kind, tmp_path):
    path = SEEKS[kind](tmp_path)
    footage = Footage(video.probe(path), 25.0, video.Framing())
    shown = [number(frame) for frame in footage.frames(399, 200)]
    assert shown == [*range(200), *range(198, -1, -1)]


@pytest.mark.skipif(not SHARED.exists(), reason="the file is not here")
def test_a_broadcast_with_groups_of_ten_seconds():
    path = SHARED / "faults" / "count_12s_gop10s.ts"
    for k in (0, 74, 75, 76, *range(80, 300, 10), 249, 250, 251, 299):
        (frame,) = video.read_frames(path, start=k / 25, max_frames=1)
        assert abs(float(frame.mean()) - (16 + 255 / 219 * (k % 200))) < 1
