"""The registry of published weights: sound in itself, as the reference has it, and able to say what a wrong file is."""

import re

import pytest
from helpers.places import SHARED

from w2l import weights
from w2l.weights import registry


def test_registry_is_sound():
    names = [entry.name for entry in weights.REGISTRY.values()]
    assert names == list(weights.REGISTRY) and len(names) == 8
    files = [file for entry in weights.REGISTRY.values() for file in (entry.file, *entry.also)]
    assert len(set(files)) == len(files)
    for entry in weights.REGISTRY.values():
        assert re.fullmatch("[0-9a-f]{64}", entry.sha256) and entry.bytes > 200_000
        assert len(entry.mirrors) >= 2 and len(set(entry.mirrors)) == len(entry.mirrors)
        assert all(re.fullmatch(r"https://[\w.-]+/\S+", url) for url in entry.mirrors)
        assert not any("/blob/" in url or url.endswith("camenduru/Wav2Lip/wav2lip.pth") for url in entry.mirrors)
        assert entry.licence.ask == (entry.licence.kind == "research only")
        assert entry.licence.text.endswith(".") and "\n" not in entry.licence.text
    asked = {name for name, entry in weights.REGISTRY.items() if entry.licence.ask}
    assert asked == {"wav2lip", "wav2lip_gan", "lipsync_expert", "quality_disc"}
    assert set(weights.PUBLISHED) <= weights.REGISTRY.keys()


def test_registry_says_what_the_reference_says():
    path = SHARED / "reference" / "wav2lip.md"
    if not path.is_file():
        pytest.skip("no shared reference here")
    text = path.read_text(encoding="utf8")
    rows = {
        file: (int(size), sha) for file, size, sha in re.findall(r"^\| (\S+) \| (\d+) \| ([0-9a-f]{64}) ", text, re.M)
    }
    for entry in weights.REGISTRY.values():
        if entry.name != "yunet":
            assert rows[entry.file] == (entry.bytes, entry.sha256)
        commits = re.findall(r"resolve/([0-9a-f]{40})/", " ".join(entry.mirrors))
        assert all(commit in text for commit in commits)
        assert entry.drive_id in text


def test_files_found_in_the_wild_are_named():
    folder = SHARED / "clips" / "bad"
    if not folder.is_dir():
        pytest.skip("no shared clips here")
    assert "a web page" in registry.describe_file(folder / "wav2lip_is_html_login_page.pth", 435807851)
    assert "git-LFS pointer" in registry.describe_file(folder / "yunet_lfs_pointer.onnx", 232589)
