"""Signs of a clip's sound, read off its mel: how loud it is, and whether it was heard in another clip before."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from w2l.audio import MEL_LIMIT, MIN_LEVEL_DB

_BANDS = 5  # of 16 mel bands each, in which sounds are compared
_COLUMNS = 2  # of the mel to a step, 25 ms, in which they are
_LONGEST = 400  # steps of a sound that are compared: its first 10 s
_OVERLAP = 40  # steps that must lie over each other: 1 s
_ALIKE = 0.85  # correlation from which two sounds are the same recording; of different speech it is below 0.78
_DEEP = 2.0  # of the mel's 8 (100 dB), below the loud parts: what lies deeper, such as noise, is not compared
_LEAST = 0.01  # variance of a step's bands: what changes less, such as silence, is like nothing
_CHUNK = 32  # sounds compared at a time, which bounds the memory


def level(mel: np.ndarray) -> float:
    """How loud the loud parts of a mel (80, T) in [-4, 4] are: the 95th percentile over time of the mean of its bands,
    in dB as the mel counts them, -100 (digital silence) to 0. Plain speech has -69 to -52."""
    columns = mel.mean(axis=0, dtype=np.float64)
    return float(np.percentile((columns + MEL_LIMIT) / (2 * MEL_LIMIT) * -MIN_LEVEL_DB + MIN_LEVEL_DB, 95))


def doubles(first: Sequence[np.ndarray], second: Sequence[np.ndarray]) -> list[tuple[int, int]]:
    """Pairs (i, j) of sounds of two lists, mels (80, T) each, that hold the same recording, however it was cut.

    Their bands are compared by normalised correlation, at every shift with at least a second of overlap.
    """
    if not first or not second:
        return []
    ours, theirs = ([_bands(mel) for mel in mels] for mels in (first, second))
    size = 1 << (2 * max(bands.shape[1] for bands in (*ours, *theirs)) - 1).bit_length()
    others = [_transforms(theirs[at : at + _CHUNK], size) for at in range(0, len(theirs), _CHUNK)]
    found = []
    for i, own in enumerate(ours):
        for chunk, part in enumerate(others):
            alike = _correlation(_transforms([own], size), part, size).max(axis=1)
            found += [(i, chunk * _CHUNK + int(j)) for j in np.flatnonzero(alike > _ALIKE)]
    return found


def _bands(mel: np.ndarray) -> np.ndarray:
    """A mel (80, T) in fewer bands and steps: float64 (_BANDS, t)."""
    steps = max(1, min(_LONGEST, mel.shape[1] // _COLUMNS))
    part = mel[:, : steps * _COLUMNS]
    bands = part.reshape(_BANDS, len(mel) // _BANDS, steps, -1).mean(axis=(1, 3), dtype=np.float64)
    return np.maximum(bands, np.percentile(bands, 95) - _DEEP)


def _transforms(sounds: Sequence[np.ndarray], size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Transforms of bands (n, _BANDS, f), of their squares, and of where they are (n, 1, f)."""
    values, there = np.zeros((len(sounds), _BANDS, size)), np.zeros((len(sounds), 1, size))
    for k, bands in enumerate(sounds):
        values[k, :, : bands.shape[1]] = bands
        there[k, :, : bands.shape[1]] = 1
    return np.fft.rfft(values), np.fft.rfft(values**2), np.fft.rfft(there)


def _correlation(own: tuple[np.ndarray, ...], others: tuple[np.ndarray, ...], size: int) -> np.ndarray:
    """Of one sound with others, at every shift: (n, size), 0 where too little lies over each other."""
    (a, a2, at), (b, b2, bt) = (tuple(map(np.conj, own)), others)
    count = np.fft.irfft(at * bt, size).round()
    enough = count >= _OVERLAP
    count = np.maximum(count, 1)
    sum_a, sum_b = np.fft.irfft(a * bt, size), np.fft.irfft(at * b, size)
    cross = (np.fft.irfft(a * b, size) - sum_a * sum_b / count).sum(1)
    spread_a = (np.fft.irfft(a2 * bt, size) - sum_a**2 / count).sum(1)
    spread_b = (np.fft.irfft(at * b2, size) - sum_b**2 / count).sum(1)
    least = _LEAST * _BANDS * count[:, 0]
    fits = enough[:, 0] & (spread_a > least) & (spread_b > least)
    return np.where(fits, cross / np.sqrt(np.maximum(spread_a * spread_b, 1e-12)), 0)
