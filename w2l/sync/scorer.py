"""Scores of a clip's windows, computed as its frames arrive: each mouth with each shift of the sound."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from w2l.data.clip import FRAMES
from w2l.errors import W2LError
from w2l.models.syncnet import SyncNet
from w2l.sync.curve import MAX_SHIFT, SyncCurve, mean_curve
from w2l.sync.experts import Expert, load_expert


def offset_curve(
    expert: Expert | SyncNet, frames: np.ndarray, sound: np.ndarray, max_shift: int = MAX_SHIFT
) -> SyncCurve:
    """The curve of a clip in memory.

    expert: one from `experts.load_expert`, or a SyncNet. frames: uint8 (n, 96, 96, 3) BGR crops at 25 a second, n >= 5.
    sound: float32 (N,) at 16 kHz, or its mel, float32 (80, T). For a clip on disk: `sync_curve`.
    Raises W2LError for fewer frames.
    """
    expert = load_expert(expert)
    _check_length(frames)
    scorer = Scorer(expert, sound, max_shift)
    for block in blocks(frames, expert.batch):
        scorer.add(expert.resize(frame) for frame in block)
    return mean_curve(scorer.finish(), expert.measure)


def embed(expert: Expert | SyncNet, frames: np.ndarray, sound: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings of every window of a clip: (mouths, sounds), float32 (n - 4, D) each. Arguments as `offset_curve`."""
    expert = load_expert(expert)
    _check_length(frames)
    count, hear = len(frames) - FRAMES + 1, expert.hear(sound)
    mouths, sounds = [], []
    for at in range(0, count, expert.batch):
        size = min(expert.batch, count - at)
        mouths.append(expert.see(frames[at : at + size + FRAMES - 1]))
        sounds.append(hear(at, size))
    return np.concatenate(mouths), np.concatenate(sounds)


def pair_cosines(expert: Expert | SyncNet, frames: np.ndarray, sound: np.ndarray) -> np.ndarray:
    """Cosine of every window of mouths with every window of sound: float32 (n - 4, n - 4) in [0, 1].

    Rows are mouths, columns sounds, by their first frame. expert: one that judges by cosine. Other arguments as
    `offset_curve`.
    """
    mouths, sounds = embed(expert, frames, sound)
    return (mouths @ sounds.T).clip(0, 1)


def _check_length(frames: np.ndarray) -> None:
    if len(frames) < FRAMES:
        raise W2LError(f"a clip of {len(frames)} frames is too short for an expert; give {FRAMES} frames or more.")


class Scorer:
    """Scores of a stretch of one face: `add` its frames in blocks, then call `finish`.

    Holds a few dozen frames and embeddings at a time, whatever the length. sound: float32 (N,) at 16 kHz that begins
    with the first frame, or its mel. Frames are 25 a second, in the expert's size.
    """

    def __init__(self, expert: Expert, sound: np.ndarray, reach: int = MAX_SHIFT) -> None:
        self._expert, self._reach = expert, reach
        self._hear, self._most = expert.hear(sound), expert.windows(sound) if sound.ndim == 1 else None
        self._frames: list[np.ndarray] = []
        self._seen = 0  # windows embedded so far
        self._mouths: np.ndarray | None = None  # those whose sounds have not all arrived
        self._sounds: np.ndarray | None = None  # starting `reach` before the first of them
        self._scores: list[np.ndarray] = []

    def add(self, frames: Iterable[np.ndarray]) -> None:
        """Adds frames, (size, size, 3) uint8 BGR each."""
        for frame in frames:
            self._frames.append(frame)
            if len(self._frames) >= self._expert.batch + FRAMES - 1 + self._expert.spare:
                self._embed()

    def finish(self) -> np.ndarray:
        """float32 (windows, 2 * reach + 1): the scores of each window of mouths with sound shifted by -reach .. reach.

        Column reach + k: sound that comes k frames later; NaN where an expert of the kit has nothing to compare with.
        """
        self._embed()
        if self._mouths is None or self._sounds is None:
            return np.empty((0, 2 * self._reach + 1), np.float32)
        self._sounds = np.concatenate([self._sounds, self._expert.outside(self._reach, self._sounds)])
        self._compare()
        return np.concatenate(self._scores)

    def _embed(self) -> None:
        count = len(self._frames) - (FRAMES - 1) - self._expert.spare
        if self._most is not None:
            count = min(count, self._most - self._seen)
        if count < 1:
            return
        mouths = self._expert.see(np.stack(self._frames[: count + FRAMES - 1]))
        sounds = self._hear(self._seen, count)
        if self._mouths is None or self._sounds is None:
            self._mouths, self._sounds = mouths[:0], self._expert.outside(self._reach, sounds)
        self._mouths, self._sounds = np.concatenate([self._mouths, mouths]), np.concatenate([self._sounds, sounds])
        self._seen += count
        del self._frames[:count]
        self._compare()

    def _compare(self) -> None:
        """Scores the mouths whose sounds have all arrived, and drops what is no longer needed."""
        assert self._mouths is not None and self._sounds is not None
        ready = min(len(self._mouths), len(self._sounds) - 2 * self._reach)
        if ready < 1:
            return
        shifts = range(2 * self._reach + 1)
        mouths = self._mouths[:ready]
        self._scores.append(np.stack([self._expert.score(mouths, self._sounds[k : k + ready]) for k in shifts], axis=1))
        self._mouths, self._sounds = self._mouths[ready:], self._sounds[ready:]


def blocks(frames: Iterable[np.ndarray], size: int) -> Iterator[list[np.ndarray]]:
    """The same frames, `size` at a time."""
    block: list[np.ndarray] = []
    for frame in frames:
        block.append(frame)
        if len(block) == size:
            yield block
            block = []
    if block:
        yield block
