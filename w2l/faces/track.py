"""Tracks: each face followed through all frames of a clip, its gaps marked, its jitter smoothed away."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from w2l.errors import W2LError
from w2l.faces.choose import Which, choose, parse_which
from w2l.faces.detection import Found, detect_clip
from w2l.faces.detectors import Detector, FixedBox, detector
from w2l.faces.link import SAME_FACE, Sighting, iou, link, shots
from w2l.video import Framing

GAPS = ("pass", "hold", "interpolate", "error")

_JUMP = 0.5  # IoU of two neighbouring frames' boxes below which nothing is averaged: heads are slower, so it is a cut
_BRIDGE = 5  # a detector's drop-outs up to this many frames are filled whatever `gaps` says
_PERSISTENT = 3  # a face seen in fewer frames (of a clip that has more) is taken for a false hit
_CENTRE_WINDOW = 5  # frames over which the box's centre is averaged
_SIZE_WINDOW = 13  # and its size: heads grow and shrink slowly, while a detector's size steps are coarse
_WHOLE_FRAME = Framing()


@dataclass
class Track:
    """Where one face is in each of the n frames of a clip.

    boxes: (n, 4) float32, x1, y1, x2, y2 in pixels with the pads added; they may reach over the frame's border; NaN
    where there is nothing to work on. found: (n,) bool, False where no face was found (drop-outs of a few frames within
    a track do not count); with gaps "hold" and "interpolate" such frames have a box all the same, if their shot shows
    the face at all. size: width and height of the frames.
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


@dataclass(frozen=True)
class Scene:
    """All faces that a detector saw in a clip: looked at once (see `see`), good for any number of tracks.

    found: boxes of every frame, cuts, width and height. name: the clip's, for errors. fixed: whether the box was given
    by hand; then no pads are added. detector: the name of what looked.
    """

    found: Found
    name: str = "the clip"
    fixed: bool = False
    detector: str = ""

    @cached_property
    def faces(self) -> list[Sighting]:
        """The faces by their numbers, the weightiest (large and long in the picture) first; without false hits."""
        enough = min(_PERSISTENT, len(self.found.faces))
        linked = link(self.found.faces, self.cuts, None if self.fixed else self.found.views)
        return sorted((face for face in linked if len(face.frames) >= enough), key=lambda face: -face.weight)

    @property
    def cuts(self) -> list[int]:
        """The frames at which another shot begins; a box given by hand is thought to stay through all of them."""
        return [] if self.fixed else self.found.cuts

    def track(
        self, which: Which = "main", pads: Sequence[float] = (0, 10, 0, 0), smooth: bool = True, gaps: str = "pass"
    ) -> Track:
        """The track of the face chosen. Arguments and errors are those of `track_faces`."""
        _check(pads, gaps)
        if not self.faces:
            n_frames = len(self.found.faces)
            where = f"any of the {n_frames} frames of {self.name}" if n_frames > 1 else self.name
            hint = "try the detector yunet, which sees more ('w2l weights fetch yunet'), "
            better = hint if self.detector == "hog" else ""
            raise W2LError(
                f"no face was found in {where}; choose one that shows a face from the front, {better}or say where it "
                "is with box=(x1, y1, x2, y2), on the command line --box TOP BOTTOM LEFT RIGHT."
            )
        chosen = choose(self.faces, which, shots(self.cuts, len(self.found.faces)), self.found.size, self.name)
        return self._draw(chosen, np.zeros(4) if self.fixed else _margins(pads), smooth, gaps)

    def tracks(self, pads: Sequence[float] = (0, 10, 0, 0), smooth: bool = True, gaps: str = "pass") -> list[Track]:
        """The tracks of all faces by their numbers, those that `track` takes.

        Raises W2LError when there is no face, and with gaps "error" where `track` does for "main": no other face has to
        be in every frame.
        """
        self.track("main", pads, smooth, gaps)
        gaps = "pass" if gaps == "error" else gaps
        return [self.track(number, pads, smooth, gaps) for number in range(len(self.faces))]

    def _draw(self, parts: Iterable[Sighting], margins: np.ndarray, smooth: bool, gaps: str) -> Track:
        boxes = np.full((len(self.found.faces), 4), np.nan)
        for part in parts:
            boxes[part.frames] = part.boxes
        within = [boxes[start:stop] for start, stop in shots(self.cuts, len(boxes))]
        within = [shot for shot in within if np.isfinite(shot[:, 0]).any()]
        for shot in within:
            _bridge(shot)
        found = np.isfinite(boxes[:, 0])
        if gaps == "error" and not found.all():
            without = spans(np.flatnonzero(~found))
            raise W2LError(
                f"no face was found in {without} (counted from 0) of {self.name}; cut them out, or choose "
                "another way with gaps: 'pass', 'hold' or 'interpolate'."
            )
        for shot in within:
            if smooth:
                _smooth(shot)
            if gaps in ("hold", "interpolate"):
                _fill(shot, move=gaps == "interpolate")
        return Track((boxes + margins).astype(np.float32), found, self.found.size)


