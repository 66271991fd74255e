"""Generators in ONNX files draw what the weights draw that they were made from."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import soundfile
import torch

from w2l import dub, models
from w2l.errors import W2LError
from w2l.models.export import export
from w2l.models.fast.generate import Generate
from w2l.video import read_frames

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


@pytest.fixture(scope="module")
def exported(generator, tmp_path_factory):
    """The tiny generator as ONNX."""
    path = tmp_path_factory.mktemp("onnx") / "tiny.onnx"
    export(models.load(generator), path)
    return path


def test_frames_and_metadata_stay(generator, exported):
    rng = np.random.default_rng(0)
    crops, references = rng.integers(0, 256, (2, 5, 96, 96, 3), dtype=np.uint8)
    given = crops, rng.uniform(-4, 4, (5, 80, 16)).astype(np.float32), references
    model = models.load(exported, "wav2lip")
    assert (model.width, model.size, model.meta["mel_shift"], model.training) == (0.05, 96, -1.0, False)
    generate = Generate(model, device="cpu")
    assert generate.dtype == torch.float32
    wanted = Generate(models.load(generator), device="cpu", dtype="float32")(*given)
    assert np.abs(generate(*given).astype(int) - wanted).max() <= 1
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert np.array_equal(generate(*given), generate(*given))
    finally:
        torch.set_num_threads(before)


def test_larger_faces(tmp_path):
    model = models.build("wav2lip", 0.05, size=192).eval()
    model.meta = {"network": "wav2lip"}  # made here, not read from a file
    export(model, tmp_path / "large.onnx")
    loaded = models.load(tmp_path / "large.onnx")
    assert loaded.meta["mel_shift"] == models.DEFAULT_MEL_SHIFT
    generate = Generate(loaded, device="cpu")
    assert generate(np.zeros((2, 192, 192, 3), np.uint8), np.zeros((2, 80, 16), np.float32)).shape == (2, 192, 192, 3)


def test_a_dub_with_it_is_the_same(generator, exported, clip, tmp_path):
    soundfile.write(tmp_path / "speech.wav", np.random.default_rng(0).normal(0, 0.1, 8000), 16000)
    made = []
    for weights in (generator, exported):
        out = tmp_path / f"{weights.suffix[1:]}.gif"
        dub(clip, tmp_path / "speech.wav", out, weights=weights, box=(10, 10, 60, 60), sign=False, progress=False)
        made.append(np.stack(list(read_frames(out))).astype(int))
    assert len(made[0]) == 12 and np.abs(made[0] - made[1]).mean() < 0.05


def test_wrong_files_are_told(exported, tmp_path):
    import onnx

    def written(name, **meta):
        whole = onnx.load(exported)
        del whole.metadata_props[:]
        onnx.helper.set_model_props(whole, meta)
        onnx.save(whole, tmp_path / name)
        return tmp_path / name

    numbers = {"width": "1", "size": "96", "mel_shift": "-1.0"}
    cut = tmp_path / "cut.onnx"
    cut.write_bytes(exported.read_bytes()[:5000])
    page = tmp_path / "page.onnx"
    page.write_text("<html>sign in</html>")
    cases = {
        cut: "cut.onnx is damaged, or not an ONNX file",
        page: "page.onnx is a web page",
        written("theirs.onnx"): "does not say which network it holds; give a file that w2l export wrote",
        written("expert.onnx", network="syncnet", **numbers): "holds the network syncnet, not of wav2lip",
        written("altered.onnx", network="wav2lip", **{**numbers, "size": "192"}): "has other inputs than a generator",
        written("odd.onnx", network="wav2lip", **{**numbers, "width": "wide"}): "does not say which network",
        "yunet": "does not say which network it holds",
    }
    for file, words in cases.items():
        with pytest.raises(W2LError, match=words):
            models.load(file, "wav2lip")
    with pytest.raises(W2LError, match="holds the network wav2lip, not of syncnet; of ONNX files, only generators"):
        models.load(exported, "syncnet")


def test_without_onnxruntime_the_package_is_named(exported, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(W2LError, match=r"package onnxruntime; run pip install 'w2l\[export\]'"):
        models.load(exported)


def test_it_is_neither_exported_again_nor_trained(exported, tmp_path):
    from w2l.train.data import load

    with pytest.raises(W2LError, match="ONNX already"):
        export(models.load(exported), tmp_path / "b.onnx")
    with pytest.raises(W2LError, match="is ONNX, which cannot be trained"):
        load(str(exported), "wav2lip")
