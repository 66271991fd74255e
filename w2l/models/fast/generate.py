"""Running the generator fast: batch norm folded into the convolutions, fused kernels, half precision if supported.

Every step preserves the results: folding and fusing change outputs by about 1e-5, float16, bfloat16 and 8-bit integers
by less than 1/255 on average.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from typing import TypeVar

import numpy as np
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from w2l.base.device import cpu_flags, cpu_has_bfloat16, is_out_of_memory, pick_device
from w2l.errors import W2LError
from w2l.models.blocks import PUBLISHED_SIZE, ConvBlock, TransposeBlock, scale_channels
from w2l.models.fast import number_format
from w2l.models.fast.kernels import FusedBlock, fuse
from w2l.models.onnx_network import OnnxNetwork

M = TypeVar("M", bound=nn.Module)
_CPU_BATCH = 8  # frames in one pass; larger batches do not fit into the cache, unless the network is
_NARROW, _NARROW_BATCH = 0.5, 16  # at most so wide
_LARGEST_BLOCK = 30 << 20  # bytes; glibc follows blocks of up to 32 MiB
_GPU_BATCH = 128
_INT8_TOLERANCE = 0.5 / 255  # mean difference from float32 up to which 8-bit integers are used
_INT8_PROBE = 4  # frames on which that is measured
_TRIED = 4  # frames of a pass with which formats are compared; with fewer, some kernels are not used
_DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16, "int8": torch.float32}
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def fold_batch_norm(model: M) -> M:
    """A copy of the model, in eval mode, with every batch norm folded into the layer before it.

    In eval mode a batch norm is a scale and a shift per channel, so it can be part of the weights and the bias; an
    Identity takes its place, which keeps the keys of the other layers.
    """
    model = copy.deepcopy(model).eval()
    for parent in model.modules():
        if not isinstance(parent, nn.Sequential):
            continue
        for i in range(len(parent) - 1):
            layer, norm = parent[i], parent[i + 1]
            if not isinstance(norm, _NORMS):
                continue
            if isinstance(layer, nn.Linear):
                parent[i] = fuse_linear_bn_eval(layer, norm)
            else:
                transpose = isinstance(layer, nn.ConvTranspose2d)
                parent[i] = fuse_conv_bn_eval(layer, norm, transpose)  # type: ignore[type-var]
            parent[i + 1] = nn.Identity()
    return model.requires_grad_(False)


class Generate:
    """The generator as a function on uint8 crops.

    size: the side of these crops in pixels, the model's. model: a Wav2Lip of any width and size.
    device: see ``pick_device``. dtype: ``auto``, ``float32``, ``float16``, ``bfloat16`` or ``int8``; ``auto`` is
    float16 on a GPU, and on a CPU the fastest of float32 and of what the CPU has instructions for, bfloat16 and int8
    (see `number_format`). int8: the large convolutions in 8-bit integers, if on frames of the first call the result
    differs from that of float32 by less than 0.5/255 on average; the attribute ``format`` says what was taken.
    truncate: cut values down to 8 bits, as the published code does, instead of rounding them.
    """

    def __init__(
        self, model: nn.Module, device: str | torch.device = "auto", dtype: str = "auto", truncate: bool = False
    ) -> None:
        self.device = pick_device(device)
        # ONNX files take float32 and compute in their own format
        self.format = pick_format(model, self.device, "float32" if isinstance(model, OnnxNetwork) else dtype)
        self.dtype = _DTYPES[self.format]
        self.size: int = getattr(model, "size", PUBLISHED_SIZE)
        _keep_freed_memory()
        self.model = _prepare(model, self.device, self.dtype)
        self._try_int8 = self.format == "int8"
        narrow = getattr(model, "width", 1) <= _NARROW
        self.batch = _GPU_BATCH if self.device.type != "cpu" else _NARROW_BATCH if narrow else _CPU_BATCH
        self.truncate = truncate

    def __call__(self, crops: np.ndarray, mels: np.ndarray, references: np.ndarray | None = None) -> np.ndarray:
        """Faces whose mouths say what is heard in the mel windows.

        crops: (B, size, size, 3) uint8 BGR; only the upper half is used.
        mels: (B, 80, 16) float32 in [-4, 4].
        references: (B, size, size, 3) uint8 BGR, the same person in any frame; by default the crops themselves.
        Returns (B, size, size, 3) uint8 BGR, rounded to the nearest value unless `truncate`.
        Raises W2LError for other shapes or types, and when not even one frame fits into the device's memory.
        """
        references = crops if references is None else references
        _check(crops, mels, references, self.size)
        if self._try_int8 and len(crops):
            self._try_int8 = False
            self._choose_int8(crops, mels, references)
        while True:
            try:
                return self._run_all(crops, mels, references)
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                self._halve(error)

    def _run_all(self, *arrays: np.ndarray) -> np.ndarray:
        """Runs all frames in parts of at most ``self.batch``; on a CPU each thread takes its own part.

        Threads that share every kernel wait for one another after each layer, and on a busy machine this wait takes
        most of the time.
        """
        count = len(arrays[0])
        threads = torch.get_num_threads() if self.device.type == "cpu" else 1
        size = max(1, min(self.batch, -(-count // threads)))
        parts = [[array[start : start + size] for array in arrays] for start in range(0, count, size)]
        if threads == 1 or len(parts) < 2:
            done = [self._run(*part) for part in parts]
        else:
            with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
                done = list(pool.map(lambda part: self._run(*part), parts))
            torch.set_num_threads(threads)  # otherwise later threads would start with the workers' setting
        return np.concatenate([np.empty((0, *arrays[0].shape[1:]), np.uint8), *done])

    def _choose_int8(self, *arrays: np.ndarray) -> None:
        """Measures on a few of the frames what 8-bit integers change, and leaves them on if that is little."""
        probe = np.linspace(0, len(arrays[0]) - 1, min(_INT8_PROBE, len(arrays[0]))).astype(int)
        arrays = tuple(array[probe] for array in arrays)
        exact = self._infer(*arrays)
        _set_int8(self.model, True)
        if not (self._infer(*arrays) - exact).abs().mean().item() <= _INT8_TOLERANCE:
            _set_int8(self.model, False)
            self.format = "float32"

    @torch.inference_mode()
    def _infer(self, crops: np.ndarray, mels: np.ndarray, references: np.ndarray) -> torch.Tensor:
        """(B, 3, size, size) float32 in [0, 1]."""
        face = np.concatenate((crops, references), axis=3)
        face[:, face.shape[1] // 2 :, :, :3] = 0
        # a permuted (B, H, W, C) array is what torch calls channels_last
        x = torch.from_numpy(face).to(self.device).permute(0, 3, 1, 2).to(self.dtype).div_(255)
        mel = torch.from_numpy(np.ascontiguousarray(mels[:, None])).to(self.device, self.dtype)
        return self.model(mel, x).float()

    @torch.inference_mode()
    def _run(self, crops: np.ndarray, mels: np.ndarray, references: np.ndarray) -> np.ndarray:
        out = self._infer(crops, mels, references).mul_(255)
        out = (out if self.truncate else out.round_()).to(torch.uint8)
        return out.permute(0, 2, 3, 1).contiguous().cpu().numpy()

    def _halve(self, error: RuntimeError) -> None:
        if self.batch == 1:
            raise W2LError(f"not even one frame fits into the memory of {self.device}; choose device cpu.") from error
        self.batch //= 2
        if self.device.type == "cuda":
            torch.cuda.empty_cache()


def channels_last(model: M) -> M:
    """The model, with weights in the order in which a processor convolves fastest."""
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def _keep_freed_memory() -> None:
    """Lets glibc keep the memory that one layer frees for the next, which saves a tenth of the time of a pass.

    It gives back what is free beyond twice the largest block freed so far; this one is freed without being touched.
    """
    np.empty(_LARGEST_BLOCK, np.uint8)


def _check(crops: np.ndarray, mels: np.ndarray, references: np.ndarray, size: int) -> None:
    if crops.dtype != np.uint8 or crops.ndim != 4 or crops.shape[1:] != (size, size, 3):
        raise W2LError(f"crops are {crops.dtype} {crops.shape}; give uint8 (B, {size}, {size}, 3).")
    if references.dtype != np.uint8 or references.shape != crops.shape:
        raise W2LError(f"references are {references.dtype} {references.shape}; give uint8 {crops.shape}.")
    if mels.shape != (len(crops), 80, 16):
        raise W2LError(f"mels have the shape {mels.shape}; give ({len(crops)}, 80, 16), one window for each crop.")


def pick_format(model: nn.Module, device: torch.device, dtype: str = "auto") -> str:
    """The number format for a model on a device, as `Generate` takes it. Raises W2LError for one that is not there."""
    if dtype != "auto":
        if dtype not in _DTYPES:
            raise W2LError(f"there is no dtype {dtype!r}; choose auto, {', '.join(_DTYPES)}.")
        if dtype == "int8" and not (device.type == "cpu" and _has_fused_ops(torch.float32) and _has_int8()):
            raise W2LError(f"8-bit integers are not faster on this {device.type}; choose auto.")
        return dtype
    if device.type != "cpu":
        return "float16"
    offered = {"float32": True, "bfloat16": cpu_has_bfloat16(), "int8": _has_fused_ops(torch.float32) and _has_int8()}
    width = getattr(model, "width", 1.0)
    trials = {name: partial(_trial, name, width) for name, there in offered.items() if there}
    return number_format.fastest(trials, f"width {width:g}")


def _prepare(model: M, device: torch.device, dtype: torch.dtype) -> M:
    """A copy of the model, ready to run."""
    model = channels_last(fold_batch_norm(model).to(device, dtype))
    return fuse(model) if device.type == "cpu" and _has_fused_ops(dtype) else model  # type: ignore[return-value]


def _trial(name: str, width: float) -> Callable[[], object]:
    """A pass through layers that are like those where a generator of that width spends its time, for `number_format`.

    The whole generator would take seconds at width 1.
    """
    few, some, many, most, last, first, up = (scale_channels(n, width) for n in (64, 128, 256, 384, 80, 32, 320))
    with torch.random.fork_rng(devices=[]):  # not the numbers that a training is counting on
        blocks: list[tuple[int, int, nn.Module]] = [  # channels, side of the map
            (n, side, ConvBlock(n, n, 3, 1, 1, True)) for n, side in ((few, 96), (some, 48), (many, 24), (most, 12))
        ]
        blocks += [(last, 96, ConvBlock(last, first, 3, 1, 1)), (up, 24, TransposeBlock(up, some, 3, 2, 1, 1))]
    layers = []
    for channels, side, block in blocks:
        ready = _prepare(nn.Sequential(block), torch.device("cpu"), _DTYPES[name])
        _set_int8(ready, name == "int8")
        given = torch.full((_TRIED, channels, side, side), 0.5, dtype=_DTYPES[name])
        layers.append((ready, given.to(memory_format=torch.channels_last)))
    return torch.inference_mode()(lambda: [layer(given) for layer, given in layers])


def _set_int8(model: nn.Module, on: bool) -> None:
    for block in model.modules():
        if isinstance(block, FusedBlock):
            block.int8 = on


@lru_cache
def _has_fused_ops(dtype: torch.dtype) -> bool:
    """Whether this torch has the fused kernels, with the expected arguments and correct results."""
    blocks: tuple[ConvBlock | TransposeBlock, ...]
    with torch.random.fork_rng(devices=[]):  # testing the kernels must not change anyone's random numbers
        blocks = (ConvBlock(16, 16, 3, 1, 1, True), ConvBlock(16, 16, 3, 2, 1), TransposeBlock(16, 16, 3, 2, 1, 1))
    x = torch.linspace(-1, 1, 2 * 16 * 8 * 8).reshape(2, 16, 8, 8).to(dtype, memory_format=torch.channels_last)
    try:
        with torch.inference_mode():
            for block in blocks:
                plain = channels_last(fold_batch_norm(block).to(dtype))
                if not torch.allclose(FusedBlock(plain)(x), plain(x), atol=0.05):
                    return False
    except (RuntimeError, AttributeError, TypeError, NotImplementedError):
        return False
    return True


@lru_cache
def _has_int8() -> bool:
    """Whether CPU and torch have what the integer kernels need; without VNNI instructions their sums can overflow."""
    if cpu_flags().isdisjoint({"avx512_vnni", "avx_vnni"}):
        return False
    try:
        with torch.random.fork_rng(devices=[]), torch.inference_mode():
            block = nn.Sequential(fold_batch_norm(ConvBlock(64, 64, 3, 1, 1, residual=True)))
            x = torch.rand(1, 64, 12, 12).to(memory_format=torch.channels_last)
            exact = block(x)
            fast = fuse(block)
            _set_int8(fast, True)
            return torch.allclose(fast(x), exact, atol=0.05)
    except (RuntimeError, AttributeError, TypeError, NotImplementedError):
        return False
