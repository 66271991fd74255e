"""The expert as a judge of generated windows while a generator is trained."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from w2l.data.clip import FRAMES
from w2l.models.fast.generate import fold_batch_norm
from w2l.train.engine.learner import frozen, to_device
from w2l.train.engine.precision import Precision
from w2l.train.losses import small_lower_half, sync_bce


class Judge:
    """An expert in eval mode on a device. frozen: its weights are fixed, so batch norm is folded into them for speed.
    match: the loss of cosines whose target is in sync (1) or off (0).

    The published training code does not switch to eval mode: there the expert normalises by each batch's own
    statistics, and overwrites those it learned (reference 2.8).
    """

    def __init__(
        self,
        expert: nn.Module,
        device: torch.device,
        precision: Precision,
        frozen: bool = True,
        match: Callable[[torch.Tensor, float], torch.Tensor] = sync_bce,
    ) -> None:
        expert = fold_batch_norm(expert) if frozen else expert.eval()
        self.network, self.precision, self.device = to_device(expert, device), precision, device
        self.frames: int = expert.frames  # type: ignore[assignment]
        self.match = match

    def see(self, faces: torch.Tensor) -> torch.Tensor:
        """Lower halves of windows as the expert takes them: (B * 5, 3, H, H), sample by sample, to (B, C, 48, 96).

        An expert with a shorter window sees the middle of the five.
        """
        first = (FRAMES - self.frames) // 2
        windows = small_lower_half(faces).unflatten(0, (-1, FRAMES))[:, first : first + self.frames]
        # by way of (B, 48, 96, frames, 3): one copy, and channels-last
        return windows.permute(0, 3, 4, 1, 2).flatten(3).permute(0, 3, 1, 2)

    def cosine(self, mel: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        """How well sound (B, 80, 16) and mouths (as from `see`) match, float32 (B,) in [0, 1]."""
        audio, face = self.precision(self.network, mel[:, None], seen)
        return (audio * face).sum(1).clamp(0, 1)

    def loss(self, generated: torch.Tensor, mel: torch.Tensor) -> torch.Tensor:
        """The expert's loss when generated windows (B * 5, 3, H, H) should be in sync with mel (B, 80, 16)."""
        with frozen(self.network):  # it passes gradients on to the picture, even where it is trained itself
            return self.match(self.cosine(mel, self.see(generated)), 1.0)


def to_faces(frames: np.ndarray | torch.Tensor, device: torch.device) -> torch.Tensor:
    """uint8 (..., H, H, 3) BGR to float32 (N, 3, H, H) in [0, 1], channels-last."""
    # clips of a store are read-only memory maps, and torch warns about sharing those
    pixels = torch.from_numpy(np.array(frames)) if isinstance(frames, np.ndarray) else frames
    return pixels.to(device).flatten(0, -4).permute(0, 3, 1, 2).float().div_(255)
