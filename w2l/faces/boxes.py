"""Boxes: how much two of them overlap, sorting by score, and non-maximum suppression."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Box = tuple[float, float, float, float]
"""x1, y1, x2, y2 in pixels."""


def iou(a: Sequence[float] | np.ndarray, b: Sequence[float] | np.ndarray) -> float:
    """Area of the intersection of two boxes over that of their union; 0 when one is NaN."""
    wide, high = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if not (wide > 0 and high > 0):
        return 0.0
    common = float(wide * high)
    union = float((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])) - common
    return common / union if union > 0 else 0.0


def best_first(boxes: np.ndarray) -> np.ndarray:
    """(k, 5) boxes ordered by their score, as float32."""
    return boxes[np.argsort(-boxes[:, 4], kind="stable")].astype(np.float32)


def suppress(boxes: np.ndarray, overlap: float) -> np.ndarray:
    """Non-maximum suppression: of boxes that overlap by more than this IoU, only the first is kept.

    boxes: (k, 5) float32, best first. Returns those that are kept, in the same order.
    """
    kept = []
    while len(boxes):
        best, boxes = boxes[0], boxes[1:]
        kept.append(best)
        sides = np.minimum(best[2:4], boxes[:, 2:4]) - np.maximum(best[:2], boxes[:, :2])
        common = sides.clip(0).prod(axis=1)
        areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
        union = areas + (best[2] - best[0]) * (best[3] - best[1]) - common
        boxes = boxes[common <= overlap * union]
    return np.array(kept, np.float32).reshape(-1, 5)
