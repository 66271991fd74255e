"""Stamping a copy of the kit with its address."""

from __future__ import annotations

import json
import shutil

import pytest
from helpers.places import ROOT

from tools.notebook_runner import code_hash
from tools.stamp import stamp
from w2l.errors import W2LError


@pytest.fixture
def copy(tmp_path):
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks", ignore=shutil.ignore_patterns(".*"))
    for name in ("README.md", "index.ipynb"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def sources(path):
    return ["".join(cell["source"]) for cell in json.loads(path.read_text(encoding="utf8"))["cells"]]


def test_stamps_every_notebook_and_nothing_else_in_it(copy):
    """Badges and the first cell get the address; outputs stay current; the formatting of the file stays."""
    import nbformat

    changed = stamp("someone/w2l@v0.1.0", copy)
    for path in sorted((copy / "notebooks").glob("*.ipynb")):
        original = ROOT / "notebooks" / path.name
        assert path in changed
        told = "\n".join(sources(path))
        assert f"colab.research.google.com/github/someone/w2l/blob/v0.1.0/notebooks/{path.name}" in told
        assert 'KIT = "w2l @ git+https://github.com/someone/w2l@v0.1.0"' in told
        assert code_hash(nbformat.read(path, 4)) == code_hash(nbformat.read(original, 4))
        before, after = original.read_text(encoding="utf8"), path.read_text(encoding="utf8")
        differ = [a for a, b in zip(before.splitlines(), after.splitlines(), strict=True) if a != b]
        assert len(differ) == 2


def test_a_new_stamp_replaces_the_old_one(copy):
    stamp("someone/w2l@v0.1.0", copy)
    assert stamp("someone/w2l@v0.1.0", copy) == []
    stamp("https://github.com/other/kit.git", copy)
    for path in (copy / "notebooks").glob("*.ipynb"):
        told = "\n".join(sources(path))
        assert "someone" not in told
        assert "w2l @ git+https://github.com/other/kit@main" in told


@pytest.mark.parametrize("address", ["w2l", "a b/c", "https://elsewhere.org/a/b", "a/b@", ""])
def test_other_addresses_are_refused(address, copy):
    with pytest.raises(W2LError, match="OWNER/REPO"):
        stamp(address, copy)


def test_a_folder_without_notebooks_is_refused(tmp_path):
    with pytest.raises(W2LError, match="no notebooks"):
        stamp("a/b", tmp_path)
