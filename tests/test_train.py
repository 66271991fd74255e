"""Training: losses against plain arithmetic, resuming to the same bits, and stopping without losing work."""

import csv
import math
import os
import signal

import numpy as np
import pytest
import torch

from w2l import models
from w2l.dataset import Clip
from w2l.errors import W2LError
from w2l.train import expert, generator, loop, losses, meter

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def clips():
    rng = np.random.default_rng(0)
    return [
        Clip(
            rng.integers(0, 256, (20, 96, 96, 3), dtype=np.uint8),
            rng.uniform(-4, 4, (80, 65)).astype(np.float32),
            rng.uniform(0, 30, (20, 3)).astype(np.float32),
        )
        for _ in range(3)
    ]


@pytest.fixture(scope="module")
def expert_file(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("expert") / "expert.safetensors"
    models.save(models.build("syncnet", 0.125), path, "syncnet", 0.125)
    return str(path)


def expert_task(clips, **settings):
    config = expert.ExpertConfig(**{"width": 0.125, "steps": 6, "clips": 2, "windows": 3, **settings})
    return expert.ExpertTask(config, clips, clips, CPU)


def generator_task(clips, expert_file, **settings):
    small = {"width": 0.125, "steps": 2, "batch": 2, "sync_steps": 3, "sync_batch": 1, "sync_gate": 9.0, "sync_ramp": 2}
    config = generator.GeneratorConfig(**{**small, **settings})
    return generator.GeneratorTask(config, clips, clips[:1], CPU, models.load(expert_file))


def read_log(folder):
    with open(folder / "log.csv", newline="") as file:
        return list(csv.DictReader(file))


def test_pair_scores_are_cosines_of_all_pairs():
    torch.manual_seed(0)
    audio, faces = (torch.nn.functional.normalize(torch.rand(6, 5), dim=1) for _ in range(2))
    same, other = losses.pair_scores(audio, faces, windows=3)
    expected_same = [float(faces[i] @ audio[i]) for i in range(6)]
    expected_other = [float(faces[c + i] @ audio[c + j]) for c in (0, 3) for i in range(3) for j in range(3) if i != j]
    np.testing.assert_allclose(same.numpy(), expected_same, rtol=1e-5)
    np.testing.assert_allclose(other.numpy(), expected_other, rtol=1e-5)


def test_sync_bce_is_cross_entropy_and_bounded_at_the_ends():
    cosine = torch.tensor([0.2, 0.9])
    expected = -(math.log(0.2) + math.log(0.9)) / 2
    assert losses.sync_bce(cosine, 1.0).item() == pytest.approx(expected, rel=1e-5)
    assert torch.isfinite(losses.sync_bce(torch.tensor([0.0, 1.0 + 1e-6]), 0.0))


def test_mouth_l1_looks_at_the_mouth_only():
    a, b = torch.zeros(1, 3, 96, 96), torch.zeros(1, 3, 96, 96)
    b[..., :50, :] = 1
    assert losses.mouth_l1(a, b) == 0
    b[..., 70, 48] = 1
    assert losses.mouth_l1(a, b) > 0


def test_cosine_rises_then_falls():
    rates = [loop.cosine(step, 200, 1.0, warmup=20) for step in range(200)]
    assert rates[0] == pytest.approx(0.05) and max(rates) == pytest.approx(1.0) and rates.index(max(rates)) in (19, 20)
    assert np.all(np.diff(rates[20:]) <= 0) and rates[-1] < 0.05


def test_expert_overfits_one_batch(clips):
    task = expert_task(clips, steps=25, windows=2)
    batch_seed = np.random.default_rng(1)
    optimiser = torch.optim.Adam(task.network.parameters(), lr=2e-3)
    state = batch_seed.bit_generator.state
    values = []
    for _ in range(25):
        batch_seed.bit_generator.state = state
        loss, _ = task.loss(batch_seed, 0)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        values.append(loss.item())
    assert values[-1] < 0.6 * values[0]


@pytest.mark.parametrize("kind", ["expert", "generator", "meter"])
def test_resumed_training_ends_in_the_same_bits(tmp_path, clips, expert_file, kind):
    def make():
        if kind == "expert":
            return expert_task(clips, steps=5)
        if kind == "generator":
            return generator_task(clips, expert_file)
        return meter.MeterTask(meter.MeterConfig(steps=5, batch=4), clips, clips, CPU)

    whole = loop.run(make(), tmp_path / "whole", evaluate_every=2, save_every=3, progress=False)
    stopped = make()
    stopped.steps = 3  # the schedule still knows the whole length
    loop.run(stopped, tmp_path / "parts", evaluate_every=2, save_every=3, progress=False)
    again = loop.run(make(), tmp_path / "parts", evaluate_every=2, save_every=3, progress=False)
    for (name, a), b in zip(whole.state_dict().items(), again.state_dict().values(), strict=True):
        assert torch.equal(a, b), name
    steps = [[row["step"] for row in read_log(tmp_path / part)] for part in ("whole", "parts")]
    assert steps[0] == steps[1] == ["1", "2", "3", "4", "5"]


def test_generator_turns_the_sync_loss_on_behind_its_gate(tmp_path, clips, expert_file):
    def weights(gate):
        loop.run(
            generator_task(clips, expert_file, sync_gate=gate), tmp_path / str(gate), evaluate_every=10, progress=False
        )
        return [float(row["sync_weight"]) for row in read_log(tmp_path / str(gate))]

    assert weights(9.0) == pytest.approx([0, 0, 0.01, 0.02, 0.02])  # ramped over two steps
    assert weights(0.0) == [0, 0, 0, 0, 0]


def test_expert_stays_frozen_while_the_generator_learns(tmp_path, clips, expert_file):
    task = generator_task(clips, expert_file)
    before = {key: value.clone() for key, value in task.expert.state_dict().items()}
    loop.run(task, tmp_path, progress=False)
    assert not task.expert.training
    for key, value in task.expert.state_dict().items():
        assert torch.equal(value, before[key]), key


def test_ctrl_c_saves_and_the_next_run_goes_on(tmp_path, clips, capsys):
    task = expert_task(clips, steps=200)
    plain_loss = task.loss

    def loss(rng, step):
        if step == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return plain_loss(rng, step)

    task.loss = loss
    with pytest.raises(KeyboardInterrupt):
        loop.run(task, tmp_path, save_every=1000, progress=True)
    assert "run the same command again" in capsys.readouterr().out
    saved = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert saved["step"] == 3
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_wrong_or_damaged_checkpoints_are_refused(tmp_path, clips):
    loop.run(expert_task(clips, steps=1), tmp_path, progress=False)
    with pytest.raises(W2LError, match="other settings"):
        loop.run(expert_task(clips, steps=1, learning_rate=0.5), tmp_path, progress=False)
    (tmp_path / "checkpoint.pt").write_bytes(b"half a file")
    with pytest.raises(W2LError, match="not a checkpoint"):
        loop.run(expert_task(clips, steps=1), tmp_path, progress=False)


def test_a_loss_that_is_no_number_stops_with_advice(tmp_path, clips):
    task = expert_task(clips, learning_rate=1.0)
    task.loss = lambda rng, step: (torch.tensor(float("nan"), requires_grad=True), {})
    with pytest.raises(W2LError, match="lower the learning rate"):
        loop.run(task, tmp_path, progress=False)
