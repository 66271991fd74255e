"""The command that says a typed text: ``w2l say``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from w2l.base import files, paths
from w2l.cli.command import Command
from w2l.errors import W2LError

if TYPE_CHECKING:
    from w2l.dubbing.typed import TypedSpeech

VOICE_HELP = (
    "a language (fr, pt-br, Japanese) for a voice of espeak-ng, with +f2, +m3, ... for other speakers; or the "
    "file of a Piper voice, .onnx (default: by the script of the text)"
)


def typed(text: str) -> str:
    """The text of an argument; "-" stands for standard input.

    Raises W2LError where that is not UTF-8, and for the name of a file.
    """
    with suppress(OSError, ValueError):  # what no file can be called
        if Path(text).is_file():
            raise W2LError(f"{text} is a file; to have its words said, write - for the text, and < {text} at the end.")
    if text != "-":
        return text
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise W2LError(f"the text on standard input is not UTF-8 ({error}); save it as UTF-8.") from error


def add_typed(parser: argparse.ArgumentParser, instead: str) -> None:
    """Adds --say and --voice, for commands that take a typed text instead of a file."""
    parser.add_argument(
        "--say", metavar="TEXT", help=f"instead of {instead}: a text to be said; - reads standard input"
    )
    parser.add_argument("--voice", metavar="VOICE", help=f"with --say: {VOICE_HELP}")


def complete_typed(options: argparse.Namespace) -> None:
    """Makes options.say a `TypedSpeech`, or leaves it None. Raises W2LError for a voice without a text."""
    if options.voice is not None and options.say is None:
        raise W2LError("--voice needs a text: --say TEXT.")
    if options.say is not None:
        from w2l.dubbing.typed import TypedSpeech

        options.say = TypedSpeech(typed(options.say), options.voice)


@contextmanager
def speech_file(speech: TypedSpeech | Path) -> Iterator[Path]:
    """The file of a speech, for a `with` block; prints the notes about a typed one."""
    if isinstance(speech, Path):
        yield speech
        return
    with speech.as_file() as said:
        for note in said.notes:
            print(f"note: {note}")
        yield said.path


def _add_say(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("text", nargs="?", metavar="TEXT", help="what to say; - reads it from standard input")
    parser.add_argument(
        "out", nargs="?", type=Path, metavar="OUT",
        help="sound file to write: .wav, .flac, .ogg or .mp3 (default: in the results folder)",
    )  # fmt: skip
    parser.add_argument("--voice", metavar="VOICE", help=VOICE_HELP)
    parser.add_argument("--voices", action="store_true", help="list the voices of espeak-ng")


def _run_say(options: argparse.Namespace) -> None:
    if options.voices:
        _list_voices()
        return
    if options.text is None:
        raise W2LError('w2l say needs a text: w2l say "Hello." hello.wav (or --voices, which lists the voices).')
    from w2l.dubbing.typed import TypedSpeech
    from w2l.tts.say import say

    text = typed(options.text)
    out = options.out or files.fitting(paths.results() / f"{TypedSpeech(text, options.voice).stem}.wav")
    made = say(text, out, options.voice)
    for note in made.notes:
        print(f"note: {note}")
    print(f"{made.path}: {made.seconds:.1f} s, voice {made.voice}")


def _list_voices() -> None:
    from w2l.tts import espeak

    for voice in sorted(espeak.voices(), key=lambda one: one.name):
        print(f"{voice.code:20} {voice.name}")
    print(f"each with another speaker, such as fr+f2: {', '.join(espeak.variants())}")


COMMANDS = (
    Command("say", "turn typed text into speech, a sound file", _add_say, _run_say, ("out",)),
)  # fmt: skip
