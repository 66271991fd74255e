"""The generator: its losses, its gate, and its steps against the plain way of writing them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers import tiny_training as tiny

from w2l import models
from w2l.bench.step import plain_step
from w2l.train.engine.loader import batches


def test_the_published_weights_of_losses_leave_the_rest_to_the_pixels():
    """wt * sync + (1 - wt) * L1, at the last step's numbers."""
    it = tiny.make("generator", steps=0, sync_ramp=1, sync_weight=0.3, mouth_weight=0.0, convex=True)
    it.sync_on_since = 0
    batch = next(iter(batches(it, 0)))[0]
    loss, numbers = it.loss(*it.generate(batch), batch["window"], 1)
    assert loss.item() == pytest.approx(0.3 * numbers["sync"].item() + 0.7 * numbers["l1"].item(), rel=1e-5)


def test_fifty_steps_follow_the_plain_trainer():
    """Channels-last, folded batch norm, fused Adam and one copy less: the losses stay within 2% of the plain ones.

    Bits differ from the first step on, and Adam divides by the size of gradients, tiny ones too, so weights drift apart
    as two roundings do; what the trainer is judged by does not.
    """
    steps = 50
    it = tiny.make("generator", steps=0, sync_steps=steps, sync_ramp=1, sync_learning_rate=1e-3, augment=False)
    grey = [replace(one, frames=one.frames // 2 + np.uint8(10)) for one in it.data.train]
    it.data = replace(it.data, train=grey)  # in pure noise there is nothing to learn
    it.sync_on_since = 0
    torch.manual_seed(0)
    network, judging = models.build("wav2lip", tiny.WIDTH), tiny.judge()
    assert torch.equal(network.output_block[1].weight, it.network.output_block[1].weight)
    optimizer = torch.optim.Adam(network.parameters(), foreach=False)
    before, after = [], []
    for number, parts in enumerate(batches(it, 0)):
        optimizer.param_groups[0]["lr"] = it.learning_rate(number)
        before.append(plain_step(network, judging, parts[0], optimizer, it.config).item())
        numbers = it.train_step(parts, number)
        c = it.config
        after.append(float(numbers["l1"] + c.mouth_weight * numbers["mouth_l1"] + c.sync_weight * numbers["sync"]))
    assert before[-1] < 0.9 * before[0]
    np.testing.assert_allclose(after, before, rtol=0.02)


def test_the_gate_opens_shuts_and_says_so():
    it = tiny.make("generator", sync_gate=0.75)
    assert "not on yet because its held-out value 1.20" in it.observe(2, {"held_out_sync": 1.2})[0]
    assert "is on from here" in it.observe(3, {"held_out_sync": 0.6})[0] and it.sync_on_since == 3
    assert it.observe(4, {"held_out_sync": 0.6}) == []
    assert "off again" in it.observe(4, {"held_out_sync": 0.8})[0] and it.sync_on_since == -1
    published = tiny.make("generator", sync_gate=0.75, gate_shuts=False)
    published.observe(3, {"held_out_sync": 0.6})
    assert published.observe(4, {"held_out_sync": 0.8}) == [] and published.sync_on_since == 3


def test_generator_turns_the_sync_loss_on_behind_its_gate(tmp_path, monkeypatch):
    monkeypatch.setattr("w2l.train.engine.loop._LOG_EVERY", 1)

    def weights(gate):
        tiny.train("generator", tmp_path / str(gate), sync_gate=gate, sync_steps=3)
        rows = [row for row in tiny.read_log(tmp_path / str(gate)) if row["step"] != "0"]
        return [float(row["sync_weight"]) for row in rows]

    assert weights(9.0) == pytest.approx([0, 0, 0.01, 0.02, 0.02])  # ramped over two steps
    assert weights(0.0) == [0, 0, 0, 0, 0]


def test_expert_stays_frozen_unless_asked_for(tmp_path):
    for moves in (False, True):
        it = tiny.make("generator", tiny.options(tmp_path / str(moves)), expert_trained=moves)
        before = {key: value.clone() for key, value in it.judge.network.named_parameters()}
        statistics = {key: value.clone() for key, value in it.judge.network.named_buffers()}
        tiny.loop.fit(it)
        assert not it.judge.network.training
        after = dict(it.judge.network.named_parameters())
        assert any(not torch.equal(after[key], value) for key, value in before.items()) == moves
        assert all(torch.equal(dict(it.judge.network.named_buffers())[key], value) for key, value in statistics.items())


@pytest.mark.parametrize("kept", [True, False])
def test_batch_norm_keeps_its_statistics_beside_a_discriminator_if_asked_to(kept):
    it = tiny.make("gan", steps=1, ahead=0, frozen_norm=kept)
    norms = [m for m in it.network.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    before = [norm.running_mean.clone() for norm in norms]
    it.train_step(next(iter(batches(it, 0))), 0)
    assert all(torch.equal(norm.running_mean, one) for norm, one in zip(norms, before, strict=True)) == kept


@pytest.mark.parametrize("kept", [True, False])
def test_batch_norm_keeps_its_statistics_in_phase_two_alone_and_if_asked_to(kept):
    it = tiny.make("generator", steps=1, sync_steps=1, frozen_norm=kept)

    def means():
        return [m.running_mean.clone() for m in it.network.modules() if isinstance(m, torch.nn.BatchNorm2d)]

    before = means()
    for step, parts in enumerate(batches(it, 0)):
        it.train_step(parts, step)
        after = means()
        same = all(torch.equal(one, other) for one, other in zip(before, after, strict=True))
        assert same == (kept and step == 1)
        before = after
    assert step == 1
