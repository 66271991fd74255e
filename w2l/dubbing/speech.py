"""The speech of a dub: decoding, its mel for the networks, mixing several speeches, and finding pauses."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from w2l import audio
from w2l.audio.resampling import resample
from w2l.errors import W2LError

_LEVEL_WINDOW = 4  # mel columns (50 ms) over which the level is measured
_FLOOR_RISE = 6.0  # dB above the quietest tenth of the sound up to which it counts as background
_FAR, _NEAR = 45.0, 18.0  # dB below the speech's own level between which that bound may lie
_SHORTEST_PAUSE = 24  # mel columns (0.3 s): shorter gaps are closures of t, p and k, not pauses
_NO_MATTER = 0.1  # s by which a sound track may be longer or shorter than the speech without a word
_MARGIN = 6  # mel columns (75 ms) of a pause that are left to the sounds before and after it


@dataclass(frozen=True)
class Speech:
    """Decoded sound: float32 (N, 1 or 2) in about [-1, 1], and its own rate in Hz.

    channel: the one that the networks hear, where the two cancel each other; None: their mean. gain: factor by which
    they hear it louder. Neither changes the sound of the result. notes: what a user should know about it.
    """

    path: Path
    wav: np.ndarray
    rate: int
    channel: int | None = None
    gain: float = 1.0
    notes: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """Its length in seconds."""
        return len(self.wav) / self.rate

    def mel(self, gate: bool = False) -> np.ndarray:
        """The published mel spectrogram, float32 (80, T); with `gate` the columns of pauses are silence (-4)."""
        heard = self.wav if self.channel is None else self.wav[:, self.channel]
        wav = audio.plain_model_rate(heard, self.rate)
        if self.gain != 1:
            wav = wav * np.float32(self.gain)
        mel = audio.melspectrogram(wav)
        if gate:
            mel[:, pauses(wav, mel.shape[1])] = -audio.MEL_LIMIT
        return mel

    def cut(self, seconds: float) -> Speech:
        """Its first seconds."""
        return replace(self, wav=self.wav[: round(seconds * self.rate)])

    def repeated(self, seconds: float) -> Speech:
        """The speech, looped to `seconds`."""
        times = int(np.ceil(seconds / self.seconds))
        return replace(self, wav=np.tile(self.wav, (times, 1))).cut(seconds)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Writes it as a 16-bit wav file."""
        import soundfile

        soundfile.write(path, self.wav, self.rate)


def listen(path: str | os.PathLike[str], track: int | None = None, plain: bool = False) -> Speech:
    """Decodes the speech at its own rate.

    Surround sound is mixed down to stereo. Where two channels cancel each other, the networks hear one of them, and
    speech too quiet to open a mouth is raised for them; a note says so. track: the sound track, from 1; None: the
    file's own choice. plain: as the published code, which averages all channels and raises nothing.
    Raises W2LError when there is no such file or track, no sound in it, or nothing to hear.
    """
    sound = audio.read(path, track)
    averaged = plain and sound.wav.shape[1] > 2
    wav = sound.wav.mean(axis=1, keepdims=True) if averaged else audio.to_stereo(sound.wav, sound.layout)
    tracks = audio.listed(sound.tracks)
    another = "audio_track=N (--audio-track N)"
    if audio.is_silent(wav):
        if len(sound.tracks) == 1:
            raise W2LError(f"{path} is silent from beginning to end; choose a file with speech in it.")
        raise W2LError(
            f"sound track {sound.track} of {path} is silent from beginning to end; it has {tracks}: choose another "
            f"with {another}."
        )
    path = Path(path)
    notes = []
    if track is None and len(sound.tracks) > 1:
        notes.append(f"{path.name} has {tracks}; track {sound.track} is heard, and {another} chooses another.")
    channel, gain, odd = _hearing(wav, sound.rate, path.name)
    if plain:
        notes += [f"{what}: in parity mode the mouth hardly moves." for what in odd]
        return Speech(path, wav, sound.rate, notes=tuple(notes))
    return Speech(path, wav, sound.rate, channel, gain, (*notes, *(f"{what}; {how}." for what, how in odd.items())))


def soundtrack(path: str | os.PathLike[str], seconds: float) -> Speech:
    """What a result sounds like in place of the speech, cut or continued in silence to the length of the speech.

    Both begin together. Surround sound is mixed down to stereo. Raises W2LError when there is no such file, or no sound
    in it.
    """
    sound, name = audio.read(path), Path(path).name
    wav, notes = audio.to_stereo(sound.wav, sound.layout), []
    if len(sound.tracks) > 1:
        notes.append(f"{name} has {audio.listed(sound.tracks)}; track {sound.track} is heard.")
    if audio.is_silent(wav):
        notes.append(f"{name} is silent from beginning to end, and so is the result.")
    longer = len(wav) / sound.rate - seconds
    if abs(longer) > _NO_MATTER:
        what = "its end is left out" if longer > 0 else "the end of the result is silent"
        notes.append(f"{name} is {abs(longer):.1f} s {'longer' if longer > 0 else 'shorter'} than the speech; {what}.")
    wanted = round(seconds * sound.rate)
    wav = np.pad(wav[:wanted], ((0, max(0, wanted - len(wav))), (0, 0)))
    return Speech(Path(path), wav, sound.rate, notes=tuple(notes))


def _hearing(wav: np.ndarray, rate: int, name: str) -> tuple[int | None, float, dict[str, str]]:
    """`channel` and `gain` of a `Speech`, and what is odd about the sound: what -> what is done about it."""
    gain, odd = 1.0, dict[str, str]()
    channel = audio.pick(wav, rate)
    if channel is not None:
        side = ("left", "right")[channel]
        odd[f"the two channels of {name} cancel each other"] = f"the mouth follows the {side} one"
    loud = audio.level(wav.mean(axis=1) if channel is None else wav[:, channel], rate)
    if loud < audio.QUIET:
        gain = audio.raising(loud)
        odd[f"the speech in {name} is very quiet ({loud:.0f} dB of full scale)"] = (
            f"the mouth follows it as if it were {audio.LOUD - loud:.0f} dB louder, the sound stays as it is"
        )
    return channel, gain, odd


def mix(speeches: Sequence[Speech]) -> Speech:
    """All of them at once, as long as the longest, at the highest of their rates, no louder than full scale."""
    if len(speeches) == 1:
        return speeches[0]
    rate = max(speech.rate for speech in speeches)
    channels = max(speech.wav.shape[1] for speech in speeches)
    total = np.zeros((max(round(speech.seconds * rate) for speech in speeches), channels), np.float32)
    for speech in speeches:
        wav = resample(speech.wav, speech.rate, rate)[: len(total)]
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
