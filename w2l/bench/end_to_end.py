"""A whole dub compared with plain code: same weights, same clip, same box, same machine."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from w2l import audio, faces, models, video
from w2l.base import paths
from w2l.base.device import machine, pick_device
from w2l.dubbing.dub import dub
from w2l.dubbing.speech import Speech, listen
from w2l.marking import mark

_ROUNDS = 3  # runs of each, alternating; the best counts, since anything else on the machine only slows them down
_PLAIN_BATCH = 128  # faces, as in the published code
_STREAMED = ("decode", "generate", "paste", "encode")


@dataclass(frozen=True)
class EndToEnd:
    """What `measure` found; frames a second are those of the best run."""

    machine: str
    threads: int
    torch: str
    size: tuple[int, int]
    n_frames: int
    plain_fps: float  # decode all, draw in float32, write an avi, encode it again as mp4
    dub_fps: float
    speedup: float
    busy: dict[str, float]  # stage -> ms a frame that it was at work, in the best dub
    slowest: str
    overlap: float  # time on the clock over that of the slowest stage: 1 is perfect


def measure(
    clip: str | os.PathLike[str] | None = None,
    speech: str | os.PathLike[str] | None = None,
    seconds: float = 8.0,
    device: str = "auto",
) -> EndToEnd:
    """Dubs the first seconds of a clip (the bundled presenter when None) with a generator of width 1, both ways.

    The weights are random, which takes as long as trained ones. Both use the box of the first frame that has a face, so
    no faces are detected. Raises W2LError as `dub` does.
    """
    samples = paths.data() / "samples"
    clip = Path(clip or samples / "presenter.mp4")
    sound = listen(speech or samples / "speech.wav")
    track = faces.track_faces(clip, max_frames=25)
    box = track.boxes[int(track.found.argmax())]
    torch.manual_seed(0)
    generator = models.build("wav2lip").eval()
    with tempfile.TemporaryDirectory() as folder, _quiet():
        weights, spoken, out = Path(folder) / "w.safetensors", Path(folder) / "s.wav", Path(folder) / "out.mp4"
        models.save(generator, weights, "wav2lip", 1.0)
        sound = sound.repeated(seconds)
        sound.write(spoken)
        plain = fast = float("inf")
        for turn in range(_ROUNDS + 1):
            start = time.perf_counter()
            plainly(clip, sound, Path(folder) / "plain.mp4", generator, box, device)
            slow = time.perf_counter() - start
            result = dub(clip, spoken, out, weights=weights, box=box, sign=False, progress=False, device=device)
            took = result.seconds["total"] - result.seconds["load"]
            if turn == 0:
                continue  # to warm up: kernels are chosen and weights loaded
            plain = min(plain, slow)
            if took < fast:
                fast, best = took, result
    busy = {stage: best.seconds[stage] / best.n_frames * 1e3 for stage in _STREAMED}
    slowest = max(busy, key=busy.__getitem__)
    return EndToEnd(
        machine(),
        torch.get_num_threads(),
        torch.__version__,
        track.size,
        best.n_frames,
        best.n_frames / plain,
        best.n_frames / fast,
        plain / fast,
        busy,
        slowest,
        best.seconds["draw"] / best.seconds[slowest],
    )


def plainly(
    clip: Path, speech: Speech, out: Path, generator: torch.nn.Module, box: np.ndarray, device: str = "auto"
) -> int:
    """The same dub in plain steps, one after the other, each holding all frames; returns their number."""
    where = pick_device(device)
    generator = generator.to(where)
    info = video.probe(clip)
    n_frames = round(speech.seconds * info.fps)
    frames = list(video.read_frames(clip, max_frames=n_frames))
    shown = [frames[i % len(frames)] for i in range(n_frames)]
    mel = audio.mel_windows(speech.mel(), info.fps, n_frames)
    crops = np.stack([faces.cut_crop(frame, box) for frame in shown])
    drawn = []
    for start in range(0, n_frames, _PLAIN_BATCH):
        face, windows = plain_input(crops[start : start + _PLAIN_BATCH], mel[start : start + _PLAIN_BATCH])
        with torch.inference_mode():
            drawn.append((generator(windows.to(where), face.to(where)) * 255).byte().cpu().permute(0, 2, 3, 1).numpy())
    avi = out.with_suffix(".avi")
    height, width = shown[0].shape[:2]
    writer = cv2.VideoWriter(str(avi), cv2.VideoWriter.fourcc(*"DIVX"), info.fps, (width, height))
    for frame, patch in zip(shown, np.concatenate(drawn), strict=True):
        writer.write(mark.label_frame(faces.paste(frame, patch, box)))
    writer.release()
    with video.VideoWriter(out, info.fps, audio=(speech.wav, speech.rate)) as again:
        for frame in video.read_frames(avi):
            again.write(frame)
    return n_frames


def plain_input(crops: np.ndarray, windows: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    """(B, 96, 96, 3) uint8 and (B, 80, 16) -> face (B, 6, 96, 96) in [0, 1], its lower half masked, and mel."""
    whole = torch.from_numpy(crops.transpose(0, 3, 1, 2).astype(np.float32) / 255)
    masked = whole.clone()
    masked[:, :, masked.shape[2] // 2 :] = 0
    return torch.cat((masked, whole), 1), torch.from_numpy(windows[:, None])


@contextmanager
def _quiet() -> Iterator[None]:
    """Silences OpenCV's writer, which prints its codec to stderr."""
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)


def to_table(found: EndToEnd) -> str:
    """The figures as lines to print."""
    stages = ", ".join(f"{stage} {ms:.1f}" for stage, ms in found.busy.items())
    return "\n".join(
        [
            f"{found.machine}, {found.threads} threads, torch {found.torch}",
            f"{found.n_frames} frames of {found.size[0]}x{found.size[1]}, generator of width 1, fixed box",
            f"plain steps: {found.plain_fps:6.1f} frames a second",
            f"w2l dub:     {found.dub_fps:6.1f} frames a second, {found.speedup:.2f} times as many",
            f"stages at work, ms a frame: {stages}",
            f"on the clock {found.overlap:.2f} times the slowest stage ({found.slowest})",
        ]
    )
