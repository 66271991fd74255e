"""Lists and tables that users write, in the forms in which editors, spreadsheets and other systems save them."""

from __future__ import annotations

import codecs
import csv
import io
import os
from collections.abc import Sequence
from pathlib import Path

from w2l.base.files import AnyPath
from w2l.errors import W2LError

_DELIMITERS = ",;\t|"
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_list(path: AnyPath) -> list[str]:
    """The lines of a list of files, stripped, without blank ones and comments (#).

    UTF-8 and UTF-16 are recognised. Bytes that are not UTF-8 stay as they are in file names. Raises OSError.
    """
    data = Path(path).read_bytes()
    try:
        text = _decode(data)
    except UnicodeDecodeError:
        text = data.decode("utf-8-sig", "surrogateescape")
    lines = (line.strip() for line in text.replace("\r", "\n").split("\n"))
    return [line for line in lines if line and not line.startswith("#")]


def read_table(path: AnyPath, needed: Sequence[str], lack: str) -> list[dict[str, str]]:
    """The rows of a CSV file by its headings, in lower case; "row" is the number of a row's last line in the file.

    Columns may be parted by commas, semicolons, tabs or bars. needed: the columns that it must have. lack: such as
    "names no speakers", for errors. Raises W2LError when it cannot be read, or lacks a column or rows.
    """
    wanted = f"the columns {', '.join(needed)}"
    try:
        lines, before = _table_lines(_decode(Path(path).read_bytes()))
        heads = {mark: _headings(lines[0] if lines else "", mark) for mark in _DELIMITERS}
        mark = max(heads, key=lambda mark: (len(set(needed) & set(heads[mark])), len(heads[mark])))
        head, reader = heads[mark], csv.reader(lines[1:], delimiter=mark, skipinitialspace=True)
        found = [(before + 1 + reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise W2LError(f"{path} cannot be read as a table ({error}); give a CSV file in UTF-8.") from error
    if not lines:
        raise W2LError(f"{path} {lack}; give a CSV file whose first row names {wanted}.")
    if missing := [name for name in needed if name not in head]:
        raise W2LError(
            f"{path} {lack}: its first row is {', '.join(map(repr, head))}, without {' and '.join(missing)}; it must "
            f"name {wanted}."
        )
    rows = [{**dict(zip(head, row, strict=False)), "row": str(number)} for number, row in found if any(row)]
    if not rows:
        raise W2LError(f"{path} {lack}: nothing follows its first row; add some rows.")
    return rows


def spellings(name: str) -> list[str]:
    """How a file may be written that a list or a table calls so: as it is, with slashes, without a leading slash."""
    slashes = name.replace("\\", "/")
    return list(dict.fromkeys([name, slashes, slashes.lstrip("/")]))


def named(folder: AnyPath, name: str) -> Path:
    """The file that a list or table names, relative to a folder; where there is none, its path as it is written."""
    places = [Path(folder) / spelled for spelled in spellings(name)]
    return next((place for place in places if os.path.lexists(place)), places[0])


def _decode(data: bytes) -> str:
    if data.startswith(_UTF_16):
        return data.decode("utf-16")
    if b"\0" in data[:2]:  # UTF-16 without a mark; names begin with a letter that needs one byte
        return data.decode("utf-16-be" if data[:1] == b"\0" else "utf-16-le")
    return data.decode("utf-8-sig")


def _table_lines(text: str) -> tuple[list[str], int]:
    """The lines from the headings on, and how many are before them: blank ones, and Excel's "sep=;"."""
    lines = io.StringIO(text, newline=None).read().split("\n")
    before = 0
    while before < len(lines) and (not lines[before].strip() or lines[before].lower().startswith("sep=")):
        before += 1
    return [line + "\n" for line in lines[before:]], before


def _headings(line: str, mark: str) -> list[str]:
    """The headings if this character parts the columns."""
    cells = next(csv.reader([line], delimiter=mark, skipinitialspace=True), [])
    return [cell.strip().strip("'\"").strip().lower() for cell in cells]
