"""The run folder of a training, and its checkpoints: written whole or not at all; the newest and the best are kept.

A run folder holds

    settings.json                 what is trained, on what, how, and where: written when it starts or resumes
    log.csv                       a row of numbers every few steps, and at each evaluation on held-out data
    checkpoints/step_*.pt         the last few states, from which it resumes
    checkpoints/best.pt           the state with the best held-out figure so far
    sheets/step_*.png             samples, drawn at each evaluation
    tensorboard/                  the numbers again, where TensorBoard is installed
    NETWORK.safetensors           the trained weights, at the end

A checkpoint is a weight file too: it can be given wherever weights are expected, such as in ``w2l dub --weights``.
"""

from __future__ import annotations

import os
import shutil
import threading
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from w2l.base import files
from w2l.errors import W2LError

FORMAT = 2  # raised whenever a checkpoint's entries change


class Checkpoints:
    """Checkpoints of one folder. tell: called with messages for the user."""

    def __init__(
        self, folder: Path, keep: int, copy_to: Path | None = None, tell: Callable[[str], object] = print
    ) -> None:
        if keep < 1:
            raise W2LError(f"{keep} checkpoints cannot be kept; keep at least 1.")
        self.folder, self.keep, self.tell = folder / "checkpoints", keep, tell
        self.mirror = _Mirror(folder, copy_to, tell) if copy_to else None

    def saved(self) -> list[Path]:
        """The existing files, newest first; the best one last, in case no other can be read."""
        best = self.folder / "best.pt"
        return sorted(self.folder.glob("step_*.pt"), reverse=True) + ([best] if best.exists() else [])

    def latest(self) -> dict[str, Any] | None:
        """The newest state that can be read; None when there are no files.

        Raises W2LError when there are files but none of them can be read.
        """
        if not self.saved() and self.mirror:
            self.mirror.bring_back()
        for stale in self.folder.glob(".step_*"):  # left by a process killed while writing
            stale.unlink()
        files = self.saved()
        for number, path in enumerate(files):
            state = _read(path)
            if state is not None:
                return state
            after = f"resuming from {files[number + 1].name}, the one before" if number + 1 < len(files) else ""
            after = after or "there is no other"
            self.tell(f"{path} is damaged, or was written by another version of the kit; {after}.")
        if files:
            raise W2LError(
                f"none of the {len(files)} checkpoints in {self.folder} can be read; they are damaged or of another "
                "version of the kit. Choose another --out folder to start again."
            )
        return None

    def save(self, state: dict[str, Any], step: int, best: bool = False) -> None:
        """Writes the state, also as the best one if `best` is True, then removes the oldest ones.

        Raises W2LError when it cannot be written; earlier checkpoints are then left as they were.
        """
        path = self.folder / f"step_{step:09d}.pt"
        with files.atomic(path) as temporary:
            _write(state | {"format": FORMAT}, temporary)
        if best:
            _link(path, self.folder / "best.pt")
        for old in sorted(self.folder.glob("step_*.pt"), reverse=True)[self.keep :]:
            old.unlink()
        if self.mirror:
            self.mirror.ask()

    def close(self) -> None:
        """Waits for the copy in progress to finish."""
        if self.mirror:
            self.mirror.close()


def _write(state: dict[str, Any], path: Path) -> None:
    try:
        with open(path, "wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())  # a name must not reach the disk before its content
    except RuntimeError as error:  # when the disk is full, torch's own writer reports a file position
        cause = error.__context__
        while cause is not None and not isinstance(cause, OSError):
            cause = cause.__context__
        if cause is None:
            raise
        raise cause from error


def _read(path: Path) -> dict[str, Any] | None:
    """The state in a file, on the CPU, or None when it is damaged in any way."""
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.testzip():  # torch does not verify checksums
                return None
        state = torch.load(path, map_location="cpu", weights_only=True)
        return state if state["format"] == FORMAT else None
    except Exception:  # torch raises many kinds of error for a damaged file
        return None


def _link(path: Path, name: Path) -> None:
    """Gives the file a second name, or copies it where the file system has no hard links."""
    with files.atomic(name) as temporary:
        temporary.unlink()
        try:
            os.link(path, temporary)
        except OSError:
            shutil.copyfile(path, temporary)


class _Mirror:
    """Copies a run folder to another folder in a thread, so that a slow drive does not slow down the training."""

    def __init__(self, folder: Path, to: Path, tell: Callable[[str], object]) -> None:
        self.folder, self.to, self.tell = folder, to, tell
        self.wanted, self.ended, self.failed = threading.Event(), False, False
        self.thread: threading.Thread | None = None

    def bring_back(self) -> None:
        """Copies the checkpoints and log of an earlier run back into the run folder."""
        if next(self.to.glob("checkpoints/*.pt"), None):
            self.tell(f"{self.folder} has no checkpoints; resuming from the copies in {self.to}.")
            _copy(self.to, self.folder)

    def ask(self) -> None:
        """Schedules a background copy."""
        if self.thread is None:
            self.thread = threading.Thread(target=self._work, daemon=True)
            self.thread.start()
        self.wanted.set()

    def close(self) -> None:
        """Makes the last copy that was asked for, and ends the thread."""
        if self.thread:
            self.ended = True
            self.wanted.set()
            self.thread.join()
            self.thread = None

    def _work(self) -> None:
        while not self.ended:
            self.wanted.wait()
            self.wanted.clear()
            try:
                _copy(self.folder, self.to)
                self.failed = False
            except (OSError, W2LError) as error:
                if not self.failed:
                    self.tell(f"the run cannot be copied to {self.to} ({error}); training continues in {self.folder}.")
                self.failed = True


def _copy(source: Path, target: Path) -> None:
    """Copies new and changed files, each whole or not at all, then removes checkpoints that no longer exist."""
    patterns = ("checkpoints/[!.]*.pt", "sheets/[!.]*.png", "[!.]*.*")
    for file in [file for pattern in patterns for file in source.glob(pattern)]:
        copy = target / file.relative_to(source)
        with suppress(FileNotFoundError):  # an old checkpoint may be removed while this runs
            if not copy.exists() or _stamp(copy) != _stamp(file):
                with files.atomic(copy) as temporary:
                    shutil.copy2(file, temporary)
    for copy in target.glob("checkpoints/step_*.pt"):
        if not (source / copy.relative_to(target)).exists():
            copy.unlink()


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, int(status.st_mtime)
