"""The paper's claims on the corpus: the results of the runs that test them, as tables, one figure, and the verdicts.

Runs differ from one another in one thing each (`ablation_plan`), and all start from the same generator, trained on
pixels alone. The judge is an expert that none of them was trained against. Results are a list of plain records
(`AblationRun`), kept as JSON, so that the tables can be remade without training.
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
from w2l.evaluate.studies import ablation_figure
from w2l.evaluate.studies.ablation_plan import (
    BY_KEY,
    CLAIMS,
    CORPUS_TITLES,
    EXPERT_FIGURES,
    FIGURES,
    SAME,
    TITLES,
    VARIANTS,
    Claim,
    FigureColumn,
    Variant,
    named,
    names_of,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["CLAIMS", "FIGURES", "SAME", "TITLES", "VARIANTS", "AblationRun", "Results", "add", "read", "todo"]

CACHED = "ablation.json"  # in data/
COMMAND = "w2l evaluate ablation --remake"


@dataclass(frozen=True)
class AblationRun:
    """One training and what it reached. figures: by the keys of `FIGURES` and `EXPERT_FIGURES`, missing where not
    measured. corpus: who the talkers are, by the keys of `CORPORA`. settings: those of `Variant.tried` that were used.
    command: what makes this run again. course: of a `Variant.watched`, curves by name, from the first step to the last.
    rows: where nothing was trained, the figures of each talker and words, so that a few can be measured again.
    """

    variant: str
    seed: int
    figures: dict[str, float]
    minutes: float = math.nan
    machine: str = ""
    date: str = ""
    corpus: str = "drawn"
    settings: dict[str, Any] = field(default_factory=dict)
    command: str = ""
    course: dict[str, list[float]] = field(default_factory=dict)
    rows: dict[str, dict[str, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Results:
    """All runs, and the settings they share. trials: runs measured on validation people, to choose settings."""

    runs: list[AblationRun]
    facts: dict[str, Any] = field(default_factory=dict)
    trials: list[AblationRun] = field(default_factory=list)

    def on(self, corpus: str) -> Results:
        """The results on one corpus."""
        runs, trials = ([one for one in some if one.corpus == corpus] for some in (self.runs, self.trials))
        return Results(runs, self.facts, trials)

    def parts(self) -> dict[str, Results]:
        """Corpus -> the results on it, the photographic ones first; there is always one."""
        there = {run.corpus for run in self.runs} or {"drawn"}
        return {corpus: self.on(corpus) for corpus in CORPUS_TITLES if corpus in there}

    def claims(self) -> list[Claim]:
        """The claims of which something was measured, on any corpus."""
        parts = self.parts().values()
        return [one for one in CLAIMS if any(p.values(name, one.figure) for p in parts for name in one.best_first)]

    def values(self, variant: str, figure: str) -> dict[int, float]:
        """Seed -> figure, of the variant or the one that is the same training; of one corpus (see `on`)."""
        found: dict[int, float] = {}
        for name in reversed(names_of(variant)):
            figures = {run.seed: run.figures.get(figure, math.nan) for run in self.runs if run.variant == name}
            found |= {seed: value for seed, value in figures.items() if math.isfinite(value)}
        return dict(sorted(found.items()))

    def estimate(self, variant: str, figure: str) -> Estimate:
        """Mean and 95 % interval over seeds (Student's t)."""
        return few_interval(list(self.values(variant, figure).values()))

    def course(self, variant: str, curve: str) -> list[Estimate]:
        """A curve of a training's course, from the first step to the last; [] where it was not measured."""
        keys = {variant, SAME.get(variant, variant)}
        curves = [run.course[curve] for run in self.runs if run.variant in keys and curve in run.course]
        return [few_interval(values) for values in zip(*curves, strict=True)]

    def chosen(self, variant: str) -> dict[str, Any]:
        """Of the settings that were tried for a variant, those with the highest confidence of the judge; of one corpus.

        {} where none are to be tried. Raises W2LError where some have not been tried yet.
        """
        if self.untried(variant):
            raise W2LError(f"the settings of {variant} are not chosen yet; run '{COMMAND} --only {variant}'.")
        tried = self._tried(variant)
        return max(tried, key=lambda one: one.figures["confidence"]).settings if tried else {}

    def untried(self, variant: str) -> list[tuple[Variant, dict[str, Any]]]:
        """What is still to be tried before the settings of a variant can be chosen; of one corpus."""
        wanted, known = _chooser(variant), [one.settings for one in self._tried(variant)]
        return [(wanted, settings) for settings in wanted.tried if settings not in known]

    def _tried(self, variant: str) -> list[AblationRun]:
        wanted = _chooser(variant)
        return [one for one in self.trials if one.variant == wanted.key and one.settings in wanted.tried]

    def verdict(self, claim: Claim) -> str:
        """The question, and a line for each neighbouring pair in the claim's order and for its ends, as Markdown.

        Each line says shown, not told apart, the other way round, or open. In each further figure that was measured
        only the ends are compared. Where there are several corpora, each has its lines.
        """
        first, *others = claim.figures()
        lines = [f"{claim.key}. {claim.question} Measured by: {first.title} ({_better(first)} is better)."]
        order, parts = claim.best_first, self.parts()
        ends = (order[0], order[-1])
        for corpus, part in parts.items():
            lines += [f"- On {CORPUS_TITLES[corpus]}:"] if len(parts) > 1 else []
            pairs = [*pairwise(order), ends] if len(order) > 2 else [ends]
            found = [f"- {TITLES[a]} against {TITLES[b]}: {_judged(part._ahead(a, b, first))}" for a, b in pairs]
            for figure in others:
                if (ahead := part._ahead(*ends, figure)).count:
                    told = f"{figure.title} ({_better(figure)} is better)"
                    found.append(f"- {TITLES[ends[0]]} against {TITLES[ends[1]]} in {told}: {_judged(ahead)}")
            lines += [f"  {line}" if len(parts) > 1 else line for line in found]
        return "\n".join(lines)

    def _ahead(self, better: str, worse: str, figure: FigureColumn) -> Estimate:
        """By how much one variant is better than another, within seeds."""
        a, b = (self.values(name, figure.key) for name in (better, worse))
        seeds = sorted(a.keys() & b.keys())
        return few_interval([(a[s] - b[s]) * (1 if figure.more else -1) for s in seeds])

    def tables(self) -> list[str]:
        """The figures of generators; where experts were measured by themselves, theirs; the settings that were tried.

        Of one corpus, each a Markdown table.
        """
        shown = [one for one in FIGURES if any(one.key in run.figures for run in self.runs if not _is_expert(run))]
        rows = [(f"{one.claim} | {one.title}", one.key, shown) for one in VARIANTS]
        found = [_table("| training | seeds", [one.title for one in shown], self._rows(rows))]
        experts = [one for one in VARIANTS if one.claim == "a"]
        if any(_is_expert(run) for run in self.runs):
            head = [one.title for one in experts]
            lines = [
                " | ".join([one.title, *(self.estimate(each.key, one.key).text(one.digits) for each in experts)])
                for one in EXPERT_FIGURES
            ]
            found.insert(0, _table("", head, lines))
        if self.trials:
            lines = [
                f"{TITLES[one.variant]} | {_listed(one.settings)} | {one.figures['confidence']:.3f} | "
                f"{one.figures['opening_r']:.3f} | {'yes' if self._is_chosen(one) else ''}"
                for one in sorted(self.trials, key=lambda one: list(BY_KEY).index(one.variant))
            ]
            head = ["judge's confidence", "opening r", "chosen"]
            found.append(_table("training | settings tried on validation people", head, lines))
        return found

    def _rows(self, rows: list[tuple[str, str, list[FigureColumn]]]) -> list[str]:
        lines = []
        for label, key, shown in rows:
            found = [(self.estimate(key, figure.key), figure.digits) for figure in shown]
            if seeds := max((one.count for one, _ in found), default=0):
                lines.append(f"{label} | {seeds} | " + " | ".join(one.text(digits) for one, digits in found))
        return lines

    def _is_chosen(self, trial: AblationRun) -> bool:
        return not self.untried(trial.variant) and self.chosen(trial.variant) == trial.settings

    def to_markdown(self) -> str:
        """The tables, the verdicts and what the figures depend on."""
        lines = []
        for corpus, part in self.parts().items():
            lines += [f"On {CORPUS_TITLES[corpus]}:", ""]
            lines += [line for table in part.tables() for line in (table, "")]
        for claim in self.claims():
            lines += [self.verdict(claim), ""]
        lines += [self.made()]
        return "\n".join([*lines, "", *(f"- {key}: {value}" for key, value in self.facts.items())])

    def figure(self) -> Figure:
        """A column for each corpus, a panel for each claim that was measured: see `ablation_figure`."""
        return ablation_figure.draw(self.parts(), self.claims() or CLAIMS)

    def write(self, path: str | os.PathLike[str]) -> Path:
        """Stores the results as JSON."""
        stored: dict[str, Any] = {"facts": self.facts, "runs": [_plain(asdict(run)) for run in self.runs]}
        if self.trials:
            stored["trials"] = [_plain(asdict(run)) for run in self.trials]
        return files.write_text(path, json.dumps(stored, indent=1) + "\n")

    def made(self) -> str:
        """How many runs, how long, when, where, and the command that makes them again."""
        every = [*self.runs, *self.trials]
        dates = sorted({run.date for run in every if run.date})
        machines = sorted({run.machine for run in every if run.machine})
        minutes = sum(run.minutes for run in every if math.isfinite(run.minutes))
        days = " to ".join(dict.fromkeys([dates[0], dates[-1]])) if dates else "on an unknown date"
        where = " and ".join(machines) or "an unknown machine"
        seeds = " ".join(str(seed) for seed in sorted({run.seed for run in self.runs}))
        told = f"{len(every)} runs, {minutes:.0f} minutes in all, {days}, on {where}."
        earlier = "An earlier form of this study made them; this one"
        again = "To make them again" if all(run.command for run in every) else earlier
        return f"{told} Intervals: Student's t over seeds, 95 %. {again}: `{COMMAND} --seeds {seeds}`."


def read(path: str | os.PathLike[str] | None = None) -> Results:
    """Stored results, from a file or the kit's own. Raises W2LError when there are none, or some make no sense."""
    source = paths.data() / CACHED if path is None else Path(path)
    try:
        stored = json.loads(source.read_text(encoding="utf8"))
        runs, trials = (
            [AblationRun(**{**run, "minutes": _number(run.get("minutes"))}) for run in some]
            for some in (stored["runs"], stored.get("trials", []))
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise W2LError(f"{source} holds no results of ablation runs ({error}); make some with '{COMMAND}'.") from error
    for what, known in (("variant", BY_KEY), ("corpus", CORPUS_TITLES)):
        if unknown := [run for run in (*runs, *trials) if getattr(run, what) not in known]:
            kind = "training" if what == "variant" else what
            raise W2LError(
                f"{source} has an unknown {kind} {getattr(unknown[0], what)!r}; the known ones are "
                f"{', '.join(sorted(known))}."
            )
    return Results(runs, stored.get("facts", {}), trials)


def add(path: str | os.PathLike[str], made: Results) -> Path:
    """Stores results, and keeps what the file already has: two commands, one for each corpus, may share it."""
    before = read(path) if Path(path).is_file() else Results([])
    runs = {(one.corpus, one.variant, one.seed): one for one in (*before.runs, *made.runs)}
    trials = {(one.corpus, one.variant, repr(one.settings)): one for one in (*before.trials, *made.trials)}
    return Results([*runs.values()], before.facts | made.facts, [*trials.values()]).write(path)


def todo(
    results: Results, seeds: Sequence[int], variants: Iterable[str] = (), corpora: Iterable[str] = ("drawn",)
) -> list[tuple[Variant, int, str]]:
    """The runs still to be made, (variant, seed, corpus), seed by seed, so that there is a figure after the first.

    Those that are the same training under a second name are left out. Raises W2LError for unknown variants.
    """
    wanted = named(list(variants))
    made = {_slot(BY_KEY[run.variant], run.seed, run.corpus) for run in results.runs}
    jobs: dict[tuple[str, int | None, str], tuple[Variant, int, str]] = {}
    for seed in seeds:
        for corpus in corpora:
            for variant in wanted:
                jobs.setdefault(_slot(variant, seed, corpus), (variant, seed, corpus))
    return [job for slot, job in jobs.items() if slot not in made]


def _slot(variant: Variant, seed: int, corpus: str) -> tuple[str, int | None, str]:
    """What one run fills: a variant, a seed and a corpus; any seed will do for what is made once."""
    return variant.key, None if variant.once else seed, corpus


def _chooser(variant: str) -> Variant:
    """The variant whose trials choose the settings of this one."""
    return BY_KEY[BY_KEY[variant].settings_of or variant]


def _is_expert(run: AblationRun) -> bool:
    """Whether an expert was measured by itself, without a generator."""
    return "full" in run.figures


def _table(first: str, head: list[str], lines: list[str]) -> str:
    cells = [*first.split("|"), *head]
    columns = " | ".join(cell.strip() for cell in cells)
    return "\n".join([f"| {columns} |", "|" + "---|" * len(cells), *(f"| {line} |" for line in lines)])


def _listed(settings: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in settings.items())


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
    """The same with null for NaN, rounded figures, and without what is empty."""
    figures = _rounded(run["figures"])
    rows = {name: _rounded(row) for name, row in run["rows"].items()}
    course = {key: [round(float(value), 5) for value in curve] for key, curve in run["course"].items()}
    minutes = round(run["minutes"], 1) if math.isfinite(run["minutes"]) else None
    plain = run | {"figures": figures, "course": course, "rows": rows, "minutes": minutes}
    return {key: value for key, value in plain.items() if value or key not in ("settings", "command", "course", "rows")}


def _rounded(figures: dict[str, float]) -> dict[str, float]:
    return {key: round(float(value), 5) for key, value in figures.items() if np.isfinite(value)}


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
