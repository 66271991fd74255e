"""Sound that arrives in pieces, to the 16 kHz and the mel that the whole would have, as early as they are certain."""

from __future__ import annotations

import math

import numpy as np

from w2l.audio.channels import plain_model_rate
from w2l.audio.mel import HOP, N_FFT, N_MELS, SAMPLE_RATE, melspectrogram

_REACH = 128  # samples, of the lower of two rates, by which soxr's filter looks to either side; beyond, under 1e-7
_LEAD = N_FFT // HOP  # mel columns computed again: the first ones of a cut feel its edge


class PiecesAtModelRate:
    """Mono sound of one rate in Hz, in pieces, brought to 16 kHz: together what `plain_model_rate` makes of the whole.

    What comes out lags what went in by the filter's reach, 8 ms (16 ms from 8 kHz); at 16 kHz by nothing.
    """

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self._period = rate // math.gcd(rate, SAMPLE_RATE)  # samples after which the two rates' samples coincide again
        self._reach = math.ceil(_REACH * rate / min(rate, SAMPLE_RATE))
        self._held = np.zeros(0, np.float32)  # what has not become certain, and what its neighbours need
        self._first = 0  # number of its first sample
        self._given = 0  # samples given out

    def feed(self, wav: np.ndarray, last: bool = False) -> np.ndarray:
        """The next samples that are certain, float32 (M,), after this piece, float32 (N,); `last`: all of them."""
        if self.rate == SAMPLE_RATE:
            return wav
        self._held = np.concatenate([self._held, wav])
        end = self._first + len(self._held)
        ready = -(-end * SAMPLE_RATE // self.rate) if last else (end - self._reach) * SAMPLE_RATE // self.rate
        if ready <= self._given:
            return np.zeros(0, np.float32)
        skipped = self._first * SAMPLE_RATE // self.rate
        made = plain_model_rate(self._held, self.rate)[self._given - skipped : ready - skipped]
        self._given = ready
        needed = max(0, ready * self.rate // SAMPLE_RATE - self._reach) // self._period * self._period
        self._held, self._first = self._held[needed - self._first :], needed
        return made


class MelOfPieces:
    """The published mel of sound that arrives in pieces, float (N,) at 16 kHz: together `melspectrogram` of the whole.

    A column is certain when the sound has gone on for 25 ms beyond its middle, which is half a Hann window.
    """

    def __init__(self) -> None:
        self._held = np.zeros(0, np.float32)
        self._heard = 0  # samples altogether
        self._given = 0  # columns given out

    def feed(self, wav: np.ndarray) -> np.ndarray:
        """The next columns that are certain after this piece: float32 (80, T), T may be 0."""
        self._held = np.concatenate([self._held, np.asarray(wav, np.float32)])
        self._heard += len(wav)
        return self._columns(0 if self._heard < N_FFT else 1 + (self._heard - N_FFT // 2) // HOP)

    def finish(self) -> np.ndarray:
        """The columns that are left when the sound has ended."""
        return self._columns(1 + self._heard // HOP)

    def _columns(self, stop: int) -> np.ndarray:
        """Those from the last one given out up to `stop`."""
        if stop <= self._given:
            return np.zeros((N_MELS, 0), np.float32)
        lead = min(self._given, _LEAD)
        made = melspectrogram(self._held)[:, lead : lead + stop - self._given]
        kept = max(0, stop - _LEAD) - (self._given - lead)
        self._held, self._given = self._held[kept * HOP :], stop
        return made
