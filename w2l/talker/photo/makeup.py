"""What a photograph is made up with: lips of another colour, beards and moustaches. They move with the skin."""

from __future__ import annotations

import cv2
import numpy as np

from w2l.talker.photo import landmarks as marks

_LIP_SHARE, _BEARD_SHARE = 0.22, 0.6  # of the clips; of those whose face has the shadow of a beard
_LIP_COLOURS = np.array(  # BGR of lipsticks: red, deep red, pink, wine, coral, brown, nude
    [[45, 35, 185], [35, 20, 130], [120, 80, 205], [70, 35, 110], [85, 95, 215], [60, 70, 125], [130, 135, 190]], float
)
_SHADOW = 0.90  # the skin above the lip of a person with a beard is this dark over the cheeks, or darker
_FACE = 120.0  # pixels from the eyes to the chin for which lengths below are meant


def make_up(photo: np.ndarray, points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The photo (uint8 (h, w, 3) BGR) with its landmarks (189, 2), sometimes with lipstick or a (fuller) beard."""
    unit = float(np.linalg.norm(points[list(marks.PUPILS)].mean(0) - points[marks.CHIN])) / _FACE
    bearded = beard_shadow(photo, points) < _SHADOW
    if bearded and rng.random() < _BEARD_SHARE:
        return _with_beard(photo, points, unit, rng)
    if not bearded and rng.random() < _LIP_SHARE:
        return _with_lipstick(photo, points, unit, rng)
    return photo


def beard_shadow(photo: np.ndarray, points: np.ndarray) -> float:
    """How dark the skin above the upper lip is over that of the cheeks: about 1.04 without a beard, 0.55 under one."""
    left, right = points[list(marks.MOUTH_CORNERS), 0]
    wide, middle = right - left, (left + right) / 2
    nose, lip = points[55, 1], points[marks.UPPER_OUTER[3], 1]
    small, large = max(2, int((lip - nose) * 0.25)), max(3, int(wide * 0.1))
    above = [_level(photo, middle + side * wide * 0.22, (nose + lip) / 2, small) for side in (-1, 1)]
    cheeks = [_level(photo, middle + side * wide, nose, large) for side in (-1, 1)]
    return float(np.mean(above)) / max(1.0, float(np.mean(cheeks)))


def _level(photo: np.ndarray, x: float, y: float, reach: int) -> float:
    """The median brightness around a place."""
    column, row = max(reach, int(x)), max(reach, int(y))
    patch = photo[row - reach : row + reach + 1, column - reach : column + reach + 1]
    return float(np.median(patch.mean(axis=2))) if patch.size else 128.0


def _lips(shape: tuple[int, ...], points: np.ndarray) -> np.ndarray:
    """uint8 (h, w): 255 on the lips and what is between them."""
    mask: np.ndarray = np.zeros(shape[:2], np.uint8)
    outline = np.concatenate([points[list(marks.UPPER_OUTER)], points[list(marks.LOWER_OUTER[-2:0:-1])]])
    cv2.fillPoly(mask, [np.round(outline * 8).astype(np.int32)], 255, cv2.LINE_AA, 3)
    return mask


def _with_lipstick(photo: np.ndarray, points: np.ndarray, unit: float, rng: np.random.Generator) -> np.ndarray:
    colour = _LIP_COLOURS[rng.integers(len(_LIP_COLOURS))] * rng.uniform(0.8, 1.15)
    mask = _lips(photo.shape, points)
    level = photo.astype(np.float32).mean(axis=2)
    usual = float(np.median(level[mask > 128])) if (mask > 128).any() else 100.0
    dark = np.clip(usual / 110, 0.55, 1.1)  # dark lips take the colour darker
    painted = np.clip(colour * dark * (level / max(usual, 1.0))[..., None], 0, 255)
    share = cv2.GaussianBlur(mask, (0, 0), 1.1 * unit).astype(np.float32)[..., None] / 255 * rng.uniform(0.4, 0.8)
    return (photo * (1 - share) + painted * share + 0.5).astype(np.uint8)


def _with_beard(photo: np.ndarray, points: np.ndarray, unit: float, rng: np.random.Generator) -> np.ndarray:
    """Hairs drawn one by one, of the brows' colour, over a soft shadow of it."""
    grown = _grown(photo.shape, points, rng)
    long = unit * rng.uniform(1.5, 6.0)
    rows, columns = np.nonzero(rng.random(grown.shape) * 255 < grown * rng.uniform(0.06, 0.2))
    hairs: np.ndarray = np.zeros(photo.shape[:2], np.uint8)
    centre = points[list(marks.MOUTH_CORNERS)].mean(0)
    side = np.clip((columns - centre[0]) / (30 * unit), -1, 1)
    above = rows < centre[1]
    lean = np.where(above, side * 1.1, side * 0.5) + rng.normal(0, 0.25, len(rows))
    lengths = long * rng.uniform(0.5, 1.2, len(rows))
    starts = np.column_stack([columns, rows])
    ends = starts + np.column_stack([np.sin(lean), np.cos(lean)]) * lengths[:, None]
    shine = rng.integers(110, 255, len(rows))
    for start, end, level in zip(
        np.round(starts * 8).astype(int).tolist(), np.round(ends * 8).astype(int).tolist(), shine.tolist(), strict=True
    ):
        cv2.line(hairs, start, end, level, 1, cv2.LINE_AA, 3)
    hairs[_lips(photo.shape, points) > 128] //= 4
    brows = points[list(marks.BROWS)].astype(int)
    colour = np.percentile(photo[brows[:, 1], brows[:, 0]], 8, axis=0) * rng.uniform(0.7, 1.1)
    if rng.random() < 0.15:
        colour = colour.mean() + np.array([58.0, 58.0, 60.0])  # greying
    share = cv2.GaussianBlur(hairs, (0, 0), 0.5).astype(np.float32)[..., None] / 255 * rng.uniform(0.6, 0.95)
    shadow = cv2.GaussianBlur(hairs, (0, 0), 3 * unit).astype(np.float32)[..., None] / 255 * 0.5
    skin = photo * (1 - shadow) + colour * shadow
    return np.clip(skin * (1 - share) + colour * share + 0.5, 0, 255).astype(np.uint8)


def _grown(shape: tuple[int, ...], points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """uint8 (h, w): where the beard grows: a moustache, one round the mouth, or a full one."""
    mask: np.ndarray = np.zeros(shape[:2], np.uint8)
    left, right = points[list(marks.MOUTH_CORNERS)]
    wide, chin = right[0] - left[0], points[marks.CHIN]
    nose, lip = points[55], points[marks.UPPER_OUTER[3]]
    out, low = np.array([0.12 * wide, 0.0]), np.array([0.0, 0.1 * wide])
    top = nose + (lip - nose) * 0.35
    moustache = [left - out + low, left + (nose - lip) * 0.25, top, right + (nose - lip) * 0.25, right + out + low, lip]
    polygons = [moustache]
    kind = rng.choice(3, p=(0.25, 0.3, 0.45))
    below = points[marks.LOWER_OUTER[3]]
    if kind == 1:
        polygons.append(
            [left - out, below + low, right + out, chin + (0.4 * wide, 0), chin + low, chin - (0.4 * wide, 0)]
        )
    elif kind == 2:
        jaw = points[list(marks.JAW[1:-1])]
        polygons.append([*jaw, right + 2.5 * out, right + out, below + low, left - out, left - 2.5 * out])
    for polygon in polygons:
        cv2.fillPoly(mask, [np.round(np.array(polygon)).astype(np.int32)], 255)
    mask = cv2.GaussianBlur(mask, (0, 0), 0.05 * wide)
    mask[_lips(shape, points) > 128] = 0
    return mask
