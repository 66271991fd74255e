"""The command line ``w2l``: all commands together.

Each command imports what it needs when it runs, so that ``w2l --help`` answers immediately.
"""

from __future__ import annotations

import argparse
import atexit
import copy
import gc
import io
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any, NoReturn

from w2l.base import files
from w2l.base.parallel import limit_threads
from w2l.base.version import __version__
from w2l.cli import (
    app,
    bench,
    clinic,
    doctor,
    dub,
    evaluate,
    evaluate_truth,
    live,
    mark,
    preprocess,
    say,
    train,
    weights,
)
from w2l.cli.command import Command
from w2l.errors import W2LError

BAD_INPUT, INTERRUPTED = 2, 130  # exit codes


COMMANDS: tuple[Command, ...] = (
    *dub.COMMANDS,
    *live.COMMANDS,
    *say.COMMANDS,
    *app.COMMANDS,
    *mark.COMMANDS,
    *bench.COMMANDS,
    *weights.COMMANDS,
    *preprocess.COMMANDS,
    *doctor.COMMANDS,
    *train.COMMANDS,
    *evaluate.COMMANDS,
    *evaluate_truth.COMMANDS,
    *clinic.COMMANDS,
)
_GROUPS = {
    "mark": "marks of synthetic media",
    "weights": "published weights: list, fetch, check",
    "train": "train the networks",
    "evaluate": "measure clips and generators: sync, picture, and whether the mouth follows",
}
_FORMER = {"stamp": "w2l stamp is now python -m tools.stamp, to be run in a clone of the repository."}


class _Parser(argparse.ArgumentParser):
    """Says what is wrong with an argument in one line, like every other error of the kit."""

    _is_mixing = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Takes arguments on both sides of an option too, as in FACE --say TEXT OUT, of which some may be left out."""
        found, extra = super().parse_known_args(args, copy.copy(namespace))
        if self._is_mixing or self._subparsers is not None or not extra or extra[0].startswith("-"):
            return found, extra
        self._is_mixing = True
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._is_mixing = False

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"w2l: {message} (see {self.prog} --help)\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code: 0, 2 for bad input (reported in one sentence), 130 when interrupted."""
    _escape_what_cannot_be_printed()
    if arguments is None:
        atexit.register(gc.freeze)  # what a process leaves when it ends need not be searched for garbage, for 0.4 s
    try:
        words = sys.argv[1:] if arguments is None else arguments
        if words and words[0] in _FORMER:
            raise W2LError(_FORMER[words[0]])
        options = make_parser().parse_args(words)
        command: Command = options.command
        if command.complete is not None:
            command.complete(options)
        with _terminated_as_interrupted(), files.keeping(*command.inputs(options)):
            command.check_outputs(options)
            limit_threads()
            return command.run(options) or 0
    except (W2LError, argparse.ArgumentTypeError) as error:
        print(f"w2l: {error}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt as stopped:
        if not stopped.args:  # a training has said already how to resume
            print("w2l: interrupted; no partial files remain.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output closed it, as in `w2l bench | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _escape_what_cannot_be_printed() -> None:
    """Lets a terminal or a file that takes only some characters show the others, such as those of a name, escaped."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # not in a notebook, nor without a console
            stream.reconfigure(errors="backslashreplace")


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Makes SIGTERM end a command as Ctrl-C does, so that temporary files are removed."""

    def interrupt(signum: int, frame: object) -> NoReturn:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():  # only the main thread can catch signals
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
    groups: dict[str, argparse._SubParsersAction[Any]] = {}
    for command in COMMANDS:
        group, _, name = command.name.rpartition(" ")
        if group and group not in groups:
            inner = commands.add_parser(group, help=_GROUPS[group], description=_GROUPS[group])
            groups[group] = inner.add_subparsers(title="commands", metavar="COMMAND", required=True)
        place = groups[group] if group else commands
        one = place.add_parser(name, help=command.help, description=command.help)
        command.add_arguments(one)
        one.set_defaults(command=command)
    return parser


class _Callable(ModuleType):
    """Calls `main`: a script installed with version 0.1.0 imports this module as if it were that function."""

    def __call__(self) -> int:
        return main()


sys.modules[__name__].__class__ = _Callable
