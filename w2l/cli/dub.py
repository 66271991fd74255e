"""The commands for dubs: ``w2l dub``, ``preview``, ``batch``, ``track`` and ``demo``."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from w2l.base import files, paths
from w2l.cli.arguments import add_choices, add_threads, chosen, use_threads
from w2l.cli.command import Command, note_left_out
from w2l.cli.say import add_typed, complete_typed, speech_file
from w2l.dubbing.settings import Settings, TrackSettings
from w2l.errors import W2LError

CONSENT_FLAG = "--i-have-consent"
_CONSENT = "You may only dub people who agreed to it, and you must say that the result is AI-generated."


def _add_run_options(parser: argparse.ArgumentParser) -> None:
    add_threads(parser)
    parser.add_argument("--quiet", action="store_true", help="no progress bars")
    parser.add_argument(
        CONSENT_FLAG, dest="consent", action="store_true", help="the person shown has agreed (asked once otherwise)"
    )


def ask_consent(given: bool) -> None:
    """Returns if the user says yes by flag or when asked, or has done so before; raises W2LError otherwise."""
    remembered = paths.cache() / "consent"
    if given or remembered.is_file():
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise W2LError(f"{_CONSENT} Say so with {CONSENT_FLAG}.")
    print(f"{_CONSENT}\nDid everyone shown agree? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise W2LError("not dubbed, because consent was not given.")
    files.write_text(remembered, f"yes: {_CONSENT}\n")


# ---------------------------------------------------------------- dub


def _add_inputs(parser: argparse.ArgumentParser, out: str) -> None:
    for name, what in (
        ("face", "video, animated GIF or picture of a face"),
        ("audio", "speech: a sound file, or a video whose sound is taken"),
        ("out", out),
    ):
        flag = "--outfile" if name == "out" else f"--{name}"
        parser.add_argument(name, nargs="?", type=Path, metavar=name.upper(), help=what)
        parser.add_argument(flag, dest=f"{name}_flag", type=Path, metavar="FILE", help=f"the same as {name.upper()}")
    add_typed(parser, "AUDIO")


def _add_dub(parser: argparse.ArgumentParser) -> None:
    _add_inputs(parser, "result: .mp4, or .gif or .webp without sound (default: in the results folder)")
    parser.add_argument(
        "--speaker", action="append", metavar="WHICH=AUDIO",
        help="a face (its number, or a point X,Y) and its speech; instead of AUDIO, once for each face that speaks",
    )  # fmt: skip
    add_choices(parser, Settings)
    parser.add_argument("--sheet", type=Path, metavar="PNG", help="also write a contact sheet of the result")
    _add_run_options(parser)


def _complete_dub(options: argparse.Namespace) -> None:
    """Gives face, audio and out their values, and speaker a mapping of faces to sounds."""
    _complete_inputs(options)
    speakers = dict(_speaker(text) for text in options.speaker or ())
    _shift_out(options, bool(speakers))
    if options.face is None or sum(map(bool, (options.audio, options.say, speakers))) != 1:
        raise W2LError(
            "w2l dub needs a face and a sound: w2l dub FACE AUDIO OUT (or FACE OUT with --say or some --speaker)."
        )
    options.speaker, options.first = speakers, next(iter(speakers.values()), options.audio or options.say)
    if options.out is None:
        options.out = files.fitting(paths.results() / f"{options.face.stem}-{options.first.stem}.mp4")


def _run_dub(options: argparse.Namespace) -> None:
    face = options.face
    ask_consent(options.consent)
    use_threads(options.threads)
    from w2l.dubbing.contact_sheet import ContactSheet
    from w2l.dubbing.dub import dub

    with speech_file(options.first) as first:
        title = f"{face.name} speaks {first.name if options.say is None else options.say}"
        contact_sheet = ContactSheet(first, title, audio_track=options.audio_track) if options.sheet else None
        result = dub(
            face, options.speaker or first, options.out, progress=not options.quiet, watch=contact_sheet,
            **chosen(options, Settings),
        )  # fmt: skip
        if contact_sheet:
            contact_sheet.write(options.sheet)
    for note in result.notes:
        print(f"note: {note}")
    print(f"{result.path}: {result.n_frames} frames at {result.fps:g} fps in {result.seconds['total']:.1f} s")


def _complete_inputs(options: argparse.Namespace) -> None:
    """Takes face, audio and out from where they are given, by their place or by a flag; both is an error."""
    for name in ("face", "audio", "out"):
        by_position, by_flag = getattr(options, name), getattr(options, f"{name}_flag")
        if by_position is not None and by_flag is not None:
            raise W2LError(f"the {name} is given twice, as {by_position} and as {by_flag}; leave one out.")
        setattr(options, name, by_position or by_flag)
    complete_typed(options)
    if options.audio is not None and _is_sentence(options.audio):
        raise W2LError(f'there is no sound file "{options.audio}"; to have a sentence spoken, put --say before it.')


def _is_sentence(path: Path) -> bool:
    """Whether what was given as a file is words instead: several of them, no ending of a file name, no such file."""
    return " " in path.name and not path.suffix.strip(".").isalnum() and not os.path.exists(path)


def _shift_out(options: argparse.Namespace, spoken_otherwise: bool = False) -> None:
    """Without AUDIO (with --say, or `spoken_otherwise`), the second argument is the result."""
    if (spoken_otherwise or options.say) and options.audio and options.out is None and options.audio_flag is None:
        options.audio, options.out = None, options.audio


def _speaker(text: str) -> tuple[str, Path]:
    which, _, path = text.partition("=")
    if not which or not path:
        raise W2LError(
            f"--speaker {text} cannot be read: write the face's number or point, =, and its sound, such as 0=anna.wav."
        )
    return which, Path(path)


# ---------------------------------------------------------------- preview


def _add_preview(parser: argparse.ArgumentParser) -> None:
    _add_inputs(parser, "picture to write, .png (default: in the results folder)")
    parser.add_argument("--at", type=float, default=0.0, metavar="SECONDS", help="the moment to preview (default: 0)")
    parser.add_argument("--frame", type=int, metavar="N", help="instead of --at: the number of the frame, from 0")
    add_choices(parser, Settings)
    _add_run_options(parser)


def _complete_preview(options: argparse.Namespace) -> None:
    _complete_inputs(options)
    _shift_out(options)
    if options.face is None or (options.audio is None) == (options.say is None):
        raise W2LError("w2l preview needs a face and a sound: w2l preview FACE AUDIO PNG --at SECONDS (or --say TEXT).")
    options.first = options.audio or options.say
    if options.out is None:
        options.out = files.fitting(paths.results() / f"{options.face.stem}-{options.first.stem}-preview.png")


def _run_preview(options: argparse.Namespace) -> None:
    ask_consent(options.consent)
    use_threads(options.threads)
    from w2l.dubbing.preview import preview

    with speech_file(options.first) as first:
        made = preview(options.face, first, options.at, options.out, options.frame, **chosen(options, Settings))
    for note in made.notes:
        print(f"note: {note}")
    print(f"{options.out}: frame {made.moment.index} in {made.seconds:.1f} s")


# ---------------------------------------------------------------- batch


def _add_batch(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "jobs",
        nargs="?",
        type=Path,
        metavar="CSV",
        help="table with the columns face, audio (and out, soundtrack, start, end; or say and voice, for audio)",
    )
    parser.add_argument("--faces", type=Path, metavar="PATH", help="instead: a face or a folder of them, each with ...")
    parser.add_argument(
        "--speeches", type=Path, metavar="PATH", help="... each speech: a sound file or a folder of sound files"
    )
    add_typed(parser, "--speeches")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder of the results (default: the results folder)")
    parser.add_argument("--again", action="store_true", help="also make dubs that exist already")
    add_choices(parser, Settings)
    _add_run_options(parser)


def _run_batch(options: argparse.Namespace) -> int:
    complete_typed(options)
    spoken = [one for one in (options.speeches, options.say) if one is not None]
    if (options.jobs is None) == (options.faces is None or not spoken) or len(spoken) > 1:
        raise W2LError("w2l batch needs either a table of jobs or both --faces and --speeches (or --say).")
    ask_consent(options.consent)
    use_threads(options.threads)
    from w2l.dubbing import batch

    out = options.out or paths.results()
    if options.jobs is not None:
        jobs = batch.read_csv(options.jobs, out)
    else:
        jobs = batch.every_pair(options.faces, spoken[0], out, left_out=note_left_out)

    def report(outcome: batch.Outcome) -> None:
        print(f"{outcome.job.out}: {outcome.status}{': ' if outcome.said else ''}{outcome.said}", flush=True)

    settings = chosen(options, Settings)
    done = batch.run(jobs, options.again, not options.quiet, out / batch.REPORT, report, **settings)
    failed = sum(outcome.status == "failed" for outcome in done)
    kept = sum(outcome.status == "was there" for outcome in done)
    again = f", {kept} of them made before (--again makes them again)" if kept else ""
    print(f"{len(done) - failed} of {len(done)} dubs are in {out}{again}; {out / batch.REPORT} lists them")
    return 2 if failed else 0


# ---------------------------------------------------------------- track


def _add_track(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("face", type=Path, metavar="FACE", help="video, animated GIF or picture")
    parser.add_argument("--out", type=Path, metavar="PNG", help="picture of some frames with their numbered boxes")
    add_choices(parser, TrackSettings)
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def _run_track(options: argparse.Namespace) -> None:
    from w2l import faces, video
    from w2l.dubbing import contact_sheet

    settings = chosen(options, TrackSettings)
    framing = video.Framing(settings.pop("resize_factor"), settings.pop("rotate"), settings.pop("crop"))
    drawn = {name: settings.pop(name) for name in ("pads", "smooth", "gaps")}
    which, batch_size = settings.pop("which"), settings.pop("detector_batch_size")
    scene = faces.see(options.face, **settings, framing=framing, batch_size=batch_size, progress=not options.quiet)
    track, tracks = scene.track(which, **drawn), scene.tracks(**drawn)
    for number, one in enumerate(tracks):
        first = int(one.found.argmax())
        print(f"face {number}: {int(one.found.sum())} of {len(one)} frames, from frame {first} on")
    missing = track.missing
    where = f"; none in {', '.join(map(str, missing[:10]))}{' ...' if len(missing) > 10 else ''}" if missing else ""
    print(f"{options.face}: a face in {len(track) - len(missing)} of {len(track)} frames{where}")
    if options.out:
        contact_sheet.write_track(
            options.face, tracks, options.out, framing=framing, fps=options.fps, start=options.start
        )
        print(options.out)


# ---------------------------------------------------------------- demo


def _add_demo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder to write to (default: results/demo)")
    parser.add_argument("--quiet", action="store_true", help="no progress bars")


def _run_demo(options: argparse.Namespace) -> None:
    from w2l.dubbing.demo import demo

    made = demo(options.out, progress=not options.quiet)
    print(f"video:         {made.video}\ncontact sheet: {made.sheet}")


_OUT, _OUT_FLAG = ("out",), ("out", "out_flag")

COMMANDS = (
    Command(
        "demo", "dub the bundled face with the bundled speech; nothing is downloaded", _add_demo, _run_demo, fills=_OUT
    ),
    Command(
        "dub", "make a face speak: face + speech -> video", _add_dub, _run_dub, (*_OUT_FLAG, "sheet"),
        complete=_complete_dub,
    ),
    Command(
        "preview", "dub one frame, to choose the settings before a long run", _add_preview, _run_preview, _OUT_FLAG,
        complete=_complete_preview,
    ),
    Command(
        "batch", "make many dubs: a table of jobs, or every face with every speech", _add_batch, _run_batch, fills=_OUT
    ),
    Command("track", "find and number the faces in each frame of a clip", _add_track, _run_track, _OUT),
)  # fmt: skip
