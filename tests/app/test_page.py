"""The page in a real browser: what a visitor gives, and what the visitor gets."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from helpers import lab
from helpers.dubs import write_speech
from helpers.pages import why_not

from w2l import audio, video
from w2l.base import paths
from w2l.marking import mark

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not() or "it can run")
NOBODY = paths.data() / "samples" / "nobody1.webp"


@pytest.fixture(scope="module")
def screens(tmp_path_factory):
    """Where screenshots are kept: $W2L_ARTEFACTS, or pytest's own folder, which it keeps for the last few runs."""
    folder = Path(os.environ.get("W2L_ARTEFACTS") or tmp_path_factory.mktemp("screens"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def chromium():
    """The browser."""
    with lab.browser() as tab:
        yield tab.context.browser


class Visit:
    """A visitor with a browser of their own, on the page."""

    def __init__(self, chromium, page, language="en", width=1280, **context) -> None:
        self.context = chromium.new_context(viewport={"width": width, "height": 900}, **context)
        self.tab, self.asked, self.wrong = self.context.new_page(), [], []
        self.tab.set_default_timeout(120_000)
        self.tab.on("request", lambda request: self.asked.append(request.url))
        self.tab.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.tab.goto(f"{page.url}{language}/")
        self.tab.wait_for_selector("#make")

    def give(self, box, path):
        """Uploads a file."""
        part = {"face": "Upload", "speech": "Upload", "mark": None}[box]
        if part:
            self.tab.locator(f"#{box}_from").get_by_role("tab", name=part).click()
        self.tab.locator(f"#{box}-file input[type=file]").set_input_files(path)
        self.tab.locator(f"#{box}-file").get_by_text(path.suffix).first.wait_for()

    def make(self):
        """Presses the button, and waits for a video or a sentence."""
        self.tab.click("#make")
        self.tab.locator("#result video, #result [role=alert]").first.wait_for()
        return self.tab.locator("#result").inner_text()

    def download(self, folder):
        """The video, as the visitor gets it."""
        with self.tab.expect_download() as download:
            self.tab.click(".w2l-download")
        path = folder / download.value.suggested_filename
        download.value.save_as(path)
        return path


def test_a_picture_and_a_sound_become_a_marked_video(chromium, page, tmp_path, screens):
    speech = write_speech(tmp_path / "speech.wav", 0.8)
    visit = Visit(chromium, page)
    visit.give("face", NOBODY)
    visit.give("speech", speech)
    visit.tab.get_by_label("Everyone who is seen").check()
    said = visit.make()
    visit.tab.screenshot(path=screens / "app_made.png", full_page=True)
    assert 'visible label "AI-generated"' in said and "IPTC digital source type (container)" in said
    film = visit.download(tmp_path)
    clip = video.probe(film)
    assert (film.name, clip.n_frames, clip.width) == ("nobody1-dubbed.mp4", 20, 512)
    assert abs(audio.measure(film) - 0.8) < 0.1
    assert mark.read(film).synthetic
    assert visit.tab.locator("#result img").evaluate("image => image.naturalWidth") > 1000
    assert [url for url in visit.asked if not url.startswith((page.url, "data:", "blob:"))] == []
    assert visit.wrong == []
