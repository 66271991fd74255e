"""Drawing the talker's mouth, and the true numbers of what was drawn."""

from __future__ import annotations

import numpy as np

from w2l.talker.drawn.identity import AXIS, Face, shade
from w2l.talker.drawn.pen import Pen
from w2l.talker.mouth import Mouth

_ACROSS = np.linspace(-1, 1, 21)  # from corner to corner
_PARTED = 0.7  # face units: a smaller gap is drawn, and counted, as closed
_INSIDE, _TONGUE = (28, 18, 48), (95, 85, 185)  # BGR


def draw_mouth(pen: Pen, face: Face, mouth: np.ndarray) -> tuple[float, float, float]:
    """Draws lips, teeth and tongue with the pen. `mouth`: (7,) as in `Mouth`.

    Returns gap between the lips (0 when closed), width from corner to corner, and open area, in face units.
    """
    m = Mouth(*(float(v) for v in mouth))
    half = face.mouth_w * (1 + 0.28 * m.width - 0.26 * m.rounding) * (1 - 0.06 * m.opening)
    drop = face.mouth_open * m.opening
    thin = (1 + 0.35 * m.rounding) * (1 - 0.25 * max(0.0, m.width)) * (1 - 0.2 * m.closure)
    upper, lower = face.upper_lip * thin, face.lower_lip * thin * (1 - 0.55 * m.tuck)
    top, bottom = face.mouth_y - 0.28 * drop, face.mouth_y + 0.72 * drop - 1.2 * m.tuck
    corner = face.mouth_y + 0.25 * drop - 0.72 * max(0.0, m.width)

    lens = 1 - np.abs(_ACROSS) ** (2.3 + 0.7 * m.rounding)
    upper_in = corner + (top - corner) * lens
    lower_in = np.maximum(corner + (bottom - corner) * lens, upper_in)
    bow = np.exp(-(((np.abs(_ACROSS) - 0.28) / 0.16) ** 2)) - 0.7 * np.exp(-((_ACROSS / 0.14) ** 2))
    upper_out = upper_in - upper * lens**0.7 - face.cupid * 0.8 * bow * (lens > 0)
    lower_out = lower_in + lower * lens**0.75
    x, x_out = AXIS + half * _ACROSS, AXIS + (half + 1.0) * _ACROSS

    if face.beard in (1, 3):
        _draw_moustache(pen, face, half, corner, upper_out.min())
    pen.polygon(_between(x_out, upper_out, lower_out), shade(face.lip, 0.9))
    pen.polygon(_between(x_out, lower_in, lower_out), shade(face.lip, 1.08))
    pen.line(
        np.stack([AXIS + half * 0.35 * _ACROSS, np.full(21, bottom + lower * 0.5)], 1),
        shade(face.lip, 1.25),
        0.25 * lower,
    )
    gap = bottom - top
    if gap <= _PARTED:
        pen.line(np.stack([x, (upper_in + lower_in) / 2], 1), shade(face.lip, 0.45), 0.9)
        return 0.0, 2 * half, 0.0
    pen.polygon(_between(x, upper_in, lower_in), _INSIDE)
    _draw_inside(pen, face, m, gap, x, upper_in, lower_in, lens)
    height = lower_in - upper_in
    return gap, 2 * half, float(((height[1:] + height[:-1]) / 2 * np.diff(x)).sum())


def _draw_inside(
    pen: Pen,
    face: Face,
    m: Mouth,
    gap: float,
    x: np.ndarray,
    upper_in: np.ndarray,
    lower_in: np.ndarray,
    lens: np.ndarray,
) -> None:
    """Upper teeth hang from the upper lip, lower teeth show in a wide gap, the tongue lies on the lower lip."""
    if m.teeth > 0.15:
        row = np.abs(_ACROSS) < 0.86
        edge = np.minimum(upper_in + min(3.6 * m.teeth, gap * 0.62) * np.clip(lens * 1.6, 0, 1), lower_in)
        pen.polygon(_between(x[row], upper_in[row], edge[row]), face.teeth)
        if gap > 4:
            row = np.abs(_ACROSS) < 0.7
            edge = np.maximum(lower_in - min(1.8 * m.teeth, gap * 0.18) * lens, upper_in)
            pen.polygon(_between(x[row], edge[row], lower_in[row]), shade(face.teeth, 0.85))
    if m.tongue > 0.25 and gap > 1.6:
        row = np.abs(_ACROSS) < 0.62
        rise = min(gap * 0.8, (0.30 + 0.32 * m.tongue) * gap)
        back = np.maximum(lower_in - 0.5 - rise * (1 - (_ACROSS / 0.62) ** 2).clip(0), upper_in)
        pen.polygon(_between(x[row], back[row], np.maximum(upper_in, lower_in - 0.4)[row]), _TONGUE)


def _draw_moustache(pen: Pen, face: Face, half: float, corner: float, top: float) -> None:
    right = [(0, top - 3.6), (half * 0.7, top - 2.6), (half + 3, corner + 1.5), (0, top + 3)]
    left = [(-x, y) for x, y in reversed(right[1:-1])]
    pen.polygon(np.array(right + left) + (AXIS, 0), face.hair)


def _between(x: np.ndarray, upper: np.ndarray, lower: np.ndarray) -> np.ndarray:
    """The closed polygon between two curves over the same x: (2n, 2)."""
    return np.concatenate([np.stack([x, upper], 1), np.stack([x, lower], 1)[::-1]])
