"""A learner's step against plain PyTorch."""

import copy

import torch
from helpers import tiny_training as tiny

from w2l.train.engine.learner import Learner, frozen
from w2l.train.engine.precision import Precision


def network():
    torch.manual_seed(0)
    return torch.nn.Conv2d(3, 4, 3)


def test_a_step_is_that_of_plain_pytorch_whole_or_in_parts():
    batch, plain = torch.rand(4, 3, 8, 8), network()
    optimizer = torch.optim.Adam(plain.parameters(), lr=0.1)
    plain(batch).square().mean().backward()
    torch.nn.utils.clip_grad_norm_(plain.parameters(), 0.01)
    optimizer.step()
    for count in (1, 2):
        learner = Learner(network(), lambda step: 0.1, Precision("off", tiny.CPU), parts=count)
        learner.zero_grad()
        for part in batch.chunk(count):
            learner.backward(learner(part).square().mean())
        learner.step(0, clip=0.01)
        torch.testing.assert_close(learner.network.weight, plain.weight)


def test_a_step_without_gradients_moves_nothing():
    learner = Learner(network(), lambda step: 0.1, Precision("off", tiny.CPU))
    before = copy.deepcopy(learner.network.state_dict())
    learner.zero_grad()
    learner.step(0, clip=1.0)
    assert all(torch.equal(value, before[key]) for key, value in learner.network.state_dict().items())


def test_a_frozen_network_passes_gradients_on_and_keeps_none():
    judge, picture = network(), torch.rand(1, 3, 8, 8, requires_grad=True)
    judge.bias.requires_grad_(False)
    with frozen(judge):
        loss = judge(picture).sum()
    loss.backward()
    assert picture.grad is not None and judge.weight.grad is None
    assert judge.weight.requires_grad and not judge.bias.requires_grad
