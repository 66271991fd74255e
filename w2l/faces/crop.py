"""From a frame to the square crop that the networks see, and back.

Experts, meters and the published generator see 96 x 96 pixels, other generators what their weights say (`size`).
Numbers of pixels below are those of a crop of 96, and grow with it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np

from w2l.errors import W2LError

CROP_SIZE = 96
SMALL_FACE = (
    150  # pixels of height in the frame: a smaller face shows no more in a crop of 192 pixels than in one of 96
)
_MOUTH_BOX = (slice(56, 90), slice(20, 76))  # rows, columns of a crop in which the talker's mouth moves

_FADE_TOP = 0.12  # of the box's height: over this much below its middle the patch fades in
_FADE_EDGE = 0.16  # of half the box: over this much before its sides, bottom and rounded corners it fades out
_ROUNDNESS = 2.2  # of the pasted outline: 2 is an ellipse, like a jaw; more would also paste the background beside it
_WIDTH = 0.94  # of that outline, as a share of the box
# around the mouth the patch's detail is pasted too, from under the nose downward, by row this far to both sides
_UNDER_NOSE, _FADE_DETAIL = 60, 8  # a row of a crop; pixels over which detail fades
_MOUTH_SIDES = ((56, 66, 76), (20, 30, 34))  # rows; pixels to each side of the middle
_DETAIL = 2.0  # pixels of a crop: deviation of the blur that takes detail away
_CHEEKS = (slice(26, 46), slice(16, 80))  # rows, columns of a crop: just above the half that the generator draws
_ONE_HUE, _COLOURED = 1.0, 2.0  # strays of `_tint`: black and white or sepia film has less, a face in colour has more


def cut_crop(
    frame: np.ndarray, box: Sequence[float] | np.ndarray, size: int = CROP_SIZE, roll: float = 0.0
) -> np.ndarray:
    """The part of the frame inside the box, resized to a square: the input of all networks of the kit.

    frame: (H, W, 3) uint8 BGR. box: x1, y1, x2, y2 in pixels, rounded to whole ones. Where it extends beyond the frame,
    the border pixels are repeated, so that the face keeps its place and shape in the crop. roll: by how many degrees
    the head is turned clockwise: the crop shows it upright, and the box is turned about its centre. Returns
    (size, size, 3) uint8 BGR. Raises W2LError when the box does not touch the frame.
    """
    x1, y1, x2, y2 = _whole_pixels(frame, box)
    if roll:
        turn, straight = _turn((x1, y1, x2, y2), roll), (x2 - x1, y2 - y1)
        upright = cv2.warpAffine(frame, turn, straight, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return _resize(upright, size, size, enlarge=cv2.INTER_LINEAR)
    height, width = frame.shape[:2]
    inside = frame[max(0, y1) : y2, max(0, x1) : x2]
    over = max(0, -y1), max(0, y2 - height), max(0, -x1), max(0, x2 - width)
    if any(over):
        inside = cv2.copyMakeBorder(inside, *over, borderType=cv2.BORDER_REPLICATE)
    return _resize(inside, size, size, enlarge=cv2.INTER_LINEAR)


def area(size: int, of: tuple[slice, slice]) -> tuple[slice, slice]:
    """Rows and columns of a crop of `size` pixels that are those of a crop of 96."""
    rows, columns = (slice(one.start * size // CROP_SIZE, one.stop * size // CROP_SIZE) for one in of)
    return rows, columns


def mouth_box(size: int = CROP_SIZE) -> tuple[slice, slice]:
    """Rows and columns of a crop of `size` pixels in which the talker's mouth moves."""
    return area(size, _MOUTH_BOX)


def resized(frames: np.ndarray, size: int) -> np.ndarray:
    """Crops, uint8 (T, H, H, 3), at another size: averaged where that is smaller; the very array where it is the same.

    Returns uint8 (T, size, size, 3).
    """
    if frames.shape[1] == size:
        return frames
    changed = [_resize(frame, size, size, enlarge=cv2.INTER_CUBIC) for frame in frames]
    return np.stack(changed) if changed else np.empty((0, size, size, 3), np.uint8)


