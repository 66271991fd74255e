"""How far lips run ahead of their sound, to a few milliseconds: of people, of talkers and of generated mouths alike."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import butter, sosfiltfilt

from w2l.audio import SAMPLE_RATE, TRAINING_FPS

_VOWELS = (300.0, 3000.0)  # Hz: where vowels are loud, and hum, breath and hiss are not
_RATE = 1000  # values a second of the loudness
_BLUR = 0.02  # s: standard deviation of its blur, about that of a mouth seen 25 times a second
_REACH, _STEP = 0.25, 0.004  # s: shifts of the sound that are tried
_LAGS = np.arange(-round(_REACH / _STEP), round(_REACH / _STEP) + 1) * _STEP


class Lead(NamedTuple):
    """seconds by which lips lead their sound (negative: lag), and the correlation there; both NaN if nothing moves."""

    seconds: float
    r: float


def loudness(wav: np.ndarray) -> np.ndarray:
    """How loud the vowels are: float32 (N,) at 16 kHz to float64 (N / 16,), value i at i milliseconds."""
    band = sosfiltfilt(butter(3, _VOWELS, "bandpass", fs=SAMPLE_RATE, output="sos"), wav.astype(np.float64))
    level = np.sqrt(gaussian_filter1d(band**2, 0.01 * SAMPLE_RATE)[:: SAMPLE_RATE // _RATE])
    return gaussian_filter1d(level, _BLUR * _RATE)


def lead(clips: Iterable[tuple[np.ndarray, np.ndarray]], fps: float = TRAINING_FPS) -> Lead:
    """How far the lips lead the sound of clips, together: where changes of opening and of loudness agree best.

    clips: opening (n,) in any unit, frame k at k / fps, and its sound, float32 (N,) at 16 kHz. A clip must be longer
    than a second to count; some 20 of 3 s by the same speaker are good for ±4 ms. The peak is interpolated.
    """
    curves = [curve for opening, wav in clips if (curve := _curve(np.asarray(opening, float), wav, fps)) is not None]
    if not curves:
        return Lead(math.nan, math.nan)
    mean = np.mean(curves, axis=0)
    at = int(mean[1:-1].argmax()) + 1
    before, best, after = mean[at - 1 : at + 2]
    bend = before - 2 * best + after
    return Lead(float(-(_LAGS[at] + (_STEP * (before - after) / (2 * bend) if bend < 0 else 0.0))), float(best))


def _curve(opening: np.ndarray, wav: np.ndarray, fps: float) -> np.ndarray | None:
    """The correlation at each lag of the lips; None for a clip that is too short, silent or still."""
    level = loudness(wav)
    heard = np.arange(len(level)) / _RATE
    times = np.arange(1, len(opening)) / fps
    kept = (times - 1 / fps > _REACH) & (times < min(len(opening) / fps, len(level) / _RATE) - _REACH)
    change = np.diff(opening)[kept]
    if kept.sum() < 0.5 * fps or not change.std() or not level.std():
        return None

    def louder(lag: float) -> np.ndarray:
        now, then = (np.interp(times[kept] - lag - back, heard, level) for back in (0, 1 / fps))
        return now - then

    return np.array([np.corrcoef(change, louder(lag))[0, 1] for lag in _LAGS])
