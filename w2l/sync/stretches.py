"""Stretches of a clip that show one face without a break, and how the face is cut out of their frames."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from scipy.signal import medfilt

from w2l import faces
from w2l.data.clip import FRAMES
from w2l.errors import W2LError
from w2l.faces.choose import choose
from w2l.faces.link import Sighting, shots

_PADS = (0, 10, 0, 0)  # pixels, the default of dubs
# of the published pipeline (reference 2.10, run_pipeline.py)
_AROUND = 0.4  # of half the face: how much is shown around it
_GREY = 110  # the colour beyond the frame's border
_FILTER = 13  # frames of the median filter over position and size
_SHOWN = 224  # pixels of a crop's side


@dataclass(frozen=True)
class Stretch:
    """Frames from `start` on; boxes: (length, 4) float, x1, y1, x2, y2 of the face, or None: the whole frame, to the
    clip's end. published: cut out as the published pipeline does, with room around the face. rolls: (length,) by how
    many degrees the head is turned clockwise (see `w2l.faces.Track`), or None: it is upright."""

    start: int
    boxes: np.ndarray | None
    published: bool = False
    rolls: np.ndarray | None = None

    @property
    def length(self) -> int | None:
        """Frames; None where the clip's end decides."""
        return None if self.boxes is None else len(self.boxes)

    def cut(self, frame: np.ndarray, index: int) -> np.ndarray:
        """The face in the stretch's frame of that index."""
        if self.boxes is None:
            return frame
        index = min(index, len(self.boxes) - 1)
        box, roll = self.boxes[index], 0.0 if self.rolls is None else float(self.rolls[index])
        return _cut_published(frame, box) if self.published else faces.cut_crop(frame, box, roll=roll)


def find_stretches(
    path: Path, which: faces.Which, published: bool, fps: float, detector: str = "auto", device: str = "auto"
) -> list[Stretch]:
    """The stretches of at least 6 frames that show a face. which: as in `faces.track_faces`, or ``all`` faces.

    published: positions are filtered and faces cut out as in the published pipeline, from the detections of any of the
    kit's detectors. (By default that pipeline keeps only stretches of 100 frames or more, which drops short clips
    altogether.) Otherwise the boxes are those of a dub.

    Raises W2LError when there is no face.
    """
    scene = faces.see(path, detector, fps=fps, device=device)
    scene.track("main" if which == "all" else which)  # raises the errors for missing faces and wrong choices
    if not published:
        tracks = scene.tracks(_PADS) if which == "all" else [scene.track(which, _PADS)]
        found = [one for track in tracks for one in _runs(track, scene.cuts)]
    else:
        spans = shots(scene.cuts, len(scene.found.faces))
        chosen = list(scene.faces) if which == "all" else choose(scene.faces, which, spans, scene.found.size, str(path))
        parts = [part for face in chosen for span in spans if (part := face.between(*span)).frames]
        found = [_filtered(part) for part in parts]
    kept = [one for one in found if one.length is not None and one.length > FRAMES]
    if not kept:
        raise W2LError(
            f"no face is visible in {path} for {FRAMES + 1} frames in a row; give a clip that shows one for longer."
        )
    return sorted(kept, key=lambda one: one.start)


def _runs(track: faces.Track, cuts: list[int]) -> Iterator[Stretch]:
    """Consecutive frames with a box, split at cuts."""
    there = np.isfinite(track.boxes[:, 0])
    edges = {0, len(track), *cuts, *(np.flatnonzero(np.diff(there)) + 1).tolist()}
    order = sorted(edges)
    for first, last in itertools.pairwise(order):
        if there[first]:
            yield Stretch(first, track.boxes[first:last], rolls=track.rolls[first:last])


def _filtered(part: Sighting) -> Stretch:
    """One face in one shot: gaps bridged by straight lines, centre and size through a median filter."""
    every = np.arange(part.frames[0], part.frames[-1] + 1)
    boxes = np.stack([np.interp(every, part.frames, column) for column in np.array(part.boxes).T], axis=1)
    x, y = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
    half = np.maximum(boxes[:, 3] - boxes[:, 1], boxes[:, 2] - boxes[:, 0]) / 2
    x, y, half = (median_filtered(values, _FILTER) for values in (x, y, half))
    return Stretch(part.frames[0], np.stack([x - half, y - half, x + half, y + half], axis=1), published=True)


def median_filtered(values: np.ndarray, width: int) -> np.ndarray:
    """A running median, padded with zeros, as published; series shorter than the width are returned unchanged."""
    return medfilt(values, width) if len(values) >= width else values


def _cut_published(frame: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Wider than the face by 0.4 of its half on both sides, and by twice as much below; grey beyond the border."""
    x, y, half = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, max(1.0, (box[2] - box[0]) / 2)
    edge = int(half * (1 + 2 * _AROUND))
    grown = cv2.copyMakeBorder(frame, edge, edge, edge, edge, cv2.BORDER_CONSTANT, value=(_GREY, _GREY, _GREY))
    x, y = x + edge, y + edge
    top, bottom = int(y - half), int(y + half * (1 + 2 * _AROUND))
    left, right = int(x - half * (1 + _AROUND)), int(x + half * (1 + _AROUND))
    return cv2.resize(grown[max(0, top) : bottom, max(0, left) : right], (_SHOWN, _SHOWN))
