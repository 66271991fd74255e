"""The moving picture of the README: small, marked, and drawn as the tool says."""

import numpy as np
from helpers.places import ROOT

from tools.moving_picture import MOST_BYTES, OUT, draw
from w2l import video
from w2l.dubbing.stream import Moment
from w2l.marking import mark


def test_the_picture_is_small_moves_and_says_what_it_is():
    clip = video.probe(OUT)
    assert OUT.stat().st_size <= MOST_BYTES
    assert (clip.is_animation, clip.n_frames, clip.fps) == (True, 125, 25)
    assert mark.read(OUT).synthetic
    for page in ("README.md", "README.zh.md"):
        assert f"({OUT.relative_to(ROOT).as_posix()})" in (ROOT / page).read_text(encoding="utf8")


def test_both_faces_are_shown_and_the_line_moves_with_time():
    dark, light = np.full((512, 512, 3), 40, np.uint8), np.full((512, 512, 3), 200, np.uint8)
    moments = [Moment(i, i / 25, dark, (), light) for i in (0, 25)]
    first, last = draw(moments, np.full(32_000, 0.5, np.float32))
    assert first.shape == last.shape and first.dtype == np.uint8
    assert (first[200, 150] == 40).all() and (first[200, 500] == 200).all()
    moved = np.argwhere((first != last).any(2))
    assert moved[:, 0].min() > 350  # only below the faces
    assert moved[:, 1].min() < 20 and abs(moved[:, 1].max() - first.shape[1] / 2) < 5  # from the start to the middle
