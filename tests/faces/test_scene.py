"""Tests of the tracks made of what was found in a clip."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.faces import (
    BIG,
    SMALL,
    at,
    follow,
    scene,
)

from w2l.errors import W2LError


def test_who_passes_by_is_no_error_among_all_tracks():
    frames = [[BIG, SMALL]] * 5 + [[BIG]] * 9
    assert [track.missing for track in scene(frames).tracks(gaps="error")] == [[], list(range(5, 14))]
    with pytest.raises(W2LError, match="frames 14-15"):
        scene([*frames, [], []]).tracks(gaps="error")


def test_the_same_face_is_followed_past_a_larger_one_that_is_seen_for_a_moment():
    main = [at(20 + i) for i in range(30)]
    boxes = [[m, [100, 10, 180, 130]] if 10 <= i < 14 else m for i, m in enumerate(main)]
    np.testing.assert_allclose(follow(boxes).boxes, main)


def test_the_larger_of_two_faces_is_chosen():
    boxes = [[at(20), at(100, 30, 60, 90)]] * 6
    np.testing.assert_allclose(follow(boxes).boxes, [at(100, 30, 60, 90)] * 6)


def test_after_a_cut_the_next_shot_has_its_face_too():
    boxes = [at(20)] * 10 + [at(120, 60, 50, 80)] * 7
    followed = follow(boxes, smooth=True)
    np.testing.assert_allclose(followed.boxes, boxes)


def test_while_the_main_face_is_away_nobody_else_is_taken():
    beside = at(120, 60, 20, 30)
    boxes = [[at(20), beside] if not 10 <= i < 18 else [beside] for i in range(30)]
    assert follow(boxes).missing == list(range(10, 18))


def test_a_hit_of_one_frame_is_no_face():
    assert follow([at(20)] * 8 + [at(140, 10, 30, 40)] + [None] * 6).missing == list(range(8, 15))
    with pytest.raises(W2LError, match="no face"):
        follow([None, at(20), None, None, None])
    assert follow([at(20)]).has_face(0), "a picture is a clip of one frame"
