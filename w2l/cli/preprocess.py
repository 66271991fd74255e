"""The command for training data: ``w2l preprocess``.

Rows for the table in `cli`: name, help, arguments, what runs.
"""

from __future__ import annotations

import argparse
from pathlib import Path

_LAYOUTS = ("auto", "folder", "lrs2", "grid", "original", "corpus")


def _add_preprocess(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", type=Path, metavar="SRC", help="folder of clips (and folders of clips)")
    parser.add_argument(
        "target", type=Path, metavar="DST", help="folder for the store; an unfinished one is gone on with"
    )
    parser.add_argument(
        "--layout", choices=_LAYOUTS, default="auto",
        help="how SRC is laid out: any folder, LRS2, GRID, the original's preprocessed folders, the synthetic corpus "
        "(default: what it looks like)",
    )  # fmt: skip
    parser.add_argument("--speakers", type=Path, metavar="CSV", help="who speaks: a table with columns clip, speaker")
    parser.add_argument("--seed", type=int, default=0, help="of the split by speaker (default: 0)")
    parser.add_argument("--detector", default="auto", help="auto, yunet, hog, s3fd (default: auto)")
    parser.add_argument("--device", default="auto", help="where s3fd computes: auto, cpu, cuda, mps (default: auto)")
    parser.add_argument("--min-seconds", type=float, default=1.0, metavar="S", help="drop shorter clips (default: 1)")
    parser.add_argument("--max-seconds", type=float, default=60.0, metavar="S", help="cut longer ones up (default: 60)")
    parser.add_argument("--min-face", type=int, default=48, metavar="PX", help="drop faces less high (default: 48)")
    parser.add_argument(
        "--expert", default="classroom_expert", metavar="W", help="judges the sync: name or file (classroom_expert)"
    )
    parser.add_argument("--no-sync", action="store_true", help="leave the sound where it is, ask no expert")
    parser.add_argument(
        "--sure", type=float, default=0.2, metavar="C", help="confidence from which on sound is shifted (default: 0.2)"
    )
    parser.add_argument(
        "--min-confidence", type=float, default=0.0, metavar="C", help="drop clips under this (default: 0, none)"
    )
    parser.add_argument("--processes", type=int, metavar="N", help="at once (default: one a core; 0: this one alone)")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def _run_preprocess(options: argparse.Namespace) -> None:
    from w2l.preprocess import Settings, preprocess

    settings = Settings(
        detector=options.detector,
        device=options.device,
        expert=None if options.no_sync else options.expert,
        sure=options.sure,
        min_confidence=options.min_confidence,
        min_seconds=options.min_seconds,
        max_seconds=options.max_seconds,
        min_face=options.min_face,
    )
    report = preprocess(
        options.source,
        options.target,
        settings,
        options.layout,
        options.speakers,
        options.processes,
        options.seed,
        progress=not options.quiet,
    )
    print(report)
    if report.is_finished:
        print(f"{options.target}: the store; report.json and report.csv in it tell of every clip")


COMMANDS = (("preprocess", "make a clip store for training from any clips", _add_preprocess, _run_preprocess),)
