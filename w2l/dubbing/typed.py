"""A typed text as the speech of a dub: spoken into a file that is there while the dub needs it."""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from w2l.tts.say import SayResult, say

_STEM, _SHOWN = 40, 60  # characters of a text that name a file, and that are shown


@dataclass(frozen=True)
class TypedSpeech:
    """A text to be said, and by which voice (None: by the script of the text; see `w2l.tts.say`)."""

    text: str
    voice: str | None = None

    def __str__(self) -> str:
        """Its beginning, in quotation marks, as titles and tables show it."""
        line = " ".join(self.text.split())
        return f"“{line[:_SHOWN]}…”" if len(line) > _SHOWN else f"“{line}”"

    @property
    def stem(self) -> str:
        """Of the name of a file: the first words, and digits that tell it from every other text and voice."""
        words = re.sub(r"[^\w]+", "-", self.text[: 4 * _STEM]).strip("-_")[:_STEM].rstrip("-_") or "speech"
        whole = f"{self.text}\0{self.voice}".encode("utf8", "surrogatepass")
        return f"{words}-{hashlib.sha256(whole).hexdigest()[:6]}"

    @contextmanager
    def as_file(self) -> Iterator[SayResult]:
        """The speech as a wav file, for a `with` block; its notes name the voice where none was chosen.

        Raises W2LError as `say`.
        """
        with tempfile.TemporaryDirectory(prefix="w2l-") as folder:
            made = say(self.text, Path(folder) / "typed text.wav", self.voice)
            chosen = () if self.voice else (f"the text is said by the voice {made.voice}; --voice chooses another.",)
            yield SayResult(made.path, made.voice, made.seconds, (*chosen, *made.notes))
