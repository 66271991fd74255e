"""The examination: every sign of a case, clip by clip and of the whole."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, TypeVar

import numpy as np

from w2l import models
from w2l.base.progress import progress_bar
from w2l.data.clip import Clip
from w2l.doctor import limits
from w2l.doctor.cases import Case, CaseClip
from w2l.doctor.crops import CropExaminer, CropSigns
from w2l.doctor.learning import Sweep, sweep
from w2l.doctor.limits import within
from w2l.doctor.sound import doubles, level
from w2l.doctor.sync import Embedded, SyncSigns, rate_numbers, read_sync, sync_numbers
from w2l.errors import W2LError
from w2l.sync.experts import Expert, load_expert
from w2l.train.settings import ExpertConfig

_T = TypeVar("_T")

FRAMES = 76  # of a clip that are looked at: 3 s
_FEWEST = 5  # clips without a fault of their own from which sync is judged


@dataclass(frozen=True)
class ClipSigns:
    """What was seen of one clip. faults: of its own, in words; sync: None where it was not judged, because of them."""

    name: str
    speaker: str
    split: str
    source: str
    frames: int
    level: float
    crops: CropSigns
    faults: tuple[str, ...]
    sync: SyncSigns | None = None

    def row(self) -> dict[str, Any]:
        """As a row of a table."""
        own = {key: getattr(self, key) for key in ("name", "speaker", "split", "source", "frames")}
        numbers = {"level": self.level, **asdict(self.crops)}
        row = own | {key: round(value, 3) for key, value in numbers.items()}
        if self.sync is not None:
            curve = self.sync.curve
            row |= {"offset": curve.offset, "confidence": round(curve.confidence, 3), "in_sync": self.sync.stands_out}
        return row | {"faults": ", ".join(self.faults)}


@dataclass(frozen=True)
class Signs:
    """Everything that was measured of a case. numbers: by name, as documented where they are measured: `sync`,
    `learning` and `examine`; those that could not be measured are missing."""

    case: Case
    clips: Sequence[ClipSigns]
    numbers: dict[str, float]
    expert: str = ""
    sweep: Sweep | None = field(default=None, compare=False)


class Tools:
    """What an examination measures with. expert: name or file of one that judges by cosine. remember: keep what was
    measured of pictures and sounds, for stores that share them."""

    def __init__(self, expert: str | Expert = "classroom_expert", device: str = "auto", remember: bool = False) -> None:
        self.expert, self.device = load_expert(expert, device, measure="cosine"), device
        self._examiner = CropExaminer(models.load("classroom_meter", network="mouth_meter"))
        self._known: dict[tuple[str, bytes], Any] | None = {} if remember else None

    def look(self, frames: np.ndarray) -> CropSigns:
        """What the crops of a clip show, uint8 (n, H, H, 3) BGR."""
        return self._once("crops", frames, lambda: self._examiner.look(frames))

    def embed(self, frames: np.ndarray, mel: np.ndarray) -> Embedded:
        """Embeddings of every window of a clip: (mouths, sounds), float32 (n - 4, D) each."""
        frames = np.stack([self.expert.resize(frame) for frame in frames])
        mouths = self._once("mouths", frames, lambda: self.expert.see(frames))
        return mouths, self._once("sounds", mel, lambda: self.expert.hear(mel)(0, len(mouths)))

    def _once(self, what: str, seen: np.ndarray, measure: Callable[[], _T]) -> _T:
        if self._known is None:
            return measure()
        key = what, hashlib.sha256(seen.tobytes()).digest()
        if key not in self._known:
            self._known[key] = measure()
        return self._known[key]


def examine(case: Case, tools: Tools | None = None, learning: bool = True, progress: bool = True) -> Signs:
    """Measures a case. learning: also learn one batch by heart, at several rates, which takes half of the time.

    Raises W2LError for fewer than two clips.
    """
    if len(case.clips) < 2:
        raise W2LError(f"{case.name} has {len(case.clips)} clip to look at; two or more can be compared.")
    tools = tools or Tools()
    bar = progress_bar(case.clips, desc="examine", unit="clip", show=progress)
    seen = [_look(one, tools) for one in bar]
    sound = [number for number, one in enumerate(seen) if not one.faults]
    numbers = _people(case) | _own(seen) | _shared(case)
    if len(sound) >= _FEWEST:
        embedded = [_embed(case.clips[number].clip, tools) for number in _shown(sound, progress)]
        signs = read_sync(embedded)
        numbers |= sync_numbers(signs) | rate_numbers(embedded)
        for number, sign in zip(sound, signs, strict=True):
            seen[number] = replace(seen[number], sync=sign)
    tried = None
    if learning:
        config = case.tried.config if case.tried else ExpertConfig()
        learned = [one.clip for one in case.clips if one.split == "train"]
        tried = sweep(learned, config, tools.device, progress=progress)
        numbers |= {} if tried is None else tried.numbers()
    return Signs(case, seen, numbers, tools.expert.name, tried)


def _shown(numbers: Sequence[int], progress: bool) -> Iterator[int]:
    yield from progress_bar(numbers, desc="sync", unit="clip", show=progress)


def _embed(clip: Clip, tools: Tools) -> Embedded:
    return tools.embed(clip.frames[:FRAMES], clip.mel)


def _look(one: CaseClip, tools: Tools) -> ClipSigns:
    crops, loud = tools.look(one.clip.frames[:FRAMES]), level(one.clip.mel)
    faults = tuple(_faults(crops, loud))
    return ClipSigns(one.name, one.speaker, one.split, one.source, len(one.clip), loud, crops, faults)


def _faults(crops: CropSigns, loud: float) -> Iterator[str]:
    """What is wrong with a clip whatever the others are like."""
    if loud < limits.SILENT:
        yield "silent"
    if loud > limits.LOUD:
        yield "clipped"
    if crops.found < limits.FOUND:
        yield "no face"
    elif not (within(crops.x, limits.ANY_X) and within(crops.y, limits.ANY_Y)):
        yield "mouth out of place"
    elif not within(crops.width, limits.ANY_WIDTH):
        yield "wrong size"
    if crops.opening < limits.STILL:
        yield "still"
    if crops.shake > limits.SHAKE:
        yield "shaking"
    if crops.repeated > limits.REPEATED:
        yield "repeated frames"


def _own(seen: Sequence[ClipSigns]) -> dict[str, float]:
    """Medians over clips of what is seen of each, and for each fault the share of clips that have it."""
    numbers = {"level": float(np.median([one.level for one in seen]))}
    for name in ("x", "y", "width"):
        values = [getattr(one.crops, name) for one in seen]
        numbers["mouth_" + name] = float(np.nanmedian(values)) if np.isfinite(values).any() else float("nan")
    for name in ("found", "opening", "shake", "repeated"):
        numbers[name] = float(np.median([getattr(one.crops, name) for one in seen]))
    for fault in FAULTS:
        numbers[f"share {fault}"] = sum(fault in one.faults for one in seen) / len(seen)
    return numbers


FAULTS = ("silent", "clipped", "no face", "mouth out of place", "wrong size", "still", "shaking", "repeated frames")


def _people(case: Case) -> dict[str, float]:
    """Speakers in training and held out, minutes of training, and speakers that are in both."""
    train, held_out = case.speakers("train"), case.speakers("validation")
    return {
        "speakers": len(train),
        "held_out_speakers": len(held_out),
        "minutes": case.minutes("train"),
        "in_both": len(train & held_out),
    }


def _shared(case: Case) -> dict[str, float]:
    """`doubles`: the share of validation clips whose sound is that of a training clip."""
    by_split: dict[str, list[np.ndarray]] = {"train": [], "validation": []}
    for one in case.clips:
        if one.split in by_split and level(one.clip.mel) >= limits.SILENT:
            by_split[one.split].append(one.clip.mel)
    found = {i for i, _ in doubles(by_split["validation"], by_split["train"])}
    return {"doubles": len(found) / len(by_split["validation"])} if by_split["validation"] else {}
