"""Scores a system's results on a test set: each clip is read, then all are measured with the system's lag taken out."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import cv2
import numpy as np

from w2l import video
from w2l.audio import TRAINING_FPS
from w2l.base import device
from w2l.base.progress import progress_bar
from w2l.base.version import __version__
from w2l.errors import W2LError
from w2l.evaluate.metrics.mouth import amplitude, closure_recall, correlation, lag, lagged, leak
from w2l.evaluate.metrics.quality import gradient_energy
from w2l.evaluate.report.tables import Report
from w2l.evaluate.rows import ClipRow, Instruments, guarded, sync_figures
from w2l.evaluate.truth.answers import Answers
from w2l.evaluate.truth.testset import TestSet, TruthClip
from w2l.faces.crop import cut_crop, mouth_box
from w2l.faces.mouths import measure
from w2l.sync.clip import ClipSync, summarise
from w2l.sync.experts import Expert
from w2l.sync.scorer import Scorer

_APART = 5  # frames that may be missing at the end
_REACH = 10  # frames: the largest lag tried
_FOLLOWS = 0.3  # mean correlation with the new words, under which a system has no lag that could be taken out
_FINE = 192  # pixels of a whole frame's face when its sharpness is measured; crops have 96
_WIDE = 256  # pixels of a whole frame when it is compared outside the mouth
_CELLS = (14, 8)  # columns and rows into which the mouth's box is averaged for its jitter, so that blur plays no part
_UPPER = 40  # rows of a crop that no mouth reaches
_STILL = 0.1  # of the true spread: a mouth that moves less is still, and its noise follows nothing
_OTHER = 0.15  # 0 .. 1: a result that differs so much from its face outside the mouth shows another one
_SHOWN = 10  # frames in a strip


@dataclass(frozen=True, eq=False)
class Reading:
    """What is read from a result of n frames, before the system's lag is known.

    mouths: float32 (n, 2). cells: float32 (n, 8, 14, 3), the mouth's box, coarse, 0 .. 1; true_cells: of the truth.
    sharpness, outside: as the columns of a report. syncs: by the experts. strip: uint8 BGR.
    """

    clip: TruthClip
    mouths: np.ndarray
    cells: np.ndarray
    true_cells: np.ndarray
    sharpness: float
    outside: float
    syncs: list[ClipSync]
    strip: np.ndarray
    notes: tuple[str, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.mouths)


@dataclass(frozen=True, eq=False)
class _View:
    """The frames of a clip as they are measured: faces uint8 (n, 96, 96, 3); the gradient energy of their lower halves
    at full resolution; surroundings uint8 (n, H, W, 3), black where a mouth may be."""

    faces: np.ndarray
    energy: float
    around: np.ndarray


def _view(frames: Sequence[np.ndarray], clip: TruthClip, kind: str, side: int) -> _View:
    """Looks at whole frames, or crops, of any size."""
    if kind == "crops":
        faces = np.stack([_sized(frame, 96) for frame in frames])
        return _View(faces, gradient_energy(faces), faces[:, :_UPPER])
    scale = frames[0].shape[0] / side
    fine = np.stack([cut_crop(f, box * scale, _FINE) for f, box in zip(frames, clip.boxes, strict=False)])
    faces = np.stack([cut_crop(f, box * scale) for f, box in zip(frames, clip.boxes, strict=False)])
    around = np.stack([_sized(frame, _WIDE) for frame in frames])
    for picture, box in zip(around, clip.boxes * (_WIDE / side), strict=False):
        x1, y1, x2, y2 = box
        across, down = 0.1 * (x2 - x1), y2 - y1
        rows = slice(max(0, int(y1 + 0.42 * down)), max(0, math.ceil(y2 + 0.15 * down)))
        picture[rows, max(0, int(x1 - across)) : max(0, math.ceil(x2 + across))] = 0
    return _View(faces, gradient_energy(fine), around)


def _sized(frame: np.ndarray, side: int) -> np.ndarray:
    if frame.shape[:2] == (side, side):
        return frame
    how = cv2.INTER_AREA if frame.shape[0] > side else cv2.INTER_LINEAR
    return cv2.resize(frame, (side, side), interpolation=how)


def _cells(faces: np.ndarray) -> np.ndarray:
    """The mouth's box of faces in coarse cells, float32 (n, 8, 14, 3)."""
    boxes = faces[:, *mouth_box()]
    return np.stack([cv2.resize(box, _CELLS, interpolation=cv2.INTER_AREA) for box in boxes]).astype(np.float32) / 255


