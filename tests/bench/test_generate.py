"""The generator beside other engines: what is installed is measured, in turns, and what is not is named."""

import sys

import pytest

from w2l import models
from w2l.bench import generate as bench
from w2l.models.fast import generate as fast


@pytest.fixture
def narrow(monkeypatch):
    """Two tiny generators in the place of the real ones, and a still face."""
    build = models.build
    monkeypatch.setattr(models, "build", lambda name, *_: build(name, 0.05))
    loaded = models.load
    monkeypatch.setattr(models, "load", lambda path, *more: bench_model(build) if path == "classroom" else loaded(path))
    monkeypatch.setattr(bench, "FRAMES", 2)
    monkeypatch.setattr(fast, "cpu_has_bfloat16", lambda: False)
    monkeypatch.setattr(fast, "_has_int8", lambda: False)


def bench_model(build):
    model = build("wav2lip", 0.05).eval()
    model.meta = {"network": "wav2lip", "width": 0.05}
    return model


def test_engines_give_the_same_pictures(narrow):
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    found = bench.measure(rounds=2)
    names = [row.name for row in found.engines]
    assert names[:3] == ["plain PyTorch", "w2l, float32", f"onnxruntime {runtime.__version__}"]
    assert [row.generator for row in found.engines[:: len(names) // 2]] == ["width 1", "classroom"]
    assert all(row.difference < 0.1 and 0 < row.best <= row.median for row in found.engines)
    assert "milliseconds a frame" in bench.to_table(found)


def test_missing_packages_are_named(narrow, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    found = bench.measure(rounds=1)
    assert [row.name for row in found.engines] == ["plain PyTorch", "w2l, float32"] * 2
    assert bench.to_table(found).endswith("not installed: onnx and onnxruntime")
