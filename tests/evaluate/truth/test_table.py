"""The table of systems in a Markdown file."""

import pytest

from w2l.errors import W2LError
from w2l.evaluate.report.tables import Report
from w2l.evaluate.rows import ClipRow
from w2l.evaluate.truth import table


def _report(name, opening):
    rows = [ClipRow("000", figures={"opening_r": opening}), ClipRow("001", fault="it is missing.")]
    return Report("t", rows, {"system": name, "pictures": "crops", "scored": "1 of 2", "lag taken out": "0 frames"})


def test_a_line_is_added_replaced_and_kept_apart_from_other_test_sets(tmp_path):
    path = tmp_path / "truth.md"
    path.write_text("# Systems\n\nbefore\n")
    for name, opening in (("a", 0.5), ("b", 0.25), ("a", 0.75)):
        table.add(path, "11", table.row_of(_report(name, opening)))
    table.add(path, "22", table.row_of(_report("a", 0.125)))
    text = path.read_text()
    assert text.startswith("# Systems\n\nbefore\n\n<!-- test set 11 -->\n| system | pictures | clips | opening r |")
    lines = [line.split(" | ")[:4] for line in text.splitlines() if line.startswith(("| a", "| b"))]
    assert lines == [
        ["| a", "crops", "1 of 2", "0.75"],
        ["| b", "crops", "1 of 2", "0.25"],
        ["| a", "crops", "1 of 2", "0.12"],
    ]
    assert text.count("<!-- /test set 11 -->") == text.count("<!-- /test set 22 -->") == 1


def test_a_file_that_is_no_text(tmp_path):
    (tmp_path / "t.md").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(W2LError, match="cannot be read as text"):
        table.add(tmp_path / "t.md", "11", table.row_of(_report("a", 0.5)))


def test_text_for_a_terminal_says_what_is_missing():
    text = table.to_text(_report("a", 0.5))
    assert "opening r  0.50" in text and "001: it is missing." in text and "LSE" not in text
