"""The mouth meter: a small regressor that reads opening and width off a crop. An instrument, not part of Wav2Lip."""

from __future__ import annotations

import torch
from torch import nn

from w2l.models.blocks import ConvBlock, Network

SCALE = (4.0, 36.0)  # pixels: typical gap and width, so that the head works on numbers near 1


class MouthMeter(Network):
    """Gap between the lips and width from corner to corner, from the lower half of a crop (0.1 M parameters)."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            ConvBlock(3, 16, 5, 2, 2),  # 24x48
            ConvBlock(16, 32, 3, 2, 1),  # 12x24
            ConvBlock(32, 32, 3, 1, 1, residual=True),
            ConvBlock(32, 48, 3, 2, 1),  # 6x12
            ConvBlock(48, 48, 3, 1, 1, residual=True),
            ConvBlock(48, 16, 1),
        )
        self.head = nn.Sequential(nn.Linear(16 * 6 * 12, 48), nn.ReLU(), nn.Linear(48, 2))
        self.register_buffer("scale", torch.tensor(SCALE), persistent=False)

    def forward(self, faces: torch.Tensor) -> torch.Tensor:
        """faces: (B, 3, 48, 96), BGR in [0, 1]. Returns (B, 2): gap and width in pixels of the 96-pixel crop."""
        return self.head(self.features(faces).flatten(1)) * self.scale
