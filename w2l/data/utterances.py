"""What synthetic talkers say, and the mouths that they make of it, without pictures: made once, then cached."""

from __future__ import annotations

import os
import zipfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from w2l.audio import TRAINING_FPS, melspectrogram
from w2l.base import files
from w2l.data.corpus import made_once, root
from w2l.errors import W2LError
from w2l.talker.cast import Cast
from w2l.talker.corpus import CLIP_SECONDS, make_speaker, mouths_of, speech


@dataclass(frozen=True)
class Utterance:
    """What one talker says. mel: float16 (80, T). mouths: float32 (n, 7), one a frame at 25 a second, as in
    `talker.mouth.Mouth`, without the manner that no sound tells."""

    mel: np.ndarray
    mouths: np.ndarray


def utterances(
    split: str,
    count: int,
    voices: str = Cast.voices,
    seed: int = 0,
    cache: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> list[Utterance]:
    """The first `count` of a split, one speaker each: those of the corpus with these voices (see `data.corpus`).

    Each takes about 0.1 s to make and 55 kB, a thirtieth of what its pictures would. Raises W2LError as `corpus` does.
    """
    if count < 1:
        raise W2LError(f"the {split} split was asked for {count} utterances; ask for at least 1.")
    folder = root(cache) / f"speech-seed{seed}-{voices}" / split
    places = [folder / f"{number:05d}.npz" for number in range(count)]
    return made_once(places, _read, partial(_make, folder, split, seed, voices), f"speech {split}", progress)


def _make(folder: Path, split: str, seed: int, voices: str, number: int) -> int:
    speaker = make_speaker(split, number, seed, Cast(voices, "drawn"))
    phones, wav = speech(speaker, seed=seed)
    mouths, _ = mouths_of(speaker, phones, round(CLIP_SECONDS * TRAINING_FPS), seed=seed)
    with files.atomic(folder / f"{number:05d}.npz") as temporary, open(temporary, "wb") as file:
        np.savez(file, mel=melspectrogram(wav).astype(np.float16), mouths=mouths.astype(np.float32))
    return number


def _read(path: Path) -> Utterance | None:
    """The utterance of a file; None where there is none that is whole."""
    try:
        with open(path, "rb") as file, np.load(file) as saved:
            return Utterance(saved["mel"], saved["mouths"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None  # not there yet, or damaged: made again
