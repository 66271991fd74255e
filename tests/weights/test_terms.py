"""The licence and the data card of weights."""

import json
import shutil
from importlib import metadata

import pytest

from w2l import models, weights
from w2l.base import files
from w2l.weights import terms
from w2l.weights.registry import REGISTRY, Entry, Licence

RESEARCH = "research only. The authors of Wav2Lip"


@pytest.fixture
def own(tmp_path):
    path = tmp_path / "own.safetensors"
    path.write_bytes(b"weights")
    return path


def test_bundled_weights_wherever_they_are(tmp_path):
    path = weights.find("classroom")
    meta = models.load(path).meta
    shutil.copy(path, tmp_path / "copy.safetensors")
    for one in (path, tmp_path / "copy.safetensors"):
        found = weights.terms_of(one, meta)
        assert found["licence"] == "MIT, that of the kit" and "docs/talker_data.md" in found["data_card"]


def test_published_weights_by_content(own, monkeypatch):
    licence = Licence("research only", "Ask.")
    entry = Entry("a", "other.pth", 7, files.hash_of(own), licence, "", ())
    monkeypatch.setitem(REGISTRY, "a", entry)
    assert weights.terms_of(own, {}) == {"licence": "research only. Ask."}


@pytest.mark.parametrize(
    ("meta", "begins"),
    [
        ({}, "not stated"),
        ({"licence": "CC0"}, "CC0"),
        ({"start": "classroom", "licence": "CC0"}, "CC0"),
        ({"start": "wav2lip_gan", "licence": "CC0"}, RESEARCH),
        ({"start": "wav2lip_gan.pth"}, RESEARCH),
        ({"start": "mine.pth", "expert": "lipsync_expert"}, RESEARCH),
        ({"start": "run1/generator.safetensors", "earlier": [{"start": "wav2lip"}]}, RESEARCH),
    ],
)
def test_weights_made_from_others_have_their_licence_too(own, meta, begins):
    assert weights.terms_of(own, meta)["licence"].startswith(begins)


def test_only_what_learned_on_talkers_has_their_data_card(own):
    assert "data_card" not in weights.terms_of(own, {"data": "store mine"})
    assert "data_card" in weights.terms_of(own, {"data": "w2l synthetic talker corpus with people 0"})


@pytest.mark.parametrize(
    ("origin", "wanted"),
    [
        (
            {"url": "https://github.com/a/b.git", "vcs_info": {"commit_id": "12"}},
            "https://github.com/a/b/blob/12/docs/c",
        ),
        ({"url": "file:///clone", "dir_info": {"editable": True}}, "docs/c in the kit's repository"),
        (None, "docs/c in the kit's repository"),
    ],
)
def test_address(origin, wanted, monkeypatch):
    class Installed:
        def read_text(self, _):
            return None if origin is None else json.dumps(origin)

    monkeypatch.setattr(metadata, "distribution", lambda _: Installed())
    assert terms.address("docs/c") == wanted
