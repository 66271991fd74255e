"""Measures a generator on held-out talkers, whose true mouths are known, with another's words and with their own.

Training, reports, studies and notebooks all drive clips (`Dubber`) and measure them (`measure_talker`, or its part
`measure_swapped`) here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from torch import nn

from w2l import models
from w2l.audio import TRAINING_FPS, mel_windows
from w2l.base.progress import progress_bar
from w2l.data.clip import Clip
from w2l.data.corpus import corpus
from w2l.errors import W2LError
from w2l.evaluate.metrics.mouth import amplitude, correlation
from w2l.evaluate.metrics.quality import gradient_energy
from w2l.faces.crop import CROP_SIZE, mouth_box, resized
from w2l.faces.mouths import measure
from w2l.models.fast.generate import Generate
from w2l.sync.curve import pairs_curve
from w2l.sync.experts import Expert, load_expert
from w2l.sync.scorer import offset_curve, pair_cosines
from w2l.talker.cast import DEFAULT_CAST, Cast

_BATCH = 32  # frames generated at once
_UNSURE = np.exp(-100)  # the smallest probability in a cross-entropy, as in torch
_CLOSED, _WIDE = 0.5, 4.0  # pixels: a true opening under the first is a closed mouth, over the second a wide open one


@dataclass(frozen=True)
class Criterion:
    """A figure, what it is, and the bound it must meet (None where it is only reported)."""

    key: str
    meaning: str
    at_least: float | None = None
    at_most: float | None = None

    def holds(self, value: float) -> bool:
        """Whether the value meets the bound."""
        return (self.at_least is None or value >= self.at_least) and (self.at_most is None or value <= self.at_most)


CRITERIA = (
    Criterion(
        "expert_accuracy", "expert: pairs of 5-frame windows of a clip judged right at cosine 0.5", at_least=0.91
    ),
    Criterion("expert_offset_exact", "expert: clips whose offset is found exactly"),
    Criterion("meter_opening_r", "mouth meter on real crops: correlation with the true opening, median over clips"),
    Criterion("meter_width_r", "the same for width"),
    Criterion("opening_r_new", "opening against the truth of the new speech, median over clips", at_least=0.88),
    Criterion("opening_r_old", "opening against the truth of the replaced speech, median over clips", at_most=0.15),
    Criterion("width_r_new", "width against the truth of the new speech, median over clips", at_least=0.55),
    Criterion("amplitude", "spread of the generated opening over that of the truth, median over clips"),
    Criterion("box_over_paste", "mouth-box L1 on matched speech over pasting the reference mouth", at_most=0.8),
    Criterion("box_over_mean", "mouth-box L1 on matched speech over the generator's own temporal mean", at_most=0.9),
    Criterion("box_over_swapped", "mouth-box L1 on matched speech over its output for swapped speech", at_most=0.85),
    Criterion("box_l1", "mouth-box L1 on matched speech, 0 .. 1"),
    Criterion("confidence_truth", "expert's confidence (best minus median cosine over 31 shifts), real clips"),
    Criterion("confidence_new", "the same, generated with swapped speech"),
    Criterion("confidence_shuffled", "the same, generated but heard with yet another speaker's speech"),
    Criterion("offset_new_exact", "clips generated with swapped speech whose offset is 0"),
    Criterion("open_when_closed", "generated opening where the new truth is closed, pixels of the crop, mean"),
    Criterion("open_when_open", "generated opening where the new truth is over 4 pixels, mean"),
)


@dataclass(frozen=True)
class Dubber:
    """A generator that makes clips speak, the mel shift that it was trained with, and the size of its faces.

    generate: (crops, mel windows, references) -> faces, as `Generate`. mel_shift: frames of 1/25 s. size: pixels.
    """

    generate: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
    mel_shift: float = -1.0
    size: int = CROP_SIZE

    @classmethod
    def load(cls, generator: str | os.PathLike[str]) -> Dubber:
        """A generator by bundled name or file."""
        model = models.load(generator, network="wav2lip")
        return cls(Generate(model), float(model.meta["mel_shift"]), model.size)

    def speak(self, frames: np.ndarray, mel: np.ndarray, fps: float = TRAINING_FPS) -> np.ndarray:
        """The faces speaking a sound, with the middle frame as reference.

        frames: uint8 (n, H, H, 3) BGR, `fps` a second. mel: float32 (80, T). Returns uint8 (n, H, H, 3); where H is not
        the generator's size, faces are resized for it, and what it draws is resized back, as a dub would paste it.
        """
        parts, side = [], frames.shape[1]
        frames = resized(frames, self.size)
        for at in range(0, len(frames), _BATCH):
            given = driven(frames, mel, np.arange(at, min(at + _BATCH, len(frames))), self.mel_shift, fps)
            parts.append(resized(self.generate(*given), side))
        return np.concatenate(parts)


class Driven(NamedTuple):
    """A generator's input: crops and references uint8 (k, H, H, 3), mel windows float32 (k, 80, 16)."""

    crops: np.ndarray
    windows: np.ndarray
    references: np.ndarray


