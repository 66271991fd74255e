"""Stamping a copy of the kit with its address."""

from __future__ import annotations

import json
import re
import shutil
import tomllib

import pytest
import yaml
from helpers.places import ROOT

from tools.notebook_runner import code_hash
from tools.stamp import SETTINGS, stamp
from w2l.errors import W2LError


@pytest.fixture
def copy(tmp_path):
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks", ignore=shutil.ignore_patterns(".*"))
    for name in ("README.md", "index.ipynb", *SETTINGS):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def read(path):
    return yaml.load(path.read_text(encoding="utf8"), Anything)


class Anything(yaml.SafeLoader):
    """A loader that takes tags of other programs, such as mkdocs' !!python/name, for None."""


Anything.add_multi_constructor("", lambda loader, suffix, node: None)


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


@pytest.mark.parametrize("name", ["notebooks/00_setup.ipynb", "notebooks/zh/00_setup.ipynb", "README.md"])
def test_badges_are_shown(copy, name):
    """In a notebook, where they stand at the beginning of a line, and in README's table."""
    from nbconvert.filters.markdown_mistune import markdown2html_mistune

    stamp("someone/w2l", copy)
    text = sources(copy / name)[0] if name.endswith(".ipynb") else (copy / name).read_text(encoding="utf8")
    html = markdown2html_mistune(text)
    assert "[![" not in html
    assert re.search(r'<a href="https://colab[^"]*/00_setup.ipynb"><img src="[^"]*svg" alt="Open in Colab"></a>', html)


def test_a_new_stamp_replaces_the_old_one(copy):
    stamp("someone/w2l@v0.1.0", copy)
    assert stamp("someone/w2l@v0.1.0", copy) == []
    stamp("https://github.com/other/kit.git", copy)
    for path in (copy / "notebooks").glob("*.ipynb"):
        told = "\n".join(sources(path))
        assert "someone" not in told
        assert "w2l @ git+https://github.com/other/kit@main" in told


def test_settings_get_the_address_and_lose_it_again(copy):
    """Every file of SETTINGS has the marks; what is between them is well-formed and belongs to the address."""
    stamp("Someone/w2l@v0.1.0", copy)
    project = tomllib.loads((copy / "pyproject.toml").read_text(encoding="utf8"))["project"]
    assert project["urls"]["Homepage"] == "https://someone.github.io/w2l/"
    assert project["urls"]["Changelog"] == "https://github.com/Someone/w2l/blob/v0.1.0/CHANGELOG.md"
    assert read(copy / "CITATION.cff")["repository-code"] == "https://github.com/Someone/w2l"
    assert read(copy / "mkdocs.yml")["site_url"] == "https://someone.github.io/w2l/"
    assert read(copy / "mkdocs.yml")["extra"]["tag"] == "v0.1.0"
    links = read(copy / ".github/ISSUE_TEMPLATE/config.yml")["contact_links"]
    assert {link["url"].split("/")[2] for link in links} == {"someone.github.io", "github.com"}
    stamp("other/other.github.io", copy)
    for name in SETTINGS:
        text = (copy / name).read_text(encoding="utf8")
        assert "omeone" not in text
        assert "https://other.github.io/" in text


@pytest.mark.parametrize("address", ["w2l", "a b/c", "https://elsewhere.org/a/b", "a/b@", ""])
def test_other_addresses_are_refused(address, copy):
    with pytest.raises(W2LError, match="OWNER/REPO"):
        stamp(address, copy)


def test_a_folder_without_notebooks_is_refused(tmp_path):
    with pytest.raises(W2LError, match="no notebooks"):
        stamp("a/b", tmp_path)
