"""Stamping: writes where the kit is published into the files that need it: badges, first cells, settings.

The address is not fixed: to publish a copy, stamp it with your own. Three places are written, all marked:

    <!-- badges: PATH --> ... <!-- /badges -->   in Markdown: badges that open the notebook PATH
    KIT = "..."                                  in a notebook's first code cell: what pip installs there
    # address ... # /address                     in the files of `SETTINGS`: the lines given there

In the clone: python -m tools.stamp OWNER/REPO[@TAG]
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from pathlib import Path

from w2l.base.files import atomic
from w2l.errors import W2LError

_REPOSITORY = re.compile(r"([\w-][\w.-]*/[\w.-]+?)(?:\.git)?(?:@([\w./-]+))?")
BADGES = re.compile(r"<!-- badges: (?P<path>\S+) -->.*?<!-- /badges -->", re.DOTALL)
_KIT = re.compile(r'^KIT = "[^"]*"', re.MULTILINE)
_NEWEST = "main"  # the branch that is stamped where no tag is given
_ADDRESS = re.compile(r"(?<=# address\n).*?(?=# /address$)", re.DOTALL | re.MULTILINE)

# The lines between the marks of each file. {repo} is the repository's address, {site} that of the pages published from
# it (.github/workflows/site.yml), {tag} the tag or branch.
SETTINGS = {
    "pyproject.toml": """\
Homepage = "{site}"
Repository = "{repo}"
Issues = "{repo}/issues"
Changelog = "{repo}/blob/{tag}/CHANGELOG.md"
""",
    "CITATION.cff": """\
repository-code: "{repo}"
url: "{site}"
""",
    "mkdocs.yml": """\
site_url: "{site}"
extra: # not repo_url, for which every reader's browser would ask GitHub how many stars there are
  repository: "{repo}"
  tag: "{tag}"
  social:
    - icon: fontawesome/brands/github
      link: "{repo}"
      name: The repository
""",
    ".github/ISSUE_TEMPLATE/config.yml": """\
contact_links:
  - name: Troubleshooting
    url: "{site}guides/troubleshooting.html"
    about: What most people run into, and what to do.
  - name: A security problem
    url: "{repo}/security/advisories/new"
    about: Please report it in private.
""",
}


def stamp(repository: str, folder: str | os.PathLike[str]) -> list[Path]:
    """Writes OWNER/REPO[@TAG], on GitHub, into a clone's READMEs, notebooks and settings; returns the changed files.

    An existing stamp is replaced. Raises W2LError for any other form of address and for a folder that is
    not a clone of the kit.
    """
    found = _REPOSITORY.fullmatch(repository.removeprefix("https://github.com/"))
    if not found:
        raise W2LError(f"{repository!r} is not an address to stamp; give it as OWNER/REPO or OWNER/REPO@TAG.")
    name, tag = found[1], found[2] or _NEWEST
    place = Path(folder)
    notebooks = sorted((place / "notebooks").glob("*.ipynb"))
    if not notebooks:
        raise W2LError(f"there are no notebooks in {place}; run this in a clone of the kit, or name its folder.")
    texts = [path for path in (place / "README.md", place / "README.zh.md") if path.exists()]
    chinese = sorted((place / "notebooks/zh").glob("*.ipynb"))
    books = [path for path in (place / "index.ipynb", *notebooks, *chinese) if path.exists()]
    new = {path: _with_badges(path.read_text(encoding="utf8"), name, tag) for path in texts}
    new |= {path: _stamp_notebook(path, name, tag) for path in books}
    new |= {
        path: _with_settings(path.read_text(encoding="utf8"), lines, name, tag)
        for file, lines in SETTINGS.items()
        if (path := place / file).exists()
    }
    return [path for path, text in new.items() if _write(path, text)]


def _with_settings(text: str, lines: str, name: str, tag: str) -> str:
    """The text with lines of `SETTINGS` between its marks. GitHub publishes the site under its owner's name."""
    owner, _, repository = name.partition("/")
    place = f"{owner.lower()}.github.io"
    site = f"https://{place}/" if repository.lower() == place else f"https://{place}/{repository}/"
    filled = lines.format(repo=f"https://github.com/{name}", site=site, tag=tag)
    return _ADDRESS.sub(lambda _: filled, text)


def _stamp_notebook(path: Path, name: str, tag: str) -> str:
    """The notebook's text with the address in it, and otherwise as it was."""
    book = json.loads(path.read_text(encoding="utf8"))
    for cell in book["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            source = _with_badges(source, name, tag)
        else:
            source = _KIT.sub(f'KIT = "w2l @ git+https://github.com/{name}@{tag}"', source)
        cell["source"] = source if isinstance(cell["source"], str) else source.splitlines(keepends=True)
    return json.dumps(book, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _with_badges(text: str, name: str, tag: str) -> str:
    return BADGES.sub(lambda found: _badges(found["path"], name, tag), text)


def _badges(path: str, name: str, tag: str) -> str:
    at = f"github.com/{name}/blob/{tag}/{path}"
    links = (
        ("Open in Colab", "https://colab.research.google.com/assets/colab-badge.svg",
         f"https://colab.research.google.com/github/{name}/blob/{tag}/{path}"),
        ("Open in Kaggle", "https://kaggle.com/static/images/open-in-kaggle.svg",
         f"https://kaggle.com/kernels/welcome?src=https://{at}"),
        ("Open in Binder", "https://mybinder.org/badge_logo.svg",
         f"https://mybinder.org/v2/gh/{name}/{tag}?labpath={path}"),
    )  # fmt: skip
    # As HTML, because a line that begins with a comment is taken for HTML to its end.
    badges = " ".join(f'<a href="{c}"><img src="{b}" alt="{a}"></a>' for a, b, c in links)
    return f"<!-- badges: {path} -->{badges}<!-- /badges -->"


def _write(path: Path, text: str) -> bool:
    """Writes the text; returns whether that changed the file."""
    if path.read_text(encoding="utf8") == text:
        return False
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf8", newline="\n")
    return True


def main() -> int:
    """Stamps a clone; 2 for an address or a folder that cannot be stamped, explained in one sentence."""
    parser = argparse.ArgumentParser(description="Write where the kit is published into badges and notebooks.")
    parser.add_argument("repository", metavar="OWNER/REPO[@TAG]", help="where on GitHub this copy is published")
    parser.add_argument("--folder", type=Path, default=Path(), metavar="DIR", help="the clone (default: this folder)")
    options = parser.parse_args()
    try:
        changed = stamp(options.repository, options.folder)
    except W2LError as error:
        print(f"stamp: {error}", file=sys.stderr)
        return 2
    print("\n".join(map(str, changed)) or "nothing to change: this address was stamped already")
    return 0


if __name__ == "__main__":
    sys.exit(main())
