"""The command that reads marks of synthetic media: ``w2l mark read``."""

from __future__ import annotations

import argparse
from pathlib import Path

from w2l.cli.command import Command


def _add_read(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="mp4, GIF, WebP or PNG")


def _run_read(options: argparse.Namespace) -> int:
    from w2l.marking import mark

    found = mark.read(options.file)
    print(f"{options.file}: {mark.describe(found)}")
    return 0 if found.synthetic else 1


COMMANDS = (Command("mark read", "read the AI mark of a file; exits 1 when it has none", _add_read, _run_read),)
