"""Nobody's face: several people blended into one whom none of them would be taken for.

Plain means of photographs are fog. Here the people are warped to their mean landmarks, and only the coarse parts of the
face are the mean; its fine parts (pores, lashes, lips' edges) come from one person for forehead and brows, another for
the eyes, a third for nose and cheeks, a fourth for mouth and chin. Hair, ears and neck are those of one more person,
who gives the face no fine parts.
"""

from __future__ import annotations

import cv2
import numpy as np
from scipy.interpolate import RBFInterpolator

from w2l.errors import W2LError
from w2l.talker.photo import landmarks as marks
from w2l.talker.photo.colour import skin_mask
from w2l.talker.photo.people import SIZE, Person

LEAST = 3  # people in a blend
_COARSE = 3.0  # pixels: deviation of the blur that parts coarse from fine
_SEAM, _EDGE = 9.0, 7.0  # pixels: over which regions of a face, and face and hair, pass into each other
_BROW_SEAM = 5.0  # the same between brows and lids, which lie close together
_OUTER_WEIGHT = 0.8  # of the person who gives the hair in the mean, over that of each of the others
_CELLS = 48  # the warp is computed on a grid of so many cells


def blend(people: list[Person]) -> tuple[np.ndarray, np.ndarray]:
    """Blends people into nobody: (photo uint8 (512, 512, 3) BGR, landmarks float32 (189, 2)).

    The first gives hair, ears, neck and the skin's colour; the others the fine parts of brows, eyes, nose and mouth in
    turn.
    Raises W2LError for fewer than three people, or when one appears twice.
    """
    if len(people) < LEAST or len({person.name for person in people}) < len(people):
        raise W2LError(f"a blend of {len(people)} people could show one of them; take {LEAST} or more, each once.")
    weights = np.array([_OUTER_WEIGHT] + [1.0] * (len(people) - 1))
    weights /= weights.sum()
    points = np.tensordot(weights, np.stack([person.landmarks for person in people]), 1).astype(np.float32)
    warped = [warp(person.photo, person.landmarks, points) for person in people]
    skin = skin_mask(warped[0].shape, points) > 0
    tinted = [warped[0], *(_tinted(picture, warped[0], skin) for picture in warped[1:])]
    coarse = [cv2.GaussianBlur(picture, (0, 0), _COARSE) for picture in tinted]
    inside = sum(weight * part for weight, part in zip(weights, coarse, strict=True))
    for number, share in enumerate(_regions(points)):
        giver = 1 + number % (len(people) - 1)
        inside = inside + share[..., None] * (tinted[giver] - coarse[giver])
    face = _soft(_face(points), _EDGE)[..., None]
    return np.clip(warped[0] * (1 - face) + inside * face + 0.5, 0, 255).astype(np.uint8), points


def warp(photo: np.ndarray, points: np.ndarray, to: np.ndarray) -> np.ndarray:
    """The photo moved smoothly until its landmarks (189, 2) lie at `to`: float32 (h, w, 3)."""
    line = np.linspace(0, SIZE, 9)
    x, y = (axis.ravel() for axis in np.meshgrid(line, line))
    rim = np.stack([x, y], axis=1)[(x == 0) | (y == 0) | (x == SIZE) | (y == SIZE)]
    there, first = np.unique(np.round(np.concatenate([to, rim]), 1), axis=0, return_index=True)
    from_ = np.concatenate([points, rim])[first]
    spline = RBFInterpolator(there, from_ - there, kernel="thin_plate_spline", smoothing=1.0)
    grid = (np.arange(_CELLS) + 0.5) * SIZE / _CELLS
    across, down = np.meshgrid(grid, grid)
    shift = spline(np.stack([across.ravel(), down.ravel()], axis=1)).reshape(_CELLS, _CELLS, 2).astype(np.float32)
    shift = cv2.resize(shift, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
    pixels = np.stack(np.meshgrid(np.arange(SIZE), np.arange(SIZE)), axis=-1).astype(np.float32) + shift
    moved = cv2.remap(photo, pixels[..., 0], pixels[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return moved.astype(np.float32)


def _tinted(picture: np.ndarray, like: np.ndarray, skin: np.ndarray) -> np.ndarray:
    """The picture with the skin's mean and spread of colour of another (Reinhard et al. 2001, in Lab).

    First its channels are scaled: a shift alone makes what is white or grey beside darker skin blue.
    """
    gain = np.float32(np.clip(like[skin].mean(0), 1, 255) / np.clip(picture[skin].mean(0), 1, 255))
    pictures = (picture * gain, like)
    lab, wanted = (cv2.cvtColor(np.clip(p, 0, 255) / np.float32(255), cv2.COLOR_BGR2LAB) for p in pictures)
    mean, spread = lab[skin].mean(0), lab[skin].std(0)
    scale = np.clip(wanted[skin].std(0) / np.maximum(spread, 1e-3), 0.7, 1.3)
    lab = ((lab - mean) * scale + wanted[skin].mean(0)).astype(np.float32)
    return np.clip(cv2.cvtColor(lab, cv2.COLOR_LAB2BGR), 0, 1) * np.float32(255)


def _face(points: np.ndarray) -> np.ndarray:
    """uint8 (h, w): 1 within the jaw and a little above the brows."""
    brows, jaw = points[list(marks.BROWS)], points[list(marks.JAW)]
    lift = np.array([0, -0.35]) * (points[list(marks.PUPILS), 1].mean() - brows[:, 1].min())
    inner = jaw + (points[marks.UPPER_INNER[3]] - jaw) * 0.06  # clear of the outline, where walls and collars begin
    mask: np.ndarray = np.zeros((SIZE, SIZE), np.uint8)
    hull = cv2.convexHull(np.round(np.concatenate([inner, brows + lift])).astype(np.int32))
    cv2.fillConvexPoly(mask, hull, 1)
    return mask


def _regions(points: np.ndarray) -> list[np.ndarray]:
    """Shares float32 (h, w) of brows, eyes, nose and cheeks, mouth and chin, from the top: together 1 everywhere."""
    pupils, nose = points[list(marks.PUPILS), 1].mean(), points[55, 1]
    eyes_start = (pupils + points[list(marks.BROWS), 1].max()) / 2
    eyes_end = pupils + 0.3 * (nose - pupils)
    mouth_starts = nose + 0.25 * (points[marks.UPPER_OUTER[3], 1] - nose)
    rows = np.arange(SIZE, dtype=np.float32)[:, None] + np.zeros((1, SIZE), np.float32)
    upper = _soft((rows < eyes_end).astype(np.uint8), _SEAM)
    brows = upper * _soft((rows < eyes_start).astype(np.uint8), _BROW_SEAM)
    mouth = _soft((rows > mouth_starts).astype(np.uint8), _SEAM)
    return [brows, upper - brows, np.clip(1 - upper - mouth, 0, 1), mouth]


def _soft(mask: np.ndarray, sigma: float) -> np.ndarray:
    return cv2.GaussianBlur(mask.astype(np.float32), (0, 0), sigma)
