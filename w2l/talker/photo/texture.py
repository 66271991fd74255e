"""What a head is painted with: the photograph at the neutral projection, its surroundings, and a strip of colours."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from w2l.talker.photo.anatomy import Lip, along, anatomy
from w2l.talker.photo.fit import Fit
from w2l.talker.photo.pack import GUMS, SOCKET, head_pack

_STRIP = 64  # pixels: height of the strip of colours
_GUMS, _TONGUE, _FLESH, _FRAME = (32 * k + 16 for k in range(4))  # x of plain colours in it
_TEETH, _TOOTH = 128, 16  # x of the first tooth, and its width
_LINE = 1.9  # pixels that the dark line between closed lips is wide, to each side
# BGR of a bright face
_TOOTH_COLOUR = np.array([196, 209, 216])
_GUM_COLOUR, _TONGUE_COLOUR, _FLESH_COLOUR = np.array([92, 88, 165]), np.array([124, 120, 206]), np.array([52, 48, 104])
_LUMA = np.array([0.114, 0.587, 0.299])


@dataclass(frozen=True, eq=False)
class Texture:
    """atlas: uint8 (2 h + 64, w, 3) BGR, the skin's photograph, below it that of the surroundings, then the strip.
    uv: float32 (n, 2), where in it each vertex takes its colour. lids: float32 (n, 2), added to `uv` in a blink, so
    that lids are painted with the skin above the lashes; lashes: float32 (n,), 1 on the edge of the lids. frame:
    (x, y) of the glasses' colour.
    """

    atlas: np.ndarray
    uv: np.ndarray
    lids: np.ndarray
    lashes: np.ndarray
    frame: tuple[float, float]


def make_texture(
    skin: np.ndarray, around: np.ndarray, fit: Fit, rng: np.random.Generator, frame_colour: np.ndarray
) -> Texture:
    """Paints a fitted head. skin, around: uint8 (h, w, 3) BGR, square; rng draws the colours inside the mouth."""
    size = 2 * skin.shape[0]  # above the strip
    vertices, own, pack = fit.vertices, anatomy(), head_pack()
    uv = vertices[:, :2].copy()
    for lip in (own.upper, own.lower):
        _place_lip(uv, lip, vertices, fit.scale)
    middle = size + _STRIP / 2
    uv[pack.vertex_part == SOCKET] = _FLESH, middle
    uv[pack.vertex_part == GUMS] = _GUMS, middle
    uv[own.tongue] = _TONGUE, middle
    for number, tooth in enumerate(own.teeth):
        uv[tooth] = _tooth_uv(number, vertices[tooth], size)
    strip = _strip(skin.shape[1], _brightness(skin, vertices), _lip_colour(skin, vertices), rng, frame_colour)
    blink = np.where(own.face, (pack.shape("eyeBlink") @ fit.linear.T)[:, 1], 0)
    lids = np.stack([np.zeros_like(blink), -1.0 * np.maximum(blink, 0)], axis=1).astype(np.float32)
    lashes = np.exp(-((np.maximum(1 - blink / blink.max(), 0) / 0.16) ** 2)).astype(np.float32)
    return Texture(np.concatenate([skin, around, strip]), uv.astype(np.float32), lids, lashes, (_FRAME, middle))


def _place_lip(uv: np.ndarray, lip: Lip, vertices: np.ndarray, scale: float) -> None:
    """The wet side of a lip shows the vermilion just outside its contour, mirrored; the dark line between closed lips
    is pushed out of the texture (shading draws it where they meet): without both, opened lips have black rims."""
    own = anatomy()
    chain, rim = vertices[lip.inner, :2], vertices[lip.outer, :2]
    share = np.where(lip.nearest >= 0, along(vertices[lip.inner])[lip.nearest], 0.5)
    base, outer = (
        np.stack([np.interp(share, along(vertices[curve]), line[:, k]) for k in (0, 1)], axis=1)
        for curve, line in ((lip.inner, chain), (lip.outer, rim))
    )
    thick = np.linalg.norm(outer - base, axis=1)
    outward = (outer - base) / np.maximum(thick, 1e-3)[:, None]
    near = lip.mine & (lip.distance < 1.2)
    wet = near & own.wet
    distance = np.where(np.isfinite(lip.distance), lip.distance, 9) * scale
    uv[wet] = base[wet] + outward[wet] * np.minimum(distance * 0.55, thick * 0.55)[wet, None]
    push = np.minimum(_LINE, thick * 0.25)
    fading = push * np.exp(-((distance / np.maximum(thick * 0.6, 2.0)) ** 2))
    uv += outward * np.where(wet, push, np.where(near, fading, 0))[:, None]


def _tooth_uv(number: int, vertices: np.ndarray, size: int) -> np.ndarray:
    """Each tooth has a column of the strip: across, and from its root at the top to its edge at the bottom."""
    low, high = vertices[:, :2].min(0), vertices[:, :2].max(0)
    across, down = ((vertices[:, :2] - low) / np.maximum(high - low, 1e-3)).T
    if number >= len(anatomy().teeth) // 2:  # lower teeth have their edge above
        down = 1 - down
    return np.stack([_TEETH + _TOOTH * (number + 0.15 + 0.7 * across), size + _STRIP * (0.1 + 0.8 * down)], axis=1)


def _brightness(photo: np.ndarray, vertices: np.ndarray) -> float:
    """How light the skin is: 0.55 for dark .. 1 for fair, from the tip of the nose."""
    x, y = vertices[head_pack().landmarks[30], :2].astype(int)
    patch = photo[max(y - 4, 0) : y + 4, max(x - 4, 0) : x + 4].reshape(-1, 3)
    return float(np.clip(np.median(patch, axis=0).max() / 200, 0.55, 1.0)) if len(patch) else 1.0


def _lip_colour(photo: np.ndarray, vertices: np.ndarray) -> np.ndarray:
    """The median colour of the lower lip's red."""
    lower = anatomy().lower
    mask = np.zeros(photo.shape[:2], np.uint8)
    outline = np.concatenate([vertices[lower.inner, :2], vertices[lower.outer[::-1], :2]])
    cv2.fillPoly(mask, [np.round(outline).astype(np.int32)], 1)
    return np.median(photo[mask > 0], axis=0) if mask.any() else np.full(3, 128.0)


