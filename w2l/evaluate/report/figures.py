"""Figures of reports and notebooks, drawn by matplotlib without its global state, so that they need no display."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from w2l.audio import TRAINING_FPS
from w2l.base.palette import SERIES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from w2l.evaluate.metrics.bootstrap import Estimate
    from w2l.sync.curve import SyncCurve

_QUIET = "#8a8a8a"
_POINTS = 600  # of a curve over time, at most
# text stays text, in the reader's own typeface; ids inside the file are the same each time
_SVG: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": "w2l", "font.family": "sans-serif"}


def new_panels(columns: int, width: float, height: float, rows: int = 1) -> tuple[Figure, list[Axes]]:
    """A figure and its panels, row by row, each `width` by `height` inches (of 100 pixels)."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width * columns, height * rows), dpi=100, layout="constrained")
    panels = list(figure.subplots(rows, columns, squeeze=False).flat)
    for one in panels:
        one.spines[["top", "right"]].set_visible(False)
    return figure, panels


def to_svg(figure: Figure) -> str:
    """A figure as an <svg> element: the same bytes each time, sharp at any size."""
    from matplotlib import rc_context

    out = io.StringIO()
    with rc_context(_SVG):
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    return text[text.index("<svg") :].strip()


def sync_figure(curves: Mapping[str, SyncCurve], title: str, width: float = 6.5, height: float = 3.2) -> Figure:
    """Offset curves by name, in one figure: the mean score of mouth and sound for each shift, the best one marked.

    A single curve has its offset and confidence in the title, several have theirs in the legend.
    """
    figure, (axes,) = new_panels(1, width, height)
    for number, (name, curve) in enumerate(curves.items()):
        colour = SERIES[number % len(SERIES)]
        told = f"offset {curve.offset:+d}, confidence {curve.confidence:.2f}"
        axes.plot(curve.shifts, curve.curve, color=colour, label=f"{name}: {told}")
        axes.plot([curve.offset], [curve.best], "o", color=colour)
        axes.set(ylabel=f"mean {curve.measure}")
    axes.set(xlabel="shift, frames of 40 ms (positive: the sound is late)", title=title)
    if len(curves) > 1:
        axes.legend(fontsize=8, frameon=False)
    else:
        axes.set_title(f"{title}: {told}" if title else told, fontsize=10)
    return figure


def time_figure(
    series: Mapping[str, np.ndarray], title: str, ylabel: str, width: float = 4.3, height: float = 2.5
) -> Figure:
    """Lines over time: by name, one value (n,) for each frame at 25 a second."""
    figure, (axes,) = new_panels(1, width, height)
    for number, (name, values) in enumerate(series.items()):
        step = max(1, len(values) // _POINTS)
        seconds = np.arange(len(values))[::step] / TRAINING_FPS
        axes.plot(seconds, values[::step], color=SERIES[number % len(SERIES)], lw=1.2, label=name)
    axes.set(xlabel="seconds", ylabel=ylabel)
    axes.set_title(title, fontsize=10)
    if len(series) > 1:
        axes.legend(fontsize=8, frameon=False)
    return figure


def draw_intervals(axes: Axes, rows: Sequence[tuple[str, Estimate, Sequence[float]]], title: str, xlabel: str) -> None:
    """Means with their intervals, the first row on top: (label, estimate, the single values, as short lines)."""
    for height, (_, found, values) in enumerate(reversed(rows)):
        axes.plot(values, [height] * len(values), "|", color=_QUIET, ms=14, zorder=1)
        if math.isfinite(found.low):
            axes.plot([found.low, found.high], [height] * 2, color=SERIES[0], lw=3, alpha=0.5)
        if math.isfinite(found.mean):
            axes.plot([found.mean], [height], "o", color=SERIES[0])
    axes.set_yticks(range(len(rows)), [label for label, _, _ in reversed(rows)], fontsize=8)
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.set_title(title, fontsize=9, loc="left")
    axes.set_xlabel(xlabel, fontsize=8)
    axes.tick_params(axis="x", labelsize=8)


def draw_bands(
    axes: Axes, series: Mapping[str, Sequence[Estimate]], ticks: Sequence[str], title: str, xlabel: str
) -> None:
    """Means over conditions as lines with points, their intervals as bands, from left to right."""
    places: Any = range(len(ticks))
    for number, (name, found) in enumerate(series.items()):
        colour = SERIES[number % len(SERIES)]
        axes.fill_between(places, [one.low for one in found], [one.high for one in found], color=colour, alpha=0.15)
        axes.plot(places, [one.mean for one in found], "o-", ms=4, color=colour, label=name)
    axes.set_xticks(places, ticks, fontsize=8)
    if len(ticks) > 6:
        axes.tick_params(axis="x", labelrotation=90)
    axes.set_title(title, fontsize=10)
    axes.set_xlabel(xlabel, fontsize=8)
    axes.set_ylim(-0.1, 1.05)


def loss_figure(
    lines: Mapping[str, Sequence[tuple[Sequence[float], Sequence[float]]]],
    chance: float = math.log(2),
    columns: int = 5,
) -> Figure:
    """A panel by each name: lines of losses over steps, the last one in colour, and that of chance, dotted."""
    figure, panels = new_panels(min(columns, max(1, len(lines))), 2.6, 2.1, max(1, math.ceil(len(lines) / columns)))
    for panel, (title, drawn) in zip(panels, lines.items(), strict=False):
        panel.axhline(chance, color=_QUIET, lw=0.8, ls=":")
        for number, (steps, losses) in enumerate(drawn, 1):
            panel.plot(steps, losses, color=SERIES[0] if number == len(drawn) else _QUIET, lw=1.3)
        panel.set_title(title, fontsize=9)
    for panel in panels[len(lines) :]:
        panel.set_axis_off()
    return figure
