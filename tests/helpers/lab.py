"""JupyterLab in a browser, as a student has it: opens notebooks, runs them, works the widgets, takes screenshots.

python tests/helpers/lab.py NOTEBOOK FOLDER   runs a notebook and saves screenshots of it, top to bottom

It needs jupyterlab, playwright and Debian's chromium (`apt install chromium`), and no network: what the browser asks of
another machine is refused.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = next((path for name in ("chromium", "chromium-browser") if (path := shutil.which(name))), None)
_FLAGS = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--no-first-run",
    "--mute-audio",
    "--autoplay-policy=no-user-gesture-required",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
_MICROPHONE = "--use-file-for-fake-audio-capture="
_PAGE = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}
# all cells are on the page, and the kernel starts by itself
_NOTEBOOK = {"windowingMode": "none", "autoStartDefaultKernel": True}
_AT_REST = """() => document.querySelector('#jp-main-statusbar')?.innerText.includes('Idle')
  && [...document.querySelectorAll('.jp-InputPrompt')].every(prompt => !prompt.textContent.includes('*'))"""


def why_not(*modules: str) -> str:
    """Why browser tests that need these modules cannot run here; empty when they can."""
    for module in ("playwright", *modules):
        if importlib.util.find_spec(module) is None:
            return f"{module} is not installed"
    return "" if CHROMIUM else "there is no chromium on this machine (on Debian: apt install chromium)"


@contextmanager
def server(folder: Path, **environment: str) -> Iterator[str]:
    """JupyterLab over a folder, with settings of its own; gives its address."""
    own = folder / ".jupyter"
    (own / "labconfig").mkdir(parents=True)
    (own / "labconfig" / "page_config.json").write_text(json.dumps(_PAGE))
    settings = own / "settings" / "@jupyterlab" / "notebook-extension" / "tracker.jupyterlab-settings"
    settings.parent.mkdir(parents=True)
    settings.write_text(json.dumps(_NOTEBOOK))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    names = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    places = {name: str(own if name == "JUPYTER_CONFIG_DIR" else own / name.lower()) for name in names}
    places["JUPYTERLAB_SETTINGS_DIR"] = str(own / "settings")
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1"]
    command += [f"--ServerApp.port={port}", "--ServerApp.port_retries=0", "--IdentityProvider.token="]
    command += [f"--ServerApp.root_dir={folder}"]
    with open(own / "server.txt", "w") as told:
        process = subprocess.Popen(command, stdout=told, stderr=told, env={**os.environ, **places, **environment})
    try:
        _wait_for(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(port: int, process: subprocess.Popen, seconds: float = 180) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise RuntimeError("JupyterLab did not start")


@contextmanager
def browser(width: int = 1280, height: int = 900, microphone: Path | None = None) -> Iterator[Any]:
    """A page of Chromium that reaches this machine alone. microphone: a wav file that it hears, once."""
    from playwright.sync_api import sync_playwright

    heard = [f"{_MICROPHONE}{microphone}%noloop", "--use-fake-device-for-media-stream"] if microphone else []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=[*_FLAGS, *heard])
        allowed = ["microphone"] if microphone else []
        page = chromium.new_page(viewport={"width": width, "height": height}, permissions=allowed)
        page.set_default_timeout(180_000)  # a busy machine takes its time
        try:
            yield page
        finally:
            chromium.close()


class Notebook:
    """A notebook that is open in a page."""

    def __init__(self, page: Any, address: str, name: str) -> None:
        self.page = page
        page.goto(f"{address}/doc/tree/{name}?reset")
        page.wait_for_selector(".jp-Notebook .jp-Cell")
        self.wait()

    def run_all(self, seconds: float = 300) -> None:
        """Run > Run All Cells, and waits until the kernel has done all of them."""
        self.page.get_by_role("menuitem", name="Run", exact=True).click()
        self.page.get_by_text("Run All Cells", exact=True).click()
        self.wait(seconds)

    def wait(self, seconds: float = 300) -> None:
        """Waits until no cell has run or waited to be run for a second and a half."""
        end, idle = time.monotonic() + seconds, 0
        while idle < 6:
            self.page.wait_for_timeout(250)
            idle = idle + 1 if self.page.evaluate(_AT_REST) else 0
            assert time.monotonic() < end, f"the kernel was still busy after {seconds:g} s"

    def run_cell(self, number: int) -> str:
        """Runs a cell by its number and gives the text under it."""
        cell = self.page.locator(".jp-Notebook .jp-Cell").nth(number)
        cell.scroll_into_view_if_needed()
        cell.locator(".jp-InputPrompt").click()
        self.page.keyboard.press("Control+Enter")
        self.wait()
        return "\n".join(cell.locator(".jp-OutputArea-output").all_inner_texts()).strip()

    def errors(self) -> list[str]:
        """What failed: tracebacks, widgets without a model."""
        texts = self.page.locator(".jp-OutputArea-output").all_inner_texts()
        return [text for text in texts if re.search(r"Traceback|Error displaying widget|Loading widget", text)]

    def save(self, path: Path) -> None:
        """A screenshot of what is seen now."""
        self.page.screenshot(path=str(path))

    def save_all(self, folder: Path) -> list[Path]:
        """Screenshots from the top of the notebook to its end."""
        folder.mkdir(parents=True, exist_ok=True)
        cells = self.page.locator(".jp-Notebook .jp-Cell")
        scroller = self.page.locator(".jp-WindowedPanel-outer").first
        saved: list[Path] = []
        scroller.evaluate("e => { e.scrollTop = 0 }")
        for number in range(200):
            self.page.wait_for_timeout(250)
            saved.append(folder / f"screen_{number:02d}.png")
            self.save(saved[-1])
            before = scroller.evaluate("e => e.scrollTop")
            scroller.evaluate("e => { e.scrollTop += e.clientHeight * 0.9 }")
            if scroller.evaluate("e => e.scrollTop") <= before:
                break
        assert cells.count()
        return saved


def main() -> int:
    """Runs one notebook; 1 when something in it failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebook", type=Path)
    parser.add_argument("folder", type=Path, help="for the screenshots")
    options = parser.parse_args()
    work = options.folder.resolve() / "work"
    work.mkdir(parents=True, exist_ok=True)
    shutil.copy(options.notebook, work)
    start = time.monotonic()
    with server(work, W2L_HOME=str(work)) as address, browser() as page:
        notebook = Notebook(page, address, options.notebook.name)
        notebook.run_all(seconds=3600)
        seconds = time.monotonic() - start
        saved, errors = notebook.save_all(options.folder), notebook.errors()
    print(f"{options.notebook.name}: {seconds:.0f} s, {len(saved)} screens, {len(errors)} errors", *errors, sep="\n")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
