"""Training clips in memory and on disk, and the windows that are drawn from them."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from w2l import paths
from w2l.audio import N_MELS, TRAINING_FPS, WINDOW, mel_windows
from w2l.errors import W2LError
from w2l.pipeline import can_fork, cores, forked

FRAMES = 5  # video frames of a window: 200 ms
_WORTH_A_PROCESS = 4  # clips: what takes as long as starting one, a few times over
CACHE_VERSION = 1  # raised whenever the talker draws or speaks differently


@dataclass(frozen=True)
class Clip:
    """One training clip. frames: uint8 (n, 96, 96, 3) BGR crops at 25 a second. mel: float32 (80, T).

    truth: float32 (n, 3), gap and width (pixels) and area of the mouth, or None where nobody knows it.
    """

    frames: np.ndarray
    mel: np.ndarray
    truth: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.frames)

    def known_truth(self) -> np.ndarray:
        """The truth; ValueError where there is none."""
        if self.truth is None:
            raise ValueError("this clip's mouth is not known; only talker clips can be measured against the truth.")
        return self.truth

    @property
    def starts(self) -> int:
        """How many frames can start a window whose 16 mel columns lie inside the clip."""
        last_column = self.mel.shape[1] - WINDOW
        return min(len(self) - FRAMES + 1, int(last_column * TRAINING_FPS / 80) + 1)


def corpus(
    split: str,
    count: int,
    seed: int = 0,
    cache: str | os.PathLike[str] | None = None,
    progress: bool = True,
    voices: str = "formant",
) -> list[Clip]:
    """The first `count` clips of a split of the synthetic talker corpus, one speaker each.

    They are made once and kept under `cache` (default: the kit's cache folder; about 3 MB a clip); a damaged file is
    made again. Where processes can be forked (Linux), each processor makes some. voices: see `talker.make_speaker`.
    Raises W2LError when the cache cannot be written.
    """
    if count < 1:
        raise W2LError(f"the {split} split was asked for {count} clips; ask for at least 1.")
    of = f"seed{seed}" if voices == "formant" else f"seed{seed}-{voices}"
    folder = (Path(cache) if cache else paths.cache() / f"corpus-v{CACHE_VERSION}" / of) / split
    files = [_file(folder, number) for number in range(count)]
    clips = [_read(path) for path in files]
    missing = [number for number, clip in enumerate(clips) if clip is None]
    make = partial(_draw, folder, split, seed, voices)
    processes = min(cores(), len(missing) // _WORTH_A_PROCESS) if can_fork() else 0
    bar = tqdm(total=count, initial=count - len(missing), desc=f"corpus {split}", unit="clip", disable=not progress)
    # the first is made here: what is loaded for it need not be loaded by every process
    here, elsewhere = map(make, missing[:1]), forked(make, missing[1:], processes if processes > 1 else 0)
    with bar, closing(elsewhere):
        for number in chain(here, elsewhere):
            clips[number] = _read(files[number])
            bar.update()
    if lost := [str(path) for path, clip in zip(files, clips, strict=True) if clip is None]:
        raise W2LError(f"{lost[0]} was written and cannot be read back; is the disk full, or another program there?")
    return [clip for clip in clips if clip is not None]


def _draw(folder: Path, split: str, seed: int, voices: str, number: int) -> int:
    """Makes a clip of the corpus and keeps it; returns its number."""
    from w2l.talker import make_clip

    made = make_clip(split, number, seed=seed, voices=voices)
    with paths.atomic(_file(folder, number)) as temporary, open(temporary, "wb") as file:
        np.savez(file, frames=made.frames, mel=made.mel, truth=made.truth)
    return number


def _file(folder: Path, number: int) -> Path:
    return folder / f"{number:05d}.npz"


def _read(path: Path) -> Clip | None:
    if not path.exists():
        return None
    try:
        with open(path, "rb") as file, np.load(file) as saved:  # np.load alone leaves a damaged file open
            return Clip(saved["frames"], saved["mel"], saved["truth"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None  # damaged: made again


class Augment:
    """One random change of look, applied alike to every frame of a clip: what cameras and codecs do.

    Shift, zoom and mirror imitate a detector's unsteady box; colour, blur, noise and JPEG keep the expert from judging
    by a generator's texture (an expert trained without them is easily gamed: reference synthetic-talker, "the trap").
    """

    def __init__(self, rng: np.random.Generator, degrade: bool = True) -> None:
        self._rng = rng
        self.scale = rng.uniform(0.93, 1.07, 2).astype(np.float32)  # across, down
        mirror = rng.random() < 0.5
        shift = rng.uniform(-4, 4, 2) + 48 * (1 - self.scale)
        self.matrix = np.array([[self.scale[0], 0, shift[0]], [0, self.scale[1], shift[1]]], np.float32)
        if mirror:
            self.matrix[0] = (-self.scale[0], 0, 95 - shift[0])
        self.gain = rng.uniform(0.85, 1.15) * rng.uniform(0.93, 1.07, 3).astype(np.float32)
        self.blur = rng.uniform(0.3, 1.2) if degrade and rng.random() < 0.4 else 0.0
        self.noise = rng.uniform(1, 6) if degrade and rng.random() < 0.4 else 0.0
        self.quality = int(rng.integers(25, 90)) if degrade and rng.random() < 0.3 else 0

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """A changed copy of a (96, 96, 3) uint8 frame."""
        out = cv2.warpAffine(frame, self.matrix, (96, 96), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        if self.blur:
            out = cv2.GaussianBlur(out, (0, 0), self.blur)
        changed = out * self.gain
        if self.noise:
            changed += self._rng.standard_normal((96, 96, 1), dtype=np.float32) * np.float32(self.noise)
        out = np.clip(changed, 0, 255).astype(np.uint8)
        if self.quality:
            out = _through_jpeg(out, self.quality)
        return out


def _through_jpeg(frame: np.ndarray, quality: int) -> np.ndarray:
    decoded = cv2.imdecode(cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)
    assert decoded is not None
    return decoded


NEAR = TRAINING_FPS  # frames: off-sync windows within a second are the hard ones


def draw_starts(
    rng: np.random.Generator, starts: int, count: int, min_distance: int = 1, negatives: str = "anywhere"
) -> np.ndarray:
    """Where `count` windows of one clip start, all different: int (count,), each below `starts`.

    No two are nearer than `min_distance` frames, as far as the clip is long enough. negatives: ``anywhere``, or
    ``half near``: every other window lies within a second of the first, the rest farther away.
    Raises W2LError for other names.
    """
    if negatives not in ("anywhere", "half near"):
        raise W2LError(f"negatives cannot be drawn {negatives!r}; choose 'anywhere' or 'half near'.")
    if negatives == "anywhere" and min_distance <= 1:
        return rng.choice(starts, count, replace=False)
    places = np.arange(starts)
    picked = [int(rng.integers(starts))]
    while len(picked) < count:
        distance = np.abs(places[:, None] - picked).min(1)
        apart = distance >= max(1, min_distance)
        near = np.abs(places - picked[0]) <= NEAR
        wanted = apart if negatives == "anywhere" else apart & (near if len(picked) % 2 else ~near)
        fitting = next(choice for choice in (wanted, apart, distance > 0) if choice.any())
        picked.append(int(rng.choice(places[fitting])))
    return np.array(picked)


def expert_batch(
    clips: Sequence[Clip],
    rng: np.random.Generator,
    n_clips: int,
    n_windows: int,
    frames: int = FRAMES,
    augment: bool = True,
    min_distance: int = 1,
    negatives: str = "anywhere",
) -> tuple[np.ndarray, np.ndarray]:
    """`n_windows` windows at different places of each of `n_clips` clips, for scoring all against all of a clip.

    Returns (mels float32 (n_clips * n_windows, 1, 80, 16), faces float32 (n_clips * n_windows, 3 * frames, 48, 96)),
    clip after clip; faces are lower halves in [0, 1], frame after frame on the channels (reference 2.5). A window of
    fewer than 5 frames is the middle of the five. min_distance, negatives: see `draw_starts`.
    """
    mels, faces = [], []
    for which in rng.choice(len(clips), n_clips, replace=n_clips > len(clips)):
        clip = clips[which]
        change = Augment(rng) if augment else None
        for start in draw_starts(rng, clip.starts, n_windows, min_distance, negatives):
            faces.append(_mouths(clip, start, frames, change))
            mels.append(mel_windows(clip.mel, TRAINING_FPS, 1, shift=0, start=int(start))[0])
    return np.stack(mels)[:, None], np.stack(faces)


def expert_pairs(
    clips: Sequence[Clip],
    rng: np.random.Generator,
    size: int,
    frames: int = FRAMES,
    augment: bool = False,
    min_distance: int = 1,
    negatives: str = "anywhere",
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The published sampling: `size` pairs of a sound and a face window, one each of a random clip (reference 2.5).

    Returns mels (size, 1, 80, 16) and faces (size, 3 * frames, 48, 96) as `expert_batch`, and float32 (size,): 1 where
    they belong together, 0 where the faces are from another time of the clip, evenly at random. ``half near`` puts
    each of the latter within a second or beyond, evenly at random too.
    """
    mels, faces, in_sync = [], [], rng.integers(0, 2, size).astype(np.float32)
    for together in in_sync:
        clip = clips[int(rng.integers(len(clips)))]
        change = Augment(rng) if augment else None
        count = 2 if negatives == "anywhere" else 3  # of three the second is near, the third far
        start, *others = draw_starts(rng, clip.starts, count, min_distance, negatives)
        shown = start if together else others[int(rng.integers(len(others)))]
        faces.append(_mouths(clip, int(shown), frames, change))
        mels.append(mel_windows(clip.mel, TRAINING_FPS, 1, shift=0, start=int(start))[0])
    return np.stack(mels)[:, None], np.stack(faces), in_sync


def _mouths(clip: Clip, start: int, frames: int, change: Augment | None) -> np.ndarray:
    """The lower halves of the middle `frames` of the window at `start`."""
    first = start + (FRAMES - frames) // 2
    shown = clip.frames[first : first + frames]
    return lower_halves(np.stack([change(f) for f in shown]) if change else shown)


def lower_halves(frames: np.ndarray) -> np.ndarray:
    """uint8 (T, 96, 96, 3) frames as the expert sees them: float32 (3 T, 48, 96) in [0, 1], rows 48 to 95."""
    return np.ascontiguousarray(frames[:, 48:].transpose(0, 3, 1, 2), dtype=np.float32).reshape(-1, 48, 96) / 255


def generator_batch(
    clips: Sequence[Clip], rng: np.random.Generator, size: int, frames: int = 1, augment: bool = True
) -> dict[str, np.ndarray]:
    """Windows of `frames` consecutive frames with a reference from another time of the same clip.

    Returns target uint8 (size, frames, 96, 96, 3), reference likewise, mels float32 (size, frames, 80, 16), one window
    per frame, shifted as published (reference 2.6); window float32 (size, 80, 16): the expert's, at the first frame.
    """
    pictures = (size, frames, *clips[0].frames.shape[1:])
    batch = {"target": np.empty(pictures, np.uint8), "reference": np.empty(pictures, np.uint8)}
    batch |= {"mels": np.empty((size, frames, N_MELS, WINDOW), np.float32)}
    batch |= {"window": np.empty((size, N_MELS, WINDOW), np.float32)}
    for row, which in enumerate(rng.choice(len(clips), size, replace=size > len(clips))):
        clip = clips[which]
        change = Augment(rng, degrade=False) if augment else None
        start = int(rng.integers(1, clip.starts))
        other = int(rng.integers(0, len(clip) - frames + 1))
        if other == start:  # never the answer itself
            other = (start + len(clip) // 2) % (len(clip) - frames + 1)
        for name, first in (("target", start), ("reference", other)):
            shown = clip.frames[first : first + frames]
            batch[name][row] = [change(frame) for frame in shown] if change else shown
        batch["mels"][row] = mel_windows(clip.mel, TRAINING_FPS, frames, shift=-1, start=start)
        batch["window"][row] = mel_windows(clip.mel, TRAINING_FPS, 1, shift=0, start=start)[0]
    return batch
