"""Every notebook runs top to bottom in fast mode, its solutions are right, its committed outputs are current."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from notebook_runner import code_hash

from w2l.notebook.checks import check

NOTEBOOKS = sorted((Path(__file__).resolve().parents[1] / "notebooks").glob("*.ipynb"))
RUNNER = Path(__file__).with_name("notebook_runner.py")
MOST_SECONDS = 180

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


@pytest.mark.slow
@each_notebook
def test_runs_top_to_bottom(path, tmp_path):
    """In a process of its own. Whatever a cell prints to stderr is noise that students would see."""
    environment = {**os.environ, "W2L_FAST": "1", "W2L_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, RUNNER, path], env=environment, capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.stdout, done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    print(f"{path.name}: {report['ran']} of {report['cells']} code cells, {report['seconds']} s")
    assert not report["errors"], report["errors"]
    assert report["ran"] == report["cells"] > 0
    assert not report["wrong"]
    assert not report["unsolved"]
    assert not report["noise"]
    assert report["seconds"] < MOST_SECONDS


@each_notebook
def test_craft(path):
    """Exercises are checked and solved; code is led by prose; nothing is left of the machine that made the outputs."""
    cells = nbformat.read(path, as_version=4).cells
    tags = [tag for cell in cells for tag in cell.metadata.get("tags", [])]
    assert tags.count("exercise") == tags.count("check") == tags.count("solution") >= 3
    assert tags.count("parameters") == 1
    code = [i for i, cell in enumerate(cells) if cell.cell_type == "code"]
    led = [i for i in code if cells[i - 1].cell_type == "markdown" or "check" in cells[i].metadata.get("tags", [])]
    assert len(led) >= 0.9 * len(code)
    for cell in cells:
        if cell.cell_type == "code":
            assert cell.execution_count is None
            assert sum(len(str(output.get("text", "")).splitlines()) for output in cell.outputs) <= 20


@each_notebook
def test_committed_outputs_are_current(path):
    """No code cell changed since the outputs were made; a notebook without outputs has nothing to be stale."""
    notebook = nbformat.read(path, as_version=4)
    made = notebook.metadata.get("w2l")
    if made is None:
        assert not any(cell.get("outputs") for cell in notebook.cells), "outputs of unknown origin: run with --write"
        pytest.skip(f"{path.name} has no committed outputs")
    assert made["code"] == code_hash(notebook), f"run python tests/notebook_runner.py notebooks/{path.name} --write"


@pytest.mark.parametrize(
    ("yours", "expected", "line", "agrees"),
    [
        (3, 3, "✓ n: got 3, expected 3", True),
        (3, 4, "✗ n: got 3, expected 4", False),
        (None, 4, "○ n: no answer yet", False),
        (True, True, "✓ n: got True, expected True", True),
        (1, True, "✓ n: got 1, expected True", True),
        ("a", "b", "✗ n: got 'a', expected 'b'", False),
        ([1, 2], [1, 2, 3], "✗ n: got [1, 2], expected [1, 2, 3]", False),
    ],
)
def test_check_says_what_it_compared(yours, expected, line, agrees, capsys):
    assert check("n", yours, expected) is agrees
    assert capsys.readouterr().out == line + "\n"


def test_check_takes_a_tolerance(capsys):
    assert check("n", 1.04, 1.0, tolerance=0.05)
    assert not check("n", 1.06, 1.0, tolerance=0.05)
    assert "±0.05" in capsys.readouterr().out
