"""A box given by hand, for faces that no detector finds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from w2l.errors import W2LError


class FixedBox:
    """A "detector" that puts the same box into every frame, with score 1.

    box: x1, y1, x2, y2 in pixels. Raises W2LError when these are not four numbers with x1 < x2 and y1 < y2, and, in
    `detect`, when the box lies outside a frame.
    """

    name = "box"
    settings = ""

    def __init__(self, box: Sequence[float]) -> None:
        try:
            self.box = np.array(box, np.float32).reshape(4)
        except (TypeError, ValueError) as error:
            raise W2LError(f"a box is four numbers, x1, y1, x2, y2 in pixels, not {box!r}.") from error
        x1, y1, x2, y2 = self.box
        if not (np.isfinite(self.box).all() and x1 < x2 and y1 < y2):
            raise W2LError(f"the box {_in_words(self.box)} is empty; give x1, y1, x2, y2 with x1 < x2 and y1 < y2.")

    def detect(self, frames: Sequence[np.ndarray]) -> list[np.ndarray]:
        """See `Detector.detect`."""
        return [self._detect(frame) for frame in frames]

    def _detect(self, frame: np.ndarray) -> np.ndarray:
        height, width = frame.shape[:2]
        x1, y1, x2, y2 = self.box
        if x1 >= width or y1 >= height or x2 <= 0 or y2 <= 0:
            raise W2LError(
                f"the box {_in_words(self.box)} lies outside the frame, which is {width} pixels wide and {height} high."
            )
        return np.append(self.box, np.float32(1)).reshape(1, 5)


def _in_words(box: np.ndarray) -> str:
    return "(" + ", ".join(f"{value:g}" for value in box) + ")"
