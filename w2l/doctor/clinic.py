"""The clinic: stores of talkers, spoiled in one known way at a time, to learn what each fault looks like.

All faults are made from the talkers' own pictures and sound, so that nothing but the fault tells a spoiled store from
a healthy one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np

from w2l.audio import TRAINING_FPS, mel_of_frames
from w2l.data.clip import Clip
from w2l.data.corpus import corpus
from w2l.doctor.cases import Case, CaseClip, Tried
from w2l.faces.crop import CROP_SIZE
from w2l.talker.cast import Cast
from w2l.talker.corpus import film, make_clip, make_speaker, speech
from w2l.train.settings import ExpertConfig

FRAMES = 76  # of a clip: 3 s
_START = 12  # frame of the talker's clip where it begins, so that sound can be moved either way
_SECONDS = 4.0
_HELD_OUT = 5  # one clip in so many is for validation
_CAST = Cast("natural", "mixed")


@dataclass(frozen=True)
class Base:
    """A talker's clip to be spoiled. frames: uint8 (n, 96, 96, 3) BGR. wav: float32 (N,) at 16 kHz. number: whose it
    is, of the talkers of `pool`."""

    frames: np.ndarray
    wav: np.ndarray
    pool: Pool
    number: int

    def clip(self, late: int = 0, wav: np.ndarray | None = None, frames: np.ndarray | None = None) -> Clip:
        """The clip with sound that is late by so many frames, or with another sound or other frames."""
        sound = self.wav if wav is None else wav
        shown = self.frames[_START : _START + FRAMES] if frames is None else frames
        return Clip(shown, mel_of_frames(sound, _START - late, FRAMES))


@dataclass(frozen=True)
class Pool:
    """Talkers from which stores are made: a split of the corpus with a seed of its own."""

    split: str = "validation"
    seed: int = 0
    count: int = 48
    cast: Cast = _CAST

    def clips(self) -> list[Base]:
        """A clip of each talker."""
        return _made(self)

    def more(self, number: int, clip: int) -> Base:
        """Another clip of a talker."""
        return _another(self, number, clip)

    def at_rate(self, number: int, rate: float) -> np.ndarray:
        """The frames of a talker's clip filmed at another rate, as many as are taken for those of `Base.clip`."""
        return _filmed(self, number, rate)


@lru_cache(maxsize=4)
def _made(pool: Pool) -> list[Base]:
    made = corpus(pool.split, pool.count, pool.seed, progress=False, cast=pool.cast)
    return [
        Base(clip.frames[:], speech(make_speaker(pool.split, number, pool.seed, pool.cast), 0, _SECONDS, pool.seed)[1],
             pool, number)
        for number, clip in enumerate(made)
    ]  # fmt: skip


@lru_cache(maxsize=256)
def _another(pool: Pool, number: int, clip: int) -> Base:
    made = make_clip(pool.split, number, clip, _SECONDS, pool.seed, pool.cast)
    return Base(made.frames, made.wav, pool, number)


@lru_cache(maxsize=256)
def _filmed(pool: Pool, number: int, rate: float) -> np.ndarray:
    speaker = make_speaker(pool.split, number, pool.seed, pool.cast)
    phones, _ = speech(speaker, 0, _SECONDS, pool.seed)
    first = round(_START * rate / TRAINING_FPS)
    frames = film(speaker, phones, first + FRAMES, seed=pool.seed, manner=pool.cast.manner, fps=rate)
    return np.stack([frame for frame, _ in frames])[first:]


Rng = np.random.Generator
Spoiler = Callable[[list[Base], Rng], list[Clip]]


@dataclass(frozen=True)
class Spoil:
    """One way to spoil. cause: what `doctor.causes` should call it, "" for nothing. clips: how a store's clips are
    made. config: of the training that was tried, if any. count: clips of a store. speakers: how many, of several clips
    each; None: one for each clip. filmed: whether clips are filmed anew, which takes long, so that
    every store has the same talkers."""

    name: str
    title: str
    cause: str
    clips: Spoiler
    config: Callable[[Rng], ExpertConfig] | None = None
    count: int = 24
    speakers: Callable[[Rng], int] | None = None
    filmed: bool = False


