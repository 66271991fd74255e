"""Training: losses against plain arithmetic, settings, what is said and logged, and stopping without losing work."""

import math
import os
import signal
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from helpers import tiny_training as tiny

from w2l import models
from w2l.bench.step import plain_step
from w2l.errors import W2LError
from w2l.train import data, expert, gan, judge, losses, presets
from w2l.train.engine import sanity, step, task
from w2l.train.engine.loader import Draws, batches
from w2l.train.engine.precision import Precision
from w2l.train.engine.task import Run


def test_pair_scores_are_cosines_of_all_pairs():
    audio, faces = (torch.nn.functional.normalize(torch.rand(6, 5), dim=1) for _ in range(2))
    same, other = losses.pair_scores(audio, faces, windows=3)
    expected_same = [float(faces[i] @ audio[i]) for i in range(6)]
    expected_other = [float(faces[c + i] @ audio[c + j]) for c in (0, 3) for i in range(3) for j in range(3) if i != j]
    np.testing.assert_allclose(same.numpy(), expected_same, rtol=1e-5)
    np.testing.assert_allclose(other.numpy(), expected_other, rtol=1e-5)


def test_contrastive_is_lipgans_loss_on_distances():
    rng = np.random.default_rng(1)
    a, b = (np.abs(rng.normal(size=(6, 8))) for _ in range(2))
    a, b = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (a, b))
    distance = np.linalg.norm(a - b, axis=1)
    cosine = torch.from_numpy((a * b).sum(1)).float()
    assert losses.contrastive(cosine, 1.0).item() == pytest.approx((distance**2).mean(), rel=1e-5)
    off = np.maximum(0, 1 - distance) ** 2
    assert off.any() and losses.contrastive(cosine, 0.0).item() == pytest.approx(off.mean(), rel=1e-5)
    same = torch.ones(3, requires_grad=True)  # embeddings that are equal: the root has no slope there
    losses.contrastive(same, 0.0).backward()
    assert torch.isfinite(same.grad).all()


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


def test_gradient_energy_counts_steps_of_the_lower_half():
    face = torch.zeros(1, 3, 96, 96)
    face[..., :48, ::2] = 1
    assert losses.gradient_energy(face) == 0
    face[..., 48:, 50:] = 0.5
    assert losses.gradient_energy(face).item() == pytest.approx(0.25 / 95)


def test_pull_is_the_ratio_of_gradients():
    picture = torch.rand(2, 3, requires_grad=True)
    assert losses.pull(6 * picture.sum(), 2 * picture.sum(), picture).item() == pytest.approx(3)


def test_schedules():
    rates = [task.cosine(step, 200, 1.0, warmup=20) for step in range(200)]
    assert rates[0] == pytest.approx(0.05) and max(rates) == pytest.approx(1.0) and rates.index(max(rates)) in (19, 20)
    assert np.all(np.diff(rates[20:]) <= 0) and rates[-1] < 0.05
    assert task.scheduled("constant", 7, 10, 0.3) == 0.3
    with pytest.raises(W2LError, match="choose cosine or constant"):
        task.scheduled("linear", 0, 1, 1.0)


@pytest.mark.parametrize("frames", [1, 3, 5])
def test_the_judge_sees_what_the_sampler_cuts(frames):
    """A judge with folded batch norm gives the plain expert's cosines, of windows of 1, 3 or 5 frames."""
    network, clip = tiny.judge(frames), tiny.clips(1)[0]
    it = judge.Judge(network, tiny.CPU, Precision("off", tiny.CPU))
    scores = it.scores(judge.to_faces(clip.frames[:12], tiny.CPU), clip.mel)
    first = (5 - frames) // 2
    cut = np.stack([expert_window(clip, start + first, frames) for start in range(8)])
    from w2l.audio import mel_windows

    with torch.no_grad():
        sound, mouths = network(torch.from_numpy(mel_windows(clip.mel, 25, 8, shift=0))[:, None], torch.from_numpy(cut))
    np.testing.assert_allclose(scores, (mouths @ sound.T).numpy(), atol=1e-5)


