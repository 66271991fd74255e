"""The Chinese notebooks: those in English cell for cell, with their Markdown translated.

notebooks/zh/00_setup.ipynb has the cells of notebooks/00_setup.ipynb, in their order and under their ids. Code cells
and outputs are the English notebook's own, so that nothing is run twice. A translated cell keeps a hash of the English
text that it translates in its metadata ("english"); a cell that has none still waits for its translation. In the clone:

python -m tools.chinese                            prints what is out of step
python -m tools.chinese --write                    takes over code, outputs, order and new cells; translations stay
python -m tools.chinese --accept 00_setup:text-03  says that the translation of this cell is right (00_setup: of all)
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import re
import sys
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from tools.stamp import BADGES
from w2l.base.files import atomic
from w2l.errors import W2LError

ROOT = Path(__file__).resolve().parents[1]
_MARK = "english"  # in a cell's metadata
# What no translation changes: code, formulas and numbers.
_KEPT = re.compile(r"```.*?```|`[^`]+`|\$\$.+?\$\$|\$[^$\n]+\$|\d+(?:[.,]\d+)*", re.DOTALL)


def pairs(root: Path = ROOT) -> dict[Path, Path]:
    """Each English notebook, and where its Chinese one lies."""
    return {path: path.parent / "zh" / path.name for path in sorted((root / "notebooks").glob("*.ipynb"))}


def hash_of(english: str) -> str:
    """A short hash of a cell's English text, whatever address is stamped into its badges."""
    return hashlib.sha256(BADGES.sub("", english).encode()).hexdigest()[:8]


def brought(english: NotebookNode, chinese: NotebookNode | None) -> NotebookNode:
    """The English notebook with those of its Markdown cells that have a translation replaced by that.

    A Markdown cell that the Chinese notebook lacks comes in English, and waits for its translation.
    """
    book = copy.deepcopy(english)
    there = {cell.id: cell for cell in chinese.cells if cell.cell_type == "markdown"} if chinese else {}
    for cell in book.cells:
        if cell.cell_type == "markdown" and (known := there.get(cell.id)):
            cell.source = known.source
            if _MARK in known.metadata:
                cell.metadata[_MARK] = known.metadata[_MARK]
    return book


def faults(english: NotebookNode, chinese: NotebookNode | None) -> list[str]:
    """What of a Chinese notebook is out of step with the English one, a line each; None where there is no such file."""
    book = brought(english, chinese)
    found = []
    for cell, new in zip(english.cells, book.cells, strict=True):
        if cell.cell_type != "markdown":
            continue
        state = new.metadata.get(_MARK)
        about = f"{cell.id} ({_first_words(cell.source)})"
        if state is None:
            found.append(f"{about} is not translated")
        elif state != hash_of(cell.source):
            found.append(f"{about} has changed in English since it was translated{_differ(cell.source, new.source)}")
        elif apart := _differ(cell.source, new.source):
            found.append(f"{about} says something else{apart}")
    if chinese is None:
        return found
    ids = {cell.id for cell in english.cells}
    gone = [cell for cell in chinese.cells if cell.id not in ids]
    found += [f"{cell.id} ({_first_words(cell.source)}) is no longer there in English" for cell in gone]
    if chinese != book and not gone:
        found.append("code, outputs, order or tags are not the English notebook's; run python -m tools.chinese --write")
    return found


def _first_words(text: str) -> str:
    """The first words of a cell, its badges left out."""
    words = " ".join(BADGES.sub("", text).split())
    return words if len(words) <= 40 else words[:39] + "…"


def _differ(english: str, chinese: str) -> str:
    """Which code, formulas and numbers stand in one of two texts only; "" for none."""
    one, other = (
        {found if found.startswith("```") else " ".join(found.split()) for found in _KEPT.findall(BADGES.sub("", text))}
        for text in (english, chinese)
    )
    sides = (("English", one - other), ("Chinese", other - one))
    return "".join(f"; only in {name}: {', '.join(sorted(map(_first_words, kept)))}" for name, kept in sides if kept)


def accept(english: NotebookNode, chinese: NotebookNode, name: str = "") -> None:
    """Writes down that a cell's translation (or, without a name, all of them) is that of the present English text.

    Cells that still stand in English are passed over, unless they are named. Raises W2LError for a cell that is not
    there.
    """
    texts = {cell.id: cell.source for cell in english.cells if cell.cell_type == "markdown"}
    if name and name not in texts:
        raise W2LError(f"there is no Markdown cell {name!r}; those there are: {', '.join(texts)}.")
    for cell in chinese.cells:
        if cell.id in texts and (cell.id == name or (not name and cell.source != texts[cell.id])):
            cell.metadata[_MARK] = hash_of(texts[cell.id])


def _read(path: Path) -> NotebookNode | None:
    return nbformat.read(path, as_version=4) if path.exists() else None


def _save(path: Path, book: NotebookNode) -> None:
    path.parent.mkdir(exist_ok=True)
    with atomic(path) as temporary:
        temporary.write_text(nbformat.writes(book, version=4).rstrip("\n") + "\n", encoding="utf8", newline="\n")


def _accept_named(wanted: str, root: Path) -> None:
    """Accepts NOTEBOOK or NOTEBOOK:CELL."""
    notebook, _, cell = wanted.partition(":")
    for source, path in pairs(root).items():
        if source.stem == notebook.removesuffix(".ipynb"):
            chinese = _read(path)
            if chinese is None:
                raise W2LError(f"{path} is not there yet; run with --write first.")
            accept(nbformat.read(source, as_version=4), chinese, cell)
            return _save(path, chinese)
    known = ", ".join(path.stem for path in pairs(root))
    raise W2LError(f"there is no notebook {notebook!r}; those there are: {known}.")


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """Lists, takes over or accepts; 1 if something is left to do, 2 for a cell or notebook that is not there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="take over what needs no translation")
    parser.add_argument(
        "--accept", nargs="+", default=[], metavar="NOTEBOOK[:CELL]", help="translations that are right"
    )
    options = parser.parse_args(arguments)
    try:
        for source, path in pairs(root).items() if options.write else ():
            _save(path, brought(nbformat.read(source, as_version=4), _read(path)))
        for wanted in options.accept:
            _accept_named(wanted, root)
    except W2LError as error:
        print(f"chinese: {error}", file=sys.stderr)
        return 2
    left = 0
    for source, path in pairs(root).items():
        for fault in faults(nbformat.read(source, as_version=4), _read(path)):
            print(f"{path.relative_to(root).as_posix()}: {fault}")
            left += 1
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
