"""The commands that measure: ``w2l evaluate clip``, ``pairs``, ``corpus``, ``robustness`` and ``ablation``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from w2l.base import files
from w2l.base.choices import whole_number
from w2l.cli.arguments import add_choices, chosen, word
from w2l.cli.command import Command, note_left_out
from w2l.evaluate.settings import Budget, InstrumentSettings
from w2l.evaluate.studies.ablation_plan import CORPORA, USUAL_CORPORA
from w2l.talker.cast import Cast

_REPORT = ("report",)

if TYPE_CHECKING:
    from w2l.evaluate.report.tables import Report
    from w2l.evaluate.rows import Instruments


def _add_tools(parser: argparse.ArgumentParser, expert: str = "auto") -> None:
    add_choices(parser, InstrumentSettings, {"expert": expert})
    parser.add_argument("--report", type=Path, metavar="DIR", help="write report.html, .md, .csv and .json to DIR")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def _add_protocol(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--protocol", choices=("auto", "cropped", "wild"), default="auto",
        help="cropped: the whole frame is the face; wild: the face is found and tracked (default: cropped for small "
        "square clips)",
    )  # fmt: skip


def _tools(options: argparse.Namespace) -> Instruments:
    from w2l.evaluate.report.tables import FILES
    from w2l.evaluate.rows import Instruments

    for name in FILES if options.report is not None else ():
        files.check_output(options.report / name)  # told before anything is measured
    how = InstrumentSettings(**chosen(options, InstrumentSettings))
    return Instruments(how.expert, how.meter, ("small", "inception") if how.inception else ("small",), how.device)


def _show(report: Report, folder: Path | None) -> int:
    """Prints a report, and writes it if a folder is given; returns 1 when no clip could be measured."""
    print(report.to_text())
    if folder is not None:
        print(report.write(folder)[0])
    return int(all(row.fault for row in report.rows))


def _add_clip(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("clips", type=Path, nargs="+", metavar="CLIP", help="clips, or folders of clips")
    parser.add_argument(
        "--which", default="main", help="which face: main, largest, centre, a number, or a point X,Y (default: main)"
    )
    parser.add_argument(
        "--audio-track", type=word(whole_number), metavar="N",
        help="which sound track of the clips, counted from 1 (default: the file's own choice)",
    )  # fmt: skip
    _add_protocol(parser)
    _add_tools(parser)


def _run_clip(options: argparse.Namespace) -> int:
    from w2l.evaluate.report.collect import report_clips
    from w2l.evaluate.sources import expand

    clips = expand(options.clips, note_left_out)
    report = report_clips(
        clips, _tools(options), options.protocol, options.which, not options.quiet, options.audio_track
    )
    return _show(report, options.report)


def _add_pairs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "real", type=Path, metavar="REAL", help="folder of real clips, or of the data that --list names"
    )
    parser.add_argument(
        "generated", type=Path, metavar="GENERATED", help="folder of clips of the same names, or 0.mp4 …"
    )
    parser.add_argument(
        "--list", type=Path, metavar="FILE", help="a list in the published format: audio and video in each line"
    )
    parser.add_argument(
        "--order", choices=("audio video", "video audio"), default="audio video",
        help="which comes first in a line of the list; 'video audio' for lists of real videos (default: audio video)",
    )  # fmt: skip
    _add_protocol(parser)
    _add_tools(parser)


def _run_pairs(options: argparse.Namespace) -> int:
    from w2l.evaluate.report.collect import report_pairs
    from w2l.evaluate.sources import pair_folders, read_filelist

    if options.list is None:
        pairs = pair_folders(options.real, options.generated, note_left_out)
    else:
        pairs = read_filelist(options.list, options.real, options.generated, options.order)
    return _show(report_pairs(pairs, _tools(options), options.protocol, not options.quiet), options.report)


def _add_corpus(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--generator",
        default="classroom_generator",
        metavar="W",
        help="name or file (default: classroom_generator)",
    )
    parser.add_argument("--split", choices=("validation", "test"), default="validation", help="default: validation")
    parser.add_argument("--clips", type=int, default=64, metavar="N", help="how many held-out talkers (default: 64)")
    parser.add_argument("--card", type=Path, metavar="FILE", help="write the model card with these figures to FILE")
    parser.add_argument("--stages", nargs="+", default=[], metavar="W", help="other generators to measure for the card")
    parser.add_argument("--others", nargs="+", default=[], metavar="W", help="other weights to list on the card")
    parser.add_argument(
        "--beside",
        nargs="+",
        default=[],
        metavar="W",
        help="compare these generators with it, on the same faces of its own size; one of smaller faces is enlarged",
    )
    parser.add_argument(
        "--sheet",
        type=Path,
        metavar="PNG",
        help="write a picture of mouths over time, real and generated, at 4 times their size",
    )
    add_choices(parser, Cast)
    _add_tools(parser, "classroom_expert")


def _run_corpus(options: argparse.Namespace) -> int:
    from w2l.evaluate import held_out
    from w2l.evaluate.report import strips
    from w2l.evaluate.report.collect import report_corpus
    from w2l.evaluate.studies import card

    names = {name: getattr(options, name) for name in ("generator", "expert", "meter")}
    cast, split, count = Cast(**chosen(options, Cast)), options.split, options.clips
    if options.beside:
        from w2l.evaluate.studies import beside

        compared = [options.generator, *options.beside]
        print(
            beside.table(
                beside.compare(compared, names["expert"], names["meter"], split, count, not options.quiet, cast)
            )
        )
        return 0
    if options.report:  # clip by clip, with pictures
        report = report_corpus(_tools(options), options.generator, split, count, not options.quiet, cast)
        return _show(report, options.report)
    figures = held_out.evaluate_classroom(**names, split=split, count=count, progress=not options.quiet, cast=cast)
    print(held_out.table(figures))
    if options.card:
        print(card.write(options.card, figures, split, count, names, options.stages, options.others, cast))
    if options.sheet:
        print(strips.write(options.sheet, options.generator, split, cast))
    return 0


def _add_robustness(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--remake", action="store_true", help="measure what is missing; without it the stored curves are shown"
    )
    parser.add_argument(
        "--curves", type=Path, metavar="FILE", help="where the curves are stored (default: those of the kit)"
    )
    parser.add_argument(
        "--axes", nargs="*", default=[], metavar="NAME", help="noise, fps, face, turn, jpeg, voice (default: all)"
    )
    parser.add_argument("--clips", type=int, default=8, metavar="N", help="test talkers (default: 8)")
    parser.add_argument(
        "--generator",
        default="classroom_generator",
        metavar="W",
        help="name or file (default: classroom_generator)",
    )
    _add_tools(parser, "classroom_expert")


def _run_robustness(options: argparse.Namespace) -> None:
    from w2l.base import paths
    from w2l.evaluate.report import page
    from w2l.evaluate.report.figures import to_svg
    from w2l.evaluate.studies import robustness

    if options.remake:
        target = options.curves or paths.results() / robustness.CACHED
        curves = robustness.measure(
            _tools(options), options.generator, options.clips, options.axes, progress=not options.quiet,
            done=lambda so_far: so_far.write(target), known=robustness.read(target) if target.is_file() else None,
        )  # fmt: skip
        print(f"{curves.to_markdown()}\n\n{target}")
    else:
        curves = robustness.read(options.curves)
        print(curves.to_markdown())
    if options.report:
        chart = to_svg(curves.figure())
        print(page.write(options.report / "robustness.html", "Where it breaks", [chart], curves.to_markdown()))


def _add_ablation(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--results", type=Path, metavar="FILE", help="results of trainings (default: those of the kit)")
    parser.add_argument("--remake", action="store_true", help="train and measure what is missing; takes hours")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], metavar="N", help="default: 0 1 2")
    parser.add_argument(
        "--only",
        nargs="*",
        default=[],
        metavar="NAME",
        help="only these trainings, such as tv1 none gan (default: all)",
    )
    parser.add_argument(
        "--corpus", nargs="+", choices=tuple(CORPORA), default=list(USUAL_CORPORA), metavar="NAME",
        help="which talkers: photo, plain (photographic, without manners), drawn (default: photo drawn)",
    )  # fmt: skip
    parser.add_argument(
        "--folder", type=Path, default=Path("runs/ablation"), help="where the trainings go (default: runs/ablation)"
    )
    add_choices(parser, Budget)
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, mps (default: auto)")
    parser.add_argument("--report", type=Path, metavar="DIR", help="write ablation.html, .md and .svg to DIR")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def _run_ablation(options: argparse.Namespace) -> None:
    from w2l.base import paths
    from w2l.evaluate.report import page
    from w2l.evaluate.report.figures import to_svg
    from w2l.evaluate.studies import ablation

    if options.remake:
        from w2l.evaluate.studies import ablation_runs
        from w2l.train.engine.options import RunOptions

        target = options.results or paths.results() / ablation.CACHED
        budget = Budget(**chosen(options, Budget))
        results = ablation_runs.remake(
            ablation.read(target) if target.is_file() else ablation.Results([]),
            options.seeds, options.folder, budget, tuple(options.only), not options.quiet,
            done=lambda so_far: ablation.add(target, so_far),
            run=RunOptions(options.folder, options.device, progress=not options.quiet), corpora=options.corpus,
        )  # fmt: skip
    else:
        results = ablation.read(options.results)
    print(results.to_markdown())
    if options.report:
        chart = to_svg(results.figure())
        files.write_text(options.report / "ablation.svg", chart)
        files.write_text(options.report / "ablation.md", results.to_markdown() + "\n")
        print(page.write(options.report / "ablation.html", "The paper's claims", [chart], results.to_markdown()))


COMMANDS = (
    Command(
        "evaluate clip",
        "measure the sync of clips: offset, confidence, LSE-D and LSE-C",
        _add_clip,
        _run_clip,
        fills=_REPORT,
    ),
    Command("evaluate pairs", "compare generated clips with the real ones", _add_pairs, _run_pairs, fills=_REPORT),
    Command(
        "evaluate corpus",
        "measure a generator and an expert on held-out talkers",
        _add_corpus,
        _run_corpus,
        ("card", "sheet"),
        _REPORT,
    ),
    Command(
        "evaluate robustness",
        "show where a generator breaks: noise, frame rate, size, pose, voice",
        _add_robustness,
        _run_robustness,
        ("curves",),
        _REPORT,
    ),
    Command(
        "evaluate ablation",
        "test the paper's claims, by trainings that leave out one ingredient",
        _add_ablation,
        _run_ablation,
        ("results",),
        ("folder", *_REPORT),
    ),
)