def expert_window(clip, start, frames):
    from w2l.data.windows import lower_halves

    return lower_halves(clip.frames[start : start + frames])


# ---------------------------------------------------------------- settings


def test_the_paper_preset_is_what_was_published():
    """The figures of reference 2.1 and 2.8."""
    e, g, a = (presets.preset(name, "paper") for name in ("expert", "generator", "gan"))
    assert all(one.width == 1 and one.schedule == "constant" and one.clip == 0 and not one.augment for one in (e, g, a))
    assert (e.pairs, e.clips, e.learning_rate, e.frames, e.evaluate_every) == ("one", 64, 1e-4, 5, 10_000)
    assert (g.steps, g.sync_batch, g.sync_learning_rate, g.beta1, g.evaluate_every) == (0, 16, 1e-4, 0.9, 3000)
    assert (g.sync_weight, g.sync_gate, g.sync_ramp, g.mouth_weight, g.convex) == (0.01, 0.75, 1, 0, True)
    assert (a.batch, a.learning_rate, a.disc_learning_rate, a.beta1, a.evaluate_every) == (16, 1e-4, 1e-4, 0.5, 3000)
    assert (a.sync_weight, a.sync_gate, a.disc_weight, a.disc_width, a.ahead, a.disc_ramp) == (
        0.03,
        0.75,
        0.07,
        1,
        0,
        1,
    )
    assert not g.gate_shuts and not a.gate_shuts
    with pytest.raises(W2LError, match="no preset 'fast'"):
        presets.preset("gan", "fast")
    with pytest.raises(W2LError, match="no preset 'paper' for meter"):
        presets.preset("meter", "paper")


def test_the_published_weights_of_losses_leave_the_rest_to_the_pixels():
    """wt * sync + (1 - wt) * L1, at the last step's numbers."""
    it = tiny.make("generator", steps=0, sync_ramp=1, sync_weight=0.3, mouth_weight=0.0, convex=True)
    it.sync_on_since = 0
    batch = next(iter(batches(it, Run(tiny.Path("unused")), 0)))[0]
    loss, numbers = it.loss("generator", batch, 1)
    assert loss.item() == pytest.approx(0.3 * numbers["sync"].item() + 0.7 * numbers["l1"].item(), rel=1e-5)


@pytest.mark.parametrize("pairs", ["all", "one"])
def test_expert_overfits_one_batch(pairs):
    it = tiny.make("expert", pairs=pairs, clips=2 if pairs == "all" else 6)
    check = sanity.overfits(it)
    assert check.holds, check


def test_weights_can_be_started_from_and_set_the_width(tmp_path, monkeypatch):
    """`start` takes a weight file or a checkpoint of ours; the file remembers where it came from."""
    monkeypatch.setattr(data, "corpus", lambda *_, **__: tiny.clips())
    models.save(tiny.judge(), tmp_path / "mine.safetensors", "syncnet", tiny.WIDTH)
    config = replace(expert.ExpertConfig(**tiny.SMALL["expert"]), steps=1, learning_rate=0.0, width=0.5)
    run = Run(tmp_path / "run", progress=False, sanity=False)
    made = expert.train_expert(config, run, start=str(tmp_path / "mine.safetensors"))
    again = models.load(made)
    assert again.meta["start"] == "mine.safetensors" and again.meta["training"]["width"] == tiny.WIDTH
    for key, value in models.load(tmp_path / "mine.safetensors").named_parameters():
        assert torch.equal(value, again.get_parameter(key)), key
    checkpoint = tmp_path / "run" / "checkpoints" / "best.pt"
    assert data.load(str(checkpoint), "syncnet").width == pytest.approx(tiny.WIDTH, rel=0.01)  # read off its shapes


