"""Public names of a package that are imported on first use, because torch and OpenCV take long to start."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module


def on_first_use(package: str, homes: Mapping[str, str]) -> Callable[[str], object]:
    """The package's ``__getattr__``. homes: name -> the module in which it is defined, or "module:its name there"."""

    def getattr_of_package(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        home, _, inner = homes[name].partition(":")
        return getattr(import_module(home), inner or name)

    return getattr_of_package
