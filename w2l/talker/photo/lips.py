"""Lips that really meet, and their true numbers: both from the same columns across the mouth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from w2l.talker.photo.anatomy import Lip, along, anatomy, smoothstep
from w2l.talker.photo.pack import head_pack

COLUMNS = 21  # across the lips, where the gap is measured
MIDDLE = (np.arange(COLUMNS) + 0.5) / COLUMNS  # how far from the left corner each lies
_OVAL = 1 - np.abs(2 * MIDDLE - 1) ** 2.6  # the gap of a wide mouth, over that in its middle
_FINE = (np.arange(63) + 0.5) / 63  # where across the mouth the truth is measured
_DEEP = 0.75  # cm behind the contour that can still be the lip's edge in the picture
_FADE = (0.95, 1.05)  # cm over which the upper and the lower lip's skin gives way when they meet
_PASSES = 2  # until pressed lips meet everywhere
_UPPER = 0.4  # share of a meeting that the upper lip makes


@dataclass(frozen=True, eq=False)
class _Field:
    """Vertices of a lip that follow its edge: where between the columns they lie, and how far they follow."""

    vertices: np.ndarray
    left: np.ndarray  # the column to the left of each, and
    share: np.ndarray  # how much of the next column's shift it takes
    weight: np.ndarray

    def spread(self, shift: np.ndarray) -> np.ndarray:
        return self.weight * (shift[self.left] * (1 - self.share) + shift[self.left + 1] * self.share)


class Lips:
    """The lips of one fitted head.

    share: float32 (n,) for the upper and the lower lip, how far from the left corner of the mouth (0) to the right one
    (1) each vertex lies. used: the vertices that `measure` looks at.
    """

    def __init__(self, rest: np.ndarray, scale: float) -> None:
        """rest: the fitted vertices (n, 3) in photo space; scale: pixels a cm."""
        self._scale = scale
        own = anatomy()
        self.share = tuple(_across(lip, rest) for lip in (own.upper, own.lower))
        pairs = tuple(zip((own.upper, own.lower), self.share, strict=True))
        self._columns = tuple(_columns(lip, share, rest) for lip, share in pairs)
        self.used = np.unique(np.concatenate([*(c.ravel() for c in self._columns), head_pack().landmarks[[48, 54]]]))
        self._fields = tuple(_field(lip, share, fade) for (lip, share), fade in zip(pairs, _FADE, strict=True))
        self._centred = smoothstep((0.5 - np.abs(MIDDLE - 0.5)) / 0.2)

    def edges(self, vertices: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The lips' edges as they are seen: x (COLUMNS,), and there the upper lip's lower, the lower lip's upper edge.

        Both are read at the same x: when the head turns or the jaw swings aside, the lips' columns part sideways.
        """
        upper, lower = (vertices[columns] for columns in self._columns)
        above, below = _edge(upper, upper[..., 1].argmax(1)), _edge(lower, lower[..., 1].argmin(1))
        x = 0.5 * (above[:, 0] + below[:, 0])
        return x, _height(above, x), _height(below, x)

    def meet(self, vertices: np.ndarray, closure: float) -> None:
        """Moves both lips, in place, until they meet as far as `closure` (0..1) wants, and nowhere overlap."""
        _, above, below = self.edges(vertices)
        wanted = self._fuller(np.maximum(below - above, 0)) * (1 - smoothstep(min(1.0, closure * 1.25)))
        for _ in range(_PASSES if closure > 0.3 else 1):
            self._part(vertices, wanted)

    def _part(self, vertices: np.ndarray, wanted: np.ndarray) -> None:
        """Moves both lips until the gap at each column is as wanted; smoothly, so not quite."""
        _, above, below = self.edges(vertices)
        gap = below - above
        shift = np.where(gap < 0, gap * self._centred, gap) - wanted
        shift = np.convolve(np.pad(shift, 2, mode="edge"), (0.1, 0.2, 0.4, 0.2, 0.1), "valid").astype(np.float32)
        upper, lower = self._fields
        vertices[upper.vertices, 1] += np.float32(_UPPER) * upper.spread(shift)
        vertices[lower.vertices, 1] -= np.float32(1 - _UPPER) * lower.spread(shift)

    def _fuller(self, gap: np.ndarray) -> np.ndarray:
        """An open mouth is rounder than the pack's, whose lower lip comes to a point in the middle."""
        most = gap[7:14].mean()
        share = 0.7 * smoothstep(most / (0.5 * self._scale))
        return gap + share * (most * _OVAL - gap)

    def measure(self, vertices: np.ndarray) -> np.ndarray:
        """The truth of projected vertices: float32 (3,), gap in the middle, width from corner to corner, open area."""
        left, right = vertices[head_pack().landmarks[[48, 54]], :2]
        along_, above, below = self.edges(vertices)
        x = left[0] + (right[0] - left[0]) * _FINE
        order = np.argsort(along_)
        above, below = (np.interp(x, along_[order], edge[order]) for edge in (above, below))
        gap = np.maximum(below - above, 0)
        middle = gap[np.abs(_FINE - 0.5) < 1.5 / COLUMNS].mean()
        area = gap.mean() * abs(right[0] - left[0])
        return np.array([middle, np.linalg.norm(right - left), area], np.float32)


def _edge(groups: np.ndarray, which: np.ndarray) -> np.ndarray:
    """The edge's vertex of each column: (COLUMNS, 2) of groups (COLUMNS, k, 3)."""
    return groups[np.arange(COLUMNS), which, :2]


def _height(edge: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The height at x of the curve through the points of an edge."""
    edge = edge[edge[:, 0].argsort()]
    return np.interp(x, edge[:, 0], edge[:, 1])


def _across(lip: Lip, rest: np.ndarray) -> np.ndarray:
    share = along(rest[lip.inner]).astype(np.float32)
    return np.where(lip.nearest >= 0, share[lip.nearest], np.float32(0.5))


def _columns(lip: Lip, share: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """Vertices (COLUMNS, k) of which one is the lip's edge; towards the corners the contour alone counts."""
    contour = along(rest[lip.inner])
    groups = []
    for column in range(COLUMNS):
        left, right = column / COLUMNS - 0.015, (column + 1) / COLUMNS + 0.015
        deep = _DEEP * min(1.0, min(column, COLUMNS - 1 - column) / 4)
        found = np.flatnonzero(lip.mine & (lip.distance <= deep) & (share >= left) & (share <= right))
        groups.append(found if len(found) else lip.inner[[np.argmin(np.abs(contour - (left + right) / 2))]])
    return np.stack([np.resize(group, max(map(len, groups))) for group in groups])


def _field(lip: Lip, share: np.ndarray, fade: float) -> _Field:
    weight = np.where(lip.mine & np.isfinite(lip.distance), np.exp(-((lip.distance / fade) ** 2)), 0)
    vertices = np.flatnonzero(weight > 1e-3)
    place = np.clip(share[vertices] * COLUMNS - 0.5, 0, COLUMNS - 1)
    left = np.minimum(place.astype(int), COLUMNS - 2)
    return _Field(vertices, left, (place - left).astype(np.float32), weight[vertices].astype(np.float32))