class AnswerReader:
    """Reads results, with the networks that measure. experts: of the kit, and syncnet_v2 where it is at hand."""

    def __init__(self, testset: TestSet, tools: Instruments, experts: Sequence[Expert] = ()) -> None:
        self._set, self._tools, self._experts = testset, tools, [tools.expert, *experts]

    def read(self, answers: Answers, clip: TruthClip) -> Reading:
        """Reads one result. Raises W2LError when it is missing, too short, or shows something else."""
        shown = list(answers.frames(clip))[: len(clip)]
        if len(shown) < len(clip) - _APART:
            raise W2LError(f"it ends after {len(shown)} of {len(clip)} frames at 25 a second; give the whole clip.")
        side, kind = self._set.recipe.side, answers.kind
        if (whose := self._set.looks_like(shown[0], kind)) != clip.name:
            raise W2LError(f"it shows face {whose}, not {clip.name}; give it the name that jobs.csv says.")
        made = _view(shown, clip, kind, side)
        given, true = (
            _view(list(video.read_frames(path, TRAINING_FPS))[: len(shown)], clip, kind, side)
            for path in (self._set.face(clip, kind), self._set.truth(clip, kind))
        )
        outside = float(np.abs(made.around.astype(np.int16) - given.around).mean()) / 255
        if outside > _OTHER:
            raise W2LError(
                f"its pictures are not those that were given (mean difference away from the mouth {outside:.2f}); "
                "give back the whole picture, uncut."
            )
        places = np.linspace(0, len(shown) - 1, _SHOWN).round().astype(int)
        return Reading(
            clip,
            measure(self._tools.meter, made.faces),
            _cells(made.faces),
            _cells(true.faces),
            made.energy / true.energy,
            outside,
            self._syncs(made.faces, clip),
            np.vstack([np.hstack(list(faces[places])) for faces in (true.faces, made.faces)]),
            tuple(_notes(answers, clip, len(shown))),
        )

    def _syncs(self, faces: np.ndarray, clip: TruthClip) -> list[ClipSync]:
        """What each expert says of the faces and the words to say; the sound of the result plays no part."""
        found, wav = [], self._set.speech(clip)
        for expert in self._experts:
            scorer = Scorer(expert, wav)
            scorer.add(expert.resize(face) for face in faces)
            found.append(summarise(scorer.finish(), expert, clip.name))
        return found


def _notes(answers: Answers, clip: TruthClip, shown: int) -> Iterator[str]:
    if told := answers.note(clip):
        yield told
    if shown < len(clip):
        yield f"it has {shown} of {len(clip)} frames."


def score(
    answers: Answers, testset: TestSet, tools: Instruments, progress: bool = False, experts: Sequence[Expert] = ()
) -> Report:
    """A row for each clip of the test set, also for those that are missing, with the reason; intervals are over faces.

    experts: more of them, such as syncnet_v2 for LSE-D and LSE-C. Raises W2LError when no clip could be scored.
    """
    reader = AnswerReader(testset, tools, experts)
    readings: dict[str, Reading] = {}

    def read(clip: TruthClip) -> ClipRow:
        readings[clip.name] = reader.read(answers, clip)
        return ClipRow(clip.name)

    bar = progress_bar(testset.clips, desc=answers.name, unit="clip", show=progress)
    rows = {clip.name: guarded(clip.name, partial(read, clip)) for clip in bar}
    if not readings:
        first = next(iter(rows.values()))
        raise W2LError(f"none of the {len(rows)} clips could be scored; {first.name}: {first.fault}")
    late = system_lag(list(readings.values()))
    filled = [_row(readings[name], late, row.seconds) if name in readings else row for name, row in rows.items()]
    facts: dict[str, Any] = {
        "system": answers.name,
        "pictures": answers.kind,
        "scored": f"{len(readings)} of {len(rows)} clips, faces of {len({c.person for c in testset.clips})} people",
        "lag taken out": f"{late} frames" if late is not None else "none: it does not follow the words",
        "test set": f"{testset.checksum}, {len(rows)} clips",
        **tools.facts(),
        **{f"expert {one.name}": one.sha256 for one in experts},
        "w2l": __version__,
        "machine": device.machine(),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }
    return Report(f"{answers.name} on {len(rows)} talkers whose truth is known", filled, facts)


