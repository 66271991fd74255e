"""Channels to one, and any rate to that of the models."""

from __future__ import annotations

import os

import numpy as np

from w2l.audio.decoding import decode
from w2l.audio.mel import SAMPLE_RATE

_SILENCE = 1e-4  # peak below this (-80 dB of full scale) is silence: quieter than one step of 14-bit sound


def load(path: str | os.PathLike[str]) -> np.ndarray:
    """Loads any sound file, or the sound of a video, as float32 (N,) mono at 16 kHz in about [-1, 1].

    Channels are averaged, then resampled with soxr's high quality (as librosa.load does). Raises W2LError as `decode`.
    """
    wav, rate = decode(path)
    return to_model_rate(wav, rate)


def to_model_rate(wav: np.ndarray, rate: int) -> np.ndarray:
    """Averages channels of (N,) or (N, channels) sound at `rate` Hz and resamples: float32 (M,) at 16 kHz."""
    import librosa

    mono = np.ascontiguousarray(wav if wav.ndim == 1 else wav.mean(axis=1), dtype=np.float32)
    if rate == SAMPLE_RATE:
        return mono
    return librosa.resample(mono, orig_sr=rate, target_sr=SAMPLE_RATE, res_type="soxr_hq").astype(np.float32)


def is_silent(wav: np.ndarray) -> bool:
    """Whether the sound (float, any shape) never rises above -80 dB of full scale."""
    return wav.size == 0 or max(float(wav.max()), -float(wav.min())) < _SILENCE
