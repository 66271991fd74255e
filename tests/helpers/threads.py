"""Waiting for threads to end."""

import threading
import time


def wait_for_threads(count):
    """Fails when, after five seconds, more than `count` threads are running."""
    until = time.monotonic() + 5
    while threading.active_count() > count and time.monotonic() < until:
        time.sleep(0.01)
    assert threading.active_count() <= count, "a stage still runs"
