"""The track: one face followed through all frames of a clip, its gaps marked, its jitter smoothed away."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from w2l import video
from w2l.errors import W2LError
from w2l.faces.detectors import Detector, FixedBox, detector

GAPS = ("pass", "hold", "interpolate", "error")

_BATCH = 8  # frames handed to the detector at once
_SAME_FACE = 0.3  # IoU from which on two boxes, a frame or a few apart, are taken for the same face
_JUMP = 0.5  # IoU of two neighbouring frames' boxes below which nothing is averaged: heads are slower, so it is a cut
_PATIENCE = 25  # frames after which a face that comes back to the same place counts as another one
_BRIDGE = 5  # a detector's drop-outs up to this many frames are filled whatever `gaps` says
_PERSISTENT = 3  # a face seen in fewer frames (of a clip that has more) is taken for a false hit
_CENTRE_WINDOW = 5  # frames over which the box's centre is averaged
_SIZE_WINDOW = 13  # and its size: heads grow and shrink slowly, while a detector's size steps are coarse


@dataclass
class Track:
    """Where one face is in each of the n frames of a clip.

    boxes: (n, 4) float32, x1, y1, x2, y2 in pixels with the pads added; they may reach over the frame's border; NaN
    where there is nothing to work on. found: (n,) bool, False where no face was found (drop-outs of a few frames within
    a track do not count); with gaps "hold" and "interpolate" such frames have a box all the same. size: width and
    height of the frames.
    """

    boxes: np.ndarray
    found: np.ndarray
    size: tuple[int, int]

    def __len__(self) -> int:
        return len(self.boxes)

    def has_face(self, index: int) -> bool:
        """Whether there is a box to work on in this frame."""
        return bool(np.isfinite(self.boxes[index, 0]))

    @property
    def missing(self) -> list[int]:
        """The frames in which no face was found."""
        return [int(i) for i in np.flatnonzero(~self.found)]


def track_faces(
    path_or_frames: str | os.PathLike[str] | Iterable[np.ndarray],
    detector: str | Detector = "auto",
    pads: Sequence[float] = (0, 10, 0, 0),
    smooth: bool = True,
    gaps: str = "pass",
    box: Sequence[float] | None = None,
    progress: bool = False,
) -> Track:
    """Follows the largest, most persistent face through a clip; holds a few frames at a time only.

    path_or_frames: a clip or picture, or its frames, (H, W, 3) uint8 BGR, all of one size. detector: a name (see
    `faces.detector`) or an object. pads: pixels added to the boxes at the top, bottom, left and right. smooth: average
    the box over neighbouring frames, but not over a jump of it. gaps, for frames in which no face was found: "pass"
    leaves them without a box, "hold" repeats the last box before, "interpolate" moves from the box before to the one
    after, "error" raises. box: x1, y1, x2, y2 of a face that stays in place; then nothing is detected and no pads are
    added.

    Raises W2LError when no frame shows a face, when frames differ in size, and for arguments out of range.
    """
    if gaps not in GAPS:
        raise W2LError(f"gaps cannot be {gaps!r}; choose one of {', '.join(GAPS)}.")
    margins = np.zeros(4, np.float32) if box is not None else _margins(pads)
    finder = FixedBox(box) if box is not None else _finder(detector)
    if isinstance(path_or_frames, (str, os.PathLike)):
        name, length = os.fspath(path_or_frames), video.probe(path_or_frames).n_frames
        frames: Iterable[np.ndarray] = video.read_frames(path_or_frames)
    else:
        name, length, frames = "the clip", None, path_or_frames
    detections, size = _detect(_shown(frames, length, progress), finder, name)

    boxes = _main_face(detections)
    _bridge(boxes)
    found = np.isfinite(boxes[:, 0])
    if not found.any():
        where = f"any of the {len(boxes)} frames of {name}" if len(boxes) > 1 else name
        raise W2LError(
            f"no face was found in {where}; choose one that shows a face from the front, or say where it is with "
            "box=(x1, y1, x2, y2)."
        )
    if gaps == "error" and not found.all():
        raise W2LError(
            f"no face was found in {_spans(~found)} (counted from 0) of {name}; cut them out, or choose another way "
            "with gaps: 'pass', 'hold' or 'interpolate'."
        )
    if smooth:
        boxes = _smooth(boxes)
    if gaps in ("hold", "interpolate"):
        _fill(boxes, move=gaps == "interpolate")
    return Track((boxes + margins).astype(np.float32), found, size)


def _finder(wanted: str | Detector) -> Detector:
    return detector(wanted) if isinstance(wanted, str) else wanted


def _margins(pads: Sequence[float]) -> np.ndarray:
    """What to add to x1, y1, x2, y2 for pads in the order top, bottom, left, right."""
    try:
        top, bottom, left, right = (float(pad) for pad in pads)
    except (TypeError, ValueError) as error:
        raise W2LError(f"pads are four numbers of pixels, top, bottom, left, right, not {pads!r}.") from error
    return np.array([-left, -top, right, bottom], np.float32)


def _shown(frames: Iterable[np.ndarray], length: int | None, progress: bool) -> Iterable[np.ndarray]:
    if not progress:
        return frames
    from tqdm import tqdm  # only where someone looks

    return tqdm(frames, total=length, desc="finding the face", unit="frame")


def _detect(frames: Iterable[np.ndarray], finder: Detector, name: str) -> tuple[list[np.ndarray], tuple[int, int]]:
    """The faces of every frame and the frames' width and height."""
    detections: list[np.ndarray] = []
    shape: tuple[int, ...] | None = None
    stream = iter(frames)
    while batch := list(itertools.islice(stream, _BATCH)):
        for i, frame in enumerate(batch, len(detections)):
            if np.ndim(frame) != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8:
                raise W2LError(f"frame {i} of {name} is not (H, W, 3) uint8; give frames as w2l.video reads them.")
            shape = shape or frame.shape
            if frame.shape != shape:
                raise W2LError(
                    f"frame {i} of {name} is {frame.shape[1]} x {frame.shape[0]} pixels, the first one "
                    f"{shape[1]} x {shape[0]}; give frames of one size."
                )
        detections += finder.detect(batch)
    if shape is None:
        raise W2LError(f"{name} has no frames; give one that has some.")
    return detections, (shape[1], shape[0])


