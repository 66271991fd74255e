"""Means with the interval that chance leaves around them: bootstrap over clips, seeds or voters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 2000
LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """A mean, its 95 % interval, and of how many values; NaN where there is none."""

    mean: float
    low: float
    high: float
    count: int

    def text(self, digits: int = 3) -> str:
        """Such as ``0.912 [0.880, 0.935]``; without interval for a single value; a dash for none."""
        if not self.count:
            return "–"
        if math.isnan(self.low):
            return f"{self.mean:.{digits}f}"
        return f"{self.mean:.{digits}f} [{self.low:.{digits}f}, {self.high:.{digits}f}]"


def mean_interval(values: Sequence[float] | np.ndarray, seed: int = 0) -> Estimate:
    """The mean of the finite values, and its percentile interval over 2000 resamples; always the same for a seed.

    A single value has no interval.
    """
    kept = np.asarray(values, np.float64)
    kept = kept[np.isfinite(kept)]
    if not len(kept):
        return Estimate(math.nan, math.nan, math.nan, 0)
    if len(kept) == 1:
        return Estimate(float(kept[0]), math.nan, math.nan, 1)
    picks = np.random.default_rng(seed).integers(0, len(kept), (RESAMPLES, len(kept)))
    low, high = np.quantile(kept[picks].mean(1), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(float(kept.mean()), float(low), float(high), len(kept))
