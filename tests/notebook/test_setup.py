"""Where the kit runs: what is found on Colab, OpenBayes, Kaggle, Binder and a laptop, and what is installed there."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import requires
from types import ModuleType, SimpleNamespace

import pytest
from helpers.places import ROOT, SHARED
from packaging.requirements import Requirement

from w2l.notebook import setup

module = sys.modules["w2l.notebook.setup"]
COLAB = SHARED / "colab" / "pip-freeze.gpu.txt"


@pytest.mark.parametrize(
    ("kind", "folders", "told"),
    [
        ("colab", ["content"], "lost when this machine is released"),
        ("colab", ["content/drive/MyDrive"], "MyDrive/w2l/results"),
        ("kaggle", ["kaggle/working", "kaggle/input/faces"], "inputs    "),
        ("openbayes", ["openbayes/home", "openbayes/input/input0"], "inputs    "),
        ("binder", [], "there are none here"),
    ],
)
def test_setup_says_where_one_is(machine, monkeypatch, capsys, kind, folders, told):
    root = machine(kind, *folders)
    monkeypatch.setattr(module, "missing_packages", list)
    place = setup()
    out = capsys.readouterr().out
    assert module._NAMES[kind] in out
    assert told in out
    assert place.platform == kind
    assert place.results.is_dir()
    assert place.inputs == [root / folder for folder in folders if "input/" in folder]
    assert (place.keep is not None) == (folders == ["content/drive/MyDrive"])


@pytest.mark.parametrize(("kind", "installs"), [("colab", True), ("kaggle", True), ("binder", True), ("local", False)])
def test_what_is_missing_is_installed_on_hosted_machines(machine, monkeypatch, capsys, kind, installs):
    """And whatever is there is pinned, so that pip refuses to replace it."""
    machine(kind, "content", "kaggle/working")
    monkeypatch.setattr(module, "missing_packages", lambda: ["av>=15"])
    asked = []

    def run(command, **how):
        asked.append([*map(str, command)])
        pins = command[command.index("-c") + 1].read_text().splitlines()
        assert f"numpy=={module.version('numpy')}" in pins
        assert f"torch=={module.version('torch')}" in pins
        return SimpleNamespace(returncode=0, stderr="")

    monkeypatch.setattr(module.subprocess, "run", run)
    setup()
    out = capsys.readouterr().out
    assert bool(asked) is installs
    assert ("installed av>=15" in out) is installs
    if installs:
        assert asked[0][-1] == "av>=15"
        assert "--upgrade" not in asked[0]
        assert "-U" not in asked[0]
    else:
        assert "%pip install -q 'av>=15'" in out
        setup(install=True)
        assert asked


def test_a_failed_installation_is_one_line(machine, monkeypatch, capsys):
    machine("colab", "content")
    monkeypatch.setattr(module, "missing_packages", lambda: ["av>=15"])
    failed = SimpleNamespace(returncode=1, stderr="WARNING: x\nERROR: No matching distribution found for av>=15\n")
    monkeypatch.setattr(module.subprocess, "run", lambda command, **how: failed)
    setup()
    out = capsys.readouterr().out
    assert "failed    pip could not install them (No matching distribution found for av>=15)" in out
    assert "Traceback" not in out


def test_the_drive_is_mounted_only_when_asked(machine, monkeypatch, capsys):
    machine("colab", "content")
    monkeypatch.setattr(module, "missing_packages", list)
    mounted = []
    drive = ModuleType("google.colab.drive")
    drive.mount = mounted.append
    sys.modules["google.colab"].drive = drive
    monkeypatch.setitem(sys.modules, "google", ModuleType("google"))
    setup()
    assert not mounted
    setup(drive=True)
    assert mounted == ["/content/drive"]


def test_setup_runs_where_packages_are_missing(tmp_path):
    """Otherwise it could not say which."""
    script = (
        "import sys\n"
        "class Gone:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in ('av', 'cv2', 'ipywidgets', 'matplotlib', 'librosa', 'soundfile'):\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Gone())\n"
        "from w2l.notebook import setup\n"
        "setup()\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("place")


def colab() -> dict[str, str]:
    """Name -> version of all that Google Colab has installed."""
    lines = re.findall(r"^([\w.-]+)==(\S+)$", COLAB.read_text(encoding="utf8"), re.MULTILINE)
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in lines}


@pytest.mark.skipif(not COLAB.is_file(), reason="no list of Colab's packages here")
def test_colab_needs_one_package_and_keeps_all_of_its_own(monkeypatch):
    """Each requirement is met by what Colab has, or by a twin of it, or is not there at all."""
    there = colab()
    for line in requires("w2l"):
        one = Requirement(line)
        if one.marker is None or any(one.marker.evaluate({"extra": e}) for e in ("notebook", "credentials")):
            assert one.name not in there or there[one.name] in one.specifier, f"Colab's {one.name} would be replaced"

    def version(name):
        if name not in there:
            raise module.PackageNotFoundError(name)
        return there[name]

    monkeypatch.setattr(module, "version", version)
    assert [need.split(">")[0] for need in module.missing_packages()] == ["av"]


def test_the_chinese_readme_gives_the_same_commands():
    """A translation that lags behind would send its readers wrong."""
    root = ROOT
    english, chinese = (root.joinpath(name).read_text(encoding="utf8") for name in ("README.md", "README.zh.md"))
    blocks = re.findall(r"```bash\n.*?```", chinese, re.DOTALL)
    assert len(blocks) >= 4
    assert [block for block in blocks if block not in english] == []
