"""The speech of a dub: decoding, its mel for the networks, mixing several speeches, and finding pauses."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from w2l import audio
from w2l.errors import W2LError

_LEVEL_WINDOW = 4  # mel columns (50 ms) over which the level is measured
_FLOOR_RISE = 6.0  # dB above the quietest tenth of the sound up to which it counts as background
_FAR, _NEAR = 45.0, 18.0  # dB below the speech's own level between which that bound may lie
_SHORTEST_PAUSE = 24  # mel columns (0.3 s): shorter gaps are closures of t, p and k, not pauses
_MARGIN = 6  # mel columns (75 ms) of a pause that are left to the sounds before and after it


@dataclass(frozen=True)
class Speech:
    """Decoded sound: float32 (N, 1 or 2) in about [-1, 1], and its own rate in Hz."""

    path: Path
    wav: np.ndarray
    rate: int

    @property
    def seconds(self) -> float:
        """Its length in seconds."""
        return len(self.wav) / self.rate

    def mel(self, gate: bool = False) -> np.ndarray:
        """The published mel spectrogram, float32 (80, T); with `gate` the columns of pauses are silence (-4)."""
        wav = audio.to_model_rate(self.wav, self.rate)
        mel = audio.melspectrogram(wav)
        if gate:
            mel[:, pauses(wav, mel.shape[1])] = -audio.MEL_LIMIT
        return mel

    def cut(self, seconds: float) -> Speech:
        """Its first seconds."""
        return Speech(self.path, self.wav[: round(seconds * self.rate)], self.rate)

    def repeated(self, seconds: float) -> Speech:
        """The speech, looped to `seconds`."""
        times = int(np.ceil(seconds / self.seconds))
        return Speech(self.path, np.tile(self.wav, (times, 1)), self.rate).cut(seconds)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Writes it as a 16-bit wav file."""
        import soundfile

        soundfile.write(path, self.wav, self.rate)


def listen(path: str | os.PathLike[str]) -> Speech:
    """Decodes the speech at its own rate; surround sound is mixed down to one channel.

    Raises W2LError when there is no such file, no sound in it, or nothing to hear.
    """
    wav, rate = audio.decode(path)
    if wav.shape[1] > 2:
        wav = wav.mean(axis=1, keepdims=True)
    if audio.is_silent(wav):
        raise W2LError(f"{path} is silent from beginning to end; choose a file with speech in it.")
    return Speech(Path(path), wav, rate)


def mix(speeches: Sequence[Speech]) -> Speech:
    """All of them at once, as long as the longest, at the highest of their rates, no louder than full scale."""
    if len(speeches) == 1:
        return speeches[0]
    import librosa

    rate = max(speech.rate for speech in speeches)
    channels = max(speech.wav.shape[1] for speech in speeches)
    total = np.zeros((max(round(speech.seconds * rate) for speech in speeches), channels), np.float32)
    for speech in speeches:
        wav = speech.wav
        if speech.rate != rate:
            wav = librosa.resample(wav, orig_sr=speech.rate, target_sr=rate, res_type="soxr_hq", axis=0)
        wav = wav[: len(total)]
        total[: len(wav)] += wav  # a single channel is heard on both sides
    return Speech(speeches[0].path, total / max(1.0, float(np.abs(total).max())), rate)


def pauses(wav: np.ndarray, n_columns: int) -> np.ndarray:
    """Which mel columns lie in pauses of at least 0.3 s: bool (n_columns,).

    wav: float (N,), 16 kHz mono. A column is quiet when its level is below a bound: 6 dB above the level of the
    quietest tenth of the sound, but at least 18 dB and at most 45 dB below its loud parts.
    """
    energy = np.pad(wav.astype(np.float64) ** 2, (audio.HOP * _LEVEL_WINDOW // 2, audio.HOP * (_LEVEL_WINDOW + 1)))
    sums = np.concatenate([[0.0], np.cumsum(energy)])
    starts = np.minimum(np.arange(n_columns) * audio.HOP, len(wav))
    width = audio.HOP * _LEVEL_WINDOW
    level = 10 * np.log10(np.maximum((sums[starts + width] - sums[starts]) / width, 1e-12))
    loud, background = np.percentile(level, [95, 10])
    quiet = level < np.clip(background + _FLOOR_RISE, loud - _FAR, loud - _NEAR)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], quiet, [False]]).astype(np.int8)))
    resting = np.zeros(n_columns, bool)
    for first, stop in edges.reshape(-1, 2).tolist():
        if stop - first >= _SHORTEST_PAUSE:
            resting[first + _MARGIN * (first > 0) : stop - _MARGIN * (stop < n_columns)] = True
    return resting
