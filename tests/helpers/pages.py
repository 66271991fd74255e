"""The page of `w2l app`, served by the command, for tests that look at it."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from helpers import lab


def why_not() -> str:
    """Why the browser tests cannot run here; empty when they can."""
    for module in ("playwright", "gradio"):
        if importlib.util.find_spec(module) is None:
            return f"{module} is not installed"
    return "" if lab.CHROMIUM else "there is no chromium on this machine (on Debian: apt install chromium)"


class Served:
    """A page that is being served. url: as the command prints it; root: where the files of visitors are."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder

    @property
    def root(self) -> Path:
        (root,) = self.folder.glob("w2l-app-*")
        return root

    def files(self, part: str = "visitors") -> list[str]:
        """The names of the visitors' files: what was made, or with "uploads" what was sent."""
        return sorted(path.name for path in (self.root / part).rglob("*") if path.is_file())


@contextmanager
def serve(folder: Path, *options: object) -> Iterator[Served]:
    """Runs the command, and ends it as Ctrl-C does."""
    command = [sys.executable, "-m", "w2l", "app", "--port", 0, *options]
    with open(folder / "said.txt", "w") as said:
        process = subprocess.Popen(
            list(map(str, command)),
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            env={**os.environ, "TMPDIR": str(folder)},
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline().strip()
        assert line.startswith("http"), (folder / "said.txt").read_text()
        yield Served(line, folder)
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
