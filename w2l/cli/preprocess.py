"""The command for training data: ``w2l preprocess``."""

from __future__ import annotations

import argparse
from pathlib import Path

from w2l.cli.arguments import add_choices, chosen
from w2l.cli.command import Command, note_left_out
from w2l.preprocess.settings import LAYOUTS, PreprocessSettings


def _add_preprocess(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", type=Path, metavar="SRC", help="folder of clips (and folders of clips)")
    parser.add_argument("target", type=Path, metavar="DST", help="folder for the store; an unfinished store is resumed")
    parser.add_argument(
        "--layout", choices=LAYOUTS, default="auto",
        help="how SRC is laid out: any folder, LRS2, GRID, the original's preprocessed folders, the synthetic corpus "
        "(default: auto, which recognises them)",
    )  # fmt: skip
    parser.add_argument("--speakers", type=Path, metavar="CSV", help="who speaks: a table with columns clip, speaker")
    parser.add_argument("--seed", type=int, default=0, help="seed of the split by speaker (default: 0)")
    add_choices(parser, PreprocessSettings)
    parser.add_argument("--no-sync", action="store_true", help="leave the sound where it is; no expert is needed")
    parser.add_argument(
        "--processes", type=int, metavar="N",
        help="how many processes to use (default: one per core; 0: only the one that is running)",
    )  # fmt: skip
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def _run_preprocess(options: argparse.Namespace) -> None:
    from w2l.preprocess import preprocess
    from w2l.preprocess.sources import left_out

    settings = chosen(options, PreprocessSettings)
    if options.no_sync:
        settings["expert"] = None
    report = preprocess(
        options.source,
        options.target,
        PreprocessSettings(**settings),
        layout=options.layout,
        speakers=options.speakers,
        processes=options.processes,
        seed=options.seed,
        progress=not options.quiet,
    )
    print(report)
    note_left_out(left_out(options.source))
    if report.is_finished:
        print(f"{options.target}: the store; its report.json and report.csv list every clip")


COMMANDS = (
    Command(
        "preprocess",
        "make a clip store for training from any clips",
        _add_preprocess,
        _run_preprocess,
        fills=("target",),
    ),
)