def lower_halves(frames: np.ndarray, size: int | None = CROP_SIZE) -> np.ndarray:
    """Frames, uint8 (T, H, H, 3), as the expert sees them: the lower halves, float32 (3 T, 48, 96) in [0, 1].

    size: of the crops that they are made of: 96 where not told, which is what the expert and the meter take; None
    leaves their own, so that the halves are (3 T, H / 2, H).
    """
    frames = frames if size is None else resized(frames, size)
    side = frames.shape[1]
    lower = np.ascontiguousarray(frames[:, side // 2 :].transpose(0, 3, 1, 2), dtype=np.float32)
    return lower.reshape(-1, side - side // 2, side) / 255


def paste(
    frame: np.ndarray,
    patch: np.ndarray,
    box: Sequence[float] | np.ndarray,
    feather: bool = True,
    roll: float = 0.0,
) -> np.ndarray:
    """A copy of the frame with the patch resized into the box.

    frame: (H, W, 3) uint8 BGR; patch: (size, size, 3) uint8 BGR; box and roll as in `cut_crop`. With `feather` only the
    lower half is replaced, the half that the generator draws, and it fades into the frame within the box; every other
    pixel stays as it is. Fine detail comes from the patch about the mouth and the chin alone: nose, cheeks and the ends
    of a moustache keep the frame's own, which is sharper (multi-band blending, Burt and Adelson 1983, with two bands).
    Without `feather`, the patch covers the whole box. Raises W2LError when the box does not touch the frame.
    """
    x1, y1, x2, y2 = _whole_pixels(frame, box)
    if roll:
        return _paste_turned(frame, patch, (x1, y1, x2, y2), feather, roll)
    height, width = frame.shape[:2]
    result = frame.copy()
    top = y1 + (y2 - y1) // 2 if feather else y1  # the mask is zero above
    rows, columns = slice(max(0, top), min(height, y2)), slice(max(0, x1), min(width, x2))
    if rows.start >= rows.stop:
        return result  # only the box's upper half lies in the frame
    within = slice(rows.start - y1, rows.stop - y1), slice(columns.start - x1, columns.stop - x1)
    drawn = _resize(patch, x2 - x1, y2 - y1, enlarge=cv2.INTER_CUBIC)[within]
    if feather:
        layers = _mouth_and_chin(), _around_it(patch, cut_crop(frame, box, len(patch)))
        weight, around = (cv2.resize(one, (x2 - x1, y2 - y1), interpolation=cv2.INTER_LINEAR)[within] for one in layers)
        drawn = _blended(result[rows, columns], drawn, weight, around)
    result[rows, columns] = drawn
    return result


def _paste_turned(
    frame: np.ndarray, patch: np.ndarray, box: tuple[int, int, int, int], feather: bool, roll: float
) -> np.ndarray:
    x1, y1, x2, y2 = box
    height, width = frame.shape[:2]
    result = frame.copy()
    around = corners(box, roll)
    left, top = np.floor(around.min(axis=0)).astype(int).clip(0).tolist()
    right, bottom = (np.ceil(around.max(axis=0)).astype(int) + 1).clip(max=(width, height)).tolist()
    if left >= right or top >= bottom:
        return result
    back = cv2.invertAffineTransform(_turn(box, roll))
    back[:, 2] -= left, top
    size = right - left, bottom - top
    straight = x2 - x1, y2 - y1
    drawn = _resize(patch, *straight, enlarge=cv2.INTER_CUBIC)
    drawn = cv2.warpAffine(drawn, back, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    if feather:
        layers = _mouth_and_chin(), _around_it(patch, cut_crop(frame, box, len(patch), roll))
    else:
        layers = np.ones((CROP_SIZE, CROP_SIZE), np.float32), np.zeros((CROP_SIZE, CROP_SIZE, 3), np.float32)
    enlarged = (cv2.resize(one, straight, interpolation=cv2.INTER_LINEAR) for one in layers)
    weight, around = (cv2.warpAffine(one, back, size, flags=cv2.INTER_LINEAR) for one in enlarged)
    result[top:bottom, left:right] = _blended(result[top:bottom, left:right], drawn, weight, around)
    return result


def _around_it(patch: np.ndarray, crop: np.ndarray) -> np.ndarray:
    """What the patch changes in the crop around mouth and chin, without detail: float32 (size, size, 3)."""
    change = cv2.GaussianBlur(cv2.subtract(patch, crop, dtype=cv2.CV_32F), (0, 0), _DETAIL * len(patch) / CROP_SIZE)
    weight = cv2.resize(_lower_face() - _mouth_and_chin(), crop.shape[:2], interpolation=cv2.INTER_LINEAR)
    return change * weight[..., None]


def _blended(old: np.ndarray, drawn: np.ndarray, weight: np.ndarray, around: np.ndarray) -> np.ndarray:
    """`drawn` by its weight, float32 (H, W) in [0, 1], over `old`, both uint8 (H, W, 3), to which `around` is added."""
    drawn, old, weight = (np.ascontiguousarray(one) for one in (drawn, old, weight))
    return cv2.add(cv2.blendLinear(drawn, old, weight, 1 - weight), around, dtype=cv2.CV_8U)


def corners(box: Sequence[float] | np.ndarray, roll: float = 0.0) -> np.ndarray:
    """The corners of a box that is turned about its centre by `roll` degrees clockwise: (4, 2) float64, x, y in pixels,
    from the face's upper left one clockwise."""
    x1, y1, x2, y2 = (float(value) for value in box)
    turn = np.radians(roll)
    across, down = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])
    middle = np.array([(x1 + x2) / 2, (y1 + y2) / 2])
    sides = [(-1, -1), (1, -1), (1, 1), (-1, 1)]
    return np.array([middle + a * across * (x2 - x1) / 2 + b * down * (y2 - y1) / 2 for a, b in sides])


def _turn(box: tuple[int, int, int, int], roll: float) -> np.ndarray:
    """The affine map, (2, 3), from pixels of the frame to those of the upright box."""
    x1, y1, x2, y2 = box
    middle = (x1 + x2 - 1) / 2, (y1 + y2 - 1) / 2  # in the numbers of pixels, whose centres are whole
    turn = cv2.getRotationMatrix2D(middle, roll, 1)
    turn[:, 2] -= x1, y1
    return turn


def match_colour(patch: np.ndarray, crop: np.ndarray) -> np.ndarray:
    """The generated patch in the colours of the crop that it was made from.

    patch, crop: (size, size, 3) uint8 BGR. The generator also redraws the cheeks, which it was shown; the mean error
    there, of each channel, is subtracted from the whole patch. Where the crop has one hue only (black and white,
    sepia), so has the patch: a generator has hardly seen such faces, and paints lips red. Returns a new (size, size, 3)
    uint8.
    """
    rows, columns = area(len(crop), _CHEEKS)
    off = crop[rows, columns].mean((0, 1)) - patch[rows, columns].mean((0, 1))
    matched = patch + off
    every = max(1, len(crop) // 48)  # enough pixels to tell
    tint, strays = _tint(crop[::every, ::every].astype(np.float32))
    if strays < _COLOURED:
        share = _smoothstep((_COLOURED - strays) / (_COLOURED - _ONE_HUE))
        matched += share * (matched.mean(2)[..., None] * tint[0] + tint[1] - matched)
    return np.clip(matched + 0.5, 0, 255).astype(np.uint8)


def _tint(crop: np.ndarray) -> tuple[np.ndarray, float]:
    """How the colours of a crop follow from its brightness, the mean of the channels: each is slope x brightness +
    offset, by least squares. Returns slopes and offsets (2, 3), and how far pixels stray from it (rms, 0 to 255);
    infinity for a crop without contrast, which shows no such rule."""
    bright = crop.mean(2)
    varying = bright - bright.mean()
    contrast = float((varying**2).mean())
    if contrast < _COLOURED**2:
        return np.zeros((2, 3), np.float32), math.inf
    slopes = (varying[..., None] * crop).mean((0, 1)) / contrast
    offsets = crop.mean((0, 1)) - slopes * bright.mean()
    strays = crop - (bright[..., None] * slopes + offsets)
    return np.stack([slopes, offsets]), float(np.sqrt((strays**2).mean()))


@lru_cache(maxsize=1)
def _lower_face() -> np.ndarray:
    """(96, 96) float32 weights in [0, 1] of a pasted patch: a rounded lower half that fades out on every side."""
    centres = (np.arange(CROP_SIZE) + 0.5) / CROP_SIZE * 2 - 1  # -1 at the box's left or upper edge, 1 at the other
    x, y = np.abs(centres)[None, :] / _WIDTH, np.maximum(centres, 0)[:, None]
    reach = (x**_ROUNDNESS + y**_ROUNDNESS) ** (1 / _ROUNDNESS)  # 1 on the outline
    outline = _smoothstep((1 - reach) / _FADE_EDGE)
    fade_in = _smoothstep((centres[:, None] - 1 / CROP_SIZE) / (2 * _FADE_TOP))
    return (outline * fade_in).astype(np.float32)


@lru_cache(maxsize=1)
def _mouth_and_chin() -> np.ndarray:
    """(96, 96) float32 weights in [0, 1] of a pasted patch's detail; nowhere more than those of `_lower_face`."""
    centres = np.arange(CROP_SIZE) + 0.5
    sides = np.interp(centres, *_MOUTH_SIDES)[:, None] - np.abs(centres - CROP_SIZE / 2)
    below = (centres - _UNDER_NOSE)[:, None]
    weights = _smoothstep(sides / _FADE_DETAIL) * _smoothstep(below / _FADE_DETAIL)
    return np.minimum(weights, _lower_face()).astype(np.float32)


def _smoothstep(x: np.ndarray | float) -> np.ndarray:
    """0 below 0, 1 above 1, 3x^2 - 2x^3 between."""
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


def _whole_pixels(frame: np.ndarray, box: Sequence[float] | np.ndarray) -> tuple[int, int, int, int]:
    """The box in whole pixels, at least one wide and high."""
    values = np.asarray(box, np.float64)
    if values.shape != (4,) or not np.isfinite(values).all():
        raise W2LError(f"a box is four numbers, x1, y1, x2, y2 in pixels, not {box!r}; check Track.has_face first.")
    x1, y1, x2, y2 = (round(float(value)) for value in values)
    x2, y2 = max(x2, x1 + 1), max(y2, y1 + 1)
    height, width = frame.shape[:2]
    if x1 >= width or y1 >= height or x2 <= 0 or y2 <= 0:
        raise W2LError(f"the box ({x1}, {y1}, {x2}, {y2}) does not touch the {width} x {height} frame; give another.")
    return x1, y1, x2, y2


def _resize(image: np.ndarray, width: int, height: int, enlarge: int) -> np.ndarray:
    shrinks = width * height < image.shape[0] * image.shape[1]
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if shrinks else enlarge)
