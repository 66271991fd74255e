"""Tests of bridged and filled gaps and of smoothing."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.faces import (
    at,
    chosen,
    follow,
)

from w2l import faces
from w2l.errors import W2LError
from w2l.faces import smoothing


def test_gaps_are_filled_within_their_shot_only():
    frames = [[at(20)]] * 4 + [[]] * 8 + [[]] * 8 + [[at(40)]] * 4 + [[]] * 6
    cuts = [12, 24]
    held = chosen(frames, "main", cuts, gaps="hold")
    assert held == [at(20)] * 12 + [at(40)] * 12 + [None] * 6
    assert chosen(frames, "main", cuts, gaps="interpolate") == held, "the box moved on across a cut"
    assert chosen(frames, "main", [24], gaps="interpolate")[11] == pytest.approx(at(20 + 20 * 8 / 17))
    assert chosen(frames, 0, cuts, gaps="hold") == [at(20)] * 12 + [None] * 18
    with pytest.raises(W2LError, match="frames 4-19, 24-29"):
        chosen(frames, "main", cuts, gaps="error")


def test_a_drop_out_at_a_cut_is_not_bridged():
    frames = [[at(20)]] * 4 + [[]] * 4 + [[at(28)]] * 4
    assert None not in chosen(frames, "main")
    assert chosen(frames, "main", [6]) == [at(20)] * 4 + [None] * 4 + [at(28)] * 4


def test_smoothing_stops_at_a_gap():
    frames = [[at(20 + i % 3)] for i in range(20)] + [[]] * 9 + [[at(60 + i % 3)] for i in range(20)]
    smoothed = chosen(frames, "main", smooth=True)
    assert [i for i in range(49) if smoothed[i] is None] == list(range(20, 29))
    assert all(abs(b[0] - (21 if i < 20 else 61)) <= 1 for i, b in enumerate(smoothed) if b is not None)
    assert smoothed[10][0] == pytest.approx(20.8, abs=0.3)


def test_smoothing_stops_at_a_cut_even_where_the_box_hardly_jumps():
    frames = [[at(20)]] * 10 + [[at(26, 54, 44, 66)]] * 10
    assert chosen(frames, "main", [10], smooth=True) == [f[0] for f in frames]
    assert chosen(frames, "main", smooth=True) != [f[0] for f in frames]


def test_a_short_drop_out_is_bridged_in_every_mode():
    boxes = [at(20)] * 4 + [None] * 3 + [at(28)] * 4
    for gaps in faces.GAPS:
        followed = follow(boxes, gaps=gaps)
        assert followed.missing == []
        np.testing.assert_allclose(followed.boxes[3:8, 0], [20, 22, 24, 26, 28])


def test_a_short_gap_between_boxes_far_apart_is_left_open():
    assert follow([at(20)] * 4 + [None] * 3 + [at(120)] * 4).missing == [4, 5, 6]


def test_gaps():
    boxes = [None] * 2 + [at(20)] * 4 + [None] * 9 + [at(30)] * 4 + [None]
    missing = [0, 1, *range(6, 15), 19]
    passed = follow(boxes)
    assert passed.missing == missing
    assert [i for i in range(20) if not passed.has_face(i)] == missing
    held = follow(boxes, gaps="hold")
    np.testing.assert_allclose(held.boxes[:, 0], [20] * 15 + [30] * 5)
    assert held.missing == missing, "what was not found is still told"
    moved = follow(boxes, gaps="interpolate")
    np.testing.assert_allclose(moved.boxes[:, 0], [20] * 5 + list(range(20, 31)) + [30] * 4)
    with pytest.raises(W2LError, match=r"frames 0-1, 6-14, 19 \(counted from 0\)"):
        follow(boxes, gaps="error")


def test_interpolation_does_not_slide_across_a_cut():
    moved = follow([at(20)] * 4 + [None] * 8 + [at(140)] * 4, gaps="interpolate")
    assert set(moved.boxes[:, 0]) == {20, 140}


def test_smoothing_takes_the_jitter_out():
    rng = np.random.default_rng(3)
    boxes = np.array(at(50)) + rng.normal(0, 1.5, (200, 4))
    raw, smoothed = follow(boxes).boxes, follow(boxes, smooth=True).boxes
    steps = [np.abs(np.diff(b, axis=0)).std(axis=0) for b in (raw, smoothed)]
    assert (steps[1] < steps[0] / 2).all()
    assert (smoothed.std(axis=0) < raw.std(axis=0) / 2).all()


def test_smoothing_does_not_lag_behind_steady_motion():
    boxes = [at(10 + 2.5 * i, 20 + 0.5 * i, 30 + 0.25 * i, 40 + 0.5 * i) for i in range(40)]
    np.testing.assert_allclose(follow(boxes, smooth=True).boxes, boxes, atol=1e-3)


def test_smoothing_agrees_with_a_plain_loop():
    values = np.random.default_rng(8).normal(size=(17, 2))
    slow = [values[i - r : i + r + 1].mean(axis=0) for i in range(17) for r in [min(2, i, 16 - i)]]
    np.testing.assert_allclose(smoothing.centred_mean(values, 5), slow)
