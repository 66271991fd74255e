"""Text that stays readable when small: OpenCV's letters, drawn large and averaged down."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

_FONT, _SCALE, _STROKE = cv2.FONT_HERSHEY_DUPLEX, 4.0, 11
_CANVAS = 300  # pixels high; the letters drawn on it are about 130


@lru_cache(maxsize=256)
def line_of_text(text: str, height: int) -> np.ndarray:
    """The text in one line: uint8 (height, width), how much of each pixel is covered by ink (255: all).

    The height spans from the top of the capitals to the bottom of a g, so lines of equal height have equal letters.
    """
    big = _draw(text)
    x, _, wide, _ = cv2.boundingRect(big)
    top, tall = _rows()
    width = max(1, round(max(wide, 1) * height / tall))
    return cv2.resize(big[top : top + tall, x : x + max(wide, 1)], (width, height), interpolation=cv2.INTER_AREA)


def put_text(picture: np.ndarray, text: str, x: int, y: int, height: int, colour: tuple[int, int, int]) -> None:
    """Writes a line into a picture (HWC uint8 BGR) in place, its top left corner at x, y; clipped at the edges."""
    ink = line_of_text(text, height)[: max(0, picture.shape[0] - y), : max(0, picture.shape[1] - x), None]
    under = picture[y : y + ink.shape[0], x : x + ink.shape[1]]
    cover = ink.astype(np.float32) / np.float32(255)
    under[:] = np.rint(under * (1 - cover) + np.array(colour, np.float32) * cover).astype(np.uint8)


@lru_cache(maxsize=1)
def _rows() -> tuple[int, int]:
    """First row and number of rows of a line on the canvas: measured, since versions of OpenCV draw differently."""
    _, top, _, tall = cv2.boundingRect(_draw("AIdg"))
    return top, tall


def _draw(text: str) -> np.ndarray:
    text = text.encode("utf8", "replace").decode()  # a name that is not UTF-8
    canvas = np.zeros((_CANVAS, 200 + 120 * len(text)), np.uint8)
    cv2.putText(canvas, text, (100, 200), _FONT, _SCALE, 255, _STROKE, cv2.LINE_AA)
    return canvas
