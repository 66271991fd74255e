"""The tab with a face that speaks as the visitor does: the browser's microphone in, pictures out, with their delay."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from w2l.app.desk import Desk, Refused
from w2l.app.dub_tab import public_pictures
from w2l.app.live_room import MOST_MINUTES, SHARED_MINUTES, NoStream
from w2l.app.words import Words
from w2l.app.work import nobodies
from w2l.errors import W2LError
from w2l.video.files import FACES

# Why a stream does not begin, or is over: the browser tells them by these names.
_REASONS = (
    "live_insecure", "live_old", "live_refused", "live_no_microphone", "live_microphone_broken", "live_taken",
    "live_busy", "live_left", "live_long", "live_broken", "live_ended", "live_again", "live_lost",
)  # fmt: skip
_LISTEN = "async (heard, ...given) => [await w2lLive.listen(), ...given]"
_START = "(begun) => { w2lLive.start(begun); }"
_STOP = "() => { w2lLive.stop('live_ended'); }"
_OPEN = "if (new URLSearchParams(location.search).get('tab') === 'live') w2lLive.open({});"


def script(words: Words) -> str:
    """For the head of the page: the browser's part, and ``?tab=live``, which opens the tab."""
    code = (Path(__file__).parent / "live.js").read_text(encoding="utf8")
    return f"<script>{code}{_OPEN.format(json.dumps(words['tab_live']))}</script>"


def build(desk: Desk) -> None:
    """Puts the tab on the page."""
    words = desk.words
    with gr.Row(equal_height=False):
        with gr.Column(scale=5, min_width=340):
            gr.Markdown(words["live_intro"])
            pictures = public_pictures(desk)
            number = gr.State(0)
            gallery = gr.Gallery(
                pictures, columns=len(pictures), rows=1, height=150, object_fit="cover", allow_preview=False,
                show_label=False, selected_index=0, interactive=False, elem_id="live-nobodies", buttons=[],
            )  # fmt: skip
            gallery.select(_picked, outputs=number, queue=False, show_progress="hidden")
            face = gr.File(label=words["live_own_face"], file_types=list(FACES), height=140, elem_id="live-face-file")
            agreed = gr.Checkbox(label=words["live_consent"], info=words["live_consent_help"], elem_id="live-consent")
            with gr.Row():
                start = gr.Button(words["live_start"], variant="primary", elem_id="live-start")
                stop = gr.Button(words["live_stop"], elem_id="live-stop", min_width=100, scale=0)
            said = words("live_limits", most=MOST_MINUTES, shared=SHARED_MINUTES)
            gr.Markdown(said, elem_classes="w2l-hint")
        with gr.Column(scale=6, min_width=340):
            gr.HTML(_screen(words))
    heard, begun = gr.Textbox(visible=False), gr.Textbox(visible="hidden")

    def begin(request: gr.Request, heard: str, number: int, own: Any, agrees: bool) -> str:
        return json.dumps(_begin(desk, request, heard, number, own, agrees))

    started = start.click(begin, [heard, number, face, agreed], begun, js=_LISTEN, concurrency_limit=None)
    started.then(None, begun, js=_START)
    stop.click(None, js=_STOP)


def _picked(event: gr.SelectData) -> int:
    return int(event.index)


def _begin(desk: Desk, request: gr.Request, heard: str, number: int, own: Any, agrees: bool) -> dict[str, Any]:
    """The stream, for the browser, or the reason why there is none, as `said`."""
    words, visitor = desk.words, desk.visitor(request)
    try:
        if heard != "ok":
            raise Refused(words[heard if heard in _REASONS else "live_old"])
        face = desk.given(own, "no_face_given") if own else nobodies()[int(number)]
        desk.ask_consent(visitor, agrees, not own, "live_consent")
        begun = desk.studio.live.begin(visitor, face, not own, desk.studio.weights()[0])
    except NoStream as reason:
        return {"said": words[reason.why]}
    except (Refused, W2LError) as error:
        return {"said": desk.explain(error)}
    return {**begun, "notes": " ".join(words.sentence(text) for text in begun["notes"])}


def _screen(words: Words) -> str:
    """The canvas, the figures below it, and the place for what has to be said."""
    numbers = (
        f'<span><b data-number="{name}">–</b> {escape(words[f"live_{name}"])}</span>'
        for name in ("fps", "delay", "dropped")
    )
    told = escape(json.dumps({name: words[name] for name in _REASONS}), quote=True)
    empty = f'<div class="w2l-empty">{escape(words["live_empty"])}</div>'
    return (
        f'<div id="w2l-live" data-words="{told}"><div class="w2l-live-said" role="status"></div>'
        f'<div class="w2l-live-screen"><canvas width="512" height="512"></canvas>{empty}</div>'
        f'<div class="w2l-live-numbers">{"".join(numbers)}<label>{escape(words["live_level"])} '
        f'<meter min="0" max="1" value="0"></meter></label></div></div>'
    )
