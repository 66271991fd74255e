"""Trains and measures the runs of the ablation: the part that takes hours, kept apart from the arithmetic."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from w2l.base import device
from w2l.data.corpus import corpus
from w2l.evaluate.held_out import pair_accuracy
from w2l.evaluate.metrics.frechet import SmallFeatures
from w2l.evaluate.report.collect import report_corpus
from w2l.evaluate.rows import Instruments
from w2l.evaluate.settings import Budget
from w2l.evaluate.studies.ablation import AblationRun, Results, Variant, todo
from w2l.sync.experts import load_expert
from w2l.talker.cast import DEFAULT_CAST
from w2l.train.engine.options import RunOptions
from w2l.train.expert import train_expert
from w2l.train.gan import train_gan
from w2l.train.generator import train_generator
from w2l.train.settings import ExpertConfig, GanConfig, GeneratorConfig


def instruments(budget: Budget) -> Instruments:
    """What every run is measured with."""
    return Instruments(budget.judge, features=[SmallFeatures(budget.judge)])


# All start with a mouth, so the sync loss is on from the start: with a gate that one expert opens and another does not,
# gates would be compared.
_OPEN: dict[str, Any] = {"sync_gate": 9.0}


def remake(
    results: Results,
    seeds: list[int],
    folder: Path,
    budget: Budget,
    variants: tuple[str, ...] = (),
    progress: bool = True,
    done: Callable[[Results], object] | None = None,
    run: RunOptions | None = None,
) -> Results:
    """Trains and measures what is missing in `results`, one run after the other; `done` is called after each.

    folder: for the run folders; what is finished there is not trained again. run: the options that the runs share.
    """
    tools = instruments(budget)
    how = run or RunOptions(folder, progress=progress)
    for variant, seed in todo(results, seeds, variants):
        begun = time.perf_counter()
        own, generator = _train(variant, seed, folder, budget, how)
        figures = measure(str(generator), own, tools, budget, progress)
        minutes = (time.perf_counter() - begun) / 60
        date = time.strftime("%Y-%m-%d", time.gmtime())
        made = AblationRun(variant.key, seed, figures, minutes, device.machine(), date)
        results = Results(
            [*results.runs, made], {**results.facts, **asdict(budget), **DEFAULT_CAST.facts(), **tools.facts()}
        )
        if done is not None:
            done(results)
    return results


def measure(
    generator: str, own: Path | None, tools: Instruments, budget: Budget, progress: bool = True
) -> dict[str, float]:
    """The figures of a run: `ablation.FIGURES`; the expert's accuracy only if the run has an expert of its own."""
    report = report_corpus(tools, generator, budget.split, budget.test_clips, progress)
    figures = {key: report.mean(key).mean for key in ("confidence", "opening_r", "mouth_l1", "sharpness")}
    if own is not None:
        expert = load_expert(own, "cpu", measure="cosine")
        clips = corpus(budget.split, budget.test_clips, progress=progress)
        figures["expert_accuracy"] = float(np.mean([pair_accuracy(expert, clip) for clip in clips]))
    return figures | {"frechet": next(iter(report.distances.values()))}


def _train(
    variant: Variant, seed: int, folder: Path, budget: Budget, how: RunOptions
) -> tuple[Path | None, str | Path]:
    """(the expert learned from, the generator made)."""
    if variant.expert is None:
        return None, budget.start
    shared: dict[str, Any] = {name: getattr(budget, name) for name in ("train_clips", "validation_clips")}
    shared["seed"] = seed
    frames = variant.expert.get("frames", 5)
    config = ExpertConfig(**shared, steps=budget.expert_steps, **variant.expert)
    own = train_expert(config, replace(how, folder=folder / f"expert{frames}_seed{seed}"))
    generator: str | Path = budget.start
    if variant.generator is not None:
        phase = GeneratorConfig(**shared, **_OPEN, steps=0, sync_steps=budget.sync_steps, **variant.generator)
        name = "-".join([f"generator{frames}", *(f"{key}_{value}" for key, value in variant.generator.items())])
        run = replace(how, folder=folder / f"{name}_seed{seed}")
        generator = train_generator(phase, run, str(own), start=budget.start)
    if variant.gan is not None:
        sharpened = GanConfig(**shared, **_OPEN, steps=budget.gan_steps, **variant.gan)
        run = replace(how, folder=folder / f"{variant.key}_seed{seed}")
        generator = train_gan(sharpened, run, str(generator), str(own))
    return own, generator
