"""A report: rows of figures, their means with intervals, and everything they depend on, in all its formats."""

from __future__ import annotations

import csv
import io
import json
import math
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from w2l.base import files
from w2l.evaluate.columns import COLUMNS, Column
from w2l.evaluate.metrics.bootstrap import Estimate, mean_interval
from w2l.evaluate.report import page
from w2l.evaluate.rows import ClipRow

FILES = ("report.html", "report.md", "report.csv", "report.json")  # of a report's folder


@dataclass
class Report:
    """What was measured. settings: options and sha256 of all weights. distances: Fréchet, by name of the features."""

    title: str
    rows: list[ClipRow]
    settings: dict[str, Any]
    distances: dict[str, float] = field(default_factory=dict)
    inputs: tuple[Path, ...] = ()  # the clips, which a report is never written over

    @property
    def columns(self) -> list[Column]:
        """The columns for which some row has a figure."""
        return [column for column in COLUMNS if any(column.key in row.figures for row in self.rows)]

    def mean(self, key: str) -> Estimate:
        """The mean of a column over the rows that have it; rows of one talker are resampled together."""
        values = [row.figures.get(key, math.nan) for row in self.rows]
        return mean_interval(values, groups=[row.talker or number for number, row in enumerate(self.rows)])

    @property
    def frame_cost(self) -> float:
        """Milliseconds of work per frame; NaN where nothing was measured."""
        frames = sum(row.frames for row in self.rows)
        return 1000 * sum(row.seconds for row in self.rows) / frames if frames else math.nan

    def cells(self) -> list[list[str]]:
        """The table: a header, a line for each row, and three at the end: mean, and its 95 % interval over clips."""
        columns = self.columns
        table = [["clip", *(column.title for column in columns)]]
        for row in self.rows:
            values = [row.figures.get(column.key, math.nan) for column in columns]
            shown = [_number(value, column.digits) for value, column in zip(values, columns, strict=True)]
            table.append([row.name, *shown])
        estimates = [(self.mean(column.key), max(1, column.digits)) for column in columns]
        for name, part in (("mean", "mean"), ("95 % from", "low"), ("to", "high")):
            table.append([name, *(_number(getattr(estimate, part), digits) for estimate, digits in estimates)])
        return table

    def remarks(self) -> list[str]:
        """Remarks in sentences: faults and notes by clip, distances, cost, and which networks measured."""
        said = [f"{row.name}: {row.fault}" for row in self.rows if row.fault]
        said += [f"{row.name}: {note}" for row in self.rows for note in row.notes]
        for name, value in self.distances.items():
            said.append(f"Fréchet distance of real and generated faces, features {name}: {value:.4g}")
        if math.isfinite(self.frame_cost):
            by = [name for name in self.settings if name.startswith(("expert ", "meter "))]
            measured = f"{sum(row.frames for row in self.rows)} frames measured, {self.frame_cost:.1f} ms each"
            said.append(f"{measured}, by {' and '.join(by)}" if by else measured)
        return said

    def to_text(self) -> str:
        """The report for a terminal."""
        table = self.cells()
        widths = [max(len(line[i]) for line in table) for i in range(len(table[0]))]
        lines = ["  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in table]
        if not self.columns:  # nothing could be measured
            return "\n".join(self.remarks())
        return "\n".join([self.title, "", *lines, "", *self.remarks()])

    def to_markdown(self) -> str:
        """The report as a Markdown document."""
        head, *lines = self.cells()
        table = ["| " + " | ".join(line) + " |" for line in (head, ["---"] * len(head), *lines)]
        meanings = [f"- **{column.title}**: {column.meaning}" for column in self.columns]
        settings = [f"- {name}: {value}" for name, value in self.settings.items()]
        said = [f"- {remark}" for remark in self.remarks()]
        parts = [f"# {self.title}", "", *table, "", *said, "", "## Columns", "", *meanings]
        return "\n".join([*parts, "", "## Settings", "", *settings, ""])

    def to_csv(self) -> str:
        """The rows as CSV: every figure unrounded, with faults and notes."""
        columns = self.columns
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["clip", *(column.key for column in columns), "frames", "fault", "notes"])
        for row in self.rows:
            values = [row.figures.get(column.key, "") for column in columns]
            writer.writerow([row.name, *values, row.frames, row.fault, " ".join(row.notes)])
        return out.getvalue()

    def to_json(self) -> str:
        """Rows, means and settings as JSON, for programs."""
        means = {column.key: asdict(self.mean(column.key)) for column in self.columns}
        rows = [
            {"clip": row.name, "fault": row.fault, "notes": row.notes, "frames": row.frames, **row.figures}
            for row in self.rows
        ]
        facts = {"title": self.title, "settings": self.settings, "distances": self.distances}
        return json.dumps(_without_nan({**facts, "means": means, "rows": rows}), indent=1) + "\n"

    def write(self, folder: str | os.PathLike[str]) -> list[Path]:
        """Writes report.html, .md, .csv and .json into a folder; returns their paths.

        Raises W2LError when they cannot be written, or when one of them is among the inputs.
        """
        texts = (page.to_html(self), self.to_markdown(), self.to_csv(), self.to_json())
        truths = [clip.with_suffix(".json") for clip in self.inputs]  # beside the clips of the synthetic talker
        with files.keeping(*self.inputs, *truths):
            for name in FILES:
                files.check_output(Path(folder) / name)
            return [files.write_text(Path(folder) / name, text) for name, text in zip(FILES, texts, strict=True)]


def _number(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if math.isfinite(value) else "–"


def _without_nan(value: Any) -> Any:
    """The same with null for NaN, which JSON does not have."""
    if isinstance(value, dict):
        return {key: _without_nan(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
