"""The commands for learning: ``w2l corpus``, ``w2l train ...``, ``w2l evaluate``.

Rows for the table in `cli`: name, help, arguments, what runs.
"""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path
from typing import Any

_NUMBERS = {int: "whole number", float: "number"}


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
    parser.add_argument("--seed", type=int, default=0, help="another seed gives other people (default: 0)")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def _run_corpus(options: argparse.Namespace) -> None:
    from tqdm import tqdm

    from w2l.errors import W2LError
    from w2l.talker import write_corpus

    if options.size != 96 and not 128 <= options.size <= 2048:
        raise W2LError(f"clips of {options.size} pixels cannot be drawn; choose 96 (crop) or 128 to 2048 (presenter).")
    if not 0.4 <= options.seconds <= 600:
        raise W2LError(f"clips of {options.seconds} s cannot be made; choose 0.4 to 600 s.")
    counts = {split: getattr(options, split) for split in ("train", "validation", "test")}
    total = sum(counts.values()) * options.clips
    clips = write_corpus(options.folder, counts, options.seconds, options.size, options.seed, options.clips)
    for _ in tqdm(clips, total=total, desc="corpus", unit="clip", disable=options.quiet):
        pass
    print(f"{options.folder}: {total} clips of {options.seconds:g} s, each with its truth in a .json beside it")


def _add_training(parser: argparse.ArgumentParser, name: str) -> None:
    parser.add_argument("--out", type=Path, default=Path("runs") / name, help=f"run folder (default: runs/{name})")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, mps (default: auto)")
    parser.add_argument("--threads", type=int, default=0, metavar="N", help="processor threads to use (default: all)")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    parser.add_argument(
        "--set",
        nargs="*",
        default=[],
        metavar="NAME=VALUE",
        help="change settings, such as --set steps=200 width=0.5; a wrong name lists them all",
    )


def _add_expert(parser: argparse.ArgumentParser) -> None:
    _add_training(parser, "expert")


def _add_generator(parser: argparse.ArgumentParser) -> None:
    _add_training(parser, "generator")
    parser.add_argument("--expert", default="classroom_expert", help="bundled name or file (default: classroom_expert)")


def _add_meter(parser: argparse.ArgumentParser) -> None:
    _add_training(parser, "meter")


def _run_expert(options: argparse.Namespace) -> None:
    from w2l.train.expert import ExpertConfig, train_expert

    config = _configure(ExpertConfig, options)
    print(train_expert(config, options.out, options.device, progress=not options.quiet))


def _run_generator(options: argparse.Namespace) -> None:
    from w2l.train.generator import GeneratorConfig, train_generator

    config = _configure(GeneratorConfig, options)
    print(train_generator(config, options.out, options.expert, options.device, progress=not options.quiet))


def _run_meter(options: argparse.Namespace) -> None:
    from w2l.train.meter import MeterConfig, train_meter

    config = _configure(MeterConfig, options)
    print(train_meter(config, options.out, options.device, progress=not options.quiet))


def _configure(kind: Any, options: argparse.Namespace) -> Any:
    """The settings of a training with the changes of --set; also sets the number of threads."""
    import cv2
    import torch

    from w2l.errors import W2LError

    cv2.setNumThreads(1)  # frames are small: threads would cost more than they bring
    if options.threads > 0:
        torch.set_num_threads(options.threads)
    defaults: dict[str, Any] = {field.name: field.default for field in fields(kind)}
    changes: dict[str, Any] = {}
    for item in options.set:
        name, _, value = item.partition("=")
        if name not in defaults:
            known = ", ".join(f"{key}={default}" for key, default in defaults.items())
            raise W2LError(f"there is no setting {name!r}; the settings are {known}.")
        kind_of_value = type(defaults[name])
        try:
            changes[name] = kind_of_value(value)
        except ValueError as error:
            raise W2LError(f"{item} is not a setting: {name} takes a {_NUMBERS[kind_of_value]}.") from error
    return kind(**changes)


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    for name in ("generator", "expert", "meter"):
        parser.add_argument(f"--{name}", default=f"classroom_{name}", help=f"bundled name or file (classroom_{name})")
    parser.add_argument("--split", choices=("validation", "test"), default="validation", help="default: validation")
    parser.add_argument("--clips", type=int, default=64, metavar="N", help="held-out talkers (default: 64)")
    parser.add_argument("--card", type=Path, metavar="FILE", help="write the model card, with these figures, to FILE")
    parser.add_argument(
        "--sheet", type=Path, metavar="PNG", help="write mouths over time, real and generated, 4 x size"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def _run_evaluate(options: argparse.Namespace) -> None:
    from w2l.evaluate import card, classroom, strips

    names = {name: getattr(options, name) for name in ("generator", "expert", "meter")}
    figures = classroom.evaluate_classroom(
        **names, split=options.split, count=options.clips, progress=not options.quiet
    )
    print(classroom.table(figures))
    if options.card:
        print(card.write(options.card, figures, options.split, options.clips, names))
    if options.sheet:
        print(strips.write(options.sheet, options.generator, options.split))


COMMANDS = (
    ("corpus", "make clips of the synthetic talker, with their truth", _add_corpus, _run_corpus),
    ("train expert", "train a lip-sync expert on the synthetic talker", _add_expert, _run_expert),
    ("train generator", "train a generator with the expert's help", _add_generator, _run_generator),
    ("train meter", "train the mouth meter, the evaluation's instrument", _add_meter, _run_meter),
    ("evaluate", "measure generator and expert on held-out talkers", _add_evaluate, _run_evaluate),
)
