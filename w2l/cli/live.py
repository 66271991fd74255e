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
        "--from", dest="speech", type=Path, metavar="FILE", help="a sound file, streamed at the speed of speech"
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
        _serve(options)
        return
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


def _serve(options: argparse.Namespace) -> None:
    """The page, with the tab that hears the microphone of whoever opens it."""
    if options.face is not None or options.out is not None:
        raise W2LError("w2l live FACE needs speech, --from FILE; without both, the face is chosen on the page.")
    use_threads(options.threads)
    from w2l.app.server import Page
    from w2l.app.settings import AppSettings

    page = Page(AppSettings(device=options.device))
    print(f"{page.url}{'&' if '?' in page.url else '?'}tab=live\nCtrl-C ends the page", flush=True)
    page.run()


COMMANDS = (
    Command("live", "make a face speak live: on a web page, or from a sound file", _add_live, _run_live, ("out",)),
)
