"""Progress on stderr: a bar on a terminal and in a notebook, a plain line now and then in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Sized
from typing import Any, Generic, TypeVar

T = TypeVar("T")

_EVERY = 10.0  # seconds between two lines of a log; later a sixtieth of the time that has passed
_SLOWER = 60


def progress_bar(
    items: Iterable[T] | None = None, *, total: float | None = None, desc: str = "", show: bool = True, **look: Any
) -> Any:
    """A progress bar as tqdm draws it, or `Lines` where stderr is neither a terminal nor a notebook.

    items: what it counts when it is iterated over; without them, call its `update`. show: whether anything is shown.
    look: unit, initial and so on, as tqdm takes them.
    """
    from tqdm import tqdm  # here, because most imports of the kit show no bar

    if not show or can_draw():
        return tqdm(items, total=total, desc=desc, disable=not show, file=sys.stderr, **look)
    return Lines(items, total=total, desc=desc, **look)


def tell(sentence: str) -> None:
    """Prints a sentence without breaking a bar that is shown."""
    from tqdm import tqdm

    tqdm.write(sentence)


def can_draw() -> bool:
    """Whether stderr can draw a line again in place: a terminal, and the output of a notebook's cell."""
    stream = sys.stderr
    return bool(getattr(stream, "isatty", bool)()) or type(stream).__module__.startswith("ipykernel")


class Lines(Generic[T]):
    """A bar for logs: a line every ten seconds, less often after ten minutes, and one at the end.

    If something has been counted before, a line says so at the start.

    It has those methods of tqdm that the kit uses.
    """

    def __init__(
        self,
        items: Iterable[T] | None = None,
        total: float | None = None,
        desc: str = "",
        initial: float = 0,
        **look: Any,
    ) -> None:
        self._items = items
        self.total = len(items) if total is None and isinstance(items, Sized) else total
        self.n = self._shown = initial
        self._look = {"prefix": desc, "ncols": 0, "initial": initial, **look}
        self._start = self._last = time.monotonic()
        if 0 < initial < (self.total or 0):  # what is resumed
            self._print()

    def __iter__(self) -> Iterator[T]:
        with self:
            for item in self._items or ():
                yield item
                self.update()

    def __enter__(self) -> Lines[T]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def update(self, n: float = 1) -> None:
        """Counts n more, and prints a line if it is time for one."""
        self.n += n
        now = time.monotonic()
        if now - self._last >= max(_EVERY, (self._last - self._start) / _SLOWER):
            self._last = now
            self._print()

    def set_postfix(self, figures: dict[str, str], refresh: bool = False) -> None:
        """Figures that the next line shows."""
        self._look["postfix"] = ", ".join(f"{name}={value}" for name, value in figures.items())

    def close(self) -> None:
        """Prints the last line, if anything was counted since the one before."""
        if self.n != self._shown:
            self._print()

    def _print(self) -> None:
        from tqdm import tqdm

        self._shown = self.n
        line = tqdm.format_meter(self.n, self.total, time.monotonic() - self._start, **self._look)
        print(line.strip(), file=sys.stderr, flush=True)
