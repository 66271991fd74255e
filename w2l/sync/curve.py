"""The offset curve: how well mouth and sound match at each shift of the sound. Every curve is computed here.

Preprocessing, training, evaluation and notebooks differ in how they score pairs of windows, but not in what they do
with the scores.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from w2l.data.clip import FRAMES

MAX_SHIFT = 15  # frames, as the published metric tries
_GUESS = {"cosine": 0.2, "distance": 1.0}  # confidence under which an offset is a guess


@dataclass(frozen=True)
class SyncCurve:
    """How well mouth and sound of a clip match at each shift of the sound, averaged over the clip.

    shifts: int (m,), frames of 1/25 s, usually -15 .. 15; positive: the sound is late. curve: float64 (m,), the mean
    score at each. measure: what the scores are: ``cosine`` (experts of the kit; large is good) or ``distance``
    (syncnet_v2; small is good).
    """

    shifts: np.ndarray
    curve: np.ndarray
    measure: str = "cosine"

    @property
    def best(self) -> float:
        """The curve at its best shift."""
        return float(self.curve.min() if self.measure == "distance" else self.curve.max())

    @property
    def offset(self) -> int:
        """Frames by which the sound lags the lips; the published scripts print it with the other sign."""
        at = self.curve.argmin() if self.measure == "distance" else self.curve.argmax()
        return int(self.shifts[at])

    @property
    def at_edge(self) -> bool:
        """Whether the offset is the largest that was tried, so that a larger one might match better."""
        return abs(self.offset) == int(self.shifts[-1])

    @property
    def confidence(self) -> float:
        """How far the best shift stands out from the median one. With syncnet_v2 this is LSE-C."""
        return abs(float(np.median(self.curve)) - self.best)

    @property
    def is_sure(self) -> bool:
        """Whether the offset is more than a guess."""
        return self.confidence >= _GUESS[self.measure]

    @property
    def in_sync(self) -> float:
        """The curve at shift 0: the clip as it is."""
        return float(self.curve[self.shifts == 0][0])

    @property
    def lse_d(self) -> float:
        """The published LSE-D; NaN for any expert but syncnet_v2."""
        return self.best if self.measure == "distance" else math.nan

    @property
    def lse_c(self) -> float:
        """The published LSE-C; NaN for any expert but syncnet_v2."""
        return self.confidence if self.measure == "distance" else math.nan

    @property
    def cosine(self) -> np.ndarray:
        """The curve, under the name it had in version 0.1.0."""
        return self.curve


def mean_curve(scores: np.ndarray, measure: str = "cosine") -> SyncCurve:
    """The curve of scores: float (n, 2 * reach + 1), n >= 1, column reach + k for sound that comes k frames later.

    NaN marks pairs that do not exist because the shift leads outside the clip: they are left out of the mean, and a
    shift without any pair is left out of the curve. (For syncnet_v2 the published arithmetic counts silence there
    instead of NaN.)
    """
    reach = scores.shape[1] // 2
    there = ~np.isnan(scores).all(axis=0)
    mean = np.nanmean(scores[:, there].astype(np.float64), axis=0)
    return SyncCurve(np.arange(-reach, reach + 1)[there], mean, measure)


def by_shift(pairs: np.ndarray, reach: int = MAX_SHIFT) -> np.ndarray:
    """Scores of all pairs of a clip, (n, n) by mouth window and sound window, as `mean_curve` takes them.

    Returns float64 (n, 2 * reach + 1), NaN where the shift leads outside the clip.
    """
    scores = np.full((len(pairs), 2 * reach + 1), np.nan)
    for shift in range(-reach, reach + 1):
        diagonal = np.diagonal(pairs, shift)
        first = max(0, -shift)
        scores[first : first + len(diagonal), reach + shift] = diagonal
    return scores


def pairs_curve(pairs: np.ndarray, reach: int = MAX_SHIFT) -> SyncCurve:
    """The curve of a clip's cosines, (n, n) by mouth window and sound window."""
    return mean_curve(by_shift(pairs, reach))


def accuracy(pairs: np.ndarray, shift: int = 0) -> float:
    """Share of a clip's pairs judged right at cosine 0.5; in-sync and off-sync pairs count half each.

    pairs: cosines, (n, n) by mouth window and sound window. In sync are those whose sound is `shift` frames later than
    the mouth; off are those at least one window (5 frames) from it.
    """
    at = np.arange(len(pairs))
    distance = np.abs(at[None] - at[:, None] - shift)
    return float(((pairs[distance == 0] > 0.5).mean() + (pairs[distance >= FRAMES] <= 0.5).mean()) / 2)
