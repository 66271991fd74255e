"""Weight files of every kind load, broken ones get one sentence, and code inside a file never runs."""

from __future__ import annotations

import os
import pickle
import sys
import warnings
import zipfile
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from helpers.golden_weights import fill
from helpers.places import SHARED
from safetensors.torch import save_file
from torch import nn

from w2l import models
from w2l.errors import W2LError
from w2l.weights import formats

WIDTH = 0.1


class Opener:
    """Pickles as a call of ``open(path, "w")``: loading it would make a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return open, (str(self.path), "w")


@pytest.fixture(scope="module")
def model() -> nn.Module:
    return fill(models.build("wav2lip", WIDTH), 1.4)


def same(first: nn.Module, second: nn.Module) -> bool:
    a, b = first.state_dict(), second.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def refuse(path: Path, words: str, network: str | None = None) -> None:
    with pytest.raises(W2LError, match=words) as caught:
        models.load(path, network)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message


def test_plain_state_dict(model: nn.Module, tmp_path: Path) -> None:
    torch.save(model.state_dict(), tmp_path / "w.pth")
    loaded = models.load(tmp_path / "w.pth")
    assert same(model, loaded)
    assert not loaded.training
    assert loaded.meta["network"] == "wav2lip"
    assert loaded.meta["mel_shift"] == -1.0
    assert models.load(tmp_path / "w.pth", "wav2lip").width == loaded.meta["width"]


def test_training_checkpoint_in_the_old_format_from_a_gpu_with_module_prefix(
    model: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefixed = OrderedDict((f"module.{key}", value) for key, value in model.state_dict().items())
    content = {"state_dict": prefixed, "optimizer": None, "global_step": 258000, "global_epoch": 88}
    with monkeypatch.context() as patch:
        patch.setattr(torch.serialization, "location_tag", lambda storage: "cuda:0")
        torch.save(content, tmp_path / "w.pth", _use_new_zipfile_serialization=False)
    assert b"cuda:0" in (tmp_path / "w.pth").read_bytes()
    loaded = models.load(tmp_path / "w.pth")
    assert next(loaded.parameters()).device.type == "cpu"
    assert same(model, loaded)
    assert loaded.meta["global_step"] == 258000


def test_weights_from_before_batches_were_counted(model: nn.Module, tmp_path: Path) -> None:
    old = {key: value for key, value in model.state_dict().items() if "num_batches" not in key}
    torch.save(old, tmp_path / "w.pth")
    assert same(model, models.load(tmp_path / "w.pth"))


@pytest.fixture(scope="module")
def torchscript(model: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("script") / "w.pth"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(model, (torch.zeros(1, 1, 80, 16), torch.zeros(1, 6, 96, 96)))
        torch.jit.save(traced, path)
    return path


def test_torchscript_archive(model: nn.Module, torchscript: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.jit, "load", lambda *_, **__: pytest.fail("the archive's code must not be compiled"))
    assert same(model, models.load(torchscript))


def test_torchscript_archive_with_code_in_its_pickle(torchscript: Path, tmp_path: Path) -> None:
    trap, path = tmp_path / "made", tmp_path / "w.pth"
    with zipfile.ZipFile(torchscript) as good, zipfile.ZipFile(path, "w") as bad:
        for name in good.namelist():
            evil = name.endswith("/data.pkl")
            bad.writestr(name, pickle.dumps(Opener(trap), protocol=2) if evil else good.read(name))
    refuse(path, "which is not run")
    assert not trap.exists()


def test_truncated_torchscript_archive(torchscript: Path, tmp_path: Path) -> None:
    path = tmp_path / "w.pth"
    path.write_bytes(torchscript.read_bytes()[:-5000])
    refuse(path, "damaged or cut short")


def test_safetensors_round_trip(model: nn.Module, tmp_path: Path) -> None:
    path = tmp_path / "new" / "w.safetensors"
    models.save(model, path, "wav2lip", WIDTH, mel_shift=-0.5, data="corpus 5", steps=7000)
    loaded = models.load(path)
    wanted = {"network": "wav2lip", "width": WIDTH, "mel_shift": -0.5, "data": "corpus 5", "steps": 7000, "size": 96}
    assert loaded.meta == wanted
    assert [file.name for file in path.parent.iterdir()] == ["w.safetensors"]
    assert path.stat().st_size < 2.3 * sum(value.numel() for value in model.state_dict().values()) + 1e5
    for key, value in model.state_dict().items():
        assert loaded.state_dict()[key].dtype == value.dtype
        assert torch.allclose(loaded.state_dict()[key], value, rtol=1e-3, atol=1e-6)


def test_foreign_safetensors_without_metadata(model: nn.Module, tmp_path: Path) -> None:
    save_file(model.state_dict(), tmp_path / "w.safetensors")
    assert same(model, models.load(tmp_path / "w.safetensors"))


@pytest.mark.parametrize("mark", [b"\x80", b"PK"])
def test_safetensors_that_begins_like_another_format(mark: bytes, model: nn.Module, tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    header = 80_000 + (int.from_bytes(mark, "little") - 80_000) % 256 ** len(mark)  # its length begins the file
    models.save(model, path, "wav2lip", WIDTH, mel_shift=-2.5, pad="")
    short = header - int.from_bytes(path.read_bytes()[:8], "little")
    models.save(model, path, "wav2lip", WIDTH, mel_shift=-2.5, pad=" " * short)
    assert path.read_bytes().startswith(mark)
    assert models.load(path).meta["mel_shift"] == -2.5


def test_values_too_large_for_half_precision_survive(tmp_path: Path) -> None:
    network = models.build("syncnet", WIDTH)
    with torch.no_grad():
        network.face_encoder[0].conv_block[0].weight[0, 0, 0, 0] = 1e6
    models.save(network, tmp_path / "w.safetensors", "syncnet", WIDTH)
    assert models.load(tmp_path / "w.safetensors").face_encoder[0].conv_block[0].weight.max() == 1e6


@pytest.mark.parametrize("frames", [1, 3, 5])
def test_expert_window_is_read_from_the_weights(frames: int, tmp_path: Path) -> None:
    models.save(models.build("syncnet", 0.25, frames=frames), tmp_path / "w.safetensors", "syncnet", 0.25)
    loaded = models.load(tmp_path / "w.safetensors")
    assert loaded.frames == frames
    assert loaded.meta["width"] == 0.25


def test_pickle_with_code_is_not_run(tmp_path: Path) -> None:
    for number, content in enumerate([{"state_dict": Opener(tmp_path / "made")}, Opener(tmp_path / "made")]):
        path = tmp_path / f"{number}.pth"
        torch.save(content, path)
        refuse(path, "code that loading it would run")
        torch.save(content, path, _use_new_zipfile_serialization=False)
        refuse(path, "code that loading it would run")
        path.write_bytes(pickle.dumps(content, protocol=2))
        refuse(path, "not opened|damaged")
    assert not (tmp_path / "made").exists()


def test_whole_module_is_not_unpickled(tmp_path: Path) -> None:
    torch.save(models.build("wav2lip", WIDTH), tmp_path / "w.pth")
    refuse(tmp_path / "w.pth", r"state_dict\(\)")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\n <!DOCTYPE html><html>Sign in</html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "git-LFS pointer of 64 bytes"),
        (b"not weights at all", "not a weight file"),
        (b"PK\x03\x04 broken", "damaged or cut short"),
        (b"\x80\x02 broken", "damaged or cut short"),
        (b"\x10\0\0\0\0\0\0\0{broken}", "damaged or cut short"),
    ],
)
def test_what_failed_downloads_leave_behind(content: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / "w.pth").write_bytes(content)
    refuse(tmp_path / "w.pth", words)


@pytest.mark.parametrize("suffix", ["zip", "legacy", "safetensors"])
def test_truncated_files(model: nn.Module, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"w.{suffix}"
    if suffix == "safetensors":
        models.save(model, path, "wav2lip", WIDTH)
    else:
        torch.save(model.state_dict(), path, _use_new_zipfile_serialization=suffix == "zip")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    refuse(path, "damaged or cut short")


def test_missing_file_and_folder(tmp_path: Path) -> None:
    refuse(tmp_path / "nowhere.pth", "there are no weights .*; give a weight file or one of the names classroom, ")
    refuse(tmp_path, "is a folder, not a weight file")
    with pytest.raises(W2LError, match=r"no weight file at .*nowhere\.pth"):
        formats.read(tmp_path / "nowhere.pth")
    with pytest.raises(W2LError, match="cannot read"):
        formats.read(tmp_path)


def test_keys_that_do_not_fit(model: nn.Module, tmp_path: Path) -> None:
    path = tmp_path / "w.pth"
    torch.save({"layer.weight": torch.zeros(2)}, path)
    refuse(path, "layer.weight.* fit none of the networks")
    weights = model.state_dict()
    torch.save({**weights, "extra": torch.zeros(1)}, path)
    refuse(path, "unknown: extra")
    dropped = "face_encoder_blocks.2.1.conv_block.0.bias"
    torch.save({key: value for key, value in weights.items() if key != dropped}, path)
    refuse(path, f"missing: {dropped}")
    torch.save({**weights, dropped: torch.zeros(1)}, path)
    refuse(path, f"another shape: {dropped}")
    torch.save({"epoch": 3}, path)
    refuse(path, "holds no tensors")
    torch.save([torch.zeros(1)], path)
    refuse(path, "holds a list")
    torch.save({"state_dict": [1]}, path)
    refuse(path, "is a list")


def test_another_network_than_asked_for(model: nn.Module, tmp_path: Path) -> None:
    torch.save(model.state_dict(), tmp_path / "w.pth")
    refuse(tmp_path / "w.pth", "weights of wav2lip, not of syncnet", "syncnet")
    with pytest.raises(W2LError, match="no network 'unet'"):
        models.load(tmp_path / "w.pth", "unet")
    with pytest.raises(W2LError, match="no network 'unet'"):
        models.save(model, tmp_path / "x.safetensors", "unet", 1.0)


@pytest.mark.parametrize(
    ("name", "words"), [("wav2lip_is_html_login_page.pth", "web page"), ("yunet_lfs_pointer.onnx", "git-LFS pointer")]
)
def test_files_found_in_the_wild(name: str, words: str) -> None:
    path = SHARED / "clips" / "bad" / name
    if not path.exists():
        pytest.skip("no shared clips here")
    refuse(path, words)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems allow no such names")
def test_a_name_that_is_not_utf_8(tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9.safetensors")
    formats.write(path, {"a": torch.ones(3)}, {"step": 1})
    tensors, meta = formats.read(path)
    assert tensors["a"].tolist() == [1, 1, 1] and meta == {"step": 1}
