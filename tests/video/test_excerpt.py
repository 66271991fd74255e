"""A part of a clip: its frames are those that the whole clip shows from that time on, whatever the file."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

import numpy as np
import pytest
from helpers.clips import corners, grey, set_display_matrix, webp_animation, write_clip, write_h264
from helpers.timed import copied, film, later

from w2l import video
from w2l.dubbing.footage import Footage
from w2l.errors import W2LError
from w2l.video import Excerpt, excerpt

pytestmark = pytest.mark.usefixtures("quiet")

OPEN = {"x264-params": "open-gop=1:keyint=50:scenecut=0"}


def irregular(d: Path) -> Path:
    steps = np.random.default_rng(3).integers(20, 400, 22)
    return write_h264(d / "a.mkv", [0, *np.cumsum(steps).tolist()])


def webp(d: Path) -> Path:
    frames = [(grey(20 + 10 * k), 0, 0, 60 + 20 * (k % 3), 0) for k in range(20)]
    return webp_animation(d / "a.webp", (64, 48), frames)


def turned(d: Path) -> Path:
    with video.VideoWriter(d / "a.mp4", 25) as writer:
        for k in range(120):
            writer.write(np.roll(corners(), k, axis=1))
    set_display_matrix(d / "a.mp4", 0, 1, -1, 0)
    return d / "a.mp4"


CLIPS = {
    "b-frames, mp4": lambda d: film(d / "a.mp4", "libx264", g="60"),
    "open groups, mp4": lambda d: film(d / "a.mp4", "libx264", **OPEN),
    "open groups, mkv": lambda d: film(d / "a.mkv", "libx264", **OPEN),
    "an edit list, mp4": lambda d: copied(film(d / "a.mp4", "libx264", g="50"), d / "b.mp4", later(0.5)),
    "an edit list, mov": lambda d: copied(film(d / "a.mp4", "libx264", g="50"), d / "b.mov", later(0.5)),
    "from before 0, mp4": lambda d: copied(
        film(d / "a.mp4", "libx264", g="50"), d / "b.mp4", later(-1.0), options={"avoid_negative_ts": "disabled"}
    ),
    "late, ts": lambda d: copied(film(d / "a.mp4", "libx264", g="50"), d / "b.ts", later(3600)),
    "b-frames, avi": lambda d: film(d / "a.avi", "libx264", g="60"),
    "vp9, webm": lambda d: film(d / "a.webm", "libvpx-vp9", n=150, cpu_used="8", g="40"),
    "variable rate": irregular,
    "turned": turned,
    "gif": lambda d: write_clip(d / "a.gif", 40, 10),
    "webp": webp,
}


RESAMPLED = ("b-frames, mp4", "variable rate", "gif")  # also read at another rate


@pytest.mark.parametrize("kind", CLIPS)
def test_a_part_is_that_of_the_whole_clip(kind, tmp_path):
    path = CLIPS[kind](tmp_path)
    clip = video.probe(path)
    for fps in (clip.fps, 31.0) if kind in RESAMPLED else (clip.fps,):
        whole = [frame.tobytes() for frame in video.read_frames(path, fps)]
        length = len(whole) / fps
        shares = [(0.0, None), (0.31, 0.5), (0.77, None), (0.9, 0.95), (None, 0.4)]
        for start, end in [tuple(None if x is None else x * length for x in pair) for pair in shares]:
            part = excerpt(clip, fps, start, end)
            first = 0 if start is None else int(start * fps + 1e-6)
            assert part.first == first
            wanted = whole[first : None if part.n_frames is None or not part.limited else first + part.n_frames]
            footage = Footage(clip, fps, video.Framing(), part=part)
            assert [frame.tobytes() for frame in footage.read()] == wanted, (fps, start, end)
            assert part.n_frames is None or abs(part.n_frames - len(wanted)) <= 1
            n = len(wanted)
            if n > 2:  # back and forth, in the part alone
                shown = [frame.tobytes() for frame in itertools.islice(footage.frames(2 * n, n), 2 * n)]
                assert shown == [*wanted, *wanted[-2:0:-1], *wanted[:2]]


def test_where_a_part_begins_and_ends(tmp_path):
    clip = video.probe(film(tmp_path / "a.mp4", "libx264", 100))
    assert excerpt(clip, 25.0) == Excerpt(0, 100)
    assert excerpt(clip, 25.0, 1.0) == Excerpt(25, 75)
    assert excerpt(clip, 25.0, 1.01, 1.05) == Excerpt(25, 2, limited=True)  # the frame that is shown at 1.01 s
    assert excerpt(clip, 25.0, 1.0, 1.04) == Excerpt(25, 1, limited=True)
    assert excerpt(clip, 25.0, None, 4.0) == Excerpt(0, 100)
    assert excerpt(clip, 50.0, 1.0, 2.0) == Excerpt(50, 50, limited=True)
    assert [excerpt(clip, 25.0, k / 25).first for k in range(100)] == list(range(100))
    assert excerpt(clip, 25.0, 1.0, 2.0).most(None) == excerpt(clip, 25.0, 1.0, 2.0).most(99) == 25
    assert (excerpt(clip, 25.0, 1.0).most(None), excerpt(clip, 25.0, 1.0).most(7)) == (None, 7)


@pytest.mark.parametrize(
    ("start", "end", "told"),
    [
        (-1.0, None, "cannot start at -1 s; give 0 or more"),
        (float("nan"), None, "cannot start at nan s"),
        (0.0, float("inf"), "cannot end at inf s"),
        (2.0, 2.0, "from 2 s to 2 s has no frames; give an end after the start"),
        (3.0, 1.0, "from 3 s to 1 s has no frames"),
        (None, 0.0, "from 0 s to 0 s has no frames"),
        (4.0, None, r"a\.mp4 ends at 4\.00 s, before 4 s; give an earlier time"),
        (70.0, 80.0, r"ends at 4\.00 s, before 70 s"),
        (1.0, 5.0, r"ends at 4\.00 s, before 5 s"),
    ],
)
def test_times_that_no_part_can_have(tmp_path, start, end, told):
    clip = video.probe(film(tmp_path / "a.mp4", "libx264", 100))
    with pytest.raises(W2LError, match=told):
        excerpt(clip, 25.0, start, end)


def test_a_picture_has_no_parts(tmp_path):
    video.write_image(tmp_path / "face.png", grey(90))
    with pytest.raises(W2LError, match=r"face\.png is a picture, of which there is no part; leave start and end out"):
        excerpt(video.probe(tmp_path / "face.png"), 25.0, 0.0)


def test_a_late_part_of_a_long_film_is_not_reached_by_decoding(tmp_path):
    path = film(tmp_path / "a.mp4", "libx264", 3000, g="50")
    clip = video.probe(path)

    def seconds(start: float) -> float:
        footage = Footage(clip, 25.0, video.Framing(), part=excerpt(clip, 25.0, start, start + 1))
        began = time.process_time()
        assert len(list(footage.read())) == 25
        return time.process_time() - began

    seconds(0.0)
    early, late = (min(seconds(start) for _ in range(3)) for start in (4.0, 110.0))
    assert late < 3 * early + 0.05
