"""Intervals: they cover what they say, and are the same each time."""

from __future__ import annotations

import math

import numpy as np
import pytest

from w2l.evaluate.metrics.bootstrap import few_interval, mean_interval


def test_intervals_cover_the_mean_as_often_as_they_say():
    rng = np.random.default_rng(1)
    hits = 0
    for trial in range(200):
        found = mean_interval(rng.normal(3, 2, 40), seed=trial)
        hits += found.low <= 3 <= found.high
    assert 0.88 <= hits / 200 <= 0.99


def test_intervals_draw_what_is_akin_together():
    """Values that come in equal pairs say no more than one of each: the interval is that of the single ones."""
    single = np.random.default_rng(2).normal(0, 1, 30)
    twice, whose = np.repeat(single, 2), np.repeat(np.arange(30), 2)
    one, both = mean_interval(single), mean_interval(twice, groups=whose)
    assert (both.low, both.high, both.count) == (pytest.approx(one.low), pytest.approx(one.high), 60)
    naive = mean_interval(twice)
    assert naive.high - naive.low < 0.8 * (both.high - both.low)
    uneven = mean_interval([1.0, 2, 3, math.nan], groups=["a", "a", "b", "c"])
    assert uneven.count == 3 and uneven.mean == 2 and (uneven.low, uneven.high) == (1.5, 3)
    assert math.isnan(mean_interval([1.0, 2], groups=["a", "a"]).low)


def test_intervals_of_a_few_values_are_students():
    found = few_interval([1.0, 2.0, math.nan, 3.0])  # t of two degrees of freedom: 4.3027
    assert found.mean == 2 and found.count == 3 and found.high - 2 == pytest.approx(4.3027 / math.sqrt(3), rel=1e-4)
    assert 2 - found.low == pytest.approx(found.high - 2)
    assert math.isnan(few_interval([5.0]).low) and few_interval([]).count == 0
    rng = np.random.default_rng(3)
    tries = [few_interval(rng.normal(1, 1, 3)) for _ in range(400)]
    assert 0.92 <= np.mean([one.low <= 1 <= one.high for one in tries]) <= 0.98


def test_intervals_are_steady_and_leave_out_what_is_missing():
    values = [1.0, 2, math.nan, 4, math.inf]
    found = mean_interval(values)
    assert found == mean_interval(values) and found.count == 3 and found.mean == pytest.approx(7 / 3)
    assert found.low < found.mean < found.high
    assert mean_interval([5.0]).text(1) == "5.0" and mean_interval([math.nan]).text() == "–"
