"""Measures one clip, or a generated clip against the real one, for a row of a report."""

from __future__ import annotations

import itertools
import json
import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from torch import nn

from w2l import models, video, weights
from w2l.audio import TRAINING_FPS
from w2l.base.files import hash_of
from w2l.errors import W2LError
from w2l.evaluate.metrics import mouth
from w2l.evaluate.metrics.frechet import Features, Moments, load_features
from w2l.evaluate.metrics.mouth import correlation
from w2l.evaluate.metrics.quality import Errors, Jitter
from w2l.evaluate.settings import InstrumentSettings
from w2l.evaluate.sources import Pair
from w2l.faces.crop import CROP_SIZE
from w2l.faces.mouths import measure
from w2l.preprocess.sources import TRUTH
from w2l.sync.clip import ClipSync, is_cropped, sync_curve
from w2l.sync.experts import Expert, load_expert
from w2l.sync.scorer import blocks
from w2l.sync.stretches import Stretch, find_stretches

_BLOCK = 64  # faces measured at a time
_APART = 5  # frames by which two clips may differ in length
_SHOWN = 10  # frames in a strip
_ODD = (OSError, ValueError, LookupError, ArithmeticError, cv2.error)  # what decoders raise for damaged files


@dataclass
class ClipRow:
    """One line of a report. fault: why there are no figures, in a sentence; empty where there are.

    figures: by the keys of `columns.COLUMNS`; what could not be measured is missing. talker: rows of one talker are
    resampled together for intervals; empty: this one is on its own. openings: of the generated mouth as read, and of
    the true one, pixels over time, for the plot. strip: frames over time, uint8 BGR, or None; strip_is_double: whether
    the real ones are above the generated.
    seconds: time spent.
    """

    name: str
    fault: str = ""
    figures: dict[str, float] = field(default_factory=dict)
    talker: str = ""
    notes: tuple[str, ...] = ()
    sync: ClipSync | None = None
    openings: tuple[np.ndarray, np.ndarray] | None = None
    strip: np.ndarray | None = None
    strip_is_double: bool = False
    frames: int = 0
    seconds: float = 0.0
    moments: dict[str, tuple[Moments, Moments]] = field(default_factory=dict)


class Instruments:
    """The networks that measure: an expert, the mouth meter and those for Fréchet distances; loaded once.

    expert, meter, device: see `InstrumentSettings`; an expert that is already loaded will do too. features: for
    `load_features`, or already loaded.
    """

    def __init__(
        self,
        expert: str | Expert = InstrumentSettings.expert,
        meter: str = InstrumentSettings.meter,
        features: Iterable[str | Features] = ("small",),
        device: str = InstrumentSettings.device,
    ) -> None:
        self.expert = load_expert(expert, device)
        self.meter: nn.Module = models.load(meter, network="mouth_meter")
        self.features: list[Features] = [load_features(one) if isinstance(one, str) else one for one in features]
        self._meter = meter

    def facts(self) -> dict[str, str]:
        """Name and sha256 of every network used."""
        found = {
            f"expert {self.expert.name}": self.expert.sha256,
            f"meter {Path(self._meter).name}": hash_of(weights.find(self._meter)),
        }
        return found | {f"features {one.name}": one.sha256 for one in self.features}


@dataclass(frozen=True)
class Truth:
    """What a mouth should do: opening and width (n, 2) in pixels of a 96-pixel crop, and the times of m, b, p.

    start: the frame of the stretch that the first of these n belongs to. read: whose mouth the meter read it from, in
    words; empty where it is known.
    """

    mouth: np.ndarray
    closures: list[tuple[float, float]] = field(default_factory=list)
    start: int = 0
    read: str = ""


def guarded(name: str, work: Callable[[], ClipRow]) -> ClipRow:
    """The row that `work` returns, or one with a fault if it raises, so that one bad clip does not stop the others."""
    start = time.perf_counter()
    try:
        row = work()
    except W2LError as error:
        return ClipRow(name, fault=str(error))
    except _ODD as error:
        return ClipRow(name, fault=f"it could not be measured ({type(error).__name__}: {error}).")
    row.seconds = time.perf_counter() - start
    return row


def measure_clip(
    path: Path, tools: Instruments, protocol: str = "auto", which: str = "main", audio_track: int | None = None
) -> ClipRow:
    """The sync of one clip, and how its mouth moves; figures that need a real clip are left out.

    audio_track: as in `sync_curve`.
    """
    found = sync_curve(path, tools.expert, protocol, which, audio_track=audio_track)
    row = ClipRow(path.name, figures=sync_figures(found), notes=found.notes, sync=found)
    stretch = _stretches(path, protocol)[0]
    material = ((None, np.stack(block)) for block in blocks(_crops(path, stretch), _BLOCK))
    return compare(row, material, tools, read_truth(path, stretch))


