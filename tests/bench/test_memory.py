"""Memory of a dub, and of one process alone."""

import subprocess
import sys

import pytest

from w2l.bench import memory


@pytest.mark.slow
def test_memory_of_a_dub():
    found = memory.measure(lengths=(0.2,))
    assert found.size == (1280, 720)
    assert 50 < found.peaks[0.2] < 8000
    assert "0.2 s" in memory.to_table(found)


ALONE = """
import subprocess, sys
held = b"1" * 400_000_000
ask = "from w2l.bench.memory import peak_memory; print(peak_memory())"
subprocess.run([sys.executable, "-c", ask], check=True)
"""


def test_memory_is_that_of_the_process_alone():
    """Not of the one that started it, as the system's resource usage has it."""
    told = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True, check=True).stdout
    assert 10 < float(told) < 300
