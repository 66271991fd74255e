"""Linking: boxes of single frames become sightings, each of them one face followed from frame to frame."""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from w2l.faces.boxes import Box, iou

SAME_FACE = 0.3  # two boxes a few frames apart with at least this IoU count as the same face
_PATIENCE = 25  # frames of absence after which a face at the same place counts as another one
_TRUST = 0.5  # weight of the latest step in a sighting's speed
_SLOWING = 0.8  # factor per frame on the speed of a face that is not seen, so that the search does not drift away


@dataclass
class Sighting:
    """One face followed through the frames that show it.

    frames: their indices, ascending; boxes: x1, y1, x2, y2 in pixels in each of them; rows: which of the faces of its
    frame each box is.
    """

    frames: list[int] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    _since: int = 0  # the frame from which absence is counted
    _speed: tuple[float, float] = (0.0, 0.0)  # pixels a frame

    @property
    def weight(self) -> float:
        """The sum of the face's heights in pixels: large for large faces and for those seen in many frames."""
        return sum(box[3] - box[1] for box in self.boxes)

    def between(self, start: int, stop: int) -> Sighting:
        """The part from frame `start` up to, but without, `stop`; empty where the face is not seen there."""
        here = slice(bisect_left(self.frames, start), bisect_left(self.frames, stop))
        return Sighting(self.frames[here], self.boxes[here], self.rows[here])

    def _add(self, frame: int, box: Box, row: int) -> None:
        if self.frames:
            steps = frame - self._since
            (x, y), (old_x, old_y) = _centre(box), _centre(self.boxes[-1])
            right, down = self._speed
            now = (x - old_x) / steps, (y - old_y) / steps
            self._speed = right + _TRUST * (now[0] - right), down + _TRUST * (now[1] - down)
        self.frames.append(frame)
        self.boxes.append(box)
        self.rows.append(row)
        self._since = frame

    def _expected(self, frame: int) -> Box:
        """Where the face should be in a later frame if it keeps moving and slows down."""
        steps = (1 - _SLOWING ** (frame - self._since)) / (1 - _SLOWING)
        (x, y), (x1, y1, x2, y2) = self._speed, self.boxes[-1]
        return x1 + x * steps, y1 + y * steps, x2 + x * steps, y2 + y * steps


def link(faces: Sequence[np.ndarray], cuts: Sequence[int] = (), views: Sequence[int] | None = None) -> list[Sighting]:
    """Joins boxes of nearby frames that overlap, the best overlap first.

    faces: for each frame (k, 4 or more), x1, y1, x2, y2 in pixels. A face is searched for where its motion leads, then
    where it was last. cuts: frames at which a new shot begins, ascending. A sighting ends at a cut, but continues in
    a later shot of the same view. views: the view of each shot, one more than there are cuts (None: all shots have
    views of their own). Returns the sightings in the order of their first frames.
    """
    n_shots = len(cuts) + 1
    views = range(n_shots) if views is None else views
    sightings: list[Sighting] = []
    waiting: dict[int, list[Sighting]] = {}  # by view; here `_since` is negative: minus the frames of absence
    for view, (start, stop) in zip(views, shots(cuts, len(faces)), strict=True):
        live = waiting.pop(view, [])
        for sighting in live:
            sighting._since += start
        for i in range(start, stop):
            boxes: list[Box] = [(f[0], f[1], f[2], f[3]) for f in faces[i].tolist()]
            live = [s for s in live if i - s._since <= _PATIENCE]
            new = _join(live, i, boxes)
            live += new
            sightings += new
        for sighting in live:
            sighting._since -= stop
        waiting[view] = live
    return sightings


def shots(cuts: Sequence[int], n_frames: int) -> list[tuple[int, int]]:
    """(first frame, frame after the last) of each shot."""
    return list(itertools.pairwise([0, *cuts, n_frames]))


def _join(live: list[Sighting], frame: int, boxes: list[Box]) -> list[Sighting]:
    """Adds the boxes of a frame to the sightings that they continue; returns new sightings for the others."""
    old, new = list(range(len(live))), list(range(len(boxes)))
    for guess in ([s._expected(frame) for s in live], [s.boxes[-1] for s in live]):
        for j, k in _best_first(guess, boxes, old, new):
            if j in old and k in new:
                old.remove(j)
                new.remove(k)
                live[j]._add(frame, boxes[k], k)
    return [Sighting([frame], [boxes[k]], [k], frame) for k in new]


def _best_first(guess: list[Box], boxes: list[Box], old: list[int], new: list[int]) -> Iterator[tuple[int, int]]:
    """Pairs (sighting, box) that may be the same face, the largest overlap first."""
    pairs = [(overlap, j, k) for j in old for k in new if (overlap := iou(guess[j], boxes[k])) >= SAME_FACE]
    for _, j, k in sorted(pairs, key=lambda pair: -pair[0]):
        yield j, k


def _centre(box: Box) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
