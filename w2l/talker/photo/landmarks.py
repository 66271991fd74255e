"""The 189 landmarks of the London Set's templates, by what they mark (numbers from 0); left is the picture's left.

L. M. DeBruine, B. C. Jones: Face Research Lab London Set, doi 10.6084/m9.figshare.5047666: `.tem` files for
WebMorph. Only the ones that are used here are named.
"""

from __future__ import annotations

import os

import numpy as np

from w2l.errors import W2LError

COUNT = 189
PUPILS = (0, 1)
LEFT_UPPER_LID, RIGHT_UPPER_LID = tuple(range(18, 23)), tuple(range(23, 28))
NOSE_WINGS = (62, 67)
MOUTH_CORNERS = (87, 93)
UPPER_OUTER = (87, 88, 89, 90, 91, 92, 93)  # of the lips, with the corners, from left to right
UPPER_INNER = (87, 94, 95, 96, 97, 98, 93)
LOWER_INNER = (87, 99, 100, 101, 102, 103, 93)
LOWER_OUTER = (87, 104, 105, 106, 107, 108, 93)
JAW = tuple(range(125, 134))  # from ear lobe to ear lobe
CHIN = 129
BROWS = tuple(range(71, 83))

# A landmark of these 189, and the same place among the 68 of Multi-PIE
MULTI_PIE = {
    18: 36, 19: 37, 21: 38, 22: 39, 28: 41, 30: 40, 23: 42, 24: 43, 26: 44, 27: 45, 31: 47, 33: 46,
    87: 48, 93: 54, 88: 49, 89: 50, 90: 51, 91: 52, 92: 53, 104: 59, 105: 58, 106: 57, 107: 56, 108: 55, 96: 62,
    101: 66, 55: 33, 64: 31, 69: 35, 71: 17, 76: 21, 77: 22, 82: 26,
}  # fmt: skip


def read_template(path: str | os.PathLike[str]) -> np.ndarray:
    """The landmarks of a `.tem` file: float32 (189, 2), x and y in pixels. Raises W2LError when it has no such list."""
    try:
        with open(path, encoding="latin1") as file:
            lines = file.read().split("\n")
        points = np.array([[float(v) for v in line.split()] for line in lines[1 : 1 + int(lines[0])]], np.float32)
    except (OSError, ValueError, IndexError) as error:
        raise W2LError(f"{path} is no list of landmarks; use the .tem files of the set.") from error
    if points.shape != (COUNT, 2):
        raise W2LError(f"{path} has {len(points)} landmarks; the photographic talker needs the set's {COUNT}.")
    return points
