"""What the ablation measures: an expert by itself, a generator on test talkers, and both while they learn."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

from w2l import models
from w2l.data.clip import Clip
from w2l.evaluate.held_out import Dubber, pair_accuracy
from w2l.evaluate.report.collect import report_corpus
from w2l.evaluate.rows import Instruments
from w2l.evaluate.studies.ablation_plan import APART, CUTS
from w2l.models.syncnet import SyncNet
from w2l.sync.curve import MAX_SHIFT, by_shift
from w2l.sync.experts import Expert, load_expert
from w2l.sync.scorer import offset_curve, pair_cosines
from w2l.talker.cast import Cast
from w2l.train.engine.log import read_log

_ROW = ("confidence", "opening_r", "width_r", "amplitude", "mouth_l1", "sharpness")
_WATCHED, _WATCHED_FRAMES = 4, 50  # clips on which a course is measured, and frames of each


def expert_figures(expert: Expert, clips: Sequence[Clip]) -> dict[str, float]:
    """Means over clips; what none is long enough for is left out.

    expert_accuracy: `held_out.pair_accuracy`. apart_N: how often, of a mouth's own sound and the one N frames later or
    earlier, the expert scores its own higher; chance is 0.5. exact_N: how often the sound of N frames of mouths, as
    judged by all their windows, is found exactly among those up to 15 frames earlier or later; chance is 1 in 31.
    """
    rows = []
    for clip in clips:
        pairs = pair_cosines(expert, clip.frames[: clip.starts + 4], clip.mel)
        row = {"expert_accuracy": pair_accuracy(expert, clip)}
        row |= {f"apart_{n}": told_apart(pairs, n) for n in APART}
        rows.append(row | {f"exact_{n}": exact(pairs, n) for n in CUTS})
    found = {key: np.array([row[key] for row in rows]) for key in rows[0]}
    return {
        key: float(values[np.isfinite(values)].mean()) for key, values in found.items() if np.isfinite(values).any()
    }


def told_apart(pairs: np.ndarray, frames: int) -> float:
    """How often the own sound scores higher than one `frames` away, a tie counting half; NaN for too short a clip.

    pairs: cosines, (n, n) by mouth window and sound window.
    """
    own = np.diagonal(pairs)
    ahead = [own[: len(own) - frames] - np.diagonal(pairs, frames), own[frames:] - np.diagonal(pairs, -frames)]
    every = np.concatenate(ahead) if len(own) > frames else np.array([np.nan])
    return float(((np.sign(every) + 1) / 2).mean())


def exact(pairs: np.ndarray, frames: int, reach: int = MAX_SHIFT) -> float:
    """The share of cuts of `frames` frames, at every fifth, whose best shift of the sound is 0; NaN where none fits.

    Only cuts that have `reach` frames of sound on both sides, so that all shifts have as many windows. pairs: as
    `told_apart`.
    """
    windows = frames - 4
    scores = by_shift(pairs, reach)[reach : len(pairs) - reach]
    sums = [scores[at : at + windows].sum(0) for at in range(0, len(scores) - windows + 1, 5)]
    return float(np.mean([one.argmax() == reach for one in sums])) if sums else float("nan")


def learning_figures(folder: Path) -> dict[str, float]:
    """half, full: an expert's held-out accuracy in the middle of its training and at its end, from its log."""
    seen = [row["held_out_accuracy"] for row in read_log(folder) if "held_out_accuracy" in row]
    return {"half": seen[0], "full": seen[-1]}


def generator_figures(
    generator: str, tools: Instruments, split: str, count: int, cast: Cast, progress: bool = True
) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """The figures of a generator on `count` talkers of a split: `ablation_plan.FIGURES`, but for its expert's.

    The second are those of each talker and words, by their names in `report_corpus`, without the Fréchet distance.
    """
    report = report_corpus(tools, generator, split, count, progress, cast)
    figures = {key: report.mean(key).mean for key in _ROW} | {"frechet": next(iter(report.distances.values()))}
    return figures, {row.name: {key: row.figures[key] for key in _ROW if key in row.figures} for row in report.rows}


def course(stages: Sequence[tuple[str, Expert]], judge: Expert, clips: Sequence[Clip]) -> dict[str, list[float]]:
    """The confidence of the expert that a generator learns from (``own``) and of the judge, stage by stage.

    stages: the generator of each, by name or file, and that expert as it was then. clips: each speaks the next one's
    words.
    """
    few = [clip.beginning(_WATCHED_FRAMES) for clip in clips[: _WATCHED + 1]]
    found: dict[str, list[float]] = {"own": [], "judge": []}
    for generator, own in stages:
        dubber = Dubber.load(generator)
        made = [(dubber.speak(a.frames[:], b.mel), b.mel) for a, b in pairwise(few)]
        for name, expert in (("own", own), ("judge", judge)):
            found[name].append(float(np.mean([offset_curve(expert, *one).confidence for one in made])))
    return found


def expert_then(checkpoint: Path, expert: Path) -> Expert:
    """The expert that learns along with a generator, as it was at a checkpoint; where it is frozen, as it is."""
    network = models.load(expert, network="syncnet")
    assert isinstance(network, SyncNet)
    learned = torch.load(checkpoint, map_location="cpu", weights_only=True)["others"].get("expert")
    if learned is not None:
        network.load_state_dict(learned)
    return load_expert(network, "cpu", measure="cosine")
