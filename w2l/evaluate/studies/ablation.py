"""The paper's claims on the corpus: which runs test them, their results as one table and one figure, and the verdicts.

Runs differ from one another in one thing each, and all start from the same generator, trained on pixels alone. The
judge is an expert that none of them was trained against. Results are a list of plain records (`AblationRun`), kept as
JSON, so that the table can be remade without training.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from w2l.base import files, paths
from w2l.errors import W2LError
from w2l.evaluate.metrics.bootstrap import Estimate, few_interval
from w2l.evaluate.report.figures import draw_intervals, new_panels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CACHED = "ablation.json"  # in data/
COMMAND = "w2l evaluate ablation --remake"


@dataclass(frozen=True)
class Variant:
    """One way of training. key: its name in results. claim: a to d, as `CLAIMS`, or none. title: in tables.

    expert: changes to `ExpertConfig` for the expert that it learns from; None: nothing is trained, so the seed does not
    matter. generator, gan: changes to `GeneratorConfig` (second phase) and `GanConfig`; None: this stage is left out.
    """

    key: str
    claim: str
    title: str
    expert: dict[str, Any] | None = None
    generator: dict[str, Any] | None = None
    gan: dict[str, Any] | None = None


# LipGAN's discriminator sees a single frame, has a contrastive loss on distances, and learns along with the generator.
# LipGAN's own starts from scratch; here it has an advantage and starts as an expert of one frame.
VARIANTS = (
    Variant("start", "", "starting point: pixels alone"),
    Variant("tv1", "a", "expert with 1 frame", {"frames": 1}, {}),
    Variant("tv3", "a", "expert with 3 frames", {"frames": 3}, {}),
    Variant("tv5", "a", "expert with 5 frames", {"frames": 5}, {}),
    Variant("frozen", "b", "frozen expert", {"frames": 5}, {}),
    Variant("trained", "b", "expert that keeps learning", {"frames": 5}, {"expert_trained": True}),
    Variant("none", "c", "no sync loss", {"frames": 5}, {"sync_weight": 0.0}),
    Variant(
        "lipgan",
        "c",
        "LipGAN's single-frame discriminator",
        {"frames": 1},
        {"expert_trained": True, "contrastive": True},
    ),
    Variant("expert", "c", "frozen 5-frame expert", {"frames": 5}, {}),
    Variant("no_gan", "d", "without quality discriminator", {"frames": 5}, {}, {"disc_weight": 0.0}),
    Variant("gan", "d", "with quality discriminator", {"frames": 5}, {}, {}),
)
SAME = {"frozen": "tv5", "expert": "tv5"}  # variants that are the same training under another question


@dataclass(frozen=True)
class FigureColumn:
    """A column: key in a run's figures, title, whether more of it is better, digits."""

    key: str
    title: str
    more: bool
    digits: int = 3


FIGURES = (
    FigureColumn("expert_accuracy", "accuracy of its expert", True),
    FigureColumn("confidence", "judge's confidence", True),
    FigureColumn("opening_r", "opening r", True),
    FigureColumn("mouth_l1", "mouth L1", False, 4),
    FigureColumn("sharpness", "sharpness", True, 2),
    FigureColumn("frechet", "Fréchet distance, small features", False, 2),
)
TITLES = {one.key: one.title for one in (*VARIANTS, *FIGURES)}


@dataclass(frozen=True)
class Claim:
    """What the paper says: in `figure`, the variants come in this order, best first."""

    key: str
    question: str
    figure: str
    best_first: tuple[str, ...]


CLAIMS = (
    Claim("a", "Does a longer window make a better expert?", "expert_accuracy", ("tv5", "tv3", "tv1")),
    Claim("b", "Is a frozen expert better than one that keeps learning?", "confidence", ("frozen", "trained")),
    Claim(
        "c",
        "Is the expert better than a single-frame discriminator, and than no sync loss?",
        "confidence",
        ("expert", "lipgan", "none"),
    ),
    Claim("d", "Does the quality discriminator make faces look more real?", "frechet", ("gan", "no_gan")),
)


@dataclass(frozen=True)
class AblationRun:
    """One training and what it reached. figures: by the keys of `FIGURES`, missing where not measured."""

    variant: str
    seed: int
    figures: dict[str, float]
    minutes: float = math.nan
    machine: str = ""
    date: str = ""


