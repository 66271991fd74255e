"""Experts: what they see and hear is what was published, and one function loads them all."""

import numpy as np
import pytest
from helpers.places import GOLDEN

from w2l import models
from w2l.errors import W2LError
from w2l.sync import experts
from w2l.sync.experts import OwnExpert, PublishedExpert, load_expert


def test_first_features_are_the_published_ones(published):
    golden = np.load(GOLDEN / "lse.npz")
    window = np.stack([published.resize(frame) for frame in golden["frames"][:5]])
    np.testing.assert_allclose(published.see(window)[0], golden["lip_feat0"], rtol=1e-3, atol=1e-3)
    heard = published.hear(golden["pcm16"].astype(np.float32) / 32768)
    np.testing.assert_allclose(heard(0, 1)[0], golden["aud_feat0"], rtol=1e-3, atol=1e-3)


def test_auto_takes_the_published_network_where_it_is(monkeypatch):
    assert isinstance(load_expert("auto", "cpu"), OwnExpert)
    monkeypatch.setattr(experts.weights, "locate", lambda name: name)
    with pytest.raises(W2LError, match="syncnet_v2"):
        load_expert("auto", "cpu")


def test_an_expert_is_loaded_by_name_or_taken_from_memory(bundled, published):
    network = models.load("classroom_expert")
    in_memory = load_expert(network, "cpu")
    assert isinstance(in_memory, OwnExpert) and (in_memory.name, in_memory.sha256) == ("SyncNet", "")
    frames = np.random.default_rng(0).integers(0, 256, (6, 96, 96, 3), dtype=np.uint8)
    assert (in_memory.see(frames) == bundled.see(frames)).all()
    assert load_expert(bundled) is bundled and isinstance(published, PublishedExpert)
    with pytest.raises(W2LError, match="MouthMeter, which cannot judge sync"):
        load_expert(models.build("mouth_meter"))


def test_a_measure_can_be_asked_for(published, monkeypatch):
    assert load_expert("auto", "cpu", measure="cosine").name == "classroom_expert"
    monkeypatch.setattr(experts.weights, "locate", lambda name: name)  # as if syncnet_v2 were here
    assert load_expert("auto", "cpu", measure="cosine").name == "classroom_expert"
    with pytest.raises(W2LError, match="not of syncnet_v2"):
        load_expert("classroom_expert", "cpu", measure="distance")
    with pytest.raises(W2LError, match="judges by distance; give an expert that judges by cosine"):
        load_expert(published, measure="cosine")
