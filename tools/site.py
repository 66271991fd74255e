"""What the site is made of besides docs/: notebooks, cards and pictures that lie elsewhere, and links between them.

mkdocs calls this file (mkdocs.yml, `hooks`). Pages link each other as files of the repository, which is what works on
GitHub and in an editor; on the site these links become links between its pages, and files that are not on it are
linked in the repository, where that is known (tools/stamp.py).

After a build: python -m tools.site build/site    prints links that lead nowhere and what would be loaded from elsewhere
"""

from __future__ import annotations

import argparse
import posixpath
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parents[1]

# A page or picture of the site: the file of the repository that it shows.
BROUGHT = {
    "cards/weights.md": "data/weights/README.md",
    "cards/talker.md": "data/talker/README.md",
    "cards/detector.md": "data/detector/README.md",
    "changes.md": "CHANGELOG.md",
    "contributing.md": "CONTRIBUTING.md",
    "pictures/demo.png": "data/samples/demo.png",
    **{
        (name := path.relative_to(ROOT).as_posix()): name
        for folder in ("notebooks", "notebooks/zh")
        for path in sorted((ROOT / folder).glob("*.ipynb"))
    },
}
_LINK = re.compile(r"(?P<text>!?\[(?:[^\[\]]|\[[^\]]*\])*\])\((?P<target>[^()\s]+)\)")
_CODE = re.compile(r"^```.*?^```$|`[^`\n]+`", re.DOTALL | re.MULTILINE)
_NOTEBOOK = re.compile(r'(?<=href=")([\w./-]+)\.ipynb(?=["#])')
# What would be loaded from elsewhere: badges, and nbconvert's code for formulas and diagrams, of which there are none.
_FOREIGN = re.compile(
    r"<!-- badges: .*?<!-- /badges -->"
    r"|<!-- Load mathjax -->.*?<!-- End of mathjax configuration -->"
    r"|<script type=.module.>.*?</script>",
    re.DOTALL,
)
_ANCHOR = re.compile(r'(<h[1-6] id=")([^"]*)(">(?:(?!</h).)*?<a class="anchor-link" href="#)[^"]*"', re.DOTALL)
# By language: the line below a notebook's title, where Colab is, and the alternative text of a picture.
_SAID = {
    "en": (
        "These are the outputs of a stored run. Sliders and recorders need a running notebook{}.",
        ', <a href="{}">on Colab</a> for example',
        "A picture of the section “{}”; the text around it says what it shows.",
    ),
    "zh": (
        "这里的输出来自一次保存下来的运行。滑块和录音需要正在运行的笔记本{}。",
        '，例如<a href="{}">在 Colab 上</a>',
        "“{}”一节的图；前后的文字说明它显示什么。",
    ),
}
_PICTURE = re.compile(r'<h[12][^>]*>(.*?)<|alt="No description has been provided for this image"', re.DOTALL)


def on_files(files: Any, config: Any) -> Any:
    """Brings what lies outside docs/. mkdocs' Files and configuration in, Files out."""
    from mkdocs.structure.files import File

    for page, source in BROUGHT.items():
        if page == source:  # a notebook, which mkdocs-jupyter takes from a folder only
            files.append(File(page, str(ROOT), config.site_dir, config.use_directory_urls))
        else:
            files.append(File.generated(config, page, abs_src_path=str(ROOT / source)))
    return files


on_files.mkdocs_priority = 100  # type: ignore[attr-defined]  # before mkdocs-jupyter looks for notebooks


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """The page's Markdown with the links of the repository turned into those of the site."""
    return translate(markdown, page.file.src_uri, config.extra)


def on_page_content(html: str, page: Any, config: Any, files: Any) -> str:
    """The page's HTML. In a notebook's, links to others lead to their pages, and pictures say where they belong."""
    name = page.file.src_uri
    return notebook(html, name, config.extra) if name.endswith(".ipynb") else html