def test_clips_that_are_too_short_are_left_out(monkeypatch, capsys):
    short = tiny.clips(1, frames=6)[0]
    monkeypatch.setattr(data, "corpus", lambda *_, **__: [short, *tiny.clips()])
    found = data.open_data(None, 4, 4, starts=5)
    assert len(found.train) == len(list(found.train)) == 3 and len(found.train[:2]) == 2
    assert "1 of the 4 training clips" in capsys.readouterr().out
    monkeypatch.setattr(data, "corpus", lambda *_, **__: [short])
    with pytest.raises(W2LError, match="none of the 1 training clips"):
        data.open_data(None, 1, 1, starts=5)


# ---------------------------------------------------------------- speed


@pytest.mark.filterwarnings("ignore:This DataLoader will create")  # more than this machine has cores
def test_batches_do_not_depend_on_who_draws_them():
    it = tiny.make("generator")
    alone = list(batches(it, Run(tiny.Path("unused"), workers=0), 1))
    threads = cv2.getNumThreads()
    cv2.setNumThreads(4)
    cv2.GaussianBlur(np.zeros((2000, 2000), np.uint8), (9, 9), 2)  # OpenCV has threads now, which no child inherits
    shared = list(batches(it, Run(tiny.Path("unused"), workers=2), 1))
    assert cv2.getNumThreads() == 4
    cv2.setNumThreads(threads)
    assert len(alone) == len(shared) == 5
    for (one,), (other,) in zip(alone, shared, strict=True):
        for name, value in one.items():
            assert torch.equal(value, other[name]), name


def test_a_batch_in_parts_is_the_same_samples_for_any_number_of_processes(monkeypatch):
    it = tiny.make("expert", clips=4)
    whole = Draws(it, accumulate=4).draw(3)
    monkeypatch.setattr("w2l.train.engine.distributed.world", lambda: 2)
    monkeypatch.setattr("w2l.train.engine.distributed.rank", lambda: 1)
    second = Draws(it, accumulate=2).draw(3)
    for a, b in zip(whole[2:], second, strict=True):
        np.testing.assert_array_equal(a["faces"], b["faces"])
    with pytest.raises(W2LError, match="cannot be split into 3 equal parts"):
        it.draw(np.random.default_rng(0), 0, 3)


def test_fifty_steps_follow_the_plain_trainer():
    """Channels-last, folded batch norm, fused Adam and one copy less: the losses stay within 2% of the plain ones.

    Bits differ from the first step on, and Adam divides by the size of gradients, tiny ones too, so weights drift apart
    as two roundings do; what the trainer is judged by does not.
    """
    steps = 50
    it = tiny.make("generator", steps=0, sync_steps=steps, sync_ramp=1, sync_learning_rate=1e-3)
    it.sync_on_since = 0
    torch.manual_seed(0)
    network, judging = models.build("wav2lip", tiny.WIDTH), tiny.judge()
    assert torch.equal(network.output_block[1].weight, it.network.output_block[1].weight)
    optimiser = torch.optim.Adam(network.parameters(), foreach=False)
    ours = step.Descent(it, Run(tiny.Path("unused")))
    before = []
    after = []
    for number, parts in enumerate(batches(it, Run(tiny.Path("unused")), 0)):
        optimiser.param_groups[0]["lr"] = it.players["generator"].rate(number)
        before.append(plain_step(network, judging, parts[0], optimiser, it.settings).item())
        numbers = ours.step(parts, number)
        s = it.settings
        after.append(float(numbers["l1"] + s.mouth_weight * numbers["mouth_l1"] + s.sync_weight * numbers["sync"]))
    assert before[-1] < 0.9 * before[0]
    np.testing.assert_allclose(after, before, rtol=0.02)


def test_averaged_weights_lag_behind_and_are_what_is_left(tmp_path):
    plain, averaged = (tiny.train("expert", tmp_path / str(ema), ema=ema) for ema in (0.0, 0.9))
    state = torch.load(tmp_path / "0.9" / "checkpoints" / "step_000000006.pt", weights_only=True)
    for name, value in plain.network.named_parameters():
        assert torch.equal(value, state["state_dict"][name]), name  # averaging changes nothing of the training
    moved = [torch.equal(a, b) for a, b in zip(plain.network.parameters(), averaged.network.parameters(), strict=True)]
    assert not any(moved)


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


