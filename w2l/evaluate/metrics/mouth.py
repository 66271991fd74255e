"""Mouth movement against the truth: correlation of the opening, lag, amplitude, and closures on m, b and p.

Openings are read by the mouth meter, which needs no landmarks; those of the synthetic talker are known.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from w2l.audio import SAMPLE_RATE, TRAINING_FPS

STILL = 1e-4  # pixels: a mouth that moves less than this counts as still
CLOSED = 0.5  # pixels of a 96-pixel crop: a true mouth is closed below this
READ_AS_CLOSED = 1.5  # pixels: the most that the meter reads from a closed mouth
_FARTHEST = 10  # frames: the largest lag tried
_AROUND = 1  # frames before and after a sound in which its closure may be seen


def lag(opening: np.ndarray, truth: np.ndarray, reach: int = _FARTHEST) -> float:
    """Frames by which a mouth lags the true one (negative: leads), at their best correlation.

    NaN where the clip is too short, or nothing moves.
    """
    reach = min(reach, len(truth) // 3)
    if reach < 1 or min(opening.std(), truth.std()) < STILL:
        return math.nan
    return float(int(np.argmax(lagged(opening, truth, reach))) - reach)


def lagged(opening: np.ndarray, truth: np.ndarray, reach: int) -> np.ndarray:
    """The correlation of a mouth with the true one at each lag of the mouth, -reach .. reach frames: (2 reach + 1,).

    opening, truth: (n,) each, n > reach.
    """
    return np.array(
        [
            correlation(opening[max(0, k) : len(opening) + min(0, k)], truth[max(0, -k) : len(truth) + min(0, -k)])
            for k in range(-reach, reach + 1)
        ]
    )


def amplitude(opening: np.ndarray, truth: np.ndarray) -> float:
    """Spread of an opening over that of the truth; NaN where the true mouth never moves."""
    return float(opening.std() / truth.std()) if truth.std() >= STILL else math.nan


def leak(opening: np.ndarray, new: np.ndarray, old: np.ndarray) -> float:
    """How much of another mouth's opening is in one that should follow the new one: its coefficient in the regression
    on both. (n,) each; 0 for none, 1 for a pasted mouth; NaN where the other mouth never moves.

    A correlation with the old mouth would also count what the two have in common, such as a pause at the start.
    """
    if old.std() < STILL:
        return math.nan
    given = np.stack([new, old, np.ones_like(new)], axis=1)
    return float(np.linalg.lstsq(given, opening, rcond=None)[0][1])


def closure_recall(
    opening: np.ndarray, truth: np.ndarray, closures: Iterable[tuple[float, float]]
) -> tuple[float, int]:
    """(share of the true closures that are seen, how many there are); NaN where there is none.

    opening, truth: pixels, one a frame at 25 a second. closures: start and end, in seconds, of each m, b and p. Only
    those count in which the true mouth closes (under 0.5 pixels) within that time or one frame either side; one is seen
    if the opening falls under 1.5 pixels there.
    """
    seen, count = 0, 0
    for start, end in closures:
        first = max(0, int(start * TRAINING_FPS) - _AROUND)
        last = min(len(truth), int(np.ceil(end * TRAINING_FPS)) + _AROUND)
        if first < last and truth[first:last].min() < CLOSED:
            count += 1
            seen += bool(opening[first:last].min() < READ_AS_CLOSED)
    return (seen / count if count else math.nan), count


def bilabial_times(phones: Iterable[dict[str, Any]]) -> list[tuple[float, float]]:
    """Start and end in seconds of each m, b and p among phones, as listed in the .json beside a talker clip."""
    from w2l.talker import BILABIALS

    return [(one["start"] / SAMPLE_RATE, one["end"] / SAMPLE_RATE) for one in phones if one["phone"] in BILABIALS]


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's correlation of two series of the same length, such as openings; 0 where one of them never moves."""
    if len(a) < 2 or min(a.std(), b.std()) < STILL:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])
