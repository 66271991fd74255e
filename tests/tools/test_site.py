"""The site: links between repository and pages, what a built page may load, and the pictures' sizes and words."""

from __future__ import annotations

import re

import pytest
import yaml
from helpers.places import ROOT

from tools import site

STAMPED = {"repository": "https://github.com/some/kit", "tag": "v1"}


@pytest.mark.parametrize(
    ("page", "markdown", "shown"),
    [
        ("guides/dubbing.md", "[a](evaluation.md#pairs)", "[a](evaluation.md#pairs)"),
        ("guides/dubbing.md", "[card](../../data/weights/README.md)", "[card](../cards/weights.md)"),
        ("cards/weights.md", "[data](../../docs/talker_data.md)", "[data](../talker_data.md)"),
        ("talker_data.md", "[a](../data/talker/README.md#x)", "[a](cards/talker.md#x)"),
        ("index.md", "![eight](../data/samples/demo.png)", "![eight](pictures/demo.png)"),
        ("changes.md", "[03](notebooks/03_syncnet_training.ipynb)", "[03](notebooks/03_syncnet_training.ipynb)"),
        ("contributing.md", "[x](README.md#a)", "[x](https://github.com/some/kit/blob/v1/README.md#a)"),
        ("contributing.md", "[x](tools/)", "[x](https://github.com/some/kit/tree/v1/tools)"),
        ("index.md", "[far](https://a.b/c) [here](#start)", "[far](https://a.b/c) [here](#start)"),
        (
            "index.md",
            "`[a](README.md)`\n```\n[b](../README.md)\n```\n",
            "`[a](README.md)`\n```\n[b](../README.md)\n```\n",
        ),
    ],
)
def test_links_of_the_repository_are_links_of_the_site(page, markdown, shown):
    assert site.translate(markdown, page, STAMPED) == shown


def test_without_a_stamp_a_file_that_is_not_on_the_site_is_not_linked():
    assert site.translate("see [the tools](tools/stamp.py) there", "contributing.md", {}) == "see the tools there"


def test_a_notebook_loads_nothing_from_elsewhere_and_says_what_its_pictures_belong_to():
    html = (
        '<h2 id="a">The dub<a href="#a">¶</a></h2><img alt="No description has been provided for this image">'
        '<!-- badges: a --><img src="https://far"><!-- /badges -->'
        '<!-- Load mathjax --><script src="https://far"></script><!-- End of mathjax configuration -->'
        '<script type="module">import("https://far")</script><a href="02_inference.ipynb">02</a>'
    )
    shown = site.notebook(f"<h1>00</h1>{html}", "notebooks/00_setup.ipynb", STAMPED)
    assert "https://far" not in shown
    assert "https://colab.research.google.com/github/some/kit/blob/v1/notebooks/00_setup.ipynb" in shown
    assert "colab" not in site.notebook(f"<h1>00</h1>{html}", "notebooks/00_setup.ipynb", {})
    assert 'alt="A picture of the section “The dub”;' in shown
    assert shown.endswith('<a href="02_inference.html">02</a>')
    chinese = site.notebook(f"<h1>00</h1>{html}", "notebooks/zh/00_setup.ipynb", STAMPED)
    assert 'href="https://colab.research.google.com/github/some/kit/blob/v1/notebooks/zh/00_setup.ipynb"' in chinese
    assert 'alt="“The dub”一节的图；' in chinese


def test_headings_of_a_notebook_have_the_names_that_its_table_of_contents_links():
    """Those of Python-Markdown, which numbers the names that nbconvert leaves empty or gives twice."""
    anchors = ("", "why", "069", "", "069")
    html = "".join(f'<h2 id="{a}">小结<a class="anchor-link" href="#{a}">¶</a></h2>' for a in anchors)
    shown = site.notebook(html, "notebooks/zh/00_setup.ipynb", {})
    expected = ["_1", "why", "069", "_2", "069_1"]
    assert re.findall('<h2 id="(.*?)">', shown) == re.findall('href="#(.*?)">', shown) == expected


def test_faults_of_a_built_site_are_seen(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "a.html").write_text('<h1 id="top">A</h1><a href="deep/b.html#x">b</a><a href="#top">a</a>')
    (tmp_path / "deep/b.html").write_text(
        '<a href="../a.html">a</a><a href="c.html">c</a><a href="https://far/">far</a>'
        '<link rel="stylesheet" href="//cdn/x.css"><script src="https://cdn/x.js"></script>'
    )
    assert site.faults(tmp_path) == [
        "a.html links deep/b.html#x, where there is no such heading",
        "deep/b.html loads //cdn/x.css",
        "deep/b.html loads https://cdn/x.js",
        "deep/b.html links c.html, which is not there",
    ]


def test_a_folder_without_pages_is_no_sound_site(tmp_path):
    (fault,) = site.faults(tmp_path)
    assert "holds no pages" in fault


class Loader(yaml.SafeLoader):
    """Takes the tags that mkdocs knows for nothing."""


Loader.add_multi_constructor("", lambda loader, suffix, node: None)


def pages_of(nav):
    for entry in nav:
        value = next(iter(entry.values())) if isinstance(entry, dict) else entry
        yield from pages_of(value) if isinstance(value, list) else [value]


def test_every_page_of_the_menu_exists():
    settings = yaml.load((ROOT / "mkdocs.yml").read_text(encoding="utf8"), Loader)
    listed = list(pages_of(settings["nav"]))
    assert [page for page in listed if not (ROOT / site.source_of(page)).is_file()] == []
    books = [*(ROOT / "notebooks").glob("*.ipynb"), *(ROOT / "notebooks/zh").glob("*.ipynb")]
    assert {path.relative_to(ROOT).as_posix() for path in books} <= set(listed)
    assert settings["theme"]["font"] is False


def test_the_reference_names_what_exists():
    import importlib

    names = [
        name for page in (ROOT / "docs/api").glob("*.md") for name in re.findall(r"^::: (\S+)", page.read_text(), re.M)
    ]
    assert len(names) > 40
    for name in names:
        home, _, member = name.rpartition(".")
        found = importlib.import_module(home)
        assert (getattr(found, member, None) or importlib.import_module(name)).__doc__, f"{name} has no docstring"


def test_pictures_are_small_and_described():
    """An alternative text says what a picture shows; all pictures together stay under a megabyte."""
    for path in (ROOT / "docs").rglob("*.md"):
        for text, target in re.findall(r"!\[(.*?)\]\(([^)]+)\)", path.read_text(encoding="utf8"), re.DOTALL):
            assert len(text) >= 60, f"{path.name}: {target}"
    assert sum(path.stat().st_size for path in (ROOT / "docs/pictures").glob("*")) <= 2**20
