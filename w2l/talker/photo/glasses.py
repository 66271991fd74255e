"""Glasses: two rims, a bridge and the arms, as bands in front of a fitted face."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from w2l.talker.photo.pack import head_pack

_AROUND = 36  # corners of a rim


@dataclass(frozen=True, eq=False)
class Glasses:
    """vertices: float32 (k, 3) in photo space. triangles: int32 (t, 3), both sides. colour: (3,) BGR, 0..255."""

    vertices: np.ndarray
    triangles: np.ndarray
    colour: np.ndarray

    @classmethod
    def none(cls) -> Glasses:
        """No glasses."""
        return cls(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32), np.zeros(3))


def make_glasses(rest: np.ndarray, scale: float, rng: np.random.Generator) -> Glasses:
    """Glasses that fit a head at rest: float32 (n, 3) vertices, `scale` pixels a centimetre."""
    marks, uniform = head_pack().landmarks, rng.uniform
    left, right = rest[marks[36:42]].mean(0), rest[marks[42:48]].mean(0)
    apart = float(right[0] - left[0])
    wide, high = apart * uniform(0.34, 0.42), apart * uniform(0.24, 0.38)
    square, thick = uniform(0.35, 1.0), scale * uniform(0.08, 0.3)
    nose = rest[marks[30], 0]
    front = max(float(rest[marks[17:28], 2].max()), left[2], right[2]) + 0.6 * scale
    angle = np.linspace(0, 2 * np.pi, _AROUND, endpoint=False)
    round_ = np.stack([np.sign(f) * np.abs(f) ** square for f in (np.cos(angle), np.sin(angle))], axis=1)
    bands = []
    for eye in (left, right):
        centre = eye[:2] + (0.02 * apart * np.sign(eye[0] - nose), 0.06 * high)
        rims = [centre + round_ * (wide + more, high + more) for more in (0, thick)]
        inner, outer = (np.column_stack([rim, front - 0.10 * np.abs(rim[:, 0] - nose)]) for rim in rims)
        bands.append(_band(inner, outer, closed=True))
    bands.append(_bridge(left, right, wide, high, thick, front))
    ears = rest[head_pack().jaw[[0, -1]]]
    for eye, ear, side in ((left, ears[0], -1), (right, ears[1], 1)):
        near = np.array([eye[0] + side * (wide + thick), eye[1] - 0.35 * high, front - 0.1 * abs(eye[0] - left[0])])
        near[2] = front - 0.10 * abs(near[0] - nose)
        far = np.array([ear[0], eye[1] - 0.35 * high, ear[2]])
        arm = np.linspace(near, far, 4)
        bands.append(_band(arm, arm + (0, thick, 0), closed=False))
    counts = np.cumsum([0, *(len(points) for points, _ in bands)])
    triangles = np.concatenate([faces + start for (_, faces), start in zip(bands, counts, strict=False)])
    grey = uniform(10, 70)
    colour = np.clip(grey + rng.normal(0, 4, 3), 5, 120)
    return Glasses(
        np.concatenate([points for points, _ in bands]).astype(np.float32),
        np.concatenate([triangles, triangles[:, ::-1]]).astype(np.int32),
        colour,
    )


def _bridge(
    left: np.ndarray, right: np.ndarray, wide: float, high: float, thick: float, front: float
) -> tuple[np.ndarray, np.ndarray]:
    x = np.linspace(left[0] + wide, right[0] - wide, 6)
    rise = high * 0.12 * (1 - np.linspace(-1, 1, 6) ** 2)
    y = (left[1] + right[1]) / 2 - 0.15 * high - rise
    upper = np.column_stack([x, y, np.full(6, front)])
    return _band(upper, upper + (0, thick, 0), closed=False)


def _band(inner: np.ndarray, outer: np.ndarray, closed: bool) -> tuple[np.ndarray, np.ndarray]:
    """The band between two lines (k, 3): points and triangles."""
    k = len(inner)
    here = np.arange(k if closed else k - 1)
    there = (here + 1) % k
    faces = np.concatenate([np.column_stack([here, there, there + k]), np.column_stack([here, there + k, here + k])])
    return np.concatenate([inner, outer]), faces
