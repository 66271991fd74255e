"""A training in its own process, and a panel that shows it live; the notebook stays usable meanwhile."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import numpy as np

from w2l import video
from w2l.errors import W2LError
from w2l.notebook import canvas
from w2l.notebook.canvas import Chart, new_figure
from w2l.train.engine.log import read_log

_TOLD = "training.txt"  # in the run folder: the training's output
_EVERY = 1.5  # seconds between two readings of the log
_SHARES = ("accuracy", "exact", "opening_r", "confidence")  # curves that belong under the second title
_WIDE = 100  # ratio: losses further apart are drawn on a logarithmic axis
_HIDDEN = ("step", "sync_weight", "disc_weight")
_COLOURS = ("#4a7fb5", "#e06622", "#288c60", "#8a4f9e", "#555555", "#b0892b")


class Training:
    """``w2l train`` as a process: it runs while other cells run, and can be stopped and resumed at any time.

    what: expert, generator, gan or meter. folder: the run folder; an unfinished training in it is resumed. options:
    more arguments of the command line, such as ``["--from", "weights.safetensors"]``. settings: those of the training,
    such as ``steps=400``. It ends with the kernel. Raises W2LError when it cannot be started.
    """

    def __init__(self, what: str, folder: str | os.PathLike[str], options: Sequence[str] = (), **settings: Any) -> None:
        self.what, self.folder = what, Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "w2l", "train", what, "--out", str(self.folder), "--quiet", *map(str, options)]
        if settings:
            command += ["--set", *(f"{name}={value}" for name, value in settings.items())]
        try:
            with open(self.folder / _TOLD, "w", encoding="utf8") as told:
                self.process = subprocess.Popen(command, stdout=told, stderr=told, stdin=subprocess.DEVNULL)
        except OSError as error:
            raise W2LError(f"the training could not be started ({error.strerror}); free some memory.") from error
        weakref.finalize(self, _end, self.process)

    @property
    def is_running(self) -> bool:
        """Whether it is still running."""
        return self.process.poll() is None

    @property
    def told(self) -> list[str]:
        """Its output, line by line."""
        return (self.folder / _TOLD).read_text(encoding="utf8", errors="replace").splitlines()

    def stop(self) -> None:
        """Lets it finish its step and save; the same `Training` again resumes from there. Does not wait."""
        if self.is_running:
            self.process.send_signal(signal.SIGTERM if os.name == "nt" else signal.SIGINT)

    def wait(self) -> Path | None:
        """Waits for it to end and returns the file of the trained weights; None if it was stopped first.

        Interrupting the cell stops the training, which saves first. Raises W2LError with its message when it failed.
        """
        try:
            self.process.wait()
        except KeyboardInterrupt:
            self.stop()
            self.process.wait()
        if self.process.returncode not in (0, 130, -signal.SIGINT, -signal.SIGTERM):
            said = next((line for line in reversed(self.told) if line.strip()), "no message")
            raise W2LError(f"the training ended with an error: {said.removeprefix('w2l: ')}")
        if self.process.returncode != 0:
            print(f"stopped at step {last_step(self.folder)}; to resume, run the cell that started it.")
            return None
        return next((Path(line) for line in reversed(self.told) if line.endswith(".safetensors")), None)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends a training that is no longer used: the kernel ends, or its cell has been run again."""
    if process.poll() is None:
        process.terminate()


