"""One at a time: whoever comes waits for those before, and may leave the queue."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_PATIENCE = 0.2  # seconds between two looks at the queue


class Turns:
    """The queue for a device that does one piece of work at a time."""

    def __init__(self) -> None:
        self._waiting: deque[object] = deque()  # the first of them has its turn
        self._changed = threading.Condition()

    def __len__(self) -> int:
        """How many wait or have their turn."""
        return len(self._waiting)

    @contextmanager
    def turn(self, waits: Callable[[int], object]) -> Iterator[None]:
        """Runs the block when everyone before has left.

        waits: called now and then with the number of those before; what it raises leaves the queue.
        """
        ticket = object()
        with self._changed:
            self._waiting.append(ticket)
        try:
            while before := self._before(ticket):
                waits(before)
                with self._changed:
                    self._changed.wait(_PATIENCE)
            yield
        finally:
            with self._changed:
                self._waiting.remove(ticket)
                self._changed.notify_all()

    def _before(self, ticket: object) -> int:
        with self._changed:
            return self._waiting.index(ticket)
