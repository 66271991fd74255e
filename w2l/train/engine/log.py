"""The numbers of a training: log.csv always, TensorBoard where it is installed."""

from __future__ import annotations

import csv
import os
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from w2l.base import files
from w2l.errors import W2LError

_WATCHED_SECONDS = 1.0


class Log:
    """Gathers each step's numbers and writes a row of their means when asked.

    Rows after the step from which a training resumes are cut off. A number that appears for the first time makes a new
    column, and the file is rewritten; otherwise rows are only appended. Without a folder nothing is written.
    """

    def __init__(self, folder: Path | None, step: int) -> None:
        self.path = folder / "log.csv" if folder else None
        self.columns = ["step"]
        self.pending: list[dict[str, str]] = []
        self.flushed = time.monotonic()
        self.sums: dict[str, tuple[torch.Tensor, int]] = {}
        self.board = _board(folder / "tensorboard", step) if folder else None
        if self.path and self.path.exists():
            rows = [row for row in _read(self.path) if int(row["step"]) <= step]
            self._widen(rows)
            self._write(self.path, rows)

    def gather(self, numbers: dict[str, torch.Tensor]) -> None:
        """Adds one step's numbers, without waiting for the device to compute them."""
        for name, value in numbers.items():
            total, count = self.sums.get(name, (0, 0))
            self.sums[name] = (total + value.detach(), count + 1)

    def means(self) -> dict[str, float]:
        """The means since the last call."""
        found = {name: float(total) / count for name, (total, count) in self.sums.items()}
        self.sums = {}
        return found

    def add(self, step: int, numbers: dict[str, float]) -> None:
        """Adds a row, which is kept until `flush`."""
        self.pending.append({"step": str(step)} | {key: f"{value:.6g}" for key, value in numbers.items()})
        if self.board:
            for key, value in numbers.items():
                self.board.add_scalar(key, value, step)

    def flush(self) -> None:
        """Writes the rows; raises OSError or W2LError when the disk is full."""
        if self.path is None:
            self.pending = []
            return
        if self._widen(self.pending):
            self._write(self.path, [*(_read(self.path) if self.path.exists() else ()), *self.pending])
        else:
            with open(self.path, "a", newline="", encoding="utf8") as file:
                csv.DictWriter(file, self.columns, restval="").writerows(self.pending)
        self.pending, self.flushed = [], time.monotonic()
        if self.board:
            self.board.flush()

    def flush_soon(self) -> None:
        """Writes the rows if the last ones were written over a second ago, so that the training can be watched.

        A full disk is reported by the next checkpoint.
        """
        if time.monotonic() - self.flushed > _WATCHED_SECONDS:
            with suppress(OSError, W2LError):
                self.flush()

    def close(self) -> None:
        """Closes TensorBoard's file."""
        if self.board:
            self.board.close()

    def _widen(self, rows: Iterable[dict[str, str]]) -> bool:
        """Adds columns for numbers that have none yet; returns whether there were any."""
        before = len(self.columns)
        self.columns = list(dict.fromkeys([*self.columns, *(key for row in rows for key in row)]))
        return len(self.columns) > before

    def _write(self, path: Path, rows: Iterable[dict[str, str]]) -> None:
        with files.atomic(path) as temporary, open(temporary, "w", newline="", encoding="utf8") as file:
            writer = csv.DictWriter(file, self.columns, restval="")
            writer.writeheader()
            writer.writerows(rows)


def read_log(folder: str | os.PathLike[str]) -> list[dict[str, float]]:
    """The rows of a run folder's log, without the numbers that a row does not have; empty if there is no log."""
    path = Path(folder) / "log.csv"
    if not path.exists():
        return []
    rows = []
    for row in _read(path):
        with suppress(ValueError):  # a text that is no number: something else wrote into the file
            rows.append({key: float(value) for key, value in row.items() if value})
    return rows


def _read(path: Path) -> list[dict[str, str]]:
    """The complete rows of a log; a process killed while writing may leave half a row, or bytes that are not text."""
    with open(path, newline="", encoding="utf8", errors="replace") as file:
        rows = list(csv.DictReader(file))
    return [row for row in rows if row.get("step", "").isdigit() and None not in row and None not in row.values()]


def _board(folder: Path, step: int) -> Any:
    """TensorBoard's writer, or None where it is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder), purge_step=step + 1)
