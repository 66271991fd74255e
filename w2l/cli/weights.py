"""The commands for weights: ``w2l weights list``, ``fetch``, ``verify``, ``where``, and ``w2l export``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from w2l.cli.command import Command


def _add_names(parser: argparse.ArgumentParser, count: str, what: str) -> None:
    parser.add_argument("names", nargs=count, metavar="NAME", help=f"{what} (see w2l weights list)")


def _add_list(parser: argparse.ArgumentParser) -> None:
    """No arguments."""


def _run_list(options: argparse.Namespace) -> None:
    from w2l import weights

    rows = [("NAME", "SIZE", "STATE", "LICENCE", "WHAT IT IS")]
    for name, what in weights.BUNDLED.items():
        size = f"{weights.find(name).stat().st_size / 1e6:.1f} MB"
        rows.append((name, size, "here", "MIT", f"bundled: {what}"))
    for name, entry in weights.REGISTRY.items():
        size = f"{entry.bytes / 1e6:.1f} MB"
        rows.append((name, size, weights.status(name), entry.licence.kind, entry.what))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _add_fetch(parser: argparse.ArgumentParser) -> None:
    _add_names(parser, "+", "what to fetch")
    parser.add_argument("--accept-licence", action="store_true", help="you accept the terms (asked once otherwise)")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def _run_fetch(options: argparse.Namespace) -> None:
    from w2l import weights
    from w2l.base import paths

    for name in options.names:
        path = weights.fetch(name, _agreed(name, options.accept_licence), progress=not options.quiet)
        if paths.data() in path.parents and not options.quiet:
            print(f"{name} comes with w2l; nothing was fetched", file=sys.stderr)
        print(path)


def _agreed(name: str, given: bool) -> bool:
    """Shows the terms of what is about to be fetched, and asks for agreement on a terminal."""
    from w2l import weights
    from w2l.errors import W2LError

    entry = weights.REGISTRY.get(name)
    if entry is None or weights.locate(name):
        return given
    settled = given or weights.accepted(name)
    if not settled and not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False  # then the error states the terms
    print(f"{name}: {entry.licence.text}", file=sys.stderr)
    if settled:
        return given
    print("Do you accept that? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise W2LError(f"{name} was not fetched, because its licence was not accepted.")
    return True


def _add_verify(parser: argparse.ArgumentParser) -> None:
    _add_names(parser, "*", "what to check; default: all on this machine")


def _run_verify(options: argparse.Namespace) -> None:
    from w2l import weights
    from w2l.errors import W2LError

    wrong = []
    names = options.names or [name for name in weights.REGISTRY if weights.status(name) != "absent"]
    if not names:
        print("no published weights are on this machine; 'w2l weights list' shows what there is to fetch")
    for name in names:
        try:
            print(f"{name}: correct, {weights.verify(name)}")
        except W2LError as error:
            wrong.append(str(error))
    if wrong:
        raise W2LError(" ".join(wrong))


def _add_where(parser: argparse.ArgumentParser) -> None:
    _add_names(parser, "?", "whose path to print; default: the places searched, in order")


def _run_where(options: argparse.Namespace) -> None:
    from w2l import weights

    if options.names:
        print(weights.find(options.names))
        return
    for place in weights.places():
        print(place if place.exists() else f"{place}  (missing)")


def _add_export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("weights", metavar="NAME_OR_FILE", help="a generator or lip-sync expert: a name or weight file")
    parser.add_argument("out", type=Path, metavar="OUT.onnx", help="where to write it")
    parser.add_argument("--half", action="store_true", help="in float16: half the size, and for GPUs")


def _run_export(options: argparse.Namespace) -> None:
    from w2l.errors import W2LError

    if options.out.suffix.lower() != ".onnx":
        raise W2LError(f"cannot write {options.out}: its name must end in .onnx.")
    from w2l import models, weights
    from w2l.models.export import export

    path = weights.find(options.weights)
    model = models.load(path)
    terms = weights.terms_of(path, model.meta)
    apart = export(model, options.out, options.half, made_from=weights.called(options.weights), **terms)
    size = options.out.stat().st_size / 1e6
    print(f"{options.out}: {model.meta['network']}, width {model.width:g}, {size:.1f} MB")
    print(f"onnxruntime's results differ from the kit's by {apart:.1g} at most")
    print(f"licence: {terms['licence']}")


COMMANDS = (
    Command("export", "write a generator or expert as ONNX, for other programs", _add_export, _run_export, ("out",)),
    Command(
        "weights list", "list the published weights: size, licence, and whether they are here", _add_list, _run_list
    ),
    Command("weights fetch", "fetch weights, resuming and checking", _add_fetch, _run_fetch),
    Command("weights verify", "check the weights on this machine against their sha256", _add_verify, _run_verify),
    Command("weights where", "where weights are searched for, or where a file is", _add_where, _run_where),
)