def measure_pair(pair: Pair, tools: Instruments, protocol: str = "auto") -> ClipRow:
    """A generated clip against the real one it was made from; the real one's face boxes are used for both."""
    if pair.fault:
        return ClipRow(pair.name, fault=pair.fault)
    found = sync_curve(pair.generated, tools.expert, protocol)
    row = ClipRow(pair.name, figures=sync_figures(found), notes=found.notes, sync=found)
    if pair.real is None:
        return row
    _check_shapes(pair.real, pair.generated)
    stretch = max(_stretches(pair.real, protocol), key=lambda one: one.length or math.inf)
    truth = read_truth(pair.speech, stretch)
    if truth is None and not pair.same_speech:
        truth = read_words(pair.speech, stretch, tools, protocol)
    both = _together(pair.real, pair.generated, stretch, pair.same_speech)
    return compare(row, both, tools, truth, pair.same_speech)


def sync_figures(found: ClipSync) -> dict[str, float]:
    """A clip's sync by the keys of `columns.COLUMNS`."""
    if found.measure == "distance":
        return {"offset": found.offset, "lse_d": found.lse_d, "lse_c": found.lse_c}
    return {"offset": found.offset, "cosine": found.best, "confidence": found.confidence}


def compare(
    row: ClipRow,
    material: Iterable[tuple[np.ndarray | None, np.ndarray]],
    tools: Instruments,
    truth: Truth | None,
    same_speech: bool = True,
) -> ClipRow:
    """Fills a row from blocks of faces, real (None: there are none) and generated, uint8 (k, H, H, 3) each.

    Without a truth the mouth is compared with what the meter reads from the real faces, if the words are the same.
    """
    errors, jitter, real_jitter = Errors(), Jitter(), Jitter()
    read, real_read, shown = [], [], _Strip()
    for real, made in material:
        jitter.add(made)
        read.append(measure(tools.meter, made))
        shown.add(real, made)
        if real is not None:
            errors.add(real, made)
            real_jitter.add(real)
            real_read.append(measure(tools.meter, real))
            for one in tools.features:
                row.moments[one.name] = _grown(row.moments.get(one.name), Moments.of(one(real)), Moments.of(one(made)))
    mouths = np.concatenate(read)
    row.frames = len(mouths)
    row.figures["jitter"] = jitter.value()
    if real_read:
        found = errors.figures()
        row.figures |= found if same_speech else {"sharpness": found["sharpness"]}
        row.figures["jitter_ratio"] = jitter.value() / real_jitter.value() if real_jitter.value() > 0 else math.nan
    if truth is None and real_read and same_speech:
        truth = Truth(np.concatenate(real_read), read="the real clip")
    if truth is not None and truth.start < len(mouths):
        seen = mouths[truth.start :]
        row.figures |= _mouth_figures(seen, truth)
        row.openings = seen[:, 0], truth.mouth[: len(seen), 0]
        if truth.read:
            row.notes = (*row.notes, f"the mouth is compared with what the meter reads from {truth.read}.")
    row.strip, row.strip_is_double = shown.strip(), bool(real_read)
    row.figures = {key: float(value) for key, value in row.figures.items() if math.isfinite(value)}
    return row


def _grown(before: tuple[Moments, Moments] | None, real: Moments, made: Moments) -> tuple[Moments, Moments]:
    return (real, made) if before is None else (before[0] + real, before[1] + made)


def _mouth_figures(mouths: np.ndarray, truth: Truth) -> dict[str, float]:
    count = min(len(mouths), len(truth.mouth))
    read, true = mouths[:count].astype(np.float64), truth.mouth[:count].astype(np.float64)
    return {
        "opening_r": correlation(read[:, 0], true[:, 0]),
        "width_r": correlation(read[:, 1], true[:, 1]),
        "lag": mouth.lag(read[:, 0], true[:, 0]),
        "amplitude": mouth.amplitude(read[:, 0], true[:, 0]),
        "closures": mouth.closure_recall(read[:, 0], true[:, 0], truth.closures)[0],
    }


