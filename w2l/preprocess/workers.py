"""Processes that share the work of a run; a thing that crashes its process does not stop the others."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from typing import Any, Protocol

from w2l.errors import W2LError

# read by numpy, scipy and torch when they are loaded: there are as many processes as cores
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
_TRIES = 2  # a process may also have been killed by someone else
_PATIENCE = 5.0  # seconds for a process to tidy up


class Work(Protocol):
    """What is to be done with each thing; the work and the things are pickled and sent to the processes."""

    def start(self) -> Any:
        """Makes what a process needs for all things."""
        ...

    def do(self, tools: Any, thing: Any) -> None:
        """Does the work for one thing, in a process."""
        ...

    def give_up(self, thing: Any) -> None:
        """Called in the main process for a thing that crashed its process twice."""
        ...


def run_in_processes(work: Work, things: Sequence[Any], count: int, told: Callable[[], object]) -> None:
    """Does the work for all things (hashable) in `count` new processes; `told` is called for each one done.

    Raises W2LError when a process does, or when one ends before it could start. All processes end then, and when the
    caller ends.
    """
    waiting, tries = deque(things), Counter[Any]()
    crew = [_Worker(work) for _ in range(count)]
    try:
        while crew:
            ready = wait([worker.connection for worker in crew])
            for worker in [worker for worker in crew if worker.connection in ready]:
                if worker.is_ready():
                    if worker.thing is not None:
                        told()
                    if worker.take(waiting.popleft() if waiting else None):
                        continue
                elif (thing := worker.thing) is not None:
                    tries[thing] += 1
                    if tries[thing] < _TRIES:
                        waiting.append(thing)
                    else:
                        work.give_up(thing)
                        told()
                crew.remove(worker)
                worker.end()
            if waiting and len(crew) < count:
                crew.append(_Worker(work))
    finally:
        for worker in crew:
            worker.process.terminate()
        for worker in crew:
            worker.end()


class _Worker:
    """A process and the thing it is working on; None while it starts."""

    def __init__(self, work: Work) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would inherit the threads of torch and FFmpeg, stopped
        self.thing: Any = None
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(theirs, work), daemon=True)
        with _environment(dict.fromkeys(_THREADS, "1")):
            self.process.start()
        theirs.close()

    def is_ready(self) -> bool:
        """Whether it asks for the next thing; False if it has died. Raises W2LError with its message."""
        try:
            problem = self.connection.recv()
        except (EOFError, OSError):
            if self.thing is None:
                self.process.join()
                raise W2LError(
                    f"a process ended before it could start (code {self.process.exitcode}); call this from a script, "
                    "a notebook or the command line, or with processes=0."
                ) from None
            return False
        if problem:
            raise W2LError(problem)
        return True

    def take(self, thing: Any) -> bool:
        """Gives it the next thing; None ends it and returns False."""
        self.thing = thing
        with suppress(OSError):  # if it has died, `is_ready` will say so
            self.connection.send(thing)
        return thing is not None

    def end(self) -> None:
        """Waits until it has ended."""
        self.connection.close()
        self.process.join(_PATIENCE)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.process.close()


@contextmanager
def _environment(changes: dict[str, str]) -> Iterator[None]:
    """Sets environment variables for processes started inside this context."""
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _work(connection: Connection, work: Work) -> None:
    """The loop of a process: gets a thing, does the work, answers."""
    import cv2

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the main one ends this one
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that partial files are removed
    cv2.setNumThreads(1)  # which does not read the environment
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):  # the main process has ended
        try:
            tools = work.start()
            connection.send("")
            while (thing := connection.recv()) is not None:
                work.do(tools, thing)
                connection.send("")
        except W2LError as error:
            connection.send(str(error))
