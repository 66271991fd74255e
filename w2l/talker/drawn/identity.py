"""Who the talker is: one drawn identity (skin, hair, proportions, light, background)."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

Colour = tuple[int, int, int]  # BGR

# Lengths are in face units: one unit is one pixel of a 96 x 96 crop; the face's axis is x = 48.
AXIS = 48.0


@dataclass(frozen=True)
class Face:
    """One identity. Lengths in face units (pixels of the 96-pixel crop), colours BGR 0..255."""

    skin: Colour
    hair: Colour
    lip: Colour
    iris: Colour
    shirt: Colour
    teeth: Colour
    glasses_colour: Colour
    half_width: float  # of the head at the cheeks
    jaw: float  # how narrow the chin is, 0.6 (pointed) .. 0.9 (square)
    chin: float  # y of the chin, mouth closed
    top: float  # y of the crown
    eye_y: float
    eye_dx: float
    eye_w: float
    eye_h: float
    brow_thickness: float
    brow_dy: float
    brow_tilt: float
    nose_w: float
    nose_y: float
    mouth_y: float
    mouth_w: float  # half the width at rest
    mouth_open: float  # gap between the lips for opening = 1
    upper_lip: float
    lower_lip: float
    cupid: float
    hairstyle: int  # 0 short, 1 round, 2 long, 3 bald
    hairline: float
    beard: int  # 0 none, 1 moustache, 2 stubble, 3 full
    glasses: float  # radius, 0 for none
    light: tuple[float, float, float]  # direction x, y and strength
    roundness: float  # how much the face darkens towards its edge
    seed: int  # for the skin's texture and the background


def hsv(h: float, s: float, v: float) -> Colour:
    """OpenCV hue (0..180), saturation and value (0..255) to BGR."""
    pixel = np.array([[[int(h) % 180, np.clip(s, 0, 255), np.clip(v, 0, 255)]]], np.uint8)
    b, g, r = cv2.cvtColor(pixel, cv2.COLOR_HSV2BGR)[0, 0]
    return int(b), int(g), int(r)


def shade(colour: Colour, factor: float) -> Colour:
    """The colour made darker (< 1) or lighter (> 1)."""
    b, g, r = colour
    return _byte(b * factor), _byte(g * factor), _byte(r * factor)


def _byte(value: float) -> int:
    return int(min(max(value, 0), 255))


def blend(a: Colour, b: Colour, share: float) -> Colour:
    """`share` of a, the rest of b."""
    mixed = [int(share * x + (1 - share) * y) for x, y in zip(a, b, strict=True)]
    return mixed[0], mixed[1], mixed[2]


def make_face(rng: np.random.Generator) -> Face:
    """Draws an identity."""
    uniform = rng.uniform
    tone = uniform(0, 1)
    hair = (
        hsv(uniform(8, 20), uniform(60, 200), uniform(20, 190)),
        hsv(15, uniform(0, 40), uniform(15, 60)),
        hsv(0, 0, uniform(120, 215)),
    )[rng.choice(3, p=[0.6, 0.28, 0.12])]
    lip_hue = rng.choice([uniform(170, 180), uniform(0, 7)])
    turn = uniform(0, 2 * np.pi)
    return Face(
        skin=hsv(uniform(6, 15), 60 + tone * 95 + uniform(-12, 12), 250 - tone * 150 + uniform(-8, 8)),
        hair=hair,
        lip=hsv(lip_hue, 120 + uniform(-30, 80), (225 - tone * 105) * uniform(0.72, 0.95)),
        iris=hsv(rng.choice([12, 18, 100, 110, 60]), uniform(60, 180), uniform(40, 150)),
        shirt=hsv(uniform(0, 180), uniform(20, 220), uniform(50, 230)),
        teeth=shade((225, 238, 242), uniform(0.82, 1.0)),
        glasses_colour=shade((60, 60, 60), uniform(0.2, 2.5)),
        half_width=uniform(31, 37),
        jaw=uniform(0.64, 0.9),
        chin=uniform(87, 91),
        top=uniform(-4, 2),
        eye_y=uniform(34, 38),
        eye_dx=uniform(14, 17),
        eye_w=uniform(5.4, 7.2),
        eye_h=uniform(2.7, 4),
        brow_thickness=uniform(1.4, 3.0),
        brow_dy=uniform(6.5, 9.5),
        brow_tilt=uniform(-1.5, 1.5),
        nose_w=uniform(5, 8),
        nose_y=uniform(53, 56.5),
        mouth_y=uniform(68, 71.5),
        mouth_w=uniform(12.5, 15.5),
        mouth_open=uniform(12.5, 15.5),
        upper_lip=uniform(2.0, 3.6),
        lower_lip=uniform(2.6, 4.8),
        cupid=uniform(0.2, 1.2),
        hairstyle=int(rng.integers(0, 4)),
        hairline=uniform(12, 20),
        beard=int(rng.choice(4, p=[0.7, 0.1, 0.1, 0.1])),
        glasses=float(uniform(8, 10)) if rng.random() < 0.2 else 0.0,
        light=(float(np.cos(turn)), float(np.sin(turn) * 0.6), uniform(0.08, 0.32)),
        roundness=uniform(0.2, 0.5),
        seed=int(rng.integers(2**31)),
    )
