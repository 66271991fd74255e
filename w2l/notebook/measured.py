"""What was measured beforehand, because it takes hours, as figures: the ablation's runs and the robustness curves."""

from __future__ import annotations

from w2l.evaluate.studies.ablation import CLAIMS, TITLES, Results
from w2l.evaluate.studies.robustness import Curves
from w2l.notebook.plots import new_panels, show_light

_MEAN, _SEED = "#3b6ea5", "#8a8a8a"
_SEEN = {"opening_r": "generated mouth", "confidence": "expert, generated", "real_confidence": "expert, real clip"}
_COLOURS = dict(zip(_SEEN, ("#3b6ea5", "#d1662a", "#4b8b4f"), strict=True))


def show_ablation(results: Results) -> None:
    """A panel for each claim: every seed as a point, the mean with its interval, the paper's favourite on top."""
    figure, axes = new_panels(1, 7.5, 1.55, rows=len(CLAIMS))
    for panel, claim in zip(axes, CLAIMS, strict=True):
        keys = claim.best_first[::-1]
        for height, key in enumerate(keys):
            values = list(results.values(key, claim.figure).values())
            found = results.estimate(key, claim.figure)
            panel.plot(values, [height] * len(values), "|", color=_SEED, ms=14, zorder=1)
            panel.plot([found.low, found.high], [height] * 2, color=_MEAN, lw=3, alpha=0.5)
            panel.plot([found.mean], [height], "o", color=_MEAN)
        panel.set_yticks(range(len(keys)), [TITLES[key] for key in keys], fontsize=8)
        panel.set_ylim(-0.6, len(keys) - 0.4)
        panel.set_title(f"{claim.key}. {claim.question}", fontsize=9, loc="left")
        panel.set_xlabel(TITLES[claim.figure], fontsize=8)
        panel.tick_params(axis="x", labelsize=8)
    show_light(figure)


def show_robustness(curves: Curves) -> None:
    """A panel for each condition, easy to hard: the generated mouth, and the expert on generated and real clips."""
    axes = curves.axes()
    figure, drawn = new_panels(3, 3.7, 2.7, rows=-(-len(axes) // 3))
    for panel, axis in zip(drawn, axes, strict=False):
        there = curves.measured(axis)
        for key, label in _SEEN.items():
            found = [curves.estimate(axis.name, value, key) for value in there]
            places = range(len(there))
            panel.fill_between(places, [f.low for f in found], [f.high for f in found], color=_COLOURS[key], alpha=0.15)
            panel.plot(places, [f.mean for f in found], "o-", ms=4, color=_COLOURS[key], label=label)
        panel.set_xticks(range(len(there)), [str(value) for value in there], fontsize=8)
        if len(there) > 6:
            panel.tick_params(axis="x", labelrotation=90)
        panel.set_title(axis.name, fontsize=10)
        panel.set_xlabel(axis.unit, fontsize=8)
        panel.set_ylim(-0.1, 1.05)
    for panel in drawn[::3]:
        panel.set_ylabel("correlation, or confidence", fontsize=8)
    for panel in drawn[len(axes) :]:
        panel.set_axis_off()
    drawn[0].legend(fontsize=7, frameon=False)
    show_light(figure)
