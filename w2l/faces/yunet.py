"""YuNet as a detector: a small network, bundled with the kit, that OpenCV runs on the CPU."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

import cv2
import numpy as np

from w2l.base.files import hash_of
from w2l.errors import W2LError
from w2l.faces.boxes import best_first
from w2l.video.framing import scaled
from w2l.weights import find
from w2l.weights.registry import REGISTRY, describe_file

_OVERLAP = 0.3  # IoU above which the weaker of two boxes is dropped
_MOST = 100  # boxes of one frame
_MOST_THREADS = 4  # frames at once: each network keeps some 30 MB


class YuNet:
    """The default detector (Wu et al. 2023, "YuNet: A Tiny Millisecond-level Face Detector"), MIT-licensed.

    weights: its ONNX file (default: the bundled one). side: the network finds faces of about 10 to 300 pixels best, so
    a frame is shrunk until its longer side is at most this. smallest: a frame is enlarged until its longer side is at
    least this; without that, one in forty frames of a drawn presenter of 128 pixels is missed. min_score: the lowest
    score kept; scores are at most 1. On the real clips that the kit was tried with, people who face the camera score
    0.9 and more. A lower bound of 0.7 finds more profiles, dim and tiny faces, and a few small false boxes.

    Raises W2LError when the file is missing or is not YuNet. Threads may share one object; each takes a
    network of its own.
    """

    name = "yunet"

    def __init__(
        self,
        weights: str | os.PathLike[str] | None = None,
        side: int = 640,
        min_score: float = 0.8,
        smallest: int = 320,
    ) -> None:
        path = Path(weights) if weights is not None else find("yunet")
        self.side, self.smallest = side, min(smallest, side)
        self._path, self._min_score, self._reading = path, min_score, Lock()
        self._idle = [_read(path, min_score)]  # networks that no thread uses now
        self.settings = f"side={side} smallest={self.smallest} min_score={min_score} weights={hash_of(path)}"

    def detect(self, frames: Sequence[np.ndarray]) -> list[np.ndarray]:
        """See `Detector.detect`."""
        threads = min(len(frames), cv2.getNumThreads(), _MOST_THREADS)
        if threads < 2:  # OpenCV's own threads hardly help such a small network
            return [self._detect(frame) for frame in frames]
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(self._detect, frames))

    def _detect(self, frame: np.ndarray) -> np.ndarray:
        return self._boxes(frame, self.side)

    def is_small(self, frame: np.ndarray) -> bool:
        """Whether `detect` sees this frame enlarged, or as it is and takes little time for it."""
        return max(frame.shape[:2]) <= self.smallest

    def is_shrunk(self, frame: np.ndarray) -> bool:
        """Whether `detect` sees this frame smaller than it is."""
        return max(frame.shape[:2]) > self.side

    def look_closer(self, frame: np.ndarray) -> np.ndarray:
        """Boxes as from `detect`, of smaller faces too: a frame is shrunk a third as much. Takes up to nine times as
        long."""
        return self._boxes(frame, 3 * self.side)

    def detect_turned(self, frame: np.ndarray) -> np.ndarray:
        """Boxes, as from `detect`, of faces that are found in the frame turned by 90, 180 or 270 degrees."""
        height, width = frame.shape[:2]
        found = []
        for quarters in (1, 2, 3):
            x1, y1, x2, y2, score = self._detect(np.ascontiguousarray(np.rot90(frame, quarters))).T
            back = {
                1: (width - y2, x1, width - y1, x2),
                2: (width - x2, height - y2, width - x1, height - y1),
                3: (y1, height - x2, y2, height - x1),
            }
            found.append(np.stack([*back[quarters], score], axis=1))
        return best_first(np.concatenate(found))

    def landmarks(self, picture: np.ndarray) -> np.ndarray:
        """Faces of a picture at its own size: (k, 15) float32 in pixels, k >= 0.

        picture: (H, W, 3) uint8 BGR. Columns: x, y, width, height; x, y of right eye, left eye, nose, right and left
        corner of the mouth; score.
        """
        try:
            network = self._idle.pop()
        except IndexError:
            with self._reading:
                network = _read(self._path, self._min_score)
        network.setInputSize((picture.shape[1], picture.shape[0]))
        _, faces = network.detect(picture)
        self._idle.append(network)
        return np.zeros((0, 15), np.float32) if faces is None else faces

    def _boxes(self, frame: np.ndarray, side: int) -> np.ndarray:
        longer = max(frame.shape[:2])
        scale = min(max(longer, self.smallest), side) / longer
        faces = self.landmarks(scaled(frame, scale))
        corner, size, score = faces[:, :2], faces[:, 2:4], faces[:, 14:15]
        return best_first(np.hstack([corner / scale, (corner + size) / scale, score]))


def _read(path: Path, min_score: float) -> cv2.FaceDetectorYN:
    """The network in an ONNX file; W2LError when the file is not one."""
    try:
        what = describe_file(path, REGISTRY["yunet"].bytes)
        with _quiet():
            return cv2.FaceDetectorYN.create(str(path), "", (320, 320), min_score, nms_threshold=_OVERLAP, top_k=_MOST)
    except OSError as error:
        raise W2LError(f"cannot read the detector's weights {path}: {error.strerror or error}.") from error
    except cv2.error as error:
        raise W2LError(f"{path} is not a YuNet ONNX file but {what}; leave it out to use the bundled one.") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Silences OpenCV's log: version 5 warns about a setting that FaceDetectorYN itself makes."""
    log = getattr(cv2.utils, "logging", None)  # absent from some builds of OpenCV 4
    if log is None:
        yield
        return
    level = log.setLogLevel(log.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        log.setLogLevel(level)
