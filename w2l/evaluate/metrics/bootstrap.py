"""Means with confidence intervals: bootstrap over clips, Student's t over a few seeds."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 2000
LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """A mean, its 95 % interval and the number of values; NaN where there is none."""

    mean: float
    low: float
    high: float
    count: int

    def text(self, digits: int = 3) -> str:
        """Such as ``0.912 [0.880, 0.935]``; without an interval for a single value; a dash for none."""
        if not self.count:
            return "–"
        if math.isnan(self.low):
            return f"{self.mean:.{digits}f}"
        return f"{self.mean:.{digits}f} [{self.low:.{digits}f}, {self.high:.{digits}f}]"


def mean_interval(
    values: Sequence[float] | np.ndarray, seed: int = 0, groups: Sequence[Hashable] | None = None
) -> Estimate:
    """The mean of the finite values, and its percentile interval over 2000 resamples; deterministic for a given seed.

    groups: which values belong together, such as clips of one talker; they are resampled as a whole, since related
    values say less than as many independent ones (cluster bootstrap). A single value, or group, has no interval.
    """
    given = np.asarray(values, np.float64)
    finite = np.isfinite(given)
    kept = given[finite]
    if not len(kept):
        return Estimate(math.nan, math.nan, math.nan, 0)
    numbers: dict[Hashable, int] = {}
    owners = range(len(given)) if groups is None else groups
    whose = [numbers.setdefault(one, len(numbers)) for one, so in zip(owners, finite, strict=True) if so]
    sums, counts = np.bincount(whose, kept), np.bincount(whose)
    if len(sums) == 1:
        return Estimate(float(kept.mean()), math.nan, math.nan, len(kept))
    picks = np.random.default_rng(seed).integers(0, len(sums), (RESAMPLES, len(sums)))
    means = sums[picks].sum(1) / counts[picks].sum(1)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(float(kept.mean()), float(low), float(high), len(kept))


def few_interval(values: Sequence[float] | np.ndarray) -> Estimate:
    """The mean of the finite values and Student's 95 % interval, for a handful of them, such as seeds.

    Resamples of two or three values can only lie between them, which makes a bootstrap's interval too narrow.
    """
    from scipy.stats import t

    kept = np.asarray(values, np.float64)
    kept = kept[np.isfinite(kept)]
    if len(kept) < 2:
        return mean_interval(kept)
    half = float(t.ppf((1 + LEVEL) / 2, len(kept) - 1) * kept.std(ddof=1) / math.sqrt(len(kept)))
    mean = float(kept.mean())
    return Estimate(mean, mean - half, mean + half, len(kept))
