"""Options made from the choices of a dataclass, and the values that come of what was typed."""

import argparse
from dataclasses import dataclass
from pathlib import Path

import pytest

from w2l.base.choices import choice, whole_number
from w2l.cli.arguments import add_choices, chosen
from w2l.dubbing.settings import Settings, TrackSettings
from w2l.errors import W2LError


@dataclass(frozen=True)
class Trip:
    """Where to go."""

    days: int = choice(3, "how long", "--days", "-d", parse=whole_number, metavar="N")
    by_train: bool = choice(False, "whether by train")
    rest: bool = choice(True, "whether there is a day of rest", "--no-rest", option_help="without a day of rest")
    book: Path | None = choice(None, "what to read", parse=Path, group="the bag")
    size: tuple[int, int] = choice((4, 5), "of the bag", nargs=2, parse=int, convert=tuple, group="the bag")
    mood: str = choice("good", "only in Python", is_option=False)


def _parse(*words, cls=Trip, **defaults):
    parser = argparse.ArgumentParser(prog="trip", exit_on_error=False)
    add_choices(parser, cls, defaults)
    return chosen(parser.parse_args(words), cls)


def test_nothing_typed_gives_the_defaults():
    assert Trip(**_parse()) == Trip()
    assert Settings(**_parse(cls=Settings)) == Settings()
    assert TrackSettings(**_parse(cls=TrackSettings)) == TrackSettings()
    assert _parse(days=9)["days"] == 9


def test_what_is_typed():
    typed = _parse("-d", "5", "--by-train", "--no-rest", "--book", "a/b", "--size", "1", "2")
    assert Trip(**typed) == Trip(5, True, False, Path("a/b"), (1, 2))
    with pytest.raises(argparse.ArgumentError, match="-d: '0' is not a whole number of 1 or more"):
        _parse("-d", "0")


def test_the_words_of_the_published_command_line():
    typed = _parse(
        "--nosmooth", "--pads", "0", "20", "0", "0", "--box", "10", "90", "20", "80", "--resize_factor", "2",
        "--crop", "0", "-1", "0", "-1", "--rotate", "--wav2lip_batch_size", "4", "--face_det_batch_size", "3",
        "--checkpoint_path", "w.pth", "--static", "True", cls=Settings,
    )  # fmt: skip
    assert Settings(**typed) == Settings(
        smooth=False, pads=(0, 20, 0, 0), box=(20, 10, 80, 90), resize_factor=2, crop=(0, 0, -1, -1), rotate=90,
        batch_size=4, detector_batch_size=3, weights="w.pth", static=True,
    )  # fmt: skip
    assert _parse("--box", "-1", "-1", "-1", "-1", cls=Settings)["box"] is None
    assert _parse("--rotate", "450", cls=Settings)["rotate"] == 90
    with pytest.raises(W2LError, match="--box 90 10 20 80 is not a box"):
        _parse("--box", "90", "10", "20", "80", cls=Settings)