def see(
    path_or_frames: str | os.PathLike[str] | Iterable[np.ndarray],
    detector: str | Detector = "auto",
    *,
    box: Sequence[float] | None = None,
    fps: float | None = None,
    max_frames: int | None = None,
    framing: Framing = _WHOLE_FRAME,
    cache: bool = True,
    progress: bool = False,
    on_frame: Callable[[], object] | None = None,
    batch_size: int | None = None,
    device: str = "auto",
) -> Scene:
    """Looks through a clip once for all its faces. Arguments and errors are those of `track_faces`."""
    finder = FixedBox(box) if box is not None else _finder(detector, batch_size, device)
    found = detect_clip(path_or_frames, finder, fps, max_frames, framing, cache, progress, on_frame)
    name = os.fspath(path_or_frames) if isinstance(path_or_frames, (str, os.PathLike)) else "the clip"
    return Scene(found, name, isinstance(finder, FixedBox), finder.name)


def track_faces(
    path_or_frames: str | os.PathLike[str] | Iterable[np.ndarray],
    detector: str | Detector = "auto",
    pads: Sequence[float] = (0, 10, 0, 0),
    smooth: bool = True,
    gaps: str = "pass",
    box: Sequence[float] | None = None,
    progress: bool = False,
    *,
    which: Which = "main",
    fps: float | None = None,
    max_frames: int | None = None,
    framing: Framing = _WHOLE_FRAME,
    cache: bool = True,
    on_frame: Callable[[], object] | None = None,
    batch_size: int | None = None,
    device: str = "auto",
) -> Track:
    """Follows one face through a clip; holds a few frames at a time only.

    path_or_frames: a clip or picture, or its frames, (H, W, 3) uint8 BGR, all of one size. detector: a name (see
    `faces.detector`) or an object. pads: pixels added to the boxes at the top, bottom, left and right. smooth: average
    the box over neighbouring frames, but not over a cut or a jump of it. gaps, for frames in which no face was found:
    "pass" leaves them without a box, "hold" repeats the last box before, "interpolate" moves from the box before to
    the one after, both only within a shot that shows the face; "error" raises. box: x1, y1, x2, y2 of a face that
    stays in place; then nothing is detected and no pads are added. progress: show a bar.

    which: "main", the weightiest face (large and long in the picture) and, in shots without it, the next weightiest;
    "largest" or "centre", in each shot the largest or most central face that is more than passing by; a number, the
    face that has it in `find_tracks`, in no other frames; a point x, y in pixels, in each shot the face whose box is
    the first to hold it, or the nearest if none does. All of these also as text (see `parse_which`).

    fps: rate at which a clip is read (default: its own). max_frames: how many of its first frames to look at. framing:
    what of each frame is looked at; boxes are in pixels of that. cache: keep what is found in a file for the next time
    that it is asked for. on_frame: called for each frame looked at. batch_size, device: as in `faces.detector`.

    Raises W2LError when no frame shows a face, when frames differ in size, and for arguments out of range.
    """
    _check(pads, gaps, which)
    scene = see(
        path_or_frames,
        detector,
        box=box,
        fps=fps,
        max_frames=max_frames,
        framing=framing,
        cache=cache,
        progress=progress,
        on_frame=on_frame,
        batch_size=batch_size,
        device=device,
    )
    return scene.track(which, pads, smooth, gaps)


def find_tracks(
    path_or_frames: str | os.PathLike[str] | Iterable[np.ndarray],
    detector: str | Detector = "auto",
    *,
    fps: float | None = None,
    max_frames: int | None = None,
    framing: Framing = _WHOLE_FRAME,
    pads: Sequence[float] = (0, 10, 0, 0),
    smooth: bool = True,
    gaps: str = "pass",
    box: Sequence[float] | None = None,
    cache: bool = True,
    progress: bool = False,
    on_frame: Callable[[], object] | None = None,
    batch_size: int | None = None,
    device: str = "auto",
) -> list[Track]:
    """Follows every face of a clip: the tracks by the numbers that `which` takes, the weightiest face first.

    A face that leaves and is soon back at the same place is one track, and so is one that a cut leaves and another cut
    comes back to. Arguments and errors are those of `track_faces`.
    """
    _check(pads, gaps)
    scene = see(
        path_or_frames,
        detector,
        box=box,
        fps=fps,
        max_frames=max_frames,
        framing=framing,
        cache=cache,
        progress=progress,
        on_frame=on_frame,
        batch_size=batch_size,
        device=device,
    )
    return scene.tracks(pads, smooth, gaps)


