"""The signing key: private, one for each user, renewed in time, and what is said where it is broken."""

import json
import os
import shutil
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import c2pa
import pytest
from helpers.dubs import run_dub, write_speech

from w2l import video
from w2l.errors import W2LError
from w2l.marking import credentials, mark
from w2l.marking.credentials import key, manifest

NOW = datetime.now(UTC)


def one_sentence(error):
    text = str(error.value)
    assert "\n" not in text
    assert "Traceback" not in text
    return text


def test_the_key_is_private_and_kept(config, unsigned, tmp_path):
    signers = set()
    for name in ("a.mp4", "b.mp4"):
        path = Path(shutil.copy(unsigned / "out.mp4", tmp_path / name))
        credentials.sign(path, unsigned / "clip.mp4")
        signers.add(credentials.read(path).signer)
    assert len(signers) == 1
    assert [p.name for p in config.parent.iterdir()] == ["signer.pem"]
    assert stat.S_IMODE(config.stat().st_mode) == 0o600
    assert stat.S_IMODE(config.parent.stat().st_mode) == 0o700
    text = config.read_text()
    assert text.count("PRIVATE KEY") == 2, "the root's key is not kept"
    assert text.count("BEGIN CERTIFICATE") == 2


def test_each_user_has_another_key(tmp_path, monkeypatch):
    one = key.identity()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "another"))
    assert key.identity() != one


def test_where_the_key_lies(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("W2L_HOME", str(tmp_path / "repository"))
    for value in ("", "relative"):
        monkeypatch.setenv("XDG_CONFIG_HOME", value)
        assert credentials.folder() == tmp_path / ".config" / "w2l" / "credentials"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    assert credentials.folder() == tmp_path / "xdg" / "w2l" / "credentials"
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setattr(key.paths, "platform", lambda: "openbayes")
    monkeypatch.setattr(key.paths, "home", lambda: tmp_path / "openbayes")
    assert credentials.folder() == tmp_path / "openbayes" / ".config" / "w2l" / "credentials"


def test_two_processes_make_one_key():
    code = "import sys; from w2l.marking.credentials import key; sys.stdin.read(1); print(key.identity())"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    running = [subprocess.Popen([sys.executable, "-c", code], **pipes) for _ in range(3)]
    for process in running:  # they wait, loaded, for a letter
        process.stdin.write("g")
        process.stdin.flush()
    said = {process.communicate()[0] for process in running}
    assert len(said) == 1
    assert "PRIVATE KEY" in said.pop()


def test_the_first_of_two_keys_wins(config, monkeypatch):
    make, made = key._make, []

    def slowly(now):
        if not made:
            made.append(None)
            made[0] = key.identity()  # another process, which is quicker
        return make(now)

    monkeypatch.setattr(key, "_make", slowly)
    assert key.identity() == made[0]
    assert [p.name for p in config.parent.iterdir()] == ["signer.pem"]


def test_a_file_system_without_hard_links(config, monkeypatch):
    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    assert key.identity() == key.identity()
    assert [p.name for p in config.parent.iterdir()] == ["signer.pem"]
    assert stat.S_IMODE(config.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("made", "renewed"),
    [(timedelta(0), False), (-key._RENEWED + timedelta(days=2), False), (-key._RENEWED, True), (-key._VALID, True)],
    ids=["new", "young", "half its time", "expired"],
)
def test_the_key_is_renewed_in_time(config, made, renewed):
    key._store(config, key._make(NOW + made))
    before = config.read_bytes()
    private, _ = key.identity()
    assert (config.read_bytes() != before) == renewed
    assert private in config.read_bytes()
    assert stat.S_IMODE(config.stat().st_mode) == 0o600


def test_a_key_from_the_future_is_renewed(config, unsigned, tmp_path):
    """Made while the clock was wrong: the library refuses to sign with it."""
    key._store(config, key._make(NOW + timedelta(days=30)))
    path = Path(shutil.copy(unsigned / "out.mp4", tmp_path / "out.mp4"))
    credentials.sign(path, unsigned / "clip.mp4")
    assert credentials.read(path).valid


def test_an_expired_signature_says_so(signed):
    """Without waiting ten years: what the library then adds to its report, as seen with a short-lived certificate."""
    with c2pa.Reader(signed) as reader:
        told = json.loads(reader.json())
    told["validation_state"] = "Invalid"
    told["validation_results"]["activeManifest"]["failure"].append({"code": "signingCredential.expired"})
    found = manifest._credentials(told)
    assert not found.valid
    assert found.problems == ["the signer's certificate has expired, and no time stamp says when this was signed"]


@pytest.mark.parametrize("fault", ["garbage", "empty", "no certificate", "another's certificate", "cut short"])
def test_a_broken_key_file(config, unsigned, tmp_path, fault):
    one, two = (key._make(NOW).split(b"-----BEGIN CERTIFICATE", 1) for _ in range(2))
    data = {
        "garbage": b"\x00\xff" * 50,
        "empty": b"",
        "no certificate": one[0],
        "another's certificate": one[0] + b"-----BEGIN CERTIFICATE" + two[1],
        "cut short": one[0][:100],
    }[fault]
    config.parent.mkdir(parents=True)
    config.write_bytes(data)
    path = Path(shutil.copy(unsigned / "out.mp4", tmp_path / "out.mp4"))
    with pytest.raises(W2LError, match=r"signer\.pem holds no signing key; delete it") as error:
        credentials.sign(path, unsigned / "clip.mp4")
    one_sentence(error)
    assert config.read_bytes() == data, "it may be somebody's only copy"
    config.unlink()
    credentials.sign(path, unsigned / "clip.mp4")


def test_a_folder_that_cannot_be_used(config, unsigned, tmp_path):
    config.parent.parent.mkdir(parents=True)
    config.parent.write_text("a file where the folder should be")
    path = Path(shutil.copy(unsigned / "out.mp4", tmp_path / "out.mp4"))
    with pytest.raises(W2LError, match=r"cannot keep a signing key in .* XDG_CONFIG_HOME") as error:
        credentials.sign(path, unsigned / "clip.mp4")
    one_sentence(error)


def test_a_dub_where_no_key_can_be_kept(config, tmp_path, clip, generator):
    """It is made all the same, does not claim a signature, and says why."""
    config.parent.parent.mkdir(parents=True)
    config.parent.write_text("a file where the folder should be")
    result = run_dub(clip, write_speech(tmp_path / "s.wav", 0.4), tmp_path / "o.mp4", generator, sign=True)
    assert any(note.startswith("not signed: cannot keep a signing key in ") for note in result.notes)
    found = mark.read(result.path)
    assert (
        found.synthetic
        and "C2PA" not in str(result.marked)
        and mark._SIGNED not in str(video.read_metadata(result.path))
    )
