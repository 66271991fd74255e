"""The fastest number format is measured once, remembered, and not changed by noise."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from w2l.models.fast import number_format
from w2l.models.fast.number_format import choose, fastest


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("W2L_CACHE", str(tmp_path))
    return tmp_path / "formats"


class Trials(dict):
    """Passes that take so many milliseconds of the processor; counts how often they are prepared."""

    def __init__(self, **milliseconds):
        super().__init__({name: lambda ms=ms: self._prepare(ms) for name, ms in milliseconds.items()})
        self.prepared = 0

    def _prepare(self, ms):
        self.prepared += 1

        def run():
            assert torch.get_num_threads() == 1
            until = time.thread_time() + ms / 1e3
            while time.thread_time() < until:
                pass

        return run


@pytest.mark.parametrize(
    ("seconds", "chosen"),
    [
        ({"float32": 1.0}, "float32"),
        ({"float32": 1.0, "bfloat16": 3.0}, "float32"),
        ({"float32": 1.0, "bfloat16": 0.96}, "float32"),  # by less than 5 %: perhaps noise
        ({"float32": 1.0, "bfloat16": 0.9}, "bfloat16"),
        ({"float32": 1.0, "bfloat16": 0.5, "int8": 0.4}, "int8"),
        ({"float32": 1.0, "bfloat16": 0.5, "int8": 0.9}, "bfloat16"),
    ],
)
def test_another_than_float32_must_be_clearly_faster(seconds, chosen):
    assert choose(seconds) == chosen


def test_the_fastest_is_measured_once_and_remembered(cache):
    before = torch.get_num_threads()
    trials = Trials(float32=4, bfloat16=1)
    assert fastest(trials, "width 1") == "bfloat16" and trials.prepared == 2
    assert fastest(Trials(float32=1, bfloat16=4), "width 1") == "bfloat16"  # by what is remembered
    assert fastest(Trials(float32=1, bfloat16=4), "width 0.25") == "float32"
    assert fastest(Trials(float32=1, int8=4), "width 1") == "float32"  # a processor with other instructions
    assert len(list(cache.iterdir())) == 3 and torch.get_num_threads() == before
    said = json.loads(sorted(cache.iterdir(), key=lambda path: path.stat().st_mtime_ns)[0].read_text())
    assert said["format"] == "bfloat16" and said["seconds"]["bfloat16"] < said["seconds"]["float32"]


def test_one_format_is_not_measured(cache):
    trials = Trials(float32=1)
    assert fastest(trials, "width 1") == "float32" and trials.prepared == 0 and not cache.exists()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b'{"for": 1}', b"null"])
def test_a_damaged_memory_is_measured_again(cache, content):
    fastest(Trials(float32=2, bfloat16=1), "width 1")
    (file,) = cache.iterdir()
    file.write_bytes(content)
    trials = Trials(float32=2, bfloat16=1)
    assert fastest(trials, "width 1") == "bfloat16" and trials.prepared == 2
    assert json.loads(file.read_text())["format"] == "bfloat16"


def test_a_format_that_is_not_offered_is_not_taken_from_the_memory(cache):
    fastest(Trials(float32=2, bfloat16=1), "width 1")
    (file,) = cache.iterdir()
    file.write_text(file.read_text().replace('"format": "bfloat16"', '"format": "int4"'))
    assert fastest(Trials(float32=1, bfloat16=2), "width 1") == "float32"


def test_a_cache_that_cannot_be_written_does_no_harm(cache):
    cache.parent.joinpath("formats").write_text("a file in the way")
    assert fastest(Trials(float32=2, bfloat16=1), "width 1") == "bfloat16"


def test_those_who_measure_at_once_agree(cache):
    many = [Trials(float32=1, bfloat16=3), Trials(float32=3, bfloat16=1)] * 3
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda trials: fastest(trials, "width 1"), many))
    (file,) = cache.iterdir()
    chosen = json.loads(file.read_text())["format"]
    assert {fastest(trials, "width 1") for trials in many} == {chosen}


def test_measuring_ends_where_passes_are_slow(cache, monkeypatch):
    monkeypatch.setattr(number_format, "_SECONDS", 0.0)
    calls = []
    trials = {name: lambda name=name: lambda: calls.append(name) for name in ("float32", "bfloat16")}
    fastest(trials, "width 1")
    assert calls == ["float32", "bfloat16"] * 2  # once to warm up, once for the clock
