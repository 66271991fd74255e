"""What people read: README, docs and cards. Links lead somewhere, commands exist, examples import what there is."""

from __future__ import annotations

import argparse
import ast
import functools
import importlib
import re
import shlex
import subprocess
import tomllib

import pytest
import yaml
from helpers.places import ROOT

from tools.stamp import SETTINGS
from w2l.base.version import __version__
from w2l.cli.main import make_parser

PAGES = [
    *ROOT.glob("*.md"),
    *(ROOT / ".github").rglob("*.md"),
    *(ROOT / "data").rglob("*.md"),
    *(ROOT / "docs").rglob("*.md"),
]
NAMES = [str(path.relative_to(ROOT)) for path in PAGES]
FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def prose(text: str) -> str:
    """A page without its code blocks."""
    return FENCE.sub("", text)


def anchors(text: str) -> set[str]:
    """The anchors that GitHub, and the site, give the headings of a page."""
    found: set[str] = set()
    for heading in re.findall(r"^#+ +(.+?) *$", prose(text), re.MULTILINE):
        plain = re.sub(r"\[(.*?)\]\(.*?\)|[`*]", r"\1", heading).lower()
        name = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        found.add(name if name not in found else f"{name}-1")
    return found | set(re.findall(r'<a (?:id|name)="([^"]+)"', text))


@pytest.mark.parametrize("path", PAGES, ids=NAMES)
def test_links_lead_somewhere(path):
    """Files that are linked exist, and so do the headings in them."""
    text = prose(path.read_text(encoding="utf8"))
    broken = []
    for target in re.findall(r"\]\((?!https?:|mailto:)([^)\s]+)\)", text):
        file, _, anchor = target.partition("#")
        there = path.parent / file if file else path
        if not there.exists() or (anchor and anchor not in anchors(there.read_text(encoding="utf8"))):
            broken.append(target)
    assert broken == []


def test_a_broken_link_is_seen():
    assert anchors("# A `b`, and [c](d.md)!\n```\n# no\n```\n## A\n## A\n") == {"a-b-and-c", "a", "a-1"}


def commands(text: str) -> list[tuple[str, bool]]:
    """(command, whether it is whole) of every w2l command on a page: whole in code blocks, maybe in part in a line."""
    blocks = [block for language, block in FENCE.findall(text) if language in ("bash", "sh")]
    lines = [line for block in blocks for line in re.sub(r"\\\n *", "", block).splitlines()]
    whole = [part for line in lines for part in re.split(r"&&|\|", re.sub(r"(^| )#.*", "", line))]
    spans = [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose(text))]
    inline = [part for span in spans for part in re.split(r"&&|\|", span)]
    found = [(part.strip(), True) for part in whole] + [(part.strip(), False) for part in inline]
    start = re.compile(r"(?:\S*[/\\])?(?:w2l|python -m w2l|torchrun .*-m w2l) (?=[a-z-])")
    return [(start.sub("", part, count=1), is_whole) for part, is_whole in found if start.match(part)]


def subparser(parser: argparse.ArgumentParser, words: list[str]) -> argparse.ArgumentParser:
    """The parser of the command that the first words name. Raises LookupError where there is none."""
    for action in parser._subparsers._group_actions if parser._subparsers else ():
        if words and not words[0].startswith(("-", "…")):
            return subparser(action.choices[words[0]], words[1:])
    return parser


@functools.cache
def kit_parser() -> argparse.ArgumentParser:
    return make_parser()


def wrong(command: str, is_whole: bool) -> str:
    """What the kit's own parser has against a command of a page; "" for nothing.

    A command that stands in a sentence may be cut short, and may show places to fill in: of such a one, name and
    options are looked at.
    """
    words = shlex.split(command)
    parser = kit_parser()
    try:
        options = subparser(parser, words)._option_string_actions
    except LookupError as error:
        return f"there is no command {error}"
    # What is left out or to be filled in has no value that the parser would take.
    is_whole = is_whole and not re.search(r"…|\b[A-Z]{3,}\b", command)
    unknown = [word for word in words if re.match(r"--[a-z]", word) and word.partition("=")[0] not in options]
    if unknown or not is_whole:
        return " ".join(unknown)
    try:
        parser.parse_args(words)
    except SystemExit as end:
        return "does not parse" if end.code else ""
    except argparse.ArgumentTypeError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("path", PAGES, ids=NAMES)
def test_commands_exist(path):
    found = commands(path.read_text(encoding="utf8"))
    assert [(command, fault) for command, is_whole in found if (fault := wrong(command, is_whole))] == []


@pytest.mark.parametrize(
    ("page", "fault"),
    [
        ("```bash\nw2l dub a.mp4 b.wav \\\n  c.mp4 # so\n```", ""),
        ("```bash\n.venv/bin/w2l dub a.mp4 b.wav c.mp4 --fps\n```", "does not parse"),
        ("`w2l dub … --which 1`", ""),
        ("see `w2l dub --whom 1`", "--whom"),
        ("`w2l evaluate nothing x`", "there is no command 'nothing'"),
    ],
)
def test_a_wrong_command_is_seen(page, fault):
    ((command, is_whole),) = commands(page)
    assert wrong(command, is_whole) == fault


