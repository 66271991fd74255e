"""A report in all its forms: tables, documents, and a page that needs nothing else."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import sys
from html.parser import HTMLParser

import numpy as np
import pytest

from w2l.errors import W2LError
from w2l.evaluate import sources
from w2l.evaluate.report import page
from w2l.evaluate.report.collect import report_pairs
from w2l.evaluate.report.tables import Report
from w2l.evaluate.rows import ClipRow
from w2l.evaluate.sources import Pair


class _Page(HTMLParser):
    """Counts what a page is made of, and what it would fetch."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.fetched = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.fetched += [v for k, v in attributes if k in ("src", "href") and v and not v.startswith("data:")]


def test_a_report_in_all_its_forms(folders, tools, tmp_path):
    pairs = sources.pair_folders(folders / "real", folders / "made")
    pairs.append(Pair("<b>gone</b>", folders / "made" / "2.mp4", fault="2.mp4 is missing; generate it."))
    found = report_pairs(pairs, tools)
    paths = {path.suffix: path for path in found.write(tmp_path)}
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(p.name for p in paths.values())
    text = paths[".html"].read_text(encoding="utf8")
    seen = _Page(text)
    assert not seen.fetched and "script" not in seen.tags  # it needs nothing else
    assert seen.tags.count("svg") == 1 + 2 * 3 and seen.tags.count("img") == 2
    assert "<b>gone" not in text and "&lt;b&gt;gone" in text
    assert found.to_text().endswith("ms each, by expert classroom_expert and meter classroom_meter")
    for fact in (tools.expert.sha256, "2.mp4 is missing", "ms each", "Fréchet"):
        assert all(fact in form for form in (text, paths[".md"].read_text(encoding="utf8")))
    table = list(csv.DictReader(io.StringIO(paths[".csv"].read_text(encoding="utf8"))))
    assert [line["clip"] for line in table] == ["0", "1", "<b>gone</b>"] and table[2]["fault"]
    stored = json.loads(paths[".json"].read_text(encoding="utf8"))
    psnr = [float(line["psnr"]) for line in table[:2]]
    assert stored["means"]["psnr"]["mean"] == pytest.approx(np.mean(psnr)) and stored["means"]["psnr"]["count"] == 2
    assert stored["rows"][0]["psnr"] == psnr[0] and stored["settings"]["expert classroom_expert"] == tools.expert.sha256
    (distance,) = found.distances.values()
    assert distance > 1 and "small (classroom_expert)" in found.distances


def test_a_report_of_faults_alone_is_still_one(tmp_path):
    found = Report("none", [ClipRow("a", fault="it is empty.")], {})
    assert found.columns == [] and found.to_text() == "a: it is empty."
    assert "it is empty." in page.to_html(found) and math.isnan(found.frame_cost)


def test_no_report_is_written_over_a_clip_or_its_truth(tmp_path):
    (tmp_path / "report.json").write_text("the truth of report.mp4")
    found = Report("sync", [ClipRow("report.mp4", fault="it is empty.")], {}, inputs=(tmp_path / "report.mp4",))
    with pytest.raises(W2LError, match="both input and output"):
        found.write(tmp_path)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["the truth of report.mp4"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems allow no such names")
def test_a_report_of_names_that_are_not_utf_8(tmp_path):
    name = os.fsdecode(b"caf\xe9.mp4")
    found = Report("sync", [ClipRow(name, figures={"offset": 1.0}), ClipRow(name, fault=f"{name} is empty.")], {})
    for path in found.write(tmp_path):
        assert "caf\\udce9.mp4" in path.read_text(encoding="utf8")
