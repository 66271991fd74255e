"""The generator on one core beside plain PyTorch, onnxruntime and OpenVINO, as far as these are installed.

All take the same faces as uint8 and give pictures as uint8, and take turns, so that whatever else the machine does
slows down all of them.
"""

from __future__ import annotations

import importlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from w2l import audio, faces, models, video
from w2l.base import paths
from w2l.base.device import machine
from w2l.bench.end_to_end import plain_input
from w2l.errors import W2LError
from w2l.models.blocks import Network
from w2l.models.export import export
from w2l.models.fast.generate import Generate
from w2l.models.onnx_network import OnnxNetwork, import_onnxruntime

FRAMES = 16
ROUNDS = 5

Draw = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Engine:
    """One row of the table; milliseconds a frame."""

    generator: str
    name: str
    best: float  # on the clock
    median: float
    processor: float  # time of all threads, best
    difference: float  # from plain PyTorch, mean, in 1/255


@dataclass(frozen=True)
class Compared:
    """What `measure` found."""

    machine: str
    torch: str
    engines: list[Engine]
    missing: list[str]  # what is not installed


def measure(clip: str | os.PathLike[str] | None = None, rounds: int = ROUNDS) -> Compared:
    """Draws faces of a clip (the bundled presenter when None) on one thread with each engine in turn.

    At width 1, with random weights, which take as long as trained ones, and with the bundled generator. Raises W2LError
    when the clip cannot be read or shows no face.
    """
    crops, windows = _faces(clip)
    torch.manual_seed(0)
    generators = {"width 1": models.build("wav2lip").eval(), "classroom": models.load("classroom", "wav2lip")}
    generators["width 1"].meta = {"network": "wav2lip", "width": 1.0}
    rows: list[Engine] = []
    missing: list[str] = []
    with _one_thread():
        for name, model in generators.items():
            engines, missing = _engines(model)
            rows += _compare(name, engines, crops, windows, rounds)
    return Compared(machine(), torch.__version__, rows, missing)


def _faces(clip: str | os.PathLike[str] | None) -> tuple[np.ndarray, np.ndarray]:
    """Crops, and the windows of the bundled speech."""
    samples = paths.data() / "samples"
    clip = Path(clip or samples / "presenter.mp4")
    frames = list(video.read_frames(clip, max_frames=FRAMES))
    track = faces.track_faces(iter(frames), progress=False)
    seen = [i for i in range(len(frames)) if track.has_face(i)]
    if not seen:
        raise W2LError(f"no face was found in {clip}, so there is nothing to measure; choose another clip.")
    turn = [seen[i % len(seen)] for i in range(FRAMES)]
    mel = audio.melspectrogram(audio.load(samples / "speech.wav"))
    return np.stack([faces.cut_crop(frames[i], track.boxes[i]) for i in turn]), audio.mel_windows(mel, 25, FRAMES)


@contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _engines(model: Network) -> tuple[dict[str, Draw], list[str]]:
    """Name -> engine, plain PyTorch first; and the names of those that are not installed."""

    def plain(crops: np.ndarray, windows: np.ndarray) -> np.ndarray:
        face, mel = plain_input(crops, windows)
        with torch.inference_mode():
            drawn = model(mel, face).mul(255).round().to(torch.uint8)
        return drawn.permute(0, 2, 3, 1).contiguous().numpy()

    generate = Generate(model, "cpu")
    engines: dict[str, Draw] = {"plain PyTorch": plain, f"w2l, {generate.format}": generate}
    missing = []
    with TemporaryDirectory() as folder:
        path = Path(folder) / "generator.onnx"
        try:
            export(model, path)
        except W2LError:
            return engines, ["onnx and onnxruntime"]
        runtime = import_onnxruntime()
        engines[f"onnxruntime {runtime.__version__}"] = Generate(models.load(path, "wav2lip"), "cpu")
        try:
            openvino = importlib.import_module("openvino")
        except ImportError:
            missing.append("openvino")
        else:
            version = openvino.__version__.split("-")[0]
            engines[f"OpenVINO {version}"] = Generate(_OpenVino(openvino, path), "cpu")
    return engines, missing


class _OpenVino(OnnxNetwork):
    """An ONNX file run by OpenVINO."""

    def __init__(self, openvino: Any, path: Path) -> None:
        loaded = models.load(path, "wav2lip")
        settings = {"INFERENCE_NUM_THREADS": 1, "PERFORMANCE_HINT": "LATENCY"}
        super().__init__(openvino.Core().compile_model(str(path), "CPU", settings).create_infer_request(), loaded.meta)

    def forward(self, mel: torch.Tensor, face: torch.Tensor) -> torch.Tensor:
        """See `OnnxNetwork`."""
        return torch.from_numpy(self.session.infer({"mel": mel.numpy(), "face": face.contiguous().numpy()})[0])


def _compare(
    generator: str, engines: dict[str, Draw], crops: np.ndarray, windows: np.ndarray, rounds: int
) -> list[Engine]:
    """Each engine's row; the engines take turns, in the opposite order every other round."""
    drawn = {name: draw(crops, windows) for name, draw in engines.items()}
    clock: dict[str, list[float]] = {name: [] for name in engines}
    processor: dict[str, list[float]] = {name: [] for name in engines}
    order = list(engines)
    for _ in range(rounds):
        for name in order:
            began, worked = time.perf_counter(), time.process_time()
            engines[name](crops, windows)
            processor[name].append((time.process_time() - worked) * 1e3 / len(crops))
            clock[name].append((time.perf_counter() - began) * 1e3 / len(crops))
        order.reverse()
    first = next(iter(drawn.values())).astype(float)
    return [
        Engine(
            generator,
            name,
            min(clock[name]),
            float(np.median(clock[name])),
            min(processor[name]),
            float(np.abs(drawn[name] - first).mean()),
        )
        for name in engines
    ]


def to_table(found: Compared) -> str:
    """The figures as a table to print."""
    lines = [f"{found.machine}, 1 thread, torch {found.torch}; milliseconds a frame", ""]
    lines.append(f"{'generator':<12}{'':<24}{'best':>8}{'median':>8}{'processor':>11}{'differs by':>12}")
    for row in found.engines:
        figures = f"{row.best:8.2f}{row.median:8.2f}{row.processor:11.2f}{row.difference:8.2f}/255"
        lines.append(f"{row.generator:<12}{row.name:<24}{figures}")
    if found.missing:
        lines += ["", f"not installed: {', '.join(found.missing)}"]
    return "\n".join(lines)
