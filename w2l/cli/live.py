"""The command for faces that speak live: ``w2l live``."""

from __future__ import annotations

import argparse
from pathlib import Path

from w2l.base import paths
from w2l.cli.arguments import add_choices, add_threads, chosen, use_threads
from w2l.cli.command import Command
from w2l.cli.dub import CONSENT_FLAG, ask_consent
from w2l.dubbing.settings import Settings
from w2l.errors import W2LError
from w2l.live.settings import LIVE_SETTINGS, PIECE


def _add_live(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "face", nargs="?", type=Path, metavar="FACE", help="picture or short clip (default: the bundled presenter)"
    )
    parser.add_argument(
        "--from", dest="speech", type=Path, metavar="FILE", help="the speech, streamed as slowly as it is spoken"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="write what a viewer saw: .mp4, .gif or .webp")
    parser.add_argument(
        "--piece", type=float, default=PIECE, metavar="SECONDS", help=f"length of a piece of sound (default: {PIECE})"
    )
    add_choices(parser, Settings, only=LIVE_SETTINGS)
    add_threads(parser)
    parser.add_argument(
        CONSENT_FLAG, dest="consent", action="store_true", help="the person shown has agreed (asked once otherwise)"
    )


def _run_live(options: argparse.Namespace) -> None:
    if options.speech is None:
        raise W2LError("w2l live needs speech: w2l live FACE --from FILE --out FILE.")
    if options.face is not None:
        ask_consent(options.consent)
    use_threads(options.threads)
    from w2l.live.face import LiveFace
    from w2l.live.rehearsal import rehearse

    nobody = paths.data() / "samples" / "presenter.mp4"
    face = LiveFace(options.face or nobody, **chosen(options, Settings, LIVE_SETTINGS))
    done = rehearse(face, options.speech, options.out, options.piece)
    for note in done.notes:
        print(f"note: {note}")
    if done.path is not None:
        print(f"{done.path}: {done.n_frames} frames at {face.fps:g} fps")
    print(done.describe())


COMMANDS = (Command("live", "a face that speaks as the sound comes in", _add_live, _run_live, ("out",)),)
