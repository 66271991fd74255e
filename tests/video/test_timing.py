"""Tests of time in video files: seeking, timestamps out of order, absurd rates, and streams without times."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from helpers.places import SHARED
from helpers.timed import FPS, SIDE, copied, film, later, number, numbered

from w2l import video
from w2l.dubbing.footage import Footage
from w2l.video.timing import Order

pytestmark = pytest.mark.usefixtures("quiet")


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


@pytest.mark.parametrize("kind", ["mkv", "mp4", "ts"])
@pytest.mark.parametrize("seconds", [0.5, 3600])
def test_a_late_beginning_is_no_part_of_the_length(kind, seconds, tmp_path):
    path = copied(film(tmp_path / "a.mp4", "libx264", 50), tmp_path / f"b.{kind}", later(seconds))
    info = video.probe(path)
    assert (info.n_frames, round(info.duration, 2)) == (50, 2.0)
    assert len(list(video.read_frames(path))) == 50


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


STORED: dict[str, Callable[[Path], Path]] = {  # numbered in the order of storage
    "h264, avi": lambda d: film(d / "a.avi", "libx264", g="60"),
    "h264, open groups, avi": lambda d: film(d / "a.avi", "libx264", **OPEN),
    "many b-frames, avi": lambda d: film(d / "a.avi", "libx264", b_frames=16, g="100"),
    "h264, mp4": lambda d: copied(film(d / "a.avi", "libx264", g="60"), d / "b.mp4"),
    "h264, ts": lambda d: copied(film(d / "a.avi", "libx264", g="60"), d / "b.ts"),
    "mpeg-4, avi": lambda d: film(d / "a.avi", "mpeg4", g="60"),
    "without an index, avi": lambda d: without_index(film(d / "a.avi", "libx264", g="60")),
}


def without_index(path: Path) -> Path:
    path.write_bytes(path.read_bytes().partition(b"idx1")[0])
    return path


@pytest.mark.parametrize("kind", STORED)
def test_timestamps_in_the_order_of_storage(kind, tmp_path):
    path = STORED[kind](tmp_path)
    info = video.probe(path)
    assert info.fps == 25
    assert info.n_frames == 200 or "without" in kind
    assert [number(frame) for frame in video.read_frames(path)] == list(range(200))
    for at in (80, 119, 121, 199):
        (frame,) = video.read_frames(path, start=at / FPS, max_frames=1)
        assert number(frame) == at


@pytest.mark.skipif(not SHARED.exists(), reason="the file is not here")
def test_an_avi_with_b_frames_shows_all_its_frames():
    path = SHARED / "faults" / "bframes_h264.avi"
    frames = [frame.tobytes() for frame in video.read_frames(path)]
    assert len(frames) == video.probe(path).n_frames == 100
    assert len(set(frames)) >= 97


class Decoder:
    """Stands for a codec's context, and for one packet or frame."""

    def __init__(self, pts: int | None = None, has_b_frames: bool = True) -> None:
        self.pts, self.has_b_frames = pts, has_b_frames


@pytest.mark.parametrize("seed", range(20))
def test_order_against_the_definition(seed):
    """Frames keep their order; in sane streams also their times, and else these ascend, each used once."""
    rng = np.random.default_rng(seed)
    shown = np.cumsum(rng.choice([1, 1, 1, 2, 3], size=200)) * 40
    group = int(rng.integers(2, 9))
    storage = [k for g in range(0, 200, group) for k in (min(g + group, 200) - 1, *range(g, min(g + group, 200) - 1))]
    for stamps in (shown, shown[np.argsort(storage)]):  # as they should be, and counted in the order of storage
        order = Order(Decoder(), 0.001, 0.04)
        frames = [Decoder(int(stamp)) for stamp in stamps]
        for k in storage:
            order.watched(frames[k])
        got = list(order(frames))
        assert got == frames
        assert [frame.pts for frame in got] == shown.tolist()
        assert order.is_disturbed == bool((np.diff(stamps) < 0).any())


def test_order_keeps_two_clocks_and_frames_without_times_apart():
    order = Order(Decoder(), 0.001, 0.04)
    stamps = [5000, 5080, 5040, None, 5120, 0, 80, 40, 120]
    assert [frame.pts for frame in order([Decoder(stamp) for stamp in stamps])] == [
        *(5000, 5040, 5080, None, 5120),
        *(0, 40, 80, 120),
    ]


@pytest.mark.parametrize("kind", ["mkv", "mp4", "ts"])
def test_a_hole_is_filled_with_the_last_picture(kind, tmp_path):
    source = film(tmp_path / f"a.{kind}", "libx264", n=100, b_frames=0, g="1")
    path = copied(source, tmp_path / f"b.{kind}", lambda packet: not 1 < packet.pts * packet.time_base < 3)
    got = [number(frame) for frame in video.read_frames(path)]
    assert len(got) == 100
    assert Counter(got)[25] == 50


