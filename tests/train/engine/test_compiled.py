"""torch.compile, and machines where it fails."""

import pytest
import torch
from helpers import tiny_training as tiny


class _NoWayBack(torch.autograd.Function):
    """A compiled network whose forward pass works and whose backward pass does not, as seen on a GPU."""

    @staticmethod
    def forward(ctx, value):
        return value.clone()

    @staticmethod
    def backward(ctx, gradient):
        raise AssertionError("no compiler\nat all")


@pytest.mark.parametrize("stage", ["forward", "backward"])
def test_a_compiler_that_fails_is_told_and_left(tmp_path, monkeypatch, capsys, stage):
    def broken(network):
        def call(*inputs):
            if stage == "forward":
                raise RuntimeError("no compiler\nat all")
            return tuple(_NoWayBack.apply(part) for part in network(*inputs))

        return call

    plain = tiny.train("expert", tmp_path / "plain")
    monkeypatch.setattr(torch, "compile", broken)
    compiled = tiny.train("expert", tmp_path / "compiled", {"compile": True})
    assert "torch.compile does not work here (no compiler)" in capsys.readouterr().err
    for name, value in tiny.weights(plain).items():
        assert torch.equal(value, tiny.weights(compiled)[name]), name
