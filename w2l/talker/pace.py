"""Movement: drawn at 25 frames a second, so that it is the same whatever the camera's rate."""

from __future__ import annotations

import math

import numpy as np
from scipy.ndimage import gaussian_filter1d

from w2l.audio import TRAINING_FPS


def drawn_frames(count: int, fps: float) -> int:
    """How many frames at 25 a second last as long as `count` frames at `fps` a second."""
    return math.ceil(count * TRAINING_FPS / fps)


def drift(rng: np.random.Generator, count: int, seconds: float, amplitude: float) -> np.ndarray:
    """A smooth random track (count,), 25 a second, with the deviation `amplitude`, that changes in about `seconds`."""
    sigma = seconds * TRAINING_FPS
    pad = int(sigma * 4)
    noise = gaussian_filter1d(rng.standard_normal(count + 2 * pad), sigma)[pad : pad + count]
    return amplitude * noise * np.sqrt(2 * np.sqrt(np.pi) * sigma)  # filtered noise has deviation 1 again


def at_rate(track: np.ndarray, count: int, fps: float) -> np.ndarray:
    """A track (n,), 25 values a second, as `count` values, `fps` a second, interpolated linearly; at 25 as it is."""
    if fps == TRAINING_FPS:
        return track
    return np.interp(np.arange(count) * TRAINING_FPS / fps, np.arange(len(track)), track).astype(track.dtype)
