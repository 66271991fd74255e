"""Face detectors behind one protocol: YuNet, dlib's HOG (nothing to download), and a fixed box; S3FD is in `s3fd`.

All of them draw the same kind of box, that of the published training data: from the middle of the forehead to the chin,
about ear to ear, with the mouth at three quarters of its height. So crops are alike whatever found the face.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from w2l import weights
from w2l.base.files import hash_of
from w2l.errors import W2LError
from w2l.weights.registry import REGISTRY, describe_file

DETECTORS = ("auto", "yunet", "hog", "s3fd")

# Published under two names: the former holds the same weights with a free input size. OpenCV 4.8 to 5 read both.
_YUNET = ("yunet", "yunet_2023mar")
YUNET_FILES = tuple(REGISTRY[name].file for name in _YUNET)


class Detector(Protocol):
    """Finds faces in frames, one frame at a time: it keeps no memory of the frames before.

    settings: in words, all that changes its boxes, its weights included, so that kept boxes are used for the same
    settings only; empty where boxes are not worth keeping. A detector for which the number of frames handed over at
    once matters has that number as ``batch``.
    """

    name: str
    settings: str

    def detect(self, frames: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Boxes of the faces in each frame, best first.

        frames: (H, W, 3) uint8 BGR each, sizes may differ. Returns one (k, 5) float32 array a frame, k >= 0:
        x1, y1, x2, y2 in pixels of the frame (they may reach over its border) and a score on the detector's own scale.
        """
        ...


def detector(name: str = "auto", batch_size: int | None = None, device: str = "auto") -> Detector:
    """The detector of that name.

    ``yunet``: a small network; its weights must lie on this machine (see `find_yunet`). ``hog``: dlib's classic one,
    complete as installed. ``s3fd``: the one that the published crops were made with, meant for a GPU. ``auto``: yunet
    when its weights are found, else hog. batch_size, device: frames at once and where to compute, of s3fd (see `S3fd`);
    the others run frame by frame on the CPU. Raises W2LError for any other name, and when what the detector needs is
    missing or broken.
    """
    if name not in DETECTORS:
        raise W2LError(f"no detector is called {name!r}; choose one of {', '.join(DETECTORS)}.")
    if name == "s3fd":
        from w2l.faces.s3fd import S3fd  # here, because torch takes seconds to start

        return S3fd(batch_size=batch_size, device=device)
    if name == "hog" or (name == "auto" and find_yunet() is None):
        return Hog()
    return YuNet()


def find_yunet() -> Path | None:
    """YuNet's weights on this machine, None without any. Raises W2LError when what bears their name is another file."""
    return _found(*_YUNET)


def find_weights(*names: str) -> Path:
    """The first weight file on this machine that has one of these names in the registry.

    Raises W2LError without any, and when what bears their name is another file.
    """
    path = _found(*names)
    if path is None:
        raise W2LError(
            f"the weights of the detector {names[0]} are not on this machine; run 'w2l weights fetch {names[0]}', or "
            "use the detector hog, which needs none."
        )
    return path


def _found(*names: str) -> Path | None:
    for name in names:
        if path := weights.locate(name):
            return path
    for name in names:
        if weights.status(name) == "wrong":
            weights.find(name)  # raises, and says what that file is
    return None


class YuNet:
    """YuNet (Wu et al. 2023, "YuNet: A Tiny Millisecond-level Face Detector") as OpenCV runs it; MIT-licensed weights.

    weights: its ONNX file (default: `find_yunet`). Scores lie in [min_score, 1]; faces of about 10 to 300 pixels are
    found best, so a frame is shrunk first until its longer side is at most `side` pixels. One object serves one thread.
    """

    name = "yunet"

    def __init__(self, weights: str | os.PathLike[str] | None = None, side: int = 640, min_score: float = 0.7) -> None:
        path = Path(weights) if weights is not None else find_weights(*_YUNET)
        self.side = side
        self._network = _read_yunet(path, min_score)
        self.settings = f"side={side} min_score={min_score} weights={hash_of(path)}"

    def detect(self, frames: Sequence[np.ndarray]) -> list[np.ndarray]:
        """See `Detector.detect`."""
        return [self._detect(frame) for frame in frames]

    def _detect(self, frame: np.ndarray) -> np.ndarray:
        scale = min(1.0, self.side / max(frame.shape[:2]))
        small = resize(frame, scale)
        self._network.setInputSize((small.shape[1], small.shape[0]))
        _, faces = self._network.detect(small)
        if faces is None:
            return np.zeros((0, 5), np.float32)
        corner, size, score = faces[:, :2], faces[:, 2:4], faces[:, 14:15]
        return best_first(np.hstack([corner / scale, (corner + size) / scale, score]))


