"""Sound that arrives in pieces, to what the generator hears in each frame, as soon as all of it has been heard."""

from __future__ import annotations

import numpy as np

from w2l import audio
from w2l.audio.pieces import MelOfPieces, PiecesAtModelRate
from w2l.errors import W2LError
from w2l.live.loudness import LoudnessSoFar

_RATES = (4_000, 384_000)  # Hz
_LONGEST = 60.0  # seconds of one piece; more is a whole sound, and needs more memory than a stream may take


class Hearing:
    """The mel windows of the frames, each complete when the sound has gone on for its look-ahead.

    fps: frames a second. shift: as in `audio.window_starts`. gain: the factor by which the networks hear the sound
    louder; None: decided by what has been heard so far (see `LoudnessSoFar`).
    """

    def __init__(self, fps: float, shift: float, gain: float | None = None) -> None:
        self._earlier, self._samples = 0.0, 0  # seconds heard at other rates, samples heard at this one
        self.loudness = LoudnessSoFar()
        self._fps, self._shift, self._gain = fps, shift, gain
        self._resampled: PiecesAtModelRate | None = None
        self._mel = MelOfPieces()
        self._first = min(0, int(self._starts(0, 1)[0]))  # number of the first column held
        self._columns = np.full((audio.N_MELS, -self._first), -audio.MEL_LIMIT, np.float32)
        self._ended = False

    @property
    def seconds(self) -> float:
        """How much has been heard."""
        return self._earlier + (self._samples / self._resampled.rate if self._resampled else 0.0)

    @property
    def look_ahead(self) -> float:
        """Seconds of sound after a frame's own moment that its window needs, at most."""
        last_column = self._shift / audio.TRAINING_FPS + (audio.WINDOW - 1) / audio.MELS_PER_SECOND
        return last_column + audio.N_FFT / 2 / audio.SAMPLE_RATE

    def feed(self, wav: np.ndarray, rate: int) -> None:
        """Hears a piece, as `checked` gives it. Where the rate changes, the sound goes on at the new one."""
        if self._resampled is None or self._resampled.rate != rate:
            self._hear_rest()
            self._resampled = PiecesAtModelRate(rate)
        self._hear(self._resampled.feed(wav))
        self._samples += len(wav)

    def finish(self) -> None:
        """Says that the sound has ended: what follows is silence, as at the end of a dub."""
        if not self._ended:
            self._hear_rest()
            self._append(self._mel.finish())
            self._ended = True

    @property
    def complete(self) -> int:
        """How many frames, from the first on, have a complete window."""
        if self._ended:
            return round(self.seconds * self._fps)
        known = self._first + self._columns.shape[1]
        count = max(0, int((known + audio.WINDOW) / audio.MELS_PER_SECOND * self._fps))
        while count > 0 and self._starts(count - 1, 1)[0] + audio.WINDOW > known:
            count -= 1
        return count

    def windows(self, first: int, count: int) -> np.ndarray:
        """What is heard in complete frames from `first` on, float32 (count, 80, 16); what came before is forgotten."""
        starts = self._starts(first, count)
        if missing := max(0, int(starts.max()) + audio.WINDOW - self._first - self._columns.shape[1]):
            self._append(np.full((audio.N_MELS, missing), -audio.MEL_LIMIT, np.float32))  # the sound has ended
        past = max(0, int(starts[0]) - self._first)
        self._columns, self._first = self._columns[:, past:], self._first + past
        at = starts[:, None] - self._first + np.arange(audio.WINDOW)
        return np.ascontiguousarray(self._columns[:, at].transpose(1, 0, 2))

    def _starts(self, first: int, count: int) -> np.ndarray:
        return audio.window_starts(self._fps, count, self._shift, first)

    @property
    def gain(self) -> float:
        """The factor by which the networks hear the sound louder now."""
        return self.loudness.gain if self._gain is None else self._gain

    def _hear(self, wav: np.ndarray) -> None:
        self.loudness.feed(wav)
        gain = self.gain
        self._append(self._mel.feed(wav if gain == 1 else wav * np.float32(gain)))

    def _hear_rest(self) -> None:
        if self._resampled is not None:
            self._hear(self._resampled.feed(np.zeros(0, np.float32), last=True))
            self._earlier, self._samples, self._resampled = self.seconds, 0, None

    def _append(self, columns: np.ndarray) -> None:
        self._columns = np.concatenate([self._columns, columns], axis=1)


def checked(wav: np.ndarray, rate: int) -> np.ndarray:
    """A piece of sound as float32 (N,): channels are averaged, whole numbers brought to [-1, 1].

    wav: (N,) or (N, channels), float in about [-1, 1] or int16. rate: Hz. Raises W2LError for anything else.
    """
    wav = np.asarray(wav)
    if not isinstance(rate, (int, float, np.number)) or int(rate) != rate or not _RATES[0] <= rate <= _RATES[1]:
        raise W2LError(f"sound at {rate} Hz cannot be heard; give a rate from {_RATES[0]} to {_RATES[1]} Hz.")
    if wav.dtype == np.int16:
        wav = wav / np.float32(32768)
    if wav.dtype.kind != "f" or wav.ndim not in (1, 2):
        raise W2LError(f"a piece of sound is {wav.dtype} {wav.shape}; give float or int16, (N,) or (N, channels).")
    if len(wav) > _LONGEST * rate:
        raise W2LError(f"a piece of {len(wav) / rate:.0f} s is no stream; give pieces of {_LONGEST:g} s at most.")
    mono = np.ascontiguousarray(wav if wav.ndim == 1 else wav.mean(axis=1), np.float32)
    if not np.isfinite(mono).all():
        raise W2LError("the sound has NaN or infinite samples; check what records it.")
    return mono
