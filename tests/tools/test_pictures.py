"""The pictures of docs/how_it_works.md."""

from __future__ import annotations

import re

import pytest
from helpers.places import ROOT

from tools import pictures
from w2l.marking import mark


def test_every_picture_is_there_marked_and_shown():
    """Each is shown once on a page, and says that it is synthetic."""
    pages = "".join(path.read_text(encoding="utf8") for path in (ROOT / "docs").rglob("*.md"))
    shown = re.findall(r"pictures/(\w+)\.webp\)", pages)
    for name in pictures.PICTURES:
        assert shown.count(name) == 1
        assert mark.read(pictures.FOLDER / f"{name}.webp").synthetic
    assert len(re.findall(r"^## \d+\. ", (ROOT / "docs/how_it_works.md").read_text(encoding="utf8"), re.M)) == 10


@pytest.mark.parametrize("name", ["02_crop", "05_generator"])
def test_a_picture_is_drawn(name, tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "FOLDER", tmp_path / "pictures")
    path = pictures.write(name)
    assert mark.read(path).synthetic
    assert path.stat().st_size < 100_000


def test_only_what_is_asked_for_is_drawn(monkeypatch, capsys, tmp_path):
    drawn = []
    monkeypatch.setattr(pictures, "write", lambda name: drawn.append(name) or tmp_path)
    pictures.main(["03", "10"])
    assert drawn == ["03_window", "10_paste"]
