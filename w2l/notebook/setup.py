"""The first call of every notebook: where it runs, what is available, where results go."""

from __future__ import annotations

import os
import platform as machine
import random
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import invalidate_caches
from importlib.metadata import PackageNotFoundError, distributions, requires, version
from pathlib import Path

import numpy as np
from packaging.requirements import Requirement
from packaging.version import InvalidVersion, Version

from w2l import weights
from w2l.base import paths
from w2l.base.version import __version__
from w2l.errors import W2LError

FAST_VARIABLE = "W2L_FAST"  # if set to 1, notebooks use less data and fewer steps; every section still runs
_SHOWN = ("torch", "numpy", "librosa", "av", "ipywidgets")
_OPENCV = ("opencv-python-headless", "opencv-python", "opencv-contrib-python", "opencv-contrib-python-headless")
# Packages that provide the same module: any one of a group will do, and a second one would overwrite the first.
_SAME = {"opencv-python-headless": _OPENCV}
_NAMES = {
    "colab": "Google Colab",
    "openbayes": "an OpenBayes container",
    "kaggle": "a Kaggle notebook",
    "binder": "Binder",
    "local": "your own machine",
}
_NO_GPU = {
    "colab": "none; for one: menu Runtime > Change runtime type > T4 GPU, then run again from the top",
    "openbayes": "none; for one: start the container again with a GPU chosen under its resources",
    "kaggle": "none; for one: Settings > Accelerator > GPU, then run again from the top",
    "binder": "none, and there are none here; everything also runs on the processor",
    "local": "none needed; everything here also runs on the processor",
}
_LOST = "lost when this machine is released; download what you want to keep"


@dataclass(frozen=True)
class Place:
    """Where a notebook runs."""

    platform: str  # "colab", "openbayes", "kaggle", "binder" or "local"
    device: str  # what torch computes on: "cuda", "mps" or "cpu"
    fast: bool  # whether to use less data and fewer steps
    data: Path  # the kit's weights and samples
    results: Path  # where the notebook writes; exists
    runs: Path  # where trainings write
    keep: Path | None  # where trainings are copied to, because `runs` does not survive; None where that is not needed
    inputs: list[Path]  # data sets attached to this container
    weights: dict[str, Path | None]  # name of a generator -> its file, None where it is not on this machine


def setup(seed: int = 0, install: bool | None = None, drive: bool = False) -> Place:
    """Prints where the notebook runs and what it finds there, makes the results folder, seeds the random numbers.

    install: whether to install missing packages; by default only on hosted machines, and on your own the command that
    would do it is printed. Installed packages are never replaced. drive: on Colab, mount your Drive first, so that
    results survive; Colab asks for permission.
    Raises W2LError when the results folder cannot be made or the kit's data is missing.
    """
    where = paths.platform()
    if drive and where == "colab":
        from google.colab import drive as google_drive

        google_drive.mount("/content/drive")
    told = _install(missing_packages(), where) if (where != "local" if install is None else install) else []
    import torch  # here, because it takes seconds to start

    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - for the packages that still use numpy's global generator
    torch.manual_seed(seed)
    _plain_pictures()
    lasting = paths.lasting()
    place = Place(
        platform=where,
        device=_device(),
        fast=fast(),
        data=paths.data(),
        results=_made(paths.results()),
        runs=paths.runs(),
        keep=lasting / "runs" if lasting and lasting / "runs" != paths.runs() else None,
        inputs=paths.inputs(),
        weights={name: _found(name) for name in _names()},
    )
    for name, text in (*_report(place), *told):
        print(f"{name:<9} {text}")
    return place


