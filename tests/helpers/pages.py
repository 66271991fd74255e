"""The page of `w2l app`, served by the command, and visitors who use it in Chromium."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from helpers import lab

_WATCH = """button => {
  window.begun = false;
  new MutationObserver(() => { window.begun ||= button.disabled }).observe(button, {attributes: true});
}"""


def why_not() -> str:
    """Why the browser tests cannot run here; empty when they can."""
    return lab.why_not("gradio")


class Served:
    """A page that is being served. url: as the command prints it; root: where the files of visitors are."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder
        self.origin = url.partition("?")[0]

    @property
    def root(self) -> Path:
        (root,) = self.folder.glob("w2l-app-*")
        return root

    def files(self, part: str = "visitors") -> set[Path]:
        """The visitors' files: what was made, or with "uploads" what was sent."""
        return {path for path in (self.root / part).rglob("*") if path.is_file()}

    def said(self) -> str:
        """What the command has printed as errors."""
        return (self.folder / "said.txt").read_text()


@contextmanager
def serve(folder: Path, *options: object) -> Iterator[Served]:
    """Runs the command, and ends it as Ctrl-C does."""
    command = map(str, [sys.executable, "-m", "w2l", "app", "--port", 0, *options])
    environment = {**os.environ, "TMPDIR": str(folder)}
    with open(folder / "said.txt", "w") as said:
        process = subprocess.Popen(list(command), stdout=subprocess.PIPE, stderr=said, text=True, env=environment)
    try:
        assert process.stdout is not None
        line = process.stdout.readline().strip()
        served = Served(line, folder)
        assert line.startswith("http"), served.said()
        yield served
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


class Visit:
    """A visitor with a browser profile of their own, on the page."""

    def __init__(self, chromium: Any, page: Served, language: str = "en", width: int = 1280) -> None:
        self.page = page
        self.context = chromium.new_context(
            viewport={"width": width, "height": 900}, permissions=["microphone", "camera"]
        )
        self.tab, self.asked, self.wrong = self.context.new_page(), list[str](), list[str]()
        self.tab.set_default_timeout(120_000)  # a busy machine takes its time
        self.tab.on("request", lambda request: self.asked.append(request.url))
        self.tab.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.tab.goto(page.url)
        if not self.tab.url.endswith(f"/{language}/"):
            self.tab.goto(f"{page.origin}{language}/")
        self.tab.wait_for_selector("#make")

    def show(self, what: str, tab: str) -> None:
        """Opens one of the tabs of "face" or "speech"."""
        self.tab.locator(f"#{what}_from").get_by_role("tab", name=tab, exact=True).click()

    def give(self, what: str, path: Path) -> None:
        """Uploads a file."""
        box = self.tab.locator(f"#{what}-file")
        clear = box.get_by_role("button", name="Clear")
        if clear.count():
            clear.click()
        box.locator("input[type=file]").set_input_files(path)
        box.get_by_role("button", name="Clear").wait_for()

    def agree(self) -> None:
        """Ticks the box about consent."""
        self.tab.locator("#consent input").check()

    def begin(self) -> None:
        """Presses the button, and waits until it has worked: it may be disabled for a moment only."""
        self.tab.locator("#make").evaluate(_WATCH)
        self.tab.click("#make")
        self.tab.wait_for_function("() => window.begun")

    def end(self) -> str:
        """Waits until the page is done, and says what it shows."""
        self.tab.locator("#make:enabled").wait_for()
        self.tab.locator("#result video, #result [role=alert]").first.wait_for()
        return self.tab.locator("#result").inner_text()

    def make(self) -> str:
        """Presses the button, and waits for a video or a sentence."""
        self.begin()
        return self.end()

    def download(self, folder: Path) -> Path:
        """The video, as the visitor gets it."""
        with self.tab.expect_download() as download:
            self.tab.click(".w2l-download")
        path = folder / download.value.suggested_filename
        download.value.save_as(path)
        return path

    def elsewhere(self) -> list[str]:
        """What the page has asked of other machines."""
        return [url for url in self.asked if not url.startswith((self.page.origin, "data:", "blob:"))]
