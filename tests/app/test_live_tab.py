"""The live tab in a real browser, which hears a file instead of a microphone."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
from helpers import lab
from helpers.pages import why_not

from w2l import audio
from w2l.base import paths

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(why_not()), reason=why_not() or "it can run")]
_PHONE = {"width": 390, "height": 840}
_MOUTH = "canvas => [...canvas.getContext('2d').getImageData(200, 300, 112, 80).data]"


@pytest.fixture(scope="module")
def speech(tmp_path_factory):
    path = tmp_path_factory.mktemp("sound") / "speech.wav"
    wav = audio.load(paths.data() / "samples" / "speech.wav")
    soundfile.write(path, np.concatenate([wav, wav]), 16000)
    return path


@pytest.fixture(scope="module")
def tab(page, speech):
    """The tab, open."""
    with lab.browser(microphone=speech) as tab:
        tab.wrong = []
        tab.on("pageerror", lambda error: tab.wrong.append(str(error)))
        tab.goto(page.url)
        tab.goto(f"{page.origin}en/?tab=live")
        tab.locator("#live-start").wait_for()
        yield tab
        assert tab.wrong == []


def number(tab, name):
    """One of the figures below the picture; None as long as there is none."""
    text = tab.locator(f"[data-number={name}]").inner_text()
    return float(text) if re.fullmatch(r"[\d.]+", text) else None


def start(tab):
    tab.evaluate("document.querySelector('.w2l-live-said').className = 'w2l-live-said'")  # what was said before
    tab.click("#live-start")
    tab.locator(".w2l-live-on, .w2l-live-said.w2l-error").first.wait_for()
    return tab.locator(".w2l-live-said").inner_text()


def test_the_face_speaks_with_the_microphone_and_the_delay_is_shown(tab, tmp_path):
    assert start(tab) == ""
    tab.wait_for_function("Number(document.querySelector('[data-number=delay]').textContent) > 0")
    mouths, rates, delays = [], [], []
    for _ in range(8):
        tab.wait_for_timeout(400)
        mouths.append(np.array(tab.locator("#w2l-live canvas").evaluate(_MOUTH), int))
        rates.append(number(tab, "fps") or 0.0)
        delays.append(number(tab, "delay") or 0.0)
    shots = Path(os.environ.get("W2L_ARTEFACTS") or tmp_path)
    tab.screenshot(path=shots / "live.png", full_page=True)
    assert np.abs(mouths[-1][0::4] - mouths[-1][2::4]).max() > 20  # in colour: not an empty canvas
    assert max(np.abs(one - mouths[0]).max() for one in mouths) > 30  # the mouth moves
    assert 0.17 < delays[-1] < 10 and number(tab, "dropped") is not None
    if os.getloadavg()[0] < 1.5:  # what a machine does that has nothing else to do
        assert max(rates) >= 12 and min(delays[2:]) < 0.6
    tab.click("#live-stop")
    tab.locator(".w2l-live-on").wait_for(state="detached")


def test_a_person_needs_consent_and_nobody_else_is_served_meanwhile(tab, page, tmp_path):
    tab.locator("#live-face-file input[type=file]").set_input_files(paths.data() / "samples" / "nobody1.webp")
    tab.locator("#live-face-file").get_by_text(".webp").first.wait_for()
    assert "confirm first that whoever your picture shows has agreed" in start(tab)
    tab.get_by_label("Whoever my picture shows").check()
    assert start(tab) == ""
    other = tab.context.browser.new_context(permissions=["microphone"], viewport=_PHONE).new_page()
    other.goto(page.url)
    other.goto(f"{page.origin}zh/?tab=live")
    other.locator("#live-start").wait_for()
    assert "每次只能一人" in start(other)
    assert other.evaluate("document.scrollingElement.scrollWidth") <= _PHONE["width"]
    key = {"stream": "guessed", "rate": "16000"}
    assert other.request.post(f"{page.origin}live/sound", params=key, data=bytes(100)).status == 410
    assert other.request.post(f"{page.origin}live/sound", params=key, data=bytes(3 << 20)).status == 413
    assert other.request.post(f"{page.origin}live/sound", data=bytes(100)).status == 400
    other.context.close()
    tab.click("#live-stop")


def test_without_a_microphone_the_tab_says_so(tab, page):
    deaf = tab.context.browser.new_context().new_page()  # a browser that asks, and nobody answers with yes
    deaf.goto(page.url)
    deaf.goto(f"{page.origin}en/?tab=live")
    deaf.locator("#live-start").wait_for()
    deaf.evaluate(
        "void (navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', 'NotAllowedError') })"
    )
    assert "does not let this page hear the microphone" in start(deaf)
    deaf.evaluate(
        "void (navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', 'NotFoundError') })"
    )
    assert "no microphone on this device" in start(deaf)
    deaf.evaluate("void Object.defineProperty(window, 'isSecureContext', { value: false })")
    assert "does not begin with https" in start(deaf)
    deaf.context.close()
