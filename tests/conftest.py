"""What every test gets: no network, folders of its own, few threads, fixed seeds."""

from __future__ import annotations

import os
import random
import signal
import socket
import sys

# Before torch, numba or OpenBLAS start: they read these once. One thread: with two, small batches on a busy machine
# spend minutes waiting for each other.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")
os.environ["MPLBACKEND"] = "Agg"
# For the processes that tests start: whatever wants the network is sent to a closed port and fails at once.
for _variable in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
    os.environ[_variable] = "http://127.0.0.1:9"
os.environ["no_proxy"] = os.environ["NO_PROXY"] = "localhost,127.0.0.1"

import numpy as np
import pytest

# A shell that starts the tests in the background has told them, and what they start, to ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)

# the fixtures machine, screens, server, own_cache and offer
pytest_plugins = ["helpers.machines", "helpers.screens", "helpers.servers"]

_LOOPBACK = ("127.", "localhost", "::1")


def pytest_collection_modifyitems(items):
    """Slow tests first, so that at the end no process waits minutes for the last one of another."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


class NetworkUsed(AssertionError):
    """A test tried to reach another machine."""


@pytest.fixture(autouse=True, scope="session")
def no_network():
    """Connections and name look-ups beyond this machine raise."""
    connect, connect_ex, getaddrinfo = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def check(host: object) -> None:
        if host is not None and not str(host).startswith(_LOOPBACK):
            raise NetworkUsed(f"a test tried to reach {host!r}; tests run without network")

    def is_inet(sock: socket.socket) -> bool:
        return sock.family in (socket.AF_INET, socket.AF_INET6)

    def guarded_connect(self, address):
        if is_inet(self):
            check(address[0])
        return connect(self, address)

    def guarded_connect_ex(self, address):
        if is_inet(self):
            check(address[0])
        return connect_ex(self, address)

    def guarded_getaddrinfo(host, *args, **kwargs):
        check(host.decode() if isinstance(host, bytes) else host)
        return getaddrinfo(host, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
        patch.setattr(socket, "getaddrinfo", guarded_getaddrinfo)
        yield


@pytest.fixture(autouse=True)
def usual_scheduling():
    """FFmpeg's SVT-AV1, as root, makes the process real-time; a browser started later by it would starve all others."""
    yield
    if sys.platform == "linux" and os.sched_getscheduler(0) != os.SCHED_OTHER:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


@pytest.fixture(autouse=True, scope="session")
def own_folders(tmp_path_factory):
    """The kit's cache and results go to a folder that is thrown away, also in processes that tests start."""
    root = tmp_path_factory.mktemp("w2l")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("W2L_HOME", str(root / "home"))
        patch.setenv("W2L_CACHE", str(root / "cache"))
        patch.setenv("XDG_CONFIG_HOME", str(root / "config"))
        patch.delenv("W2L_WEIGHTS", raising=False)
        yield


@pytest.fixture(autouse=True)
def seeds():
    """Every test starts from the same random numbers, whichever tests ran before it."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - whatever uses numpy's old global generator
    if torch := sys.modules.get("torch"):
        torch.manual_seed(0)


@pytest.fixture(scope="session")
def generator(tmp_path_factory):
    """A tiny generator with random weights: what it draws is no mouth, but it draws."""
    import torch

    from w2l import models

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    models.save(models.build("wav2lip", 0.05), path, "wav2lip", 0.05, mel_shift=-1.0)
    return path


@pytest.fixture(scope="session")
def clip(tmp_path_factory):
    """20 frames at 25 fps, numbered by their grey."""
    from helpers.dubs import write_clip

    return write_clip(tmp_path_factory.mktemp("clips") / "clip.mp4")
