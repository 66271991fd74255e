"""What numba compiles is kept in a temporary folder where neither beside the code nor at home can be written."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def with_cache(make: Callable[[], T]) -> T:
    """make(), which has numba cache compiled functions, wherever this program runs.

    numba keeps them beside the code or in the user's cache, and refuses where neither can be written; they are then
    kept in a temporary folder until the process ends.
    """
    try:
        return make()
    except RuntimeError as error:
        if "cannot cache" not in str(error):
            raise
        import numba

        folder = tempfile.mkdtemp(prefix="w2l-numba-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        # the variable is for processes started from here
        numba.config.CACHE_DIR = os.environ["NUMBA_CACHE_DIR"] = folder  # type: ignore[attr-defined]
        return make()
