"""A text becomes a sound file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Protocol

import numpy as np

from w2l.base import files
from w2l.errors import W2LError
from w2l.tts import espeak, piper
from w2l.tts.text import check_readable, cleaned, language_of, pieces

FORMATS = (".wav", ".flac", ".ogg", ".mp3")
_BETWEEN = 0.3  # seconds of silence between two pieces of a long text
_BLOCK = 1 << 16  # samples given to the encoder at a time
_SILENT = 1e-3


class Synthesiser(Protocol):
    """What says a text; its `code` is the name to show, its `language` a code of espeak-ng or ""."""

    @property
    def code(self) -> str:
        """How a user names it."""
        ...

    @property
    def language(self) -> str:
        """What it speaks."""
        ...

    def say(self, text: str) -> tuple[np.ndarray, int]:
        """The text as float32 (N,) in [-1, 1], and its rate in Hz."""
        ...


@dataclass(frozen=True)
class SayResult:
    """What `say` did."""

    path: Path
    voice: str  # the voice that spoke, such as "fr-fr"
    seconds: float  # of speech
    notes: tuple[str, ...] = ()  # what a user should know about it


def say(text: str, out: str | os.PathLike[str], voice: str | os.PathLike[str] | None = None) -> SayResult:
    """Says a text: writes it as speech, which `dub` takes as its sound.

    text: at most 100 000 characters, read as plain text. out: .wav, .flac, .ogg or .mp3; mono, at the voice's own rate.
    voice: a language's code or English name for a voice of espeak-ng (`w2l.tts.espeak.voices`), such as "fr" or
    "pt-BR", with "+f3", "+m1" and so on for other speakers; or the file of a Piper voice, which ends in .onnx and needs
    piper-tts. None: espeak-ng's voice for the script of the text; for Latin letters the language of the user's system,
    or English. A long text is spoken and written in pieces, so that memory does not grow with it.

    Raises W2LError when espeak-ng (the extra ``voices``) or Piper is not installed, for an unknown voice, for a text
    that is empty, too long or in a script that the voice cannot read, and when ``out`` cannot be written. Nothing is
    left there then.
    """
    text = cleaned(text)
    path = Path(out)
    if path.suffix.lower() not in FORMATS:
        raise W2LError(
            f"cannot write speech as {path.name}; end the name in {', '.join(FORMATS[:-1])} or {FORMATS[-1]}."
        )
    speaker = synthesiser(text, voice)
    note = check_readable(text, speaker.language) if speaker.language else ""
    with files.keeping(*([voice] if voice else [])), files.atomic(path) as temporary:
        seconds = _write(temporary, _spoken(text, speaker), speaker.code)
    return SayResult(path, speaker.code, seconds, (note,) if note else ())


def synthesiser(text: str, voice: str | os.PathLike[str] | None = None) -> Synthesiser:
    """The voice of that name, or the one for the text; see `say`."""
    if voice is None:
        return espeak.find(language_of(text, {one.language for one in espeak.voices()}))
    name = os.fspath(voice)
    return piper.load(name) if name.lower().endswith(piper.SUFFIX) else espeak.find(name)


def _spoken(text: str, speaker: Synthesiser) -> Iterator[tuple[np.ndarray, int]]:
    """The pieces of the speech, with a pause between each two."""
    for i, piece in enumerate(pieces(text)):
        wav, rate = speaker.say(piece)
        yield (np.concatenate([np.zeros(round(_BETWEEN * rate), np.float32), wav]) if i else wav), rate


def _write(path: Path, spoken: Iterator[tuple[np.ndarray, int]], voice: str) -> float:
    """Writes the pieces as they come; returns the seconds. Raises W2LError when nothing in them can be heard."""
    import soundfile

    n_samples, loudest = 0, 0.0
    first, rate = next(spoken)
    try:
        with soundfile.SoundFile(path, "w", rate, 1) as file:
            file.comment = f"synthetic speech, voice {voice}"
            for wav in chain([first], (piece for piece, _ in spoken)):
                for at in range(0, len(wav), _BLOCK):
                    file.write(wav[at : at + _BLOCK])
                n_samples, loudest = n_samples + len(wav), max(loudest, float(np.abs(wav).max(initial=0.0)))
    except (soundfile.SoundFileError, ValueError) as error:
        raise W2LError(f"cannot write {path.suffix} here ({error}); give a name that ends in .wav.") from error
    if loudest < _SILENT:
        raise W2LError(f"the voice {voice} finds nothing to say in the text; type words of its language.")
    return n_samples / rate
