"""Boxes of one face in one shot: short gaps bridged, long ones filled, jitter averaged away; all in place.

Boxes are (n, 4) float, x1, y1, x2, y2 in pixels, NaN where the face was not found; or (n, 5) with the head's roll in
degrees, without jumps at full turns.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from w2l.faces.boxes import iou
from w2l.faces.link import SAME_FACE, shots

_JUMP = 0.5  # IoU of two neighbouring frames' boxes below which nothing is averaged: no head moves that fast
_SPIN = 45.0  # degrees of roll between neighbouring frames from which nothing is averaged either
_BRIDGE = 5  # gaps of up to this many frames are drop-outs of the detector, and always filled
_OUTSIDE, _INSIDE = 0.05, 0.1  # heights of the box inside the frame: a face below them is cut off, above them whole
_FAR = 0.2  # of these heights: further in or out makes no difference
_CENTRE_WINDOW = 5  # frames over which the box's centre is averaged
_SIZE_WINDOW = 13  # and its size and roll: heads grow slowly, and a mouth that opens moves the box's lower edge


def _gaps(boxes: np.ndarray) -> Iterator[tuple[int | None, int | None]]:
    """The frames before and after each run of frames without a box; None at the ends."""
    known = [None, *np.flatnonzero(np.isfinite(boxes[:, 0])).tolist(), None]
    for before, after in itertools.pairwise(known):
        if (len(boxes) if after is None else after) - (-1 if before is None else before) > 1:
            yield before, after


def bridge(boxes: np.ndarray) -> None:
    """Fills short gaps between two boxes of the same face, in place."""
    for before, after in list(_gaps(boxes)):
        if before is None or after is None or after - before - 1 > _BRIDGE:
            continue
        if iou(boxes[before], boxes[after]) >= SAME_FACE:
            boxes[before : after + 1] = np.linspace(boxes[before], boxes[after], after - before + 1)


def fill(boxes: np.ndarray, move: bool) -> None:
    """Fills all gaps in place: with the box before, or moving to the box after unless that is far away (a cut)."""
    for before, after in list(_gaps(boxes)):
        if before is None:
            boxes[:after] = boxes[after]
        elif after is None or not move:
            boxes[before + 1 : after] = boxes[before]
        elif iou(boxes[before], boxes[after]) >= SAME_FACE:
            boxes[before : after + 1] = np.linspace(boxes[before], boxes[after], after - before + 1)
        else:
            middle = (before + after + 1) // 2
            boxes[before + 1 : middle] = boxes[before]
            boxes[middle:after] = boxes[after]


def smooth(boxes: np.ndarray) -> None:
    """Centred averages of centre, size and roll, in place, over each run of frames in which the box does not jump."""
    # a frame without a box also ends a run: NaN overlaps nothing
    jumps = [i for i, pair in enumerate(itertools.pairwise(boxes.tolist()), 1) if _jumps(*pair)]
    for start, stop in shots(jumps, len(boxes)):
        run = boxes[start:stop]
        if len(run) < 3:
            continue  # no frame has neighbours on both sides
        centre = centred_mean((run[:, :2] + run[:, 2:4]) / 2, _CENTRE_WINDOW)
        size = centred_mean(run[:, 2:4] - run[:, :2], _SIZE_WINDOW)
        run[:] = np.hstack([centre - size / 2, centre + size / 2, centred_mean(run[:, 4:], _SIZE_WINDOW)])


def _jumps(before: list[float], after: list[float]) -> bool:
    return iou(before, after) < _JUMP or any(abs(a - b) > _SPIN for a, b in zip(before[4:], after[4:], strict=True))


def centred_mean(values: np.ndarray, window: int) -> np.ndarray:
    """The mean over `window` rows around each row; near the ends over fewer, evenly on both sides to avoid bias."""
    sums = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    at = np.arange(len(values))
    reach = np.minimum(window // 2, np.minimum(at, len(values) - 1 - at))
    return (sums[at + reach + 1] - sums[at - reach]) / (2 * reach + 1)[:, None]


def cut_off(insides: np.ndarray, found: np.ndarray) -> np.ndarray:
    """(n,) bool: in which frames of a shot eyes or mouth lie outside the frame.

    insides: (n,) by how much they are inside, in heights of the box; NaN where it was not measured. found: (n,) bool,
    the frames with a box. Measured values waver, so they are averaged, and a face must come some way in before it
    counts as whole again.
    """
    out = np.zeros(len(insides), bool)
    if not (insides < _INSIDE).any():
        return out
    edges = np.flatnonzero(np.diff(found, prepend=False, append=False)).tolist()
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        out[start:stop] = _cut_off(insides[start:stop])
    return out


def _cut_off(insides: np.ndarray) -> np.ndarray:
    """The same of consecutive frames with a box."""
    known = np.flatnonzero(np.isfinite(insides))
    near = np.interp(np.arange(len(insides)), known, insides[known].clip(-_FAR, _FAR))
    near = centred_mean(near[:, None], _CENTRE_WINDOW)[:, 0]
    out = np.zeros(len(near), bool)
    state = bool(near[0] < (_OUTSIDE + _INSIDE) / 2)
    for i, inside in enumerate(near.tolist()):
        state = inside < (_INSIDE if state else _OUTSIDE)
        out[i] = state
    return out
