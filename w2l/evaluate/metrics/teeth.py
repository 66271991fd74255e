"""Teeth: whether a drawn mouth shows them where the true one does.

Teeth are a bright band between the lips. Against the frame of the clip whose mouth is least open, the darkest channel
(blue, which skin and lips have little of) rises there; and above and below it is darker, which tells teeth from skin
that has moved to where a lip was.
"""

from __future__ import annotations

import numpy as np

from w2l.faces.crop import CROP_SIZE, area

# Rows and columns of a crop of 96, and numbers of its rows
_MIDDLE = (slice(56, 90), slice(39, 57))  # the middle third of the mouth box
_CHEEKS = (slice(40, 56), slice(24, 72))  # skin, against whose brightness a rise is measured
_BESIDE = 5  # so near to the band there must be something darker

_RISE = 0.15  # of the skin's darkest channel: less is not teeth
_WIDE = 0.5  # share of a row's pixels that must rise
_SHOWN = 0.5  # share of the true band's rise that counts as teeth


def teeth_shown(real: np.ndarray, made: np.ndarray, opening: np.ndarray, rows: int = 4) -> tuple[int, int]:
    """(frames in which the drawn mouth shows teeth, frames in which the true one shows more than `rows` of them).

    real, made: uint8 (n, H, H, 3) BGR, true and drawn faces of the same words; rows are counted in a crop of 96 pixels.
    opening: (n,), the true opening, in any unit.
    """
    closed = int(np.argmin(opening))
    least = _RISE * max(1.0, float(np.median(_darkest(real[closed], _CHEEKS))))
    before = _darkest(real[closed], _MIDDLE)
    there, seen = 0, 0
    for true, drawn in zip(real, made, strict=True):
        shown = _darkest(true, _MIDDLE)
        start, stop = _band(shown, shown - before > least, least)
        if stop - start <= rows * real.shape[1] / CROP_SIZE:
            continue
        risen = shown[start:stop] - before[start:stop]
        drawn_rise = _darkest(drawn, _MIDDLE)[start:stop] - before[start:stop]
        teeth = risen > least
        there, seen = there + 1, seen + bool(drawn_rise[teeth].mean() >= _SHOWN * risen[teeth].mean())
    return seen, there


def _darkest(face: np.ndarray, where: tuple[slice, slice]) -> np.ndarray:
    """The darkest channel of a part of a face: float32 (rows, columns)."""
    return face[area(len(face), where)].min(axis=2).astype(np.float32)


def _band(shown: np.ndarray, rises: np.ndarray, least: float) -> tuple[int, int]:
    """First row and end of the widest band that rises and has something darker, by half of `least`, near it both above
    and below; 0, 0 where there is none."""
    near = max(1, _BESIDE * len(shown) // (_MIDDLE[0].stop - _MIDDLE[0].start))
    wide = rises.mean(axis=1) >= _WIDE
    edges = np.flatnonzero(np.diff(np.concatenate([[0], wide.astype(np.int8), [0]])))
    profile, best = shown.mean(axis=1), (0, 0)
    for start, stop in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        dark = float(profile[start:stop].mean()) - least / 2
        sides = profile[max(0, start - near) : start], profile[stop : stop + near]
        if stop - start > best[1] - best[0] and all(min(side, default=dark) < dark for side in sides):
            best = start, stop
    return best
