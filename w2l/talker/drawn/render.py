"""Filming the talker: head motion, background, light and camera, at crop size or as a presenter clip."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache, partial

import cv2
import numpy as np

from w2l.audio import TRAINING_FPS
from w2l.talker.drawn.draw import JAW_DROP, draw_head, head_outline
from w2l.talker.drawn.identity import AXIS, Face, hsv, shade
from w2l.talker.drawn.pen import Pen, Pose
from w2l.talker.pace import at_rate, drawn_frames, drift

CROP = 96  # pixels: a face unit is one pixel here
_MAP, _MARGIN = 160, 32  # the light map covers face units -32 .. 128


@dataclass(frozen=True)
class View:
    """What the camera sees: picture size in pixels, scale, and where face unit (0, 0) lies in the picture."""

    width: int
    height: int
    zoom: tuple[float, float]  # pixels per face unit, across and down
    x: float  # pixels: where face unit 0 lies
    y: float
    oversample: int = 2  # drawn this much larger, then averaged down
    still: float = 0.0  # share of the head's shifts and zooms that the view follows, as a tracked box does


def presenter_view(size: int = 512) -> View:
    """Head and shoulders of a presenter in a square picture."""
    zoom = size * 0.48 / CROP
    return View(size, size, (zoom, zoom), (size - CROP * zoom) / 2, size * 0.17, oversample=2 if size < 400 else 1)


def crop_view(face: Face, size: int = CROP) -> View:
    """The crop, size x size, that a face detector's box would give of this face.

    The margins were measured on 64 frames of 16 presenters: YuNet's box reaches 0.97 half widths to each side, from 31
    units above the eyes to 3 below the closed chin; 5 more below are the usual pad. As everywhere in the kit, the box
    is stretched to a square.
    """
    half, top, bottom = 0.97 * face.half_width, face.eye_y - 31, face.chin + 8
    across, down = size / (2 * half), size / (bottom - top)
    return View(size, size, (across, down), -(AXIS - half) * across, -top * down, still=0.7)


def make_motion(
    rng: np.random.Generator, n_frames: int, fps: float = TRAINING_FPS, yaw: float | None = None
) -> list[Pose]:
    """Slow shifts, nods, turns and tilts around a random rest position, with blinks: one pose per frame.

    yaw: degrees, the head stays turned that far.
    """
    count, n_frames = n_frames, drawn_frames(n_frames, fps)

    uniform, drifts = rng.uniform, partial(drift, rng, n_frames)
    columns = [
        uniform(-2, 2) + drifts(0.4, uniform(0.4, 1.5)),
        uniform(-1.5, 1.5) + drifts(0.4, uniform(0.3, 1.1)),
        uniform(0.94, 1.05) * (1 + drifts(0.6, uniform(0.004, 0.014))),
        uniform(-3, 3) + drifts(0.5, uniform(0.5, 2.2)),
        uniform(-4, 4) + drifts(0.5, uniform(0.5, 2.2)),
        uniform(-3, 3) + drifts(0.5, uniform(0.5, 2.0)),
        _blinks(rng, n_frames),
        drifts(0.36, 0.6),
    ]
    columns = [at_rate(column, count, fps) for column in columns]
    poses = [Pose(*(float(v) for v in row)) for row in np.stack(columns, axis=1)]
    return poses if yaw is None else [pose._replace(yaw=yaw) for pose in poses]


def _blinks(rng: np.random.Generator, n_frames: int) -> np.ndarray:
    lid = np.zeros(n_frames)
    at = int(rng.integers(5, 60))
    while at < n_frames - 5:
        lid[at : at + 5] = (0.5, 1, 1, 0.6, 0.2)
        at += int(rng.integers(35, 110))
    return lid


def render(
    face: Face, mouths: np.ndarray, poses: list[Pose], rng: np.random.Generator, view: View
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Films the talker frame by frame.

    mouths: (n, 7) as in `Mouth`; poses: n of them. Yields (frame, truth) per frame: frame HWC uint8 BGR; truth float32
    (3,): gap between the lips and width from corner to corner (pixels of the picture), open area (square pixels).
    """
    s = view.oversample
    across, down = view.zoom
    background = _background(face, view)
    light = _light_map(face)
    exposure, grain = rng.uniform(0.9, 1.08), rng.uniform(0.4, 1.8)
    for mouth, pose in zip(mouths, poses, strict=True):
        canvas = background.copy()
        pose = _follow(pose, view.still)
        pen = Pen(canvas, (across * s, down * s), (view.x * s, view.y * s), pose, face.half_width + 4)
        truth = draw_head(pen, face, mouth)
        picture = cv2.resize(canvas, (view.width, view.height), interpolation=cv2.INTER_AREA) if s > 1 else canvas
        lit = picture * _place_light(light, pen, view)[..., None]
        noise = rng.standard_normal((view.height, view.width, 1), dtype=np.float32) * grain
        frame = np.clip(lit * exposure + noise + 0.5, 0, 255).astype(np.uint8)
        gap, width, area = truth
        scale = pose.scale
        yield frame, np.array([gap * scale * down, width * scale * across, area * scale**2 * across * down], np.float32)


