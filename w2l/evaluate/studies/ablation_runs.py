"""Trains and measures the runs of the ablation: the part that takes hours, kept apart from the arithmetic."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from w2l.base import device
from w2l.base.choices import choices_of
from w2l.data.corpus import corpus
from w2l.errors import W2LError
from w2l.evaluate.metrics.frechet import SmallFeatures
from w2l.evaluate.rows import Instruments
from w2l.evaluate.settings import Budget
from w2l.evaluate.studies import ablation_measures as measures
from w2l.evaluate.studies.ablation import COMMAND, AblationRun, Results, todo
from w2l.evaluate.studies.ablation_plan import BY_KEY, CORPORA, CORPUS_TITLES, USUAL_CORPORA, Variant
from w2l.sync.experts import load_expert
from w2l.talker.cast import Cast
from w2l.train.engine.options import RunOptions
from w2l.train.expert import train_expert
from w2l.train.gan import train_gan
from w2l.train.generator import train_generator
from w2l.train.settings import ExpertConfig, GanConfig, GeneratorConfig

_TRIAL_SEED = 0


def instruments(budget: Budget) -> Instruments:
    """What every run is measured with."""
    return Instruments(budget.judge, features=[SmallFeatures(budget.judge)])


def remake(
    results: Results,
    seeds: list[int],
    folder: Path,
    budget: Budget,
    variants: Sequence[str] = (),
    progress: bool = True,
    done: Callable[[Results], object] | None = None,
    run: RunOptions | None = None,
    corpora: Sequence[str] = USUAL_CORPORA,
) -> Results:
    """Trains and measures what is missing in `results`, one run after the other; `done` is called after each.

    Before the first run of a variant, the settings that it may have are tried on validation people. folder: for the
    run folders; what is finished there is not trained again. run: the options that the runs share.
    Raises W2LError when the results were made with other settings or other instruments, or the judge would judge what
    was made from it.
    """
    if budget.judge == budget.expert_start:
        raise W2LError(f"{budget.judge} cannot judge trainings that start from it; give another --expert-start.")
    tools = instruments(budget)
    facts = asdict(budget) | tools.facts() | {CORPUS_TITLES[name]: _told(CORPORA[name]) for name in corpora}
    how = run or RunOptions(folder, progress=progress)
    jobs = todo(results, seeds, variants, corpora)
    if jobs:
        _check_alike(results.facts, facts)
    finished: dict[Path, Path] = {}
    for variant, seed, name in jobs:
        place = _Place(name, folder / name, budget, tools, how, progress, finished)
        for wanted, settings in results.on(name).untried(variant.key):
            tried = place.trial(wanted, settings)
            results = Results(results.runs, results.facts | facts, [*results.trials, tried])
            if done is not None:
                done(results)
        made = place.run(variant, seed, results.on(name))
        results = Results([*results.runs, made], results.facts | facts, results.trials)
        if done is not None:
            done(results)
    return results


def _told(cast: Cast) -> str:
    return ", ".join(f"{key} {value}" for key, value in cast.facts().items())


def _check_alike(before: dict[str, Any], now: dict[str, Any]) -> None:
    """Runs of different lengths, or measured by different networks, must not share a table."""
    if changed := [key for key, value in now.items() if before.get(key, value) != value]:
        was = ", ".join(f"{key} {before[key]!r}, now {now[key]!r}" for key in changed)
        raise W2LError(f"these results were made otherwise ({was}); use that again, or give another --results file.")


@dataclass(frozen=True)
class _Place:
    """Where runs on one corpus are made, and how."""

    corpus: str
    folder: Path
    budget: Budget
    tools: Instruments
    how: RunOptions
    progress: bool
    finished: dict[Path, Path] = field(default_factory=dict)  # run folder -> weights

    def run(self, variant: Variant, seed: int, so_far: Results) -> AblationRun:
        """A variant, trained and measured on test people. so_far: the results on this corpus, whose trials decide."""
        begun, settings = time.perf_counter(), so_far.chosen(variant.key)
        more: dict[str, Any] = {}
        cast, test = CORPORA[self.corpus], (self.budget.split, self.budget.test_clips)
        if variant.claim == "a":
            own = self.expert(variant.frames, seed)
            clips = corpus(*test, progress=self.progress, cast=cast)
            figures = measures.learning_figures(own.parent)
            figures |= measures.expert_figures(load_expert(own, "cpu", measure="cosine"), clips)
        else:
            generator = self.generator(variant, seed, settings)
            figures, rows = measures.generator_figures(str(generator), self.tools, *test, cast, self.progress)
            if variant.watched:
                more["course"] = self.course(variant, seed, Path(generator))
                figures["own_confidence"] = more["course"]["own"][-1]
            if variant.weights:
                more["rows"] = rows
        return self._record(variant, seed, figures, begun, settings, **more)

    def trial(self, variant: Variant, settings: dict[str, Any]) -> AblationRun:
        """A variant with settings that it may have, measured on validation people."""
        begun = time.perf_counter()
        generator = self.generator(variant, _TRIAL_SEED, settings)
        people = ("validation", self.budget.trial_clips, CORPORA[self.corpus], self.progress)
        figures, _ = measures.generator_figures(str(generator), self.tools, *people)
        return self._record(variant, _TRIAL_SEED, figures, begun, settings)

    def _record(
        self,
        variant: Variant,
        seed: int,
        figures: dict[str, float],
        begun: float,
        settings: dict[str, Any],
        **more: Any,
    ) -> AblationRun:
        words = [COMMAND, f"--corpus {self.corpus} --only {variant.key} --seeds {seed}"]
        for name, (default, declared) in choices_of(Budget).items():
            if declared.is_option and (value := getattr(self.budget, name)) != default:
                words.append(f"--{name.replace('_', '-')} {value}")
        minutes = (time.perf_counter() - begun) / 60
        date = time.strftime("%Y-%m-%d", time.gmtime())
        where = (device.machine(), date, self.corpus, settings, " ".join(words))
        return AblationRun(variant.key, seed, figures, minutes, *where, **more)

    def expert(self, frames: int, seed: int) -> Path:
        """The expert with that window."""
        steps = self.budget.expert_steps
        config = ExpertConfig(
            **self._shared(seed),
            frames=frames,
            clips=self.budget.expert_clips,
            windows=self.budget.expert_windows,
            steps=steps,
            evaluate_every=_half(steps),
        )
        start = self.budget.expert_start or None
        return self._once(f"expert{frames}_seed{seed}", lambda how: train_expert(config, how, start=start))

    def generator(self, variant: Variant, seed: int, settings: dict[str, Any]) -> str | Path:
        """The generator of a variant, trained if it is not there yet."""
        budget, seed = self.budget, 0 if variant.once else seed
        if ready := variant.weights or (budget.start if variant.key == "start" else ""):
            return ready
        if not variant.begin:
            steps = budget.start_steps
            first = GeneratorConfig(
                **self._shared(seed), batch=budget.start_batch, steps=steps, sync_steps=0,
                evaluate_every=_half(steps), **(variant.generator or {}),
            )  # fmt: skip
            return self._once(variant.key, lambda how: train_generator(first, how))
        start = str(self.generator(BY_KEY[variant.begin], seed, settings))
        own = str(self.expert(variant.frames, seed))
        used = [f"{key}_{value}" for key, value in settings.items()]
        name = "-".join([variant.key, *used, f"seed{seed}"])
        shared: dict[str, Any] = self._shared(seed) | (variant.generator or variant.gan or {}) | settings
        shared["frozen_norm"] = True  # the statistics of so few windows mislead
        if variant.gan is not None:
            steps = budget.gan_steps
            ahead = 5 * steps // 8  # with fewer, the discriminator had learned something with some seeds only
            config = GanConfig(**shared, steps=steps, ahead=ahead, batch=budget.batch, evaluate_every=_half(steps))
            return self._once(name, lambda how: train_gan(config, how, start, own))
        steps = budget.sync_steps
        phase = GeneratorConfig(
            **shared, steps=0, sync_steps=steps, sync_batch=budget.batch, evaluate_every=_half(steps)
        )
        return self._once(name, lambda how: train_generator(phase, how, own, start=start))

    def course(self, variant: Variant, seed: int, generator: Path) -> dict[str, list[float]]:
        """Own and judge's confidence at the start of a training, in its middle and at its end, on test people."""
        own = self.expert(variant.frames, seed)
        start = str(self.generator(BY_KEY[variant.begin], seed, {}))
        saved = {int(path.stem[5:]): path for path in (generator.parent / "checkpoints").glob("step_*.pt")}
        steps = self.budget.sync_steps
        then = [saved[step] for step in sorted({_half(steps), steps}) if step in saved]
        stages = [(start, load_expert(own, "cpu", measure="cosine"))]
        stages += [(str(path), measures.expert_then(path, own)) for path in then]
        clips = corpus(self.budget.split, self.budget.test_clips, progress=self.progress, cast=CORPORA[self.corpus])
        return measures.course(stages, self.tools.expert, clips)

    def _shared(self, seed: int) -> dict[str, Any]:
        names = ("train_clips", "validation_clips")
        cast = CORPORA[self.corpus]
        shared = {name: getattr(self.budget, name) for name in names}
        return shared | {"seed": seed, "voices": cast.voices, "looks": cast.looks, "manner": cast.manner is not False}

    def _once(self, name: str, train: Callable[[RunOptions], Path]) -> Path:
        """The weights of a training in the run folder of that name; what this process has finished is not opened again.

        Its checkpoints are kept. The checks before a training are left out: they would take as long as a short run.
        """
        folder = self.folder / name
        if folder not in self.finished:
            self.finished[folder] = train(replace(self.how, folder=folder, keep=10, sanity=False))
        return self.finished[folder]


def _half(steps: int) -> int:
    """Half the steps, at which held-out numbers tell whether the other half was needed."""
    return max(1, steps // 2)
