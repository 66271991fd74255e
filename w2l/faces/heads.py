"""Heads that do not stand upright, faces cut off by the frame, small faces: what a detector of single frames misses.

A detector looks at each frame on its own, for upright faces. `Heads` follows its faces through a clip, and looks closer
where that may be wrong: at a new face, at each face once a second, where a face scores lower than it did, and where
there is none. So ordinary clips hardly take longer, and the boxes of upright faces are the detector's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from w2l.faces import pose
from w2l.faces.boxes import iou
from w2l.faces.detectors import Detector
from w2l.faces.fixed_box import FixedBox
from w2l.faces.pose import HeadPose
from w2l.faces.yunet import YuNet

_RECHECK = 25  # frames after which an upright face is looked at again
_DOUBT = 0.03  # by how much its score may fall below that at the last look
_HASTE = 3  # frames between two looks, whatever the score
_LOOKS = 2  # faces of a frame that are looked at when no shot begins
_SAME = 0.3  # IoU from which two boxes show the same face
_UPRIGHT_AGAIN = 0.8  # share of the tolerated roll below which a rolled head counts as upright
_LAIN = 40.0  # degrees of roll from which a face is believed to have lain down when the detector loses it
_NEAR = 0.08  # shares of the box: a face whose box comes so close to the border may be cut off
_LONGEST_WAIT = 12  # frames without a face between two closer looks
_SMALLEST = 30  # pixels: height of the smallest face that is searched for by looking closer
_SURE_CLOSER, _SURE_TURNED = 0.8, 0.87  # lowest scores of faces found by them: where nothing is, they find more


@dataclass(frozen=True)
class _Known:
    """A face as it was in a frame. row: box and score. roll, inside: as in `HeadPose`; NaN: as before.

    by_detector: whether the detector found it so. looked, score: the frame of the last close look, and the detector's
    score then. place: box and roll where it is looked for next; they stay while it does, so that what is measured of a
    head that lies still does not waver.
    """

    row: np.ndarray
    roll: float
    inside: float
    by_detector: bool
    looked: int
    score: float
    place: tuple[np.ndarray, float] | None = None


class Heads:
    """Called with the frames of a clip one after another, tells the faces of each and how their heads lie.

    finder: the detector that found the boxes; a fixed box is taken at its word.
    """

    def __init__(self, finder: Detector) -> None:
        self._finder = finder
        self._known: list[_Known] = []
        self._at = -1
        self._next, self._wait = 0, 1

    def __call__(self, frame: np.ndarray, faces: np.ndarray, cut: bool) -> tuple[np.ndarray, np.ndarray]:
        """The faces of the frame, and their poses.

        frame: (H, W, 3) uint8 BGR. faces: (k, 5) float32 as the detector gives them. cut: whether a shot begins.
        Returns (m, 5) float32, best first, with k <= m where no face is seen twice; for a rolled head the box is that
        of the face turned upright about the box's centre. And (m, 2) float32: the roll in degrees, clockwise, and by
        how much eyes and mouth are inside the frame, in heights of the box; NaN where it was not measured.
        """
        self._at += 1
        if isinstance(self._finder, FixedBox):
            return faces, unmeasured(len(faces))
        if cut:
            self._known, self._next, self._wait = [], self._at, 1
        found = list(self._followed(frame, faces))
        rows = [row for row in faces if not any(iou(one.row, row) >= _SAME for one in found)]
        found += self._checked(frame, rows, len(rows) if cut or self._at == 0 else _LOOKS)
        if not found and isinstance(self._finder, YuNet) and self._at >= self._next:
            found = list(self._closer(frame, self._finder))
            self._wait = 1 if found else min(2 * self._wait, _LONGEST_WAIT)
            self._next = self._at + self._wait
        self._known = found
        found = sorted(found, key=lambda one: -one.row[4])
        poses = np.array([[one.roll, one.inside] for one in found], np.float32).reshape(-1, 2)
        return np.array([one.row for one in found], np.float32).reshape(-1, 5), poses

    def poses(self, faces: np.ndarray) -> np.ndarray:
        """The poses of these boxes of the last frame, (k, 2) as above."""
        told = unmeasured(len(faces))
        for row, answer in zip(faces, told, strict=True):
            near = max(self._known, key=lambda one: iou(one.row, row), default=None)
            if near is not None and iou(near.row, row) >= _SAME:
                answer[:] = near.roll, near.inside
        return told

    def _followed(self, frame: np.ndarray, faces: np.ndarray) -> Iterator[_Known]:
        """The faces of the frame before that the detector cannot find as they are."""
        for known in self._known:
            upright = known.by_detector or known.roll == 0
            if upright and any(iou(known.row, row) >= _SAME for row in faces):
                continue
            head = pose.measure(frame, *known.place, steps=1) if known.place else None
            head = head or pose.find_roll(frame, known.row)  # one that the detector has just lost may have lain down
            if head is None:
                continue
            least = _LAIN if known.by_detector else pose.TOLERATED * (1 if upright else _UPRIGHT_AGAIN)
            rolled = abs(head.roll) > least
            if rolled or (upright and not known.by_detector):
                yield self._seen(head, rolled, known.place)

    def _checked(self, frame: np.ndarray, rows: list[np.ndarray], looks: int) -> Iterator[_Known]:
        """The detector's faces, large ones first, of which so many are looked at if it is their turn."""
        for row in sorted(rows, key=lambda row: row[1] - row[3]):
            old = max(self._known, key=lambda one: iou(one.row, row), default=None)
            if old is None or not old.by_detector or iou(old.row, row) < _SAME:
                old = _Known(row, 0.0, np.nan, True, self._at - _RECHECK, row[4])
            since = self._at - old.looked
            due = since >= _RECHECK or (since >= _HASTE and row[4] < old.score - _DOUBT)
            if due and looks > 0:
                looks -= 1
                head = pose.find_roll(frame, row)
                if head is not None and abs(head.roll) > pose.TOLERATED:
                    yield self._met(frame, head, rolled=True)
                    continue
                yield _Known(row, 0.0, self._inside(frame, row), True, self._at, row[4])
            else:
                yield _Known(row, np.nan, self._inside(frame, row), True, old.looked, old.score)

    def _closer(self, frame: np.ndarray, finder: YuNet) -> Iterator[_Known]:
        """Faces that are small, or in turned frames: not where a better one was found."""
        rows = finder.look_closer(frame) if finder.is_shrunk(frame) else np.zeros((0, 5), np.float32)
        heads = list(_heads(frame, rows[rows[:, 3] - rows[:, 1] >= _SMALLEST], _SURE_CLOSER))
        if not heads:
            heads = list(_heads(frame, finder.detect_turned(frame), _SURE_TURNED))
        heads.sort(key=lambda head: -head.score)
        for i, head in enumerate(heads):
            if not any(iou(head.box, other.box) >= _SAME for other in heads[:i]):
                yield self._met(frame, head, abs(head.roll) > pose.TOLERATED)

    def _met(self, frame: np.ndarray, head: HeadPose, rolled: bool) -> _Known:
        """A head that is followed from now on, measured as it will be in the next frame."""
        place = head.box, head.roll if rolled else 0.0
        return self._seen(pose.measure(frame, *place, steps=1) or head, rolled, place)

    def _seen(self, head: HeadPose, rolled: bool, place: tuple[np.ndarray, float] | None = None) -> _Known:
        row, roll = np.append(head.box, np.float32(head.score)), head.roll if rolled else 0.0
        if place is None or not head.is_at(*place):
            place = head.box, roll
        return _Known(row, roll, head.inside, False, self._at, head.score, place)

    @staticmethod
    def _inside(frame: np.ndarray, row: np.ndarray) -> float:
        """How far inside eyes and mouth of an upright face are; NaN where its box is nowhere near the border."""
        x1, y1, x2, y2 = row[:4].tolist()
        height, width = frame.shape[:2]
        beside, below = _NEAR * (x2 - x1), _NEAR * (y2 - y1)
        if x1 > beside and x2 < width - beside and y2 < height - below and y1 > below:
            return np.nan
        head = pose.look(frame, row)
        return pose.inside_by_box(frame, row) if head is None else head.inside


def unmeasured(count: int) -> np.ndarray:
    """The poses of so many faces of which nothing is known."""
    return np.full((count, 2), np.nan, np.float32)


def _heads(frame: np.ndarray, rows: Iterable[np.ndarray], least: float) -> Iterator[HeadPose]:
    """The heads in these boxes, where a closer look is so sure."""
    for row in rows:
        head = pose.find_roll(frame, row) if row[4] >= least else None
        if head is not None and head.score >= least:
            yield head
