"""Movement at other frame rates: drawn at 25 frames a second, so that it is the same whatever the camera's rate."""

from __future__ import annotations

import math

import numpy as np

from w2l.audio import TRAINING_FPS


def drawn_frames(count: int, fps: float) -> int:
    """How many frames at 25 a second last as long as `count` frames at `fps` a second."""
    return math.ceil(count * TRAINING_FPS / fps)


def at_rate(track: np.ndarray, count: int, fps: float) -> np.ndarray:
    """A track (n,), 25 values a second, as `count` values, `fps` a second, interpolated linearly; at 25 as it is."""
    if fps == TRAINING_FPS:
        return track
    return np.interp(np.arange(count) * TRAINING_FPS / fps, np.arange(len(track)), track).astype(track.dtype)
