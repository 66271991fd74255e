"""Reading training windows from a clip store, compared with how the original code reads them, per core."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import librosa
import numpy as np
import soundfile

from w2l import audio, talker
from w2l.audio import SAMPLE_RATE, SAMPLES_PER_FRAME, TRAINING_FPS, mel_windows, melspectrogram
from w2l.base.device import machine
from w2l.base.numba_cache import with_cache
from w2l.data.clip import FRAMES, Clip
from w2l.data.store import ClipEntry, Store, write_clip, write_index
from w2l.data.windows import generator_batch
from w2l.errors import W2LError
from w2l.preprocess.clip import Made, Maker
from w2l.preprocess.settings import PreprocessSettings
from w2l.preprocess.sources import SOUND, Source

_ROUNDS = 3  # of each, alternating; the best counts
_BATCH = 32
_STORE_BATCHES, _PLAIN_WINDOWS = 16, 32  # a round


@dataclass(frozen=True)
class ReadingFigures:
    """What `measure` found. A window is 5 frames, 5 of another time, and their mels; rates are per second of one core,
    with the files in the system's cache."""

    machine: str
    clips: int
    seconds: float  # of a clip, on average
    store_windows: float
    plain_windows: float
    speedup: float


def measure(clip: str | os.PathLike[str] | None = None, clips: int = 4, seconds: float = 4.0) -> ReadingFigures:
    """Reads random windows of a video's clips (of synthetic talkers when None), as generators are trained on.

    The original training code (reference 2.5) reads a folder of numbered jpg files and audio.wav: for each window it
    decodes and resizes 10 pictures, loads the sound and computes its mel. Processor time is measured, over all threads,
    so that other programs do not count. Raises W2LError for a clip without a face or sound.
    """
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        material = list(_of_video(Path(clip)) if clip else _of_talkers(clips, seconds))
        read = _write_store(folder / "store", [one for one, _ in material]).clips("train")
        plain = [_write_plainly(folder / str(i), *one) for i, one in enumerate(material)]
        best = {"store": 0.0, "plain": 0.0}
        for turn in range(_ROUNDS + 1):
            start = time.process_time()
            for _ in range(_STORE_BATCHES):
                generator_batch(read, rng, _BATCH, frames=FRAMES, augment=False)
            middle = time.process_time()
            for _ in range(_PLAIN_WINDOWS):
                read_plainly(plain[rng.integers(len(plain))], rng)
            end = time.process_time()
            if turn:  # the first is to warm up
                best["store"] = max(best["store"], _STORE_BATCHES * _BATCH / (middle - start))
                best["plain"] = max(best["plain"], _PLAIN_WINDOWS / (end - middle))
        length = float(np.mean([len(one) for one in read])) / TRAINING_FPS
        del read  # the files are mapped, and Windows cannot delete mapped files
    speedup = best["store"] / best["plain"]
    return ReadingFigures(machine(), len(material), length, best["store"], best["plain"], speedup)


def read_plainly(folder: Path, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """One random window, as `generator_batch` gives it (without the batch), read as the original code does."""
    names = sorted(folder.glob("*.jpg"))
    mel = melspectrogram(with_cache(lambda: librosa.load)(folder / SOUND, sr=SAMPLE_RATE)[0])  # imported on first use
    start, other = rng.integers(1, Clip(np.empty(len(names)), mel).starts), rng.integers(0, len(names) - FRAMES + 1)
    return {
        "target": _pictures(folder, int(start)),
        "reference": _pictures(folder, int(other)),
        "mels": mel_windows(mel, TRAINING_FPS, FRAMES, shift=-1, start=int(start)),
        "window": mel_windows(mel, TRAINING_FPS, 1, shift=0, start=int(start))[0],
    }


def _pictures(folder: Path, first: int) -> np.ndarray:
    frames = []
    for i in range(first, first + FRAMES):
        picture = cv2.imread(str(folder / f"{i}.jpg"))
        assert picture is not None
        frames.append(cv2.resize(picture, (96, 96)))
    return np.stack(frames)


def _of_talkers(count: int, seconds: float) -> Iterator[tuple[Clip, np.ndarray]]:
    for number in range(count):
        made = talker.make_clip("train", number, seconds=seconds, cast=talker.Cast(looks="drawn"))  # soonest made
        yield Clip(made.frames, made.mel), made.wav


def _of_video(path: Path) -> Iterator[tuple[Clip, np.ndarray]]:
    wav = audio.load(path)
    found = 0
    for one in Maker(path.parent, PreprocessSettings(expert=None)).make(Source(path.name, path.stem)):
        if isinstance(one, Made):
            found += 1
            yield one.clip, wav[one.start * SAMPLES_PER_FRAME : (one.start + len(one.clip)) * SAMPLES_PER_FRAME]
    if not found:
        raise W2LError(f"{path} shows no face for a second or longer; choose another clip, or none for drawn talkers.")


def _write_store(folder: Path, clips: Sequence[Clip]) -> Store:
    entries = []
    for i, clip in enumerate(clips):
        file = f"{i}.safetensors"
        size, checksum = write_clip(folder / file, clip)
        entries.append(ClipEntry(file, size, checksum, len(clip), str(i), "train", file, 0, None, None, 0))
    write_index(folder, entries)
    return Store(folder)


def _write_plainly(folder: Path, clip: Clip, wav: np.ndarray) -> Path:
    folder.mkdir()
    for i, frame in enumerate(clip.frames[:]):
        cv2.imwrite(str(folder / f"{i}.jpg"), frame)
    soundfile.write(folder / SOUND, wav, SAMPLE_RATE)
    return folder


def to_table(found: ReadingFigures) -> str:
    """The figures as lines to print."""
    return "\n".join(
        [
            f"{found.machine}; {found.clips} clips of {found.seconds:.1f} s, windows of 5 + 5 frames and their mels",
            f"jpg and wav: {found.plain_windows:8.1f} windows per second and core",
            f"clip store:  {found.store_windows:8.1f} windows per second and core, {found.speedup:.0f} times as many",
        ]
    )
