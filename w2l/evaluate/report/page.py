"""A report as one self-contained HTML page, with its charts (SVG) and strips of faces (JPEG) inside."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from w2l.base import files
from w2l.evaluate.columns import Column
from w2l.evaluate.report.figures import sync_figure, time_figure, to_svg
from w2l.evaluate.rows import ClipRow
from w2l.sync.curve import SyncCurve

_QUALITY = 88  # of the strips' JPEG
_FEW = 6  # clips up to which all details are open
_STYLE = """
:root{color-scheme:light}
body{font:15px/1.5 system-ui,sans-serif;color:#26323a;background:#fbfbfa}
body{max-width:1120px;margin:28px auto;padding:0 20px}
h1{font-size:24px;margin:0 0 4px}h2{font-size:18px;margin:30px 0 8px}.quiet{color:#66737c}
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:13px;background:#fff}
th,td{padding:5px 8px;border-bottom:1px solid #e3e7ea;text-align:right;white-space:nowrap}
th:first-child,td:first-child{text-align:left}th{border-bottom:2px solid #b9c3c9}
.mean td{font-weight:600;background:#f3f5f6}.fault{color:#a3320b;text-align:left!important}
details{background:#fff;border:1px solid #e3e7ea;border-radius:6px;margin:10px 0;padding:8px 14px}
summary{cursor:pointer;font-weight:600}.charts{display:flex;flex-wrap:wrap;gap:10px;margin:8px 0}
img,svg{max-width:100%;height:auto}img{display:block;margin:6px 0}dt{font-weight:600}dd{margin:0 0 4px 18px}
code{font-size:12px;overflow-wrap:anywhere}
"""


class Tabled(Protocol):
    """What a page shows: a `Report`."""

    title: str
    rows: list[ClipRow]
    settings: dict[str, Any]

    @property
    def columns(self) -> list[Column]:
        """The columns that have a figure."""

    def cells(self) -> list[list[str]]:
        """The table."""

    def remarks(self) -> list[str]:
        """Remarks in sentences."""


def to_html(report: Tabled) -> str:
    """The whole page."""
    head = f"<title>{escape(report.title)}</title><style>{_STYLE}</style>"
    date = f"{report.settings.get('date', '')}, {report.settings.get('machine', '')}"
    parts = [f"<h1>{escape(report.title)}</h1>", f'<p class="quiet">w2l evaluate, {escape(date)}</p>']
    parts += [_table(report), _list(report.remarks()), _summary(report), "<h2>Clip by clip</h2>"]
    parts += [_details(row, len(report.rows) <= _FEW) for row in report.rows if not row.fault]
    parts.append("<h2>Columns</h2><dl>")
    parts += [f"<dt>{escape(c.title)}</dt><dd>{escape(c.meaning)}{_better(c.better)}</dd>" for c in report.columns]
    parts.append("</dl><h2>Settings and weights</h2><dl>")
    parts += [f"<dt>{escape(k)}</dt><dd><code>{escape(str(v))}</code></dd>" for k, v in report.settings.items()]
    body = "\n".join([*parts, "</dl>"])
    return f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">{head}</head>\n<body>{body}</body></html>\n'


def write(path: Path, title: str, charts: Sequence[str], markdown: str) -> Path:
    """Writes a page of charts (SVG) above a Markdown document, whose paragraphs, lists and tables are rendered."""
    head = f"<title>{escape(title)}</title><style>{_STYLE}</style>"
    body = f'<h1>{escape(title)}</h1><div class="charts">{"".join(charts)}</div>{_set(markdown)}'
    start = f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">{head}</head>\n'
    return files.write_text(path, f"{start}<body>{body}</body></html>\n")


def _set(markdown: str) -> str:
    """Markdown as HTML: tables, list items and paragraphs."""
    parts: list[str] = []
    table: list[str] = []
    for line in [*markdown.splitlines(), ""]:
        if line.startswith("|"):
            if not set(line) <= set("|- "):
                tag = "td" if table else "th"
                cells = [f"<{tag}>{escape(cell.strip())}</{tag}>" for cell in line.strip("|").split("|")]
                table.append("<tr>" + "".join(cells) + "</tr>")
            continue
        if table:
            parts.append('<div class="wide"><table>' + "".join(table) + "</table></div>")
            table = []
        if line.startswith("- "):
            parts.append(f"<li>{escape(line[2:])}</li>")
        elif line:
            parts.append(f"<p>{escape(line)}</p>")
    return "\n".join(parts)


def data_uri(picture: np.ndarray) -> str:
    """A picture (H, W, 3) uint8 BGR as a JPEG inside the page."""
    data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1]
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode("ascii")


def _better(word: str) -> str:
    return {"up": "; higher is better", "down": "; lower is better"}.get(word, "")


def _list(said: list[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(one)}</li>" for one in said) + "</ul>" if said else ""


def _table(report: Tabled) -> str:
    head, *lines = report.cells()
    lines, means = lines[: len(report.rows)], lines[len(report.rows) :]
    columns = "".join(f'<th title="{escape(c.meaning)}">{escape(c.title)}</th>' for c in report.columns)
    rows = [f"<tr><th>{escape(head[0])}</th>{columns}</tr>"]
    for row, line in zip(report.rows, lines, strict=True):
        if row.fault:
            rows.append(f'<tr><td>{escape(row.name)}</td><td class="fault" colspan="99">{escape(row.fault)}</td></tr>')
        else:
            rows.append("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in line) + "</tr>")
    rows += ['<tr class="mean">' + "".join(f"<td>{escape(cell)}</td>" for cell in line) + "</tr>" for line in means]
    return '<div class="wide"><table>' + "\n".join(rows) + "</table></div>"


def _summary(report: Tabled) -> str:
    """The mean curve over all clips, for each kind of expert."""
    found = [row.sync for row in report.rows if row.sync is not None]
    if len(found) < 2:
        return ""
    charts = []
    for measure in sorted({one.measure for one in found}):
        of = [one for one in found if one.measure == measure and len(one.shifts) == len(found[0].shifts)]
        if of:
            mean = SyncCurve(of[0].shifts, np.mean([one.curve for one in of], axis=0), measure)
            charts.append(to_svg(sync_figure({"mean": mean}, f"Mean of {len(of)} clips")))
    return '<div class="charts">' + "".join(charts) + "</div>"


def _details(row: ClipRow, opened: bool) -> str:
    charts = []
    if row.sync is not None:
        charts.append(sync_figure({row.name: row.sync}, "", 4.3, 2.5))
        charts.append(time_figure({"confidence": row.sync.frames}, "Confidence over time", "confidence"))
    if row.openings is not None:
        generated, true = row.openings
        charts.append(time_figure({"true": true, "generated": generated}, "Opening of the mouth", "pixels of the crop"))
    strip = ""
    if row.strip is not None:
        said = "real clip above, generated clip below" if row.strip_is_double else "faces over time"
        strip = f'<img src="{data_uri(row.strip)}" alt="{escape(said)}"><p class="quiet">{said}</p>'
    return (
        f"<details{' open' if opened else ''}><summary>{escape(row.name)}</summary>{_list(list(row.notes))}"
        f'<div class="charts">{"".join(map(to_svg, charts))}</div>{strip}</details>'
    )
