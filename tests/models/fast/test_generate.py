"""The fast path gives what the plain networks give."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from helpers.golden_weights import GAINS, fill
from helpers.places import ROOT
from torch import nn

from w2l import models
from w2l.errors import W2LError
from w2l.models.blocks import ConvBlock, TransposeBlock
from w2l.models.fast import generate as module
from w2l.models.fast import kernels, number_format
from w2l.models.fast.generate import Generate, fold_batch_norm

WIDTH = 0.5  # wide enough for every kernel
FRAMES = 5


@pytest.fixture(scope="module")
def model() -> nn.Module:
    return fill(models.build("wav2lip", WIDTH), GAINS["wav2lip"])


@pytest.fixture(scope="module")
def frames() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Crops, mel windows and references."""
    rng = np.random.default_rng(5)
    crops, references = rng.integers(0, 256, (2, FRAMES, 96, 96, 3), dtype=np.uint8)
    return crops, rng.uniform(-4, 4, (FRAMES, 80, 16)).astype(np.float32), references


@torch.inference_mode()
def plain(model: nn.Module, crops: np.ndarray, mels: np.ndarray, references: np.ndarray) -> np.ndarray:
    """The published arithmetic, unrounded, values in [0, 255]."""
    masked = crops.copy()
    masked[:, 48:] = 0
    face = np.concatenate((masked, references), axis=3) / np.float32(255)
    out = model(torch.from_numpy(mels[:, None]), torch.from_numpy(face).permute(0, 3, 1, 2).contiguous())
    return out.permute(0, 2, 3, 1).numpy() * 255


@pytest.mark.parametrize("name", ["wav2lip", "syncnet", "syncnet_v2"])
@torch.inference_mode()
def test_folding_keeps_the_numbers(name: str) -> None:
    model = fill(models.build(name, 1.0 if name == "syncnet_v2" else 0.25), 1.0)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    folded = fold_batch_norm(model)
    assert not any(isinstance(layer, module._NORMS) for layer in folded.modules())
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    inputs = {
        "wav2lip": (torch.randn(2, 1, 80, 16), torch.rand(2, 6, 96, 96)),
        "syncnet": (torch.randn(2, 1, 80, 16), torch.rand(2, 15, 48, 96)),
        "syncnet_v2": (torch.rand(2, 3, 5, 224, 224), torch.randn(2, 1, 13, 20)),
    }[name]
    for out, wanted in zip(folded(*inputs), model(*inputs), strict=True):
        assert torch.allclose(out, wanted, atol=1e-4 * wanted.abs().max().item())


@pytest.mark.parametrize("threads", [1, 2])
def test_generate_equals_the_plain_network(
    model: nn.Module, frames: tuple[np.ndarray, np.ndarray, np.ndarray], threads: int
) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        out = Generate(model, device="cpu", dtype="float32")(*frames)
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert out.dtype == np.uint8
    assert np.abs(out - plain(model, *frames)).max() <= 0.51  # rounded to the nearest, not cut off


