"""Preprocessing: turns raw clips into a clip store: 25 frames a second, tracked, cropped, in sync, split by speaker."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from w2l.preprocess.report import PreprocessReport as PreprocessReport
    from w2l.preprocess.run import preprocess as preprocess
    from w2l.preprocess.settings import LAYOUTS as LAYOUTS
    from w2l.preprocess.settings import PreprocessSettings as PreprocessSettings

# Imported on first use: the command line needs only the settings, and must start fast.
_HOMES = {
    "LAYOUTS": "settings",
    "PreprocessReport": "report",
    "PreprocessSettings": "settings",
    "preprocess": "run",
}
_FORMER = {"Report": "PreprocessReport", "Settings": "PreprocessSettings"}  # old name -> new name; both can be used

__all__ = ["LAYOUTS", "PreprocessReport", "PreprocessSettings", "preprocess"]


def __getattr__(name: str) -> object:
    """Imports a public name when it is first asked for."""
    name = _FORMER.get(name, name)
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
