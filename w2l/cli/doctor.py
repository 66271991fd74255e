"""The command that says why a training stands still: ``w2l doctor``."""

from __future__ import annotations

import argparse
from pathlib import Path

from w2l.base.choices import whole_number
from w2l.cli.arguments import add_threads, use_threads, word
from w2l.cli.command import Command

_MOST = 300  # as `doctor.cases.MOST_CLIPS`, which would load numpy


def _add_doctor(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("store", type=Path, metavar="STORE", help="a clip store, as made by 'w2l preprocess'")
    parser.add_argument("--run", type=Path, metavar="DIR", help="run folder of a training on it that does not learn")
    parser.add_argument(
        "--expert", default="classroom_expert", metavar="W",
        help="the known-good expert: a name or a file (default: classroom_expert)",
    )  # fmt: skip
    parser.add_argument(
        "--clips", type=word(whole_number), default=_MOST, metavar="N",
        help=f"how many clips to look at, of all speakers in turn (default: {_MOST})",
    )  # fmt: skip
    parser.add_argument("--no-learning", action="store_true", help="look at the clips alone; do not try learning rates")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, mps (default: auto)")
    parser.add_argument("--report", type=Path, metavar="DIR", help="write doctor.json, and doctor.csv with every clip")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    add_threads(parser)


def _run_doctor(options: argparse.Namespace) -> None:
    use_threads(options.threads)
    from w2l.base import files
    from w2l.doctor import report
    from w2l.doctor.cases import read_case
    from w2l.doctor.causes import diagnose
    from w2l.doctor.signs import Tools, examine

    for name in report.FILES if options.report else ():
        files.check_output(options.report / name)  # told before anything is measured
    case = read_case(options.store, options.run, options.clips)
    tools = Tools(options.expert, options.device)
    diagnosis = diagnose(examine(case, tools, not options.no_learning, not options.quiet))
    print(report.to_text(diagnosis))
    if options.report:
        print("\n".join(str(path) for path in report.write(diagnosis, options.report)))


COMMANDS = (
    Command(
        "doctor", "find out why a training does not learn: measure its clips, name causes", _add_doctor, _run_doctor,
        fills=("report",),
    ),
)  # fmt: skip
