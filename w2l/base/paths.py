"""Where data, cache and results are kept: on Colab, OpenBayes, Kaggle, Binder and a laptop."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

from w2l.errors import W2LError

_OPENBAYES_HOMES = (Path("/openbayes/home"), Path("/hyperai/home"))
_COLAB_HOME, _DRIVE = Path("/content"), Path("/content/drive/MyDrive")
_KAGGLE_HOME = Path("/kaggle/working")
_INPUTS = (Path("/openbayes/input"), Path("/hyperai/input"), Path("/kaggle/input"))


def platform() -> str:
    """Which kind of machine this is: ``"colab"``, ``"openbayes"``, ``"kaggle"``, ``"binder"`` or ``"local"``."""
    if "google.colab" in sys.modules:
        return "colab"
    if os.environ.get("KAGGLE_KERNEL_RUN_TYPE"):
        return "kaggle"
    if os.environ.get("BINDER_SERVICE_HOST"):
        return "binder"
    if any(home.is_dir() for home in _OPENBAYES_HOMES):
        return "openbayes"
    return "local"


def home() -> Path:
    """The folder the user works in: ``$W2L_HOME``, the platform's persistent home, or the current folder."""
    if env := os.environ.get("W2L_HOME"):
        return Path(env).expanduser()
    where = platform()
    if where == "openbayes":
        return next(home for home in _OPENBAYES_HOMES if home.is_dir())
    if where == "colab" and _COLAB_HOME.is_dir():
        return lasting() or _COLAB_HOME
    if where == "kaggle" and _KAGGLE_HOME.is_dir():
        return _KAGGLE_HOME
    return Path.cwd()


def lasting() -> Path | None:
    """The folder whose files outlive the machine; None where nothing does.

    On Colab that is ``w2l`` on the mounted Drive, on Binder nothing is kept; elsewhere it is `home`.
    """
    where = platform()
    if where == "colab":
        return drive() if _DRIVE.is_dir() else None
    return None if where == "binder" else home()


def drive() -> Path:
    """The kit's folder on a Google Drive mounted by Colab, whether it exists or not."""
    return _DRIVE / "w2l"


def runs() -> Path:
    """Where training runs are written: a fast disk, so not the Drive on Colab (``--copy-to`` copies them there)."""
    if platform() == "colab" and not os.environ.get("W2L_HOME") and _COLAB_HOME.is_dir():
        return _COLAB_HOME / "runs"
    return home() / "runs"


def inputs() -> list[Path]:
    """The data sets attached to this container: ``input0`` and so on in OpenBayes, under their own names in Kaggle."""
    return [folder for place in _INPUTS for folder in folders_in(place)]


def folders_in(parent: Path) -> list[Path]:
    """The folders in a folder, sorted; none when it is missing or not readable."""
    with suppress(OSError):
        return sorted(path for path in parent.iterdir() if path.is_dir())
    return []


def results() -> Path:
    """Where results go when no output path is given; not created here."""
    return home() / "results"


def cache() -> Path:
    """Where fetched weights and detections are kept: ``$W2L_CACHE``, or the user's cache folder."""
    if env := os.environ.get("W2L_CACHE"):
        return Path(env).expanduser()
    if platform() == "openbayes":
        return home() / ".cache" / "w2l"
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "w2l"


def data() -> Path:
    """The bundled weights and samples: beside the package in a clone, inside it in an installed wheel."""
    package = Path(__file__).resolve().parents[1]
    for candidate in (package / "bundled", package.parent / "data"):
        if candidate.is_dir():
            return candidate
    raise W2LError(f"the kit's data folder is missing beside {package}; install w2l again from its repository.")
