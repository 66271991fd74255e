"""The colours of a photograph: the grey wall made grey, skin that is far too red made like skin."""

from __future__ import annotations

import cv2
import numpy as np

from w2l.talker.photo import landmarks as marks

# Skin in OpenCV's 8-bit CIE Lab, 102 photographs of all skin tones in the London Set: a 138.1 (deviation 1.8),
# b 139.5 (deviation 3.2); 128 is neutral
_SKIN = np.array([10.0, 11.5])
_TOO_RED = 16.0  # a above neutral from which on a photograph's colours are off
_PALE = 110  # a wall is trusted to be grey when it is at least this bright


def skin_mask(shape: tuple[int, ...], points: np.ndarray) -> np.ndarray:
    """uint8 (h, w): 1 on the skin between eyes, jaw and lips. points: (189, 2)."""
    mask = np.zeros(shape[:2], np.uint8)
    outline = points[[marks.LEFT_UPPER_LID[0], marks.RIGHT_UPPER_LID[-1], *marks.JAW[1:-1]]]
    cv2.fillConvexPoly(mask, cv2.convexHull(np.round(outline).astype(np.int32)), 1)
    lips = points[list(marks.UPPER_OUTER + marks.LOWER_OUTER)]
    cv2.fillConvexPoly(mask, cv2.convexHull(np.round(lips).astype(np.int32)), 0)
    return mask


def skin_colour(photo: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The median colour of the skin: float (3,) BGR, 0..255."""
    return np.median(photo[skin_mask(photo.shape, points) > 0], axis=0)


def balance(photo: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The photo, unless its skin is redder than any person's: then its wall is made grey and its red toned down."""
    if _tint(photo, points)[0] <= _TOO_RED:
        return photo
    wall = np.median(np.concatenate([photo[:40, :40], photo[:40, -40:]]).reshape(-1, 3), axis=0)
    balanced = photo.astype(np.float32)
    if wall.min() > _PALE:
        balanced = np.clip(balanced * np.float32(wall.mean() / wall), 0, 255)
    rest = _tint(balanced.astype(np.uint8), points)
    lab = cv2.cvtColor(balanced / np.float32(255), cv2.COLOR_BGR2LAB)
    lab[..., 1:] *= np.minimum(1.0, _SKIN / np.maximum(rest, 1.0)).astype(np.float32)
    return (np.clip(cv2.cvtColor(lab, cv2.COLOR_LAB2BGR), 0, 1) * 255 + 0.5).astype(np.uint8)


def _tint(photo: np.ndarray, points: np.ndarray) -> np.ndarray:
    """How far the skin lies from grey: (a, b) of Lab above neutral."""
    lab = cv2.cvtColor(photo, cv2.COLOR_BGR2LAB)
    return np.median(lab[..., 1:][skin_mask(photo.shape, points) > 0], axis=0) - 128
