"""The windows of training clips: where they start and how batches are drawn from them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from w2l.audio import N_MELS, TRAINING_FPS, WINDOW, mel_windows
from w2l.data.augment import Augment, AugmentVoice
from w2l.data.clip import FRAMES, Clip
from w2l.errors import W2LError
from w2l.faces.crop import CROP_SIZE, lower_halves, resized

_APART = TRAINING_FPS // 2  # frames from a target to its reference: nearer ones show nearly the same mouth
_SEAM = 6  # rows of 96 above the middle over which one half of a reference fades into the other
NEAR = TRAINING_FPS  # frames: off-sync windows within a second are the hard ones


def draw_starts(
    rng: np.random.Generator, starts: int, count: int, min_distance: int = 1, negatives: str = "anywhere"
) -> np.ndarray:
    """Where `count` windows of one clip start, all different: int (count,), each below `starts`.

    No two are closer than `min_distance` frames, if the clip is long enough. negatives: ``anywhere``, or ``half near``:
    every other window is within a second of the first, the rest are farther away.
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
    """`n_windows` windows at different places in each of `n_clips` clips, for scoring all pairs within a clip.

    Returns (mels float32 (n_clips * n_windows, 1, 80, 16), faces float32 (n_clips * n_windows, 3 * frames, 48, 96)),
    clip by clip; faces are lower halves in [0, 1], with the frames stacked along the channels (reference 2.5). A window
    of fewer than 5 frames is the middle of the five. min_distance, negatives: see `draw_starts`.
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
    """The published sampling: `size` pairs of a sound and a face window, each from a random clip (reference 2.5).

    Returns mels (size, 1, 80, 16) and faces (size, 3 * frames, 48, 96) as `expert_batch`, and float32 (size,): 1 where
    they belong together, 0 where the faces are from another time in the clip, with equal probability. ``half near``
    draws the latter from within a second or from beyond it, also with equal probability.
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
    shown = resized(clip.frames[first : first + frames], CROP_SIZE)
    return lower_halves(np.stack([change(f) for f in shown]) if change else shown)


def generator_batch(
    clips: Sequence[Clip], rng: np.random.Generator, size: int, frames: int = 1, augment: bool = True
) -> dict[str, np.ndarray]:
    """Windows of `frames` consecutive frames with a reference from another time of the same clip.

    A reference is half a second or more away, in short clips as far as can be; half of them, drawn at random, have the
    target's own upper half (`_with_upper_half`).
    Returns target uint8 (size, frames, H, H, 3) with H of the clips, reference likewise, mels float32 (size, frames,
    80, 16), one window per frame, shifted as published (reference 2.6); window float32 (size, 80, 16): the expert's, at
    the first frame. augment: vary the faces, and the voice in mels; the expert hears it as it is.
    """
    pictures = (size, frames, *clips[0].frames.shape[1:])
    batch = {"target": np.empty(pictures, np.uint8), "reference": np.empty(pictures, np.uint8)}
    batch |= {"mels": np.empty((size, frames, N_MELS, WINDOW), np.float32)}
    batch |= {"window": np.empty((size, N_MELS, WINDOW), np.float32)}
    for row, which in enumerate(rng.choice(len(clips), size, replace=size > len(clips))):
        clip = clips[which]
        change = Augment(rng, degrade=False, size=clip.size) if augment else None
        start = int(rng.integers(1, clip.starts))
        places = np.arange(len(clip) - frames + 1)
        apart = np.abs(places - start)
        other = int(rng.choice(places[apart >= min(_APART, apart.max())]))
        shown, reference = (clip.frames[first : first + frames] for first in (start, other))
        if rng.random() < 0.5:
            reference = _with_upper_half(reference, shown)
        for name, window in (("target", shown), ("reference", reference)):
            batch[name][row] = [change(frame) for frame in window] if change else window
        heard = mel_windows(clip.mel, TRAINING_FPS, frames, shift=-1, start=start)
        batch["mels"][row] = AugmentVoice(rng)(heard) if augment else heard
        batch["window"][row] = mel_windows(clip.mel, TRAINING_FPS, 1, shift=0, start=start)[0]
    return batch


def _with_upper_half(frames: np.ndarray, of: np.ndarray) -> np.ndarray:
    """Frames, uint8 (n, H, H, 3), that have the upper halves of others.

    In a dub the reference is that very frame, or one shortly before it. Without such pairs a generator learns that a
    reference whose upper half fits shows the right mouth, and then it repeats the filmed mouth instead of what is said.
    """
    height = frames.shape[1]
    fade = np.clip((np.arange(height) - height / 2) / (_SEAM * height / CROP_SIZE) + 1, 0, 1)[:, None, None]
    start, end = np.searchsorted(fade[:, 0, 0], 0, "right"), np.searchsorted(fade[:, 0, 0], 1)
    mixed = frames.copy()
    mixed[:, :start] = of[:, :start]
    seam, fade = slice(start, end), fade[start:end]
    mixed[:, seam] = (of[:, seam] * (1 - fade) + frames[:, seam] * fade).round()
    return mixed
