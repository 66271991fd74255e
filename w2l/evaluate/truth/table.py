"""The table of systems: a line for each, kept in a Markdown file between marks, one table for each test set."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from w2l.base import files
from w2l.errors import W2LError
from w2l.evaluate.columns import COLUMNS
from w2l.evaluate.report.tables import Report

_KEYS = (
    *("opening_r", "width_r", "opening_r_old", "width_r_old", "leak", "lag", "amplitude", "closures", "rest"),
    *("rest_jitter", "sharpness", "outside", "offset", "confidence", "lse_d", "lse_c"),
)
_DIGITS = {"outside": 4, "lag": 1, "offset": 1}
_TITLES = {column.key: column.title for column in COLUMNS}
HEAD = ("system", "pictures", "clips", *(_TITLES[key] for key in _KEYS))


def row_of(report: Report) -> tuple[str, ...]:
    """A system's line: its name, what its pictures show, how many clips were scored, and means with intervals."""
    scored, asked = sum(not row.fault for row in report.rows), len(report.rows)
    told = [report.mean(key).text(_DIGITS.get(key, 2)) for key in _KEYS]
    return (report.settings["system"], report.settings["pictures"], f"{scored} of {asked}", *told)


def to_text(report: Report) -> str:
    """A system's figures for a terminal, one under the other, and what is to be said of its clips."""
    told = {_TITLES[key]: report.mean(key).text(_DIGITS.get(key, 2)) for key in _KEYS if report.mean(key).count}
    width = max(map(len, told))
    meanings = {column.title: column.meaning for column in report.columns}
    lines = [f"{title.ljust(width)}  {value.ljust(22)} {meanings[title]}" for title, value in told.items()]
    facts = f"{report.settings['scored']}; lag taken out: {report.settings['lag taken out']}"
    return "\n".join([f"{report.title} ({report.settings['pictures']})", facts, *lines, *report.remarks(), ""])


def to_markdown(rows: Sequence[Sequence[str]]) -> str:
    """The lines of systems under their titles."""
    lines = [HEAD, ["---"] * len(HEAD), *rows]
    return "\n".join("| " + " | ".join(one.replace("|", "/") for one in line) + " |" for line in lines)


def add(path: str | os.PathLike[str], checksum: str, row: Sequence[str]) -> Path:
    """Puts a system's line into the table of a test set in a Markdown file, in place of an older one of that system.

    The rest of the file stays; a file or table that is not there is begun. Raises W2LError when it cannot be read.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf8") if path.exists() else ""
    except (OSError, ValueError) as error:
        raise W2LError(f"{path} cannot be read as text ({error}); give a Markdown file.") from error
    start, end = f"<!-- test set {checksum} -->\n", f"<!-- /test set {checksum} -->"
    found = re.search(re.escape(start) + "(.*?)" + re.escape(end), text, re.DOTALL)
    rows = _rows(found[1]) if found else {}
    rows[tuple(row[:2])] = row
    block = f"{start}{to_markdown(list(rows.values()))}\n{end}"
    if found:
        text = text[: found.start()] + block + text[found.end() :]
    else:
        text = f"{text}\n{block}\n" if text else f"{block}\n"
    return files.write_text(path, text)


def _rows(table: str) -> dict[tuple[str, ...], Sequence[str]]:
    """The lines of a table by system and pictures, without its head."""
    lines = [line.strip().strip("|").split(" | ") for line in table.splitlines()[2:] if line.startswith("|")]
    cells = [[cell.strip() for cell in line] for line in lines]
    return {tuple(line[:2]): line for line in cells if len(line) == len(HEAD)}
