"""Networks written as ONNX compute what the kit computes, also where there is no torch."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from helpers.golden_weights import GAINS, fill
from helpers.places import ROOT
from torch import nn
from torch.nn import functional

from w2l import models
from w2l.base import paths
from w2l.base.version import __version__
from w2l.errors import W2LError
from w2l.models import export as module
from w2l.models.blocks import Network
from w2l.models.export import export, signature
from w2l.models.fast.generate import Generate
from w2l.models.onnx_network import session_of

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

WIDTH = 0.05


def narrow(network: str, **options: int) -> Network:
    model = fill(models.build(network, WIDTH, **options), GAINS[network])
    model.meta = {"network": network, "width": WIDTH, "mel_shift": -1.0, **options}
    return model


def inputs_of(model: Network, rows: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(rows)
    return {
        name: rng.uniform(-4 if name == "mel" else 0, 4 if name == "mel" else 1, (rows, *shape)).astype(np.float32)
        for name, shape in signature(model)[0].items()
    }


@torch.inference_mode()
def plain(model: Network, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
    results = model(*map(torch.from_numpy, inputs.values()))
    return [one.numpy() for one in (results if isinstance(results, tuple) else (results,))]


@pytest.mark.parametrize(
    ("network", "options"),
    [("wav2lip", {}), ("wav2lip", {"size": 192}), ("syncnet", {"frames": 5}), ("syncnet", {"frames": 1})],
)
@pytest.mark.parametrize(("half", "tolerance"), [(False, 1e-4), (True, 1e-2)])
def test_results_are_those_of_the_kit_for_any_number_of_rows(network, options, half, tolerance, tmp_path):
    model = narrow(network, **options)
    apart = export(model, tmp_path / "a.onnx", half)
    assert 0 < apart < tolerance
    session = session_of(tmp_path / "a.onnx")
    for rows in (1, 5):
        inputs = inputs_of(model, rows)
        for found, wanted in zip(session.run(None, inputs), plain(model, inputs), strict=True):
            assert found.shape == wanted.shape and found.dtype == np.float32
            assert np.abs(found - wanted).max() < tolerance


def test_half_is_half_as_large_and_computes_in_float16(tmp_path):
    import onnx

    export(narrow("wav2lip"), tmp_path / "whole.onnx")
    export(narrow("wav2lip"), tmp_path / "half.onnx", half=True)
    assert (tmp_path / "half.onnx").stat().st_size < 0.6 * (tmp_path / "whole.onnx").stat().st_size
    kinds = {one.data_type for one in onnx.load(tmp_path / "half.onnx").graph.initializer}
    assert kinds == {onnx.TensorProto.FLOAT16}


def test_metadata_and_names(tmp_path):
    import onnx

    model = narrow("wav2lip")
    model.meta["training"] = {"steps": 3}
    export(model, tmp_path / "a.onnx", licence="MIT, ours", data_card="docs/here.md")
    written = onnx.load(tmp_path / "a.onnx")
    assert {one.key: one.value for one in written.metadata_props} == {
        "network": "wav2lip", "width": "0.05", "size": "96", "mel_shift": "-1.0", "format": "float32",
        "version": __version__, "training": '{"steps": 3}', "licence": "MIT, ours", "data_card": "docs/here.md",
    }  # fmt: skip
    ends = (written.graph.input, written.graph.output)
    shapes = [
        {one.name: [d.dim_param or d.dim_value for d in one.type.tensor_type.shape.dim] for one in e} for e in ends
    ]
    assert shapes == [
        {"mel": ["batch", 1, 80, 16], "face": ["batch", 6, 96, 96]},
        {"drawn": ["batch", 3, 96, 96]},
    ]
    assert written.opset_import[0].version == 17 and written.ir_version == 8


def test_nothing_is_left_where_the_results_differ(tmp_path, monkeypatch):
    wrong = {**module._OPERATIONS, torch.sigmoid: module._OPERATIONS[torch.relu]}
    monkeypatch.setattr(module, "_OPERATIONS", wrong)
    (tmp_path / "a.onnx").write_text("earlier")
    with pytest.raises(W2LError, match=r"a\.onnx was not written: onnxruntime's results differ"):
        export(narrow("wav2lip"), tmp_path / "a.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["a.onnx"]
    assert (tmp_path / "a.onnx").read_text() == "earlier"


def test_weights_that_float16_cannot_hold_are_told(tmp_path):
    model = narrow("wav2lip")
    with torch.no_grad():
        model.face_encoder_blocks[0][0].conv_block[1].weight.mul_(1e8)
    with pytest.raises(W2LError, match="leave --half out"), np.errstate(all="ignore"):
        export(model, tmp_path / "a.onnx", half=True)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("network", ["quality_disc", "mouth_meter"])
def test_other_networks_are_refused(network, tmp_path):
    model = models.build(network).eval()
    model.meta = {"network": network}
    with pytest.raises(W2LError, match=f"{network} is not exported; give a generator or a lip-sync expert"):
        export(model, tmp_path / "a.onnx")


def test_an_operation_that_is_not_known_is_named(tmp_path):
    model = narrow("wav2lip")
    model.output_block.append(nn.Hardtanh())
    with pytest.raises(W2LError, match="a network that uses hardtanh cannot be exported"):
        export(model, tmp_path / "a.onnx")


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
def test_missing_packages_are_named(package, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(W2LError, match=rf"package {package}; run pip install 'w2l\[export\]'"):
        export(narrow("wav2lip"), tmp_path / "a.onnx")
    assert not list(tmp_path.iterdir())


class Upon(Network):
    """A network of one operation, between a generator's input and output."""

    def __init__(self, operation):
        super().__init__()
        self.operation = operation
        self.meta = {"network": "wav2lip", "width": 1.0}

    def forward(self, mel: torch.Tensor, face: torch.Tensor) -> torch.Tensor:
        return self.operation(face)


