"""The recorder's page in Debian's Chromium, which hears a wav file in place of a microphone.

Here without Jupyter: the page talks to a `Recorder` of this process. `test_browser.py` records in JupyterLab.
"""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile
from helpers import lab
from scipy import signal

from w2l import audio
from w2l.base import paths
from w2l.notebook.microphone import Microphone
from w2l.notebook.widgets import Recorder

pytest.importorskip("playwright")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not lab.CHROMIUM, reason="there is no chromium on this machine")]

LOCAL, ELSEWHERE = "http://localhost:9", "http://elsewhere.example"  # nobody answers there but `serve`
_PAGE = """<!doctype html><meta charset="utf8"><link rel="stylesheet" href="/microphone.css"><div id="here"></div>
<script type="module">
import widget, * as parts from "/microphone.js";
const hears = {}, model = {
  get: (name) => window.state[name], send: (message) => window.tell(message),
  on: (event, call) => (hears[event] = call), off: () => {},
};
window.parts = parts;
window.answer = (answer) => { window.state.answer = answer; hears["change:answer"](); };
window.leave = widget.render({ model, el: document.getElementById("here") });
</script>"""


@pytest.fixture(scope="module")
def spoken(tmp_path_factory):
    """Half a second of a quiet room, 1.6 s of speech, and the room again: float (N,), and its file."""
    wav = audio.load(paths.data() / "samples" / "speech.wav")[: int(1.6 * audio.SAMPLE_RATE)]
    room = np.pad(wav, (audio.SAMPLE_RATE // 2, 3 * audio.SAMPLE_RATE)).astype(np.float64)
    room += np.random.default_rng(0).normal(0, 1e-4, len(room))
    path = tmp_path_factory.mktemp("microphone") / "room.wav"
    soundfile.write(path, room, audio.SAMPLE_RATE)
    return wav, path


@pytest.fixture(scope="module")
def chromium(spoken):
    with lab.browser(microphone=spoken[1]) as page:
        yield page.context.browser


@pytest.fixture
def page(chromium, tmp_path):
    """`page(seconds, allowed, origin, script)` opens the recorder; its `.mine` is the Recorder at the other end."""
    contexts = []

    def opened(seconds=10.0, allowed=("microphone",), origin=LOCAL, script=""):
        contexts.append(chromium.new_context(permissions=list(allowed)))
        page = contexts[-1].new_page()
        page.set_default_timeout(20_000)
        page.mine = mine = Recorder(tmp_path / "inputs", seconds)

        def hear(message):
            before = mine.page.answer
            mine._on_message(mine.page, message, [])
            if mine.page.answer != before:
                page.evaluate("(answer) => window.answer(answer)", mine.page.answer)

        page.errors = []
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.expose_function("tell", hear)
        state = {"seconds": seconds, "answer": mine.page.answer}
        page.add_init_script(f"window.state = {json.dumps(state)};{script}")
        page.route(f"{origin}/**", serve)
        page.goto(f"{origin}/")
        page.wait_for_function("!!window.leave")
        return page

    yield opened
    for context in contexts:
        assert context.pages[0].errors == []
        context.close()


def serve(route):
    name = route.request.url.rsplit("/", 1)[1]
    kinds = {"": (_PAGE, "text/html"), "microphone.js": (Microphone._esm, "text/javascript")}
    body, kind = kinds.get(name, (Microphone._css, "text/css"))
    route.fulfill(body=str(body), content_type=kind)


def status(page, text):
    """Waits until the page says this."""
    page.locator("p[role=status]").filter(has_text=text).wait_for()


def compare(path, wav):
    """Correlation of a recording with what was said, and where in the recording it begins, in seconds."""
    heard, rate = soundfile.read(path)
    said = signal.resample_poly(wav, rate // 100, audio.SAMPLE_RATE // 100)
    late = int(signal.correlate(heard, said).argmax()) - len(said) + 1
    heard, said = heard[max(0, late) :], said[max(0, -late) :]
    n = min(len(heard), len(said))
    assert n > 0.97 * len(wav) / audio.SAMPLE_RATE * rate
    return np.corrcoef(heard[:n], said[:n])[0, 1], late / rate


def test_what_was_said_is_recorded_trimmed_and_kept(page, spoken):
    """0.99 where this was written: between the two lie the browser's noise suppression and its codec."""
    here = page()
    here.click(".record")
    status(here, "Speak now: 10 s left")
    here.wait_for_function("document.querySelector('.meter span').style.width > '40%'")
    here.wait_for_timeout(1900)
    here.click(".record")
    status(here, "press Use it")
    here.click(".use")
    status(here, "Your recording is here")
    facts = soundfile.info(here.mine.path)
    assert (facts.subtype, facts.channels) == ("PCM_16", 1)
    r, begins = compare(here.mine.path, spoken[0])
    assert r > 0.95
    assert 0.05 < begins < 0.3
    assert 1.65 < facts.duration < 2.3
    here.click(".delete")
    status(here, "is deleted")
    assert here.mine.path is None
    assert here.locator(".delete").is_hidden()


def test_a_recording_that_the_browser_cannot_decode_goes_to_the_kernel_as_it_is(page, spoken):
    """And at the end of its seconds the recorder stops by itself."""
    here = page(seconds=2.6, script="AudioContext.prototype.decodeAudioData = () => Promise.reject(new Error());")
    here.click(".record")
    status(here, "Your recording is here")
    assert here.locator(".record").inner_text().strip() == "Record"
    assert compare(here.mine.path, spoken[0])[0] > 0.95
    assert 2.4 < soundfile.info(here.mine.path).duration <= 2.6


_REJECT = "navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', '{name}'));"
_STILL = """navigator.mediaDevices.getUserMedia = async () => {
  const context = new AudioContext(), out = context.createMediaStreamDestination();
  const quiet = context.createConstantSource();
  quiet.offset.value = 0; quiet.connect(out); quiet.start();
  return out.stream; };"""
_EMPTY = """window.MediaRecorder = class { state = "recording"; start() {} stop() { this.onstop(); } };"""


def test_where_nothing_is_recorded_a_sentence_says_why(page):
    """One after the other on one page, as for somebody who keeps trying."""
    here = page(seconds=0.4)
    for script, told in (
        (_REJECT.format(name="NotFoundError"), "No microphone was found"),
        (_REJECT.format(name="NotReadableError"), "another program may be using it"),
        (_REJECT.format(name="AbortError"), "did not start (no)"),
        (_STILL, "Only silence was recorded"),
        (_EMPTY, "Nothing was recorded"),
        ("delete window.MediaRecorder;", "This browser cannot record"),
    ):
        here.evaluate(f"() => {{ {script} }}")
        refused(here, told)


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"allowed": ()}, "no permission to use the microphone"),
        ({"origin": ELSEWHERE}, "only on pages from https:// or localhost"),
    ],
    ids=["refused", "http"],
)
def test_a_page_without_a_microphone_says_why(page, how, told):
    refused(page(**how), told)


