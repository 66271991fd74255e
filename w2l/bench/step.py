"""A generator's training step compared with plain code: same batch, same machine."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from w2l import models
from w2l.base.device import machine, pick_device
from w2l.bench.stages import count_macs, matrix_peak
from w2l.data.clip import Clip
from w2l.errors import W2LError
from w2l.faces.crop import CROP_SIZE
from w2l.train import losses
from w2l.train.data import TrainingData
from w2l.train.engine.loader import batches
from w2l.train.engine.options import RunOptions
from w2l.train.engine.precision import Precision
from w2l.train.engine.trainer import Batch
from w2l.train.generator import GeneratorTrainer
from w2l.train.settings import GeneratorConfig

_ROUNDS = 5  # runs of each, alternating; the best counts, since anything else on the machine only slows them down
_PASSES = 3  # forward, and twice as many multiplications backward


@dataclass(frozen=True)
class Way:
    """One way of computing a step. ms: of a step with its sync loss. tflops: 10^12 operations a second, counting those
    of the networks' layers. speedup: over the plain way."""

    way: str
    ms: float
    tflops: float
    speedup: float


@dataclass(frozen=True)
class StepFigures:
    """What `measure` found: for steps of `windows` windows of 5 frames."""

    machine: str
    device: str
    threads: int
    torch: str
    width: float
    windows: int
    draw_ms: float  # drawing a batch, in one process
    peak_tflops: dict[str, float]  # number format -> measured matrix product
    rows: list[Way]
    size: int = CROP_SIZE  # pixels of a side of the faces


