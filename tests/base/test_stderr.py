"""Standard error is quiet for a while, and then as it was."""

import os
import threading

from w2l.base.stderr import QUIET


def _standard_error():
    found = os.fstat(2)
    return found.st_dev, found.st_ino, found.st_rdev


def test_threads_that_overlap_leave_standard_error_as_it_was():
    before, seen = _standard_error(), {}
    inside, leave = [[threading.Event() for _ in range(2)] for _ in range(2)]

    def work(number):
        with QUIET:
            seen[number] = _standard_error()
            inside[number].set()
            assert leave[number].wait(30)

    threads = [threading.Thread(target=work, args=[number]) for number in range(2)]
    for thread, event in zip(threads, inside, strict=True):
        thread.start()
        assert event.wait(30)
    for thread, event in zip(threads, leave, strict=True):  # the first to begin is the first to end
        event.set()
        thread.join()
    assert _standard_error() == before
    assert seen[0] == seen[1] != before


def test_a_program_without_standard_error_can_be_quiet_too(monkeypatch):
    def none(number):
        raise OSError(9, "Bad file descriptor")

    monkeypatch.setattr(os, "dup", none)
    before = _standard_error()
    with QUIET:
        assert _standard_error() == before
    assert _standard_error() == before
