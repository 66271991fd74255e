"""The tab that reads whether a file says that AI made it."""

from __future__ import annotations

from html import escape
from typing import Any

import gradio as gr

from w2l.app import look
from w2l.app.desk import Desk, Refused
from w2l.errors import W2LError
from w2l.marking import mark


def build(desk: Desk) -> None:
    """Puts the tab on the page."""
    words = desk.words
    gr.Markdown(words["mark_intro"])
    box = gr.File(label=words["mark_file"], height=160, elem_id="mark-file")
    said = gr.HTML("", elem_id="mark", padding=False)

    def read(request: gr.Request, path: Any) -> str:
        """What the file says of itself, as HTML."""
        if not path:
            return ""
        try:
            found = mark.read(desk.given(path, "no_file_given"))
        except (Refused, W2LError) as error:
            return look.error(desk.explain(error))
        head = look.done(words["mark_yes"]) if found.synthetic else look.note(words["mark_no"])
        return f'{head}<div class="w2l-result"><pre>{escape(mark.describe(found))}</pre></div>'

    box.change(read, box, said, concurrency_limit=None)