@dataclass(frozen=True)
class Results:
    """All runs, and the settings they share."""

    runs: list[AblationRun]
    facts: dict[str, Any] = field(default_factory=dict)

    def values(self, variant: str, figure: str) -> dict[int, float]:
        """Seed -> figure, of the variant or the one that is the same training."""
        names = {variant, SAME.get(variant, variant)}
        found = {run.seed: run.figures.get(figure, math.nan) for run in self.runs if run.variant in names}
        return {seed: value for seed, value in sorted(found.items()) if math.isfinite(value)}

    def estimate(self, variant: str, figure: str) -> Estimate:
        """Mean and 95 % interval over seeds (Student's t)."""
        return few_interval(list(self.values(variant, figure).values()))

    def verdict(self, claim: Claim) -> str:
        """The question, and a line for each neighbouring pair in the claim's order and for its ends, as Markdown.

        Each line says shown, not told apart, the other way round, or open.
        """
        figure = next(one for one in FIGURES if one.key == claim.figure)
        order = claim.best_first
        lines = [f"{claim.key}. {claim.question} Measured by: {figure.title} ({_better(figure)} is better)."]
        ends = [(order[0], order[-1])] if len(order) > 2 else []
        for better, worse in [*pairwise(order), *ends]:
            a, b = (self.values(name, claim.figure) for name in (better, worse))
            seeds = sorted(a.keys() & b.keys())
            ahead = few_interval([(a[s] - b[s]) * (1 if figure.more else -1) for s in seeds])
            lines.append(f"- {TITLES[better]} against {TITLES[worse]}: {_judged(ahead)}")
        return "\n".join(lines)

    def to_markdown(self) -> str:
        """The table, the verdicts and what the figures depend on."""
        shown = [figure for figure in FIGURES if any(figure.key in run.figures for run in self.runs)]
        lines = ["| | training | seeds | " + " | ".join(f.title for f in shown) + " |", "|" + "---|" * (len(shown) + 3)]
        for variant in VARIANTS:
            found = {figure.key: self.estimate(variant.key, figure.key) for figure in shown}
            seeds = max((one.count for one in found.values()), default=0)
            if seeds:
                cells = [found[figure.key].text(figure.digits) for figure in shown]
                lines.append(f"| {variant.claim} | {variant.title} | {seeds} | " + " | ".join(cells) + " |")
        for claim in CLAIMS:
            lines += ["", self.verdict(claim)]
        lines += ["", self._made()]
        return "\n".join([*lines, "", *(f"- {key}: {value}" for key, value in self.facts.items())])

    def figure(self) -> Figure:
        """A panel for each claim: every seed as a short line, the mean with its interval, the paper's favourite on
        top."""
        figure, panels = new_panels(1, 7.5, 1.55, rows=len(CLAIMS))
        for panel, claim in zip(panels, CLAIMS, strict=True):
            rows = [
                (TITLES[key], self.estimate(key, claim.figure), list(self.values(key, claim.figure).values()))
                for key in claim.best_first
            ]
            draw_intervals(panel, rows, f"{claim.key}. {claim.question}", TITLES[claim.figure])
        return figure

    def write(self, path: str | os.PathLike[str]) -> Path:
        """Stores the results as JSON."""
        stored = {"facts": self.facts, "runs": [_plain(asdict(run)) for run in self.runs]}
        return files.write_text(path, json.dumps(stored, indent=1) + "\n")

    def _made(self) -> str:
        dates = sorted({run.date for run in self.runs if run.date})
        machines = sorted({run.machine for run in self.runs if run.machine})
        minutes = sum(run.minutes for run in self.runs if math.isfinite(run.minutes))
        days = " to ".join(dict.fromkeys([dates[0], dates[-1]])) if dates else "on an unknown date"
        where = " and ".join(machines) or "an unknown machine"
        seeds = " ".join(str(seed) for seed in sorted({run.seed for run in self.runs}))
        told = f"{len(self.runs)} runs, {minutes:.0f} minutes in all, {days}, on {where}."
        return f"{told} Intervals: Student's t over seeds, 95 %. To make them again: `{COMMAND} --seeds {seeds}`."


def read(path: str | os.PathLike[str] | None = None) -> Results:
    """Stored results, from a file or the kit's own. Raises W2LError when there are none, or some make no sense."""
    source = paths.data() / CACHED if path is None else Path(path)
    try:
        stored = json.loads(source.read_text(encoding="utf8"))
        runs = [AblationRun(**{**run, "minutes": _number(run.get("minutes"))}) for run in stored["runs"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise W2LError(f"{source} holds no results of ablation runs ({error}); make some with '{COMMAND}'.") from error
    known = {variant.key for variant in VARIANTS}
    if unknown := [run.variant for run in runs if run.variant not in known]:
        raise W2LError(
            f"{source} has an unknown training {unknown[0]!r}; the known ones are {', '.join(sorted(known))}."
        )
    return Results(runs, stored.get("facts", {}))


def todo(results: Results, seeds: Sequence[int], variants: Iterable[str] = ()) -> list[tuple[Variant, int]]:
    """The runs still to be made, seed by seed, without those that are the same training under a second name.

    Raises W2LError for unknown variants.
    """
    known = {variant.key: variant for variant in VARIANTS}
    wanted = list(dict.fromkeys(SAME.get(name, name) for name in (variants or known)))
    if unknown := [name for name in wanted if name not in known]:
        raise W2LError(f"there is no training {unknown[0]!r}; choose from {', '.join(known)}.")
    made = {_slot(known[run.variant], run.seed) for run in results.runs}
    jobs: dict[tuple[str, int | None], tuple[Variant, int]] = {}
    for seed in seeds:
        for name in wanted:
            jobs.setdefault(_slot(known[name], seed), (known[name], seed))
    return [job for slot, job in jobs.items() if slot not in made]


def _slot(variant: Variant, seed: int) -> tuple[str, int | None]:
    """What one run fills: a variant and a seed, or the variant alone where nothing is trained."""
    return variant.key, None if variant.expert is None else seed


def _better(figure: FigureColumn) -> str:
    return "higher" if figure.more else "lower"


def _judged(ahead: Estimate) -> str:
    if ahead.count < 2:
        return "open. Fewer than two seeds have both trainings."
    if ahead.low > 0:
        return f"shown. The first is better by {ahead.text(3)}."
    if ahead.high < 0:
        behind = Estimate(-ahead.mean, -ahead.high, -ahead.low, ahead.count)
        return f"the other way round. The second is better by {behind.text(3)}."
    return f"not told apart. The interval of the difference, {ahead.text(3)}, includes 0."


def _plain(run: dict[str, Any]) -> dict[str, Any]:
    """The same with null for NaN, and rounded figures."""
    figures = {key: round(float(value), 5) for key, value in run["figures"].items() if np.isfinite(value)}
    return run | {"figures": figures, "minutes": round(run["minutes"], 1) if math.isfinite(run["minutes"]) else None}


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
