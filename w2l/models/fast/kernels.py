"""The generator's blocks as fast CPU kernels, batch norm already folded in; results equal the plain blocks' to 1e-4.

Kernels, each where it is the fastest:

- oneDNN's fused convolutions, which torch provides for its compiler: they add bias, residual and ReLU while a tile is
  still in registers, and take weights that are already in the kernel's own layout;
- Winograd's minimal filtering for wide 3x3 convolutions (Lavin and Gray 2016): a tile of m x m outputs takes
  (m + 2)^2 multiplications per channel pair instead of 9 m^2, and they are plain matrix products;
- for a convolution to fewer channels than a register holds, the same for several neighbouring pixels at once;
- for the transposed convolutions on the smallest maps, one matrix product and nine shifted additions;
- 8-bit integers for the large residual 3x3 convolutions: four times the multiplications per instruction, but only
  where the caller allows it, since the sum is off by about half a percent.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from w2l.base.device import cpu_flags
from w2l.models.blocks import ConvBlock, TransposeBlock

# below these the transforms cost more than the multiplications they save (measured on AVX-512; on AVX2, where
# multiplications cost twice as much, small maps take fewer channels)
_WINOGRAD_CHANNELS = 128
_WINOGRAD_CHANNELS_AVX2, _SMALL_SIDE = 64, 12
_WINOGRAD_BATCH = 4
# convolutions to so few channels, with kernels so wide, compute as many neighbouring pixels at once
_NARROW_CHANNELS, _NARROW_KERNEL, _NARROW_PIXELS = 4, 7, 4
_PRODUCT_PIXELS = 36  # largest map for which a transposed convolution is done as a matrix product
# side of the map -> side of the output tile: larger tiles multiply less and transform more
_TILES = {48: 6, 24: 6, 12: 4, 6: 3, 3: 3}
_INT8_CHANNELS = 64
_INT8_PIXELS = 144
_TINY = 1e-30
# the points at which the filter's and the tile's polynomials are evaluated, in addition to infinity
_POINTS = (0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5)


class FusedBlock(nn.Module):
    """A ConvBlock or TransposeBlock without batch norm; picks its kernel by the input's shape.

    With ``int8`` set, a large residual block writes its result into its input, which the generator uses nowhere else.
    """

    def __init__(self, block: ConvBlock | TransposeBlock) -> None:
        super().__init__()
        self.conv: nn.Module = block.conv_block[0]
        self.residual = block.residual
        self.int8 = False
        self._kernels: dict[str, nn.Module] = {}

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, cin, H, W) to (B, cout, H', W'), both channels_last."""
        kind = self._pick(x)
        if kind not in self._kernels:
            self._kernels[kind] = _KERNELS[kind](self.conv, self.residual, x.shape)
        return self._kernels[kind](x)

    def _pick(self, x: torch.Tensor) -> str:
        batch, channels, height, width = x.shape
        if isinstance(self.conv, nn.ConvTranspose2d):
            small = height * width <= _PRODUCT_PIXELS and x.dtype == torch.float32
            return "product" if small else "transpose"
        large = channels >= _INT8_CHANNELS and height * width >= _INT8_PIXELS
        if self.int8 and self.residual and large:
            return "int8"
        wide = channels >= _winograd_channels(height) and batch >= _WINOGRAD_BATCH and height == width
        if self.residual and wide and height in _TILES and x.dtype == torch.float32:
            return "winograd"
        return "narrow" if _is_narrow(self.conv) and width % _NARROW_PIXELS == 0 else "direct"


def _winograd_channels(side: int) -> int:
    small = side <= _SMALL_SIDE and cpu_flags() and "avx512f" not in cpu_flags()
    return _WINOGRAD_CHANNELS_AVX2 if small else _WINOGRAD_CHANNELS


def _is_narrow(conv: Any) -> bool:
    few = conv.out_channels <= _NARROW_CHANNELS and conv.kernel_size[1] >= _NARROW_KERNEL
    return few and conv.stride == (1, 1)


def _bias(conv: nn.Conv2d | nn.ConvTranspose2d) -> torch.Tensor:
    return torch.zeros(conv.out_channels) if conv.bias is None else conv.bias


