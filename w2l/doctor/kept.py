"""What the clinic measured, kept as JSON: a line for each item, and the command that makes them again."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from w2l.base import paths
from w2l.base.files import write_text
from w2l.errors import W2LError

T = TypeVar("T")


@dataclass(frozen=True)
class Kept(Generic[T]):
    """A kind of file. item: the dataclass of what it holds. name: of the items. file: the kit's own, in data/."""

    item: type[T]
    name: str
    file: str
    command: str

    def read(self, path: str | os.PathLike[str] | None = None) -> list[T]:
        """What a file, or the kit's own, holds. Raises W2LError when it holds nothing of the kind."""
        source = paths.data() / self.file if path is None else Path(path)
        try:
            return [self.item(**one) for one in json.loads(source.read_text(encoding="utf8"))[self.name]]
        except (OSError, ValueError, KeyError, TypeError) as error:
            said = f"{source} holds no {self.name} of the clinic ({error}); make some with '{self.command}'."
            raise W2LError(said) from error

    def write(self, items: Sequence[Any], path: Path) -> Path:
        """Writes items, a line for each."""
        lines = ",\n".join(json.dumps(vars(one), separators=(",", ":")) for one in items)
        return write_text(path, f'{{"command": "{self.command}",\n"{self.name}": [\n{lines}\n]}}\n')
