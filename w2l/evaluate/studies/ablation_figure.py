"""The figure of the paper's claims: a column for each corpus, a panel or two for each claim."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from w2l.evaluate.metrics.bootstrap import Estimate
from w2l.evaluate.report.figures import draw_bands, draw_intervals, new_panels
from w2l.evaluate.studies.ablation_plan import APART, CORPUS_TITLES, CUTS, TITLES, Claim

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_QUIET = "#8a8a8a"
_COURSES = {"own": "its own expert", "judge": "the judge"}  # whose confidence in what a generator draws
_LINES = ("apart", "exact", "course")  # kinds of panels that show lines; the others show means with intervals


class Measured(Protocol):
    """Results of one corpus, as `ablation.Results` has them."""

    def values(self, variant: str, figure: str) -> dict[int, float]:
        """Seed -> figure."""
        ...

    def estimate(self, variant: str, figure: str) -> Estimate:
        """Mean and interval over seeds."""
        ...

    def course(self, variant: str, curve: str) -> list[Estimate]:
        """A curve over the steps; [] where it was not measured."""
        ...


def draw(parts: Mapping[str, Measured], claims: Sequence[Claim], brief: bool = False) -> Figure:
    """A panel for each claim: a column for each corpus, or two columns of panels where there is only one.

    Claim a, where experts were measured by themselves, has two panels of lines: how often the right sound is chosen
    from two that lie so many frames apart, and how often the offset of a short clip is found. Claim b, where scores
    were measured during the trainings, has lines over the steps. The others have a point for each training, the paper's
    favourite on top, with its interval, every seed as a short line, and in claim c the start as a dotted line.
    brief: only the first panel of each of a to d.
    """
    shown = [(claim, kind) for claim in claims for kind in _kinds(parts, claim)]
    if brief:
        keys = [claim.key for claim, _ in shown]
        shown = [one for number, one in enumerate(shown) if one[0].key not in keys[:number]]
    alone = len(parts) == 1
    columns = 2 if alone else len(parts)
    figure, panels = new_panels(columns, 4.8, 2.0, rows=math.ceil(len(shown) / 2) if alone else len(shown))
    places = [(number, corpus) for number in range(len(shown)) for corpus in parts]
    for panel in panels[len(places) :]:
        panel.remove()
    for panel, (number, corpus) in zip(panels, places, strict=False):
        claim, kind = shown[number]
        first = corpus == next(iter(parts))
        if kind == "course":
            _draw_course(panel, parts[corpus], claim)
        elif kind in _LINES:
            _draw_experts(panel, parts[corpus], claim, kind)
        else:
            _draw_claim(panel, parts[corpus], claim, kind, labelled=first)
        asked = textwrap.fill(f"{claim.key}. {claim.question}", 44)
        again = number > 0 and shown[number - 1][0] == claim and not alone
        asked = asked if first and not again else ""
        head = f"{CORPUS_TITLES[corpus].capitalize()}\n" if number == 0 and not alone else ""
        panel.set_title(f"{head}{asked}".strip(), fontsize=9, loc="left")
    return figure


def _kinds(parts: Mapping[str, Measured], claim: Claim) -> list[str]:
    """What a claim's panels show: lines where these were measured, else its figure."""
    favourite = claim.best_first[0]
    if claim.key == "a" and any(part.values(favourite, f"apart_{APART[0]}") for part in parts.values()):
        return ["apart", "exact"]
    if claim.key == "b" and any(part.course(favourite, "own") for part in parts.values()):
        return ["course"]
    return [claim.figure, "sharpness"] if claim.key == "d" else [claim.figure]


def _draw_claim(panel: Axes, part: Measured, claim: Claim, figure: str, labelled: bool) -> None:
    titles = [textwrap.fill(TITLES[key], 24, break_on_hyphens=False) for key in claim.best_first]
    rows = [
        (title, part.estimate(key, figure), list(part.values(key, figure).values()))
        for title, key in zip(titles, claim.best_first, strict=True)
    ]
    draw_intervals(panel, rows, "", TITLES[figure])
    if claim.key == "c":
        for start in part.values("start", figure).values():
            panel.axvline(start, color=_QUIET, lw=0.9, ls=":", zorder=0)
    if not labelled:
        panel.set_yticklabels([])  # they are those of the panel to the left


def _draw_experts(panel: Axes, part: Measured, claim: Claim, kind: str) -> None:
    series = {
        TITLES[key]: [part.estimate(key, f"{kind}_{n}") for n in (APART if kind == "apart" else CUTS)]
        for key in claim.best_first
    }
    if kind == "apart":
        draw_bands(panel, series, [str(n) for n in APART], "", "frames between the two sounds")
        panel.axhline(0.5, color=_QUIET, lw=0.8, ls=":")
        panel.set_ylim(0.35, 1.03)
        panel.legend(fontsize=8, frameon=False, loc="lower right")
    else:
        draw_bands(panel, series, [f"{n / 25:g}" for n in CUTS], "", "seconds of the clip")
        panel.set_ylim(-0.05, 1.05)
    _label(panel, "right sound chosen" if kind == "apart" else "offset exact")


def _draw_course(panel: Axes, part: Measured, claim: Claim) -> None:
    series = {
        f"{TITLES[key]}: {who}": found
        for key in claim.best_first
        for curve, who in _COURSES.items()
        if (found := part.course(key, curve))
    }
    steps = max((len(found) for found in series.values()), default=0)
    draw_bands(panel, series, [f"{number / max(1, steps - 1):.0%}" for number in range(steps)], "", "steps")
    ends = [value for found in series.values() for one in found for value in (one.mean, one.low, one.high)]
    finite = [value for value in ends if value == value]
    if finite:
        room = 0.05 + 1.2 * (max(finite) - min(finite))  # for the legend, above the lines
        panel.set_ylim(min(finite) - 0.02, max(finite) + room)
        panel.legend(fontsize=7, frameon=False, loc="upper left")
    _label(panel, "confidence")


def _label(panel: Axes, name: str) -> None:
    panel.set_ylabel(name, fontsize=8)
    panel.tick_params(axis="y", labelsize=8)
