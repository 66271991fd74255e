"""Clips of real people and the true openings of their mouths, laid out as GRID's sample: for `tools.real_people`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import nn

from w2l import audio, video
from w2l.audio import TRAINING_FPS, melspectrogram
from w2l.data.clip import Clip
from w2l.errors import W2LError
from w2l.faces.crop import CROP_SIZE
from w2l.faces.mouths import measure
from w2l.sync.stretches import find_stretches

OPENINGS = "openings.json"
FACE = 0.87 * CROP_SIZE  # pixels of a crop from forehead to chin: 0.84 to 0.90 of its height in eight clips


@dataclass(frozen=True)
class RealClip:
    """A clip of someone speaking, n frames.

    true: (n, 2), opening and width of the mouth over the face's height. faces: uint8 (n, 96, 96, 3) crops. read: (n, 2)
    what the meter reads from them, over the face's height. wav: float32 (N,) at 16 kHz.
    """

    path: Path
    true: np.ndarray
    faces: np.ndarray
    read: np.ndarray
    wav: np.ndarray

    @property
    def name(self) -> str:
        """The file's name without its suffix."""
        return self.path.stem

    @property
    def clip(self) -> Clip:
        """It as the networks take it."""
        return Clip(self.faces, melspectrogram(self.wav))


def find_clips(folder: Path, speakers: Sequence[str]) -> dict[Path, np.ndarray]:
    """The speakers' clips and their true mouths: the first clip of each speaker, then the second of each, and so on.

    Raises W2LError for a file of openings that cannot be read, and for speakers who are not there.
    """
    true = read_openings(folder / OPENINGS)
    found = []
    for speaker in speakers:
        own = sorted(path for path in folder.glob(f"{speaker}_*.mp4") if path.name in true)
        if not own:
            raise W2LError(f"{folder} has no clip of {speaker!r} that {OPENINGS} knows; give other --speakers.")
        found += list(enumerate(own))
    return {path: true[path.name] for _, path in sorted(found, key=lambda one: one[0])}


def read_openings(path: Path) -> dict[str, np.ndarray]:
    """Opening and width over the face's height, (n, 2) of each video, as `tools/face_mesh.py` writes them.

    Frames in which the mesh found no face are bridged by straight lines. Raises W2LError for any other file.
    """
    try:
        known = json.loads(path.read_text(encoding="utf8"))
        return {name: np.stack([_bridged(one[of]) for of in ("gap", "width")], 1) for name, one in known.items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise W2LError(f"{path} cannot be read as openings ({error}); write it with tools/face_mesh.py.") from error


def _bridged(values: Sequence[float | None]) -> np.ndarray:
    there = [i for i, value in enumerate(values) if value is not None]
    return np.interp(np.arange(len(values)), there, [float(values[i] or 0) for i in there])


def load(path: Path, true: np.ndarray, meter: nn.Module) -> RealClip:
    """A clip with its faces; raises W2LError where a frame shows none."""
    stretch = find_stretches(path, "main", published=False, fps=TRAINING_FPS)[0]
    if stretch.length != len(true):
        raise W2LError(
            f"{path} shows one face in {stretch.length} frames of {len(true)}; leave out clips with cuts or gaps."
        )
    faces = np.stack([stretch.cut(frame, i) for i, frame in enumerate(video.read_frames(path, TRAINING_FPS))])
    return RealClip(path, true, faces, measure(meter, faces) / FACE, audio.for_models(audio.read(path)))


def next_words(clips: Sequence[RealClip], number: int) -> RealClip:
    """Whose words a clip gets: those of the next clip by another speaker. Raises W2LError where there is none."""
    mine = speaker_of(clips[number].name)
    others = [one for one in [*clips[number + 1 :], *clips[:number]] if speaker_of(one.name) != mine]
    if not others:
        raise W2LError("words are exchanged between speakers; give at least two --speakers.")
    return others[0]


def speaker_of(name: str) -> str:
    """Who speaks in a clip, by its name."""
    return name.split("_")[0]