class Hog:
    """dlib's frontal face detector: a linear classifier on histograms of oriented gradients (Dalal and Triggs 2005).

    Its model is compiled into the package, so nothing is downloaded. It finds upright frontal faces, drawn ones too,
    from about a tenth of the frame's longer side on. Scores above about 0 are sure, `min_score` is the lowest kept.
    """

    name = "hog"

    # dlib's squares start at the brows. Measured against YuNet's boxes on 126 faces of 29 clips and pictures: the box
    # that both mean has its middle 0.07 of the square's side higher, and is 0.93 as wide and 1.235 times as high.
    # Afterwards the two agree to an IoU of 0.83 (median), with the mouth at 0.74 and 0.73 of the height.
    _RISE, _WIDTH, _HEIGHT = 0.07, 0.93, 1.235

    def __init__(self, side: int = 640, min_score: float = -0.3) -> None:
        self.side = side
        self.min_score = min_score
        self.settings = f"side={side} min_score={min_score}"
        self._dlib = _dlib_model()

    def detect(self, frames: Sequence[np.ndarray]) -> list[np.ndarray]:
        """See `Detector.detect`."""
        return [self._detect(frame) for frame in frames]

    def _detect(self, frame: np.ndarray) -> np.ndarray:
        scale = self.side / max(frame.shape[:2])  # small frames are enlarged: dlib wants faces of 80 pixels
        grey = cv2.cvtColor(resize(frame, scale), cv2.COLOR_BGR2GRAY)
        squares, scores, _ = self._dlib.run(grey, 0, self.min_score)
        rows = [self._box(square, score) for square, score in zip(squares, scores, strict=True)]
        boxes = np.array(rows, np.float32).reshape(-1, 5)
        boxes[:, :4] /= scale
        return best_first(boxes)

    def _box(self, square: Any, score: float) -> list[float]:
        """dlib's square (its right and bottom pixels lie inside) as a box of the kit's convention."""
        left, top = square.left(), square.top()
        side = square.right() + 1 - left
        x, y = left + side / 2, top + side / 2 - self._RISE * side
        w, h = self._WIDTH * side, self._HEIGHT * side
        return [x - w / 2, y - h / 2, x + w / 2, y + h / 2, score]


class FixedBox:
    """The "detector" of someone who knows where the face is: the same box in every frame, with score 1.

    box: x1, y1, x2, y2 in pixels. Raises W2LError when these are not four numbers with x1 < x2 and y1 < y2, and, in
    `detect`, when the box lies outside a frame.
    """

    name = "box"
    settings = ""

    def __init__(self, box: Sequence[float]) -> None:
        try:
            self.box = np.array(box, np.float32).reshape(4)
        except (TypeError, ValueError) as error:
            raise W2LError(f"a box is four numbers, x1, y1, x2, y2 in pixels, not {box!r}.") from error
        x1, y1, x2, y2 = self.box
        if not (np.isfinite(self.box).all() and x1 < x2 and y1 < y2):
            raise W2LError(f"the box {_said(self.box)} is empty; give x1, y1, x2, y2 with x1 < x2 and y1 < y2.")

    def detect(self, frames: Sequence[np.ndarray]) -> list[np.ndarray]:
        """See `Detector.detect`."""
        return [self._detect(frame) for frame in frames]

    def _detect(self, frame: np.ndarray) -> np.ndarray:
        height, width = frame.shape[:2]
        x1, y1, x2, y2 = self.box
        if x1 >= width or y1 >= height or x2 <= 0 or y2 <= 0:
            raise W2LError(
                f"the box {_said(self.box)} lies outside the frame, which is {width} pixels wide and {height} high."
            )
        return np.append(self.box, np.float32(1)).reshape(1, 5)


@lru_cache(maxsize=1)
def _dlib_model() -> Any:
    """dlib's detector, made once (it takes a second); dlib runs one call at a time, so all threads may share it."""
    try:
        import dlib  # here, so that the other detectors work where dlib has no build
    except ImportError as error:
        raise W2LError(
            "the hog detector needs dlib, which is not installed; run 'pip install dlib-bin', or give a box."
        ) from error
    return dlib.get_frontal_face_detector()


def _read_yunet(path: Path, min_score: float) -> cv2.FaceDetectorYN:
    """The network in an ONNX file; W2LError when the file is not one."""
    try:
        what = describe_file(path, REGISTRY["yunet"].bytes)
        with _quiet():
            return cv2.FaceDetectorYN.create(str(path), "", (320, 320), min_score, nms_threshold=0.3, top_k=100)
    except OSError as error:
        raise W2LError(f"cannot read the detector's weights {path}: {error.strerror or error}.") from error
    except cv2.error as error:
        raise W2LError(
            f"{path} is not a YuNet ONNX file but {what}; run 'w2l weights fetch yunet', or use the detector hog, "
            "which needs none."
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Silences OpenCV's log: version 5 warns of a setting that FaceDetectorYN itself makes."""
    log = getattr(cv2.utils, "logging", None)  # absent from some builds of OpenCV 4
    if log is None:
        yield
        return
    level = log.setLogLevel(log.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        log.setLogLevel(level)


def resize(frame: np.ndarray, scale: float) -> np.ndarray:
    """The frame with both sides times `scale`, at least one pixel each; the very frame where that is 1."""
    if scale == 1:
        return frame
    height, width = frame.shape[:2]
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(frame, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)


def best_first(boxes: np.ndarray) -> np.ndarray:
    """(k, 5) boxes ordered by their score, as float32."""
    return boxes[np.argsort(-boxes[:, 4], kind="stable")].astype(np.float32)


def _said(box: np.ndarray) -> str:
    return "(" + ", ".join(f"{value:g}" for value in box) + ")"