class _Direct(nn.Module):
    """Convolution, bias, residual and ReLU (or what `after` says) in one oneDNN kernel."""

    def __init__(self, conv: nn.Conv2d, residual: bool, shape: torch.Size, after: str = "relu") -> None:
        super().__init__()
        self.residual, self.after = residual, after
        self.bias = _bias(conv)
        self.where = (conv.padding, conv.stride, conv.dilation, 1)
        self.weight = torch.ops.mkldnn._reorder_convolution_weight(conv.weight, *self.where, list(shape))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """As FusedBlock."""
        conv = torch.ops.mkldnn._convolution_pointwise
        if self.residual:
            return conv.binary(x, x, self.weight, self.bias, *self.where, "add", 1.0, "relu", [], None)
        return conv(x, self.weight, self.bias, *self.where, self.after, [], None)


class _Narrow(nn.Module):
    """A convolution to few channels as one with a stride, to the channels of several neighbouring pixels at once.

    In memory the channels of neighbouring pixels lie side by side, so that the result only needs another shape.
    """

    def __init__(self, conv: nn.Conv2d, _: bool, shape: torch.Size) -> None:
        super().__init__()
        count, width = _NARROW_PIXELS, conv.kernel_size[1]
        size, padding = (conv.kernel_size[0], width + count - 1), (int(conv.padding[0]), int(conv.padding[1]))
        wide = nn.Conv2d(conv.in_channels, count * conv.out_channels, size, (1, count), padding)
        weight = torch.zeros_like(wide.weight, dtype=conv.weight.dtype)
        for i, pixel in enumerate(weight.split(conv.out_channels)):
            pixel[..., i : i + width] = conv.weight
        wide.weight, wide.bias = nn.Parameter(weight, False), nn.Parameter(_bias(conv).repeat(count), False)
        self.kernel = _Direct(wide.to(memory_format=torch.channels_last), False, shape)  # type: ignore[call-overload]
        self.channels = conv.out_channels

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """As FusedBlock."""
        batch, _, height, width = x.shape
        return self.kernel(x).permute(0, 2, 3, 1).reshape(batch, height, width, self.channels).permute(0, 3, 1, 2)


class _Transpose(nn.Module):
    """Transposed convolution, bias and ReLU in one oneDNN kernel."""

    def __init__(self, conv: nn.ConvTranspose2d, _: bool, shape: torch.Size) -> None:
        super().__init__()
        self.bias = _bias(conv)
        self.where = (conv.padding, conv.output_padding, conv.stride, conv.dilation, 1)
        ops = torch.ops.mkldnn
        self.weight = ops._reorder_convolution_transpose_weight(conv.weight, *self.where, list(shape))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """As FusedBlock."""
        conv = torch.ops.mkldnn._convolution_transpose_pointwise
        return conv(x, self.weight, self.bias, *self.where, "relu", [], None)


class _Product(nn.Module):
    """Transposed convolution as one matrix product (pixels x channels by channels x taps), then a sum over the taps."""

    def __init__(self, conv: nn.ConvTranspose2d, _: bool, __: torch.Size) -> None:
        super().__init__()
        self.conv = conv
        self.bias = _bias(conv)
        self.weight = conv.weight.permute(0, 2, 3, 1).flatten(1).contiguous()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """As FusedBlock."""
        conv = self.conv
        batch, cin, height, width = x.shape
        kernel, step, extra, pad = conv.kernel_size[0], conv.stride[0], conv.output_padding[0], int(conv.padding[0])
        taps = x.permute(0, 2, 3, 1).reshape(-1, cin) @ self.weight
        taps = taps.view(batch, height, width, kernel, kernel, conv.out_channels)
        out_h, out_w = ((side - 1) * step + kernel + extra for side in (height, width))  # before the padding is cut
        out = self.bias.expand(batch, out_h, out_w, -1).contiguous()
        span_h, span_w = (height - 1) * step + 1, (width - 1) * step + 1
        for i in range(kernel):
            for j in range(kernel):
                out[:, i : i + span_h : step, j : j + span_w : step] += taps[:, :, :, i, j]
        return out[:, pad : out_h - pad, pad : out_w - pad].relu().permute(0, 3, 1, 2)