def _check(pads: Sequence[float], gaps: str, which: Which = "main") -> None:
    """Tells of a mistyped argument before the long look through the clip."""
    _margins(pads)
    if gaps not in GAPS:
        raise W2LError(f"gaps cannot be {gaps!r}; choose one of {', '.join(GAPS)}.")
    if isinstance(which, str):
        parse_which(which)


def _finder(wanted: str | Detector, batch_size: int | None, device: str) -> Detector:
    return detector(wanted, batch_size, device) if isinstance(wanted, str) else wanted


def _margins(pads: Sequence[float]) -> np.ndarray:
    """What to add to x1, y1, x2, y2 for pads in the order top, bottom, left, right."""
    try:
        top, bottom, left, right = (float(pad) for pad in pads)
    except (TypeError, ValueError) as error:
        raise W2LError(f"pads are four numbers of pixels, top, bottom, left, right, not {pads!r}.") from error
    return np.array([-left, -top, right, bottom], np.float32)


def _holes(boxes: np.ndarray) -> Iterator[tuple[int | None, int | None]]:
    """The frames before and after each run of frames without a box; None at the ends."""
    known = [None, *np.flatnonzero(np.isfinite(boxes[:, 0])).tolist(), None]
    for before, after in itertools.pairwise(known):
        if (len(boxes) if after is None else after) - (-1 if before is None else before) > 1:
            yield before, after


def _bridge(boxes: np.ndarray) -> None:
    """Fills short holes between two boxes of the same face, in place."""
    for before, after in list(_holes(boxes)):
        if before is None or after is None or after - before - 1 > _BRIDGE:
            continue
        if iou(boxes[before], boxes[after]) >= SAME_FACE:
            boxes[before : after + 1] = np.linspace(boxes[before], boxes[after], after - before + 1)


def _fill(boxes: np.ndarray, move: bool) -> None:
    """Fills all holes in place: with the last box, or moving on to the next one unless that is elsewhere (a cut)."""
    for before, after in list(_holes(boxes)):
        if before is None:
            boxes[:after] = boxes[after]
        elif after is None or not move:
            boxes[before + 1 : after] = boxes[before]
        elif iou(boxes[before], boxes[after]) >= SAME_FACE:
            boxes[before : after + 1] = np.linspace(boxes[before], boxes[after], after - before + 1)
        else:
            middle = (before + after + 1) // 2
            boxes[before + 1 : middle] = boxes[before]
            boxes[middle:after] = boxes[after]


def _smooth(boxes: np.ndarray) -> None:
    """Centred averages of centre and size, in place, apart for each run of frames in which the box does not jump."""
    # a frame without a box ends a run too: NaN overlaps with nothing
    jumps = [i for i, pair in enumerate(itertools.pairwise(boxes.tolist()), 1) if iou(*pair) < _JUMP]
    for start, stop in shots(jumps, len(boxes)):
        run = boxes[start:stop]
        if len(run) < 3:
            continue  # no frame has one on either side
        centre = _centred_mean((run[:, :2] + run[:, 2:]) / 2, _CENTRE_WINDOW)
        size = _centred_mean(run[:, 2:] - run[:, :2], _SIZE_WINDOW)
        run[:] = np.hstack([centre - size / 2, centre + size / 2])


def _centred_mean(values: np.ndarray, window: int) -> np.ndarray:
    """The mean over `window` rows around each row; towards the ends over as many as lie on both sides, so no bias."""
    sums = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    at = np.arange(len(values))
    reach = np.minimum(window // 2, np.minimum(at, len(values) - 1 - at))
    return (sums[at + reach + 1] - sums[at - reach]) / (2 * reach + 1)[:, None]


def spans(at: Sequence[int] | np.ndarray) -> str:
    """The frames at these ascending indices in words: "frames 3-7, 12 and 20 more", at most five spans of them."""
    found = np.split(np.asarray(at), np.flatnonzero(np.diff(at) > 1) + 1)
    said = [f"{s[0]}-{s[-1]}" if len(s) > 1 else f"{s[0]}" for s in found[:5]]
    more = sum(len(s) for s in found[5:])
    return f"{'frame' if len(at) == 1 else 'frames'} {', '.join(said)}" + (f" and {more} more" if more else "")