@pytest.mark.parametrize(
    "operation",
    [
        lambda x: functional.avg_pool2d(x, 2),
        lambda x: functional.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False),
        lambda x: functional.interpolate(x, scale_factor=2, mode="nearest"),
        lambda x: functional.pixel_shuffle(torch.cat((x, x), 1), 2),
        lambda x: functional.pixel_unshuffle(x, 2),
        lambda x: torch.cat((x[:, :, : x.shape[2] // 3], x[:, :, -10:] + x[:, :, :10]), dim=2),
        lambda x: functional.normalize(x.flatten(1), dim=1),
    ],
)
def test_each_operation_is_that_of_torch(operation, tmp_path):
    export(Upon(operation), tmp_path / "a.onnx")  # compares; raises where they differ


def examples() -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "export.md").read_text(encoding="utf8"), re.DOTALL)


def test_the_example_runs_without_torch(tmp_path, monkeypatch):
    model = narrow("wav2lip")
    export(model, tmp_path / "classroom.onnx")
    samples = paths.data() / "samples"
    shutil.copy(samples / "presenter.mp4", tmp_path / "me.mp4")
    shutil.copy(samples / "speech.wav", tmp_path / "speech.wav")
    made, drawn = examples()
    assert len(drawn.strip().replace("\n\n", "\n").splitlines()) == 10
    monkeypatch.chdir(tmp_path)
    exec(made.replace("max_frames=50", "max_frames=3"), {})
    without = "import sys\nsys.modules['torch'] = sys.modules['w2l'] = None\n"
    done = subprocess.run([sys.executable, "-c", without + drawn], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    faces, windows, speaking = (np.load(tmp_path / f"{name}.npy") for name in ("faces", "windows", "speaking"))
    wanted = Generate(model, device="cpu", dtype="float32")(faces, windows)
    assert speaking.shape == (3, 96, 96, 3) and np.abs(speaking.astype(int) - wanted).max() <= 1
