"""How fast each stage of a dub is on this machine, and how close the generator comes to the processor's peak."""

from __future__ import annotations

import itertools
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from w2l import audio as sound
from w2l import faces, models, video
from w2l.base import paths
from w2l.base.device import machine
from w2l.bench.end_to_end import plain_input
from w2l.bench.memory import peak_memory
from w2l.errors import W2LError
from w2l.marking import mark
from w2l.models.fast.generate import Generate

BATCH = 16  # faces drawn at once
_REPEATS = 3  # runs; the best counts, since anything else on the machine only slows them down
_SIDE = 1536  # of the matrices whose product gives the peak
_PEAK_REPEATS = 20  # more, since a peak measured too low would flatter the generator


@dataclass(frozen=True)
class Stage:
    """One row of the table."""

    name: str
    ms_per_frame: float
    gflops: float | None = None  # 10^9 multiplications and additions a second
    share_of_peak: float | None = None  # of the matrix product of the same number format
    note: str = ""


@dataclass(frozen=True)
class Figures:
    """What `measure` found."""

    machine: str
    threads: int
    torch: str
    peak_gflops: dict[str, float]  # number format -> measured matrix product, in 10^9 operations a second
    stages: list[Stage]
    speedup: dict[str, float]  # generator -> plain time / Generate time
    difference: dict[str, float]  # generator -> mean difference of their pictures, in 1/255
    peak_memory_mb: float | None  # of this whole process; None where the system does not report it


def measure(clip: str | os.PathLike[str] | None = None, speech: str | os.PathLike[str] | None = None) -> Figures:
    """Measures every stage on a clip and its speech (the bundled presenter when None), with ``device="auto"``.

    Every figure is the best of three runs after one to warm up. Raises W2LError when the files cannot be read.
    """
    samples = paths.data() / "samples"
    clip = samples / "presenter.mp4" if clip is None else clip
    wav = sound.load(samples / "speech.wav" if speech is None else speech)
    frames = list(itertools.islice(video.read_frames(clip), 2 * BATCH))
    track = faces.track_faces(iter(frames), progress=False)
    seen = [i for i in range(len(frames)) if track.has_face(i)]
    if not seen:
        raise W2LError(f"no face was found in {clip}, so there is nothing to measure; choose another clip.")
    turn = [seen[i % len(seen)] for i in range(BATCH)]
    crops = np.stack([faces.cut_crop(frames[i], track.boxes[i]) for i in turn])
    windows = sound.mel_windows(sound.melspectrogram(wav), 25, BATCH)
    peaks = {"float32": matrix_peak(torch.float32)}
    stages = _frame_stages(clip, frames, track, turn, crops)
    speedup, difference = {}, {}
    for name, model in _generators().items():
        rows, speedup[name], difference[name] = _generator_stages(name, model, crops, windows, peaks)
        stages[2:2] = rows  # between detect and paste
    threads = torch.get_num_threads()
    return Figures(machine(), threads, torch.__version__, peaks, stages, speedup, difference, _memory())


def _generators() -> dict[str, nn.Module]:
    """The generators to time: width 1 with random weights, which take as long as trained ones; and the bundled one."""
    torch.manual_seed(0)
    return {"width 1": models.build("wav2lip").eval(), "classroom": models.load("classroom", "wav2lip")}


def _frame_stages(
    clip: str | os.PathLike[str], frames: list[np.ndarray], track: faces.Track, turn: list[int], crops: np.ndarray
) -> list[Stage]:
    """Decode, detect, paste and encode."""
    detector = faces.detector("auto")
    size = f"{frames[0].shape[1]}x{frames[0].shape[0]}"

    def decode() -> None:
        for _ in itertools.islice(video.read_frames(clip), len(frames)):
            pass

    def paste() -> None:
        for i, crop in zip(turn, crops, strict=True):
            mark.label_frame(faces.paste(frames[i], crop, track.boxes[i]))

    def encode() -> None:
        with tempfile.TemporaryDirectory() as folder, video.VideoWriter(Path(folder) / "bench.mp4", 25) as writer:
            for frame in frames:
                writer.write(frame)

    return [
        Stage("decode", _time(decode) / len(frames), note=size),
        Stage("detect", _time(lambda: detector.detect(frames)) / len(frames), note=detector.name),
        Stage("paste", _time(paste) / len(turn), note="and label"),
        Stage("encode", _time(encode) / len(frames), note="H.264"),
    ]


