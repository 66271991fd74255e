"""The command line: ``w2l demo``, ``mark``, ``bench``, and the commands of the modules `cli_...`.

Each command is a row of `COMMANDS`; what it imports, it imports when it runs, so that ``w2l --help`` answers at once.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from w2l.base.choices import whole_number
from w2l.base.version import __version__
from w2l.cli import dub, evaluate, preprocess, train, weights
from w2l.cli.arguments import word
from w2l.errors import W2LError

BAD_INPUT, INTERRUPTED = 2, 130  # exit codes


@dataclass(frozen=True)
class Command:
    """One command: its name ("train expert" is `expert` under `train`), a line of help, its arguments, what it runs."""

    name: str
    help: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int | None]


class _Parser(argparse.ArgumentParser):
    """Says what is wrong with an argument in one line, as every other error of the kit."""

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"w2l: {message} (see {self.prog} --help)\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code: 0, 2 for bad input (told in one sentence), 130 when interrupted."""
    try:
        options = make_parser().parse_args(arguments)
        with _terminated_as_interrupted():
            return options.run(options) or 0
    except (W2LError, argparse.ArgumentTypeError) as error:
        print(f"w2l: {error}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print("w2l: interrupted; nothing is left that could be taken for whole.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output went away, as in `w2l bench | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Lets a polite kill end a command as Ctrl-C does, so that temporary files are removed."""

    def interrupt(signum: int, frame: object) -> NoReturn:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():  # only there are signals to catch
        yield
        return
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def make_parser() -> argparse.ArgumentParser:
    """The parser with all of `COMMANDS`."""
    parser = _Parser(prog="w2l", description="Make a face speak, and learn how: the Wav2Lip teaching kit.")
    parser.add_argument("--version", action="version", version=f"w2l {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    groups: dict[str, argparse._SubParsersAction] = {}
    for command in COMMANDS:
        group, _, name = command.name.rpartition(" ")
        if group and group not in groups:
            inner = commands.add_parser(group, help=_GROUPS[group], description=_GROUPS[group])
            groups[group] = inner.add_subparsers(title="commands", metavar="COMMAND", required=True)
        place = groups[group] if group else commands
        one = place.add_parser(name, help=command.help, description=command.help)
        command.add_arguments(one)
        one.set_defaults(run=command.run)
    return parser


# ---------------------------------------------------------------- demo, mark, bench


def _add_demo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder to write to (default: results/demo)")
    parser.add_argument("--quiet", action="store_true", help="no progress bars")


def _run_demo(options: argparse.Namespace) -> None:
    from w2l.dubbing.demo import demo

    made = demo(options.out, progress=not options.quiet)
    print(f"video:         {made.video}\ncontact sheet: {made.sheet}")


def _add_mark_read(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="mp4, GIF, WebP or PNG")


def _run_mark_read(options: argparse.Namespace) -> int:
    from w2l.marking import mark

    found = mark.read(options.file)
    print(f"{options.file}: {mark.describe(found)}")
    return 0 if found.synthetic else 1


def _add_bench(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "what", nargs="?", choices=("stages", "dub", "memory", "data", "step"), default="stages",
        help="each stage by itself; a whole dub against the plain way; its memory; reading training windows, and a "
        "training step, against the plain way (default: stages)",
    )  # fmt: skip
    parser.add_argument("--clip", type=Path, metavar="FILE", help="a clip to measure on (default: the bundled one)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument(
        "--threads", type=word(whole_number), metavar="N", help="processor threads to use (default: all)"
    )


def _run_bench(options: argparse.Namespace) -> None:
    dub.use_threads(options.threads)
    from dataclasses import asdict
    from importlib import import_module

    bench = import_module({"dub": "w2l.bench.end_to_end"}.get(options.what, f"w2l.bench.{options.what}"))
    figures = bench.measure(options.clip)
    print(json.dumps(asdict(figures), indent=2) if options.json else bench.to_table(figures))


_ROWS = (*weights.COMMANDS, *preprocess.COMMANDS, *train.COMMANDS, *evaluate.COMMANDS)
_GROUPS = {"mark": "marks of synthetic media", "train": "train the networks", **weights.GROUP, **evaluate.GROUP}
COMMANDS = (
    Command("demo", "dub the bundled face with the bundled speech; nothing is downloaded", _add_demo, _run_demo),
    *(Command(*row) for row in dub.COMMANDS),
    Command("mark read", "read the AI mark of a file; exits 1 when it has none", _add_mark_read, _run_mark_read),
    Command("bench", "measure speed and memory on this machine", _add_bench, _run_bench),
    *(Command(*row) for row in _ROWS),
)