def plain_step(
    network: nn.Module,
    expert: nn.Module,
    batch: Batch,
    optimizer: torch.optim.Optimizer,
    settings: GeneratorConfig,
) -> torch.Tensor:
    """A generator's step as one would first write it: float32, NCHW, nothing folded, Adam tensor by tensor."""
    target, reference = (
        batch[name].flatten(0, 1).permute(0, 3, 1, 2).contiguous() / 255.0 for name in ("target", "reference")
    )
    masked = target.clone()
    masked[:, :, masked.shape[2] // 2 :] = 0
    generated = network(batch["mels"].flatten(0, 1)[:, None], torch.cat((masked, reference), 1))
    lower = nn.functional.avg_pool2d(losses.lower_half(generated), generated.shape[2] // CROP_SIZE)
    sound, mouths = expert(batch["window"][:, None], lower.reshape(-1, 15, *lower.shape[2:]))
    cosine = nn.functional.cosine_similarity(sound, mouths).clamp(0, 1)
    sync = nn.functional.binary_cross_entropy(cosine, torch.ones_like(cosine))
    pixels = (generated - target).abs().mean() + settings.mouth_weight * losses.mouth_l1(generated, target)
    loss = pixels + settings.sync_weight * sync
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(network.parameters(), settings.clip)
    optimizer.step()
    return loss.detach()


def measure(
    clip: str | os.PathLike[str] | None = None,
    device: str = "auto",
    width: float = 0.25,
    windows: int = 8,
    size: int = CROP_SIZE,
) -> StepFigures:
    """Times whole generator steps: forward, sync loss, backward, update, at equal batch, on clips of noise.

    size: pixels of a side of the faces. clip: must be None, since the clip does not change the speed. Raises W2LError
    otherwise.
    """
    if clip is not None:
        raise W2LError("a training step takes as long on any clip; leave --clip out.")
    where = pick_device(device)
    torch.manual_seed(0)
    expert = models.build("syncnet", width).eval()
    clips = [_noise(seed, size) for seed in range(4)]
    settings = GeneratorConfig(width=width, size=size, steps=0, sync_steps=10**6, sync_batch=windows, sync_ramp=1)
    ways: dict[str, Callable[[Batch], object]] = {}
    for name, amp in (("plain", ""), ("ours, float32", "off"), ("ours, mixed", "auto")):
        ways[name] = _ours(settings, clips, where, expert, amp) if amp else _plain(settings, where, expert)
    drawn = batches(_trainer(settings, clips, where, expert, "off"), 0)
    best = dict.fromkeys((*ways, "draw"), float("inf"))
    for turn in range(_ROUNDS + 1):
        start = time.perf_counter()
        batch = next(drawn)[0]
        taken = {"draw": time.perf_counter() - start} | {name: _time(way, batch, where) for name, way in ways.items()}
        if turn:  # the first is to warm up
            best = {name: min(best[name], taken[name]) for name in best}
    operations = _operations(width, windows, size)
    rows = [Way(name, best[name] * 1e3, operations / best[name] / 1e12, best["plain"] / best[name]) for name in ways]
    mixed = Precision("auto", where).dtype
    formats = {"float32": torch.float32} | ({str(mixed).removeprefix("torch."): mixed} if mixed else {})
    peaks = {name: matrix_peak(dtype, where) / 1e3 for name, dtype in formats.items()}
    name = machine() if where.type == "cpu" else torch.cuda.get_device_name(where)
    threads = torch.get_num_threads()
    draw_ms = best["draw"] * 1e3
    return StepFigures(name, where.type, threads, torch.__version__, width, windows, draw_ms, peaks, rows, size)


def _noise(seed: int, size: int, frames: int = 40) -> Clip:
    rng = np.random.default_rng(seed)
    pictures = rng.integers(0, 256, (frames, size, size, 3), dtype=np.uint8)
    return Clip(pictures, rng.uniform(-4, 4, (80, round(frames * 3.2) + 1)).astype(np.float32))


def _trainer(
    settings: GeneratorConfig, clips: list[Clip], device: torch.device, expert: nn.Module, amp: str
) -> GeneratorTrainer:
    options = RunOptions(Path("unused"), str(device), amp, workers=0)
    trainer = GeneratorTrainer(settings, TrainingData(clips, clips[:1], "noise"), options, expert)
    trainer.sync_on_since = 0
    return trainer


def _ours(
    settings: GeneratorConfig, clips: list[Clip], device: torch.device, expert: nn.Module, amp: str
) -> Callable[[Batch], object]:
    trainer = _trainer(settings, clips, device, expert, amp)
    return lambda batch: trainer.train_step([batch], 1)


def _plain(settings: GeneratorConfig, device: torch.device, expert: nn.Module) -> Callable[[Batch], object]:
    network, judge = (net.to(device) for net in (models.build("wav2lip", settings.width, size=settings.size), expert))
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-4, foreach=False)
    return lambda batch: plain_step(network.train(), judge, batch, optimizer, settings)


def _time(way: Callable[[Batch], object], batch: Batch, device: torch.device) -> float:
    start = time.perf_counter()
    way(batch)
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - start


def _operations(width: float, windows: int, size: int) -> float:
    """Multiplications and additions of one step's layers: generator, and expert without its own weights' gradients."""
    generator, expert = models.build("wav2lip", width, size=size).eval(), models.build("syncnet", width).eval()
    drawing = count_macs(generator, torch.zeros(1, 1, 80, 16), torch.zeros(1, 6, size, size))
    judging = count_macs(expert, torch.zeros(1, 1, 80, 16), torch.zeros(1, 15, CROP_SIZE // 2, CROP_SIZE))
    return 2.0 * windows * (_PASSES * 5 * drawing + (_PASSES - 1) * judging)


def to_table(found: StepFigures) -> str:
    """The figures as lines to print."""
    peaks = ", ".join(f"{name} {value:.2f}" for name, value in found.peak_tflops.items())
    lines = [
        f"{found.machine}; {found.device}, {found.threads} threads, torch {found.torch}",
        f"generator step, width {found.width:g}, faces of {found.size} pixels, {found.windows} windows of 5 frames; "
        f"matrix product, TFLOP/s: {peaks}",
        f"{'drawing a batch':16}{found.draw_ms:9.1f} ms, in one process",
    ]
    lines += [f"{row.way:16}{row.ms:9.1f} ms {row.tflops:8.3f} TFLOP/s {row.speedup:6.2f} x" for row in found.rows]
    return "\n".join(lines)