RATES: dict[str, Callable[[Path], Path]] = {
    "one frame, ts": lambda d: film(d / "a.ts", "libx264", 1),
    "one frame, mkv": lambda d: film(d / "a.mkv", "libx264", 1),
    "dv": lambda d: dv(d / "a.dv"),
}


def dv(path: Path) -> Path:
    with av.open(str(path), "w", format="dv") as container:
        stream = container.add_stream("dvvideo", rate=25)
        stream.width, stream.height, stream.pix_fmt = 720, 576, "yuv420p"
        frame = av.VideoFrame.from_ndarray(np.full((576, 720, 3), 90, np.uint8), format="bgr24")
        frame.pts, frame.time_base = 0, Fraction(1, 25)
        container.mux(stream.encode(frame.reformat(format="yuv420p")))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("kind", RATES)
def test_an_absurd_rate_is_not_believed(kind, tmp_path):
    path = RATES[kind](tmp_path)
    assert video.probe(path).fps == 25
    assert len(list(video.read_frames(path))) == 1


def test_a_rate_that_is_only_that_of_the_clock(tmp_path):
    """Frames 33, 33 and 34 ms apart, as browsers record, in a file whose header speaks of 1000 frames a second."""
    with av.open(str(tmp_path / "a.webm"), "w") as container:
        stream = container.add_stream("libvpx", rate=1000, options={"deadline": "realtime", "cpu-used": "8"})
        stream.width = stream.height = SIDE
        stream.pix_fmt, stream.codec_context.time_base = "yuv420p", Fraction(1, 1000)
        for k in range(60):
            frame = av.VideoFrame.from_ndarray(numbered(k), format="bgr24")
            frame.pts, frame.time_base = round(k * 1000 / 30), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert video.probe(tmp_path / "a.webm").fps == 30
    assert [number(frame) for frame in video.read_frames(tmp_path / "a.webm")] == list(range(60))


RAW = {
    "h264": ("libx264", "h264"),
    "h265": ("libx265", "hevc"),
    "m4v": ("mpeg4", "m4v"),
    "m1v": ("mpeg1video", "mpeg1video"),
    "m2v": ("mpeg2video", "mpeg2video"),
    "ivf": ("libvpx-vp9", "ivf"),
    "y4m": ("rawvideo", "yuv4mpegpipe"),
}


@pytest.mark.parametrize("fps", [25, 30])
@pytest.mark.parametrize("kind", RAW)
def test_raw_streams(kind, fps, tmp_path):
    """Read at the rate that the codec states; nothing is assumed, so nothing is told."""
    codec, container = RAW[kind]
    path = film(tmp_path / "named.mp4", codec, 100, container, fps=fps)
    info = video.probe(path)
    assert (info.fps, info.notes, info.is_still) == (fps, (), False)
    assert info.n_frames in (None, 100)
    assert [number(frame) for frame in video.read_frames(path)] == list(range(100))
    assert [number(frame) for frame in video.read_frames(path, start=90 / fps)] == list(range(90, 100))


def test_a_raw_stream_of_jpegs(tmp_path):
    """It states no rate, which is told; a picture with a second one after it stays a picture."""
    jpegs = [cv2.imencode(".jpg", numbered(k))[1].tobytes() for k in range(20)]
    path = tmp_path / "camera.jpg"
    path.write_bytes(b"".join(jpegs))
    info = video.probe(path)
    assert (info.is_still, info.fps) == (False, 25)
    assert info.notes == ("camera.jpg states no frame rate; it was read at 25 frames a second.",)
    assert [number(frame) for frame in video.read_frames(path)] == list(range(20))
    path.write_bytes(jpegs[0] + jpegs[1])
    assert video.probe(path).is_still
    path.write_bytes(jpegs[0][:2] + b"\xff\xe2\0\x08MPF\0\0\0" + jpegs[0][2:] + jpegs[1] + jpegs[2])
    assert video.probe(path).is_still


def test_a_raw_stream_that_looks_like_text(tmp_path):
    with av.open(str(tmp_path / "a.y4m"), "w", format="yuv4mpegpipe") as container:
        stream = container.add_stream("rawvideo", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = 128, 128, "yuv420p"
        frame = av.VideoFrame.from_ndarray(np.full((192, 128), ord("a"), np.uint8), format="yuv420p")
        container.mux(stream.encode(frame))
    assert video.probe(tmp_path / "a.y4m").width == 128


@pytest.mark.skipif(not SHARED.exists(), reason="the files are not here")
@pytest.mark.parametrize(("name", "fps", "n"), [("raw.h264", 25, 100), ("two_frames.dv", 25, 1)])
def test_files_of_capture_tools(name, fps, n):
    path = SHARED / "faults" / name
    assert video.probe(path).fps == fps
    assert len(list(video.read_frames(path))) == n
