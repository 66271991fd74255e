"""The house itself: what is imported when, which wing imports which, sizes, commands, pins."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from helpers.places import ROOT
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tools import house

MODULES = sorted((ROOT / "w2l").rglob("*.py"))
NAMES = [str(path.relative_to(ROOT)) for path in MODULES]
PYTHONS = ("3.11", "3.12", "3.13")

HEAVY = {"torch", "librosa", "cv2", "av", "scipy", "sklearn", "numba", "soundfile", "matplotlib", "IPython", "gradio"}


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
def test_imports_only_from_wings_below(path):
    assert house.climbs(path) == []
    here = house.wing(house.module_of(path))
    for _, name in house.imports(path):
        top = name.split(".")[0]
        assert top not in ("IPython", "ipywidgets", "anywidget") or here == "notebook", f"{path} imports {name}"
        assert top not in ("gradio", "fastapi", "starlette", "uvicorn") or here == "app", f"{path} imports {name}"
        assert top != "matplotlib" or here in ("notebook", "evaluate"), f"{path} imports {name}"
        assert top != "argparse" or here in ("cli", "talker"), f"{path} parses arguments"


def test_no_modules_import_each_other_in_a_ring():
    assert house.circles(MODULES) == []


def test_a_climb_and_a_ring_are_seen(tmp_path, monkeypatch):
    """The two tests above can fail."""
    files = {
        "faces/a.py": "def f():\n    from w2l.dubbing import b\n",
        "dubbing/b.py": "from w2l.faces.a import f\n",
    }
    for name, text in files.items():
        path = tmp_path / "w2l" / name
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf8")
    monkeypatch.setattr(house, "ROOT", tmp_path)
    paths = sorted((tmp_path / "w2l").rglob("*.py"))
    assert house.circles(paths) == [["w2l.dubbing.b", "w2l.faces.a"]]
    assert [len(house.climbs(path)) for path in paths] == [0, 1]


def test_the_map_in_the_readme_is_the_house():
    """One list: the wings that the tests hold the modules to are those that README shows, and all that there are."""
    assert house.readme_map() in (ROOT / "README.md").read_text(encoding="utf8")
    there = {house.wing(house.module_of(path)) for path in MODULES}
    assert there - {"", "__main__"} == set(house.WINGS)


def test_the_hall_is_small():
    assert len(list((ROOT / "w2l").glob("*.py"))) <= 5


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
def test_sizes(path):
    text = path.read_text(encoding="utf8")
    assert text.count("\n") <= 350, "a module of more than 350 lines holds two ideas"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            assert node.end_lineno - node.lineno < 60, f"{node.name} has more than 60 lines"


def test_a_class_name_exists_once():
    trees = [ast.parse(path.read_text(encoding="utf8")) for path in MODULES]
    names = [node.name for tree in trees for node in tree.body if isinstance(node, ast.ClassDef)]
    assert {name for name in names if names.count(name) > 1 and not name.startswith("_")} == set()


@pytest.mark.parametrize(
    "code",
    [
        "import w2l; dir(w2l); w2l.W2LError",
        "import runpy; sys.argv = ['w2l', '--help']; runpy.run_module('w2l', run_name='__main__')",
    ],
    ids=["import", "help"],
)
def test_starts_light(code):
    """Importing the kit and asking for help load none of the packages that take seconds to start."""
    report = (
        "import atexit, sys\natexit.register(lambda: print('HEAVY', *sorted({*sys.modules} & {*heavy.split(',')})))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"heavy = {','.join(HEAVY)!r}\n{report}{code}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "HEAVY", done.stdout


def quick_start() -> list[str]:
    """The commands in README's section Quick start, by the rule that `.ci/run` reads them by too."""
    section = (ROOT / "README.md").read_text(encoding="utf8").split("\n## Quick start\n")[1].split("\n## ")[0]
    return re.findall(r"^```(?:bash|sh)\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)


def test_quick_start_is_two_commands_of_one_line():
    commands = quick_start()
    assert [command.count("\n") for command in commands] == [1, 1]
    first, second = commands
    assert "-m venv .venv" in first
    assert "w2l demo" in first
    assert ".[test]" in second
    assert "pytest" in second
    assert all("-c constraints.txt" in command for command in commands)


def test_readme_names_what_exists():
    """Each w2l command in README's code blocks answers --help, each w2l.name is there after `import w2l`, and imports
    work."""
    text = (ROOT / "README.md").read_text(encoding="utf8")
    commands = {" ".join(found.split()) for found in re.findall(r"\.venv/bin/w2l((?: [a-z]+(?![\w.]))+)", text)}
    imports = set(re.findall(r"\bfrom w2l[\w.]* import \w+", text))
    names = set(re.findall(r"(?<!from )\bw2l\.\w+(?:\.\w+)*", text)) - {"w2l.data"}
    script = "import w2l\nfrom w2l.cli.main import make_parser\n" + "\n".join([*sorted(names), *sorted(imports)])
    script += f"\nfor command in {sorted(commands)}:\n    try: make_parser().parse_args([*command.split(), '--help'])\n"
    script += "    except SystemExit as end: assert end.code == 0, command"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert len(commands) >= 5
    assert done.returncode == 0, done.stderr


def test_ci_runs_what_the_readme_says():
    """`.ci/run --show` prints the two commands it reads out of README.md."""
    done = subprocess.run(["bash", ".ci/run", "--show"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "".join(quick_start())


def pins(python: str) -> dict[str, Version]:
    """The versions that constraints.txt gives under one Python; a name given twice is an error."""
    found: dict[str, Version] = {}
    for line in (ROOT / "constraints.txt").read_text(encoding="utf8").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        requirement = Requirement(line)
        (pin,) = requirement.specifier
        assert pin.operator == "==", line
        assert not requirement.url, line
        if requirement.marker is None or requirement.marker.evaluate({"python_version": python}):
            name = canonicalize_name(requirement.name)
            assert name not in found, f"{name} is pinned twice for Python {python}"
            found[name] = Version(pin.version)
    return found


def declared() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))["project"]
    lines = project["dependencies"] + [line for extra in project["optional-dependencies"].values() for line in extra]
    return [requirement for line in lines if (requirement := Requirement(line)).name != "w2l"]


@pytest.mark.parametrize("python", PYTHONS)
def test_pins_fit_what_is_declared(python):
    pinned = pins(python)
    for requirement in declared():
        if requirement.marker is None or requirement.marker.evaluate({"python_version": python}):
            name = canonicalize_name(requirement.name)
            assert name in pinned, f"{name} has no pin for Python {python}"
            assert pinned[name] in requirement.specifier, f"{name}=={pinned[name]} does not satisfy {requirement}"


def test_pins_cover_everything_that_is_installed_here():
    """Whatever the declared packages bring along, to the last, is pinned for this Python."""
    pinned = pins(f"{sys.version_info.major}.{sys.version_info.minor}")
    queue = declared()
    seen: set[tuple[str, str]] = set()
    unpinned = set()
    while queue:
        requirement = queue.pop()
        extras = requirement.extras or {""}
        if requirement.marker is not None and not any(requirement.marker.evaluate({"extra": e}) for e in extras):
            continue
        name = canonicalize_name(requirement.name)
        if (name, str(extras)) in seen:
            continue
        seen.add((name, str(extras)))
        if name not in pinned:
            unpinned.add(name)
        try:
            needs = [Requirement(line) for line in requires(name) or []]
        except PackageNotFoundError:
            continue
        queue += [n for n in needs if n.marker is None or any(n.marker.evaluate({"extra": e}) for e in extras)]
    assert not unpinned


def tracked() -> list[Path]:
    """The files of the repository as git sees them; where there is no git, those of its folders."""
    if (ROOT / ".git").exists():
        done = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode == 0 and done.stdout:
            return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]
    folders = [path for folder in ("w2l", "tests", "notebooks", "data", ".ci") for path in (ROOT / folder).rglob("*")]
    return [path for path in [*folders, *ROOT.iterdir()] if path.is_file()]


