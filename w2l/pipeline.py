"""Stages of a stream that run at the same time, with a bounded queue between them and a stopwatch for each; one thread
alone where more would harm."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")

_PATIENCE = 0.1  # seconds a waiting stage sleeps before it looks whether the others are still there


def ahead(items: Iterable[T], size: int) -> Generator[T, None, None]:
    """The same items in the same order, produced by a thread that runs at most `size` of them ahead.

    What the thread raises is raised here, in its turn. Closing this generator (or an error in the loop that reads it)
    ends the thread and closes `items`.
    """
    waiting: queue.Queue = queue.Queue(maxsize=size)
    stop = threading.Event()
    thread = threading.Thread(target=_produce, args=(items, waiting, stop), daemon=True)
    thread.start()
    try:
        while True:
            item, end = waiting.get()
            if end is None:
                yield item
            elif isinstance(end, StopIteration):
                return
            else:
                raise end
    finally:
        stop.set()
        thread.join()


def _produce(items: Iterable[T], waiting: queue.Queue, stop: threading.Event) -> None:
    """The thread of `ahead`: puts (item, None) for each item, then (None, the reason why there are no more)."""
    end: BaseException = StopIteration()
    iterator = iter(items)
    try:
        for item in iterator:
            if not _put(waiting, (item, None), stop):
                break
    except BaseException as error:  # whatever it is, it belongs to the thread that reads
        end = error
    if hasattr(iterator, "close"):
        iterator.close()
    _put(waiting, (None, end), stop)


def _put(waiting: queue.Queue, entry: object, stop: threading.Event) -> bool:
    """Puts the entry as soon as there is room; False when the reader has gone."""
    while not stop.is_set():
        try:
            waiting.put(entry, timeout=_PATIENCE)
            return True
        except queue.Full:
            continue
    return False


class Stopwatch:
    """Seconds spent in named stages. Each stage is timed by one thread only, so the sums need no lock."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def time(self, stage: str) -> Iterator[None]:
        """Adds the time that the block takes to the stage."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - start

    def each(self, stage: str, items: Iterable[T]) -> Iterator[T]:
        """The same items; the time that each takes to come is added to the stage."""
        iterator = iter(items)
        while True:
            with self.time(stage):
                try:
                    item = next(iterator)
                except StopIteration:
                    return
            yield item


@contextmanager
def one_thread() -> Iterator[None]:
    """OpenCV and torch compute on one thread meanwhile; OpenCV's others have ended, so that a fork inherits none."""
    import cv2
    import torch

    before = cv2.getNumThreads(), torch.get_num_threads()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before[0])
        torch.set_num_threads(before[1])