def test_precision_is_chosen_by_name():
    assert Precision("off", tiny.CPU).dtype is None
    half = Precision("bf16", tiny.CPU)
    out = half(torch.nn.Linear(4, 4), torch.ones(1, 4))
    assert out.dtype == torch.float32 and torch.equal(out, out.bfloat16().float()) and not half.scaled
    with pytest.raises(W2LError, match="fp16 does not train on a processor"):
        Precision("fp16", tiny.CPU)
    with pytest.raises(W2LError, match="no precision 'int4'"):
        Precision("int4", tiny.CPU)


# ---------------------------------------------------------------- sanity, log, advice


def test_sanity_leaves_everything_as_it_was():
    it = tiny.make("gan")
    before = {name: value.clone() for name, value in tiny.weights(it).items()}
    state = torch.get_rng_state()
    found = sanity.checks(it)
    assert {"overfit", "expert"} <= {check.name for check in found}
    assert torch.equal(state, torch.get_rng_state())
    for name, value in tiny.weights(it).items():
        assert torch.equal(value, before[name]), name


def test_sanity_notices_what_is_wrong():
    """Talker clips are in sync; with the sound three frames late, or another speaker's, they are not."""
    from w2l.talker import make_clip

    clips = [tiny.Clip(c.frames, c.mel, c.truth) for c in (make_clip("train", k, seconds=1.8) for k in range(4))]
    shuffled = [replace(clip, mel=clips[k - 1].mel) for k, clip in enumerate(clips)]
    late = [replace(clip, mel=np.roll(clip.mel, 10, axis=1)) for clip in clips]
    it = judge.Judge(models.load("classroom_expert"), tiny.CPU, Precision("off", tiny.CPU))

    def verdicts(data):
        return {check.name: check for check in sanity.judged(it, data)}

    good, mixed, delayed = (verdicts(data) for data in (clips, shuffled, late))
    assert good["expert"].holds and good["in sync"].holds
    assert mixed["expert"].holds is False and str(mixed["expert"]).startswith("sanity: NOT OK")
    assert delayed["in sync"].holds is False and "+3 frames" in delayed["in sync"].said


def test_sanity_notices_a_network_that_cannot_learn(monkeypatch):
    monkeypatch.setattr(sanity, "_SECONDS", 600.0)  # however busy the machine is
    it = tiny.make("expert")
    plain = it.loss
    monkeypatch.setattr(it, "loss", lambda *arguments: (plain(*arguments)[0].detach().requires_grad_(), {}))
    assert sanity.overfits(it).holds is False


def test_the_log_has_the_numbers_that_mean_something(tmp_path):
    wanted = {
        "expert": {"loss", "accuracy", "held_out_accuracy", "held_out_offset_exact"},
        "generator": {"l1", "mouth_l1", "sync", "sync_weight", "sync_gradient_ratio", "held_out_sync",
                      "held_out_confidence", "held_out_opening_r", "held_out_sharpness"},
        "meter": {"loss", "held_out_opening_r"},
    }  # fmt: skip
    for kind, names in wanted.items():
        settings = {"steps": 0, "sync_steps": 4} if kind == "generator" else {}
        tiny.train(kind, tmp_path / kind, **settings)
        rows = tiny.read_log(tmp_path / kind)
        seen = {name for row in rows for name, value in row.items() if value}
        assert names <= seen, names - seen
        assert [row["step"] for row in rows][-1] == "4" if kind == "generator" else "6"
    sheets = [path.name for path in (tmp_path / "generator" / "sheets").iterdir()]
    assert "step_000000004.png" in sheets


