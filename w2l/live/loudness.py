"""How loud a sound has been so far, in little memory: what decides how much louder quiet speech is heard."""

from __future__ import annotations

import numpy as np

from w2l.audio import QUIET, SAMPLE_RATE, loud_rank, raising

_STEP = SAMPLE_RATE // 20  # samples: 50 ms, as in `audio.level`
_LOWEST = -120  # dB of full scale; each bin of the histogram is 1 dB
_SURE = 60  # steps (3 s) that must have been heard before anything is raised
_STANDS_OUT = 10  # dB by which loud parts exceed the quietest tenth if it is speech, and not the noise of a room


class LoudnessSoFar:
    """The level of everything heard so far, as `audio.level` measures a whole sound, to 1 dB.

    A dub measures its sound from beginning to end before it decides whether the speech is too quiet to open a mouth.
    Here the same is decided of what has been heard, again with each piece, but nothing is raised in the first 3 s, nor
    when the loud parts do not stand out: then there is only the noise of a room.
    """

    def __init__(self) -> None:
        self._counts = np.zeros(1 - _LOWEST, np.int64)
        self._rest = np.zeros(0, np.float32)

    def feed(self, wav: np.ndarray) -> None:
        """Counts a piece, float32 (N,) at 16 kHz."""
        wav = np.concatenate([self._rest, wav])
        whole = len(wav) // _STEP * _STEP
        power = np.square(wav[:whole].reshape(-1, _STEP), dtype=np.float64).mean(axis=1)
        bins = np.floor(10 * np.log10(np.maximum(power, 1e-12))).astype(int).clip(_LOWEST, 0) - _LOWEST
        np.add.at(self._counts, bins, 1)
        self._rest = wav[whole:]

    @property
    def level(self) -> float:
        """How loud the loud parts are, in dB of full scale; -120 when nothing has been heard."""
        total = int(self._counts.sum())
        return self._nth(loud_rank(total)) if total else float(_LOWEST)

    @property
    def gain(self) -> float:
        """The factor by which the networks should hear the sound louder; 1 for speech of usual loudness."""
        total, level = int(self._counts.sum()), self.level
        if total < _SURE or level >= QUIET or level - self._nth(total - 1 - total // 10) < _STANDS_OUT:
            return 1.0
        return raising(level)

    def _nth(self, rank: int) -> float:
        """The level of the step that only `rank` others exceed."""
        louder = np.cumsum(self._counts[::-1])
        return float(-np.searchsorted(louder, rank, side="right"))
