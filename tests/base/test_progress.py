"""Progress: drawn where a line can be drawn again, plain lines where it cannot."""

import ast
import io
import sys

import pytest
from helpers.places import ROOT

from w2l.base import progress
from w2l.base.progress import Lines, progress_bar


class _Terminal(io.StringIO):
    def isatty(self):
        return True


_Cell = type("OutStream", (io.StringIO,), {"__module__": "ipykernel.iostream"})


@pytest.fixture
def clock(monkeypatch):
    """Seconds that pass only when a test says so."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


@pytest.mark.parametrize("stream", [_Terminal, _Cell])
def test_terminals_and_cells_get_a_bar(stream, monkeypatch):
    monkeypatch.setattr(sys, "stderr", stream())
    with progress_bar(total=3, desc="drawing", unit="frame") as bar:
        bar.update(3)
    assert "\r" in sys.stderr.getvalue()
    assert "3/3" in sys.stderr.getvalue()


def test_a_log_gets_a_line_every_ten_seconds_and_at_the_end(clock, capsys):
    with progress_bar(total=245, desc="draw the mouth", unit="frame", initial=5) as bar:
        for _ in range(240):
            clock[0] += 0.125
            bar.update()
            bar.set_postfix({"loss": "0.5"}, refresh=False)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split()[3:5] for line in lines] == [
        ["2%", "5/245"],
        ["35%", "85/245"],
        ["67%", "165/245"],
        ["100%", "245/245"],
    ]
    assert lines[1].startswith("draw the mouth:") and lines[1].endswith("frame/s, loss=0.5]")
    assert not any("\r" in line or "█" in line for line in lines)


def test_a_long_log_stays_short(clock, capsys):
    bar = progress_bar(desc="generator", unit="step")
    for _ in range(36000):  # ten hours
        clock[0] += 1.0
        bar.update()
    bar.close()
    bar.close()
    lines = capsys.readouterr().err.splitlines()
    assert 100 < len(lines) < 400
    assert lines[-1].startswith("generator: 36000step [10:00:00")


def test_items_are_counted_and_passed_on(capsys):
    assert list(progress_bar([1, 2, 3], desc="clips")) == [1, 2, 3]
    assert list(progress_bar(iter("ab"), total=2, desc="letters")) == ["a", "b"]
    assert list(progress_bar([], desc="none")) == []
    assert [line.partition(" [")[0] for line in capsys.readouterr().err.splitlines()] == [
        "clips: 100% 3/3",
        "letters: 100% 2/2",
    ]


def test_nothing_is_shown_unless_wanted(capsys):
    assert list(progress_bar([1], desc="clips", show=False)) == [1]
    assert capsys.readouterr().err == ""
    assert isinstance(progress_bar([1]), Lines)


def test_a_function_is_told_instead(capsys):
    told = []
    with progress_bar(total=3, desc="draw", unit="frame", show=lambda *said: told.append(said)) as bar:
        bar.update()
        bar.update(2)
        bar.set_postfix({"loss": "0.5"})
    assert list(progress_bar("ab", desc="letters", show=lambda *said: told.append(said))) == ["a", "b"]
    with progress_bar(total=3, desc="resumed", initial=2, show=lambda *said: told.append(said)) as bar:
        bar.update()
    assert told[-2:] == [("resumed", 2, 3), ("resumed", 3, 3)]
    del told[-2:]
    assert told == [("draw", n, 3) for n in (0, 1, 3)] + [("letters", n, 2) for n in (0, 1, 2)]
    assert capsys.readouterr().err == ""


def test_every_bar_of_the_kit_comes_from_here():
    for path in (ROOT / "w2l").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf8"))):
            if isinstance(node, ast.ImportFrom) and node.module == "tqdm":
                assert path.name == "progress.py", path
