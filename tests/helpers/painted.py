"""A person for photographic talkers who is nobody: the bundled head itself, painted and put before a pale wall."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from w2l.talker.photo import landmarks as marks
from w2l.talker.photo.anatomy import along, anatomy
from w2l.talker.photo.fit import normals
from w2l.talker.photo.pack import FACE, head_pack
from w2l.talker.photo.people import SIZE, People, Person
from w2l.talker.photo.raster import rasterise

_SCALE = 14.5  # pixels a cm
_SKIN, _LIPS, _HAIR, _WALL = (150, 175, 215), (105, 105, 185), (40, 50, 70), (205, 208, 206)  # BGR


@lru_cache(maxsize=16)
def painted_person(skin: tuple[int, int, int] = _SKIN, name: str = "p002", identity: int = 0) -> Person:
    """A painted face with its 189 landmarks, taken from the mesh it was painted on. identity: 0 is the mean face."""
    xy = _project(identity)
    points = _landmarks(xy)
    x, y = xy[head_pack().jaw].min(0)[0], xy[head_pack().landmarks[19], 1] - 60
    box = np.array([x, y, xy[head_pack().jaw].max(0)[0], xy[head_pack().landmarks[8], 1] + 5], np.float32)
    return Person(name, _paint(xy, skin), points, box)


def painted_people() -> People:
    """Six painted people, one or more of each split, as a pack keeps them."""
    tones = [(150, 175, 215), (60, 80, 120), (110, 140, 190), (40, 55, 85), (140, 160, 200), (90, 120, 170)]
    people = [painted_person(tone, f"p{number:03d}") for number, tone in enumerate(tones)]
    jpegs = tuple(cv2.imencode(".jpg", p.photo, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes() for p in people)
    return People(
        tuple(p.name for p in people),
        jpegs,
        np.stack([p.landmarks for p in people]),
        np.stack([p.box for p in people]),
        ("test", "validation", "train", "train", "train", "test"),
    )


def _project(identity: int) -> np.ndarray:
    """The head at rest in pixels: float32 (n, 2)."""
    base = head_pack().base
    if identity:
        strength = np.random.default_rng(identity).normal(0, 1, len(head_pack().identity))
        base = base + np.tensordot(strength, head_pack().identity, 1)
    return (np.array([SIZE / 2, 225]) + base[:, :2] * (_SCALE, -_SCALE)).astype(np.float32)


def _landmarks(xy: np.ndarray) -> np.ndarray:
    pie = xy[head_pack().landmarks]
    points = np.zeros((marks.COUNT, 2), np.float32)
    for number, place in marks.MULTI_PIE.items():
        points[number] = pie[place]
    points[list(marks.PUPILS)] = pie[36:42].mean(0), pie[42:48].mean(0)
    for start, brow in ((71, pie[17:22]), (77, pie[22:27])):
        points[start : start + 6] = _sampled(brow, 6)
    points[list(marks.JAW)] = _sampled(xy[head_pack().jaw], 9)
    points[list(marks.NOSE_WINGS)] = pie[31] + (-0.3 * _SCALE, -4), pie[35] + (0.3 * _SCALE, -4)
    own = anatomy()
    for numbers, chain in (
        (marks.UPPER_OUTER, own.upper.outer),
        (marks.UPPER_INNER, own.upper.inner),
        (marks.LOWER_INNER, own.lower.inner),
        (marks.LOWER_OUTER, own.lower.outer),
    ):
        points[list(numbers[1:-1])] = _sampled(xy[chain], 7)[1:-1]
    return points


def _sampled(curve: np.ndarray, count: int) -> np.ndarray:
    where = np.linspace(0, 1, count)
    return np.stack([np.interp(where, along(curve), curve[:, k]) for k in (0, 1)], axis=1)


def _paint(xy: np.ndarray, skin: tuple[int, int, int]) -> np.ndarray:
    pack, own = head_pack(), anatomy()
    colours = np.tile(np.array(skin, np.float32), (len(xy), 1))
    lips = np.zeros((SIZE, SIZE), np.uint8)
    for lip in (own.upper, own.lower):
        outline = np.concatenate([xy[lip.inner], xy[lip.outer[::-1]]])
        cv2.fillPoly(lips, [np.round(outline).astype(np.int32)], 1)
    triangles = pack.triangles[pack.part == FACE]
    light = normals(pack.base, triangles) @ np.array([-0.3, 0.4, 0.87])
    colours *= (0.55 + 0.45 * np.clip(light, 0, 1))[:, None].astype(np.float32)
    canvas = np.tile(np.array(_WALL, np.float32), (SIZE, SIZE, 1))
    cv2.ellipse(canvas, (SIZE // 2, 150), (118, 130), 0, 0, 360, _HAIR, -1)
    cv2.rectangle(canvas, (SIZE // 2 - 60, 300), (SIZE // 2 + 60, SIZE), tuple(0.7 * v for v in skin), -1)
    depth = np.full((SIZE, SIZE), np.float32(-1e9))
    rasterise(xy, np.ascontiguousarray(pack.base[:, 2]), triangles, colours, depth, canvas)
    tint = np.array(_LIPS, np.float32) * (np.mean(skin) / np.mean(_SKIN))
    soft = cv2.GaussianBlur(lips.astype(np.float32), (0, 0), 1)[..., None]
    canvas = canvas * (1 - soft) + tint * soft
    pie = xy[pack.landmarks]
    for eye, brow in ((pie[36:42], pie[17:22]), (pie[42:48], pie[22:27])):
        cv2.fillConvexPoly(canvas, np.round(eye).astype(np.int32), (235, 235, 235), cv2.LINE_AA)
        cv2.circle(canvas, np.round(eye.mean(0)).astype(int).tolist(), 7, (60, 60, 40), -1, cv2.LINE_AA)
        cv2.polylines(canvas, [np.round(brow).astype(np.int32)], False, _HAIR, 6, cv2.LINE_AA)
    line = np.round(xy[own.upper.inner]).astype(np.int32)
    cv2.polylines(canvas, [line], False, (50, 40, 80), 2, cv2.LINE_AA)
    grain = np.random.default_rng(0).normal(0, 3, (SIZE, SIZE, 1))
    return np.clip(cv2.GaussianBlur(canvas, (0, 0), 0.8) + grain, 0, 255).astype(np.uint8)
