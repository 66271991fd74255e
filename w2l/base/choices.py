"""A user's choice, declared once: a dataclass field that says what the choice means and how it is typed.

The command line (`cli.arguments`), the keyword arguments and the documentation are all made from these fields.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, TypeVar

from w2l.errors import W2LError

_T = TypeVar("_T")

_KEY = "choice"
_WIDTH = 116  # characters per line of documentation


@dataclass(frozen=True)
class Choice:
    """The declaration of one choice; see `choice`."""

    help: str
    flags: tuple[str, ...] = ()
    option_help: str = ""
    default_help: str | None = None
    parse: Callable[[str], Any] | None = None
    convert: Callable[[Any], Any] | None = None
    choices: Sequence[Any] | None = None
    metavar: str | tuple[str, ...] | None = None
    nargs: int | str | None = None
    const: Any = None
    group: str = ""
    is_option: bool = True


def choice(
    default: Any,
    help: str,
    *flags: str,
    option_help: str = "",
    default_help: str | None = None,
    parse: Callable[[str], Any] | None = None,
    convert: Callable[[Any], Any] | None = None,
    choices: Sequence[Any] | None = None,
    metavar: str | tuple[str, ...] | None = None,
    nargs: int | str | None = None,
    const: Any = None,
    group: str = "",
    is_option: bool = True,
) -> Any:
    """A field of a dataclass that a user may choose.

    help: what it means, a sentence without a full stop. flags: how the command line writes it (``--field-name`` if not
    given). A choice between True and False is a flag without a value that sets the opposite of the default; where the
    default is True, name the flag accordingly, such as ``--no-label``, and give an `option_help` to match.
    default_help: the default in words, where its value would not be clear ("" to leave it out).

    parse: turns one word into a value; raises W2LError for an invalid one. By default this is the type of the default
    value; where the default is None, words stay text. nargs, const, metavar, choices: as argparse takes them; choices
    are also named in the documentation. convert: turns what was parsed into the field's value, such as several numbers
    into a tuple; it is not called for the default. group: the heading that related options share. is_option: False for
    choices that exist only in Python.
    """
    declared = Choice(
        help, flags, option_help, default_help, parse, convert, choices, metavar, nargs, const, group, is_option
    )
    if isinstance(default, list | dict | set):
        return field(default_factory=lambda: type(default)(default), metadata={_KEY: declared})
    return field(default=default, metadata={_KEY: declared})


def choices_of(cls: type) -> dict[str, tuple[Any, Choice]]:
    """Name -> default value and `Choice` of each field that was declared with `choice`, in order."""
    return {one.name: (_default(one), one.metadata[_KEY]) for one in fields(cls) if _KEY in one.metadata}


def _default(one: Field[Any]) -> Any:
    return one.default if one.default_factory is MISSING else one.default_factory()


def documented(cls: type[_T]) -> type[_T]:
    """Class decorator: appends to a dataclass's docstring what each choice means, under the groups' headings."""
    lines: list[str] = []
    heading: str | None = None
    for name, (default, declared) in choices_of(cls).items():
        if declared.group != heading:
            heading = declared.group
            lines += ["", f"{heading[:1].upper()}{heading[1:]}:"] if heading else [""]
        text = f"{name}: {declared.help}{_values(declared)} (default: {declared.default_help or repr(default)})."
        lines += textwrap.wrap(text, _WIDTH, initial_indent="  ", subsequent_indent="      ")
    cls.__doc__ = "\n".join([inspect.cleandoc(cls.__doc__ or ""), *lines])
    return cls


def _values(declared: Choice) -> str:
    return f"; one of {', '.join(map(str, declared.choices))}" if declared.choices else ""


def whole_number(text: str) -> int:
    """Parses a whole number of 1 or more. Raises W2LError for anything else."""
    if not text.isdigit() or int(text) < 1:
        raise W2LError(f"{text!r} is not a whole number of 1 or more")
    return int(text)


def seconds_of(text: str) -> float:
    """Parses a time as seconds (``75.5``), minutes (``1:15.5``) or hours (``0:01:15.5``), all in seconds.

    Raises W2LError for anything else.
    """
    parts = text.split(":")
    try:
        *larger, seconds = [float(part) for part in parts]
    except ValueError as error:
        raise W2LError(f"{text!r} is not a time: give seconds, such as 75.5, or minutes, such as 1:15.5") from error
    if len(parts) > 3 or (larger and not all(part.isdigit() for part in parts[:-1])) or (larger and seconds >= 60):
        raise W2LError(f"{text!r} is not a time: give seconds, such as 75.5, or minutes, such as 1:15.5")
    return sum(60**power * part for power, part in enumerate([seconds, *reversed(larger)]))


def yes_or_no(text: str) -> bool:
    """True for yes, true or 1, False for no, false or 0. Raises W2LError for anything else."""
    if text.lower() not in ("yes", "true", "1", "no", "false", "0"):
        raise W2LError(f"{text!r} is neither yes nor no")
    return text.lower() in ("yes", "true", "1")
