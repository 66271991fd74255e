"""S3FD as a detector: maps of the published network become boxes.

Decoding after Zhang et al. 2017, "S3FD: Single Shot Scale-invariant Face Detector": on the map of stride s, one square
anchor of side 4 s lies in the middle of each cell; the network gives the shift of its centre (in tenths of its side)
and the growth of its sides (their logarithm, in fifths).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from w2l import models
from w2l.base.device import is_out_of_memory, pick_device
from w2l.base.files import hash_of
from w2l.errors import W2LError
from w2l.faces.boxes import best_first, suppress
from w2l.models.fast.generate import channels_last
from w2l.video.framing import scaled
from w2l.weights import find

_MEANS = (104.0, 117.0, 123.0)  # blue, green, red: subtracted from frames in training
_ANCHOR = 4  # its side in strides
_SHIFT, _GROWTH = 0.1, 0.2  # units of the network's offsets
_OVERLAP = 0.3  # IoU above which the weaker of two boxes is dropped
_FIRST_STRIDE = 4
_SMALLEST = 32  # pixels of a side below which the network's last maps would be empty
_GPU_BATCH = 16
_CPU_BATCH = 1  # larger batches are no faster there, and each frame takes 300 MB


class S3fd:
    """The detector that the published crops were made with. Meant for a GPU: on two CPU cores a frame takes a second.

    weights: its file (default: the one that 'w2l weights fetch s3fd' fetches). side: frames are shrunk until their
    longer side is at most this; the anchors of 16 to 512 pixels then cover faces from a fortieth of the frame to most
    of it; None: never shrunk, as published. Scores lie in (min_score, 1]. batch_size: frames at once (default: 16 on a
    GPU, 1 on a CPU), halved whenever memory runs out. device: see `w2l.base.device.pick_device`. published_order: give
    the network red, green, blue, as Wav2Lip does, although it was trained on blue, green, red; with side None the boxes
    then equal the original's.

    Raises W2LError when the weights are missing or broken, and for an invalid batch size or device.
    """

    name = "s3fd"

    def __init__(
        self,
        weights: str | os.PathLike[str] | None = None,
        side: int | None = 640,
        min_score: float = 0.5,
        batch_size: int | None = None,
        device: str | torch.device = "auto",
        published_order: bool = False,
    ) -> None:
        if batch_size is not None and batch_size < 1:
            raise W2LError(f"s3fd cannot search {batch_size} frames at once; give a batch size of 1 or more.")
        path = Path(weights) if weights is not None else find("s3fd")
        self.side = side
        self.min_score = min_score
        self.published_order = published_order
        self.device = pick_device(device)
        self.batch = batch_size or (_CPU_BATCH if self.device.type == "cpu" else _GPU_BATCH)
        self._network = channels_last(models.load(path, "s3fd").requires_grad_(False).to(self.device))
        self.settings = f"{side=} {min_score=} {published_order=} weights={hash_of(path)}"

    def detect(self, frames: Sequence[np.ndarray]) -> list[np.ndarray]:
        """See `Detector.detect`. Raises W2LError when not even one frame fits into the device's memory."""
        small = [self._prepared(frame) for frame in frames]
        same: dict[tuple[int, ...], list[int]] = {}  # the frames of each size
        for i, frame in enumerate(small):
            same.setdefault(frame.shape, []).append(i)
        found: dict[int, np.ndarray] = {}
        for at in same.values():
            for i, boxes in zip(at, self._detect_all(np.stack([small[i] for i in at])), strict=True):
                height, width = frames[i].shape[:2]
                scale = self._scale(frames[i])
                boxes[:, [0, 2]] *= width / max(1, round(width * scale))
                boxes[:, [1, 3]] *= height / max(1, round(height * scale))
                found[i] = boxes
        return [found[i] for i in range(len(frames))]

    def _scale(self, frame: np.ndarray) -> float:
        return 1.0 if self.side is None else min(1.0, self.side / max(frame.shape[:2]))

    def _prepared(self, frame: np.ndarray) -> np.ndarray:
        """The frame shrunk and in the network's channel order; padded where it is too small for the network."""
        small = scaled(frame, self._scale(frame))
        missing = [(0, max(0, _SMALLEST - length)) for length in small.shape[:2]]
        if any(after for _, after in missing):
            small = np.pad(small, [*missing, (0, 0)], mode="edge")
        return small[..., ::-1] if self.published_order else small

    def _detect_all(self, frames: np.ndarray) -> list[np.ndarray]:
        """Boxes of frames of one size, (n, h, w, 3) uint8, in parts that fit into memory."""
        found: list[np.ndarray] = []
        while len(found) < len(frames):
            try:
                found += self._detect(frames[len(found) : len(found) + self.batch])
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                self._halve(error, frames.shape)
        return found

    def _halve(self, error: RuntimeError, shape: tuple[int, ...]) -> None:
        if self.batch == 1:
            raise W2LError(
                f"s3fd cannot search a frame of {shape[2]} x {shape[1]} pixels: the memory of {self.device} is full; "
                "choose device cpu, a smaller side or another detector."
            ) from error
        self.batch //= 2
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    @torch.inference_mode()
    def _detect(self, frames: np.ndarray) -> list[np.ndarray]:
        x = torch.from_numpy(np.ascontiguousarray(frames)).to(self.device).permute(0, 3, 1, 2).float()
        maps = self._network(x - torch.tensor(_MEANS, device=self.device)[:, None, None])
        boxes = decode(maps)
        # the original keeps scores above 0.05 and drops those up to 0.5 after the suppression; a weaker box never
        # suppresses a stronger one, so dropping them before gives the same
        sure = boxes[..., 4] > self.min_score
        return [suppress(best_first(b[s].cpu().numpy()), _OVERLAP) for b, s in zip(boxes, sure, strict=True)]


def decode(maps: Sequence[torch.Tensor]) -> torch.Tensor:
    """The box of every anchor: (B, n, 5), x1, y1, x2, y2 in pixels of the network's input and the face's probability.

    maps: as `w2l.models.s3fd.S3FD` gives them. Anchors are in the order of the maps, of rows, of columns.
    """
    levels = []
    for i, (scores, offsets) in enumerate(zip(maps[::2], maps[1::2], strict=True)):
        stride = _FIRST_STRIDE * 2**i
        rows, columns = (torch.arange(n, device=scores.device) for n in scores.shape[2:])
        y, x = torch.meshgrid((rows + 0.5) * stride, (columns + 0.5) * stride, indexing="ij")
        centre = torch.stack((x, y)) + offsets[:, :2] * (_SHIFT * _ANCHOR * stride)
        half = torch.exp(offsets[:, 2:] * _GROWTH) * (_ANCHOR * stride / 2)
        probability = scores.softmax(dim=1)[:, 1:]
        levels.append(torch.cat((centre - half, centre + half, probability), dim=1).flatten(2))
    return torch.cat(levels, dim=2).transpose(1, 2)
