import threading

import pytest

from w2l.app.turns import Turns


class Gone(Exception):
    """Somebody leaves the queue."""


def never(before):
    raise AssertionError("nobody is before")


def test_one_at_a_time_in_order_and_who_waits_may_leave():
    turns, order, waiting = Turns(), [], [threading.Event() for _ in range(2)]
    leave = threading.Event()

    def wait(number):
        def told(before):
            waiting[number].set()
            order.append(f"{number} waits for {before}") if f"{number} waits for {before}" not in order else None
            if number == 0 and leave.is_set():
                raise Gone

        try:
            with turns.turn(told):
                order.append(f"{number} works")
        except Gone:
            order.append(f"{number} leaves")

    threads = [threading.Thread(target=wait, args=(number,)) for number in range(2)]
    with turns.turn(never):
        for number, thread in enumerate(threads):
            thread.start()
            assert waiting[number].wait(10)
        assert len(turns) == 3
        leave.set()
        threads[0].join(10)
        assert "0 leaves" in order and "0 works" not in order
    threads[1].join(10)
    assert [said for said in order if "waits" not in said] == ["0 leaves", "1 works"]
    assert "1 waits for 2" in order
    assert len(turns) == 0


def test_an_error_gives_the_turn_on():
    turns = Turns()
    with pytest.raises(Gone), turns.turn(never):
        raise Gone
    with turns.turn(never):
        assert len(turns) == 1
