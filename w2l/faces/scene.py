"""A scene: all faces that were found in a clip, and the tracks made from them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from w2l.errors import W2LError
from w2l.faces import smoothing
from w2l.faces.choose import Which, choose, parse_which
from w2l.faces.detection import Found
from w2l.faces.link import Sighting, link, shots
from w2l.faces.track import Track, spans

GAPS = ("pass", "hold", "interpolate", "error")

_STRAIGHT = 1.0  # degrees of roll that are not worth turning a face
_PERSISTENT = 3  # a face seen in fewer frames than this (where the clip has as many) counts as a false detection


@dataclass(frozen=True)
class Scene:
    """All faces that a detector found in a clip. The clip is searched once (see `see`); any number of tracks follow.

    found: boxes of every frame, cuts, width and height. name: the clip's, for error messages. fixed: whether the box
    was given by hand; then no pads are added.
    """

    found: Found
    name: str = "the clip"
    fixed: bool = False

    @cached_property
    def faces(self) -> list[Sighting]:
        """The faces by their numbers, the weightiest (large and long in view) first, without false detections."""
        enough = min(_PERSISTENT, len(self.found.faces))
        linked = link(self.found.faces, self.cuts, None if self.fixed else self.found.views)
        return sorted((face for face in linked if len(face.frames) >= enough), key=lambda face: -face.weight)

    @property
    def cuts(self) -> list[int]:
        """The frames at which a new shot begins; none for a box given by hand, which stays where it is."""
        return [] if self.fixed else self.found.cuts

    def track(
        self, which: Which = "main", pads: Sequence[float] = (0, 10, 0, 0), smooth: bool = True, gaps: str = "pass"
    ) -> Track:
        """The track of the face chosen. Arguments and errors are those of `track_faces`."""
        check_drawing(pads, gaps)
        if not self.faces:
            n_frames = len(self.found.faces)
            where = f"any of the {n_frames} frames of {self.name}" if n_frames > 1 else self.name
            raise W2LError(
                f"no face was found in {where}; choose one that shows a face from the front, or say where it is, with "
                "--box TOP BOTTOM LEFT RIGHT (in Python box=(x1, y1, x2, y2))."
            )
        chosen = choose(self.faces, which, shots(self.cuts, len(self.found.faces)), self.found.size, self.name)
        return self._draw(chosen, np.zeros(4) if self.fixed else _margins(pads), smooth, gaps)

    def tracks(self, pads: Sequence[float] = (0, 10, 0, 0), smooth: bool = True, gaps: str = "pass") -> list[Track]:
        """The tracks of all faces, in the order of the numbers that `track` takes.

        Raises W2LError when there is no face, and, with gaps "error", when `track` does for "main"; other faces need
        not be in every frame.
        """
        self.track("main", pads, smooth, gaps)
        gaps = "pass" if gaps == "error" else gaps
        return [self.track(number, pads, smooth, gaps) for number in range(len(self.faces))]

    def _draw(self, parts: Iterable[Sighting], margins: np.ndarray, smooth: bool, gaps: str) -> Track:
        boxes = np.full((len(self.found.faces), 5), np.nan)  # with the roll
        insides = np.full(len(boxes), np.nan)
        for part in parts:
            boxes[part.frames, :4] = part.boxes
            boxes[part.frames, 4], insides[part.frames] = self._poses(part)
        within = [boxes[start:stop] for start, stop in shots(self.cuts, len(boxes))]
        within = [shot for shot in within if np.isfinite(shot[:, 0]).any()]
        for shot in within:
            smoothing.bridge(shot)
        found = np.isfinite(boxes[:, 0])
        if gaps == "error" and not found.all():
            without = spans(np.flatnonzero(~found))
            raise W2LError(
                f"no face was found in {without} (counted from 0) of {self.name}; cut them out, or choose "
                "another way with gaps: 'pass', 'hold' or 'interpolate'."
            )
        for shot in within:
            if smooth:
                smoothing.smooth(shot)
            if gaps in ("hold", "interpolate"):
                smoothing.fill(shot, move=gaps == "interpolate")
        cut_off = np.zeros(len(boxes), bool)
        for start, stop in shots(self.cuts, len(boxes)):
            cut_off[start:stop] = smoothing.cut_off(insides[start:stop], found[start:stop])
            seen = np.flatnonzero(found[start:stop]) + start
            if len(seen):  # a face that leaves through the border is not held there
                latest = np.searchsorted(seen, np.arange(start, stop), side="right") - 1
                boxes[start:stop][cut_off[seen[latest.clip(0)]]] = np.nan
        rolls = np.nan_to_num((boxes[:, 4] + 180) % 360 - 180)
        rolls[np.abs(rolls) < _STRAIGHT] = 0
        boxes = (boxes[:, :4] + _turned(margins, rolls)).astype(np.float32)
        return Track(boxes, found, self.found.size, rolls.astype(np.float32), cut_off)

    def _poses(self, part: Sighting) -> tuple[np.ndarray, np.ndarray]:
        """The rolls of a face in its frames, in degrees, and how far inside the frame it is."""
        if self.found.poses is None:
            return np.zeros(len(part.frames)), np.ones(len(part.frames))
        rolls, insides = np.array(
            [self.found.poses[i][row] for i, row in zip(part.frames, part.rows, strict=True)], np.float64
        ).T
        known = np.flatnonzero(np.isfinite(rolls))
        if len(known):
            rolls = np.interp(np.arange(len(rolls)), known, np.unwrap(rolls[known], period=360))
        return np.nan_to_num(rolls), np.nan_to_num(insides, nan=1.0)  # not measured: nowhere near the border


def check_drawing(pads: Sequence[float], gaps: str, which: Which = "main") -> None:
    """Raises W2LError for an invalid argument; called before the clip is searched, which takes a long time."""
    _margins(pads)
    if gaps not in GAPS:
        raise W2LError(f"gaps cannot be {gaps!r}; choose one of {', '.join(GAPS)}.")
    if isinstance(which, str):
        parse_which(which)


def _margins(pads: Sequence[float]) -> np.ndarray:
    """What to add to x1, y1, x2, y2 for pads in the order top, bottom, left, right."""
    try:
        top, bottom, left, right = (float(pad) for pad in pads)
    except (TypeError, ValueError) as error:
        raise W2LError(f"pads are four numbers of pixels, top, bottom, left, right, not {pads!r}.") from error
    return np.array([-left, -top, right, bottom], np.float32)


def _turned(margins: np.ndarray, rolls: np.ndarray) -> np.ndarray:
    """What to add to each box, (n, 4): the margins, where a head is turned in its own directions.

    Such a box is turned about its centre, which moves towards the wider margin.
    """
    half = (margins[2:] - margins[:2]) / 2
    x, y = (margins[2:] + margins[:2]) / 2
    across, down = np.cos(np.radians(rolls)), np.sin(np.radians(rolls))
    moved = np.stack([x * across - y * down, x * down + y * across], axis=1)
    return np.where(rolls[:, None] == 0, margins, np.hstack([moved - half, moved + half]))
