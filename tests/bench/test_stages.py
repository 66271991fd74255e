"""The stages of a dub: counted operations against arithmetic on paper, and a table of the bundled presenter."""

import json
from dataclasses import asdict

import pytest
import torch
from torch import nn

from w2l import models
from w2l.base import paths
from w2l.bench import stages


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
    with pytest.MonkeyPatch.context() as patch:  # once and small: the figures mean little, but they are all there
        for name, value in (("BATCH", 4), ("_REPEATS", 1), ("_PEAK_REPEATS", 2)):
            patch.setattr(stages, name, value)
        yield stages.measure()


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
