"""The cepstra that the published SyncNet takes: 13 coefficients every 10 ms."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.fft import dct

from w2l.audio import SAMPLE_RATE

_LENGTH, _STEP, _FFT = 400, 160, 512  # samples: 25 ms every 10 ms
_FILTERS, _KEPT, _LIFTER = 26, 13, 22
_PREEMPHASIS = 0.97
_BLOCK = 4096  # columns computed at a time
_TINY = np.finfo(np.float64).eps  # replaces an energy of zero, which has no logarithm


def to_pcm16(wav: np.ndarray) -> np.ndarray:
    """Sound in [-1, 1] as the 16-bit whole numbers it was, or would be, stored as."""
    return np.clip(np.rint(np.asarray(wav, np.float64) * 32768), -32768, 32767).astype(np.int16)


def mfcc(pcm16: np.ndarray) -> np.ndarray:
    """float64 (13, T): T = 1 + ceil((N - 400) / 160), at least 1; the last column is padded with silence.

    pcm16: int16 (N,) at 16 kHz. Sixteen-bit scale matters: the first row is the logarithm of the energy. The window is
    rectangular, the 26 triangular bands are spaced by 2595 log10(1 + Hz / 700) up to 8 kHz, the cosine transform is
    orthonormal, and the cepstra are liftered by 22. Source: what python_speech_features 0.6 does by default, which the
    published scores are computed with (reference 2.10).
    """
    wav = np.asarray(pcm16, np.float64)
    count = 1 + max(0, -(-(len(wav) - _LENGTH) // _STEP))
    emphasised = np.append(wav[:1], wav[1:] - _PREEMPHASIS * wav[:-1])
    padded = np.pad(emphasised, (0, (count - 1) * _STEP + _LENGTH - len(emphasised)))
    pieces = np.lib.stride_tricks.sliding_window_view(padded, _LENGTH)[::_STEP]
    lifter = 1 + _LIFTER / 2 * np.sin(np.pi * np.arange(_KEPT) / _LIFTER)
    cepstra = np.empty((_KEPT, count))
    for first in range(0, count, _BLOCK):  # because a spectrum is many times as large as its sound
        power = np.abs(np.fft.rfft(pieces[first : first + _BLOCK], _FFT)) ** 2 / _FFT
        bands = power @ _filters().T
        block = dct(np.log(np.where(bands == 0, _TINY, bands)), type=2, axis=1, norm="ortho")[:, :_KEPT] * lifter
        energy = power.sum(1)
        block[:, 0] = np.log(np.where(energy == 0, _TINY, energy))
        cepstra[:, first : first + _BLOCK] = block.T
    return cepstra


@lru_cache(maxsize=1)
def _filters() -> np.ndarray:
    """Triangles over the spectrum's bins: (26, 257)."""
    top = 2595 * np.log10(1 + SAMPLE_RATE / 2 / 700)
    hertz = 700 * (10 ** (np.linspace(0, top, _FILTERS + 2) / 2595) - 1)
    corners = np.floor((_FFT + 1) * hertz / SAMPLE_RATE)
    bins = np.arange(_FFT // 2 + 1)
    bank = np.zeros((_FILTERS, len(bins)))
    for band, (low, middle, high) in enumerate(zip(corners, corners[1:], corners[2:], strict=False)):
        rising, falling = (bins >= low) & (bins < middle), (bins >= middle) & (bins < high)
        bank[band, rising] = (bins[rising] - low) / (middle - low)
        bank[band, falling] = (high - bins[falling]) / (high - middle)
    return bank
