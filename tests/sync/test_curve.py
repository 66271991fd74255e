"""The offset curve: one arithmetic, whatever the scores come from, and one treatment of clip ends."""

import math

import numpy as np
import pytest

from w2l.sync import curve


def test_the_curve_finds_offset_and_confidence():
    scores = np.full((20, 20), 0.1) + 0.8 * np.eye(20, k=3)
    found = curve.pairs_curve(scores)
    assert found.offset == 3 and found.confidence == pytest.approx(0.8)
    assert curve.accuracy(scores, 3) == 1.0 and curve.accuracy(scores) == 0.5


def test_each_shift_is_the_mean_of_its_pairs():
    """By a plain loop; pairs beyond the ends do not count, shifts without any pair are not there."""
    pairs = np.random.default_rng(0).random((6, 6))
    found = curve.pairs_curve(pairs, reach=8)
    assert found.shifts.tolist() == list(range(-5, 6))
    for shift, value in zip(found.shifts, found.curve, strict=True):
        assert value == pytest.approx(np.mean([pairs[t, t + shift] for t in range(6) if 0 <= t + shift < 6]))


def test_small_distances_are_good():
    values = np.array([5.0, 9.0, 10.0, 11.0, 12.0])
    found = curve.SyncCurve(np.arange(-2, 3), values, "distance")
    assert (found.offset, found.lse_d, found.lse_c, found.in_sync) == (-2, 5.0, 5.0, 10.0)
    assert found.at_edge and found.is_sure
    other = curve.SyncCurve(np.arange(-2, 3), values)
    assert (other.offset, other.best, other.confidence) == (2, 12.0, 2.0)
    assert math.isnan(other.lse_d) and math.isnan(other.lse_c)
