"""What tests of faces share: detectors that see what they are told to, clips with painted faces, a drawn face."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import pytest

from helpers.places import SHARED
from w2l import faces, video
from w2l.base import paths

MODELS, CLIPS = SHARED / "models", SHARED / "clips"
needs_models = pytest.mark.skipif(not MODELS.is_dir(), reason="no ../shared/models")
needs_clips = pytest.mark.skipif(not CLIPS.is_dir(), reason="no ../shared/clips")


def drawn_face(size=256):
    """A plain drawn face: enough for a detector of frontal faces."""
    image = np.full((size, size, 3), (150, 130, 110), np.uint8)
    s = size / 256
    skin, dark, lip = (150, 180, 225), (50, 50, 60), (90, 90, 190)

    def spot(x, y, rx, ry, colour):
        cv2.ellipse(
            image, (round(x * s), round(y * s)), (round(rx * s), round(ry * s)), 0, 0, 360, colour, -1, cv2.LINE_AA
        )

    spot(128, 118, 72, 92, (30, 40, 60))
    spot(128, 136, 60, 82, skin)
    for x in (104, 152):
        spot(x, 108, 16, 4, (60, 80, 120))
        spot(x, 124, 12, 8, (245, 245, 245))
        spot(x, 124, 6, 7, dark)
        spot(x, 142, 16, 5, (140, 168, 212))
    spot(128, 150, 9, 16, (130, 160, 205))
    spot(128, 162, 13, 5, (110, 135, 180))
    spot(128, 188, 25, 7, lip)
    spot(128, 188, 22, 2, dark)
    return cv2.GaussianBlur(image, (0, 0), 1.2 * s)


@lru_cache
def presenter_picture():
    """The bundled presenter, (256, 256, 3): the face is 52 to 185 pixels from the top, the mouth 152."""
    clip = paths.data() / "samples" / "presenter.mp4"
    return cv2.resize(next(iter(video.read_frames(clip))), (256, 256), interpolation=cv2.INTER_AREA)


def turned(picture, roll):
    """The picture turned clockwise about its middle; beyond its border, its border's pixels."""
    height, width = picture.shape[:2]
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), -roll, 1)
    return cv2.warpAffine(picture, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)


SIZE = (200, 160)


@lru_cache
def scenery(seed, width=320, height=180):
    """A picture with structure at all scales."""
    rng = np.random.default_rng(seed)
    layers = [cv2.resize(rng.uniform(0, 1, (s, s, 3)), (width, height), interpolation=cv2.INTER_CUBIC) for s in (4, 9)]
    return np.clip(sum(layers) / 2 * 255, 0, 255).astype(np.uint8)


def at(x, y=50.0, w=40.0, h=60.0):
    return [x, y, x + w, y + h]


def seen(boxes):
    """Detections of one frame."""
    return np.array([[*box, 0.9] for box in boxes], np.float32).reshape(-1, 5)


BIG, SMALL, MIDDLE = at(5, 20, 60, 90), at(150, 100, 20, 30), at(82, 60, 30, 40)


def scene(frames, cuts=()):
    return faces.Scene(faces.Found([seen(boxes) for boxes in frames], list(cuts), SIZE, True))


def chosen(frames, which, cuts=(), **how):
    """The boxes of that choice; None where there is none."""
    track = scene(frames, cuts).track(which, **{"pads": (0, 0, 0, 0), "smooth": False, **how})
    return [track.boxes[i].tolist() if track.has_face(i) else None for i in range(len(track))]


RED, GREEN = (0, 0, 255), (0, 255, 0)


class Patches:
    """A detector that takes pure red and pure green rectangles for faces."""

    name, settings = "patches", ""

    def __init__(self):
        self.frames = 0

    def detect(self, frames):
        self.frames += len(frames)
        return [seen([b for colour in (RED, GREEN) if (b := self._box(f, colour))]) for f in frames]

    @staticmethod
    def _box(frame, colour):
        rows, columns = np.nonzero((frame == colour).all(axis=2))
        return [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1] if len(rows) else None


def painted(seed, *patches):
    """A frame of that scenery with the patches (colour, box) on it."""
    frame = np.minimum(scenery(seed, *SIZE), 250)
    for colour, (x1, y1, x2, y2) in patches:
        frame[int(y1) : int(y2), int(x1) : int(x2)] = colour
    return frame


@lru_cache
def dialogue():
    """Two people in a wide shot, one of them alone in another shot, the wide shot again."""
    wide = [painted(1, (RED, at(20 + i)), (GREEN, at(120 - i))) for i in range(12)]
    close = [painted(2, (GREEN, at(60, 20, 70, 100)))] * 12
    return [*wide, *close, *wide[::-1]]


NO_FACE = np.zeros((0, 5), np.float32)


class Scripted:
    """A detector that says, frame by frame, what it was told to."""

    name = "scripted"

    def __init__(self, boxes):
        self.boxes = [
            NO_FACE if b is None else np.reshape([[*x, 0.9] for x in np.atleast_2d(b)], (-1, 5)) for b in boxes
        ]
        self.largest_batch = 0

    def detect(self, frames):
        self.largest_batch = max(self.largest_batch, len(frames))
        said, self.boxes = self.boxes[: len(frames)], self.boxes[len(frames) :]
        return [np.asarray(b, np.float32) for b in said]


def follow(boxes, **how):
    """The track of scripted boxes in a 200 x 160 clip, without pads unless asked for."""
    frames = (np.zeros((160, 200, 3), np.uint8) for _ in boxes)
    return faces.track_faces(frames, **{"detector": Scripted(boxes), "pads": (0, 0, 0, 0), "smooth": False, **how})
