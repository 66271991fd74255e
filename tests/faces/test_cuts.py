"""Tests of cuts and views."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest
from helpers.faces import (
    CLIPS,
    needs_clips,
    scenery,
)

from w2l import talker, video
from w2l.faces.cuts import CutFinder


@pytest.fixture(scope="module")
def shots():
    """Three people of the synthetic corpus, tightly cropped, 20 frames each."""
    return [talker.make_clip("train", number, seconds=0.8).frames for number in range(3)]


def cuts_of(*parts):
    finder = CutFinder()
    return [i for i, frame in enumerate(itertools.chain(*parts)) if finder(frame)], finder.views


def lit(frame, gain, bias=0.0):
    return np.clip(frame * gain + bias, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(("one", "other"), [*itertools.permutations(range(3), 2)])
def test_a_cut_between_two_people_is_found_where_it_is(shots, one, other):
    assert cuts_of(shots[one], shots[other]) == ([20], [0, 1])
    assert cuts_of(shots[one][:3], shots[other][:1], shots[other][:9]) == ([3], [0, 1])


def test_a_dialogue_cut_to_and_fro_has_two_views(shots):
    a, b, c = shots
    assert cuts_of(a, b, a, c, b, a) == ([20, 40, 60, 80, 100], [0, 1, 0, 2, 1, 0])


def test_many_views_are_not_remembered_for_ever(shots):
    others = [[scenery(seed)] * 4 for seed in range(20)]
    cuts, views = cuts_of(shots[0], *others, shots[0])
    assert cuts == [20 + 4 * i for i in range(21)]
    assert views == list(range(22))


def test_talking_is_no_cut(shots):
    assert [cuts_of(shot)[0] for shot in shots] == [[], [], []]


def test_changes_of_light_are_no_cuts():
    still = scenery(1)
    fade = [lit(still, gain) for gain in np.linspace(1, 0, 12)]
    assert cuts_of([still] * 5, fade, fade[::-1], [still] * 5) == ([], [0])
    assert cuts_of([still] * 5, [lit(still, 0.5, 90)] * 5) == ([], [0])


def test_blank_frames_begin_no_shot():
    a, b = scenery(1), scenery(2)
    for blank in (0, 255):
        empty = [np.full_like(a, blank)] * 3
        assert cuts_of(empty, [a] * 4, empty, [a] * 4) == ([], [0])
        assert cuts_of([a] * 4, empty, [b] * 4) == ([7], [0, 1])


def test_a_flash_is_one_cut_at_most_and_no_other_view():
    still = scenery(1)
    assert cuts_of([still] * 8, [lit(still, 1.5, 40)], [still] * 8) == ([], [0])
    assert cuts_of([still] * 8, [lit(still, 2, 60)], [still] * 8) == ([8], [0, 0])
    assert cuts_of([still] * 8, [scenery(2)], [still] * 8) == ([8], [0, 0])


def test_motion_and_noise_are_no_row_of_cuts():
    wide = scenery(3, 1600, 180)
    pan = [wide[:, x : x + 320] for x in range(0, 1200, 24)]
    assert cuts_of(pan)[0] == []
    rng = np.random.default_rng(0)
    assert len(cuts_of(rng.integers(0, 256, (40, 36, 64, 3), dtype=np.uint8))[0]) <= 2


def test_a_cut_between_black_bars_is_found(shots):
    barred = [[cv2.copyMakeBorder(f, 0, 0, 90, 90, cv2.BORDER_CONSTANT) for f in shot] for shot in shots]
    assert cuts_of(*barred)[0] == [20, 40]


@pytest.mark.parametrize("size", [(1, 1), (2, 900), (900, 2), (40, 40)])
def test_frames_of_any_size_are_looked_at(size):
    rng = np.random.default_rng(0)
    assert cuts_of([rng.integers(0, 256, (*size, 3), dtype=np.uint8)] * 5) == ([], [0])


@needs_clips
@pytest.mark.parametrize(
    ("name", "cuts"),
    [
        ("hamilton_cuts.mp4", [20, 82, 211]),
        ("torchcodec_nasa_two_video_streams.mp4", [240]),
        ("moviepy_fire2_phone_vfr_rot180.mp4", []),
        ("real3d_may_512.mp4", []),
        ("vretalk_face1_vfr.mp4", []),
        ("moviepy_1x1_1fps.mp4", []),
    ],
)
def test_cuts_of_real_clips(name, cuts):
    assert cuts_of(video.read_frames(CLIPS / "video" / name))[0] == cuts


@needs_clips
def test_a_cut_between_two_people_before_the_same_curtain_is_found():
    parts = [
        video.read_frames(CLIPS / "video" / f"grid_{name}.mpg", max_frames=10) for name in ("bbaf2n", "id2_swwp2s")
    ]
    assert cuts_of(*parts)[0] == [10]
