"""Nothing is lost: killed trainings end with the same bits, and only whole checkpoints are taken for such."""

import json
import resource
import shutil
import signal
import time

import numpy as np
import pytest
import torch
from helpers import tiny_training as tiny

from w2l.errors import W2LError
from w2l.train.engine import checkpoints


def same(a, b):
    assert a.keys() == b.keys()
    for key in a:
        assert torch.equal(a[key], b[key]), key


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["expert", "generator", "gan"])
def test_killed_at_random_moments_ends_with_the_same_bits(kind, tmp_path):
    steps = {"steps": 5, "sync_steps": 7} if kind == "generator" else {"steps": 12}
    settings = {"ema": 0.5, "evaluate_every": 5, **steps}
    whole = tiny.weights(tiny.train(kind, tmp_path / "whole", **settings))
    folder, rng, kills = tmp_path / "killed", np.random.default_rng(7), 0
    most = 3 if kind == "gan" else 2  # that one has the most to remember
    while not (folder / "end.pt").exists():
        process = tiny.process(tiny.train_apart, kind, folder, {}, settings)
        if kills < most:  # somewhere in the two or three steps after the first new checkpoint
            before = tiny.saved_step(folder)
            while process.is_alive() and tiny.saved_step(folder) == before:
                time.sleep(0.002)
            process.join(float(rng.uniform(0, 0.15)))
            process.kill()
            kills += 1
        process.join()
        assert process.exitcode in (0, -signal.SIGKILL)
    same(torch.load(folder / "end.pt"), whole)
    assert kills == most and not list(folder.rglob(".step*"))


def test_a_torn_checkpoint_never_shadows_the_last_good_one(tmp_path, capsys):
    whole = tiny.weights(tiny.train("expert", tmp_path / "whole"))
    tiny.train("expert", tmp_path / "torn")
    good, torn = tmp_path / "torn" / "checkpoints", tmp_path / "torn" / "checkpoints" / "step_000000006.pt"
    content = torn.read_bytes()
    torn.write_bytes(content[: len(content) // 2])
    (good / ".step_000000007.abc.part.pt").write_bytes(content[:1000])  # as a kill in the middle of a write leaves it
    same(tiny.weights(tiny.train("expert", tmp_path / "torn")), whole)
    assert "step_000000006.pt is damaged" in capsys.readouterr().out
    assert not list(good.glob(".*"))


def test_a_single_wrong_bit_is_noticed(tmp_path, capsys):
    tiny.train("expert", tmp_path)
    path = tmp_path / "checkpoints" / "step_000000006.pt"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert checkpoints.Checkpoints(tmp_path, 3).latest()["step"] == 5
    for file in path.parent.glob("*.pt"):
        file.write_bytes(b"nothing")
    with pytest.raises(W2LError, match="none of the 4 checkpoints"):
        checkpoints.Checkpoints(tmp_path, 3).latest()


def test_checkpoints_of_another_version_are_named_as_such(tmp_path):
    told = []
    written = checkpoints.Checkpoints(tmp_path, 3, tell=told.append)
    written.save({"step": 4}, 4)
    path = tmp_path / "checkpoints" / "step_000000004.pt"
    torch.save(torch.load(path, weights_only=True) | {"format": checkpoints.FORMAT - 1}, path)
    with pytest.raises(W2LError, match=r"another version of the kit\. Choose another --out folder"):
        written.latest()
    assert "written by another version" in told[0]


def test_a_full_disk_stops_with_the_last_checkpoint_whole(tmp_path):
    """The limit on a file's size does what a full disk does: the write fails in the middle."""
    it = tiny.make("expert", tiny.options(tmp_path), steps=8)
    plain, limits = it.train_step, resource.getrlimit(resource.RLIMIT_FSIZE)

    def train_step(parts, step):
        if step == 4:
            size = (tmp_path / "checkpoints" / "step_000000004.pt").stat().st_size
            resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, limits[1]))
        return plain(parts, step)

    it.train_step = train_step
    try:
        with pytest.raises(W2LError, match=r"step 5 cannot be saved .*the checkpoint of step 4 is intact: make room"):
            tiny.loop.fit(it)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert checkpoints.Checkpoints(tmp_path, 3).latest()["step"] == 4
    assert not list(tmp_path.rglob(".*"))
    same(
        tiny.weights(tiny.train("expert", tmp_path, steps=8)),
        tiny.weights(tiny.train("expert", tmp_path / "b", steps=8)),
    )


def test_the_last_few_and_the_best_stay(tmp_path):
    tiny.train("expert", tmp_path, {"keep": 2})
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == [
        "best.pt",
        "step_000000005.pt",
        "step_000000006.pt",
    ]
    best = torch.load(tmp_path / "checkpoints" / "best.pt", weights_only=True)
    looks = {int(row["step"]): row["held_out_accuracy"] for row in tiny.read_log(tmp_path) if row["held_out_accuracy"]}
    assert best["step"] == max(looks, key=lambda step: (float(looks[step]), -step))
    with pytest.raises(W2LError, match="keep at least 1"):
        checkpoints.Checkpoints(tmp_path, 0)


def test_other_settings_are_not_resumed(tmp_path):
    tiny.train("expert", tmp_path)
    with pytest.raises(W2LError, match=r"other settings \(steps 6, now 9\)"):
        tiny.train("expert", tmp_path, steps=9)
    with pytest.raises(W2LError, match="holds a training of expert"):
        tiny.train("gan", tmp_path)


@pytest.mark.parametrize("kind", ["expert", "meter", "hearing"])
def test_a_copy_elsewhere_is_resumed(kind, tmp_path, capsys):
    """As on a machine that forgets its disk and has a drive mounted."""
    here, there = tmp_path / "here", tmp_path / "there"
    whole = tiny.weights(tiny.train(kind, tmp_path / "whole"))
    it = tiny.make(kind, tiny.options(here, copy_to=there))
    plain = it.train_step

    def train_step(parts, step):
        if step == 4:
            raise RuntimeError("the machine is taken away")
        return plain(parts, step)

    it.train_step = train_step
    with pytest.raises(RuntimeError, match="taken away"):
        tiny.loop.fit(it)
    assert tiny.saved_step(there) == 4
    shutil.rmtree(here)
    same(tiny.weights(tiny.train(kind, here, {"copy_to": there})), whole)
    assert "resuming from the copies in" in capsys.readouterr().out
    assert tiny.saved_step(there) == 6 and (there / "log.csv").read_bytes() == (here / "log.csv").read_bytes()


def test_a_copy_that_fails_does_not_stop_the_training(tmp_path, capsys):
    (tmp_path / "file").write_text("no folder")
    tiny.train("expert", tmp_path / "run", {"copy_to": tmp_path / "file" / "copy"})
    assert tiny.saved_step(tmp_path / "run") == 6
    assert "training continues in" in capsys.readouterr().out


def test_a_checkpoint_from_before_a_setting_existed_is_resumed(tmp_path, capsys):
    """A run that knew no `widen` was begun with what is now its default, and with no other value."""
    tiny.train("expert", tmp_path)
    for path in (tmp_path / "checkpoints").glob("*.pt"):
        saved = torch.load(path, weights_only=True)
        config = json.loads(saved["config"])
        del config["widen"]
        torch.save(saved | {"config": json.dumps(config)}, path)
    with pytest.raises(W2LError, match=r"other settings \(widen 0.0, now 0.5\)"):
        tiny.train("expert", tmp_path, widen=0.5)
    capsys.readouterr()
    tiny.train("expert", tmp_path)
    assert "resumes from step 6 of 6" in capsys.readouterr().out
