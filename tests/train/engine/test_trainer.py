"""What all trainings share: averaged weights."""

import torch
from helpers import tiny_training as tiny


def test_averaged_weights_lag_behind_and_are_what_is_left(tmp_path):
    plain, averaged = (tiny.train("expert", tmp_path / str(ema), ema=ema) for ema in (0.0, 0.9))
    state = torch.load(tmp_path / "0.9" / "checkpoints" / "step_000000006.pt", weights_only=True)
    for name, value in plain.network.named_parameters():
        assert torch.equal(value, state["state_dict"][name]), name  # averaging changes nothing of the training
    moved = [torch.equal(a, b) for a, b in zip(plain.network.parameters(), averaged.network.parameters(), strict=True)]
    assert not any(moved)
