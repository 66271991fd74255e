"""The pen: polygons, lines and ellipses in face units, through a small 3-D camera, at any size."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import ArrayLike

from w2l.talker.drawn.identity import AXIS, Colour

_SHIFT = 4  # fractional bits of cv2's polygon corners
_PIVOT = np.array([AXIS, 60.0])  # the head turns about this point


class Pose(NamedTuple):
    """Where the head is in one frame. Shifts in face units, angles in degrees, blink and brow 0..1."""

    x: float
    y: float
    scale: float
    roll: float
    yaw: float
    pitch: float
    blink: float
    brow: float


class Pen:
    """Draws shapes given in face units on a BGR canvas, turned and moved by a pose.

    zoom: canvas pixels per face unit, across and down; origin: canvas position (x, y) of face unit (0, 0) when the head
    is straight; radius: of the ball on which the features lie, in face units.
    """

    def __init__(
        self, canvas: np.ndarray, zoom: tuple[float, float], origin: tuple[float, float], pose: Pose, radius: float
    ) -> None:
        self.canvas, self.pose, self.radius = canvas, pose, radius
        self.zoom, self.origin = np.array(zoom), np.array(origin)
        self._turn = np.sin(np.radians([pose.yaw, pose.pitch]))
        self._shift = np.array((pose.x, pose.y))
        roll = np.radians(pose.roll)
        self._roll = np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])

    def place(self, points: ArrayLike, flat: bool = False) -> np.ndarray:
        """Canvas coordinates, float (n, 2), of points (n, 2). Points inside the face lie on a ball unless `flat`."""
        p = (np.asarray(points, float) - _PIVOT) / self.radius
        if not flat:
            depth = np.sqrt(np.maximum(1 - p[:, 0] ** 2 - (p[:, 1] / 1.35) ** 2, 0)) * 0.8
            p += depth[:, None] * self._turn
        p = p * self.radius * self.pose.scale @ self._roll.T
        return (p + _PIVOT + self._shift) * self.zoom + self.origin

    def polygon(self, points: ArrayLike, colour: Colour, flat: bool = False) -> None:
        """A filled polygon through points (n, 2)."""
        corners = np.round(self.place(points, flat) * (1 << _SHIFT)).astype(np.int32)
        cv2.fillPoly(self.canvas, [corners], colour, cv2.LINE_AA, _SHIFT)

    def line(self, points: ArrayLike, colour: Colour, width: float, closed: bool = False) -> None:
        """A line through points (n, 2); width in face units."""
        corners = np.round(self.place(points) * (1 << _SHIFT)).astype(np.int32)
        thickness = max(1, round(width * self.zoom.mean() * self.pose.scale))
        cv2.polylines(self.canvas, [corners], closed, colour, thickness, cv2.LINE_AA, _SHIFT)

    def ellipse(self, x: float, y: float, rx: float, ry: float, colour: Colour, flat: bool = False) -> None:
        """A filled ellipse with half axes rx, ry."""
        self.polygon(CIRCLE * (rx, ry) + (x, y), colour, flat)


def circle(corners: int) -> np.ndarray:
    """Corners of the unit circle: (corners, 2)."""
    angle = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


CIRCLE = circle(28)