@dataclass
class _Sighting:
    """One face linked from frame to frame."""

    frames: list[int] = field(default_factory=list)
    boxes: list[np.ndarray] = field(default_factory=list)

    @property
    def weight(self) -> float:
        """Grows with the face's height and with the number of frames that show it."""
        return float(sum(box[3] - box[1] for box in self.boxes))

    def overlaps(self, other: _Sighting) -> bool:
        return self.frames[0] <= other.frames[-1] and other.frames[0] <= self.frames[-1]


def _main_face(detections: Sequence[np.ndarray]) -> np.ndarray:
    """(n, 4) float64 boxes of the weightiest face; where it is not in the picture at all, of the next weightiest.

    So every shot of a clip with cuts gets a face, and while the main face is away for a moment, nobody beside it does.
    """
    boxes = np.full((len(detections), 4), np.nan)
    taken: list[_Sighting] = []
    for sighting in sorted(_link(detections), key=lambda s: -s.weight):
        if len(sighting.frames) >= min(_PERSISTENT, len(detections)) and not any(map(sighting.overlaps, taken)):
            taken.append(sighting)
            boxes[sighting.frames] = sighting.boxes
    return boxes


def _link(detections: Sequence[np.ndarray]) -> list[_Sighting]:
    """Joins boxes of one frame and the next (or one soon after) that overlap, best overlap first."""
    closed: list[_Sighting] = []
    live: list[_Sighting] = []
    for i, faces in enumerate(detections):
        closed += [s for s in live if i - s.frames[-1] > _PATIENCE]
        live = [s for s in live if i - s.frames[-1] <= _PATIENCE]
        pairs = [(_iou(s.boxes[-1], face), j, k) for j, s in enumerate(live) for k, face in enumerate(faces)]
        old, new = set(range(len(live))), set(range(len(faces)))
        for overlap, j, k in sorted(pairs, key=lambda pair: -pair[0]):
            if overlap >= _SAME_FACE and j in old and k in new:
                old.remove(j)
                new.remove(k)
                live[j].frames.append(i)
                live[j].boxes.append(faces[k][:4].astype(np.float64))
        live += [_Sighting([i], [faces[k][:4].astype(np.float64)]) for k in sorted(new)]
    return closed + live


