"""Your own voice: recorded in the browser or read from a file, kept as a wav file where a dub finds it."""

from __future__ import annotations

import base64
import tempfile
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import numpy as np

from w2l.base import files
from w2l.dubbing.speech import listen
from w2l.errors import W2LError
from w2l.notebook import canvas

_NAME = "voice.wav"
_LARGEST = 100 << 20  # bytes of a file, as in microphone.js
_WORDS = "(a recorder for your voice: run this cell to use it)"
_MISSING = "The recorder needs the package anywidget: %pip install anywidget, and load this page again."


class Recorder:
    """Records your voice in the browser, shows and plays it, trims silence, and keeps it as a wav file.

    folder: where ``voice.wav`` goes, 16-bit and mono at the browser's own rate; made when something is kept. A
    recording that is there already, from another notebook or another day, is used until it is replaced or deleted.
    seconds: the longest recording. A sound file or film can be opened in place of the microphone.

    As the last line of a cell it shows itself. Where widgets are not drawn there is nothing to press, and `path` stays
    None unless a file called voice.wav is put into the folder.
    """

    def __init__(self, folder: str | Path, seconds: float = 10.0) -> None:
        self._file = Path(folder) / _NAME
        self.seconds = seconds
        self._take, self._pieces = "", dict[int, bytes]()
        try:
            from w2l.notebook.microphone import Microphone
        except ImportError:
            self.box: widgets.Widget = widgets.HTML(_MISSING)
            return
        self.box = self.page = Microphone(seconds=float(seconds))
        self.page.on_msg(self._on_message)
        self._answer("", self._told() if self.path else "Press Record and say something.")

    @property
    def path(self) -> Path | None:
        """The recording; None while there is none."""
        return self._file if self._file.is_file() else None

    def keep(self, data: bytes, name: str = "recording") -> Path:
        """Keeps the sound of a file, of any kind that a dub takes, in place of the recording that was there.

        data: the file's bytes. name: what to call it in an error. Longer sound is cut to `seconds`.
        Raises W2LError when it cannot be read, holds no sound, is silent or too large, or cannot be written.
        """
        if len(data) > _LARGEST:
            raise W2LError(f"{name} is too large: cut the sentence out of it first ({_LARGEST >> 20} MB at most).")
        with tempfile.TemporaryDirectory() as folder:
            given = Path(folder) / "sound"
            given.write_bytes(data)
            try:
                speech = listen(given)
            except W2LError as error:
                raise W2LError(str(error).replace(str(given), name)) from error
        speech = speech.cut(self.seconds)
        heard = speech.wav.mean(axis=1) if speech.channel is None else speech.wav[:, speech.channel]
        with files.atomic(self._file) as temporary:
            temporary.write_bytes(canvas.wav_bytes(heard.astype(np.float32), speech.rate))
        return self._file

    def delete(self) -> None:
        """Deletes the recording, if there is one."""
        self._file.unlink(missing_ok=True)

    def _told(self) -> str:
        try:
            seconds = listen(self._file).seconds
        except W2LError as error:
            return str(error)
        return f"Your recording is here, {seconds:.1f} s: {self._file}. Run the next cell to use it."

    def _answer(self, take: str, text: str, bad: bool = False) -> None:
        self.page.answer = {"take": take, "text": text, "bad": bad, "here": self.path is not None}

    def _on_message(self, page: Any, message: Any, buffers: Any) -> None:
        if message.get("delete"):
            self.delete()
            self._answer("delete", "Your recording is deleted.")
            return
        try:
            whole = self._joined(message)
            if whole is not None:
                self.keep(whole, message["name"])
                self._answer(message["take"], self._told())
        except (W2LError, OSError) as error:
            self._answer(str(message.get("take", "")), str(error), bad=True)

    def _joined(self, message: dict[str, Any]) -> bytes | None:
        """The whole file, once its last piece is here; pieces of an earlier take are forgotten."""
        if message["take"] != self._take:
            self._take, self._pieces = message["take"], {}
        try:
            self._pieces[message["piece"]] = base64.b64decode(message["data"], validate=True)
        except ValueError as error:
            raise W2LError("the recording was damaged on its way to the notebook; press Use it again.") from error
        if len(self._pieces) < message["count"]:
            return None
        pieces, self._pieces = self._pieces, {}
        return b"".join(pieces[number] for number in sorted(pieces))

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        if not hasattr(self, "page"):
            return canvas.bundle(self.box)
        shown: Any = self.page._repr_mimebundle_()  # with what Colab must be told about widgets that are not its own
        data, metadata = shown if isinstance(shown, tuple) else (shown, {})
        return {**data, **canvas.bundle(self.page, words=_WORDS)}, metadata
