"""Lag, correlation and closures of mouths, each against a plain case."""

from __future__ import annotations

import math

import numpy as np
import pytest

from w2l.evaluate.metrics import mouth
from w2l.evaluate.metrics.mouth import correlation


@pytest.mark.parametrize("late", [-5, -1, 0, 3, 8])
def test_lag_of_a_mouth_is_found(late):
    truth = np.convolve(np.random.default_rng(0).normal(size=120), np.ones(4), "valid")
    opening = np.roll(truth, late)[10:-10]
    assert mouth.lag(opening, truth[10:-10]) == late
    curve = mouth.lagged(opening, truth[10:-10], 8)
    assert len(curve) == 17 and curve.argmax() == late + 8 and curve.max() == pytest.approx(1)
    assert math.isnan(mouth.lag(opening * 0, truth[10:-10]))
    assert math.isnan(mouth.lag(opening[:2], truth[:2]))


def test_still_mouths_follow_nothing():
    wave = np.sin(np.arange(50.0))
    assert correlation(wave, wave) == pytest.approx(1) and correlation(wave, -wave) == pytest.approx(-1)
    assert correlation(wave * 0, wave) == 0
    assert mouth.amplitude(2 * wave, wave) == pytest.approx(2) and math.isnan(mouth.amplitude(wave, wave * 0))


def test_closure_recall_counts_true_closures():
    """Four sounds: one truly closed and seen, one closed and missed, one not closed in truth, one after the end."""
    truth, opening = np.full(50, 6.0), np.full(50, 6.0)
    truth[10:12] = truth[30:32] = 0
    opening[11], opening[20] = 1.0, 0.0
    closures = [(0.40, 0.46), (1.20, 1.26), (0.80, 0.86), (9.0, 9.1)]
    assert mouth.closure_recall(opening, truth, closures) == (0.5, 2)
    recall, count = mouth.closure_recall(opening, truth, [])
    assert math.isnan(recall) and count == 0
    phones = [{"phone": "M", "start": 1600, "end": 3200}, {"phone": "S", "start": 0, "end": 10}]
    assert mouth.bilabial_times(phones) == [(0.1, 0.2)]
