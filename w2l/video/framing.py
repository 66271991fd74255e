"""The part of each frame that is used: shrunk, turned and cropped, in this order, as in the published command."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from w2l.errors import W2LError

_TURNS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}
_SMALLEST = 16  # pixels: the shortest side worth working on


@dataclass(frozen=True)
class Framing:
    """Called with a frame, (H, W, 3) uint8 BGR, returns the frame to work on.

    resize_factor: width and height are divided by this whole number (1: unchanged), rounding down. rotate: degrees
    clockwise, 0, 90, 180 or 270. crop: the part to keep, x1, y1, x2, y2 in pixels of the shrunk and turned frame; a
    negative x2 or y2 means the frame's right or bottom edge; None keeps all. bilinear: shrink as the published code
    does, which skips pixels, instead of averaging.
    Raises W2LError for values out of range and, when called, when fewer than 16 pixels of a side are left.
    """

    resize_factor: int = 1
    rotate: int = 0
    crop: tuple[int, int, int, int] | None = None
    bilinear: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.resize_factor, int) or self.resize_factor < 1:
            raise W2LError(f"the resize factor cannot be {self.resize_factor!r}; give a whole number of 1 or more.")
        if self.rotate not in (0, *_TURNS):
            raise W2LError(f"frames cannot be turned by {self.rotate!r} degrees; give 0, 90, 180 or 270 (clockwise).")
        if self.crop is not None:
            x1, y1, x2, y2 = self.crop
            if min(x1, y1) < 0 or 0 <= x2 <= x1 or 0 <= y2 <= y1:
                raise W2LError(f"the crop {self.crop} is empty; give x1, y1, x2, y2 with x1 < x2 and y1 < y2.")

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """The frame to work on; the same object where nothing changes."""
        if self.resize_factor > 1:
            size = frame.shape[1] // self.resize_factor, frame.shape[0] // self.resize_factor
            self._check(*size, frame)
            how = cv2.INTER_LINEAR if self.bilinear else cv2.INTER_AREA
            frame = cv2.resize(frame, size, interpolation=how)
        if self.rotate:
            frame = cv2.rotate(frame, _TURNS[self.rotate])
        if self.crop is not None:
            x1, y1, x2, y2 = self.crop
            part = frame[y1 : y2 if y2 >= 0 else None, x1 : x2 if x2 >= 0 else None]
            self._check(part.shape[1], part.shape[0], frame)
            frame = np.ascontiguousarray(part)
        return frame

    def _check(self, width: int, height: int, frame: np.ndarray) -> None:
        if min(width, height) < _SMALLEST:
            raise W2LError(
                f"only {width} x {height} pixels are left of a frame of {frame.shape[1]} x {frame.shape[0]}; "
                "choose a smaller resize factor or a larger crop."
            )


def scaled(frame: np.ndarray, scale: float) -> np.ndarray:
    """The frame with both sides times `scale`, at least one pixel each; the same object for a scale of 1."""
    if scale == 1:
        return frame
    height, width = frame.shape[:2]
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(frame, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