def _generator_stages(
    name: str, model: nn.Module, crops: np.ndarray, windows: np.ndarray, peaks: dict[str, float]
) -> tuple[list[Stage], float, float]:
    """(rows for the plain module and for Generate, how much faster that is, mean difference of pictures in 1/255)."""
    face, mel = plain_input(crops, windows)
    flops = 2 * count_macs(model, mel[:1], face[:1])

    def plain() -> np.ndarray:
        with torch.inference_mode():
            return model(mel, face).numpy().transpose(0, 2, 3, 1) * 255

    slow, expected = _time(plain) / len(crops), plain()
    generate = Generate(model)
    fast, drawn = _time(lambda: generate(crops, windows)) / len(crops), generate(crops, windows)
    kind = str(generate.dtype).removeprefix("torch.")
    if kind not in peaks:
        peaks[kind] = matrix_peak(generate.dtype)
    rows = [
        Stage(
            f"generate, {name}", fast, *_rate(flops, fast, peaks[kind]), f"Generate, {generate.format}, batch {BATCH}"
        ),
        Stage(f"generate, {name}", slow, *_rate(flops, slow, peaks["float32"]), f"plain float32, batch {BATCH}"),
    ]
    return rows, slow / fast, float(np.abs(drawn - expected).mean())


def _rate(flops: float, ms: float, peak: float) -> tuple[float, float]:
    gflops = flops / ms / 1e6
    return gflops, gflops / peak


def count_macs(model: nn.Module, *inputs: torch.Tensor) -> int:
    """Multiply-adds of all convolutions and linear layers in one pass of the inputs through the model."""
    total = 0

    def add(module: nn.Module, given: tuple[torch.Tensor, ...], out: torch.Tensor) -> None:
        """Counts a layer as it runs."""
        nonlocal total
        weight = module.get_parameter("weight").numel()
        if isinstance(module, nn.Conv2d):  # every output pixel takes all weights of its channel once
            total += weight * out.shape[0] * out.shape[2] * out.shape[3]
        elif isinstance(module, nn.ConvTranspose2d):  # every input pixel gives to all weights of its channel once
            total += weight * given[0].shape[0] * given[0].shape[2] * given[0].shape[3]
        else:
            total += weight * out.shape[:-1].numel()

    layers = [m for m in model.modules() if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear))]
    hooks = [layer.register_forward_hook(add) for layer in layers]
    try:
        with torch.inference_mode():
            model(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return total


def matrix_peak(dtype: torch.dtype, device: str | torch.device = "cpu", side: int = _SIDE) -> float:
    """The measured peak of the processor: 10^9 operations a second in the best of several matrix products."""
    a = torch.randn(side, side, device=device).to(dtype)
    seconds = []
    for _ in range(_PEAK_REPEATS):
        start = time.perf_counter()
        torch.mm(a, a)
        seconds.append(time.perf_counter() - start)
    return 2 * side**3 / min(seconds) / 1e9


def _time(work: Callable[[], object]) -> float:
    """Milliseconds of the fastest of a few runs, after one to warm up."""
    work()
    taken = []
    for _ in range(_REPEATS):
        start = time.perf_counter()
        work()
        taken.append((time.perf_counter() - start) * 1e3)
    return min(taken)


def _memory() -> float | None:
    try:
        return peak_memory()
    except W2LError:
        return None


def to_table(figures: Figures) -> str:
    """The figures as a table to print."""
    lines = [f"{figures.machine}, {figures.threads} threads, torch {figures.torch}", ""]
    lines.append(f"{'stage':<22}{'ms/frame':>10}{'GFLOP/s':>10}{'of peak':>9}  ")
    for stage in figures.stages:
        speed = f"{stage.gflops:10.0f}{stage.share_of_peak:9.0%}" if stage.gflops is not None else " " * 19
        lines.append(f"{stage.name:<22}{stage.ms_per_frame:10.2f}{speed}  {stage.note}")
    lines.append("")
    for name, peak in figures.peak_gflops.items():
        lines.append(f"peak: matrix product in {name}: {peak:.0f} GFLOP/s")
    for name, ratio in figures.speedup.items():
        lines.append(
            f"{name}: Generate is {ratio:.1f} times as fast as the plain module, "
            f"its pictures differ by {figures.difference[name]:.2f}/255 on average"
        )
    if figures.peak_memory_mb is not None:
        lines.append(f"peak memory: {figures.peak_memory_mb:.0f} MB")
    return "\n".join(lines)
