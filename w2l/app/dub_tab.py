"""The tab that makes a video: a face, some speech, a few settings, and the result."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from w2l.app import look
from w2l.app.desk import Desk, Refused
from w2l.app.visitors import Visitor
from w2l.app.work import Cancelled, Finished, Wish, nobodies, sample_speech
from w2l.errors import W2LError
from w2l.video.files import FACES, SPEECHES

_SIDES = ("top", "bottom", "left", "right")
_USUAL_PADS = (0, 10, 0, 0)
_MOST_FACES, _MOST_RESIZE, _MOST_PAD = 6, 4, 200
_FRAME = "1920 × 1080"
_WOMEN, _MEN = ("f1", "f2", "f3", "f4"), ("m1", "m2", "m3", "m4")
_FACE_BOX = {"upload": "face_file", "camera": "face_photo"}
_SPEECH_BOX = {"record": "recording", "upload": "speech_file"}


@dataclass
class _Inputs:
    """The components that a wish is made of, by name."""

    parts: dict[str, Any] = field(default_factory=dict)

    def add(self, name: str, component: Any) -> Any:
        self.parts[name] = component
        return component

    def named(self, values: tuple[Any, ...]) -> dict[str, Any]:
        return dict(zip(self.parts, values, strict=True))

    def all(self) -> list[Any]:
        return list(self.parts.values())


def build(desk: Desk) -> None:
    """Puts the tab on the page."""
    words, inputs = desk.words, _Inputs()
    with gr.Row(equal_height=False):
        with gr.Column(scale=5, min_width=340):
            _face(desk, inputs)
            _speech(desk, inputs)
            button = _settings(desk, inputs)
            inputs.add("agreed", gr.Checkbox(label=words["consent"], info=words["consent_help"], elem_id="consent"))
            with gr.Row():
                make = gr.Button(words["make"], variant="primary", elem_id="make")
                cancel = gr.Button(words["cancel"], interactive=False, elem_id="cancel", min_width=100, scale=0)
            limits = desk.studio.settings
            said = words("limits", seconds=limits.max_seconds, megabytes=limits.max_megabytes, pixels=_FRAME)
            gr.Markdown(said, elem_classes="w2l-hint")
        with gr.Column(scale=6, min_width=340):
            _title(words["result"])
            shown = gr.HTML(look.empty(words), elem_id="result", min_height=140, padding=False)
            seen = gr.HTML("", elem_id="preview", padding=False)
            _preview(desk, inputs, seen, button)
    _run(desk, inputs, shown, make, cancel)

    def agreed(request: gr.Request) -> bool:
        return desk.visitor(request).agreed

    desk.when_opened(agreed, inputs.parts["agreed"])


def _title(text: str) -> None:
    gr.HTML(f"<h2>{text}</h2>", elem_classes="w2l-step", padding=False)


# ---------------------------------------------------------------- what is given


def _sources(inputs: _Inputs, name: str, tabs: dict[str, Callable[[], None]], labels: dict[str, str]) -> None:
    """Tabs of which one is chosen; the input `name` says which."""
    chosen = inputs.add(name, gr.State(next(iter(tabs))))
    with gr.Tabs(elem_id=name):
        for source, put in tabs.items():
            with gr.Tab(labels[source], id=source) as tab:
                put()
            tab.select(partial(str, source), outputs=chosen, queue=False, show_progress="hidden")


def _face(desk: Desk, inputs: _Inputs) -> None:
    words = desk.words
    _title(words["face"])
    pictures = public_pictures(desk)

    def nobody() -> None:
        """The made-up faces."""
        gr.Markdown(words["nobody_help"], elem_classes="w2l-hint")
        number = inputs.add("nobody", gr.State(0))
        gallery = gr.Gallery(
            pictures, columns=len(pictures), rows=1, height="auto", object_fit="cover", allow_preview=False,
            show_label=False, selected_index=0, interactive=False, elem_id="nobodies", buttons=[],
        )  # fmt: skip

        def pick(event: gr.SelectData) -> int:
            return int(event.index)

        gallery.select(pick, outputs=number, queue=False, show_progress="hidden")

    def upload() -> None:
        box = gr.File(label=words["face_file"], file_types=list(FACES), height=130, elem_id="face-file")
        inputs.add("face_file", box)

    def camera() -> None:
        box = gr.Image(
            label=words["face_photo"], sources=["webcam"], type="filepath", height=260, elem_id="face-photo", buttons=[]
        )
        inputs.add("face_photo", box)

    tabs = {"nobody": nobody, "upload": upload, "camera": camera}
    _sources(inputs, "face_from", tabs, {name: words[f"face_{name}"] for name in tabs})


def public_pictures(desk: Desk) -> list[str]:
    """Pictures of the nobodies, where everyone may see them."""
    from w2l import video

    made = []
    for number, face in enumerate(nobodies()):
        path = desk.visitors.public / f"nobody{number}.png"
        if not path.exists():
            video.write_image(path, next(iter(video.read_frames(face, max_frames=1))))
        made.append(str(path))
    gr.set_static_paths([desk.visitors.public])
    return made


def _speech(desk: Desk, inputs: _Inputs) -> None:
    words = desk.words
    _title(words["speech"])

    def typed() -> None:
        """What is typed."""
        voices = _voices(desk)
        if not voices:
            gr.Markdown(words["no_voices"], elem_id="no-voices")
        able = bool(voices)
        box = gr.Textbox(
            label=words["text"], value=words["text_example"] if able else "", lines=3, interactive=able, elem_id="text",
            max_length=30 * desk.studio.settings.max_seconds,
        )  # fmt: skip
        inputs.add("text", box)
        with gr.Row():
            inputs.add("language", gr.Dropdown(
                [(words["by_script"], ""), *voices], value="", label=words["language"], interactive=able, min_width=140
            ))  # fmt: skip
            people = [(words["voice_default"], "")]
            people += [(words("voice_woman", i + 1), code) for i, code in enumerate(_WOMEN)]
            people += [(words("voice_man", i + 1), code) for i, code in enumerate(_MEN)]
            inputs.add("voice", gr.Dropdown(people, value="", label=words["voice"], interactive=able, min_width=140))

    def record() -> None:
        box = gr.Audio(
            label=words["recording"], sources=["microphone"], type="filepath", elem_id="recording", buttons=[]
        )
        inputs.add("recording", box)

    def upload() -> None:
        box = gr.File(label=words["speech_file"], file_types=list(SPEECHES), height=130, elem_id="speech-file")
        inputs.add("speech_file", box)

    tabs = {"type": typed, "record": record, "upload": upload}
    _sources(inputs, "speech_from", tabs, {name: words[f"speech_{name}"] for name in tabs})


def _voices(desk: Desk) -> list[tuple[str, str]]:
    """Label and code of each language that can be spoken; none without espeak-ng."""
    from w2l.tts import espeak

    try:
        known = espeak.voices()
    except W2LError:
        return []
    return sorted((desk.words.tongue(voice.code, voice.name), voice.code) for voice in known)


def _settings(desk: Desk, inputs: _Inputs) -> gr.Button:
    """The settings; returns the button that previews them."""
    words = desk.words
    with gr.Accordion(words["settings"], open=False, elem_id="settings"):
        names = desk.studio.weights()
        known = [(Path(name).name, name) for name in names]
        inputs.add("weights", gr.Dropdown(known, value=names[0], label=words["weights"], info=words["weights_help"]))
        with gr.Row():
            which = [(words[f"which_{name}"], name) for name in ("main", "largest", "centre")]
            which += [(words("which_number", number), str(number)) for number in range(_MOST_FACES)]
            inputs.add(
                "which",
                gr.Dropdown(which, value="main", label=words["which"], min_width=140),
            )
            sizes = [(words["resize_no"], 1)]
            sizes += [(words("resize_by", factor), factor) for factor in range(2, _MOST_RESIZE + 1)]
            inputs.add("resize_factor", gr.Dropdown(sizes, value=1, label=words["resize"], min_width=140))
        inputs.add("gate", gr.Checkbox(label=words["gate"]))
        gr.Markdown(f"{words['pads']}  \n{words['pads_help']}", elem_classes="w2l-hint")
        with gr.Row():
            for side, usual in zip(_SIDES, _USUAL_PADS, strict=True):
                inputs.add(
                    side,
                    gr.Number(usual, label=words[side], precision=0, minimum=0, maximum=_MOST_PAD, min_width=60),
                )
        inputs.add("moment", gr.Slider(0, 100, value=30, step=1, label=words["moment"]))
        return gr.Button(words["look"], size="sm", elem_id="look")


def _wish(desk: Desk, given: dict[str, Any], folder: Path, for_preview: bool = False) -> Wish:
    """What the visitor wants. Raises `Refused` for what is missing, and W2LError for what cannot be said.

    for_preview: the bundled sentence stands for typed text, and for speech that is not there yet.
    """
    source = given["face_from"]
    if source == "nobody":
        face = nobodies()[int(given["nobody"])]
    else:
        face = desk.given(given[_FACE_BOX[source]], "no_face_given")
    spoken = given["speech_from"]
    box = given.get(_SPEECH_BOX.get(spoken, ""))
    if for_preview and not box:
        speech = sample_speech()
    elif spoken == "type":
        speech = _typed(desk, given, folder)
    else:
        speech = desk.given(box, "no_speech_given")
    changed = {
        "weights": given["weights"],
        "which": given["which"],
        "resize_factor": int(given["resize_factor"]),
        "gate": bool(given["gate"]),
        "pads": tuple(int(given[side] or 0) for side in _SIDES),
    }
    return Wish(face, speech, changed, source == "nobody" and spoken == "type")


def _typed(desk: Desk, given: dict[str, Any], folder: Path) -> Path:
    """The typed text as a sound file."""
    text = (given["text"] or "").strip()
    if not text:
        raise Refused(desk.words["no_speech_given"])
    language, voice = given["language"], given["voice"]
    if voice and not language:
        from w2l.tts.say import synthesiser

        language = synthesiser(text).code
    return desk.studio.say(text, f"{language}+{voice}" if voice else language or None, folder)


# ---------------------------------------------------------------- what is made


def _preview(desk: Desk, inputs: _Inputs, seen: gr.HTML, button: gr.Button) -> None:
    """One frame, made anew when a setting changes."""
    parts = inputs.parts

    def draw(request: gr.Request, *values: Any) -> str:
        """The preview of what is given, as HTML."""
        visitor, given = desk.visitor(request), inputs.named(values)
        if given["face_from"] != "nobody" and not given[_FACE_BOX[given["face_from"]]]:
            return ""
        try:
            wish = _wish(desk, given, visitor.folder, for_preview=True)
            return look.picture(desk.studio.look(wish, given["moment"] / 100, visitor), visitor, desk.words)
        except (Refused, W2LError) as error:
            return look.error(desk.explain(error))

    names = ("face_file", "face_photo", "nobody", "weights", "which", "resize_factor", "gate", *_SIDES)
    gr.on(
        [*(parts[name].change for name in names), parts["moment"].release, button.click],
        draw, inputs.all(), seen, trigger_mode="always_last", show_progress="minimal", concurrency_id="preview",
        concurrency_limit=1,
    )  # fmt: skip


def _run(desk: Desk, inputs: _Inputs, shown: gr.HTML, make: gr.Button, cancel: gr.Button) -> None:
    """The button that makes the video, and the one that stops it."""
    busy = [gr.update(interactive=False), gr.update(interactive=True)]

    def run(request: gr.Request, progress: gr.Progress = gr.Progress(), *values: Any) -> str:  # noqa: B008
        """Makes the video; the result, or what is wrong, as HTML."""
        visitor, given = desk.visitor(request), inputs.named(values)
        folder = visitor.new_folder()
        try:
            with desk.job(request) as wanted:
                made = _make(desk, given, visitor, folder, _Told(desk, progress, wanted))
            return look.result(made, visitor, desk.words)
        except Exception as error:  # any: the page must say what happened
            shutil.rmtree(folder, ignore_errors=True)
            return look.error(desk.explain(error))

    working = make.click(lambda: busy, outputs=[make, cancel], queue=False, show_progress="hidden").then(
        run, inputs.all(), shown, concurrency_limit=None
    )
    working.then(lambda: busy[::-1], outputs=[make, cancel], queue=False, show_progress="hidden")
    cancel.click(desk.cancel, queue=False, show_progress="hidden")


@dataclass
class _Told:
    """Shows the stages of a dub on the page, and ends it when the visitor wants no more."""

    desk: Desk
    progress: gr.Progress
    wanted: threading.Event

    def stage(self, name: str, done: float = 0, total: float | None = None) -> None:
        """As `dub` tells it."""
        self.check()
        self.progress(done / total if total else 0, desc=self.desk.words.stage(name))

    def waits(self, before: int) -> None:
        """Somebody else is being served."""
        self.check()
        self.progress(0, desc=self.desk.words("waiting", before))

    def check(self) -> None:
        """Raises `Cancelled` if that was asked for."""
        if self.wanted.is_set():
            raise Cancelled


def _make(desk: Desk, given: dict[str, Any], visitor: Visitor, folder: Path, told: _Told) -> Finished:
    told.stage("say" if given["speech_from"] == "type" else "read the speech")
    wish = _wish(desk, given, folder)
    desk.ask_consent(visitor, bool(given["agreed"]), wish.nobody)
    return desk.studio.make(wish, visitor, folder, told.stage, told.waits)