TEXT = {".py", ".md", ".txt", ".toml", ".yml", ".ipynb", ".json", ""}
BANNED = {
    "a path of somebody's machine": r"(?<![\w.$}])/(?:work|root|home/\w+|Users/\w+)/",
    "a package registry": r"(?:pypi|pythonhosted|download\.pytorch)\.org",
    "an unfinished place": r"\b(?:TODO|FIXME|XXX|TODO-LEAD)\b",
    "a token": r"\b(?:ghp_|hf_|AKIA)[A-Za-z0-9]{16,}",
}


def test_no_banned_strings():
    here = Path(__file__).resolve()
    found = []
    for path in tracked():
        if path.suffix in TEXT and path != here and "__pycache__" not in path.parts:
            text = path.read_text(encoding="utf8")
            found += [
                f"{path.relative_to(ROOT)}: {what}: {hit.group()!r}"
                for what, pattern in BANNED.items()
                for hit in re.finditer(pattern, text)
            ]
    assert not found, "\n".join(found)


def test_bundled_data_is_small():
    weights = sum(path.stat().st_size for path in (ROOT / "data" / "weights").rglob("*") if path.is_file())
    assert weights <= 24 * 2**20


@pytest.mark.parametrize(
    "path",
    sorted([*(ROOT / "notebooks").glob("*.ipynb"), *(ROOT / "notebooks/zh").glob("*.ipynb")]),
    ids=lambda path: f"{path.parent.name}/{path.name}",
)
def test_notebooks_are_light_and_short(path):
    assert path.stat().st_size <= 500_000
    book = json.loads(path.read_text(encoding="utf8"))
    assert "widgets" not in book["metadata"]
    cells = ["".join(cell["source"]) for cell in book["cells"] if cell["cell_type"] == "code"]
    lines = sorted(sum(not re.match(r"\s*(#|$)", line) for line in cell.splitlines()) for cell in cells)
    assert lines[-1] <= 30
    assert lines[len(lines) // 2] <= 6
    for source in cells:
        tree = ast.parse(re.sub(r"^(\s*)[%!].*$", r"\1pass", source, flags=re.MULTILINE))
        for node in ast.walk(tree):
            assert not isinstance(node, ast.ClassDef), f"{path.name} defines the class {node.name}"
            if isinstance(node, ast.FunctionDef):
                assert node.end_lineno - node.lineno < 10, f"{path.name}: {node.name} is longer than ten lines"
