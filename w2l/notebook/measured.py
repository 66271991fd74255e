"""Shows results that take hours and were measured beforehand: the ablation and the robustness curves."""

from __future__ import annotations

from w2l.evaluate.studies.ablation import Results
from w2l.evaluate.studies.robustness import Curves
from w2l.notebook.plots import show_light


def show_ablation(results: Results) -> None:
    """A panel for each claim: see `Results.figure`."""
    show_light(results.figure())


def show_robustness(curves: Curves) -> None:
    """A panel for each condition: see `Curves.figure`."""
    show_light(curves.figure())
