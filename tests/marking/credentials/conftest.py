"""A dub to sign, and a configuration folder of each test's own."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from w2l import video
from w2l.marking import credentials, mark

SUFFIXES = [".mp4", ".gif", ".webp", ".png"]


@pytest.fixture(autouse=True)
def config(tmp_path, monkeypatch):
    """Each test has a user of its own."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config" / "w2l" / "credentials" / "signer.pem"


@pytest.fixture(scope="module")
def unsigned(tmp_path_factory):
    """One marked file of each kind, the clip it was made from, and the speech."""
    folder = tmp_path_factory.mktemp("files")
    rng = np.random.default_rng(0)
    wav = (rng.normal(0, 0.1, (8000, 1)).astype(np.float32), 16000)
    for name in ("clip.mp4", "out.mp4", "out.gif", "out.webp"):
        sound = wav if name.endswith("mp4") else None
        with video.VideoWriter(folder / name, 25, audio=sound, metadata=mark.metadata(signed=True)) as writer:
            for _ in range(12):
                writer.write(np.repeat(np.repeat(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8), 16, 0), 16, 1))
    video.write_image(folder / "out.png", rng.integers(0, 256, (48, 64, 3), dtype=np.uint8))
    for suffix in SUFFIXES:
        assert mark.embed(folder / f"out{suffix}")
    (folder / "speech.ogg").write_bytes(b"OggS and whatever follows")
    return folder


@pytest.fixture
def signed(unsigned, tmp_path):
    """An mp4 with credentials."""
    path = Path(shutil.copy(unsigned / "out.mp4", tmp_path / "out.mp4"))
    credentials.sign(path, unsigned / "clip.mp4", unsigned / "speech.ogg")
    return path