def driven(
    frames: np.ndarray, mel: np.ndarray, at: np.ndarray, mel_shift: float = -1.0, fps: float = TRAINING_FPS
) -> Driven:
    """The input for the frames `at` of a clip, int (k,) ascending, and a sound; the middle frame is the reference."""
    first = int(at[0])
    windows = mel_windows(mel, fps, int(at[-1]) + 1 - first, mel_shift, first)[at - first]
    return Driven(frames[at], windows, np.repeat(frames[len(frames) // 2][None], len(at), 0))


def evaluate_classroom(
    generator: str = "classroom_generator",
    expert: str = "classroom_expert",
    meter: str = "classroom_meter",
    split: str = "test",
    count: int = 64,
    progress: bool = True,
    cast: Cast = DEFAULT_CAST,
) -> dict[str, float]:
    """Measures generator and expert on `count` held-out talkers; the figures are those of `CRITERIA`.

    Each clip's face is driven by the next clip's speech (swapped) and by its own (matched), with the clip's middle
    frame as reference. Generator, expert and meter: bundled names or paths. Raises W2LError for fewer than 3 talkers.
    """
    if count < 3:
        raise W2LError(f"{count} clips are too few to swap speech between them; give at least 3.")
    dubber, judge = Dubber.load(generator), load_expert(expert, "cpu", measure="cosine")
    clips = corpus(split, count, progress=progress, cast=cast, size=dubber.size)
    ruler = models.load(meter, network="mouth_meter")
    rows = []
    for number, clip in enumerate(progress_bar(clips, desc="evaluate", unit="clip", show=progress)):
        other, third = clips[(number + 1) % count], clips[(number + 2) % count]
        rows.append(_measure_real(judge, ruler, clip) | measure_talker(dubber, judge, ruler, clip, other, third))
    figures = {key: _mean(np.array([row[key] for row in rows])) for key in rows[0]}
    medians = ("meter_opening_r", "meter_width_r", "opening_r_new", "opening_r_old", "width_r_new", "amplitude")
    figures |= {key: float(np.median([row[key] for row in rows])) for key in medians}
    for name in ("paste", "mean", "swapped"):
        figures[f"box_over_{name}"] = figures["box_l1"] / figures[f"box_{name}"]
    return {criterion.key: figures[criterion.key] for criterion in CRITERIA}


def measure_talker(
    dubber: Dubber, judge: Expert, ruler: nn.Module, clip: Clip, other: Clip, third: Clip | None = None
) -> dict[str, float]:
    """Measures one talker with another's words (swapped) and with its own (matched), against the truth of both.

    clip, other: clips with known truth, `other` at least as long. third: a clip with whose words the swapped one is
    judged too, to see whether the expert notices. ruler: the mouth meter. The reference frame itself is not measured.

    Figures: ``opening_r_new``, ``opening_r_old``, ``width_r_new``, ``amplitude``, ``open_when_closed`` and
    ``open_when_open`` (pixels) of the swapped mouth; ``confidence_new``, ``offset_new_exact`` and ``sync_loss``
    (cross-entropy) by the expert; ``box_l1``, the mouth-box error (0 .. 1) of matched speech, and that of pasting the
    reference (``box_paste``), of the generator's temporal mean (``box_mean``) and of swapped speech (``box_swapped``);
    ``sharpness``, gradient energy of matched faces over that of the real ones.
    """
    frames = clip.frames[:]
    swapped, matched = (dubber.speak(frames, words.mel) for words in (other, clip))
    return measure_faces(matched, swapped, clip, other, judge, ruler, third)


def measure_faces(
    matched: np.ndarray,
    swapped: np.ndarray,
    clip: Clip,
    other: Clip,
    judge: Expert,
    ruler: nn.Module,
    third: Clip | None = None,
) -> dict[str, float]:
    """`measure_talker` of faces that are drawn already: matched, swapped, uint8 (n, H, H, 3) BGR, with the clip's own
    and another's words."""
    real = clip.frames[:]
    middle = len(clip) // 2
    keep = np.arange(len(clip)) != middle
    drawn = {
        "l1": matched,
        "paste": real[middle][None],
        "mean": matched.mean(0, keepdims=True),
        "swapped": swapped,
    }
    shown = {name: np.broadcast_to(frames, real.shape)[keep] for name, frames in drawn.items()}
    figures = {f"box_{name}": _box_l1(frames, real[keep]) for name, frames in shown.items()}
    figures["sharpness"] = gradient_energy(matched[keep]) / gradient_energy(real[keep])
    if third is not None:
        figures["confidence_shuffled"] = offset_curve(judge, swapped, third.mel).confidence
    return figures | measure_swapped(swapped, clip, other, judge, ruler)


def measure_swapped(
    swapped: np.ndarray, clip: Clip, other: Clip, judge: Expert | None = None, ruler: nn.Module | None = None
) -> dict[str, float]:
    """The part of `measure_talker` about a face that speaks another's words.

    swapped: uint8 (n, H, H, 3) BGR, the generated faces of the whole `clip`. other: the clip whose words they speak.
    With a judge: ``confidence_new``, ``offset_new_exact`` and ``sync_loss``. With a ruler, which needs the truth of
    both clips: ``opening_r_new`` and the other figures of the mouth, without the reference frame.
    """
    figures: dict[str, float] = {}
    if ruler is not None:
        keep = np.arange(len(clip)) != len(clip) // 2
        new, old = other.known_truth()[: len(clip)][keep], clip.known_truth()[keep]
        figures |= _movement(measure(ruler, swapped)[keep], new, old)
    if judge is not None:
        figures |= _agreement(judge, swapped, other.mel)
    return figures


def _measure_real(judge: Expert, ruler: nn.Module, clip: Clip) -> dict[str, float]:
    """The figures of expert and meter for the real clip."""
    curve = offset_curve(judge, clip.frames[:], clip.mel)
    read = measure(ruler, clip.frames[:])
    return {
        "expert_accuracy": pair_accuracy(judge, clip),
        "expert_offset_exact": float(curve.offset == 0),
        "confidence_truth": curve.confidence,
        "meter_opening_r": correlation(read[:, 0], clip.known_truth()[:, 0]),
        "meter_width_r": correlation(read[:, 1], clip.known_truth()[:, 1]),
    }


def _movement(read: np.ndarray, new: np.ndarray, old: np.ndarray) -> dict[str, float]:
    """The generated mouth, (n, 2) opening and width, against the truth of new and old words, (n, 2 or more)."""
    return {
        "opening_r_new": correlation(read[:, 0], new[:, 0]),
        "opening_r_old": correlation(read[:, 0], old[:, 0]),
        "width_r_new": correlation(read[:, 1], new[:, 1]),
        "amplitude": amplitude(read[:, 0], new[:, 0]),
        "open_when_closed": _mean(read[new[:, 0] < _CLOSED, 0]),
        "open_when_open": _mean(read[new[:, 0] > _WIDE, 0]),
    }


def _agreement(judge: Expert, frames: np.ndarray, mel: np.ndarray) -> dict[str, float]:
    """The expert's figures for generated frames and the words they should speak."""
    pairs = pair_cosines(judge, frames, mel)
    curve = pairs_curve(pairs)
    return {
        "confidence_new": curve.confidence,
        "offset_new_exact": float(curve.offset == 0),
        "sync_loss": float(-np.log(np.clip(np.diagonal(pairs), _UNSURE, 1)).mean()),
    }


def pair_accuracy(judge: Expert, clip: Clip) -> float:
    """Share of the pairs of 8 windows of a clip that an expert judges right at cosine 0.5, in-sync and off-sync ones
    counting half each; always the same windows."""
    scores = pair_cosines(judge, clip.frames[: clip.starts + 4], clip.mel)
    picked = np.random.default_rng(0).choice(len(scores), 8, replace=False)
    scores = scores[np.ix_(picked, picked)]
    same = np.eye(8, dtype=bool)
    return float((scores[same] > 0.5).mean() + (scores[~same] <= 0.5).mean()) / 2


def _box_l1(a: np.ndarray, b: np.ndarray) -> float:
    rows, columns = mouth_box(a.shape[2])
    return float(np.abs(a[:, rows, columns].astype(np.float32) - b[:, rows, columns]).mean() / 255)


def _mean(values: np.ndarray) -> float:
    """The mean without NaN, which marks clips in which a figure has no frames; NaN when nothing is left."""
    there = values[~np.isnan(values)]
    return float(there.mean()) if len(there) else float("nan")


def table(figures: dict[str, float], criteria: Sequence[Criterion] = CRITERIA) -> str:
    """The figures as a Markdown table with their bounds."""
    lines = ["| figure | value | must be | holds |", "|---|---|---|---|"]
    for c in criteria:
        bound = f">= {c.at_least}" if c.at_least is not None else f"<= {c.at_most}" if c.at_most is not None else ""
        verdict = ("yes" if c.holds(figures[c.key]) else "NO") if bound else ""
        lines.append(f"| {c.meaning} | {figures[c.key]:.3f} | {bound} | {verdict} |")
    return "\n".join(lines)
