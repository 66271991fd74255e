"""Sync correction: by how many frames the sound of a clip is late, and how sure an expert is of that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from w2l import weights
from w2l.audio import HOP, N_FFT, SAMPLE_RATE, TRAINING_FPS, melspectrogram

if TYPE_CHECKING:
    from w2l.models.syncnet import SyncNet

SAMPLES = SAMPLE_RATE // TRAINING_FPS  # of a frame


@dataclass(frozen=True)
class Lag:
    """offset: frames by which the sound is late. confidence: of that, best minus median cosine.

    edge: whether a still larger offset, which was not tried, might fit better.
    """

    offset: int
    confidence: float
    edge: bool


class Judge:
    """Estimates lags with an expert: a SyncNet of the kit's own, or the published one. Another kind of expert needs
    just another `lag`."""

    def __init__(self, expert: str) -> None:
        from w2l import models, sync  # here, because torch takes seconds to start

        self._expert = cast("SyncNet", models.load(weights.find(expert), network="syncnet"))
        self._curve = sync.sync_curve

    def lag(self, frames: np.ndarray, mel: np.ndarray) -> Lag:
        """The lag of a clip of 5 frames or more: uint8 (n, 96, 96, 3) BGR at 25 a second, and its mel (80, T)."""
        curve = self._curve(self._expert, frames, mel)
        return Lag(curve.offset, round(curve.confidence, 4), abs(curve.offset) == curve.shifts[-1])


def mel_of(wav: np.ndarray, first: int, count: int) -> np.ndarray:
    """The mel of `count` frames from frame `first` on, of sound float32 (N,) at 16 kHz: float32 (80, 1 + 16 count / 5).

    The first column is centred on the beginning of the first frame. The sound around the stretch is heard as in the
    mel of the whole; at its beginning and end the mel is that of `melspectrogram`.
    """
    begin, end = first * SAMPLES, min((first + count) * SAMPLES, len(wav))
    lead = min(begin, N_FFT) // HOP
    mel = melspectrogram(wav[begin - lead * HOP : end + N_FFT])
    return np.ascontiguousarray(mel[:, lead : lead + 1 + (end - begin) // HOP])
