"""How a head lies in a picture: by how much it is rolled, and whether its eyes and mouth are inside the frame.

Detectors of upright faces also find heads that lie on their side or stand upside down, and then pretend that they are
upright. But they score lower: the same face scores highest when it is turned upright.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from w2l.faces.boxes import iou
from w2l.faces.yunet import YuNet

Place = Sequence[float] | np.ndarray
"""x1, y1, x2, y2 in pixels, perhaps with more numbers after them."""

TOLERATED = 20.0  # degrees of roll up to which a face counts as upright: the networks know such faces
_TURNS = range(0, 360, 45)  # degrees by which a face is turned to see where it scores best
_COARSE, _FINE = 128, 320  # pixels: a face's patch to compare scores; to measure an angle, which needs finer pictures
_AROUND = 2.0  # side of a patch in sides of the face box
_WEAKEST = 0.3  # lowest score that is compared
_SURE = 0.7  # score from which a face that is looked at is believed
_SURE_ROLLED = 0.8  # and one that is said to be rolled: profiles and dim faces are not
_EYES, _MOUTH, _EYE = 0.35, 0.75, 0.25  # of a box: how far down eyes and mouth are, and eyes from the sides
_SETTLED, _SAME_PLACE = 2.0, 0.93  # degrees of roll, IoU of the boxes: a head that differs less has not moved
_STEPS = 6  # of measuring and turning further: a face turned by 45 degrees shows about half of it


@dataclass(frozen=True)
class HeadPose:
    """A face looked at closely.

    box: float32 x1, y1, x2, y2 in pixels of the frame, of the face turned upright about the box's centre. score: of
    the detector, at most 1. roll: degrees, clockwise. inside: by how much the eyes and the corners of the mouth are
    inside the frame, in heights of the box; negative where one of them is outside.
    """

    box: np.ndarray
    score: float
    roll: float
    inside: float

    def is_at(self, box: Place, roll: float) -> bool:
        """Whether it lies there, as exactly as can be measured."""
        return abs((self.roll - roll + 180) % 360 - 180) < _SETTLED and iou(self.box, box) > _SAME_PLACE


@lru_cache(maxsize=1)
def _meter(process: int) -> YuNet:
    return YuNet(min_score=_WEAKEST)


def find_roll(frame: np.ndarray, box: Place) -> HeadPose | None:
    """The head in the box, with its roll; None where no orientation shows a face there.

    frame: (H, W, 3) uint8 BGR. Below half of 45 degrees the roll is only estimated, and too small.
    """
    heads = {turn: look(frame, box, turn, _COARSE) for turn in _TURNS}
    scores = {turn: head.score for turn, head in heads.items() if head is not None}
    best = max(scores, key=lambda turn: scores[turn], default=0)
    if scores.get(best, 0) < _SURE:
        return None
    rolled = measure(frame, box, best) if best else None
    return rolled if rolled is not None and rolled.score >= _SURE_ROLLED else heads.get(0)


def measure(frame: np.ndarray, box: Place, roll: float, steps: int = _STEPS) -> HeadPose | None:
    """The head at that place which is rolled by about that much, measured exactly; None where there is none."""
    head: HeadPose | None = None
    for _ in range(steps):
        head = look(frame, box, roll, _FINE)
        if head is None or head.score < _SURE:
            return None
        settled = head.is_at(box, roll)
        box, roll = head.box, head.roll
        if settled:
            break
    return head


def look(frame: np.ndarray, box: Place, roll: float = 0.0, side: int = _COARSE) -> HeadPose | None:
    """The face in the box, seen in a patch of `side` pixels that is turned upright; None where it shows none."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    reach = _AROUND * max(box[2] - box[0], box[3] - box[1])
    scale = side / max(reach, 1.0)
    turn = cv2.getRotationMatrix2D((float(x), float(y)), roll, scale)
    turn[:, 2] += np.array([side / 2 - x, side / 2 - y])
    patch = cv2.warpAffine(frame, turn, (side, side), flags=cv2.INTER_LINEAR)
    faces = [face for face in _meter(os.getpid()).landmarks(patch) if _is_it(face, side)]
    if not faces:
        return None
    face = max(faces, key=lambda face: float(face[14]))
    back = cv2.invertAffineTransform(turn)
    points = np.array([face[:2] + face[2:4] / 2, *face[4:14].reshape(5, 2)]) @ back[:, :2].T + back[:, 2]
    half = face[2:4] / scale / 2
    needed = points[[1, 2, 4, 5]]
    inside = np.minimum(needed, (frame.shape[1], frame.shape[0]) - needed).min() / max(2 * half[1], 1.0)
    right, left, _, *mouth = face[4:14].reshape(5, 2)
    across, down = left - right, (mouth[0] + mouth[1] - right - left) / 2
    # the line from eyes to mouth: eyes alone are less sure
    tilt = float(np.degrees(np.arctan2(-down[0], down[1]))) if down[1] > 0 and across[0] > 0 else 0.0
    place = np.concatenate([points[0] - half, points[0] + half]).astype(np.float32)
    return HeadPose(place, float(face[14]), (roll + tilt + 180) % 360 - 180, float(inside))


def inside_by_box(frame: np.ndarray, box: Place) -> float:
    """As `HeadPose.inside`, from an upright face's box alone: its mouth is at three quarters of the height."""
    x1, y1, x2, y2 = (float(value) for value in box[:4])
    height, width = frame.shape[:2]
    beside, high = _EYE * (x2 - x1), y2 - y1
    return min(x1 + beside, width - x2 + beside, y1 + _EYES * high, height - y1 - _MOUTH * high) / max(y2 - y1, 1.0)


def _is_it(face: np.ndarray, side: int) -> bool:
    """Whether this is the face in the middle of the patch, and not a neighbour or a part of it."""
    centre, wide = face[:2] + face[2:4] / 2, max(face[2:4]) * _AROUND / side
    return bool(np.abs(centre - side / 2).max() < side / (2.5 * _AROUND) and 0.55 < wide < 1.8)
