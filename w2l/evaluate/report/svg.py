"""Small charts as SVG, written by hand: sharp at any size, and readable without a plotting package."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

COLOURS = ("#2f6db3", "#d1632a", "#3d8f5f", "#8a5aa8", "#b08a1e", "#555555")  # told apart by the colour-blind
_INK, _QUIET, _GRID = "#26323a", "#66737c", "#dde3e7"
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 26, 40


@dataclass(frozen=True)
class Series:
    """A line: label, x and y of its points (NaN: a gap), with bars from low to high where these are given."""

    label: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None
    points: bool = False


def line_chart(
    series: Sequence[Series],
    title: str,
    x_label: str,
    y_label: str,
    size: tuple[int, int] = (430, 250),
    x_ticks: Sequence[tuple[float, str]] | None = None,
    mark_x: float | None = None,
    y_range: tuple[float, float] | None = None,
) -> str:
    """One chart. x_ticks: places and their names (default: round numbers). mark_x: where a dashed line stands."""
    width, height = size
    xs = [x for one in series for x in one.x]
    ys = [y for one in series for group in (one.y, one.low or (), one.high or ()) for y in group if math.isfinite(y)]
    x_low, x_high = _padded(min(xs, default=0.0), max(xs, default=1.0), 0.0 if x_ticks is None else 0.08)
    y_low, y_high = y_range or _padded(min(ys, default=0.0), max(ys, default=1.0), 0.06)

    def place(x: float, y: float) -> tuple[float, float]:
        across = _LEFT + (x - x_low) / (x_high - x_low) * (width - _LEFT - _RIGHT)
        return across, height - _BOTTOM - (y - y_low) / (y_high - y_low) * (height - _TOP - _BOTTOM)

    parts = [_text(_LEFT, 15, title, 12.5, _INK, weight=600)]
    for tick in _ticks(y_low, y_high):
        _, y = place(x_low, tick)
        parts.append(f'<path d="M{_LEFT} {y:.1f}H{width - _RIGHT}" stroke="{_GRID}"/>')
        parts.append(_text(_LEFT - 6, y + 3.5, f"{tick:g}", 10, _QUIET, "end"))
    for tick, name in x_ticks if x_ticks is not None else [(t, f"{t:g}") for t in _ticks(x_low, x_high)]:
        x, _ = place(tick, y_low)
        parts.append(_text(x, height - _BOTTOM + 14, name, 10, _QUIET, "middle"))
    if mark_x is not None:
        x, _ = place(mark_x, y_low)
        parts.append(f'<path d="M{x:.1f} {_TOP}V{height - _BOTTOM}" stroke="{_QUIET}" stroke-dasharray="3 3"/>')
    for number, one in enumerate(series):
        parts += _drawn(one, COLOURS[number % len(COLOURS)], place)
    parts.append(_text((_LEFT + width - _RIGHT) / 2, height - 8, x_label, 10.5, _QUIET, "middle"))
    parts.append(
        f'<text transform="translate(12 {(_TOP + height - _BOTTOM) / 2:.0f}) rotate(-90)" text-anchor="middle" '
        f'font-size="10.5" fill="{_QUIET}">{escape(y_label)}</text>'
    )
    if len(series) > 1:
        parts += _legend([one.label for one in series], width)
    return _svg(width, height, parts)


def dot_chart(
    rows: Sequence[tuple[str, float, float, float]], title: str, x_label: str, width: int = 430, best: str = ""
) -> str:
    """Means with their intervals, one under another. rows: label, mean, low, high (NaN: no interval). best: the label
    that is drawn in colour."""
    left, step = 10 + 6.4 * max((len(row[0]) for row in rows), default=1), 24
    height = 34 + step * len(rows) + 34
    values = [v for row in rows for v in row[1:] if math.isfinite(v)]
    low, high = _padded(min(values, default=0.0), max(values, default=1.0), 0.08)

    def across(value: float) -> float:
        return left + (value - low) / (high - low) * (width - left - 16)

    parts = [_text(10, 17, title, 12.5, _INK, weight=600)]
    for tick in _ticks(low, high):
        parts.append(f'<path d="M{across(tick):.1f} 28V{height - 32}" stroke="{_GRID}"/>')
        parts.append(_text(across(tick), height - 20, f"{tick:g}", 10, _QUIET, "middle"))
    for number, (label, mean, bottom, top) in enumerate(rows):
        y, colour = 42 + step * number, COLOURS[1] if label == best else COLOURS[0]
        parts.append(_text(left - 8, y + 3.5, label, 10.5, _INK, "end"))
        if math.isfinite(bottom) and math.isfinite(top):
            parts.append(f'<path d="M{across(bottom):.1f} {y}H{across(top):.1f}" stroke="{colour}" stroke-width="2"/>')
        if math.isfinite(mean):
            parts.append(f'<circle cx="{across(mean):.1f}" cy="{y}" r="4" fill="{colour}"/>')
    parts.append(_text((left + width) / 2, height - 6, x_label, 10.5, _QUIET, "middle"))
    return _svg(width, height, parts)


def stack(charts: Sequence[str]) -> str:
    """Charts under one another, as one picture."""
    sizes = [tuple(int(v) for v in re.findall(r'(?:width|height)="(\d+)"', chart)[:2]) for chart in charts]
    parts, y = [], 0
    for chart, (_, height) in zip(charts, sizes, strict=True):
        parts.append(chart.replace("<svg ", f'<svg y="{y}" ', 1))
        y += height
    return _svg(max(width for width, _ in sizes), y, parts)


def _drawn(one: Series, colour: str, place: object) -> list[str]:
    at = place  # a function (x, y) -> pixels
    parts = []
    path, open_ = [], False
    for x, y in zip(one.x, one.y, strict=True):
        if not math.isfinite(y):
            open_ = False
            continue
        px, py = at(x, y)  # type: ignore[operator]
        path.append(f"{'L' if open_ else 'M'}{px:.1f} {py:.1f}")
        open_ = True
        if one.points:
            parts.append(f'<circle cx="{px:.1f}" cy="{py:.1f}" r="3" fill="{colour}"/>')
    if one.low is not None and one.high is not None:
        for x, low, high in zip(one.x, one.low, one.high, strict=True):
            if math.isfinite(low) and math.isfinite(high):
                (px, top), (_, bottom) = at(x, high), at(x, low)  # type: ignore[operator]
                parts.append(f'<path d="M{px:.1f} {top:.1f}V{bottom:.1f}" stroke="{colour}" opacity="0.55"/>')
    return [f'<path d="{"".join(path)}" fill="none" stroke="{colour}" stroke-width="1.8"/>', *parts]


def _legend(labels: Sequence[str], width: int) -> list[str]:
    parts, x = [], float(width - _RIGHT)
    for number in reversed(range(len(labels))):
        x -= 6.2 * len(labels[number]) + 8
        parts.append(_text(x, 15, labels[number], 10.5, COLOURS[number % len(COLOURS)], weight=600))
    return parts


def _padded(low: float, high: float, share: float) -> tuple[float, float]:
    if high - low < 1e-9:
        return low - 0.5, high + 0.5
    return low - share * (high - low), high + share * (high - low)


def _ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers from low to high."""
    rough = (high - low) / most
    power = 10 ** math.floor(math.log10(rough))
    step = next(power * m for m in (1, 2, 5, 10) if power * m >= rough)
    first = math.ceil(low / step - 1e-9)
    return [round(n * step, 12) for n in range(first, math.floor(high / step + 1e-9) + 1)]


def _text(x: float, y: float, said: str, size: float, colour: str, anchor: str = "start", weight: int = 400) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{colour}" text-anchor="{anchor}" '
        f'font-weight="{weight}">{escape(said)}</text>'
    )


def _svg(width: float, height: float, parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="system-ui, sans-serif">'
        f'<rect width="100%" height="100%" fill="#ffffff"/>{"".join(parts)}</svg>'
    )