def system_lag(readings: Sequence[Reading]) -> int | None:
    """Frames by which a system's mouths lag the truth, over all clips together; None if they do not follow it."""
    curves = [lagged(one.mouths[:, 0], one.clip.new[: len(one), 0], _REACH) for one in readings]
    mean = np.mean(curves, axis=0)
    return int(mean.argmax()) - _REACH if mean.max() >= _FOLLOWS else None


def _row(reading: Reading, late: int | None, seconds: float) -> ClipRow:
    """The figures of a clip, compared with the truth `late` frames earlier."""
    clip, count, shift = reading.clip, len(reading), late or 0
    mine = slice(max(0, shift), count + min(0, shift))
    truth = slice(max(0, -shift), count + min(0, -shift))
    read, new, old = (one.astype(np.float64) for one in (reading.mouths[mine], clip.new[truth], clip.old[mine]))
    start = max(0, -shift) / TRAINING_FPS
    closures = [(first - start, last - start) for first, last in clip.closures if last > start]
    resting = clip.resting[truth]
    figures = {
        "opening_r": _follows(read[:, 0], new[:, 0]),
        "width_r": _follows(read[:, 1], new[:, 1]),
        "opening_r_old": _follows(read[:, 0], old[:, 0]),
        "width_r_old": _follows(read[:, 1], old[:, 1]),
        "leak": leak(read[:, 0], new[:, 0], old[:, 0]),
        "lag": math.nan if late is None else lag(reading.mouths[:, 0], clip.new[:count, 0], _REACH),
        "amplitude": amplitude(read[:, 0], new[:, 0]),
        "closures": closure_recall(read[:, 0], new[:, 0], closures)[0],
        "rest": float(read[resting, 0].mean()) if resting.any() else math.nan,
        "rest_jitter": _jitter(reading, mine, truth, resting),
        "sharpness": reading.sharpness,
        "outside": reading.outside,
    }
    for sync in reversed(reading.syncs):  # the offset is that of the first, an expert of the kit
        figures |= sync_figures(sync)
    row = ClipRow(clip.name, talker=clip.person, notes=reading.notes, sync=reading.syncs[0], frames=count)
    row.figures = {key: float(value) for key, value in figures.items() if math.isfinite(value)}
    row.openings, row.seconds = (read[:, 0], new[:, 0]), seconds
    row.strip, row.strip_is_double = reading.strip, True
    return row


def _follows(read: np.ndarray, true: np.ndarray) -> float:
    """Correlation of what is read with the truth; 0 for a mouth that is still."""
    return correlation(read, true) if read.std() > _STILL * true.std() else 0.0


def _jitter(reading: Reading, mine: slice, truth: slice, resting: np.ndarray) -> float:
    """Second differences over time in the mouth's box where the lips rest, over those of the truth; NaN for no rest."""
    bends = [
        np.abs(cells[2:] - 2 * cells[1:-1] + cells[:-2]).mean((1, 2, 3))
        for cells in (reading.cells[mine], reading.true_cells[truth])
    ]
    still = resting[2:] & resting[1:-1] & resting[:-2]
    return float(bends[0][still].mean() / bends[1][still].mean()) if still.any() else math.nan
