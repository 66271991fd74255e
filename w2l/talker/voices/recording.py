"""What microphones, rooms and lines do to a voice: mild, seeded changes, as recordings have them."""

from __future__ import annotations

import numpy as np
from scipy.signal import fftconvolve

from w2l.audio import SAMPLE_RATE


def record(wav: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The voice as some recording would have it: float32 (N,) at 16 kHz to the same, in [-1, 1].

    A short reverberation, a spectral tilt and two broad bumps, in some a band limit (telephone with 8-bit mu-law, or a
    codec's low-pass), background noise of some colour 15 to 40 dB below the speech, and a level.
    """
    out = _room(wav.astype(np.float64), rng)
    out = _equalise(out, rng)
    out = out + _noise(out, rng)
    line = rng.random()
    if line < 0.15:
        out = _telephone(out, rng)
    elif line < 0.4:
        out = _band(out, 0, rng.uniform(3800, 7000))
    return np.clip(out / (np.abs(out).max() + 1e-9) * 10 ** rng.uniform(-0.8, -0.02), -1, 1).astype(np.float32)


def _room(wav: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Reverberation: noise that dies away by 60 dB within 0.1 to 0.4 s, 8 to 26 dB below the direct sound."""
    dies = rng.uniform(0.1, 0.4)
    tail = rng.standard_normal(round(dies * SAMPLE_RATE))
    tail *= 10 ** (-3 * np.arange(len(tail)) / len(tail))
    tail[: round(0.003 * SAMPLE_RATE)] = 0  # the nearest wall
    tail *= 10 ** (-rng.uniform(8, 26) / 20) / np.sqrt(np.sum(tail**2))
    tail[0] = 1.0
    return fftconvolve(wav, tail)[: len(wav)]


def _equalise(wav: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    hertz = _hertz(wav)
    octaves = np.log2(np.maximum(hertz, 50) / 1000)
    decibels = rng.uniform(-3, 3) * octaves
    for centre, gain in zip(rng.uniform(-3, 3, 2), rng.uniform(-4, 4, 2), strict=True):
        decibels += gain * np.exp(-((octaves - centre) ** 2))
    return np.fft.irfft(np.fft.rfft(wav) * 10 ** (decibels / 20), len(wav))


def _noise(wav: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Noise between white and brown, measured against the speech without its pauses."""
    spectrum = np.fft.rfft(rng.standard_normal(len(wav)))
    noise = np.fft.irfft(spectrum * np.maximum(_hertz(wav), 60) ** -rng.uniform(0, 1), len(wav))
    power = wav**2
    loud = power[power > power.mean() / 10]
    speech = float(loud.mean()) if len(loud) else 1e-6
    return noise * np.sqrt(speech / np.mean(noise**2)) * 10 ** (-rng.uniform(15, 40) / 20)


def _telephone(wav: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    narrow = _band(wav, rng.uniform(200, 350), rng.uniform(3200, 3700))
    narrow = narrow / (np.abs(narrow).max() + 1e-9)
    compressed = np.sign(narrow) * np.log1p(255 * np.abs(narrow)) / np.log(256)
    stepped = np.round(compressed * 127) / 127
    return np.sign(stepped) * (256 ** np.abs(stepped) - 1) / 255


def _band(wav: np.ndarray, low: float, high: float) -> np.ndarray:
    """Keeps low to high Hz; edges fall off within a tenth of the frequency."""
    hertz = _hertz(wav)
    gain = 1 / (1 + np.exp((hertz - high) / (0.025 * high)))
    if low:
        gain = gain / (1 + np.exp((low - hertz) / (0.025 * low)))
    return np.fft.irfft(np.fft.rfft(wav) * gain, len(wav))


def _hertz(wav: np.ndarray) -> np.ndarray:
    return np.fft.rfftfreq(len(wav), 1 / SAMPLE_RATE)
