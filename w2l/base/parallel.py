"""Threads that work ahead through a bounded queue, a stopwatch for stages, forked worker processes, and `one_thread`
for code that needs a single thread."""

from __future__ import annotations

import math
import os
import queue
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from w2l.errors import W2LError

T = TypeVar("T")

_PATIENCE = 0.1  # seconds to wait on a full queue before checking whether the reader has stopped


def ahead(items: Iterable[T], size: int) -> Generator[T, None, None]:
    """The same items in the same order, produced by a thread that runs at most `size` of them ahead.

    An error in the thread is raised here, after the items before it. Closing this generator (or an error in the loop
    that reads it) ends the thread and closes `items`.
    """
    waiting: queue.Queue[Any] = queue.Queue(maxsize=size)
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


def _produce(items: Iterable[T], waiting: queue.Queue[Any], stop: threading.Event) -> None:
    """The thread of `ahead`: puts (item, None) for each item, then (None, the reason why there are no more)."""
    end: BaseException = StopIteration()
    iterator = iter(items)
    try:
        for item in iterator:
            if not _put(waiting, (item, None), stop):
                break
    except BaseException as error:  # any error: it is raised in the reading thread
        end = error
    if hasattr(iterator, "close"):
        iterator.close()
    _put(waiting, (None, end), stop)


def _put(waiting: queue.Queue[Any], entry: object, stop: threading.Event) -> bool:
    """Puts the entry as soon as there is room; False when the reader has stopped."""
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
        """The same items; the time it takes to get each one is added to the stage."""
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
    """Limits OpenCV and torch to one thread; OpenCV's other threads end, so that a fork inherits none."""
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


def cores() -> int:
    """How many processors this process may use; an equal share when torchrun has started several processes.

    A container's quota counts, rounded up: with 1.5 processors' time, two processes are faster than one.
    """
    count = os.cpu_count() or 1
    with suppress(AttributeError):  # there is no such call on macOS and Windows
        count = len(os.sched_getaffinity(0))
    count = math.ceil(min(count, quota()))
    return max(1, count // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))


def quota(proc: Path = Path("/proc/self/cgroup"), mount: Path = Path("/sys/fs/cgroup")) -> float:
    """The processors whose time the control groups (Linux) grant this process; infinity without a limit.

    Each group above the process's own may set a lower limit; from inside a container, only some of them are seen.
    """
    lowest = math.inf
    with suppress(OSError, ValueError):
        for line in proc.read_text(encoding="utf8", errors="replace").splitlines():
            _, controllers, group = line.split(":", 2)
            roots = [mount / "unified", mount] if not controllers else [mount / controllers, mount / "cpu"]
            if controllers and "cpu" not in controllers.split(","):
                continue
            for root in roots:
                inner = root / group.strip("/")
                for folder in (inner, *inner.parents[: len(inner.parts) - len(root.parts)]):
                    lowest = min(lowest, _limit(folder))
    return lowest


def _limit(folder: Path) -> float:
    """The limit of one control group, of version 2 or 1."""
    for names in (("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us")):
        with suppress(OSError, ValueError):
            time, period = " ".join((folder / name).read_text(encoding="utf8") for name in names).split()
            if time not in ("max", "-1") and float(period) > 0:
                return float(time) / float(period)
    return math.inf


def limit_threads() -> None:
    """Where a quota leaves fewer processors than there are, keeps the libraries from starting a thread for each.

    They read their number of threads when they are imported, which must not have happened yet. A number that the user
    has set stays.
    """
    if quota() < (os.cpu_count() or 1):
        for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
            os.environ.setdefault(name, str(cores()))


def can_fork() -> bool:
    """Whether processes can be forked, which share this one's memory without a copy: reliable on Linux only."""
    return sys.platform == "linux"


def forked(
    make: Callable[[int], Any], numbers: Sequence[int], count: int, pin: bool = False
) -> Generator[Any, None, None]:
    """Yields make(number) for each number in order, computed ahead by `count` forked processes; by this one if 0.

    pin: put arrays into memory that a GPU reads directly. The processes end when the reading loop ends and when this
    process ends, even if it is killed. Errors in `make` are raised here; W2LError also when a process dies, which
    happens when the shared memory is full.
    """
    import torch
    from torch.utils.data import DataLoader

    made: Any = None
    try:
        with warnings.catch_warnings():
            # Python 3.12 and later warn about a fork while threads run; the children use no thread of torch or CUDA
            warnings.filterwarnings("ignore", category=DeprecationWarning, message=".*fork.*")
            warnings.filterwarnings("ignore", message=".*worker processes")  # as many as were asked for
            loader: Any = DataLoader(
                _Making(make),  # type: ignore[arg-type]
                batch_size=None,
                sampler=numbers,
                num_workers=count,
                worker_init_fn=_end_quietly,
                pin_memory=pin,
                prefetch_factor=4 if count else None,
                multiprocessing_context="fork" if count else None,
                generator=torch.Generator(),  # otherwise it would draw its seed from a training's random numbers
            )
            with one_thread():  # a child would wait forever for OpenCV's threads, which a fork does not copy
                made = iter(loader)
        for thing in made:
            if isinstance(thing, W2LError):
                raise thing
            yield thing
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        raise W2LError(f"a worker process died ({error}); start again with fewer workers, or with none.") from error
    finally:
        # An error keeps `made` alive through its traceback, and the processes would go on writing files meanwhile.
        if count and made is not None:
            made._shutdown_workers()


def _end_quietly(number: int) -> None:
    """Makes SIGTERM end a forked process as Ctrl-C does: partial files are removed, and torch does not take it as a
    failure, which it would raise in the main process at any moment, even while that ends for the same signal."""

    def interrupt(signum: int, frame: object) -> NoReturn:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)


class _Making:
    """A function as a dataset. Returns a W2LError instead of raising it, since the loader would add a traceback."""

    def __init__(self, make: Callable[[int], Any]) -> None:
        self.make = make

    def __getitem__(self, number: int) -> Any:
        try:
            return self.make(number)
        except W2LError as error:
            return error