def _iou(a: np.ndarray, b: np.ndarray) -> float:
    """Area of the boxes' intersection over that of their union."""
    sides = np.minimum(a[2:4], b[2:4]) - np.maximum(a[:2], b[:2])
    if not (sides > 0).all():
        return 0.0
    common = float(sides[0] * sides[1])
    return common / (float((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])) - common)


def _holes(boxes: np.ndarray) -> Iterator[tuple[int | None, int | None]]:
    """The frames before and after each run of frames without a box; None at the clip's ends."""
    known = [None, *np.flatnonzero(np.isfinite(boxes[:, 0])).tolist(), None]
    for before, after in itertools.pairwise(known):
        if (len(boxes) if after is None else after) - (-1 if before is None else before) > 1:
            yield before, after


def _bridge(boxes: np.ndarray) -> None:
    """Fills short holes between two boxes of the same face, in place."""
    for before, after in list(_holes(boxes)):
        if before is None or after is None or after - before - 1 > _BRIDGE:
            continue
        if _iou(boxes[before], boxes[after]) >= _SAME_FACE:
            boxes[before : after + 1] = np.linspace(boxes[before], boxes[after], after - before + 1)


def _fill(boxes: np.ndarray, move: bool) -> None:
    """Fills all holes in place: with the last box, or moving on to the next one unless that is elsewhere (a cut)."""
    for before, after in list(_holes(boxes)):
        if before is None:
            boxes[:after] = boxes[after]
        elif after is None or not move:
            boxes[before + 1 : after] = boxes[before]
        elif _iou(boxes[before], boxes[after]) >= _SAME_FACE:
            boxes[before : after + 1] = np.linspace(boxes[before], boxes[after], after - before + 1)
        else:
            middle = (before + after + 1) // 2
            boxes[before + 1 : middle] = boxes[before]
            boxes[middle:after] = boxes[after]


def _smooth(boxes: np.ndarray) -> np.ndarray:
    """Centred averages of centre and size, apart for each run of frames in which the box does not jump."""
    smoothed = boxes.copy()
    start = 0
    for i in range(1, len(boxes) + 1):
        # a frame without a box ends a run too: NaN overlaps with nothing
        if i == len(boxes) or _iou(boxes[i - 1], boxes[i]) < _JUMP:
            run = boxes[start:i]
            centre = _centred_mean((run[:, :2] + run[:, 2:]) / 2, _CENTRE_WINDOW)
            size = _centred_mean(run[:, 2:] - run[:, :2], _SIZE_WINDOW)
            smoothed[start:i] = np.hstack([centre - size / 2, centre + size / 2])
            start = i
    return smoothed


def _centred_mean(values: np.ndarray, window: int) -> np.ndarray:
    """The mean over `window` rows around each row; towards the ends over as many as lie on both sides, so no bias."""
    sums = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    at = np.arange(len(values))
    reach = np.minimum(window // 2, np.minimum(at, len(values) - 1 - at))
    return (sums[at + reach + 1] - sums[at - reach]) / (2 * reach + 1)[:, None]


def _spans(marked: np.ndarray) -> str:
    """The marked frames in words: "frames 3-7, 12 and 20 more" at most five spans of them."""
    at = np.flatnonzero(marked)
    spans = np.split(at, np.flatnonzero(np.diff(at) > 1) + 1)
    said = [f"{s[0]}-{s[-1]}" if len(s) > 1 else f"{s[0]}" for s in spans[:5]]
    more = sum(len(s) for s in spans[5:])
    return f"{'frame' if len(at) == 1 else 'frames'} {', '.join(said)}" + (f" and {more} more" if more else "")