def notebook(html: str, name: str, extra: dict[str, Any]) -> str:
    """A notebook's HTML as nbconvert makes it, with links, alternative texts, and nothing from other places.

    name: of the notebook, as "notebooks/00_setup.ipynb", or "notebooks/zh/…" for one in Chinese. extra: as `translate`
    takes it. A line below the title tells that widgets need a running notebook, and where there is one.
    """
    heading = ""
    stored, on_colab, picture = _SAID["zh" if name.startswith("notebooks/zh/") else "en"]
    colab = extra.get("repository", "").replace("https://github.com/", "https://colab.research.google.com/github/")
    where = on_colab.format(f"{colab}/blob/{extra['tag']}/{name}") if colab else ""
    note = f"<p><em>{stored.format(where)}</em></p>"

    def describe(found: re.Match[str]) -> str:
        nonlocal heading
        if found[1] is not None:
            heading = found[1].strip()
            return found[0]
        return f'alt="{picture.format(heading)}"'

    shown = _PICTURE.sub(describe, _NOTEBOOK.sub(r"\1.html", _FOREIGN.sub("", _with_anchors(html))))
    return shown.replace("</h1>", f"</h1>{note}", 1)


def _with_anchors(html: str) -> str:
    """Headings named as the page's table of contents has them; nbconvert leaves the names of Chinese ones empty."""
    used: set[str] = set()

    def name(found: re.Match[str]) -> str:
        own = next(n for n in (found[2], *(f"{found[2]}_{i}" for i in range(1, 1000))) if n and n not in used)
        used.add(own)
        return f'{found[1]}{own}{found[3]}{own}"'

    return _ANCHOR.sub(name, html)


def translate(markdown: str, page: str, extra: dict[str, Any]) -> str:
    """Markdown for `page` of the site (as "guides/dubbing.md"), of a file whose links are those of the repository.

    extra: with "repository" and "tag", links to files that are not on the site lead there; without, their text stays.
    """
    here = posixpath.dirname(source_of(page))
    shown = {source: name for name, source in BROUGHT.items()}

    def link(found: re.Match[str]) -> str:
        target, _, anchor = found["target"].partition("#")
        if not target or ":" in target:
            return found[0]
        path = posixpath.normpath(posixpath.join(here, target))
        goal = shown.get(path) or (path.removeprefix("docs/") if path.startswith("docs/") else None)
        end = f"#{anchor}" if anchor else ""
        if goal is not None:
            return f"{found['text']}({posixpath.relpath(goal, posixpath.dirname(page) or '.')}{end})"
        if "repository" in extra:
            kind = "tree" if (ROOT / path).is_dir() else "blob"
            return f"{found['text']}({extra['repository']}/{kind}/{extra['tag']}/{path}{end})"
        return found["text"][1:-1]

    parts, last = [], 0
    for code in _CODE.finditer(markdown):
        parts += [_LINK.sub(link, markdown[last : code.start()]), code[0]]
        last = code.end()
    return "".join([*parts, _LINK.sub(link, markdown[last:])])


def source_of(page: str) -> str:
    """The file of the repository that a page of the site shows."""
    return BROUGHT.get(page, f"docs/{page}")


class _Page(HTMLParser):
    """What a built page links to, loads, and can be linked at."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.anchors: set[str] = set()
        self.feed(path.read_text(encoding="utf8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Takes one tag."""
        has = {name: value or "" for name, value in attrs}
        self.anchors |= {has[name] for name in ("id", "name") if name in has}
        goal = has.get("href") or has.get("src")
        if goal and (tag in ("script", "img", "source", "video", "iframe") or has.get("rel") == "stylesheet"):
            self.loads.append(goal)
        elif goal and tag == "a":
            self.links.append(goal)


def faults(site: Path) -> list[str]:
    """What is wrong with a built site, in sentences: broken links and anchors, files from elsewhere."""
    pages = {path: _Page(path) for path in sorted(site.rglob("*.html")) if path.name != "404.html"}
    found = [] if pages else [f"{site} holds no pages; run mkdocs build first"]
    for path, page in pages.items():
        name = path.relative_to(site)
        found += [f"{name} loads {goal}" for goal in page.loads if urlsplit(goal).netloc]
        for goal in page.links + page.loads:
            parts = urlsplit(goal)
            if parts.scheme or parts.netloc:
                continue
            there = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not there.exists():
                found.append(f"{name} links {goal}, which is not there")
            elif parts.fragment and there in pages and unquote(parts.fragment) not in pages[there].anchors:
                found.append(f"{name} links {goal}, where there is no such heading")
    return found


def main() -> int:
    """Checks a built site; returns 1 if something needs fixing."""
    parser = argparse.ArgumentParser(description="Check the links of a built site.")
    parser.add_argument("site", type=Path, help="the folder that mkdocs wrote")
    wrong = faults(parser.parse_args().site.resolve())
    print("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
