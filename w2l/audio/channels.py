"""Channels to two or one, any rate to that of the models, and how loud a sound is."""

from __future__ import annotations

import os

import numpy as np

from w2l.audio.decoding import Sound, read
from w2l.audio.layouts import coefficients
from w2l.audio.mel import SAMPLE_RATE
from w2l.audio.resampling import resample

LOUD = -20.0  # dB of full scale: what the loud parts of quiet speech are raised to for the networks
QUIET = -40.0  # dB of full scale: speech below it hardly opens the mouth (see `level`)

_SILENCE = 1e-4  # peak below this (-80 dB of full scale) is silence: quieter than one step of 14-bit sound
_CANCELLED = 0.25  # the mean of two channels below this share (-12 dB) of the louder one has lost what it holds
_LOST_SECONDS = 0.1  # share of the sounding seconds that must be lost
_SOUNDING = 1e-3  # RMS from which a second sounds (-60 dB)


def load(path: str | os.PathLike[str], track: int | None = None) -> np.ndarray:
    """Loads any sound file, or the sound of a video, as float32 (N,) mono at 16 kHz in about [-1, 1].

    Surround sound is mixed down to stereo. The two channels are averaged; where they cancel each other, one of them is
    taken (see `pick`). Then the sound is resampled with soxr's high quality. For mono, and stereo that does not cancel,
    this is what librosa.load does. track: as in `read`. Raises W2LError as `read`.
    """
    return for_models(read(path, track))


def for_models(sound: Sound) -> np.ndarray:
    """A decoded sound as `load` makes it: float32 (N,) mono at 16 kHz."""
    return to_model_rate(to_stereo(sound.wav, sound.layout), sound.rate)


def to_model_rate(wav: np.ndarray, rate: int) -> np.ndarray:
    """(N,) or (N, channels) sound at `rate` Hz as `load` makes it: float32 (M,) at 16 kHz."""
    if wav.ndim == 2:
        wav = to_stereo(wav, f"{wav.shape[1]} channels")
        channel = pick(wav, rate)
        wav = wav if channel is None else wav[:, channel]
    return plain_model_rate(wav, rate)


def plain_model_rate(wav: np.ndarray, rate: int) -> np.ndarray:
    """(N,) or (N, channels) sound at `rate` Hz as librosa.load makes it, averaging: float32 (M,) at 16 kHz."""
    mono = np.ascontiguousarray(wav if wav.ndim == 1 else wav.mean(axis=1), dtype=np.float32)
    return resample(mono, rate, SAMPLE_RATE)


def to_stereo(wav: np.ndarray, layout: str) -> np.ndarray:
    """Surround sound (N, channels) mixed down to float32 (N, 2) with FFmpeg's coefficients, no louder than full scale.

    layout: FFmpeg's name of the loudspeakers; "6 channels" is the usual one of six. Mono and stereo stay as they are.
    """
    if wav.shape[1] <= 2:
        return wav
    mixed = wav @ coefficients(layout, "stereo")
    return mixed / max(1.0, float(np.abs(mixed).max(initial=0)))


def pick(wav: np.ndarray, rate: int) -> int | None:
    """The channel to be heard of stereo whose channels cancel each other, such as when one is inverted; else None.

    wav: float (N, channels) at `rate` Hz. They cancel when in more than a tenth of the sounding seconds their mean is
    12 dB or more below the louder one.
    """
    if wav.shape[1] != 2:
        return None
    sounding = lost = 0
    total = np.zeros(2)
    for first in range(0, len(wav), rate):
        second = wav[first : first + rate]
        power = np.square(second, dtype=np.float64).mean(axis=0)
        total += power
        if power.max() >= _SOUNDING**2:
            sounding += 1
            lost += np.square(second.mean(axis=1), dtype=np.float64).mean() < _CANCELLED**2 * power.max()
    return int(total.argmax()) if lost > _LOST_SECONDS * sounding else None


def level(wav: np.ndarray, rate: int) -> float:
    """How loud the loud parts of (N,) sound at `rate` Hz are, in dB of full scale.

    It is the RMS level, in steps of 50 ms, that half a second reaches or exceeds (of long sound one part in 200, of
    short sound a fifth): neither clicks nor long silence change it. Speech that peaks at -6 dB has about -18 dB.
    """
    step = min(max(1, rate // 20), len(wav))
    if not step:
        return -120.0
    steps = wav[: len(wav) // step * step].reshape(-1, step)
    power = np.sort(np.square(steps, dtype=np.float64).mean(axis=1))[::-1]
    return float(10 * np.log10(max(power[loud_rank(len(power))], 1e-12)))


def loud_rank(steps: int) -> int:
    """Of so many steps of 50 ms, the number of those that are louder than the one whose level `level` gives."""
    return min(max(9, steps // 200), steps // 5)


def raising(level: float) -> float:
    """The factor by which speech whose loud parts have this level, dB of full scale, comes to `LOUD`."""
    return float(10 ** ((LOUD - level) / 20))


def is_silent(wav: np.ndarray) -> bool:
    """Whether the sound (float, any shape) never rises above -80 dB of full scale."""
    return wav.size == 0 or max(float(wav.max()), -float(wav.min())) < _SILENCE
