"""Tests of the choice among several faces."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.faces import (
    BIG,
    MIDDLE,
    SMALL,
    at,
    chosen,
    scene,
)

from w2l import faces
from w2l.errors import W2LError


def test_numbers_are_the_weightiest_first():
    frames = [[SMALL, MIDDLE]] * 20 + [[SMALL, MIDDLE, BIG]] * 5  # 60 frames of 30 pixels, 5 of 90
    assert [chosen(frames, n)[-1] for n in range(3)] == [MIDDLE, SMALL, BIG]
    assert chosen(frames, 2) == [None] * 20 + [BIG] * 5
    assert chosen(frames, np.int64(1)) == chosen(frames, " 1 ") == [SMALL] * 25
    tracks = scene(frames).tracks(pads=(0, 0, 0, 0))
    assert [t.boxes[-1].tolist() for t in tracks] == [MIDDLE, SMALL, BIG]
    assert tracks[2].missing == list(range(20))


def test_a_number_that_no_face_has():
    frames = [[BIG, SMALL, MIDDLE]] * 4
    for number in (3, -1, "7"):
        with pytest.raises(W2LError, match=r"no face -?\d in the clip: 3 were found, 0 to 2\."):
            chosen(frames, number)
    with pytest.raises(W2LError, match="only face 0 was found"):
        chosen([[BIG]], 1)


def test_the_largest_and_the_most_central_of_each_shot():
    frames = [[SMALL, MIDDLE, BIG]] * 10 + [[SMALL, at(120, 10, 30, 50)]] * 10 + [[]] * 4 + [[SMALL]] * 5
    cuts = [10, 20, 24]
    assert chosen(frames, "largest", cuts) == [BIG] * 10 + [at(120, 10, 30, 50)] * 10 + [None] * 4 + [SMALL] * 5
    centre = [MIDDLE] * 10 + [at(120, 10, 30, 50)] * 10 + [None] * 4 + [SMALL] * 5
    assert chosen(frames, "centre", cuts) == chosen(frames, "Center", cuts) == centre


def test_who_passes_by_is_neither_the_largest_nor_the_most_central():
    passing = at(70, 20, 70, 100)
    frames = [[SMALL, passing] if 10 <= i < 16 else [SMALL] for i in range(40)]
    assert chosen(frames, "largest") == chosen(frames, "centre") == [SMALL] * 40
    assert chosen(frames[8:18], "largest") == [None] * 2 + [passing] * 6 + [None] * 2


def test_the_main_face_gives_way_in_shots_without_it():
    frames = [[BIG, SMALL]] * 10 + [[SMALL, MIDDLE]] * 4
    assert chosen(frames, "main", [10]) == [BIG] * 10 + [MIDDLE] * 4


def test_a_point_picks_the_face_that_holds_it_and_follows_it():
    walk = [at(10 + 6 * i) for i in range(20)]
    still = at(150, 70, 40, 60)
    frames = [[still, box] for box in walk]
    assert chosen(frames, (30, 80)) == walk
    assert chosen(frames, "170,100") == chosen(frames, np.array([170, 100])) == [still] * 20
    assert chosen(frames, (140.5, 60)) == walk, "the first to hold the point, not the nearest at first"


def test_a_point_that_no_face_holds_picks_the_nearest():
    assert chosen([[BIG, SMALL]] * 5, (140, 100)) == [SMALL] * 5
    assert chosen([[]] * 2 + [[BIG, SMALL]] * 5, (0, 160)) == [None] * 2 + [BIG] * 5


def test_after_a_cut_a_point_picks_again():
    frames = [[BIG, SMALL]] * 5 + [[MIDDLE]] * 5 + [[]] * 3 + [[SMALL, BIG]] * 5
    assert chosen(frames, (160, 110), [5, 10, 13]) == [SMALL] * 5 + [MIDDLE] * 5 + [None] * 3 + [SMALL] * 5


@pytest.mark.parametrize("which", ["left", "", "1.5", "3,", "1,2,3", (1, 2, 3), None, True, 1.5, ("a", "b")])
def test_choices_that_are_none(which):
    with pytest.raises(W2LError, match="which face cannot be"):
        chosen([[BIG]] * 4, which)


@pytest.mark.parametrize("which", [(-1, 5), (5, 161), (float("nan"), 5), "200.5,5"])
def test_points_outside_the_frame(which):
    with pytest.raises(W2LError, match="outside the frame, which is 200 x 160"):
        chosen([[BIG]] * 4, which)


def test_choices_as_typed():
    assert faces.parse_which("main") == "main"
    assert faces.parse_which(" Largest") == "largest"
    assert faces.parse_which("center") == "centre"
    assert faces.parse_which("12") == 12
    assert faces.parse_which("320, 180.5") == (320.0, 180.5)
