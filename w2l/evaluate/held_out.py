"""The classroom weights on held-out talkers: swapped speech, another frame as reference, truth known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from torch import nn
from tqdm import tqdm

from w2l import models
from w2l.audio import TRAINING_FPS, mel_windows
from w2l.data.clip import Clip
from w2l.data.corpus import corpus
from w2l.errors import W2LError
from w2l.evaluate.metrics.mouth import correlation, measure
from w2l.faces.crop import MOUTH_BOX
from w2l.models.fast.generate import Generate
from w2l.sync.experts import Expert, load_expert
from w2l.sync.scorer import embed, offset_curve

_CLOSED, _WIDE = 0.5, 8.0  # pixels: a truth under the first is a closed mouth, over the second a wide open one


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
    Criterion("open_when_open", "generated opening where the new truth is over 8 pixels, mean"),
)


def evaluate_classroom(
    generator: str = "classroom_generator",
    expert: str = "classroom_expert",
    meter: str = "classroom_meter",
    split: str = "test",
    count: int = 64,
    progress: bool = True,
) -> dict[str, float]:
    """Measures generator and expert on `count` held-out talkers; the figures are those of `CRITERIA`.

    Each clip's face is driven by the next clip's speech (swapped) and by its own (matched), with one fixed frame of
    the clip, another one than is drawn, as reference. Generator, expert and meter: bundled names or paths.
    """
    if count < 3:
        raise W2LError(f"{count} clips are too few to swap speech between them; give at least 3.")
    clips = corpus(split, count, progress=progress)
    model = models.load(generator, network="wav2lip")
    generate, mel_shift = Generate(model), float(model.meta["mel_shift"])  # type: ignore
    judge = load_expert(expert, "cpu", measure="cosine")
    ruler = models.load(meter, network="mouth_meter")
    rows = []
    for number, clip in enumerate(tqdm(clips, desc="evaluate", unit="clip", disable=not progress)):
        other, third = clips[(number + 1) % count], clips[(number + 2) % count]
        rows.append(_real(judge, ruler, clip) | _generated(generate, judge, ruler, clip, other, third, mel_shift))
    figures = {key: _mean(np.array([row[key] for row in rows])) for key in rows[0]}
    medians = ("meter_opening_r", "meter_width_r", "opening_r_new", "opening_r_old", "width_r_new", "amplitude")
    figures |= {key: float(np.median([row[key] for row in rows])) for key in medians}
    for name in ("paste", "mean", "swapped"):
        figures[f"box_over_{name}"] = figures["box_l1"] / figures[f"box_{name}"]
    return {criterion.key: figures[criterion.key] for criterion in CRITERIA}


def drive(generate: Callable, clip: Clip, mel: np.ndarray, mel_shift: float = -1.0) -> np.ndarray:
    """The clip's face speaking another sound, with the clip's middle frame as reference: uint8 (n, 96, 96, 3)."""
    windows = mel_windows(mel, TRAINING_FPS, len(clip), mel_shift)
    reference = clip.frames[len(clip) // 2]
    return np.concatenate(
        [
            generate(part, windows[at : at + 32], np.repeat(reference[None], len(part), 0))
            for at in range(0, len(clip), 32)
            for part in [clip.frames[at : at + 32]]
        ]
    )


def _real(judge: Expert, ruler: nn.Module, clip: Clip) -> dict[str, float]:
    """What expert and meter make of the real clip."""
    curve = offset_curve(judge, clip.frames, clip.mel)
    read = measure(ruler, clip.frames)
    return {
        "expert_accuracy": pair_accuracy(judge, clip),
        "expert_offset_exact": float(curve.offset == 0),
        "confidence_truth": curve.confidence,
        "meter_opening_r": correlation(read[:, 0], clip.known_truth()[:, 0]),
        "meter_width_r": correlation(read[:, 1], clip.known_truth()[:, 1]),
    }


def pair_accuracy(judge: Expert, clip: Clip) -> float:
    """Share of the pairs of 8 windows of a clip that an expert judges right at cosine 0.5, in-sync and off-sync ones
    counting half each; always the same windows."""
    mouths, sounds = embed(judge, clip.frames[: clip.starts + 4], clip.mel)
    picked = np.random.default_rng(0).choice(len(mouths), 8, replace=False)
    scores = mouths[picked] @ sounds[picked].T
    same = np.eye(8, dtype=bool)
    return float((scores[same] > 0.5).mean() + (scores[~same] <= 0.5).mean()) / 2


def _generated(
    generate: Callable,
    judge: Expert,
    ruler: nn.Module,
    clip: Clip,
    other: Clip,
    third: Clip,
    mel_shift: float = -1.0,
) -> dict[str, float]:
    """What they make of the face speaking the next clip's words, and pixel errors against the truth."""
    swapped, matched = (drive(generate, clip, mel, mel_shift) for mel in (other.mel, clip.mel))
    middle = len(clip) // 2
    keep = np.arange(len(clip)) != middle  # the reference itself is not judged
    read, new, old = measure(ruler, swapped)[keep], other.known_truth()[keep], clip.known_truth()[keep]
    heard, shuffled = offset_curve(judge, swapped, other.mel), offset_curve(judge, swapped, third.mel)
    drawn = {
        "l1": matched,
        "paste": clip.frames[middle][None],
        "mean": matched.mean(0, keepdims=True),
        "swapped": swapped,
    }
    shown = {name: np.broadcast_to(frames, clip.frames.shape)[keep] for name, frames in drawn.items()}
    return {f"box_{name}": _box_l1(frames, clip.frames[keep]) for name, frames in shown.items()} | {
        "opening_r_new": correlation(read[:, 0], new[:, 0]),
        "opening_r_old": correlation(read[:, 0], old[:, 0]),
        "width_r_new": correlation(read[:, 1], new[:, 1]),
        "amplitude": float(read[:, 0].std() / (new[:, 0].std() + 1e-6)),
        "confidence_new": heard.confidence,
        "confidence_shuffled": shuffled.confidence,
        "offset_new_exact": float(heard.offset == 0),
        "open_when_closed": _mean(read[new[:, 0] < _CLOSED, 0]),
        "open_when_open": _mean(read[new[:, 0] > _WIDE, 0]),
    }


def _box_l1(a: np.ndarray, b: np.ndarray) -> float:
    rows, columns = MOUTH_BOX
    return float(np.abs(a[:, rows, columns].astype(np.float32) - b[:, rows, columns]).mean() / 255)


def _mean(values: np.ndarray) -> float:
    """The mean of what is there: NaN marks clips in which a figure has no frames; NaN when nothing is there."""
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
