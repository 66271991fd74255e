"""A training step against the plain way of writing it."""

import pytest

from w2l.bench import step
from w2l.errors import W2LError


def test_a_training_step_is_measured_against_the_plain_one(monkeypatch):
    monkeypatch.setattr(step, "_ROUNDS", 1)
    found = step.measure(device="cpu", width=0.08, windows=1)
    assert [row.way for row in found.rows] == ["plain", "ours, float32", "ours, mixed"] and found.rows[0].speedup == 1
    # both count the same work: forward, and twice that backward, but no gradients of the expert's weights
    assert len({round(row.tflops * row.ms, 6) for row in found.rows}) == 1
    assert "TFLOP/s" in step.to_table(found)
    with pytest.raises(W2LError, match="leave --clip out"):
        step.measure("clip.mp4")
