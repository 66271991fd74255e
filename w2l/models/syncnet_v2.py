"""The SyncNet that the LSE metrics are measured with (Chung and Zisserman 2016, released as syncnet_v2)."""

from __future__ import annotations

import torch
from torch import nn

from w2l.models.blocks import Network

_FEATURES = 512
_EMBEDDING = 1024


def _conv2d(cin: int, cout: int, kernel: int | tuple[int, int], padding: int = 0) -> list[nn.Module]:
    return [nn.Conv2d(cin, cout, kernel, padding=padding), nn.BatchNorm2d(cout), nn.ReLU()]


def _conv3d(cin: int, cout: int, kernel: tuple[int, int, int], stride: int = 1, padding: int = 0) -> list[nn.Module]:
    """Stride and padding act on height and width only; time is never strided or padded."""
    conv = nn.Conv3d(cin, cout, kernel, (1, stride, stride), (0, padding, padding))
    return [conv, nn.BatchNorm3d(cout), nn.ReLU()]


def _pool3d(padding: int = 0) -> nn.Module:
    return nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, padding, padding))


def _head() -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(_FEATURES, _FEATURES), nn.BatchNorm1d(_FEATURES), nn.ReLU(), nn.Linear(_FEATURES, _EMBEDDING)
    )


class SyncNetV2(Network):
    """Two towers, for 5 frames of a face and 200 ms of sound; embeddings are not normalised (13.6 M parameters)."""

    def __init__(self) -> None:
        super().__init__()
        self.netcnnaud = nn.Sequential(
            *_conv2d(1, 64, 3, 1),
            nn.MaxPool2d(1, 1),  # does nothing; keeps the published numbering of the layers
            *_conv2d(64, 192, 3, 1),
            nn.MaxPool2d(3, (1, 2)),  # 11x9
            *_conv2d(192, 384, 3, 1),
            *_conv2d(384, 256, 3, 1),
            *_conv2d(256, 256, 3, 1),
            nn.MaxPool2d(3, 2),  # 5x4
            *_conv2d(256, _FEATURES, (5, 4)),
        )
        self.netfcaud = _head()
        self.netfclip = _head()
        self.netcnnlip = nn.Sequential(
            *_conv3d(3, 96, (5, 7, 7), 2),  # 109x109
            _pool3d(),  # 54x54
            *_conv3d(96, 256, (1, 5, 5), 2, 1),  # 26x26
            _pool3d(1),  # 13x13
            *_conv3d(256, 256, (1, 3, 3), 1, 1),
            *_conv3d(256, 256, (1, 3, 3), 1, 1),
            *_conv3d(256, 256, (1, 3, 3), 1, 1),
            _pool3d(),  # 6x6
            *_conv3d(256, _FEATURES, (1, 6, 6)),
        )

    def forward_lip(self, frames: torch.Tensor) -> torch.Tensor:
        """(B, 3, 5, 224, 224) BGR in [0, 255] to (B, 1024)."""
        return self.netfclip(self.netcnnlip(frames).flatten(1))

    def forward_aud(self, mfcc: torch.Tensor) -> torch.Tensor:
        """(B, 1, 13, 20), 13 cepstral coefficients by 20 steps of 10 ms, to (B, 1024)."""
        return self.netfcaud(self.netcnnaud(mfcc).flatten(1))

    def forward(self, frames: torch.Tensor, mfcc: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Both embeddings: of the lips, of the sound."""
        return self.forward_lip(frames), self.forward_aud(mfcc)
