"""The commands for learning: ``w2l corpus`` and ``w2l train ...``."""

from __future__ import annotations

import argparse
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from w2l.cli.arguments import add_choices, chosen
from w2l.cli.command import Command
from w2l.talker.cast import Cast
from w2l.train.engine.options import RunOptions

_KINDS = {int: "whole number", float: "number", bool: "yes or no", str: "word"}
_RUN_FOLDERS = ("out", "copy_to")
_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def _add_corpus(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where the clips go, in a folder for each split")
    parser.add_argument("--train", type=int, default=8, metavar="N", help="speakers in the training split (default: 8)")
    parser.add_argument("--validation", type=int, default=2, metavar="N", help="speakers in the validation split (2)")
    parser.add_argument("--test", type=int, default=0, metavar="N", help="speakers in the test split (default: 0)")
    parser.add_argument("--clips", type=int, default=1, metavar="N", help="clips of each speaker (default: 1)")
    parser.add_argument("--seconds", type=float, default=4.0, help="length of a clip (default: 4)")
    parser.add_argument(
        "--size", type=int, default=96, help="96: the face crop; 128 or more: a presenter (default: 96)"
    )
    parser.add_argument("--seed", type=int, default=0, help="another seed gives different people (default: 0)")
    add_choices(parser, Cast)
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def _run_corpus(options: argparse.Namespace) -> None:
    from w2l.base.progress import progress_bar
    from w2l.errors import W2LError
    from w2l.talker import write_corpus

    if options.size != 96 and not 128 <= options.size <= 2048:
        raise W2LError(f"clips of {options.size} pixels cannot be drawn; choose 96 (crop) or 128 to 2048 (presenter).")
    if not 0.4 <= options.seconds <= 600:
        raise W2LError(f"clips of {options.seconds} s cannot be made; choose 0.4 to 600 s.")
    counts = {split: getattr(options, split) for split in ("train", "validation", "test")}
    total = sum(counts.values()) * options.clips
    sizes = (options.seconds, options.size, options.seed, options.clips)
    clips = write_corpus(options.folder, counts, *sizes, Cast(**chosen(options, Cast)))
    for _ in progress_bar(clips, total=total, desc="corpus", unit="clip", show=not options.quiet):
        pass
    print(f"{options.folder}: {total} clips of {options.seconds:g} s, each with its truth in a .json beside it")


def _add_training(parser: argparse.ArgumentParser, name: str, people: bool = True) -> None:
    parser.add_argument("--out", type=Path, default=Path("runs") / name, help=f"run folder (default: runs/{name})")
    parser.add_argument("--preset", default="classroom", help="settings: classroom (minutes) or paper (as published)")
    add_choices(parser, RunOptions)
    if people:
        add_choices(parser, Cast, only=("people",))  # voices and looks are settings
    parser.add_argument("--threads", type=int, default=0, metavar="N", help="processor threads to use (default: all)")
    parser.add_argument(
        "--set",
        nargs="*",
        action="extend",  # it may be given more than once
        default=[],
        metavar="NAME=VALUE",
        help="change settings, such as --set steps=200 width=0.5; an unknown name lists them all",
    )


def _add_source(parser: argparse.ArgumentParser, start: str) -> None:
    parser.add_argument("--data", type=Path, metavar="STORE", help="preprocessed clips (default: the synthetic talker)")
    _add_start(parser, start)


def _add_start(parser: argparse.ArgumentParser, start: str) -> None:
    parser.add_argument(
        "--from",
        dest="start",
        metavar="WEIGHTS",
        help=f"the weights to start from: a name, file or checkpoint (default: {start})",
    )


def _add_expert(parser: argparse.ArgumentParser) -> None:
    _add_training(parser, "expert")
    _add_source(parser, "fresh weights")


def _add_judge(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--expert", default="classroom_expert", help="bundled name or file (default: classroom_expert)")


def _add_generator(parser: argparse.ArgumentParser) -> None:
    _add_training(parser, "generator")
    _add_source(parser, "fresh weights")
    _add_judge(parser)


def _add_gan(parser: argparse.ArgumentParser) -> None:
    _add_training(parser, "gan")
    _add_source(parser, "classroom_generator; fresh weights with --preset paper")
    _add_judge(parser)
    parser.add_argument(
        "--disc", metavar="WEIGHTS", help="quality discriminator to start from (default: fresh weights)"
    )


def _add_meter(parser: argparse.ArgumentParser) -> None:
    _add_training(parser, "meter")


def _add_hearing(parser: argparse.ArgumentParser) -> None:
    _add_training(parser, "hearing", people=False)
    _add_start(parser, "fresh weights")


def _run_expert(options: argparse.Namespace) -> None:
    from w2l.train.expert import train_expert

    config, run = _configure("expert", options)
    _tell(train_expert(config, run, options.data, options.start, options.people))


def _run_generator(options: argparse.Namespace) -> None:
    from w2l.train.generator import train_generator

    config, run = _configure("generator", options)
    _tell(train_generator(config, run, options.expert, options.data, options.start, options.people))


def _run_gan(options: argparse.Namespace) -> None:
    from w2l.train.gan import train_gan

    config, run = _configure("gan", options)
    start = options.start or ("classroom_generator" if options.preset == "classroom" else None)
    _tell(train_gan(config, run, start, options.expert, options.disc, options.data, options.people))


def _run_meter(options: argparse.Namespace) -> None:
    from w2l.train.meter import train_meter

    config, run = _configure("meter", options)
    _tell(train_meter(config, run, options.people))


def _run_hearing(options: argparse.Namespace) -> None:
    from w2l.train.hearing import train_hearing

    config, run = _configure("hearing", options)
    _tell(train_hearing(config, run, options.start))


def _tell(path: Path) -> None:
    from w2l.train.engine import distributed

    if distributed.rank() == 0:
        print(path)
    distributed.stop()


def _configure(training: str, options: argparse.Namespace) -> tuple[Any, Any]:
    """The settings of a training, of the preset with the changes of --set, and its `RunOptions`; sets threads too."""
    import cv2
    import torch

    from w2l.train.presets import preset

    cv2.setNumThreads(1)  # frames are small: threads would cost more than they save
    if options.threads > 0:
        torch.set_num_threads(options.threads)
    config = preset(training, options.preset)
    run = RunOptions(options.out, **chosen(options, RunOptions))
    return replace(config, **_changes(config, options.set)), run


def _changes(config: Any, items: list[str]) -> dict[str, Any]:
    """The values in NAME=VALUE items, in the settings' own types."""
    from w2l.errors import W2LError

    known = asdict(config)
    changes: dict[str, Any] = {}
    for item in items:
        name, _, value = item.partition("=")
        if name not in known:
            listed = ", ".join(f"{key}={default}" for key, default in known.items())
            raise W2LError(f"there is no setting {name!r}; the settings are {listed}.")
        kind = type(known[name])
        try:
            changes[name] = _TRUTH[value.lower()] if kind is bool else kind(value)
        except (ValueError, KeyError) as error:
            raise W2LError(f"{item} is not a setting: {name} takes a {_KINDS[kind]}.") from error
    return changes


COMMANDS = (
    Command(
        "corpus", "make clips of synthetic talkers, with their true mouths", _add_corpus, _run_corpus, fills=("folder",)
    ),
    Command(
        "train hearing",
        "teach a generator's audio encoder which mouth makes which sound",
        _add_hearing,
        _run_hearing,
        fills=_RUN_FOLDERS,
    ),
    Command("train expert", "train a lip-sync expert", _add_expert, _run_expert, fills=_RUN_FOLDERS),
    Command(
        "train generator",
        "train a generator with the expert's help",
        _add_generator,
        _run_generator,
        fills=_RUN_FOLDERS,
    ),
    Command("train gan", "sharpen a generator with a quality discriminator", _add_gan, _run_gan, fills=_RUN_FOLDERS),
    Command(
        "train meter",
        "train the mouth meter, which reads mouths for the evaluation",
        _add_meter,
        _run_meter,
        fills=_RUN_FOLDERS,
    ),
)
