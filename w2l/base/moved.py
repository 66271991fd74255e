"""Modules of version 0.1.0 that have moved: importing one under its old name says where it is now."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

MOVED = {
    "w2l.batch": "w2l.dubbing.batch",
    "w2l.credentials": "w2l.marking.credentials",
    "w2l.dataset": "w2l.data",
    "w2l.demo": "w2l.dubbing.demo",
    "w2l.dub": "w2l.dubbing.dub",
    "w2l.fetch": "w2l.weights.download",
    "w2l.footage": "w2l.dubbing.footage",
    "w2l.lettering": "w2l.base.lettering",
    "w2l.mark": "w2l.marking.mark",
    "w2l.models.checkpoint": "w2l.weights.formats",
    "w2l.models.inference": "w2l.models.fast.generate",
    "w2l.parity": "w2l.dubbing.published",
    "w2l.paths": "w2l.base.paths",
    "w2l.pipeline": "w2l.base.parallel",
    "w2l.preview": "w2l.dubbing.preview",
    "w2l.redraw": "w2l.dubbing.stream",
    "w2l.registry": "w2l.weights.registry",
    "w2l.settings": "w2l.dubbing.settings",
    "w2l.sheet": "w2l.dubbing.contact_sheet",
    "w2l.speech": "w2l.dubbing.speech",
    "w2l.store": "w2l.data.store",
    "w2l.xmp": "w2l.marking.xmp",
}


class MovedModules:
    """A finder for `sys.meta_path` that finds nothing: asked for an old name, it tells the new one."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> None:
        """Raises ImportError for a module that has moved."""
        if name in MOVED:
            raise ImportError(f"{name} is now {MOVED[name]}.", name=name)
