"""Progress: a bar on a terminal and in a notebook, a plain line now and then in a log, or calls of a function."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from typing import Any, Generic, Self, TypeVar

T = TypeVar("T")
Report = Callable[[str, float, float | None], object]  # what is being done, how much of it is done, and of how much

_EVERY = 10.0  # seconds between two lines of a log; later a sixtieth of the time that has passed
_SLOWER = 60


def progress_bar(
    items: Iterable[T] | None = None,
    *,
    total: float | None = None,
    desc: str = "",
    show: bool | Report = True,
    **look: Any,
) -> Any:
    """A progress bar as tqdm draws it, or `Lines` where stderr is neither a terminal nor a notebook.

    items: what it counts when it is iterated over; without them, call its `update`. show: whether anything is shown,
    or a function that is called instead, with `desc`, what has been counted and `total`; an error that it raises ends
    the work. look: unit, initial and so on, as tqdm takes them.
    """
    if callable(show):
        return Reported(show, items, total, desc, look.get("initial", 0))
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


class _Counter(Generic[T]):
    """Counts, with those methods of tqdm that the kit uses."""

    def __init__(self, items: Iterable[T] | None, total: float | None, initial: float = 0) -> None:
        self._items = items
        self.total = len(items) if total is None and isinstance(items, Sized) else total
        self.n = initial

    def __iter__(self) -> Iterator[T]:
        with self:
            for item in self._items or ():
                yield item
                self.update()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def update(self, n: float = 1) -> None:
        """Counts n more."""
        self.n += n

    def set_postfix(self, figures: dict[str, str], refresh: bool = False) -> None:
        """Figures to show beside the count."""

    def close(self) -> None:
        """Nothing more will be counted."""


class Reported(_Counter[T]):
    """A bar for programs: calls a function at the start and whenever something has been counted."""

    def __init__(
        self, report: Report, items: Iterable[T] | None, total: float | None, desc: str, initial: float = 0
    ) -> None:
        super().__init__(items, total, initial)
        self._report, self._desc = report, desc
        report(desc, self.n, self.total)

    def update(self, n: float = 1) -> None:
        """Counts n more, and reports it."""
        super().update(n)
        self._report(self._desc, self.n, self.total)


class Lines(_Counter[T]):
    """A bar for logs: a line every ten seconds, less often after ten minutes, and one at the end.

    If something has been counted before, a line says so at the start.
    """

    def __init__(
        self,
        items: Iterable[T] | None = None,
        total: float | None = None,
        desc: str = "",
        initial: float = 0,
        **look: Any,
    ) -> None:
        super().__init__(items, total, initial)
        self._shown = initial
        self._look = {"prefix": desc, "ncols": 0, "initial": initial, **look}
        self._start = self._last = time.monotonic()
        if 0 < initial < (self.total or 0):  # what is resumed
            self._print()

    def update(self, n: float = 1) -> None:
        """Counts n more, and prints a line if it is time for one."""
        super().update(n)
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