def test_the_gate_opens_shuts_and_says_so():
    it = tiny.make("generator", sync_gate=0.75)
    assert "not on yet because its held-out value 1.20" in it.observe(2, {"held_out_sync": 1.2})[0]
    assert "is on from here" in it.observe(3, {"held_out_sync": 0.6})[0] and it.sync_on_since == 3
    assert it.observe(4, {"held_out_sync": 0.6}) == []
    assert "off again" in it.observe(4, {"held_out_sync": 0.8})[0] and it.sync_on_since == -1
    published = tiny.make("generator", sync_gate=0.75, gate_shuts=False)
    published.observe(3, {"held_out_sync": 0.6})
    assert published.observe(4, {"held_out_sync": 0.8}) == [] and published.sync_on_since == 3


def test_a_loss_at_chance_is_explained():
    it = tiny.make("expert")
    assert "0.69 is chance: normal until about step 300" in it.observe(100, {"held_out_loss": 0.69})[0]
    assert "now look at whether" in it.observe(400, {"held_out_loss": 0.69})[0]
    assert it.observe(400, {"held_out_loss": 0.5}) == []


def test_generator_turns_the_sync_loss_on_behind_its_gate(tmp_path, monkeypatch):
    monkeypatch.setattr("w2l.train.engine.loop._LOG_EVERY", 1)

    def weights(gate):
        tiny.train("generator", tmp_path / str(gate), sync_gate=gate, sync_steps=3)
        rows = [row for row in tiny.read_log(tmp_path / str(gate)) if row["step"] != "0"]
        return [float(row["sync_weight"]) for row in rows]

    assert weights(9.0) == pytest.approx([0, 0, 0.01, 0.02, 0.02])  # ramped over two steps
    assert weights(0.0) == [0, 0, 0, 0, 0]


def test_expert_stays_frozen_unless_asked_for(tmp_path):
    frozen, trained = tiny.make("generator"), tiny.make("generator", expert_trained=True)
    for it, moves in ((frozen, False), (trained, True)):
        before = {key: value.clone() for key, value in it.judge.network.named_parameters()}
        statistics = {key: value.clone() for key, value in it.judge.network.named_buffers()}
        task_run = Run(tmp_path / str(moves), progress=False, sanity=False)
        tiny.loop.run(it, task_run)
        assert not it.judge.network.training
        after = dict(it.judge.network.named_parameters())
        assert any(not torch.equal(after[key], value) for key, value in before.items()) == moves
        assert all(torch.equal(dict(it.judge.network.named_buffers())[key], value) for key, value in statistics.items())


def test_ctrl_c_ends_the_step_saves_and_the_next_run_goes_on(tmp_path, capsys):
    it = tiny.make("gan", steps=200)
    plain = it.loss

    def loss(player, batch, step):
        if step == 3 and player == "generator":
            os.kill(os.getpid(), signal.SIGINT)
        return plain(player, batch, step)

    it.loss = loss
    with pytest.raises(KeyboardInterrupt):
        tiny.loop.run(it, Run(tmp_path, progress=False, sanity=False, save_every=1000))
    assert "stopped at step 4 of 200; give the same command again to go on" in capsys.readouterr().out
    assert tiny.saved_step(tmp_path) == 4
    assert not list(tmp_path.rglob(".*"))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_loss_that_is_no_number_stops_with_advice(tmp_path):
    it = tiny.make("expert")
    it.loss = lambda *_: (torch.tensor(float("nan"), requires_grad=True), {"loss": torch.tensor(float("nan"))})
    with pytest.raises(W2LError, match="lower the learning rate"):
        tiny.loop.run(it, Run(tmp_path, progress=False, sanity=False))
    assert tiny.saved_step(tmp_path) == 0


def test_a_fresh_discriminator_sees_the_picture():
    torch.manual_seed(0)
    faces = torch.rand(8, 3, 48, 96)

    def spread(disc):
        return torch.nn.Sequential(*disc.face_encoder_blocks, disc.binary_pred[0])(faces).std().item()

    with torch.no_grad():
        assert spread(gan.fresh_disc(0.25)) > 0.05 > 20 * spread(models.build("quality_disc", 0.25))