class TrainingPanel:
    """The curves of a run folder's log, its newest sheet of samples, and a button that stops the training.

    training: a `Training`, or just a run folder, whether the training has ended or not. The panel is updated every
    second or two, in its own thread, until the training ends.
    """

    def __init__(self, training: Training | str | os.PathLike[str]) -> None:
        self.training = training if isinstance(training, Training) else None
        self.folder = training.folder if isinstance(training, Training) else Path(training)
        self.image = canvas.picture_widget()
        self.said = widgets.HTML()
        self.stop = widgets.Button(
            description="stop and save",
            icon="stop",
            tooltip="finishes the step and saves; run the cell again to resume",
        )
        self.stop.on_click(self._stop)
        self.stop.disabled = self.training is None
        self.box = widgets.VBox([widgets.HBox([self.stop, self.said]), self.image])
        self._seen: tuple[int, str] | None = None
        self._handle: Any = None
        self._drawing = threading.Lock()
        self.refresh()

    def _stop(self, button: Any) -> None:
        if self.training is not None:
            self.training.stop()

    def show(self) -> None:
        """Shows the panel and keeps it up to date while the training runs."""
        from IPython.display import display

        self._handle = display(self, display_id=True)
        if self.training is not None:
            threading.Thread(target=self._follow, daemon=True).start()

    def wait(self) -> Path | None:
        """Waits for the training (see `Training.wait`), shows its final state, and returns its weights."""
        try:
            return self.training.wait() if self.training else None
        finally:
            self.refresh()
            if self._handle is not None:
                self._handle.update(self)  # so that the saved notebook holds the finished curves

    def refresh(self) -> None:
        """Reads the folder, and redraws when there is something new; one thread at a time."""
        with self._drawing:
            rows, sheet = read_log(self.folder), _newest_sheet(self.folder)
            self._tell(rows)
            if self._seen != (len(rows), str(sheet)):
                picture = draw_curves(rows, _steps(self.folder))
                if sheet is not None:
                    picture = canvas.above(picture, _fit(video.read_image(sheet), picture.shape[1]))
                canvas.put_picture(self.image, picture)
                self._seen = (len(rows), str(sheet))

    def _tell(self, rows: Sequence[dict[str, float]]) -> None:
        """Shows the progress."""
        step = int(rows[-1]["step"]) if rows else 0
        over = self.training is not None and not self.training.is_running
        state = "ended" if over else "running" if self.training else "as saved"
        waiting = "" if rows else ": making clips, first checks …"
        self.said.value = f"step {step} of {_steps(self.folder) or '?'} ({state}){waiting}"
        self.stop.disabled = self.training is None or over

    def _follow(self) -> None:
        assert self.training is not None
        while self.training.is_running:
            time.sleep(_EVERY)
            try:
                self.refresh()
            except (W2LError, OSError, ValueError):
                continue  # a file is being written; the next reading sees it whole
        self.refresh()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return canvas.bundle(self.box, bytes(self.image.value), self.image.format)


def last_step(folder: str | os.PathLike[str]) -> int:
    """The step of the log's last row, 0 when there is none."""
    rows = read_log(folder)
    return int(rows[-1]["step"]) if rows else 0


def draw_curves(rows: Sequence[dict[str, float]], steps: int | None = None) -> np.ndarray:
    """Losses above, shares and correlations below, over the steps: HWC uint8 BGR.

    Curves measured on held-out data have dots; losses that are far apart have a logarithmic axis. rows: as returned by
    `read_log`.
    """
    names = [name for name in dict.fromkeys(key for row in rows for key in row) if name not in _HIDDEN]
    shares = [name for name in names if name.removeprefix("held_out_").startswith(_SHARES) or name.endswith(_SHARES)]
    groups = [("Losses", [n for n in names if n not in shares], "loss"), ("Accuracy and correlation", shares, "share")]
    groups = groups if shares else groups[:1]
    figure, axes = new_figure(8.4, 2.6 * len(groups), len(groups), sharex=True)
    for one, (title, members, label) in zip(axes, groups, strict=True):
        for number, name in enumerate(members):
            points = [(row["step"], row[name]) for row in rows if name in row]
            style = {"marker": "o", "ms": 4} if len(points) <= len(rows) / 2 or "held_out" in name else {}
            one.plot(*zip(*points, strict=True), label=name, color=_COLOURS[number % len(_COLOURS)], lw=1.5, **style)  # type: ignore[arg-type]
        if label == "loss" and _span(rows, members) > _WIDE:
            one.set_yscale("log")  # otherwise the pixel loss would be a line along the bottom
        one.set(title=title, ylabel=label)
        one.set_xlim(0, max(steps or 1, *(int(row["step"]) for row in rows)) if rows else steps or 1)
        one.grid(alpha=0.3)
        if members:
            one.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8, frameon=False)
    axes[-1].set_xlabel("step")
    return Chart(figure).pixels


def _span(rows: Sequence[dict[str, float]], names: Sequence[str]) -> float:
    """The largest positive value of these columns over the smallest; 1 where there is none."""
    values = [row[name] for row in rows for name in names if row.get(name, 0) > 0]
    return max(values) / min(values) if values else 1.0


def _steps(folder: Path) -> int | None:
    """How many steps the training is meant to have."""
    try:
        settings = json.loads((folder / "settings.json").read_text(encoding="utf8"))["settings"]
        return int(settings["steps"]) + int(settings.get("sync_steps", 0))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _newest_sheet(folder: Path) -> Path | None:
    return max((folder / "sheets").glob("step_*.png"), default=None)


def _fit(picture: np.ndarray, width: int) -> np.ndarray:
    return canvas.enlarge(picture, round(picture.shape[0] * width / picture.shape[1]))
