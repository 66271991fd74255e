"""The benchmark with the truth: ``w2l evaluate truth``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from w2l.base.choices import whole_number
from w2l.cli.arguments import add_choices, word
from w2l.cli.command import Command
from w2l.errors import W2LError
from w2l.evaluate.settings import InstrumentSettings

if TYPE_CHECKING:
    from w2l.evaluate.truth.answers import Answers


def _add_truth(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="SET", help="the test set; made here if no results are given")
    parser.add_argument(
        "results", type=Path, nargs="?", metavar="RESULTS", help="a system's clips, named as jobs.csv says: score them"
    )
    parser.add_argument(
        "--talkers", type=word(whole_number), default=60, metavar="N", help="how many to make (default: 60)"
    )
    parser.add_argument("--name", default="", help="what the system is called (default: the name of its folder)")
    parser.add_argument(
        "--own", nargs="+", default=[], metavar="NAME",
        help="score what the kit makes itself: truth, still, pasted, loudness, a generator's name or file, all of "
        "these (all), or the truth damaged in known ways (damages)",
    )  # fmt: skip
    parser.add_argument(
        "--pictures", choices=("crops", "frames"), default="crops", help="crops or frames, for --own (default: crops)"
    )
    parser.add_argument("--table", type=Path, metavar="FILE", help="put the system's line into this Markdown file")
    add_choices(parser, InstrumentSettings, {"expert": "classroom_expert"}, only=("expert", "meter", "device"))
    parser.add_argument(
        "--report", type=Path, metavar="DIR", help="write report.html, .md, .csv and .json to DIR, or to one in it for "
        "each of several systems",
    )  # fmt: skip
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def _run_truth(options: argparse.Namespace) -> int:
    from w2l import weights
    from w2l.evaluate.rows import Instruments
    from w2l.evaluate.truth import answers, making, scoring, systems, table, testset
    from w2l.sync.experts import PUBLISHED, load_expert

    if options.results is None and not options.own:
        made = making.make(options.folder, options.talkers, progress=not options.quiet)
        print(f"{options.folder}: {len(made.clips)} clips, checksum {made.checksum}; README.txt there says what to do")
        print(f"note: {made.strays}" if made.strays else "the same words and mouths as on every machine")
        return 0
    found = testset.read_testset(options.folder)
    if found.strays:
        if options.table:
            raise W2LError(f"{found.strays[:-1]}, so it has no place in a table; leave --table out.")
        print(f"note: {found.strays}")
    scored: list[Answers] = list(systems.own_systems(options.own, found, options.pictures))
    if options.results is not None:
        scored.insert(0, answers.read_results(options.results, found, options.name))
    tools = Instruments(options.expert, options.meter, (), options.device)
    with_lse = tools.expert.measure == "cosine" and weights.locate(PUBLISHED)
    more = [load_expert(PUBLISHED, options.device)] if with_lse else []
    for one in scored:
        report = scoring.score(one, found, tools, not options.quiet, more)
        print(table.to_text(report))
        if options.report:
            print(report.write(options.report / one.name if len(scored) > 1 else options.report)[0])
        if options.table:
            print(table.add(options.table, found.checksum, table.row_of(report)))
    return 0


COMMANDS = (
    Command(
        "evaluate truth",
        "a benchmark for any lip-sync system: make the test clips, score the results",
        _add_truth,
        _run_truth,
        ("table",),
        ("folder", "report"),
    ),
)
