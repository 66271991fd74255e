"""The number format in which this processor draws fastest: measured once, and remembered in the cache."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import torch

from w2l.base import files, paths
from w2l.base.device import processor
from w2l.base.version import __version__
from w2l.errors import W2LError

EXACT = "float32"  # what the others must beat clearly, so that noise does not change a dub's pixels
_CLEARLY = 0.95  # of the time of float32
_ROUNDS = 4
_SECONDS = 0.25  # after which no round begins

Trials = Mapping[str, Callable[[], Callable[[], object]]]


def fastest(trials: Trials, about: object) -> str:
    """The name of the fastest trial; ``float32``, which must be one, unless another is faster by more than 5 %.

    trials: name -> what prepares one pass and returns it. They run on one thread, in turns, and the processor time of
    the best pass counts, so that other work on the machine hardly matters. about: what the speed depends on beside
    processor, torch and kit, such as the network's width; anything with a fixed text. The choice is kept in the cache:
    the next call with the same trials measures nothing. Of processes that measure at once, the later take the first's.
    """
    if len(trials) == 1:
        return EXACT
    known = [processor(), torch.__version__, __version__, str(about), *sorted(trials)]
    path = paths.cache() / "formats" / f"{hashlib.sha256(json.dumps(known).encode()).hexdigest()[:16]}.json"
    if (remembered := _read(path, known, trials)) is not None:
        return remembered
    threads = torch.get_num_threads()
    with ThreadPoolExecutor(1, initializer=torch.set_num_threads, initargs=(1,)) as one:
        seconds = one.submit(_measure, trials).result()
    torch.set_num_threads(threads)  # otherwise later threads would start with that one's setting
    chosen = choose(seconds)
    if (meanwhile := _read(path, known, trials)) is not None:
        return meanwhile
    with suppress(W2LError, OSError):  # a cache that cannot be written only costs the time of measuring again
        files.write_text(path, json.dumps({"for": known, "format": chosen, "seconds": seconds}))
    return chosen


def choose(seconds: Mapping[str, float]) -> str:
    """The format to take, from the time of a pass in each."""
    best = min(seconds, key=seconds.__getitem__)
    return best if seconds[best] < _CLEARLY * seconds[EXACT] else EXACT


def _measure(trials: Trials) -> dict[str, float]:
    """The best processor time of each trial, in seconds."""
    passes = {name: prepare() for name, prepare in trials.items()}
    for run in passes.values():
        run()  # lays out the weights
    best = dict.fromkeys(passes, float("inf"))
    began = time.perf_counter()
    for _ in range(_ROUNDS):
        for name, run in passes.items():
            start = time.thread_time()
            run()
            best[name] = min(best[name], time.thread_time() - start)
        if time.perf_counter() - began > _SECONDS:
            break
    return best


def _read(path: Path, known: list[str], trials: Trials) -> str | None:
    """What was chosen for this; None if nothing was, or the file is damaged."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        content = json.loads(path.read_text(encoding="utf8"))
        if content["for"] == known and content["format"] in trials:
            return str(content["format"])
    return None
