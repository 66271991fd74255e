"""Signs of sync, read off a known-good expert: which clips it finds in sync and how late, and at which frame rate.

How sure an expert must be depends on the faces: those of the kit learned from talkers, and are half as sure about real
people. So each store is its own yardstick: clips are compared with mouths and sounds of different clips.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from w2l.audio import TRAINING_FPS
from w2l.sync.curve import MAX_SHIFT, SyncCurve, pairs_curve

RATES = (12.5, 15.0, 20.0, 24.0, 25.0, 30.0, 50.0, 60.0)  # frames a second that recordings have
_PARTNERS = 3  # sounds of other clips that each clip's mouths are compared with
_UNLIKELY = 98  # percentile of those: a clip that stands out farther is in sync with its sound at some shift
_BY_CHANCE = 3 / (2 * MAX_SHIFT + 1)  # share of wrong sounds whose offset is near the usual one nevertheless
_DRIFT = 40  # frames by which a clip's sound may be off in the middle, when rates are compared
_COVERED = 0.45  # share of a clip's windows that must have a sound there

Embedded = tuple[np.ndarray, np.ndarray]  # mouths and sounds of a clip's windows, float32 (n, D) each


@dataclass(frozen=True)
class SyncSigns:
    """Of one clip: its curve, and whether it stands out (see above)."""

    curve: SyncCurve
    stands_out: bool


def read_sync(clips: Sequence[Embedded]) -> list[SyncSigns]:
    """Signs of each of at least two clips."""
    curves = [_curve(mouths, sounds) for mouths, sounds in clips]
    foreign = [
        _curve(mouths, clips[(number + step) % len(clips)][1]).confidence
        for step in range(1, min(_PARTNERS, len(clips) - 1) + 1)
        for number, (mouths, _) in enumerate(clips)
    ]
    enough = float(np.percentile(foreign, _UNLIKELY))
    return [SyncSigns(curve, curve.confidence > enough) for curve in curves]


def _curve(mouths: np.ndarray, sounds: np.ndarray) -> SyncCurve:
    count = min(len(mouths), len(sounds))
    return pairs_curve((mouths[:count] @ sounds[:count].T).clip(0, 1))


def sync_numbers(signs: Sequence[SyncSigns]) -> dict[str, float]:
    """Numbers of a store: `in_sync`, the share of clips that stand out; `offset`, the most common one of those, and
    `same_offset`, the share of them that has it; `spread`, the standard deviation of their offsets; `confidence`,
    the median of all clips; `foreign`, the share of clips whose sound is another's: those that neither stand out nor
    are near that offset, with those added that are near it by chance.
    """
    offsets = np.array([one.curve.offset for one in signs])
    out = np.array([one.stands_out for one in signs])
    judged = offsets[out] if out.any() else offsets
    values, counts = np.unique(judged, return_counts=True)
    usual = int(min(values[counts == counts.max()], key=abs))
    strangers = float((~out & (np.abs(offsets - usual) > 1)).mean()) / (1 - _BY_CHANCE)
    return {
        "in_sync": float(out.mean()),
        "offset": float(usual),
        "same_offset": float((judged == usual).mean()),
        "spread": float(judged.std()),
        "confidence": float(np.median([one.curve.confidence for one in signs])),
        "foreign": min(1.0, strangers),
    }


def rate_numbers(clips: Sequence[Embedded]) -> dict[str, float]:
    """`rate`: the frames a second at which the mouths fit the sounds best, if they had been taken for 25; `rate_gain`:
    how much higher their mean cosine is than at 25."""
    scores = np.mean([[_at_rate(mouths, sounds, rate) for rate in RATES] for mouths, sounds in clips], axis=0)
    best = int(scores.argmax())
    return {"rate": RATES[best], "rate_gain": float(scores[best] - scores[RATES.index(TRAINING_FPS)])}


def _at_rate(mouths: np.ndarray, sounds: np.ndarray, rate: float) -> float:
    """The mean cosine of windows whose sounds advance by 25 / rate for each mouth, at the best shift in the middle."""
    pairs = mouths @ sounds.T
    count, there = pairs.shape
    rows = np.arange(count)
    middle = (rows - count / 2) * TRAINING_FPS / rate + count / 2
    columns = np.round(middle + np.arange(-_DRIFT, _DRIFT + 1)[:, None]).astype(int)
    inside = (columns >= 0) & (columns < there)
    values = np.where(inside, pairs[rows, columns.clip(0, there - 1)], 0).sum(axis=1)
    covered = inside.sum(axis=1)
    enough = covered >= _COVERED * min(count, count * rate / TRAINING_FPS)
    return float(np.max(values[enough] / covered[enough])) if enough.any() else 0.0
