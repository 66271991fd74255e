"""Choosing the face to work on: the weightiest, the largest, the most central, a numbered one, or one at a point."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import median
from typing import Any

import numpy as np

from w2l.errors import W2LError
from w2l.faces.boxes import Box
from w2l.faces.link import Sighting

WHICH = ("main", "largest", "centre")

Which = str | int | Sequence[float]

_PASSING = 0.25  # a face seen for less than this share of the longest in its shot is neither largest nor most central


def parse_which(text: str) -> str | int | tuple[float, float]:
    """The choice of a face as typed: "main", "largest", "centre", a number ("1") or a point in pixels ("320,180").

    Raises W2LError for anything else.
    """
    said = text.strip().lower()
    if said in WHICH:
        return said
    if said == "center":
        return "centre"
    try:
        if "," not in said:
            return int(said)
        x, y = (float(part) for part in said.split(","))
    except ValueError as error:
        raise _no_choice(text) from error
    return x, y


def choose(
    faces: Sequence[Sighting], which: Which, spans: Sequence[tuple[int, int]], size: tuple[int, int], name: str
) -> list[Sighting]:
    """The parts of sightings to work on, no two of them in one frame.

    faces: the clip's sightings, weightiest first. which: as in `track_faces`. spans: (first frame, frame after the
    last) of each shot. size: width, height of the frames. name: the clip's, for error messages. Raises W2LError for an
    unknown choice, a number that no face has, and a point outside the frame.
    """
    if isinstance(which, str):
        which = parse_which(which)
    if isinstance(which, (int, np.integer)) and not isinstance(which, bool):
        if not 0 <= which < len(faces):
            found = f"{len(faces)} were found, 0 to {len(faces) - 1}" if len(faces) > 1 else "only face 0 was found"
            raise W2LError(f"there is no face {which} in {name}: {found}.")
        return [faces[int(which)]]
    point = None if isinstance(which, str) else _point(which, size)
    chosen: list[Sighting] = []
    for start, stop in spans:
        parts = [part for face in faces if (part := face.between(start, stop)).frames]
        if point is not None:
            parts = _at(point, parts)
        elif which == "largest":
            parts = _lasting_first(parts, [-median(box[3] - box[1] for box in part.boxes) for part in parts])
        elif which == "centre":
            middle = size[0] / 2, size[1] / 2
            parts = _lasting_first(parts, [median(_apart(box, middle) for box in part.boxes) for part in parts])
        chosen += _one_at_a_time(parts)
    return chosen


def _no_choice(which: object) -> W2LError:
    return W2LError(
        f"which face cannot be {which!r}; give {', '.join(map(repr, WHICH))}, a number from 0 on, or a point x, y in "
        "pixels."
    )


def _point(which: Any, size: tuple[int, int]) -> tuple[float, float]:
    try:
        x, y = (float(value) for value in which)
    except (TypeError, ValueError) as error:
        raise _no_choice(which) from error
    if not (0 <= x <= size[0] and 0 <= y <= size[1]):
        raise W2LError(f"the point ({x:g}, {y:g}) lies outside the frame, which is {size[0]} x {size[1]} pixels.")
    return x, y


def _at(point: tuple[float, float], parts: list[Sighting]) -> list[Sighting]:
    """The parts whose boxes contain the point, the earliest first; if none does, the one nearest when first seen."""
    holding = []
    for part in parts:
        for i, box in zip(part.frames, part.boxes, strict=True):
            if _outside(box, point) == 0:
                holding.append((i, _apart(box, point), part))
                break
    if holding or not parts:
        return [part for *_, part in sorted(holding, key=lambda one: one[:2])]
    first = min(part.frames[0] for part in parts)
    return [min((p for p in parts if p.frames[0] == first), key=lambda part: _outside(part.boxes[0], point))]


def _lasting_first(parts: list[Sighting], rank: list[float]) -> list[Sighting]:
    """Sorted by rank, lowest first, with faces seen only briefly last."""
    longest = max((len(part.frames) for part in parts), default=0)
    passing = [len(part.frames) < _PASSING * longest for part in parts]
    return [parts[i] for i in sorted(range(len(parts)), key=lambda i: (passing[i], rank[i]))]


def _one_at_a_time(parts: Iterable[Sighting]) -> list[Sighting]:
    """The parts that do not overlap in time with any part before them; a short absence counts as presence."""
    taken: list[Sighting] = []
    for part in parts:
        if all(part.frames[0] > other.frames[-1] or other.frames[0] > part.frames[-1] for other in taken):
            taken.append(part)
    return taken


def _apart(box: Box, point: tuple[float, float]) -> float:
    """Pixels from the box's centre to the point."""
    return math.hypot((box[0] + box[2]) / 2 - point[0], (box[1] + box[3]) / 2 - point[1])


def _outside(box: Box, point: tuple[float, float]) -> float:
    """Pixels from the box to the point; 0 inside."""
    x, y = point
    return math.hypot(max(box[0] - x, 0, x - box[2]), max(box[1] - y, 0, y - box[3]))
