"""Standard error, where libraries of C write what users need not read."""

from __future__ import annotations

import os
import threading
from contextlib import suppress


class QuietStderr:
    """Keeps messages of libjpeg and libpng about broken files off the terminal; they bypass Python and OpenCV.

    All threads share one standard error: the first to enter takes it away, and the last to leave puts it back.
    """

    def __init__(self) -> None:
        self._lock, self._inside, self._kept = threading.Lock(), 0, -1

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                with suppress(OSError):  # a program without a console has no standard error
                    self._kept = os.dup(2)
                    with open(os.devnull, "wb") as nowhere:
                        os.dup2(nowhere.fileno(), 2)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0 and self._kept != -1:
                os.dup2(self._kept, 2)
                os.close(self._kept)
                self._kept = -1


QUIET = QuietStderr()
"""The one for all threads: `with QUIET: ...`."""