def make_case(spoil: Spoil, pool: Pool, seed: int) -> Case:
    """A store of a pool's talkers that is spoiled so; the same arguments give the same one."""
    rng = np.random.default_rng([seed, *spoil.name.encode()])
    base = pool.clips()[: spoil.count if spoil.filmed else None]
    picked = [base[number] for number in rng.permutation(len(base))[: spoil.count]]
    held_out = len(picked) // _HELD_OUT
    if spoil.speakers is not None:
        few, train = spoil.speakers(rng), len(picked) - held_out
        first = int(rng.integers(2))  # few different ones over all stores: each has to be filmed
        picked[held_out:] = [pool.more(first + k % few, 1 + k // few) for k in range(train)]
    clips = spoil.clips(picked, rng)
    rows = [
        CaseClip(clip, f"{one.number:03d}", f"talker {one.number}", "validation" if k < held_out else "train")
        for k, (one, clip) in enumerate(zip(picked, clips, strict=True))
    ]
    if spoil.cause == "leak":
        rows = _leaked(rows, held_out)
    tried = None if spoil.config is None else Tried(spoil.config(rng))
    return Case.of(f"{spoil.name}, {pool.split} {pool.seed}, {seed}", rows, tried)


def _leaked(rows: list[CaseClip], held_out: int) -> list[CaseClip]:
    """Every second clip for validation is one of training under another name."""
    copies = [replace(rows[held_out + k], speaker=rows[k].speaker, split="validation") for k in range(0, held_out, 2)]
    return [copies[k // 2] if k < held_out and k % 2 == 0 else one for k, one in enumerate(rows)]


def _healthy(base: list[Base], rng: Rng) -> list[Clip]:
    return [one.clip() for one in base]


def _jittered(most: int) -> Spoiler:
    return lambda base, rng: [one.clip(int(rng.integers(-most, most + 1))) for one in base]


def _delayed(base: list[Base], rng: Rng) -> list[Clip]:
    late = int(rng.integers(1, 11)) * int(rng.choice((-1, 1)))
    return [one.clip(late) for one in base]


def _swapped(share: float) -> Spoiler:
    def spoil(base: list[Base], rng: Rng) -> list[Clip]:
        wrong = rng.permutation(len(base))[: round(share * len(base))]
        sounds = {int(a): int(b) for a, b in zip(wrong, np.roll(wrong, 1), strict=True)}
        return [one.clip(wav=base[sounds.get(k, k)].wav) for k, one in enumerate(base)]

    return spoil


def _at_rates(base: list[Base], rng: Rng) -> list[Clip]:
    rate = float(rng.choice((24.0, 30.0, 50.0)))
    return [one.clip(frames=one.pool.at_rate(one.number, rate)) for one in base]


def _repeating(base: list[Base], rng: Rng) -> list[Clip]:
    rate = float(rng.choice((10.0, 12.5, 15.0, 20.0)))
    shown = np.floor(np.arange(FRAMES) * rate / TRAINING_FPS + 1e-6) * TRAINING_FPS / rate
    return [one.clip(frames=one.frames[_START + np.round(shown).astype(int)]) for one in base]


def _moved(frames: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Frames through an affine matrix (2, 3), borders repeated."""
    whole = CROP_SIZE, CROP_SIZE
    return np.stack(
        [cv2.warpAffine(frame, matrix.astype(np.float32), whole, borderMode=cv2.BORDER_REPLICATE) for frame in frames]
    )


def _shifted(base: list[Base], rng: Rng) -> list[Clip]:
    way, far = rng.uniform(0, 2 * np.pi), rng.uniform(18, 28)
    matrix = np.array([[1, 0, far * np.cos(way)], [0, 1, far * np.sin(way)]])
    return [one.clip(frames=_moved(one.clip().frames[:], matrix)) for one in base]


def _resized(base: list[Base], rng: Rng) -> list[Clip]:
    scale = float(rng.choice((rng.uniform(0.4, 0.6), rng.uniform(1.7, 2.0))))
    # about the mouth, so that the size alone is wrong
    matrix = np.array([[scale, 0, 48 * (1 - scale)], [0, scale, 70 * (1 - scale)]])
    return [one.clip(frames=_moved(one.clip().frames[:], matrix)) for one in base]


def _shaken(base: list[Base], rng: Rng) -> list[Clip]:
    far = rng.uniform(3, 6)

    def shake(frames: np.ndarray) -> np.ndarray:
        moves = [np.array([[1, 0, dx], [0, 1, dy]]) for dx, dy in rng.uniform(-far, far, (len(frames), 2))]
        return np.concatenate([_moved(frame[None], move) for frame, move in zip(frames, moves, strict=True)])

    return [one.clip(frames=shake(one.clip().frames[:])) for one in base]


def _still(base: list[Base], rng: Rng) -> list[Clip]:
    def held(one: Base) -> np.ndarray:
        noise = rng.normal(0, 1.5, (FRAMES, CROP_SIZE, CROP_SIZE, 1))
        return np.clip(one.frames[int(rng.integers(len(one.frames)))] + noise, 0, 255).astype(np.uint8)

    return [one.clip(frames=held(one)) for one in base]


def _clipped(base: list[Base], rng: Rng) -> list[Clip]:
    loud = rng.uniform(0.8, 3.0)  # RMS as if nothing were cut off: plain speech has about 0.1
    return [one.clip(wav=np.clip(one.wav * loud / max(1e-6, float(one.wav.std())), -1, 1)) for one in base]


def _silenced(base: list[Base], rng: Rng) -> list[Clip]:
    silent = rng.random(len(base)) < rng.choice((0.3, 0.6, 1.0))
    hiss = 10 ** rng.uniform(-6, -4.5)
    noise = [rng.normal(0, hiss, len(one.wav)).astype(np.float32) for one in base]
    return [one.clip(wav=noise[k] if silent[k] else None) for k, one in enumerate(base)]


def _rate(low: float, high: float) -> Callable[[Rng], ExpertConfig]:
    return lambda rng: ExpertConfig(learning_rate=float(10 ** rng.uniform(np.log10(low), np.log10(high))))


def _small_batch(rng: Rng) -> ExpertConfig:
    return ExpertConfig(clips=int(rng.integers(1, 4)), windows=int(rng.integers(2, 5)))


SPOILS: Sequence[Spoil] = (
    Spoil("healthy", "healthy", "", _healthy, lambda rng: ExpertConfig()),
    Spoil("jitter1", "offsets of up to 1 frame", "jitter", _jittered(1)),
    Spoil("jitter3", "offsets of up to 3 frames", "jitter", _jittered(3)),
    Spoil("jitter10", "offsets of up to 10 frames", "jitter", _jittered(10)),
    Spoil("delay", "the same delay everywhere", "delay", _delayed),
    Spoil("wrong10", "10 % wrong sounds", "wrong sounds", _swapped(0.1), count=30),
    Spoil("wrong50", "50 % wrong sounds", "wrong sounds", _swapped(0.5)),
    Spoil("few", "1 to 6 speakers", "few speakers", _healthy, count=15, speakers=lambda rng: int(rng.integers(1, 7))),
    Spoil("rate", "24, 30 or 50 frames a second taken for 25", "frame rate", _at_rates, count=12, filmed=True),
    Spoil("repeats", "10 to 20 frames a second, repeated", "frame rate", _repeating),
    Spoil("shifted", "crops shifted", "crops", _shifted),
    Spoil("resized", "crops too wide or too narrow", "crops", _resized),
    Spoil("shaken", "crops that shake", "shaking", _shaken),
    Spoil("still", "still pictures", "still", _still),
    Spoil("clipped", "clipped sound", "clipping", _clipped),
    Spoil("silent", "silent sound", "silence", _silenced),
    Spoil("leak", "copies in validation", "leak", _healthy),
    Spoil("high", "learning rate too high", "rate high", _healthy, _rate(2e-2, 1.5e-1)),
    Spoil("low", "learning rate too low", "rate low", _healthy, _rate(1e-8, 1e-6)),
    Spoil("batch", "batch too small", "small batch", _healthy, _small_batch),
)
