"""Drawing the talker's head: what is behind it, hair, eyes, nose, and the mouth."""

from __future__ import annotations

import numpy as np

from w2l.talker.drawn.identity import AXIS, Face, blend, shade
from w2l.talker.drawn.lips import draw_mouth
from w2l.talker.drawn.pen import CIRCLE, Pen, circle

JAW_DROP = 7.0  # face units by which the chin falls when the mouth is wide open
_OUTLINE = circle(64)
_ARCH = np.stack([np.cos(np.linspace(np.pi, 2 * np.pi, 30)), np.sin(np.linspace(np.pi, 2 * np.pi, 30))], axis=1)


def head_outline(face: Face, opening: float) -> np.ndarray:
    """The silhouette of head and jaw, (64, 2) face units; the jaw falls with the mouth's opening."""
    centre = 44.0
    cos, sin = _OUTLINE.T
    x = face.half_width * np.sign(cos) * np.abs(cos) ** 0.9
    below = sin > 0
    x = np.where(below, x * (1 - (1 - face.jaw) * sin**2 * 0.55), x)
    y = centre + np.where(below, (face.chin - centre) * sin, (centre - face.top) * sin)
    y = y + JAW_DROP * opening * np.clip((y - 60) / 28, 0, 1.1)
    return np.stack([AXIS + x, y], axis=1)


def draw_head(pen: Pen, face: Face, mouth: np.ndarray) -> tuple[float, float, float]:
    """Draws body, head, features and mouth. `mouth`: (7,) as in `Mouth`.

    Returns the true mouth in face units: gap between the lips, width from corner to corner, open area.
    """
    opening = float(mouth[0])
    outline = head_outline(face, opening)
    _draw_behind(pen, face)
    pen.polygon(outline, face.skin, flat=True)
    if face.beard >= 2:
        _draw_beard(pen, face, outline)
    _draw_hair(pen, face)
    _draw_eyes(pen, face)
    _draw_nose(pen, face)
    _draw_folds(pen, face, opening)
    truth = draw_mouth(pen, face, mouth)
    if face.glasses:
        _draw_glasses(pen, face)
    return truth


def _draw_behind(pen: Pen, face: Face) -> None:
    if face.hairstyle == 1:
        pen.ellipse(AXIS, 38, face.half_width + 6, 40, face.hair, flat=True)
    if face.hairstyle == 2:
        wide = face.half_width + 5
        corners = [(-wide + 6, 2), (wide - 6, 2), (wide, 30), (wide + 1, 98), (-wide - 1, 98), (-wide, 30)]
        pen.polygon(np.array(corners) + (AXIS, 0), face.hair, flat=True)
    neck = face.half_width * 0.56
    pen.polygon(
        [(AXIS - neck, 68), (AXIS + neck, 68), (AXIS + neck + 3, 122), (AXIS - neck - 3, 122)],
        shade(face.skin, 0.74),
        True,
    )
    shirt = [(-60, 190), (-44, 116), (14, 103), (AXIS - neck - 2, 100), (AXIS, 112)]
    mirrored = [(2 * AXIS - x, y) for x, y in reversed(shirt[:-1])]
    pen.polygon(shirt + mirrored, face.shirt, flat=True)
    for side in (-1, 1):
        pen.ellipse(AXIS + side * (face.half_width + 0.5), 45, 3.4, 7, shade(face.skin, 0.86), flat=True)


def _draw_beard(pen: Pen, face: Face, outline: np.ndarray) -> None:
    colour = face.hair if face.beard == 3 else shade(blend(face.skin, face.hair, 0.55), 0.95)
    jaw = outline[outline[:, 1] > 58]
    jaw = jaw[np.argsort(jaw[:, 0])]
    cheek, lip, y = face.half_width * 0.66, face.mouth_w + 6, face.mouth_y
    inner = [(cheek, 60), (lip, y - 8), (0, y - 9.5), (-lip, y - 8), (-cheek, 60)]
    pen.polygon(np.concatenate([jaw, np.array(inner) + (AXIS, 0)]), colour, flat=True)


