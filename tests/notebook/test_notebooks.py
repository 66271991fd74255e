"""Every notebook runs top to bottom in fast mode, its solutions are right, its committed outputs are current."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import nbformat
import numpy as np
import pytest
from helpers.places import ROOT

from tools.notebook_runner import code_hash
from w2l.errors import W2LError
from w2l.notebook import plots, setup
from w2l.notebook.checks import check

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
CHINESE = sorted((ROOT / "notebooks/zh").glob("*.ipynb"))  # with the same code: tests/tools/test_chinese.py
RUNNER = ROOT / "tools" / "notebook_runner.py"
MOST_CPU_SECONDS = 200  # of one notebook in fast mode; six of them shall take 8 minutes on two cores

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
in_both_languages = pytest.mark.parametrize(
    "path", NOTEBOOKS + CHINESE, ids=lambda path: f"{path.parent.name}/{path.stem}"
)


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
    print(
        f"{path.name}: {report['ran']} of {report['cells']} code cells, {report['seconds']} s, "
        f"{report['cpu_seconds']} s of the processor"
    )
    assert not report["errors"], report["errors"]
    assert report["ran"] == report["cells"] > 0
    assert not report["wrong"]
    assert not report["unsolved"]
    assert not report["noise"]
    assert report["cpu_seconds"] < MOST_CPU_SECONDS


@in_both_languages
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
def test_frame(path):
    """Title and goals first, a way to get the kit, the one setup call; at the end recap, questions, what comes next."""
    cells = nbformat.read(path, as_version=4).cells
    first, last = cells[0].source, cells[-1].source
    assert first.startswith(f"# {path.stem[:2]} · ")
    assert f"<!-- badges: notebooks/{path.name} -->" in first
    for row in ("You will learn", "You need", "Minutes", "It writes"):
        assert re.search(rf"^\| \*\*{row}\*\* \| \S.*\|$", first, re.MULTILINE), row
    code = [cell.source for cell in cells if cell.cell_type == "code"]
    assert 'KIT = ""' in code[0]
    assert "place = setup()" in code[0]
    assert sum("**Predict" in cell.source for cell in cells) >= 1
    assert "## Recap" in last
    questions = last.split("## Five questions")[1].split("## What to try next")[0]
    assert re.findall(r"^(\d)\. ", questions, re.MULTILINE) == list("12345")


@in_both_languages
def test_outputs_stand_alone(path):
    """Whoever reads the notebook without a kernel sees pictures, and no widget that cannot be drawn."""
    for cell in nbformat.read(path, as_version=4).cells:
        for output in cell.get("outputs", []):
            assert not [kind for kind in output.get("data", {}) if "widget" in kind]
            assert output.output_type != "error"


def test_index_lists_every_notebook():
    listed = "".join(cell.source for cell in nbformat.read(ROOT / "index.ipynb", as_version=4).cells)
    for path in NOTEBOOKS + CHINESE:
        assert f"({path.relative_to(ROOT).as_posix()})" in listed


@in_both_languages
def test_committed_outputs_are_current(path):
    """No code cell changed since the outputs were made; a notebook without outputs has nothing to be stale."""
    notebook = nbformat.read(path, as_version=4)
    made = notebook.metadata.get("w2l")
    if made is None:
        assert not any(cell.get("outputs") for cell in notebook.cells), "outputs of unknown origin: run with --write"
        pytest.skip(f"{path.name} has no committed outputs")
    assert made["code"] == code_hash(notebook), f"run python tools/notebook_runner.py notebooks/{path.name} --write"


@pytest.mark.parametrize(
    ("yours", "expected", "line"),
    [
        (3, 3, "✓ n: got 3, expected 3"),
        (3, 4, "✗ n: got 3, expected 4"),
        (None, 4, "○ n: no answer yet"),
        (True, True, "✓ n: got True, expected True"),
        ("a", "b", "✗ n: got 'a', expected 'b'"),
        ([1, 2], [1, 2, 3], "✗ n: got [1, 2], expected [1, 2, 3]"),
    ],
)
def test_check_says_what_it_compared(yours, expected, line, capsys):
    check("n", yours, expected)
    assert capsys.readouterr().out == line + "\n"


def test_check_takes_a_tolerance(capsys):
    check("n", 1.04, 1.0, tolerance=0.05)
    check("n", np.float32([1, 1.06]), np.float32([1, 1]), tolerance=0.05)
    near, far = capsys.readouterr().out.splitlines()
    assert near == "✓ n: got 1.04, expected 1 (±0.05)"
    assert far == "✗ n: got array (2,) in [1, 1.06], expected array (2,) in [1, 1] (±0.05)"


def test_setup_tells_what_is_here_and_makes_the_results_folder(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("W2L_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("W2L_FAST", "1")
    place = setup()
    told = capsys.readouterr().out
    assert place.results == tmp_path / "home" / "results"
    assert place.results.is_dir()
    assert place.fast
    assert place.platform == "local"
    assert place.weights["wav2lip"] is None
    assert "weights   classroom: comes with the kit\n" in told
    assert "weights   wav2lip: optional, not downloaded; the notebooks run without it\n" in told
    assert {line.split()[0] for line in told.splitlines()} >= {"place", "packages", "GPU", "results", "weights", "fast"}


def test_setup_seeds_everything(monkeypatch, tmp_path, capsys):
    import torch

    monkeypatch.setenv("W2L_HOME", str(tmp_path))
    numbers = []
    for _ in range(2):
        setup(seed=3)
        numbers.append((np.random.rand(), float(torch.rand(()))))  # noqa: NPY002
    assert numbers[0] == numbers[1]


@pytest.mark.parametrize(
    ("installed", "missing"),
    [
        ({"numpy": "2.0", "opencv-python": "4.10", "ipywidgets": "7.7.1"}, []),
        ({"numpy": "1.20", "opencv-contrib-python": "5.0"}, ["numpy>=1.26", "ipywidgets>=7.7"]),
        ({}, ["numpy>=1.26", "opencv-python-headless>=4.8", "ipywidgets>=7.7"]),
    ],
)
def test_missing_packages_are_named_and_twins_accepted(monkeypatch, installed, missing):
    """Another build of OpenCV that is there already will do: installing ours over it would break it."""
    module = sys.modules["w2l.notebook.setup"]
    needs = ["numpy>=1.26", "opencv-python-headless>=4.8"]
    needs += ['ipywidgets>=7.7; extra == "notebook"', 'ruff>=0.9; extra == "test"']

    def version(name):
        if name not in installed:
            raise module.PackageNotFoundError(name)
        return installed[name]

    monkeypatch.setattr(module, "requires", lambda name: needs)
    monkeypatch.setattr(module, "version", version)
    assert module.missing_packages() == missing


def test_show_video_refuses_what_the_page_cannot_hold(tmp_path, capsys):
    big = tmp_path / "big.mp4"
    big.write_bytes(bytes(plots.MOST_VIDEO_BYTES + 1))
    plots.show_video(big)
    assert "too large to show" in capsys.readouterr().out
    with pytest.raises(W2LError, match="no such file"):
        plots.show_video(tmp_path / "none.mp4")
    big.rename(tmp_path / "big.gif")
    with pytest.raises(W2LError, match=r"write an \.mp4"):
        plots.show_video(tmp_path / "big.gif")


def test_show_picture_is_light(monkeypatch):
    import IPython.display

    shown = []
    monkeypatch.setattr(IPython.display, "display", shown.append)
    plots.show_picture(np.random.default_rng(0).integers(0, 256, (700, 1400, 3), np.uint8), width=350)
    plots.show_picture(np.zeros((10, 20, 3), np.uint8))
    noisy, plain = (image.data for image in shown)
    assert noisy.startswith(b"\xff\xd8")
    assert len(noisy) < plots._MOST_PNG_BYTES
    assert plain.startswith(b"\x89PNG")


def test_networks_are_drawn_with_their_real_shapes():
    """Those of the published layer lists."""
    import torch

    from w2l import models
    from w2l.notebook.networks import count_numbers, trace

    generator = models.build("wav2lip").eval()
    assert count_numbers(generator) == 36_298_035
    found = trace(generator, torch.zeros(1, 1, 80, 16), torch.zeros(1, 6, 96, 96))
    sides = {name: [shape[1] for shape in shapes] for name, shapes in found.items()}
    assert sides["face encoder"] == [96, 96, 48, 24, 12, 6, 3, 1]
    assert sides["sound encoder"] == [80, 80, 27, 9, 3, 1]
    assert found["decoder"][0] == (512, 1, 1)
    assert found["decoder"][-2:] == [(64, 96, 96), (3, 96, 96)]
    expert = models.build("syncnet", 0.25).eval()
    found = trace(expert, torch.zeros(1, 1, 80, 16), torch.zeros(1, 15, 48, 96))
    assert list(found) == ["face encoder", "sound encoder"]
    assert found["face encoder"][-1] == found["sound encoder"][-1] == (128, 1, 1)


def test_rows_of_pictures_have_one_height(monkeypatch):
    shown = []
    monkeypatch.setattr(plots, "show_picture", lambda picture, width: shown.append(picture))
    plots.show_row([np.zeros((96, 96, 3), np.uint8), np.zeros((300, 150, 3), np.uint8)], ["one", "two"], height=120)
    assert shown[0].shape == (120 + 28, 120 + 8 + 60 + 8, 3)
