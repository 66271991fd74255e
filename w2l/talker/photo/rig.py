"""From the seven numbers of a mouth, and what the rest of the face does, to the shape of a fitted head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from w2l.talker.mouth import Mouth
from w2l.talker.photo.anatomy import anatomy, smoothstep
from w2l.talker.photo.fit import Fit
from w2l.talker.photo.lips import Lips
from w2l.talker.photo.pack import head_pack

_UPPER_INCISOR, _LOWER_INCISOR = 5, 17  # among the anatomy's teeth
_BEHIND_LIP = 0.4  # cm
_SIDED = ("mouthStretch", "mouthSmile", "mouthUpperUp", "mouthLowerDown", "mouthFrown", "mouthDimple")


class Expression(NamedTuple):
    """What the face does besides speaking, in one frame; all 0 at rest."""

    blink: float = 0.0  # 0 open .. 1 shut
    brow: float = 0.0  # raised
    smile: float = 0.0
    frown: float = 0.0  # corners of the mouth down
    lop: float = 0.0  # -1 .. 1: the mouth moves more on the picture's left .. right side
    lips: float = 0.0  # -1 .. 1: the jaw makes more of an opening .. the lips do
    press: float = 0.0  # 0 .. 1: lips pressed inwards


@dataclass(frozen=True)
class Habits:
    """How one person opens the mouth. jaw: drop at a wide /a/, in full strengths of the pack's jawOpen (10 to 16 mm of
    gap at 0.29 to 0.46); teeth: how freely the lips bare them, 1 is usual."""

    jaw: float = 0.36
    teeth: float = 1.0


AT_REST, USUAL = Expression(), Habits()


class Rig:
    """A fitted head that takes expressions: `pose` gives its vertices, in photo space before the head turns."""

    def __init__(self, fit: Fit, rest: np.ndarray, lips: Lips) -> None:
        """rest: float32 (n, 3), the fitted vertices, perhaps with another jaw or other teeth."""
        pack, own = head_pack(), anatomy()
        self.rest, self.lips, self.scale = rest, lips, fit.scale
        self.deltas = (pack.deltas @ fit.linear.T).astype(np.float32)
        self._flat = np.ascontiguousarray(self.deltas.reshape(len(pack.shapes), -1))
        sided = self.deltas[[pack.shapes.index(name) for name in _SIDED]] * own.side[:, None]
        self._sided = np.ascontiguousarray(sided.reshape(len(_SIDED), -1))
        # the jaw: how far each vertex falls with it, 1 at the chin
        fall = self.deltas[pack.shapes.index("jawOpen"), :, 1]
        self._jaw = np.clip(fall / fall[pack.landmarks[8]], 0, 1)
        self._tongue = np.flatnonzero(own.tongue)
        z = rest[self._tongue, 2]
        self._tip = smoothstep((z - np.percentile(z, 45)) / (1.8 * fit.scale)).astype(np.float32)
        self._upper_teeth = np.concatenate(own.teeth[: len(own.teeth) // 2])
        self._upper_edge, self._lower_edge = _incisors(rest)

    def pose(self, mouth: np.ndarray, expression: Expression, habits: Habits) -> np.ndarray:
        """The vertices, float32 (n, 3), for a mouth (7,) as in `Mouth`; lips meet where they should."""
        m = Mouth(*(float(v) for v in mouth))
        strength = weights(m, expression, habits)
        names = head_pack().shapes
        row = np.array([strength.get(name, 0.0) for name in names], np.float32)
        vertices = self.rest + (row @ self._flat).reshape(-1, 3)
        if abs(expression.lop) > 1e-3:
            self._lop(vertices, strength, expression.lop)
        self._move_tongue(vertices, m, strength["jawOpen"])
        # the lower lip under the teeth stays in front of them in the picture, as it is thick and the pack's is not
        vertices[self._upper_teeth, 2] -= np.float32(_BEHIND_LIP * m.tuck * self.scale)
        self.lips.meet(vertices, m.closure)
        return vertices

    def _lop(self, vertices: np.ndarray, strength: dict[str, float], lop: float) -> None:
        """One side of the mouth does more, the other less, and the jaw swings a little that way."""
        share = np.array([strength[name] for name in _SIDED], np.float32)
        vertices += np.float32(lop) * (share @ self._sided).reshape(-1, 3)
        vertices[:, 0] += np.float32(lop * (0.5 * strength["jawOpen"] + 0.04) * 0.45 * self.scale) * self._jaw

    def _move_tongue(self, vertices: np.ndarray, m: Mouth, jaw: float) -> None:
        """The tongue lies low in an open mouth. Its tip rises behind the upper teeth for /l n t d/ (`tongue` near 1),
        and comes between the teeth for /th/, which shows more teeth than /l/."""
        up = float(smoothstep((m.tongue - 0.3) / 0.6))
        between = float(smoothstep((m.tongue - 0.8) / 0.18) * smoothstep((m.teeth - 0.64) / 0.14))
        tip = self._tip
        fall = 0.05 - 0.5 * jaw * (1 - up) - (2.6 * jaw + 0.5) * (1 - between) * up * tip
        out = 0.1 * (1 - up) + up * tip * (0.15 + 1.4 * between)
        vertices[self._tongue, 1] += np.asarray(fall * self.scale, np.float32)
        vertices[self._tongue, 2] += np.asarray(out * self.scale, np.float32)
        if between:
            lower = self._lower_edge + jaw * self.deltas[0, anatomy().teeth[_LOWER_INCISOR][0], 1]
            level = 0.5 * (self._upper_edge + lower)
            y = vertices[self._tongue, 1]
            front = y[tip > 0.9].mean()
            flat = level + 0.35 * (y - front)
            vertices[self._tongue, 1] += (np.float32(between) * tip * (flat - y)).astype(np.float32)


def _incisors(rest: np.ndarray) -> tuple[float, float]:
    """Where in photo space (y) the upper and the lower front teeth end."""
    upper, lower = (anatomy().teeth[k] for k in (_UPPER_INCISOR, _LOWER_INCISOR))
    return float(rest[upper, 1].max()), float(rest[lower, 1].min())


def weights(m: Mouth, expression: Expression, habits: Habits) -> dict[str, float]:
    """How strongly each of the pack's shapes is shown."""
    free = 1 - float(smoothstep(m.closure))
    wide, narrow = max(m.width, 0.0), max(-m.width, 0.0)
    lips = 0.5 * expression.lips
    between = float(smoothstep((m.tongue - 0.8) / 0.18) * smoothstep((m.teeth - 0.64) / 0.14))
    part = max(lips, 0.0) * m.opening * free * (1 - 0.6 * m.rounding)
    bare = free * habits.teeth
    return {
        "jawOpen": habits.jaw * m.opening * (1 - 0.5 * lips) + 0.05 * between,
        "mouthFunnel": m.rounding * (0.15 + 0.22 * m.teeth) * (0.6 + 0.4 * free),
        "mouthPucker": (0.78 * m.rounding + 0.35 * narrow * (1 - m.rounding)) * (1 - 0.35 * min(m.opening, 1)),
        "mouthStretch": 0.34 * wide * free,
        "mouthSmile": 0.30 * wide * free + expression.smile * (1 - 0.7 * max(0.0, m.rounding)),
        "mouthUpperUp": (0.16 * m.teeth + 0.05 * m.opening) * (1 - 0.6 * m.rounding) * bare + 0.3 * part,
        "mouthLowerDown": (0.20 * m.teeth + 0.06 * m.opening) * (1 - 0.55 * m.rounding) * (1 - m.tuck) * bare
        + 0.6 * part,
        "mouthPress": 0.30 * m.closure + 0.4 * expression.press,
        "mouthRollUpper": 0.10 * m.closure + 0.35 * expression.press,
        "mouthRollLower": 0.16 * m.closure + 0.52 * m.tuck + 0.4 * expression.press * (1 - m.tuck),
        "mouthShrugUpper": 0.12 * m.tuck,
        "mouthShrugLower": 0.06 * m.closure,
        "mouthFrown": expression.frown,
        "mouthDimple": 0.0,
        "cheekSquint": 0.15 * wide + 0.5 * max(expression.smile, 0.0),
        "eyeBlink": expression.blink,
        "browInnerUp": expression.brow,
    }
