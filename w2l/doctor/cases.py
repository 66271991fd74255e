"""What is examined: clips with what their store says of them, and the training that was tried on them."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

import numpy as np

from w2l.audio import TRAINING_FPS
from w2l.data.clip import FRAMES, Clip
from w2l.data.store import Store
from w2l.errors import W2LError
from w2l.train.data import CORPUS
from w2l.train.engine.log import read_log
from w2l.train.settings import ExpertConfig

MOST_CLIPS = 300


@dataclass(frozen=True)
class CaseClip:
    """A clip that is looked at. name: its file or what else it is called. source: what it was made from."""

    clip: Clip
    name: str
    speaker: str
    split: str = "train"
    source: str = ""


@dataclass(frozen=True)
class Tried:
    """A training that was tried: its settings, and its log, step -> numbers by column."""

    config: ExpertConfig
    log: dict[int, dict[str, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """Clips to examine. census: (speaker, split, frames) of every clip of the store, of which `clips` may be a part."""

    name: str
    clips: Sequence[CaseClip]
    census: Sequence[tuple[str, str, int]]
    tried: Tried | None = None

    @classmethod
    def of(cls, name: str, clips: Sequence[CaseClip], tried: Tried | None = None) -> Case:
        """A case of clips in memory, all of which are looked at."""
        return cls(name, clips, [(one.speaker, one.split, len(one.clip)) for one in clips], tried)

    def speakers(self, split: str) -> set[str]:
        """The speakers of a split."""
        return {speaker for speaker, own, _ in self.census if own == split}

    def minutes(self, split: str) -> float:
        """Minutes of clips in a split."""
        return sum(frames for _, own, frames in self.census if own == split) / TRAINING_FPS / 60


def read_case(
    store: str | os.PathLike[str], run: str | os.PathLike[str] | None = None, most: int = MOST_CLIPS, seed: int = 0
) -> Case:
    """The case of a store on disk. run: folder of an expert's training on it. most: clips to look at, drawn so that
    every speaker has as many as can be; seed: of that draw.

    Raises W2LError for a folder that is no store, one without clips of a window's length, and a run that is not an
    expert's.
    """
    opened = Store(store)
    rng = np.random.default_rng(seed)
    turns: dict[str, int] = {}
    order = []
    for number in rng.permutation(len(opened.entries)):
        speaker = opened.entries[number].speaker
        turns[speaker] = turns.get(speaker, 0) + 1
        order.append((turns[speaker], int(number)))
    picked = sorted(number for _, number in sorted(order, key=lambda one: one[0])[:most])
    opening = {split: opened.clips(split) for split in {opened.entries[number].split for number in picked}}
    places: dict[str, int] = {}
    clips, chosen = [], set(picked)
    for number, entry in enumerate(opened.entries):
        place = places[entry.split] = places.get(entry.split, -1) + 1
        if number in chosen and entry.frames >= 2 * FRAMES:
            clip = opening[entry.split][place]
            clips.append(CaseClip(clip, Path(entry.file).name, entry.speaker, entry.split, entry.source))
    if not clips:
        raise W2LError(f"{store} has no clip of {2 * FRAMES} frames or more to look at; preprocess longer clips.")
    census = [(entry.speaker, entry.split, entry.frames) for entry in opened.entries]
    return Case(Path(store).resolve().name, clips, census, None if run is None else read_run(run))


def read_run(folder: str | os.PathLike[str]) -> Tried:
    """The settings and the log of an expert's training. Raises W2LError when the folder holds none, or one on
    synthetic talkers."""
    path = Path(folder) / "settings.json"
    try:
        told = json.loads(path.read_text(encoding="utf8"))
        kind, settings = told["training"], told["settings"]
        known = {one.name for one in fields(ExpertConfig)}
        config = ExpertConfig(**{key: value for key, value in settings.items() if key in known})
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise W2LError(f"{folder} is not the run folder of a training (its settings.json cannot be read).") from error
    if kind != "expert":
        raise W2LError(f"{folder} is the training of a {kind}; give the run folder of an expert.")
    if str(settings.get("data", "")).startswith(CORPUS):
        raise W2LError(f"{folder} learned from synthetic talkers and not from a store; leave the run out.")
    return Tried(config, {int(row.pop("step")): row for row in read_log(folder)})