def read_truth(path: Path | None, stretch: Stretch) -> Truth | None:
    """The truth in the .json beside a clip of the synthetic talker, for the stretch; None if there is no such file."""
    if path is None or not path.with_suffix(".json").is_file():
        return None
    try:
        facts = json.loads(path.with_suffix(".json").read_text(encoding="utf8"))
        pixels = np.array(facts[TRUTH], np.float32).reshape(-1, 3)[:, :2]
        closures = mouth.bilabial_times(facts.get("phones", ()))
        first = stretch.start
        if stretch.boxes is not None:
            boxes = stretch.boxes[: len(pixels) - first]
            sides = np.stack([boxes[:, 3] - boxes[:, 1], boxes[:, 2] - boxes[:, 0]], axis=1)
            pixels = pixels[first : first + len(boxes)] * CROP_SIZE / sides
        return Truth(pixels, [(a - first / TRAINING_FPS, b - first / TRAINING_FPS) for a, b in closures])
    except (ValueError, KeyError, TypeError):
        return None  # a file from another program


def read_words(path: Path | None, stretch: Stretch, tools: Instruments, protocol: str = "auto") -> Truth | None:
    """What the meter reads from the clip that the words come from, at the times of the stretch of another face.

    None where the words come from a sound, or their clip shows no face at these times.
    """
    if path is None:
        return None
    try:
        own = max(_stretches(path, protocol), key=lambda one: one.length or math.inf)
    except W2LError:
        return None  # a sound, or nobody is to be seen who says them
    crops = itertools.islice(_crops(path, own), max(0, stretch.start - own.start), None)
    read = [measure(tools.meter, np.stack(block)) for block in blocks(crops, _BLOCK)]
    start = max(0, own.start - stretch.start)
    return Truth(np.concatenate(read), start=start, read="the clip of the words") if read else None


def _stretches(path: Path, protocol: str) -> list[Stretch]:
    if is_cropped(video.probe(path), protocol):
        return [Stretch(0, None)]
    return find_stretches(path, "main", published=False, fps=TRAINING_FPS)


def _crops(path: Path, stretch: Stretch) -> Iterator[np.ndarray]:
    """Faces of 96 pixels of a stretch, at 25 a second."""
    whole = CROP_SIZE, CROP_SIZE
    start = stretch.start / TRAINING_FPS
    for index, frame in enumerate(video.read_frames(path, TRAINING_FPS, start=start, max_frames=stretch.length)):
        face = stretch.cut(frame, index)
        yield face if face.shape[:2] == whole else cv2.resize(face, whole, interpolation=cv2.INTER_AREA)


def _together(real: Path, made: Path, stretch: Stretch, same_speech: bool) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Blocks of both clips, as long as both last.

    Raises W2LError if one ends more than 5 frames before the other although they have the same speech. With another's,
    a dub is as long as that is.
    """
    count = {"real": 0, "generated": 0}
    together = itertools.zip_longest if same_speech else zip
    both = together(_crops(real, stretch), _crops(made, stretch))
    for block in blocks(both, _BLOCK):  # type: ignore[arg-type]
        whole = [(a, b) for a, b in block if a is not None and b is not None]
        count["real"] += sum(a is not None for a, _ in block)
        count["generated"] += sum(b is not None for _, b in block)
        if abs(count["real"] - count["generated"]) > _APART:
            short, long = sorted(count, key=lambda name: count[name])
            raise W2LError(
                f"the {short} clip ends after {count[short]} frames at 25 a second and the {long} one does not; give "
                "clips of the same length."
            )
        if whole:
            yield np.stack([a for a, _ in whole]), np.stack([b for _, b in whole])


def _check_shapes(real: Path, made: Path) -> None:
    a, b = video.probe(real), video.probe(made)
    # a video of odd size is written one pixel larger
    if abs(a.width - b.width) > 1 or abs(a.height - b.height) > 1:
        raise W2LError(
            f"the real clip is {a.width}x{a.height} and the generated one {b.width}x{b.height} pixels; give clips of "
            "the same size."
        )


class _Strip:
    """A few frames evenly spaced over a clip of any length, real and generated."""

    def __init__(self) -> None:
        self._kept: list[tuple[np.ndarray | None, np.ndarray]] = []
        self._every, self._count = 1, 0

    def add(self, real: np.ndarray | None, made: np.ndarray) -> None:
        for i in range(len(made)):
            if self._count % self._every == 0:
                self._kept.append((None if real is None else real[i], made[i]))
            self._count += 1
            if len(self._kept) == 8 * _SHOWN:
                self._kept, self._every = self._kept[::2], 2 * self._every

    def strip(self) -> np.ndarray | None:
        """Side by side, the real ones above."""
        if not self._kept:
            return None
        places = np.unique(np.linspace(0, len(self._kept) - 1, _SHOWN).round().astype(int))
        picked = [self._kept[i] for i in places]
        made = np.hstack([b for _, b in picked])
        real = [a for a, _ in picked if a is not None]
        return np.vstack([np.hstack(real), made]) if real else made
