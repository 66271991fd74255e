"""Figures: what is drawn is what was measured, whatever the values, and the same bytes each time."""

from __future__ import annotations

import math
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from w2l.evaluate.metrics.bootstrap import mean_interval
from w2l.evaluate.report import figures
from w2l.sync.curve import SyncCurve


@pytest.mark.parametrize("values", [[], [1.0], [2.0, 2.0], [math.nan, 1.0], [-1e9, 1e9], [1e-7, 2e-7]])
def test_figures_are_well_formed_whatever_the_values(values):
    found = [mean_interval([value]) for value in values]
    figure, (above, below) = figures.new_panels(1, 4, 2, rows=2)
    figures.draw_intervals(above, [("a < b & c", one, [one.mean]) for one in found], "<title>", "x")
    figures.draw_bands(below, {"a < b & c": found}, [str(value) for value in values], "<title>", "x")
    over_time = figures.time_figure({"a < b & c": np.array(values), "b": np.array(values)}, "<title>", "y")
    for drawn in (figure, over_time):
        chart = figures.to_svg(drawn)
        assert chart.startswith("<svg") and "&lt;title&gt;" in chart
        ElementTree.fromstring(chart)


def test_points_lie_where_their_values_are():
    curve = SyncCurve(np.arange(-2, 3), np.array([0.1, 0.2, 0.3, 0.9, 0.4]))
    (axes,) = figures.sync_figure({"a": curve}, "one clip").axes
    line, mark = axes.lines
    assert line.get_xdata().tolist() == [-2, -1, 0, 1, 2] and line.get_ydata().tolist() == curve.curve.tolist()
    assert (mark.get_xdata(), mark.get_ydata()) == ([1], [0.9])
    assert axes.get_title() == "one clip: offset +1, confidence 0.60" and axes.get_ylabel() == "mean cosine"
    both = figures.sync_figure({"a": curve, "b": SyncCurve(curve.shifts, curve.curve, "distance")}, "two").axes[0]
    names = [text.get_text() for text in both.get_legend().get_texts()]
    assert names == ["a: offset +1, confidence 0.60", "b: offset -2, confidence 0.20"]


def test_long_clips_are_thinned():
    (axes,) = figures.time_figure({"a": np.arange(25 * 600.0)}, "", "").axes
    seconds = axes.lines[0].get_xdata()
    assert len(seconds) <= 625 and seconds[-1] > 598 and (axes.lines[0].get_ydata() == seconds * 25).all()


def test_the_same_figure_is_the_same_bytes():
    """Also from another process; and no plotting window, nor anything of pyplot, is needed."""
    code = (
        "import sys, numpy as np; from w2l.evaluate.report import figures; "
        "print(figures.to_svg(figures.time_figure({'a': np.arange(9.0)}, 't', 'y'))); "
        "assert 'matplotlib.pyplot' not in sys.modules and 'torch' not in sys.modules"
    )
    drawn = {subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout for _ in range(2)}
    here = figures.to_svg(figures.time_figure({"a": np.arange(9.0)}, "t", "y"))
    assert {text.decode().strip() for text in drawn} == {here}
