"""The commands that measure: ``w2l evaluate clip``, ``pairs``, ``corpus``, ``robustness`` and ``ablation``.

Rows for the table in `cli`: name, help, arguments, what runs.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from w2l.evaluate.report import Report
    from w2l.evaluate.rows import Instruments

GROUP = {"evaluate": "measure clips and generators: sync, picture, and whether the mouth follows"}


def _add_tools(parser: argparse.ArgumentParser, expert: str = "auto") -> None:
    parser.add_argument(
        "--expert", default=expert, metavar="W",
        help=f"judges the sync: auto (syncnet_v2 if it is here, else the bundled one), a name or file ({expert})",
    )  # fmt: skip
    parser.add_argument("--meter", default="classroom_meter", metavar="W", help="reads mouths (classroom_meter)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, mps (default: auto)")
    parser.add_argument(
        "--inception", action="store_true", help="also the Fréchet distance of Inception features (FID)"
    )
    parser.add_argument("--report", type=Path, metavar="DIR", help="write report.html, .md, .csv and .json to DIR")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def _add_protocol(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--protocol", choices=("auto", "cropped", "wild"), default="auto",
        help="the whole frame is the face, or it is found and followed (default: cropped for small square clips)",
    )  # fmt: skip


def _tools(options: argparse.Namespace) -> Instruments:
    from w2l.evaluate.rows import Instruments

    features = ("small", "inception") if options.inception else ("small",)
    return Instruments(options.expert, options.meter, features, options.device)


def _show(report: Report, folder: Path | None) -> int:
    """Prints a report, writes it where that was asked for; 1 when no clip could be measured."""
    print(report.to_text())
    if folder is not None:
        print(report.write(folder)[0])
    return int(all(row.fault for row in report.rows))


def _add_clip(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("clips", type=Path, nargs="+", metavar="CLIP", help="clips, or folders of clips")
    parser.add_argument("--which", default="main", help="the face: main, largest, centre, a number, x,y (main)")
    _add_protocol(parser)
    _add_tools(parser)


def _run_clip(options: argparse.Namespace) -> int:
    from w2l.evaluate.report import report_clips
    from w2l.evaluate.sources import expand

    clips = expand(options.clips)
    report = report_clips(clips, _tools(options), options.protocol, options.which, not options.quiet)
    return _show(report, options.report)


def _add_pairs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "real", type=Path, metavar="REAL", help="folder of real clips, or the data that --list is about"
    )
    parser.add_argument(
        "generated", type=Path, metavar="GENERATED", help="folder of clips of the same names, or 0.mp4 …"
    )
    parser.add_argument("--list", type=Path, metavar="FILE", help="a list in the published format: audio and video")
    parser.add_argument(
        "--order", choices=("audio video", "video audio"), default="audio video",
        help="of its lines; 'video audio' in the lists of real videos (default: audio video)",
    )  # fmt: skip
    _add_protocol(parser)
    _add_tools(parser)


def _run_pairs(options: argparse.Namespace) -> int:
    from w2l.evaluate.report import report_pairs
    from w2l.evaluate.sources import pair_folders, read_filelist

    if options.list is None:
        pairs = pair_folders(options.real, options.generated)
    else:
        pairs = read_filelist(options.list, options.real, options.generated, options.order)
    return _show(report_pairs(pairs, _tools(options), options.protocol, not options.quiet), options.report)


def _add_corpus(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--generator", default="classroom_generator", metavar="W", help="bundled name or file (classroom_generator)"
    )
    parser.add_argument("--split", choices=("validation", "test"), default="validation", help="default: validation")
    parser.add_argument("--clips", type=int, default=64, metavar="N", help="held-out talkers (default: 64)")
    parser.add_argument("--card", type=Path, metavar="FILE", help="write the model card, with these figures, to FILE")
    parser.add_argument(
        "--sheet", type=Path, metavar="PNG", help="write mouths over time, real and generated, 4 x size"
    )
    _add_tools(parser, "classroom_expert")


def _run_corpus(options: argparse.Namespace) -> int:
    from w2l.evaluate import card, classroom, strips
    from w2l.evaluate.report import report_corpus

    names = {name: getattr(options, name) for name in ("generator", "expert", "meter")}
    if options.report:  # clip by clip, with pictures
        report = report_corpus(_tools(options), options.generator, options.split, options.clips, not options.quiet)
        return _show(report, options.report)
    figures = classroom.evaluate_classroom(
        **names, split=options.split, count=options.clips, progress=not options.quiet
    )
    print(classroom.table(figures))
    if options.card:
        print(card.write(options.card, figures, options.split, options.clips, names))
    if options.sheet:
        print(strips.write(options.sheet, options.generator, options.split))
    return 0


COMMANDS = (
    ("evaluate clip", "the sync of clips: offset, confidence, LSE-D and LSE-C", _add_clip, _run_clip),
    ("evaluate pairs", "generated clips beside the real ones", _add_pairs, _run_pairs),
    ("evaluate corpus", "a generator and an expert on held-out talkers", _add_corpus, _run_corpus),
)
