"""The published inference exactly, known faults included, for comparisons with published results.

Everything that differs from what the kit does by default is here (reference: inference.py of Rudrabha/Wav2Lip at
5c90fa9): OpenCV's reader, whole-pixel boxes cut off at the frame's border, smoothing in place on integers, bilinear
resizing both ways, truncation to 8 bits, a hard rectangle, mel windows without shift, and an end that comes a few
frames early.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from w2l import audio
from w2l.errors import W2LError

CROP_SIZE = 96
SMOOTHING = 5  # frames


def frame_rate(path: str | os.PathLike[str]) -> float:
    """The frame rate that OpenCV reads from the file. Raises W2LError when it cannot open it."""
    capture = _open(path)
    try:
        fps = float(capture.get(cv2.CAP_PROP_FPS))
    finally:
        capture.release()
    if not fps > 0:
        raise W2LError(f"OpenCV finds no frame rate in {path}; leave parity mode, or convert the clip to mp4.")
    return fps


def read_frames(path: str | os.PathLike[str], max_frames: int | None = None) -> Iterator[np.ndarray]:
    """Every frame of the file as OpenCV decodes it, whatever its time stamp: (H, W, 3) uint8 BGR."""
    capture = _open(path)
    try:
        count = 0
        while max_frames is None or count < max_frames:
            good, frame = capture.read()
            if not good:
                return
            yield frame
            count += 1
    finally:
        capture.release()


def _open(path: str | os.PathLike[str]) -> cv2.VideoCapture:
    capture = cv2.VideoCapture(os.fspath(path))
    if not capture.isOpened():
        raise W2LError(f"OpenCV cannot open {path}; leave parity mode, or convert the clip to mp4.")
    return capture


def window_starts(fps: float, n_columns: int) -> np.ndarray:
    """First mel column of each frame's window, int64 (n,); n is the number of frames of the result (reference 2.3).

    The first window that would extend past the end is moved back to the last 16 columns, and the video ends with it.
    Raises W2LError for a mel of less than 16 columns.
    """
    if n_columns < audio.WINDOW:
        raise W2LError(f"the speech has only {n_columns} mel columns; the published inference needs {audio.WINDOW}.")
    per_frame = audio.MELS_PER_SECOND / fps
    starts: list[int] = []
    while (start := int(len(starts) * per_frame)) + audio.WINDOW <= n_columns:
        starts.append(start)
    return np.array([*starts, n_columns - audio.WINDOW], np.int64)


def boxes(
    faces: Sequence[np.ndarray], size: tuple[int, int], pads: Sequence[int] = (0, 10, 0, 0), smooth: bool = True
) -> np.ndarray:
    """The published boxes from what a detector found: int64 (n, 4) x1, y1, x2, y2.

    faces: for each frame (k, 5) float, best first; size: width and height of the frames; pads: top, bottom, left,
    right. Raises W2LError when a frame shows no face, since the original stops there.
    """
    width, height = size
    top, bottom, left, right = pads
    rows = []
    for i, found in enumerate(faces):
        if not len(found):
            raise W2LError(f"frame {i} shows no face, where the published inference stops; leave parity mode.")
        x1, y1, x2, y2 = (int(value) for value in np.clip(found[0][:4], 0, None))
        rows.append([max(0, x1 - left), max(0, y1 - top), min(width, x2 + right), min(height, y2 + bottom)])
    table = np.array(rows, np.int64)
    return smooth_boxes(table) if smooth else table


def smooth_boxes(table: np.ndarray, window: int = SMOOTHING) -> np.ndarray:
    """The published smoothing of int (n, 4) boxes: each row becomes the mean, cut to integers, of itself and the next.

    Rows are replaced one by one, so the last ones average rows that have been averaged already (reference 2.4).
    """
    table = np.array(table, np.int64)
    for i in range(len(table)):
        part = table[len(table) - window :] if i + window > len(table) else table[i : i + window]
        table[i] = part.mean(axis=0)
    return table


def cut_crop(frame: np.ndarray, box: np.ndarray) -> np.ndarray:
    """(96, 96, 3) uint8: the part inside whole-pixel x1, y1, x2, y2, resized bilinearly whatever its size."""
    x1, y1, x2, y2 = (int(value) for value in box)
    part = frame[y1:y2, x1:x2]
    if not part.size:
        raise W2LError(f"the box ({x1}, {y1}, {x2}, {y2}) holds no pixel of the frame; give another, or other pads.")
    return cv2.resize(part, (CROP_SIZE, CROP_SIZE))


def paste(frame: np.ndarray, patch: np.ndarray, box: np.ndarray) -> np.ndarray:
    """A copy of the frame with the whole patch resized bilinearly into the box."""
    x1, y1, x2, y2 = (int(value) for value in box)
    result = frame.copy()
    result[y1:y2, x1:x2] = cv2.resize(patch, (x2 - x1, y2 - y1))
    return result