def refused(here, told):
    here.click(".record")
    status(here, told)
    assert here.locator(".record").inner_text().strip() == "Record"
    assert here.locator(".take").is_hidden()
    assert here.mine.path is None


def test_the_microphone_is_off_when_the_page_is_left(page):
    """Also where it is given to the page only then."""
    keep = """const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices); window.given = [];
      navigator.mediaDevices.getUserMedia = async (what) => {
        const stream = await ask(what); window.given.push(...stream.getTracks());
        await window.hold; return stream; };"""
    here = page(script=keep)
    here.click(".record")
    status(here, "Speak now")
    here.evaluate("window.leave()")
    assert here.evaluate("window.given.map((track) => track.readyState)") == ["ended"]
    here = page(script=keep + "window.hold = new Promise((go) => (window.go = go));")
    here.click(".record")
    here.wait_for_function("window.given.length")
    here.evaluate("window.leave(); window.go()")
    here.wait_for_function("window.given[0].readyState === 'ended'")


def test_files_are_opened_in_its_place(page, tmp_path, spoken):
    here = page(seconds=1.5)
    wav, room = spoken
    here.set_input_files("input[type=file]", str(room))
    status(here, "longer than 1.5 s")
    first, last = float(here.input_value(".from")), float(here.input_value(".to"))
    assert abs(first - 0.35) < 0.2 and abs(last - first - 1.5) < 0.02
    here.focus(".to")
    for _ in range(30):
        here.keyboard.press("ArrowRight")  # the other end follows
    first, last = float(here.input_value(".from")), float(here.input_value(".to"))
    assert abs(last - first - 1.5) < 0.02 and 2.0 < last < 2.25
    here.click(".use")
    status(here, "Your recording is here, 1.5 s")
    r, begins = compare(here.mine.path, soundfile.read(room)[0][round(first * 16000) : round(last * 16000)])
    assert r > 0.99 and abs(begins) < 0.001
    soundfile.write(tmp_path / "mine.aiff", wav, audio.SAMPLE_RATE)  # which Chromium does not decode
    earlier = here.mine.page.answer["take"]
    here.set_input_files("input[type=file]", str(tmp_path / "mine.aiff"))
    here.wait_for_function("(earlier) => window.state.answer.take !== earlier", arg=earlier)
    assert here.locator(".take").is_hidden()
    assert soundfile.info(here.mine.path).samplerate == audio.SAMPLE_RATE
    soundfile.write(tmp_path / "still.wav", 0 * wav, audio.SAMPLE_RATE)
    here.set_input_files("input[type=file]", str(tmp_path / "still.wav"))
    status(here, "still.wav is silent")
    (tmp_path / "words.mp3").write_text("only some words")
    here.set_input_files("input[type=file]", str(tmp_path / "words.mp3"))
    status(here, "words.mp3 is a text file")
    here.set_input_files("input[type=file]", str(write_long(tmp_path / "long.wav")))
    status(here, "long.wav is too large")
    (tmp_path / "empty.mp3").touch()
    here.set_input_files("input[type=file]", str(tmp_path / "empty.mp3"))
    status(here, "empty.mp3 is empty")


