"""What the functions behind the page share: who asks, in which language, and how errors are told."""

from __future__ import annotations

import os
import re
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr

from w2l.app.guard import VISITOR_HEADER
from w2l.app.visitors import Visitor, Visitors, note
from w2l.app.words import Words
from w2l.app.work import Cancelled, Studio
from w2l.errors import W2LError


class Refused(Exception):
    """A wish that is not complete; its text is in the page's language."""


@dataclass
class Desk:
    """The page in one language. jobs: what is being made, by the session of the page that asked for it."""

    words: Words
    visitors: Visitors
    studio: Studio
    jobs: dict[str, threading.Event] = field(default_factory=dict)
    opening: list[tuple[Callable[[gr.Request], Any], Any]] = field(default_factory=list)  # see `when_opened`

    def when_opened(self, answer: Callable[[gr.Request], Any], component: Any) -> None:
        """Whenever the page is opened, what `answer` returns becomes the component's value."""
        self.opening.append((answer, component))

    def visitor(self, request: gr.Request) -> Visitor:
        """Who asks."""
        return self.visitors.of(request.headers.get(VISITOR_HEADER))

    def given(self, path: str | None, missing: str) -> Path:
        """A file that was sent. Raises `Refused` when there is none, or none any more."""
        if not path:
            raise Refused(self.words[missing])
        if not os.path.isfile(path):
            raise Refused(self.words["gone"])
        return Path(path)

    def ask_consent(self, visitor: Visitor, agrees: bool, nobody: bool, said: str = "consent") -> None:
        """Notes that the visitor agrees, once. Raises `Refused` where consent is needed and not given.

        nobody: whether nobody is seen or heard who could be asked. said: the words that the visitor agrees to.
        """
        if agrees and not visitor.agreed:
            visitor.agreed = True
            note(what="consent", visitor=visitor.name, language=self.words.code, words=self.words[said])
        if not (agrees or nobody):
            raise Refused(self.words[f"{said}_missing"])

    @contextmanager
    def job(self, request: gr.Request) -> Iterator[threading.Event]:
        """While the block runs, `cancel` by the same page sets the event."""
        wanted = self.jobs.setdefault(str(request.session_hash), threading.Event())
        try:
            yield wanted
        finally:
            self.jobs.pop(str(request.session_hash), None)

    def cancel(self, request: gr.Request) -> None:
        """Ends what this page has asked for, whether it runs or waits."""
        if event := self.jobs.get(str(request.session_hash)):
            event.set()

    def leave(self, request: gr.Request) -> None:
        """The page was closed."""
        self.cancel(request)

    def explain(self, error: Exception) -> str:
        """An error as a sentence in the page's language; one that is no input's fault goes to the terminal too."""
        if isinstance(error, Refused):
            return str(error)
        if isinstance(error, Cancelled):
            return self.words["cancelled"]
        if isinstance(error, W2LError):
            return self.words.error(re.sub(rf"{re.escape(str(self.visitors.root))}/\S*/", "", str(error)))
        traceback.print_exception(error, file=sys.stderr)
        return self.words("broken", type(error).__name__)
