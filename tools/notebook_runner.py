"""Runs a notebook top to bottom: in a fresh folder, with its own kernel, exercises first open and then solved.

python tools/notebook_runner.py NOTEBOOK          runs it and prints what happened as JSON
python tools/notebook_runner.py NOTEBOOK --write  also saves the outputs into it, made light for git
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import io
import json
import os
import re
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

WRONG, OPEN = "✗", "○"  # as in w2l.notebook.checks
_CELL_SECONDS = 2700  # a training on one busy core
_WIDGET = "application/vnd.jupyter.widget-view+json"
_KIT = re.compile(r"^KIT = .*$", re.MULTILINE)  # what `tools.stamp` writes, which changes no output
_SOLUTION = re.compile(r"```python\n(.*?)```", re.DOTALL)


@dataclass
class Run:
    """What happened."""

    cells: int = 0  # code cells of the notebook
    ran: int = 0  # those that were executed
    seconds: float = 0.0  # elapsed
    cpu_seconds: float = 0.0  # of processor time, the same however busy the machine is
    errors: list[str] = field(default_factory=list)  # errors in cells without the tag raises-exception
    noise: list[str] = field(default_factory=list)  # what was written to stderr: warnings, bars
    wrong: list[str] = field(default_factory=list)  # checks that failed
    unsolved: list[str] = field(default_factory=list)  # checks without an answer after the solution has run


def run(path: Path, solve: bool = True) -> tuple[nbformat.NotebookNode, Run]:
    """Executes the notebook in an empty folder; with `solve`, each solution and its check run after the open check."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.update(outputs=[], execution_count=None)
    own = len(notebook.cells)
    if solve:
        notebook.cells = _with_solutions(notebook.cells)
    start, before = time.perf_counter(), _cpu()
    failed = ""
    with tempfile.TemporaryDirectory() as folder:
        where = {"metadata": {"path": folder}}
        client = NotebookClient(
            notebook, timeout=_CELL_SECONDS, store_widget_state=False, record_timing=False, resources=where
        )
        os.environ.setdefault("W2L_HOME", ".")  # results go to the fresh folder
        try:
            client.execute()
        except CellExecutionError as error:
            failed = str(error)
    report = _report(notebook.cells, time.perf_counter() - start)
    report.cpu_seconds = round(_cpu() - before, 1)
    report.errors += [failed] if failed else []
    notebook.cells = [cell for cell in notebook.cells if not cell.metadata.get("added")]
    assert len(notebook.cells) == own
    return notebook, report


def _cpu() -> float:
    """Processor seconds of child processes that have ended, kernels among them; 0 on Windows, which does not say."""
    try:
        import resource
    except ImportError:
        return 0.0
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def code_hash(notebook: nbformat.NotebookNode) -> str:
    """A hash that tells whether code cells have changed since the outputs were made."""
    sources = [_KIT.sub("", cell.source) for cell in notebook.cells if cell.cell_type == "code"]
    return hashlib.sha256("\0".join(sources).encode()).hexdigest()[:16]


def _with_solutions(cells: list[Any]) -> list[Any]:
    """After each folded solution: a cell with its code, and the check cell before it once more."""
    out: list[Any] = []
    check = None
    for cell in cells:
        out.append(cell)
        tags = cell.metadata.get("tags", [])
        if "check" in tags:
            check = cell
        if "solution" in tags:
            (source,) = _SOLUTION.findall(cell.source)
            assert check is not None, "a solution comes before the first check"
            added = {"added": True, "solved": True}
            out += [nbformat.v4.new_code_cell(text, metadata=added) for text in (source, check.source)]
    return out


def _report(cells: list[Any], seconds: float) -> Run:
    report = Run(seconds=round(seconds, 1))
    for cell in cells:
        if cell.cell_type != "code":
            continue
        if not cell.metadata.get("added"):
            report.cells += 1
            report.ran += cell.execution_count is not None
        for output in cell.outputs:
            text = output.get("text", "")
            if output.output_type == "error" and "raises-exception" not in cell.metadata.get("tags", []):
                report.errors.append(f"{output.ename}: {output.evalue}")
            if output.get("name") == "stderr":
                report.noise.append(text)
            report.wrong += [line for line in text.splitlines() if line.startswith(WRONG)]
            if cell.metadata.get("solved"):
                report.unsolved += [line for line in text.splitlines() if line.startswith(OPEN)]
    return report


def _lighten(notebook: nbformat.NotebookNode) -> None:
    """Removes what is too heavy for git, changes from run to run, or belongs to one machine."""
    notebook.metadata.pop("widgets", None)
    notebook.metadata["language_info"] = {"name": "python"}
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        cell.execution_count = None
        cell.metadata.pop("execution", None)
        for output in cell.outputs:
            output.pop("execution_count", None)
            if output.output_type == "execute_result":
                output["execution_count"] = None
            data = output.get("data", {})
            for kind in {"image/png", "image/jpeg"} & data.keys():
                data[kind] = _smaller(data[kind], kind)
            data.pop(_WIDGET, None)  # a view without its widget would show as an error; its picture stays
            for tag, words in (
                ("<video", "a film with sound: run this cell to see it"),
                ("<audio", "a sound: run this cell to hear it"),
            ):
                if tag in data.get("text/html", ""):
                    data.pop("text/html")
                    data["text/plain"] = f"({words})"


def _smaller(coded: str, kind: str) -> str:
    """A chart with 96 colours of its own, a photograph at quality 50, where that is smaller: mouths stay as sharp as a
    screen shows them."""
    from PIL import Image

    file, picture = io.BytesIO(), Image.open(io.BytesIO(base64.b64decode(coded))).convert("RGB")
    if kind == "image/png":
        picture.quantize(96, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
    else:
        picture.save(file, "JPEG", quality=50, optimize=True)
    return min(coded, base64.b64encode(file.getvalue()).decode("ascii"), key=len)


def main() -> int:
    """Runs one notebook; 1 when a cell failed or a check was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebook", type=Path)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    notebook, report = run(options.notebook, solve=not options.write)
    print(json.dumps(asdict(report), ensure_ascii=False))
    if report.errors or report.wrong or report.ran < report.cells:
        return 1
    if options.write:
        _lighten(notebook)
        notebook.metadata["w2l"] = {
            "code": code_hash(notebook),
            "seconds": report.seconds,
            "cpu_seconds": report.cpu_seconds,
            "cores": os.cpu_count(),
        }
        text = nbformat.writes(notebook, version=4).rstrip("\n") + "\n"
        options.notebook.write_text(text, encoding="utf8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
