"""Signs of a clip's crops: where the mouth is, whether it moves, whether the crop stays with the face, what repeats."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from w2l.faces.crop import CROP_SIZE, resized
from w2l.faces.mouths import measure
from w2l.faces.yunet import YuNet
from w2l.models.blocks import Network

_LOOKS = 4  # frames in which the face is searched
_AROUND = CROP_SIZE // 2  # pixels by which a crop is widened for the detector, which knows faces with room around them
_MIN_SCORE = 0.5
_REPEATED = 0.1  # of the clip's usual change between frames: below it, a frame is the one before


@dataclass(frozen=True)
class CropSigns:
    """Of one clip. found: share of the frames looked at in which a face is found. x, y: of the middle between the
    mouth's corners, width: between them, medians in pixels of a crop of 96; NaN where no face was found.

    opening: standard deviation of the gap between the lips, pixels of a crop of 96. shake: median pixels by which the
    upper half moves from frame to frame. repeated: share of frames that are the one before.
    """

    found: float
    x: float
    y: float
    width: float
    opening: float
    shake: float
    repeated: float


class CropExaminer:
    """Looks at clips with a face detector and a mouth meter. meter: as bundled, ``classroom_meter``."""

    def __init__(self, meter: Network) -> None:
        self._meter, self._finder = meter.eval(), YuNet(min_score=_MIN_SCORE)

    def look(self, frames: np.ndarray) -> CropSigns:
        """frames: uint8 (n, H, H, 3) BGR, n >= 2."""
        frames = resized(frames, CROP_SIZE)
        seen = [face for k in np.linspace(0, len(frames) - 1, _LOOKS).astype(int) if (face := self._face(frames[k]))]
        x, y, width = np.median(seen, axis=0) if seen else (np.nan,) * 3
        grey = np.stack([cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY) for frame in frames])
        change = np.abs(np.diff(grey.astype(np.int16), axis=0)).mean(axis=(1, 2))
        usual = np.percentile(change, 75)
        return CropSigns(
            len(seen) / _LOOKS,
            float(x),
            float(y),
            float(width),
            float(measure(self._meter, frames)[:, 0].std()),
            _shake(grey),
            float((change <= _REPEATED * usual).mean()),
        )

    def _face(self, frame: np.ndarray) -> tuple[float, float, float] | None:
        """x and y of the mouth's middle, and its width, in the face found best."""
        wide = cv2.copyMakeBorder(frame, *(_AROUND,) * 4, borderType=cv2.BORDER_REPLICATE)
        faces = self._finder.landmarks(wide)
        if not len(faces):
            return None
        right, left = faces[faces[:, 14].argmax()][10:14].reshape(2, 2) - _AROUND
        return (right[0] + left[0]) / 2, (right[1] + left[1]) / 2, float(np.hypot(*(left - right)))


def _shake(grey: np.ndarray) -> float:
    """Median pixels by which the upper half of (n, 96, 96) frames moves from one to the next."""
    upper = grey[:, : CROP_SIZE // 2].astype(np.float32)
    window = cv2.createHanningWindow((CROP_SIZE, CROP_SIZE // 2), cv2.CV_32F)
    moved = np.array([cv2.phaseCorrelate(before, after, window)[0] for before, after in pairwise(upper)])
    return float(np.median(np.hypot(moved[:, 0], moved[:, 1])))
