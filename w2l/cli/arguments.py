"""Turns the choices declared on a dataclass (`base.choices`) into a command's options, and typed options back."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Container, Mapping
from typing import Any

from w2l.base.choices import Choice, choices_of, whole_number
from w2l.errors import W2LError


def add_choices(
    parser: argparse.ArgumentParser,
    cls: type,
    defaults: Mapping[str, Any] | None = None,
    only: Container[str] | None = None,
) -> None:
    """Adds an option for each choice of the dataclass, or for those in `only`, under its groups' headings.

    defaults: name -> default of this command, where it is not the dataclass's.
    """
    groups: dict[str, argparse._ArgumentGroup] = {}
    for name, (default, declared) in choices_of(cls).items():
        if not declared.is_option or (only is not None and name not in only):
            continue
        if declared.group and declared.group not in groups:
            groups[declared.group] = parser.add_argument_group(declared.group)
        place = groups.get(declared.group, parser)
        _add(place, name, (defaults or {}).get(name, default), declared)


def chosen(options: argparse.Namespace, cls: type, only: Container[str] | None = None) -> dict[str, Any]:
    """Name -> value of each choice of the dataclass, or of those in `only`, as keyword arguments.

    Raises W2LError for bad values.
    """
    found: dict[str, Any] = {}
    for name, (default, declared) in choices_of(cls).items():
        if declared.is_option and (only is None or name in only):
            value = getattr(options, name)
            found[name] = declared.convert(value) if declared.convert and value != default else value
    return found


def _add(place: argparse._ActionsContainer, name: str, default: Any, declared: Choice) -> None:
    flags = declared.flags or (f"--{name.replace('_', '-')}",)
    text = declared.option_help or declared.help
    if isinstance(default, bool) and declared.nargs is None:
        place.add_argument(*flags, dest=name, action="store_false" if default else "store_true", help=text)
        return
    words = _words(default) if declared.default_help is None else declared.default_help
    more = {"nargs": declared.nargs, "const": declared.const, "choices": declared.choices, "metavar": declared.metavar}
    place.add_argument(
        *flags,
        dest=name,
        type=word(declared.parse or (str if default is None else type(default))),
        default=default,
        help=f"{text} (default: {words})" if words else text,
        **{key: value for key, value in more.items() if value is not None},
    )


def _words(default: Any) -> str:
    """A default value as the help shows it; "" for None, which shows nothing."""
    return "" if default is None else f"{default:g}" if isinstance(default, float) else str(default)


def word(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    """`parse` for an option's ``type``: W2LErrors become errors of the parser, which name the option."""

    def parsed(text: str) -> Any:
        try:
            return parse(text)
        except W2LError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    parsed.__name__ = parse.__name__  # for "invalid float value"
    return parsed


def add_threads(parser: argparse.ArgumentParser) -> None:
    """Adds --threads, for `use_threads`."""
    parser.add_argument(
        "--threads", type=word(whole_number), metavar="N", help="processor threads to use (default: all)"
    )


def use_threads(threads: int | None) -> None:
    """Limits the processor threads of the libraries, which must not have been imported yet; None: no limit."""
    if threads is None:
        return
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):  # read when torch and numpy start
        os.environ[name] = str(threads)
    import cv2

    cv2.setNumThreads(threads)
