"""How well causes are named: ``w2l evaluate clinic``."""

from __future__ import annotations

import argparse
from pathlib import Path

from w2l.cli.arguments import add_choices, chosen
from w2l.cli.command import Command
from w2l.doctor.settings import CurveBudget


def _add_clinic(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--results", type=Path, metavar="FILE", help="stored trials (default: those of the kit)")
    parser.add_argument("--remake", action="store_true", help="make and examine the stores that are missing: an hour")
    parser.add_argument(
        "--sets", nargs="+", choices=("limits", "test"), default=["limits", "test"], help="default: both"
    )
    parser.add_argument(
        "--curves", action="store_true", help="show what experts learn from such stores; with --remake, train them"
    )
    parser.add_argument(
        "--folder", type=Path, default=Path("runs/clinic"), help="where those trainings go (default: runs/clinic)"
    )
    parser.add_argument("--figure", type=Path, metavar="FILE", help="write the curves as an SVG file")
    add_choices(parser, CurveBudget)
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def _run_clinic(options: argparse.Namespace) -> None:
    if options.curves:
        _run_curves(options)
        return
    from w2l.base import paths
    from w2l.doctor import trials

    if options.remake:
        target = options.results or paths.results() / trials.CACHED
        done = trials.read(target) if target.is_file() else []
        found = trials.remake(done, options.sets, lambda so_far: trials.write(so_far, target), not options.quiet)
    else:
        found = trials.read(options.results)
    for which in (one for one in options.sets if any(trial.which == one for trial in found)):
        print(f"set {which}:\n{trials.to_markdown(found, which)}\n")


def _run_curves(options: argparse.Namespace) -> None:
    from w2l.base import files, paths
    from w2l.doctor import curves
    from w2l.evaluate.report.figures import loss_figure, to_svg

    if options.remake:
        target = options.results or paths.results() / curves.CACHED
        done = curves.read(target) if target.is_file() else []
        budget = CurveBudget(**chosen(options, CurveBudget))
        found = curves.remake(
            done, options.folder, budget, lambda so_far: curves.write(so_far, target), progress=not options.quiet
        )
    else:
        found = curves.read(options.results)
    for one in found:
        print(f"{one.spoil}: loss {one.loss[-1]:.3f}, accuracy {one.accuracy[-1]:.3f} after {one.steps[-1]} steps")
    if options.figure:
        print(files.write_text(options.figure, to_svg(loss_figure(curves.lines(found)))))


COMMANDS = (
    Command(
        "evaluate clinic",
        "show how often 'w2l doctor' is right, on stores spoiled on purpose",
        _add_clinic,
        _run_clinic,
        ("results", "figure"),
        ("folder",),
    ),
)