def _install(missing: list[str], where: str) -> list[tuple[str, str]]:
    """Installs packages without changing those already installed; returns a line for the report."""
    if not missing:
        return []
    there = {d.metadata["Name"]: d.version for d in distributions() if d.metadata["Name"] and _is_version(d.version)}
    with tempfile.TemporaryDirectory() as folder:
        pins = Path(folder) / "installed.txt"
        pins.write_text("".join(f"{name}=={version}\n" for name, version in there.items()), encoding="utf8")
        own = ["--user"] if where == "openbayes" and sys.prefix == sys.base_prefix else []  # the home folder is kept
        command = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", *own]
        done = subprocess.run([*command, "-c", pins, *missing], capture_output=True, text=True, check=False)
    invalidate_caches()
    if done.returncode == 0:
        return [("installed", ", ".join(missing))]
    said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
    return [("failed", f"pip could not install them ({said[-1][7:] if said else 'no reason given'})")]


def _is_version(text: str) -> bool:
    """Whether pip can parse it; some old packages have other versions, and pip would reject the whole list for one."""
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True


def fast() -> bool:
    """Whether notebooks should use less data and fewer steps: ``W2L_FAST`` is set, and not to 0."""
    return os.environ.get(FAST_VARIABLE, "0") not in ("", "0")


def missing_packages() -> list[str]:
    """The requirements of ``w2l[notebook]``, as pip takes them, that are not installed or too old here."""
    try:
        lines = requires("w2l") or []
    except PackageNotFoundError:  # run from a folder, not installed: its requirements are unknown
        return []
    wanted = [Requirement(line) for line in lines]
    return [
        f"{one.name}{one.specifier}"
        for one in wanted
        if (one.marker is None or one.marker.evaluate({"extra": "notebook"})) and not _installed(one)
    ]


def _installed(one: Requirement) -> bool:
    for name in _SAME.get(one.name, (one.name,)):
        try:
            if version(name) in one.specifier:
                return True
        except PackageNotFoundError:
            continue
    return False


def _report(place: Place) -> Iterator[tuple[str, str]]:
    yield "place", f"{_NAMES[place.platform]}, {machine.system()}, Python {machine.python_version()}"
    yield (
        "packages",
        f"w2l {__version__}, " + ", ".join(_version_of(name) for name in _SHOWN) + f", {_version_of_opencv()}",
    )
    yield "GPU", _gpu_name(place)
    yield "results", f"{place.results}" + ("" if paths.lasting() else f" ({_LOST})")
    if place.inputs:
        yield "inputs", ", ".join(map(str, place.inputs))
    for name, path in place.weights.items():
        yield "weights", f"{name}: {_whence(path, place)}"
    if place.fast:
        yield "fast", f"{FAST_VARIABLE} is set: less data, fewer steps"
    if missing := missing_packages():
        yield "missing", f"run  %pip install -q {shlex.join(missing)}  in a cell of its own, then restart the kernel"


def _whence(path: Path | None, place: Place) -> str:
    """Where a generator's weights come from. To a newcomer, weights that are absent must not read as a fault."""
    if path is None:
        return "optional, not downloaded; the notebooks run without it"
    return "comes with the kit" if path.is_relative_to(place.data) else str(path)


def _version_of(name: str) -> str:
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return f"no {name}"


def _version_of_opencv() -> str:
    found = [_version_of(name) for name in _OPENCV]
    return next((text for text in found if not text.startswith("no ")), "no opencv")


def _device() -> str:
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _gpu_name(place: Place) -> str:
    import torch

    if place.device == "cuda":
        memory = torch.cuda.get_device_properties(0).total_memory / 2**30
        return f"{torch.cuda.get_device_name(0)}, {memory:.0f} GiB"
    return "Apple GPU" if place.device == "mps" else _NO_GPU[place.platform]


def _names() -> list[str]:
    return [weights.CLASSROOM, *weights.PUBLISHED]


def _found(name: str) -> Path | None:
    try:
        return weights.find(name)
    except W2LError:
        return None


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise W2LError(
            f"cannot make the results folder {folder} ({error.strerror}); set W2L_HOME to another."
        ) from error
    return folder


def _plain_pictures() -> None:
    """In a notebook, makes figures PNGs of 100 dots an inch, with the same bytes from run to run."""
    from IPython import get_ipython

    if shell := get_ipython():
        shell.run_line_magic(
            "config", "InlineBackend.print_figure_kwargs = {'dpi': 100, 'metadata': {'Software': None}}"
        )