def _strip(
    width: int, bright: float, lip: np.ndarray, rng: np.random.Generator, frame_colour: np.ndarray
) -> np.ndarray:
    """The colours inside the mouth. The flesh stays darker than the lips, so that they part on dark skin, too."""
    level, uniform = 0.5 + 0.5 * bright, rng.uniform
    strip = np.zeros((_STRIP, width, 3), np.float32)
    gums, tongue = _GUM_COLOUR * uniform(0.75, 1.0) * level, _TONGUE_COLOUR * uniform(0.9, 1.15) * level
    flesh = _FLESH_COLOUR * uniform(0.7, 1.05) * level
    flesh = flesh * min(1.0, 0.5 * float(lip @ _LUMA) / float(flesh @ _LUMA))
    for middle, colour in ((_GUMS, gums), (_TONGUE, tongue), (_FLESH, flesh), (_FRAME, frame_colour)):
        strip[:, middle - 16 : middle + 16] = colour
    yellow, shine = uniform(-0.6, 1.4), uniform(0.95, 1.2) * (0.6 + 0.4 * bright)
    enamel = (_TOOTH_COLOUR - np.array([14, 5, 0]) * yellow) * shine
    across = np.abs(np.linspace(-1, 1, _TOOTH))[None, :, None]
    root = np.linspace(1, 0, _STRIP)[:, None, None] ** 2
    for number in range(len(anatomy().teeth)):
        start = _TEETH + _TOOTH * number
        tooth = enamel * uniform(0.94, 1.04) * (1 - 0.16 * across**3) * (1 - root * np.array([0.22, 0.12, 0.06]))
        strip[:, start : start + _TOOTH] = tooth[:, : max(0, width - start)]
    return np.clip(strip, 0, 255).astype(np.uint8)