def _draw_hair(pen: Pen, face: Face) -> None:
    if face.hairstyle == 3:
        return
    outer = _ARCH * (face.half_width + 2.5, 33 - face.top) + (AXIS, 31)
    inner = _ARCH[::-1] * (face.half_width - 3, 31 - face.hairline) + (AXIS, 31)
    pen.polygon(np.concatenate([outer, inner]), face.hair, flat=True)


def _draw_eyes(pen: Pen, face: Face) -> None:
    y, dark = face.eye_y, shade(face.skin, 0.72)
    height = face.eye_h * (1 - pen.pose.blink)
    for side in (-1, 1):
        x = AXIS + side * face.eye_dx
        pen.ellipse(x, y - 0.6, face.eye_w + 1.4, face.eye_h + 1.8, shade(face.skin, 0.84))
        if height > 0.5:
            pen.ellipse(x, y, face.eye_w, height, (236, 240, 240))
            pen.ellipse(x, y, 3.1 * min(1, 0.6 + height / 6), min(3.1, height + 0.3), face.iris)
            pen.ellipse(x, y, 1.5, min(1.5, height), (15, 15, 15))
            pen.ellipse(x - 0.9, y - 0.9, 0.6, 0.6, (250, 250, 250))
        lid = _ARCH[::3] * (face.eye_w, max(height, 0.2)) + (x, y + (face.eye_h * 0.5 if pen.pose.blink > 0.8 else 0))
        pen.line(lid, shade(dark, 0.45), 1.0)
        top = y - face.brow_dy - pen.pose.brow
        brow = [(-7.5 * side, 0.8 - face.brow_tilt * 0.5), (0, -1.3), (8 * side, 1.2 + face.brow_tilt)]
        pen.line(np.array(brow) + (x, top), shade(face.hair, 0.6), face.brow_thickness)


def _draw_nose(pen: Pen, face: Face) -> None:
    y, wide = face.nose_y, face.nose_w
    pen.polygon(
        [(AXIS - 1.6, y - 16), (AXIS + 1.6, y - 16), (AXIS + wide * 0.8, y), (AXIS - wide * 0.8, y)],
        shade(face.skin, 0.97),
    )
    pen.ellipse(AXIS, y + 0.6, wide + 0.4, 3.4, shade(face.skin, 0.84))
    pen.ellipse(AXIS, y - 0.6, wide * 0.9, 3.0, shade(face.skin, 0.96))
    pen.ellipse(AXIS, y - 1.6, wide * 0.5, 2.2, shade(face.skin, 1.06))
    for side in (-1, 1):
        pen.ellipse(AXIS + side * wide * 0.45, y + 1.7, 1.4, 0.85, shade(face.skin, 0.38))


def _draw_folds(pen: Pen, face: Face, opening: float) -> None:
    """The folds from nose to mouth corners, deeper when the mouth opens."""
    corner = face.mouth_w + 3.5
    for side in (-1, 1):
        fold = [
            (face.nose_w + 1, face.nose_y),
            (corner - 1, face.mouth_y - 7),
            (corner + 0.5, face.mouth_y - 1 + 2 * opening),
        ]
        pen.line(np.array(fold) * (side, 1) + (AXIS, 0), shade(face.skin, 0.92 - 0.05 * opening), 0.8)


def _draw_glasses(pen: Pen, face: Face) -> None:
    for side in (-1, 1):
        ring = CIRCLE * (face.glasses, face.glasses * 0.85) + (AXIS + side * face.eye_dx, face.eye_y)
        pen.line(ring, face.glasses_colour, 1.2, closed=True)
    bridge = face.eye_dx - face.glasses
    pen.line([(AXIS - bridge, face.eye_y - 1), (AXIS + bridge, face.eye_y - 1)], face.glasses_colour, 1.2)
