"""What 0.69 looks like, and why: an expert is trained on each spoiled store, and its curve is kept.

All are measured on the same healthy clips of other people, so that a curve shows what was learned, whatever the store's
own held-out numbers say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from w2l.doctor.cases import read_run
from w2l.doctor.clinic import SPOILS, Pool, Spoil, make_case
from w2l.doctor.kept import Kept
from w2l.doctor.settings import CurveBudget
from w2l.talker.cast import Cast
from w2l.train.data import TrainingData
from w2l.train.engine.loop import fit
from w2l.train.engine.options import RunOptions
from w2l.train.expert import ExpertTrainer
from w2l.train.settings import ExpertConfig

CAST = Cast("formant", "drawn")  # whom an expert without any earlier weights learns within minutes
CACHED = "clinic_curves.json"  # in data/
COMMAND = "w2l evaluate clinic --curves --remake"


@dataclass(frozen=True)
class Curve:
    """What an expert learned from a store. steps: where it was measured. loss, accuracy: on healthy held-out clips."""

    spoil: str
    seed: int
    steps: list[int]
    loss: list[float]
    accuracy: list[float]


def train(spoil: Spoil, seed: int, folder: Path, budget: CurveBudget, progress: bool = True) -> Curve:
    """Trains an expert on a store that is spoiled so, or resumes; `folder` is its run folder."""
    case = make_case(replace(spoil, count=budget.clips), Pool("train", seed, budget.clips, CAST), seed)
    config = replace(
        case.tried.config if case.tried else ExpertConfig(),
        steps=budget.steps,
        evaluate_every=budget.every,
        schedule="constant",
        seed=seed,
    )
    healthy = [one.clip() for one in Pool("validation", seed, budget.held_out, CAST).clips()]
    data = TrainingData([one.clip for one in case.clips if one.split == "train"], healthy, f"clinic: {case.name}")
    options = RunOptions(folder, sanity=False, progress=progress)
    fit(ExpertTrainer(config, data, options, metadata={"data": data.name}))
    return read_curve(spoil.name, seed, folder)


def read_curve(spoil: str, seed: int, folder: Path) -> Curve:
    """The curve in a run folder."""
    rows = {step: row for step, row in sorted(read_run(folder).log.items()) if "held_out_loss" in row}
    loss, accuracy = ([row[f"held_out_{name}"] for row in rows.values()] for name in ("loss", "accuracy"))
    return Curve(spoil, seed, list(rows), loss, accuracy)


def remake(
    done: Sequence[Curve],
    folder: Path,
    budget: CurveBudget,
    keep: Callable[[list[Curve]], object],
    spoils: Sequence[Spoil] = SPOILS,
    seed: int = 0,
    progress: bool = True,
) -> list[Curve]:
    """The curves of all spoils, after those done; `keep` gets all so far after each."""
    curves = list(done)
    known = {(one.spoil, one.seed) for one in curves}
    for spoil in spoils:
        if (spoil.name, seed) not in known:
            curves.append(train(spoil, seed, folder / f"{spoil.name}-{seed}", budget, progress))
            keep(curves)
    return curves


_KEPT = Kept(Curve, "curves", CACHED, COMMAND)
read, write = _KEPT.read, _KEPT.write


def lines(curves: Sequence[Curve]) -> dict[str, list[tuple[Sequence[float], Sequence[float]]]]:
    """Title of each spoil -> its held-out losses over the steps, after those of the healthy store (`loss_figure`)."""
    healthy = [(one.steps, one.loss) for one in curves if one.spoil == "healthy"]
    own = {spoil: [(one.steps, one.loss) for one in curves if one.spoil == spoil.name] for spoil in SPOILS}
    return {spoil.title: [*healthy, *losses] for spoil, losses in own.items() if spoil.cause and losses}
