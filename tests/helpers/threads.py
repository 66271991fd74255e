"""Counting threads, and waiting for them to end."""

import threading
import time

from tqdm import TMonitor


def count_threads():
    """How many threads are running, without the one that tqdm starts with the first progress bar and keeps."""
    return sum(not isinstance(thread, TMonitor) for thread in threading.enumerate())


def wait_for_threads(count):
    """Fails when, after five seconds, more than `count` threads are running."""
    until = time.monotonic() + 5
    while count_threads() > count and time.monotonic() < until:
        time.sleep(0.01)
    assert count_threads() <= count, "a stage still runs"
