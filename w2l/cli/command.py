"""What a command is. Each module of this folder declares a tuple of commands; `main` puts them together."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from w2l.base import files
from w2l.errors import W2LError


@dataclass(frozen=True)
class Command:
    """One command of the command line.

    name: "dub", or "train expert" for `expert` under `train`. help: a line for the list of commands. add_arguments:
    adds its arguments to a parser; it imports nothing heavy, because it runs for every command at every start.
    run: what the command does with the arguments; returns the exit code, None for 0. writes: the arguments that name
    files it writes. fills: those that name folders it writes into. The files that all other arguments name are never
    overwritten. complete: called before, for arguments that depend on others.
    """

    name: str
    help: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int | None]
    writes: tuple[str, ...] = ()
    fills: tuple[str, ...] = ()
    complete: Callable[[argparse.Namespace], None] | None = None

    def inputs(self, options: argparse.Namespace) -> list[str]:
        """The values of the arguments that are neither `writes` nor `fills`, as far as they may name files."""
        values = (value for name, value in vars(options).items() if name not in (*self.writes, *self.fills))
        words: list[Any] = []
        for value in values:
            words += value if isinstance(value, list) else value.values() if isinstance(value, dict) else [value]
        return [os.fspath(one) for one in words if isinstance(one, (str, os.PathLike))]

    def check_outputs(self, options: argparse.Namespace) -> None:
        """Raises W2LError when a file cannot be written where an argument says, or is one of the inputs."""
        for name in self.writes:
            if (path := getattr(options, name)) is not None:
                files.check_output(path)
        for name in self.fills:
            if (path := getattr(options, name)) is not None and Path(path).is_file():
                raise W2LError(f"{path} is a file; give a folder.")


def note_left_out(paths: Sequence[str | os.PathLike[str]]) -> None:
    """Prints which files of a folder were left out, if any."""
    from w2l.video.files import tell_left_out

    if paths:
        print(f"note: {tell_left_out(paths)}")
