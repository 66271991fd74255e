"""The page in one language: a heading and the tabs."""

from __future__ import annotations

from collections.abc import Callable

import gradio as gr

from w2l.app import dub_tab, live_tab, look, mark_tab
from w2l.app.desk import Desk
from w2l.app.words import Words

# A tab: what it is called in `words`, and what puts it on the page.
TABS: tuple[tuple[str, Callable[[Desk], None]], ...] = (
    ("tab_dub", dub_tab.build),
    ("tab_live", live_tab.build),
    ("tab_mark", mark_tab.build),
)


def build(desk: Desk) -> gr.Blocks:
    """The page of a desk, in its language."""
    words: Words = desk.words
    with gr.Blocks(title=f"w2l: {words['title']}", analytics_enabled=False) as page:
        gr.HTML(look.head(words), padding=False)
        with gr.Tabs(elem_id="pages"):
            for name, put in TABS:
                with gr.Tab(words[name], id=name):
                    put(desk)
        for answer, component in desk.opening:
            page.load(answer, outputs=component, show_progress="hidden")
        page.unload(desk.leave)
    return page
