"""What a command is. Each module of this folder declares a tuple of commands; `main` puts them together."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Command:
    """One command of the command line.

    name: "dub", or "train expert" for `expert` under `train`. help: a line for the list of commands. add_arguments:
    adds its arguments to a parser; it imports nothing heavy, because it runs for every command at every start.
    run: what the command does with the arguments; returns the exit code, None for 0.
    """

    name: str
    help: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int | None]
