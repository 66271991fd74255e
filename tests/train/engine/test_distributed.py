"""Several processes, one training: two of them take the very steps of one that computes the same two half batches."""

import socket

import pytest
import torch
from helpers import tiny_training as tiny

from w2l.errors import W2LError

SETTINGS = {
    "expert": {"steps": 10, "clips": 4, "windows": 2},
    "generator": {"steps": 5, "batch": 4, "sync_steps": 5, "sync_batch": 2},
    "gan": {"steps": 10, "batch": 2},
}


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.mark.slow
@pytest.mark.skipif(not torch.distributed.is_gloo_available(), reason="this torch has no gloo")
@pytest.mark.parametrize("kind", SETTINGS)
def test_two_processes_are_one_with_two_half_batches(kind, tmp_path):
    settings = {**SETTINGS[kind], "evaluate_every": 5}
    port = free_port()
    ranks = [tiny.process(tiny.train_as_rank, rank, 2, port, kind, tmp_path / "two", settings) for rank in range(2)]
    alone = tiny.weights(tiny.train(kind, tmp_path / "one", {"accumulate": 2}, **settings))
    for rank in ranks:
        rank.join(240)
        assert rank.exitcode == 0
    first, second = (torch.load(tmp_path / "two" / f"rank{rank}.pt") for rank in range(2))
    for key, value in alone.items():
        assert torch.equal(first[key], second[key]), key
        torch.testing.assert_close(first[key], value, rtol=1e-5, atol=1e-5, msg=lambda text, key=key: f"{key}: {text}")
    numbers = [[row["step"] for row in tiny.read_log(tmp_path / name)] for name in ("one", "two")]
    assert numbers[0] == numbers[1]


def test_a_batch_that_cannot_be_shared_is_told(tmp_path):
    with pytest.raises(W2LError, match="cannot be split into 3 equal parts"):
        tiny.train("expert", tmp_path, {"accumulate": 3, "workers": 0})
