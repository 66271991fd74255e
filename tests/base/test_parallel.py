"""Threads that work ahead, the stopwatch, and forked processes."""

import multiprocessing
import time

import pytest
from helpers.threads import count_threads, wait_for_threads

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
