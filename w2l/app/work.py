"""What the page does with what it is given: the same functions that the command line calls, with limits before them."""

from __future__ import annotations

import math
import os
import shutil
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from w2l import audio, video
from w2l import weights as weight_files
from w2l.app.live_room import LiveRoom
from w2l.app.settings import AppSettings
from w2l.app.turns import Turns
from w2l.app.visitors import Visitor, note
from w2l.base import files, paths
from w2l.dubbing.contact_sheet import ContactSheet
from w2l.dubbing.dub import DubResult, dub, load_generator
from w2l.dubbing.methods import method_for
from w2l.dubbing.preview import preview
from w2l.dubbing.settings import Settings
from w2l.errors import W2LError

MOST_PIXELS = 1920 * 1088  # of a frame; larger ones are made smaller by a whole number
_PATIENCE = 5  # seconds for a dub to end when the page does
_PADDING = 0.15  # seconds of silence that some encoders add, and that decoding takes away
_CHARACTERS = 30  # a second: more than anybody says
Tell = Callable[[str, float, float | None], object]  # as `dub` takes it


class Cancelled(Exception):
    """The visitor wants no more of it."""


@dataclass(frozen=True)
class Wish:
    """What is to be dubbed. changed: settings of `dub`; nobody: whether neither face nor voice is a person's."""

    face: Path
    speech: Path
    changed: dict[str, Any]
    nobody: bool = False


@dataclass(frozen=True)
class Finished:
    """A finished dub: the two files, what `dub` said, and the page's own notes."""

    video: Path
    sheet: Path
    result: DubResult
    notes: tuple[str, ...]


class Studio:
    """Does the work, one dub at a time."""

    def __init__(self, settings: AppSettings) -> None:
        self.settings = settings
        self.turns = Turns()
        self.live = LiveRoom(self.turns, settings)
        self._previewing = threading.Lock()
        self._closed = False

    def warm(self) -> None:
        """Loads the usual weights, so that the first visitor need not wait for that."""
        with suppress(W2LError):
            method = method_for(Settings(device=self.settings.device))
            load_generator(weight_files.find(method.settings.weights), method)

    def close(self) -> None:
        """Ends what is being made, and takes nothing more."""
        self._closed = True
        self.live.close()
        for _ in range(_PATIENCE * 10):
            if not len(self.turns):
                return
            time.sleep(0.1)

    def weights(self) -> list[str]:
        """The generators that can be chosen."""
        names = [name for name in (weight_files.CLASSROOM, *weight_files.PUBLISHED) if _is_here(name)]
        return [*names, *self.settings.weights]

    def check(self, wish: Wish) -> Wish:
        """The wish, its frames made small enough. Raises W2LError for files that are too large, long or broken."""
        for path in (wish.face, wish.speech):
            self._check_size(path)
        clip = video.probe(wish.face)
        self._check_length(audio.measure(wish.speech))
        chosen = int(wish.changed.get("resize_factor", 1))
        needed = math.ceil(math.sqrt(clip.width * clip.height / MOST_PIXELS))
        return Wish(wish.face, wish.speech, {**wish.changed, "resize_factor": max(chosen, needed)}, wish.nobody)

    def _check_size(self, path: Path) -> None:
        megabytes = os.path.getsize(path) / 1e6
        if megabytes > self.settings.max_megabytes:
            raise W2LError(
                f"{path.name} has {megabytes:.0f} MB, and at most {self.settings.max_megabytes} are taken; shorten it."
            )

    def _check_length(self, seconds: float) -> None:
        if seconds > self.settings.max_seconds + 0.5:
            raise W2LError(
                f"the speech lasts {seconds:.0f} s, and at most {self.settings.max_seconds} s are dubbed here; shorten "
                "it."
            )

    def say(self, text: str, voice: str | None, folder: Path) -> Path:
        """The typed text as a sound file. Raises W2LError as `w2l.say` does, and for a text that takes too long."""
        from w2l.tts.say import say

        longest = _CHARACTERS * self.settings.max_seconds
        if len(text) > longest:
            raise W2LError(f"the text has {len(text)} characters, and at most {longest} are said here; shorten it.")
        folder.mkdir(parents=True, exist_ok=True)
        return say(text, folder / "speech.wav", voice).path

    def look(self, wish: Wish, part: float, visitor: Visitor) -> Path:
        """A picture of one frame with the settings drawn on it. part: where in the speech, 0 to 1."""
        wish = self.check(wish)
        folder = visitor.new_folder()
        seconds = max(0.0, audio.measure(wish.speech) - _PADDING)
        try:
            with self._previewing:
                preview(wish.face, wish.speech, part * seconds, folder / "preview.png", **self._all(wish))
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return folder / "preview.png"

    def make(self, wish: Wish, visitor: Visitor, folder: Path, tell: Tell, waits: Callable[[int], object]) -> Finished:
        """Dubs when it is this visitor's turn. What `tell` or `waits` raise ends it, and nothing is left.

        folder: the visitor's, where the files go. waits: called with the number of dubs before this one.
        """

        def told(*said: Any) -> None:
            if self._closed:
                raise Cancelled
            tell(*said)

        wish, given = self.check(wish), wish
        with self.turns.turn(waits):
            sheet = ContactSheet(wish.speech, f"{wish.face.name} speaks {wish.speech.name}")
            out = folder / f"{_plain(wish.face.stem)}-dubbed.mp4"
            result = dub(wish.face, wish.speech, out, progress=told, watch=sheet, **self._all(wish))
        drawn = sheet.write(folder / "contact_sheet.png")
        note(
            what="dub",
            visitor=visitor.name,
            agreed=visitor.agreed,
            nobody=wish.nobody,
            face=files.hash_of(wish.face)[:16],
            speech=files.hash_of(wish.speech)[:16],
            frames=result.n_frames,
        )
        return Finished(result.path, drawn, result, tuple(self._resized(given, wish)))

    def _all(self, wish: Wish) -> dict[str, Any]:
        return {**wish.changed, "device": self.settings.device, "cache": not self.settings.is_open}

    @staticmethod
    def _resized(given: Wish, used: Wish) -> list[str]:
        factor = used.changed["resize_factor"]
        if factor == given.changed.get("resize_factor", 1):
            return []
        return [f"the picture was made {factor} times smaller, since it is larger than this page takes."]


def nobodies() -> list[Path]:
    """Faces that come with the kit and are nobody's."""
    samples = paths.data() / "samples"
    return [samples / "presenter.mp4", *sorted(samples.glob("nobody*.webp"))]


def sample_speech() -> Path:
    """The bundled sentence, in a voice that is nobody's."""
    return paths.data() / "samples" / "speech.wav"


def _is_here(name: str) -> bool:
    with suppress(W2LError):
        return weight_files.find(name).is_file()
    return False


def _plain(stem: str) -> str:
    """A file name's stem as every system takes it."""
    return "".join(c if c.isalnum() or c in "-_" else "_" for c in stem)[:60] or "face"