def _follow(pose: Pose, share: float) -> Pose:
    """The pose as seen by a view that follows this share of the head's shifts and zooms."""
    rest = 1 - share
    return pose._replace(x=pose.x * rest, y=pose.y * rest, scale=pose.scale**rest)


def _background(face: Face, view: View) -> np.ndarray:
    """A blurred two-colour wall with a few shapes, on the oversampled canvas."""
    rng = np.random.default_rng(face.seed)
    width, height = view.width * view.oversample, view.height * view.oversample
    size = max(width, height)
    yy, xx = np.mgrid[0:192, 0:192].astype(np.float32) / 192
    one, two = (
        np.array(hsv(rng.uniform(0, 180), rng.uniform(0, 160), rng.uniform(40, 235)), np.float32) for _ in range(2)
    )
    angle = rng.uniform(0, 2 * np.pi)
    share = np.clip(0.5 + (xx - 0.5) * np.cos(angle) + (yy - 0.5) * np.sin(angle), 0, 1)[..., None]
    wall = np.ascontiguousarray(one * (1 - share) + two * share)
    for _ in range(rng.integers(0, 4)):
        colour = shade((int(one[0]), int(one[1]), int(one[2])), rng.uniform(0.5, 1.5))
        corner = rng.integers(-20, 190, 2)
        if rng.random() < 0.6:
            far = corner + rng.integers(20, 120, 2)
            cv2.rectangle(wall, (int(corner[0]), int(corner[1])), (int(far[0]), int(far[1])), colour, -1)
        else:
            cv2.circle(wall, (int(corner[0]), int(corner[1])), int(rng.integers(8, 50)), colour, -1, cv2.LINE_AA)
    wall = cv2.GaussianBlur(wall, (0, 0), rng.uniform(1, 5))
    wall = cv2.resize(wall, (size, size), interpolation=cv2.INTER_CUBIC)
    return np.clip(wall[:height, :width], 0, 255).astype(np.uint8)


@lru_cache(maxsize=4)
def _light_map(face: Face) -> np.ndarray:
    """Brightness over face units (-32 .. 128), 1 outside the head: light from one side, round cheeks, skin texture."""
    yy, xx = np.mgrid[0:_MAP, 0:_MAP].astype(np.float32) - _MARGIN
    u, v = (xx - AXIS) / face.half_width, (yy - 46) / 44
    lx, ly, strength = face.light
    light = 1.12 + strength * (lx * u + ly * v) - face.roundness * 0.5 * np.clip(u * u + v * v * 0.35, 0, 1.6)
    light += 0.06 * np.exp(-((xx - AXIS) ** 2 / 18 + (yy - face.nose_y + 8) ** 2 / 160))  # bridge of the nose
    for side in (-1, 1):  # eye sockets, cheek bones
        light -= 0.13 * np.exp(-((xx - AXIS - side * face.eye_dx) ** 2 / 60 + (yy - face.eye_y) ** 2 / 26))
        light += 0.05 * np.exp(-((xx - AXIS - side * face.eye_dx * 1.2) ** 2 / 50 + (yy - face.nose_y + 2) ** 2 / 30))
    light -= 0.07 * np.exp(-((xx - AXIS) ** 2 / 60 + (yy - (face.mouth_y + face.lower_lip + 4.5)) ** 2 / 5))
    texture = cv2.GaussianBlur(
        np.random.default_rng(face.seed + 1).standard_normal((_MAP, _MAP)).astype(np.float32), (0, 0), 1.6
    )
    light += 0.018 * texture / texture.std()
    mask = np.zeros((_MAP, _MAP), np.uint8)
    for opening in (0.0, 1.0):
        cv2.fillPoly(mask, [np.round(head_outline(face, opening) + _MARGIN).astype(np.int32)], 1)
    neck = face.half_width * 0.6
    below = int(face.chin - JAW_DROP) + _MARGIN
    mask[below : 98 + _MARGIN, int(AXIS - neck) + _MARGIN : int(AXIS + neck) + _MARGIN] = 1
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 0.8)
    return (1 + soft * (light - 1)).astype(np.float32)


def _place_light(light: np.ndarray, pen: Pen, view: View) -> np.ndarray:
    """The light map seen by the camera: float32 (height, width)."""
    corners = np.array([(-_MARGIN, -_MARGIN), (_MAP - _MARGIN, -_MARGIN), (-_MARGIN, _MAP - _MARGIN)], np.float32)
    there = (pen.place(corners, flat=True) / view.oversample - 0.5).astype(np.float32)
    warp = cv2.getAffineTransform(corners + _MARGIN - np.float32(0.5), there)
    return cv2.warpAffine(
        light, warp, (view.width, view.height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=1.0
    )