def write_long(path):
    """11 minutes at 8 bits."""
    soundfile.write(path, np.zeros(11 * 60 * 8000, np.int16), 8000, subtype="PCM_U8")
    return path


def test_a_kernel_that_does_not_answer_is_told_of(page, spoken):
    here = page(script="window.tell = () => {};")
    here.evaluate("() => { window.tell = () => {}; }")
    here.clock.install()
    here.set_input_files("input[type=file]", str(spoken[1]))
    status(here, "press Use it")
    here.click(".use")
    status(here, "Sending it")
    here.clock.run_for(9000)
    status(here, "busy with another cell, or its kernel has stopped")
    here.evaluate("() => { window.tell = () => { throw new Error('closed'); }; }")
    here.click(".use")
    status(here, "kernel has stopped. Restart it")


def test_trim_keeps_speech_and_leaves_clicks(page):
    """Made sounds: a room of -60 dB, a key's click, speech from 1 to 2 s with a gap, another click."""
    here = page()
    rate, rng = 16_000, np.random.default_rng(0)
    room = rng.normal(0, 1e-3, 4 * rate)
    clicks, speech = room.copy(), room.copy()
    clicks[1600:1840] += 0.8
    clicks[-1840:-1600] += 0.8
    speech[rate : 2 * rate] += 0.2 * np.sin(np.arange(rate) / 4)
    speech[rate + 5600 : rate + 8800] = room[rate + 5600 : rate + 8800]
    both = clicks + speech
    found = [
        here.evaluate(
            "([wav, rate]) => parts.trim(Float32Array.from(JSON.parse(wav)), rate)", [json.dumps([*one]), rate]
        )
        for one in (speech, both, np.sin(np.arange(rate) / 4), 0 * room, room[:10])
    ]
    assert np.allclose(found[:2], [0.85, 2.25], atol=0.021)
    assert found[2:] == [[0, 1], [0, 4], [0, 10 / rate]]
