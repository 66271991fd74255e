"""The building blocks shared by the published networks: convolution, normalisation, activation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from w2l.errors import W2LError

PUBLISHED_SIZE = 96  # pixels of a side of the faces that the published networks take
SIZES = (PUBLISHED_SIZE, 192)  # those that generators and quality discriminators come in
_LEAK = 0.01
_FEWEST_CHANNELS = 4


def check_size(network: str, size: int) -> int:
    """The size of a network's faces. Raises W2LError where it is none of SIZES."""
    if size not in SIZES:
        raise W2LError(
            f"there is no {network} for faces of {size!r} pixels; choose one of {', '.join(map(str, SIZES))}."
        )
    return size


def scale_channels(channels: int, width: float) -> int:
    """The channel count of a layer in a network of this width; at width 1 the published count."""
    return max(_FEWEST_CHANNELS, round(channels * width))


class Network(nn.Module):
    """A network of the kit.

    width: factor on the inner channel counts. size: pixels of a side of the faces whose crops it takes, whole or their
    lower half. meta: the metadata of its weight file, at least network, width and mel_shift; empty if it was not loaded
    from a file.
    """

    width: float = 1.0
    size: int = PUBLISHED_SIZE
    meta: dict[str, Any]

    def __init__(self) -> None:
        super().__init__()
        self.meta = {}


class ConvBlock(nn.Module):
    """Convolution, batch norm, ReLU; with ``residual`` the input is added before the ReLU.

    The attribute names give the published keys: ``conv_block.0`` is the convolution, ``conv_block.1`` the norm.
    """

    def __init__(
        self,
        cin: int,
        cout: int,
        kernel: int,
        stride: int | tuple[int, int] = 1,
        padding: int = 0,
        residual: bool = False,
    ) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(nn.Conv2d(cin, cout, kernel, stride, padding), nn.BatchNorm2d(cout))
        self.residual = residual

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, cin, H, W) to (B, cout, H', W')."""
        out = self.conv_block(x)
        if self.residual:
            out = out + x
        return torch.relu(out)


class TransposeBlock(nn.Module):
    """Transposed convolution, batch norm, ReLU: the decoder's step up in resolution."""

    residual = False

    def __init__(self, cin: int, cout: int, kernel: int, stride: int = 1, padding: int = 0, extra: int = 0) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(
            nn.ConvTranspose2d(cin, cout, kernel, stride, padding, output_padding=extra), nn.BatchNorm2d(cout)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, cin, H, W) to (B, cout, H', W')."""
        return torch.relu(self.conv_block(x))


class LeakyBlock(nn.Module):
    """Convolution and leaky ReLU without any norm: what the quality discriminator is made of."""

    def __init__(self, cin: int, cout: int, kernel: int, stride: int | tuple[int, int] = 1, padding: int = 0) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(nn.Conv2d(cin, cout, kernel, stride, padding))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, cin, H, W) to (B, cout, H', W')."""
        return nn.functional.leaky_relu(self.conv_block(x), _LEAK)


def step(
    cin: int, cout: int, kernel: int, stride: int | tuple[int, int], padding: int, refinements: int = 0
) -> list[nn.Module]:
    """One ConvBlock that changes shape, then ``refinements`` residual 3x3 blocks that keep it."""
    blocks: list[nn.Module] = [ConvBlock(cin, cout, kernel, stride, padding)]
    blocks += [ConvBlock(cout, cout, 3, 1, 1, residual=True) for _ in range(refinements)]
    return blocks


def chain(cin: int, rows: Sequence[tuple[Any, ...]], width: float) -> list[list[nn.Module]]:
    """Groups of blocks from a table of (channels, kernel, stride, padding, refinements), channels scaled by width."""
    groups = []
    for channels, kernel, stride, padding, refinements in rows:
        cout = scale_channels(channels, width)
        groups.append(step(cin, cout, kernel, stride, padding, refinements))
        cin = cout
    return groups


def flatten(groups: Sequence[Sequence[nn.Module]]) -> nn.Sequential:
    """One Sequential of all blocks of all groups, numbered consecutively."""
    return nn.Sequential(*(block for group in groups for block in group))


def time_to_batch(x: torch.Tensor, time_dim: int) -> torch.Tensor:
    """Folds the time axis into the batch, time-major: all samples' frame 0, then all samples' frame 1, ..."""
    return torch.cat(x.unbind(time_dim), dim=0)
