"""The benchmark: counted operations against arithmetic on paper, and a table of the bundled presenter."""

import json
import subprocess
import sys
from dataclasses import asdict

import pytest
import torch
from torch import nn

from w2l import models
from w2l.base import paths
from w2l.bench import end_to_end, memory, stages, step
from w2l.errors import W2LError


@pytest.mark.parametrize(
    ("model", "shape", "macs"),
    [
        (nn.Conv2d(3, 8, 3, stride=2, padding=1), (2, 3, 10, 10), 2 * 5 * 5 * 8 * 3 * 9),
        (nn.Conv2d(4, 8, 3, groups=4), (1, 4, 6, 6), 4 * 4 * 8 * 9),
        (nn.ConvTranspose2d(5, 7, 3, stride=2, padding=1, output_padding=1), (2, 5, 4, 4), 2 * 4 * 4 * 5 * 7 * 9),
        (nn.Linear(6, 11), (3, 6), 3 * 6 * 11),
        (nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2), nn.ReLU()), (1, 1, 5, 5), 25 * 2),
    ],
)
def test_operations_are_counted_as_on_paper(model, shape, macs):
    assert stages.count_macs(model.eval(), torch.zeros(shape)) == macs
    assert not any(module._forward_hooks for module in model.modules())


def test_published_generator_takes_4_billion_macs_a_frame():
    model = models.build("wav2lip").eval()
    macs = stages.count_macs(model, torch.zeros(1, 1, 80, 16), torch.zeros(1, 6, 96, 96))
    assert macs / 1e6 == pytest.approx(3967, abs=1)


def test_peak_is_that_of_a_processor():
    assert 0.1 < stages.matrix_peak(torch.float32, side=256) < 1e5


@pytest.fixture(scope="module")
def figures():
    if not (paths.data() / "weights" / "classroom_generator.safetensors").is_file():
        pytest.skip("the classroom weights are not there yet")
    return stages.measure()


@pytest.mark.slow
def test_table_and_json(figures):
    names = [stage.name for stage in figures.stages]
    generators = [*["generate, classroom"] * 2, *["generate, width 1"] * 2]
    assert names == ["decode", "detect", *generators, "paste", "encode"]
    assert all(stage.ms_per_frame > 0 for stage in figures.stages)
    table = stages.to_table(figures)
    assert all(name in table for name in names)
    assert "GFLOP/s" in table
    assert json.loads(json.dumps(asdict(figures)))["stages"][0]["name"] == "decode"


@pytest.mark.slow
def test_generate_draws_what_the_plain_module_draws(figures):
    """Batch norm folded, channels last, half precision: within 1/255 on average, as 8-bit rounding is."""
    assert all(difference <= 1 for difference in figures.difference.values())


@pytest.mark.slow
def test_a_dub_against_the_plain_way():
    found = end_to_end.measure(seconds=0.4)
    assert found.n_frames == 10
    assert found.speedup == pytest.approx(found.dub_fps / found.plain_fps)
    assert set(found.busy) == {"decode", "generate", "paste", "encode"}
    assert found.busy[found.slowest] == max(found.busy.values())
    assert found.overlap >= 0.99  # nothing takes less time than its slowest part
    assert found.slowest in end_to_end.to_table(found)


@pytest.mark.slow
def test_memory_of_a_dub():
    found = memory.measure(lengths=(0.2,))
    assert found.size == (1280, 720)
    assert 50 < found.peaks[0.2] < 8000
    assert "0.2 s" in memory.to_table(found)


ALONE = """
import subprocess, sys
held = b"1" * 400_000_000
ask = "from w2l.bench.memory import peak_memory; print(peak_memory())"
subprocess.run([sys.executable, "-c", ask], check=True)
"""


def test_memory_is_that_of_the_process_alone():
    """Not of the one that started it, as the system's resource usage has it."""
    told = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True, check=True).stdout
    assert 10 < float(told) < 300


def test_a_training_step_is_measured_against_the_plain_one(monkeypatch):
    monkeypatch.setattr(step, "_ROUNDS", 1)
    found = step.measure(device="cpu", width=0.08, windows=1)
    assert [row.way for row in found.rows] == ["plain", "ours, float32", "ours, mixed"] and found.rows[0].speedup == 1
    # both count the same work: forward, and twice that backward, but no gradients of the expert's weights
    assert len({round(row.tflops * row.ms, 6) for row in found.rows}) == 1
    assert "TFLOP/s" in step.to_table(found)
    with pytest.raises(W2LError, match="leave --clip out"):
        step.measure("clip.mp4")