def test_reference_is_the_crop_itself_by_default(
    model: nn.Module, frames: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> None:
    generate = Generate(model, device="cpu", dtype="float32")
    crops, mels, _ = frames
    assert np.array_equal(generate(crops, mels), generate(crops, mels, crops))


def test_without_fused_kernels_the_numbers_stay(
    model: nn.Module, frames: tuple[np.ndarray, np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_has_fused_ops", lambda _: False)
    generate = Generate(model, device="cpu", dtype="float32")
    assert not any(isinstance(module, kernels.FusedBlock) for module in generate.model.modules())
    assert np.abs(generate(*frames) - plain(model, *frames)).max() <= 0.51


def test_bfloat16_stays_within_one_step(model: nn.Module, frames: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    out = Generate(model, device="cpu", dtype="bfloat16")(*frames)
    assert np.abs(out - plain(model, *frames)).mean() < 1


def test_width_and_batch_of_one_and_none(frames: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    model = fill(models.build("wav2lip", 0.1), GAINS["wav2lip"])
    generate = Generate(model, device="cpu", dtype="float32")
    crops, mels, references = (array[:1] for array in frames)
    assert np.abs(generate(crops, mels, references) - plain(model, crops, mels, references)).max() <= 0.51
    assert generate(crops[:0], mels[:0]).shape == (0, 96, 96, 3)


@pytest.mark.parametrize(
    ("kind", "block", "side"),
    [
        ("winograd", ConvBlock(128, 128, 3, 1, 1, residual=True), 48),
        ("winograd", ConvBlock(128, 128, 3, 1, 1, residual=True), 12),
        ("winograd", ConvBlock(128, 128, 3, 1, 1, residual=True), 6),
        ("winograd", ConvBlock(128, 128, 3, 1, 1, residual=True), 3),
        ("narrow", ConvBlock(6, 4, 7, 1, 3), 24),
        ("direct", ConvBlock(6, 4, 7, 1, 3), 22),
        ("direct", ConvBlock(64, 64, 3, 1, 1, residual=True), 24),
        ("direct", ConvBlock(128, 64, 3, 2, 1), 24),
        ("product", TransposeBlock(64, 32, 3), 1),
        ("product", TransposeBlock(64, 32, 3, 2, 1, 1), 6),
        ("transpose", TransposeBlock(64, 32, 3, 2, 1, 1), 12),
    ],
)
@torch.inference_mode()
def test_each_kernel_equals_its_block(kind: str, block: nn.Module, side: int) -> None:
    if not module._has_fused_ops(torch.float32):
        pytest.skip("this torch has no fused kernels")
    folded = fold_batch_norm(fill(block, 1.0)).to(memory_format=torch.channels_last)
    fast = kernels.FusedBlock(folded)
    x = torch.randn(4, block.conv_block[0].in_channels, side, side).to(memory_format=torch.channels_last)
    assert fast._pick(x) == kind
    wanted = block(x)
    assert fast(x).shape == wanted.shape
    assert torch.allclose(fast(x), wanted, atol=2e-4)


@pytest.mark.parametrize(("flags", "kind"), [({"avx2"}, "winograd"), ({"avx2", "avx512f"}, "direct"), ((), "direct")])
def test_small_maps_take_fewer_channels_where_multiplying_is_slow(
    monkeypatch: pytest.MonkeyPatch, flags: set[str], kind: str
) -> None:
    monkeypatch.setattr(kernels, "cpu_flags", lambda: frozenset(flags))
    block = kernels.FusedBlock(fold_batch_norm(ConvBlock(96, 96, 3, 1, 1, residual=True)))
    assert block._pick(torch.empty(4, 96, 12, 12)) == kind
    assert block._pick(torch.empty(4, 96, 24, 24)) == "direct"


@torch.inference_mode()
def test_convolutions_outside_blocks_are_replaced_too() -> None:
    plain = nn.Sequential(nn.Conv2d(8, 3, 1), nn.Sequential(nn.Conv2d(3, 3, 3, padding=1))).requires_grad_(False)
    x = torch.randn(2, 8, 12, 12).to(memory_format=torch.channels_last)
    wanted = plain(x)
    assert wanted.min() < 0  # no ReLU
    fused = kernels.fuse(plain.to(memory_format=torch.channels_last))
    assert not any(isinstance(one, nn.Conv2d) for one in (fused[0], fused[1][0]))
    assert torch.allclose(fused(x), wanted, atol=1e-5)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="faults are counted there")
def test_memory_is_not_fetched_again_from_the_system_for_each_pass() -> None:
    code = """
import resource
import numpy as np, torch
torch.set_num_threads(1)
from w2l import models
from w2l.models.fast.generate import Generate
generate = Generate(models.build("wav2lip", 0.1), "cpu", "float32")
generate.batch = 8
given = np.zeros((16, 96, 96, 3), np.uint8), np.zeros((16, 80, 16), np.float32)
generate(*given), generate(*given)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(4):
    generate(*given)
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / 64)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert float(done.stdout) < 60  # pages a frame; some 300 otherwise


@torch.inference_mode()
def test_integer_kernel_stays_close_to_its_block() -> None:
    if not module._has_int8():
        pytest.skip("no integer instructions here")
    block = fill(ConvBlock(64, 64, 3, 1, 1, residual=True), 1.0)
    fast = kernels.FusedBlock(fold_batch_norm(block).to(memory_format=torch.channels_last))
    fast.int8 = True
    x = torch.rand(2, 64, 24, 24).to(memory_format=torch.channels_last)
    assert fast._pick(x) == "int8"
    wanted = block(x)
    out = fast(x)
    assert not torch.equal(out, wanted)
    assert (out - wanted).abs().mean() < 0.01 * wanted.mean()


@pytest.mark.parametrize(("tolerance", "kept"), [(1.0, True), (0.0, False)])
def test_integers_are_kept_only_where_they_change_little(
    model: nn.Module,
    frames: tuple[np.ndarray, np.ndarray, np.ndarray],
    monkeypatch: pytest.MonkeyPatch,
    tolerance: float,
    kept: bool,
) -> None:
    if not module._has_int8():
        pytest.skip("no integer instructions here")
    monkeypatch.setattr(module, "_INT8_TOLERANCE", tolerance)
    generate = Generate(model, device="cpu", dtype="int8")
    out = generate(*frames)
    blocks = [module for module in generate.model.modules() if isinstance(module, kernels.FusedBlock)]
    assert all(block.int8 == kept for block in blocks)
    assert generate.format == ("int8" if kept else "float32")
    exact = Generate(model, device="cpu", dtype="float32")(*frames)
    assert np.array_equal(out, exact) != kept


def test_auto_stays_within_one_step(model: nn.Module, frames: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    assert np.abs(Generate(model, device="cpu")(*frames) - plain(model, *frames)).mean() < 1


@pytest.mark.parametrize("outputs", [2, 3, 4, 6])
def test_minimal_filtering_is_a_filter(outputs: int) -> None:
    rng = np.random.default_rng(outputs)
    data, taps = rng.standard_normal(outputs + 2), rng.standard_normal(3)
    a, g, b = kernels.minimal_filtering(outputs)
    assert np.allclose(a @ ((g @ taps) * (b @ data)), np.correlate(data, taps, "valid"))


class Hungry(nn.Module):
    """Fails as a full device does when given more than ``most`` frames."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most
        self.seen: list[int] = []

    def forward(self, mel: torch.Tensor, face: torch.Tensor) -> torch.Tensor:
        if len(face) > self.most:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory.")
        self.seen.append(len(face))
        return face[:, 3:]


def test_batch_is_halved_until_it_fits(frames: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    crops, mels, references = frames
    generate = Generate(nn.Identity(), device="cpu", dtype="float32")
    generate.model = Hungry(2)
    assert np.array_equal(generate(crops, mels, references), references)
    assert max(generate.model.seen) <= 2
    generate.model = Hungry(0)
    with pytest.raises(W2LError, match="not even one frame"):
        generate(crops, mels)


def test_other_errors_are_not_taken_for_a_full_device(frames: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    class Broken(nn.Module):
        def forward(self, *_: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("something else")

    generate = Generate(nn.Identity(), device="cpu", dtype="float32")
    generate.model = Broken()
    with pytest.raises(RuntimeError, match="something else"):
        generate(*frames[:2])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c, m, r: (c.astype(np.float32), m, r), "crops are float32"),
        (lambda c, m, r: (c[:, :90], m, r), "crops are uint8"),
        (lambda c, m, r: (c, m[:-1], r), r"mels have the shape \(4, 80, 16\)"),
        (lambda c, m, r: (c, m, r[:-1]), "references are"),
    ],
)
def test_wrong_shapes_are_named(frames: tuple[np.ndarray, np.ndarray, np.ndarray], change: object, words: str) -> None:
    generate = Generate(nn.Identity(), device="cpu", dtype="float32")
    with pytest.raises(W2LError, match=words):
        generate(*change(*frames))  # type: ignore[operator]


def test_dtypes() -> None:
    with pytest.raises(W2LError, match="no dtype 'int4'"):
        Generate(nn.Identity(), device="cpu", dtype="int4")
    assert module.pick_format(nn.Identity(), torch.device("cuda")) == "float16"
    assert module.pick_format(nn.Identity(), torch.device("cuda"), "float32") == "float32"
    with pytest.raises(W2LError, match="8-bit integers are not faster on this cuda"):
        module.pick_format(nn.Identity(), torch.device("cuda"), "int8")


def test_formats_that_the_processor_has_are_tried(
    frames: tuple[np.ndarray, np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = fill(models.build("wav2lip", 0.1), GAINS["wav2lip"])
    tried = []

    def fastest(trials: dict[str, object], about: object) -> str:
        tried.append((tuple(trials), about))
        exact, *others = ([out.float() for out in trial()()] for trial in trials.values())
        assert [out.shape[2] for out in exact] == [96, 48, 24, 12, 96, 48]
        assert all(a.shape == b.shape for other in others for a, b in zip(exact, other, strict=True))
        return list(trials)[-1]

    monkeypatch.setattr(number_format, "fastest", fastest)
    monkeypatch.setattr(module, "_has_int8", lambda: False)
    for has in (False, True):
        monkeypatch.setattr(module, "cpu_has_bfloat16", lambda has=has: has)
        generate = Generate(model, device="cpu")
        assert generate.dtype == (torch.bfloat16 if has else torch.float32)
        assert np.abs(generate(*frames) - plain(model, *frames)).mean() < 1
    assert tried == [(("float32",), "width 0.1"), (("float32", "bfloat16"), "width 0.1")]