class _Winograd(nn.Module):
    """Residual 3x3 convolution by minimal filtering, both transforms as matrix products over all tiles at once."""

    def __init__(self, conv: nn.Conv2d, _: bool, shape: torch.Size) -> None:
        super().__init__()
        self.tile = _TILES[shape[2]]
        outputs, filters, inputs = minimal_filtering(self.tile)
        self.bias = _bias(conv)
        self.into = torch.from_numpy(np.kron(inputs, inputs)).float()
        self.back = torch.from_numpy(np.kron(outputs, outputs)).float()
        g = torch.from_numpy(filters)
        weight = torch.einsum("ak,bl,oikl->abio", g, g, conv.weight.double())
        self.weight = weight.flatten(0, 1).float().contiguous()  # ((m + 2)^2, cin, cout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """As FusedBlock."""
        batch, channels, height, width = x.shape
        m = self.tile
        n = m + 2
        rows, cols = height // m, width // m
        image = x.permute(0, 2, 3, 1)
        padded = functional.pad(image, (0, 0, 1, 1, 1, 1))
        at_b, at_y, at_x, _ = padded.stride()
        tiles = padded.as_strided((n, n, batch, rows, cols, channels), (at_y, at_x, at_b, m * at_y, m * at_x, 1))
        spectra = (self.into @ tiles.reshape(n * n, -1)).view(n * n, -1, channels)
        products = torch.bmm(spectra, self.weight).view(n * n, -1)
        out = (self.back @ products).view(m, m, batch, rows, cols, -1)
        out = out.permute(2, 3, 0, 4, 1, 5).reshape(batch, height, width, -1)
        return out.add_(self.bias).add_(image).relu_().permute(0, 3, 1, 2)


class _Int8(nn.Module):
    """Residual 3x3 convolution in integers: weights -127 to 127 with a scale for each output channel, inputs 0 to 255
    with one scale, taken from the inputs themselves each time. What is added to the result stays in float32.
    """

    def __init__(self, conv: nn.Conv2d, _: bool, shape: torch.Size) -> None:
        super().__init__()
        self.bias = _bias(conv)
        self.where = (list(conv.stride), list(conv.padding), list(conv.dilation), 1)
        self.scales = conv.weight.abs().amax((1, 2, 3)).clamp_min(_TINY) / 127
        whole = (conv.weight / self.scales[:, None, None, None]).round_().to(torch.int8)
        self.weight = torch.ops.onednn.qconv_prepack(whole, self.scales, 1.0, 0, *self.where, list(shape))
        self.zeros = torch.zeros(conv.out_channels, dtype=torch.int32)
        self.rounding = torch.tensor(0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """As FusedBlock, written into x itself; x must not be negative, which the output of a ReLU never is."""
        scale = max(x.amax().item(), _TINY) / 255
        whole = torch.add(self.rounding, x, alpha=1 / scale).to(torch.uint8)
        operands = (whole, scale, 0, self.weight, self.scales, self.zeros, x, self.bias, *self.where)
        sum_then_relu: tuple[Any, ...] = (1.0, 0, torch.float32, 1.0, 0, "sum", 1.0, "relu", [], None)
        return torch.ops.onednn.qconv2d_pointwise.binary(*operands, *sum_then_relu)


_KERNELS = {
    "int8": _Int8,
    "direct": _Direct,
    "narrow": _Narrow,
    "transpose": _Transpose,
    "product": _Product,
    "winograd": _Winograd,
}


@lru_cache
def minimal_filtering(m: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Toom-Cook matrices A (m, n), G (n, 3), B (n, n) with n = m + 2, float64, for m outputs of a 3-tap filter.

    ``A @ ((G @ g) * (B @ d))`` is ``[sum_k g[k] d[i + k] for i in range(m)]``. A and G evaluate polynomials at n - 1
    points and at infinity; B follows from that identity, which is linear in it.
    """
    n = m + 2
    points = np.array(_POINTS[: n - 1])
    outputs = np.vander(points, m, increasing=True).T
    outputs = np.column_stack((outputs, np.eye(m)[-1]))
    filters = np.vstack((np.vander(points, 3, increasing=True), np.eye(3)[-1]))
    identity = np.einsum("ij,jk->ikj", outputs, filters).reshape(3 * m, n)
    wanted = np.stack([np.eye(n)[i + k] for i in range(m) for k in range(3)])
    inputs = np.linalg.lstsq(identity, wanted, rcond=None)[0]
    return outputs, filters, inputs


class FusedConv(nn.Module):
    """A convolution by itself, in oneDNN's kernel, which torch leaves out where there are few channels."""

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.conv = conv
        self._kernel: nn.Module | None = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, cin, H, W) to (B, cout, H', W'), both channels_last."""
        if self._kernel is None:
            self._kernel = _Direct(self.conv, False, x.shape, after="none")
        return self._kernel(x)


def fuse(model: nn.Module) -> nn.Module:
    """Replaces every block and every other convolution of the model, in place; batch norm must be folded already."""
    for name, child in model.named_children():
        if isinstance(child, (ConvBlock, TransposeBlock)):
            setattr(model, name, FusedBlock(child))
        elif isinstance(child, nn.Conv2d):
            setattr(model, name, FusedConv(child))
        else:
            fuse(child)
    return model
