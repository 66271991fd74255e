"""Threads that work ahead, the stopwatch, and forked processes."""

import math
import multiprocessing
import subprocess
import sys
import time

import pytest
from helpers.threads import count_threads, wait_for_threads

from w2l.base import parallel
from w2l.base.parallel import Stopwatch, ahead, can_fork, forked
from w2l.errors import W2LError


class TestAhead:
    """The queue between two stages."""

    def test_order_and_bound(self):
        made = []

        def items():
            for i in range(50):
                made.append(i)
                yield i

        seen = []
        for i in ahead(items(), 3):
            seen.append(i)
            time.sleep(0.001)
            assert len(made) <= len(seen) + 3 + 1
        assert seen == list(range(50))

    def test_error_comes_in_its_turn(self):
        def items():
            yield 1
            raise KeyError("two")

        stage = ahead(items(), 5)
        assert next(stage) == 1
        with pytest.raises(KeyError, match="two"):
            next(stage)

    def test_closing_ends_the_thread_and_closes_what_it_reads(self):
        closed, threads = [], count_threads()

        def items():
            try:
                while True:
                    yield 0
            finally:
                closed.append(True)

        stage = ahead(items(), 2)
        next(stage)
        stage.close()
        assert closed == [True]
        wait_for_threads(threads)

    def test_stopwatch(self):
        clock = Stopwatch()
        assert list(clock.each("count", range(3))) == [0, 1, 2]
        with clock.time("sleep"):
            time.sleep(0.02)
        assert clock.seconds["sleep"] >= 0.02
        assert 0 < clock.seconds["count"] < 0.02


@pytest.mark.skipif(not can_fork(), reason="processes are forked on Linux only")
def test_forked_processes_have_ended_when_an_error_arrives():
    def make(number: int) -> int:
        if number == 0:
            raise W2LError("there is none.")
        time.sleep(0.2)
        return number

    with pytest.raises(W2LError, match="there is none"):
        list(forked(make, [0, 1, 2, 3], 2))
    assert not multiprocessing.active_children()


def _groups(folder, line, **limits):
    """A /proc/self/cgroup with that line, and control groups with these limits (file -> content)."""
    for name, content in limits.items():
        path = folder / "cgroup" / name.replace("__", "/").replace("cpu_max", "cpu.max")
        path = path.with_name(path.name.replace("cfs_", "cpu.cfs_"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    (folder / "self").write_text(line)
    return folder / "self", folder / "cgroup"


@pytest.mark.parametrize(
    ("line", "limits", "granted"),
    [
        ("0::/\n", {"cpu_max": "150000 100000\n"}, 1.5),  # version 2, in a container
        ("0::/\n", {"cpu_max": "max 100000\n"}, math.inf),
        ("0::/\n", {}, math.inf),
        ("0::/a/b\n", {"a__cpu_max": "200000 100000\n", "a__b__cpu_max": "max 100000\n"}, 2),  # nested
        ("0::/a/b\n", {"a__cpu_max": "400000 100000\n", "a__b__cpu_max": "50000 100000\n"}, 0.5),
        ("0::/../x\n", {"cpu_max": "300000 100000\n"}, 3),  # seen from inside another group
        (
            "3:cpu,cpuacct:/docker/1\n2:memory:/docker/1\n0::/\n",
            {"cpu,cpuacct__cfs_quota_us": "250000\n", "cpu,cpuacct__cfs_period_us": "100000\n"},
            2.5,
        ),  # version 1, whose group is not seen from inside
        ("3:cpu:/a\n", {"cpu__a__cfs_quota_us": "-1\n", "cpu__a__cfs_period_us": "100000\n"}, math.inf),
        ("3:cpu:/a\n", {"cpu__a__cfs_quota_us": "20000\n", "cpu__a__cfs_period_us": "0\n"}, math.inf),
        ("4:cpuset:/\n", {"cpu_max": "100000 100000\n"}, math.inf),
        ("nonsense\n", {"cpu_max": "100000 100000\n"}, math.inf),
    ],
)
def test_a_quota_of_control_groups(tmp_path, line, limits, granted):
    assert parallel.quota(*_groups(tmp_path, line, **limits)) == granted


@pytest.mark.parametrize(("granted", "expected"), [(0.2, 1), (1.0, 1), (1.5, 2), (2.5, 3), (math.inf, 8), (64.0, 8)])
def test_cores_are_those_of_the_quota_rounded_up(monkeypatch, granted, expected):
    monkeypatch.setattr(parallel.os, "cpu_count", lambda: 8)
    monkeypatch.setattr(parallel.os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(parallel, "quota", lambda: granted)
    monkeypatch.delenv("LOCAL_WORLD_SIZE", raising=False)
    assert parallel.cores() == expected


def test_threads_are_limited_by_a_quota_only(monkeypatch):
    monkeypatch.setattr(parallel.os, "cpu_count", lambda: 8)
    monkeypatch.setattr(parallel.os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(parallel.os, "environ", {"MKL_NUM_THREADS": "5"})
    monkeypatch.setattr(parallel, "quota", lambda: math.inf)
    parallel.limit_threads()
    assert parallel.os.environ == {"MKL_NUM_THREADS": "5"}
    monkeypatch.setattr(parallel, "quota", lambda: 1.5)
    parallel.limit_threads()
    assert parallel.os.environ["OMP_NUM_THREADS"] == "2" and parallel.os.environ["MKL_NUM_THREADS"] == "5"


_TERMINATED = """
import os, signal, sys, time
from pathlib import Path
from w2l.base.files import atomic
from w2l.base.parallel import forked

def interrupt(signum, frame):
    raise KeyboardInterrupt

def make(number):
    with atomic(Path(sys.argv[1]) / f"{number}.txt") as temporary:
        time.sleep(0.05)
        temporary.write_text("whole")
    return number

signal.signal(signal.SIGTERM, interrupt)
for _ in range(4):
    try:
        for number in forked(make, range(200), 3):
            if number == 5:
                os.killpg(0, signal.SIGTERM)
    except KeyboardInterrupt:
        print("interrupted")
"""


@pytest.mark.skipif(not can_fork(), reason="forks")
def test_a_signal_to_all_processes_ends_them_without_a_word(tmp_path):
    command = [sys.executable, "-W", "ignore", "-c", _TERMINATED, tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, start_new_session=True, timeout=120)
    assert (done.returncode, done.stdout.split(), done.stderr) == (0, ["interrupted"] * 4, "")
    assert not list(tmp_path.glob(".*"))