@pytest.mark.parametrize("path", PAGES, ids=NAMES)
def test_examples_import_what_there_is(path):
    """Examples in Python compile, and what they import or call of the kit is there."""
    text = path.read_text(encoding="utf8")
    modules = set(re.findall(r"\bpython3? -m (tools\.\w+)", text))
    for code in [block for language, block in FENCE.findall(text) if language == "python"]:
        tree = ast.parse(code)
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                modules |= {alias.name for alias in node.names if alias.name.startswith("w2l")}
            elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("w2l"):
                modules |= {f"{node.module}:{alias.name}" for alias in node.names}
        modules |= {f"w2l:{name}" for name in re.findall(r"\bw2l\.(\w+)\(", code)}
    for name in modules:
        module, _, member = name.partition(":")
        found = importlib.import_module(module)
        assert not member or hasattr(found, member) or importlib.util.find_spec(f"{module}.{member}"), name


def test_addresses_come_from_the_stamp():
    """No page gives the kit's own address by hand: where it is published is written by tools.stamp alone."""
    for path in PAGES:
        text = re.sub(r"<!-- badges: .*?<!-- /badges -->", "", path.read_text(encoding="utf8"), flags=re.DOTALL)
        assert re.findall(r"(?:github\.com/[\w-]+/w2l\b|\bw2l\.git\b|[\w-]+\.github\.io/w2l\b)[^\s)]*", text) == []
    for name in SETTINGS:
        assert len(re.findall(r"^# address\n(?:.*\n)*?# /address$", (ROOT / name).read_text(), re.MULTILINE)) == 1


def test_one_version_and_one_licence():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))["project"]
    assert cited["version"] == __version__
    assert f"\n## {__version__} " in (ROOT / "CHANGELOG.md").read_text(encoding="utf8")
    assert project["license"].split(" AND ")[0] == cited["license"]
    assert all((ROOT / name).is_file() for name in project["license-files"])


def test_forms_and_workflows_are_well_formed():
    forms = [path for path in (ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml") if path.name != "config.yml"]
    assert len(forms) >= 2
    for path in forms:
        form = yaml.safe_load(path.read_text(encoding="utf8"))
        assert form["name"] and form["description"]
        asked = [part for part in form["body"] if part["type"] != "markdown"]
        assert len({part["id"] for part in asked}) == len(asked)
        assert all(part["attributes"]["label"] for part in asked)
    for path in (ROOT / ".github/workflows").glob("*.yml"):
        flow = yaml.safe_load(path.read_text(encoding="utf8"))
        assert flow["permissions"] and flow["jobs"], path.name


def test_the_matrix_has_every_python_that_is_supported():
    flow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))["project"]
    supported = [text.split(" :: ")[-1] for text in project["classifiers"] if re.search(r":: 3\.\d+$", text)]
    assert flow["jobs"]["systems"]["strategy"]["matrix"]["python"] == supported
    assert any("bash .ci/run" in str(step) for step in flow["jobs"]["clone"]["steps"])


TOP = {
    *("w2l", "data", "docs", "notebooks", "tests", "tools", ".ci", ".github"),
    *("README.md", "README.zh.md", "CONTRIBUTING.md", "CHANGELOG.md", "CITATION.cff", "LICENSE"),
    *("pyproject.toml", "constraints.txt", "environment.yml", "openbayes.yaml", "index.ipynb", "mkdocs.yml"),
    *(".gitattributes", ".gitignore", ".pre-commit-config.yaml"),
}


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a clone")
def test_the_top_of_the_repository_is_small():
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert {name.split("/")[0] for name in done.stdout.split("\0") if name} - TOP == set()


def test_figures_of_the_bundled_stages_are_those_of_the_model_card():
    """The guide's table of stages has the numbers of the card, which is written when the weights are measured."""
    card = (ROOT / "data/weights/README.md").read_text(encoding="utf8").split("## Stage by stage\n")[1]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in card.splitlines() if line[:1] == "|"]
    table = {row[0]: dict(zip(rows[0][1:], row[1:], strict=True)) for row in rows if len(row) == len(rows[0])}
    wanted = (
        "opening against the truth of the new speech",
        "opening against the truth of the replaced speech",
        "gradient energy of the lower face over the truth's",
    )
    guide = (ROOT / "docs/guides/evaluation.md").read_text(encoding="utf8").replace("−", "-")
    found = re.findall(r"^\| `(classroom_\w+)`[^|]*\| ([^|]+?) \| ([^|]+?) \| ([^|]+?) \|$", guide, re.MULTILINE)
    assert len(found) == 4
    for name, *values in found:
        assert values == [table[figure][name] for figure in wanted], name
