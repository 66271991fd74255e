"""Searching every second frame of a clip: a face that hardly moves was halfway in the frame between."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from w2l.faces.boxes import best_first, iou
from w2l.faces.detectors import Detector
from w2l.faces.yunet import YuNet

_STILL = 0.8  # IoU of a face's boxes two frames apart from which the one between them is taken from both


class Sampling:
    """Called with the frames of a clip in their order, some at a time, gives the faces of each, as `finder` does.

    YuNet searches only every second frame that is not small. In one between two that show the same faces at nearly the
    same places, in one shot, they lie halfway; any other is searched too. So a face that moves fast, comes, goes or is
    found now and then has the boxes of the detector. Other boxes differ from those by less than the detector's boxes of
    a still face differ from frame to frame.
    """

    def __init__(self, finder: Detector) -> None:
        self._finder = finder
        self._last: np.ndarray | None = None  # the faces of the frame before

    def __call__(self, frames: Sequence[np.ndarray], cuts: Sequence[bool]) -> list[np.ndarray]:
        """frames: (H, W, 3) uint8 BGR, at least one. cuts: whether each begins a shot. Returns what `detect` does."""
        if not isinstance(self._finder, YuNet) or self._finder.is_small(frames[0]):
            return self._finder.detect(frames)
        found: dict[int, np.ndarray] = {} if self._last is None else {-1: self._last}
        self._search(frames, [i for i in range(len(frames)) if i % 2 or i == len(frames) - 1], found)
        rest = [i for i in range(len(frames)) if i not in found]
        halfway = {i: None if cuts[i] or cuts[i + 1] else _between(found.get(i - 1), found[i + 1]) for i in rest}
        self._search(frames, [i for i in rest if halfway[i] is None], found)
        found |= {i: faces for i, faces in halfway.items() if faces is not None}
        self._last = found[len(frames) - 1]
        return [found[i] for i in range(len(frames))]

    def _search(self, frames: Sequence[np.ndarray], which: list[int], found: dict[int, np.ndarray]) -> None:
        """Adds the faces of these frames to those found."""
        found.update(zip(which, self._finder.detect([frames[i] for i in which]), strict=True))


def _between(before: np.ndarray | None, after: np.ndarray) -> np.ndarray | None:
    """The faces halfway between those of two frames; None where they are not the same, or one has moved."""
    if before is None or len(before) != len(after) or not len(after):
        return None
    nearest = [max(range(len(after)), key=lambda k: iou(row, after[k])) for row in before]
    if len({*nearest}) < len(after) or any(iou(row, after[k]) < _STILL for row, k in zip(before, nearest, strict=True)):
        return None
    return best_first((before + after[nearest]) / 2)
