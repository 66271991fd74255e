"""The command line: ``w2l demo``, ``dub``, ``track``, ``mark``, ``bench``, and the commands of `cli_learn`.

Each command is a row of `COMMANDS`; what it imports, it imports when it runs, so that ``w2l --help`` answers at once.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from w2l import __version__, cli_learn, paths
from w2l.errors import W2LError

BAD_INPUT, INTERRUPTED = 2, 130  # exit codes
CONSENT_FLAG = "--i-have-consent"
_CONSENT = "You may only dub people who agreed to it, and you must say that the result is AI-generated."


@dataclass(frozen=True)
class Command:
    """One command: its name ("train expert" is `expert` under `train`), a line of help, its arguments, what it runs."""

    name: str
    help: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int | None]


class _Parser(argparse.ArgumentParser):
    """Says what is wrong with an argument in one line, as every other error of the kit."""

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"w2l: {message} (see {self.prog} --help)\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code: 0, 2 for bad input (told in one sentence), 130 when interrupted."""
    try:
        options = make_parser().parse_args(arguments)
        with _terminated_as_interrupted():
            return options.run(options) or 0
    except (W2LError, argparse.ArgumentTypeError) as error:
        print(f"w2l: {error}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print("w2l: interrupted; nothing was left half-written.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output went away, as in `w2l bench | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Lets a polite kill end a command as Ctrl-C does, so that temporary files are removed."""

    def interrupt(signum: int, frame: object) -> NoReturn:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():  # only there are signals to catch
        yield
        return
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def make_parser() -> argparse.ArgumentParser:
    """The parser with all of `COMMANDS`."""
    parser = _Parser(prog="w2l", description="Make a face speak, and learn how: the Wav2Lip teaching kit.")
    parser.add_argument("--version", action="version", version=f"w2l {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    groups: dict[str, argparse._SubParsersAction] = {}
    for command in COMMANDS:
        group, _, name = command.name.rpartition(" ")
        if group and group not in groups:
            inner = commands.add_parser(group, help=_GROUPS[group], description=_GROUPS[group])
            groups[group] = inner.add_subparsers(title="commands", metavar="COMMAND", required=True)
        place = groups[group] if group else commands
        one = place.add_parser(name, help=command.help, description=command.help)
        command.add_arguments(one)
        one.set_defaults(run=command.run)
    return parser


# ---------------------------------------------------------------- dub


def _add_dub(parser: argparse.ArgumentParser) -> None:
    for name, what in (
        ("face", "video, animated GIF or picture of a face"),
        ("audio", "speech: a sound file, or a video whose sound is taken"),
        ("out", "result: .mp4, or .gif or .webp without sound (default: in the results folder)"),
    ):
        flag = "--outfile" if name == "out" else f"--{name}"
        parser.add_argument(name, nargs="?", type=Path, metavar=name.upper(), help=what)
        parser.add_argument(flag, dest=f"{name}_flag", type=Path, metavar="FILE", help=f"the same as {name.upper()}")
    parser.add_argument(
        "--weights",
        "--checkpoint_path",
        default="classroom",
        help="classroom (bundled, knows drawn faces), wav2lip, wav2lip_gan, or a checkpoint file (default: classroom)",
    )
    _add_track_options(parser)
    parser.add_argument("--fps", type=float, help="frames a second of the result (default: the clip's; a picture: 25)")
    parser.add_argument("--no-label", action="store_true", help='leave out the visible "AI-generated" label')
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps (default: auto)")
    parser.add_argument("--threads", type=_count, metavar="N", help="processor threads to use (default: all)")
    parser.add_argument(
        "--batch-size", "--wav2lip_batch_size", dest="batch_size", type=_count, default=16, metavar="N",
        help="faces drawn at once (default: 16)",
    )  # fmt: skip
    parser.add_argument("--sheet", type=Path, metavar="PNG", help="also write a contact sheet of the result")
    parser.add_argument("--quiet", action="store_true", help="no progress bars")
    parser.add_argument(
        CONSENT_FLAG, dest="consent", action="store_true", help="the person shown agreed to this (asked once otherwise)"
    )


def _add_track_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--detector", default="auto", help="how faces are found (default: auto, the best one here)")
    sides = ("TOP", "BOTTOM", "LEFT", "RIGHT")
    parser.add_argument(
        "--pads", type=int, nargs=4, metavar=sides, default=(0, 10, 0, 0), help="pixels added to the box (0 10 0 0)"
    )
    parser.add_argument("--box", type=int, nargs=4, metavar=sides, help="a fixed face box in pixels; nothing is sought")
    parser.add_argument("--nosmooth", action="store_true", help="do not smooth the face box over time")
    parser.add_argument(
        "--gaps",
        choices=("pass", "hold", "interpolate", "error"),
        default="pass",
        help="frames without a face: pass them unchanged, hold the last box, interpolate, or stop (default: pass)",
    )


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
    return int(text)


def _run_dub(options: argparse.Namespace) -> None:
    face, audio, out = (_one_of(options, name) for name in ("face", "audio", "out"))
    if face is None or audio is None:
        raise W2LError("w2l dub needs a face and a sound: w2l dub FACE AUDIO OUT.")
    out = out or paths.results() / f"{face.stem}-{audio.stem}.mp4"
    _ask_consent(options.consent)
    _use_threads(options.threads)
    from w2l.dub import dub
    from w2l.sheet import ContactSheet

    sheet = ContactSheet(audio, f"{face.name} speaks {audio.name}") if options.sheet else None
    result = dub(
        face,
        audio,
        out,
        weights=options.weights,
        detector=options.detector,
        box=_box(options),
        pads=tuple(options.pads),
        smooth=not options.nosmooth,
        gaps=options.gaps,
        fps=options.fps,
        batch_size=options.batch_size,
        device=options.device,
        label=not options.no_label,
        progress=not options.quiet,
        watch=sheet,
    )
    if sheet:
        sheet.write(options.sheet)
    for note in result.notes:
        print(f"note: {note}")
    print(f"{result.path}: {result.n_frames} frames at {result.fps:g} fps in {result.seconds['total']:.1f} s")


def _one_of(options: argparse.Namespace, name: str) -> Path | None:
    """A file given by its place or by its flag; both is an error."""
    by_place, by_flag = getattr(options, name), getattr(options, f"{name}_flag")
    if by_place is not None and by_flag is not None:
        raise W2LError(f"the {name} is given twice, as {by_place} and as {by_flag}; leave one out.")
    return by_place or by_flag


def _box(options: argparse.Namespace) -> tuple[int, int, int, int] | None:
    """--box comes as top, bottom, left, right; the library takes x1, y1, x2, y2."""
    if options.box is None:
        return None
    top, bottom, left, right = options.box
    if not (0 <= top < bottom and 0 <= left < right):
        raise W2LError(f"--box {top} {bottom} {left} {right} is no box: it takes TOP BOTTOM LEFT RIGHT in pixels.")
    return left, top, right, bottom


def _ask_consent(given: bool) -> None:
    """Passes when the user said yes by flag, now, or once before; raises W2LError otherwise."""
    remembered = paths.cache() / "consent"
    if given or remembered.is_file():
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise W2LError(f"{_CONSENT} Say so with {CONSENT_FLAG}.")
    print(f"{_CONSENT}\nDid everyone shown agree? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise W2LError("not dubbed, because consent was not given.")
    with paths.atomic(remembered) as temporary:
        temporary.write_text(f"yes: {_CONSENT}\n", encoding="utf8")


def _use_threads(threads: int | None) -> None:
    if threads is None:
        return
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):  # read when torch and numpy start
        os.environ[name] = str(threads)
    import cv2

    cv2.setNumThreads(threads)


# ---------------------------------------------------------------- the other commands


def _add_demo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder to write to (default: results/demo)")
    parser.add_argument("--quiet", action="store_true", help="no progress bars")


def _run_demo(options: argparse.Namespace) -> None:
    from w2l.demo import demo

    made = demo(options.out, progress=not options.quiet)
    print(f"video:         {made.video}\ncontact sheet: {made.sheet}")


def _add_track(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("face", type=Path, metavar="FACE", help="video, animated GIF or picture")
    parser.add_argument("--out", type=Path, metavar="PNG", help="picture of some frames with their boxes")
    _add_track_options(parser)
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def _run_track(options: argparse.Namespace) -> None:
    from w2l import faces, sheet

    track = faces.track_faces(
        options.face,
        detector=options.detector,
        pads=tuple(options.pads),
        smooth=not options.nosmooth,
        gaps=options.gaps,
        box=_box(options),
        progress=not options.quiet,
    )
    missing = track.missing
    where = f"; none in {', '.join(map(str, missing[:10]))}{' ...' if len(missing) > 10 else ''}" if missing else ""
    print(f"{options.face}: a face in {len(track.boxes) - len(missing)} of {len(track.boxes)} frames{where}")
    if options.out:
        sheet.write_track(options.face, track, options.out)
        print(options.out)


def _add_mark_read(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="mp4, GIF, WebP or PNG")


def _run_mark_read(options: argparse.Namespace) -> int:
    from w2l import mark

    found = mark.read(options.file)
    if found.digital_source_type is None:
        print(f"{options.file}: carries no mark")
        return 1
    kind = "synthetic" if found.synthetic else "not synthetic"
    made = f", made with {found.tool}" if found.tool else ""
    print(f"{options.file}: {kind}{made}\n{found.digital_source_type} (in {' and '.join(found.found_in)})")
    return 0 if found.synthetic else 1


def _add_bench(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--threads", type=_count, metavar="N", help="processor threads to use (default: all)")


def _run_bench(options: argparse.Namespace) -> None:
    _use_threads(options.threads)
    from w2l import bench

    figures = bench.measure()
    print(bench.to_json(figures) if options.json else bench.to_table(figures))


_GROUPS = {"mark": "marks of synthetic media", "train": "train the networks"}
COMMANDS = (
    Command("demo", "dub the bundled face with the bundled speech; nothing is downloaded", _add_demo, _run_demo),
    Command("dub", "make a face speak: face + speech -> video", _add_dub, _run_dub),
    Command("track", "find the face in each frame of a clip", _add_track, _run_track),
    Command("mark read", "read the AI mark of a file; exits 1 when it has none", _add_mark_read, _run_mark_read),
    Command("bench", "measure each stage on this machine", _add_bench, _run_bench),
    *(Command(*row) for row in cli_learn.COMMANDS),
)
