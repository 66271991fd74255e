"""Files for the command line, good and bad."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from w2l import models, video


@pytest.fixture(scope="session")
def material(tmp_path_factory):
    """A clip, a picture without a face, speech, tiny weights, and files that are broken in all the usual ways."""
    folder = tmp_path_factory.mktemp("material")
    rng = np.random.default_rng(0)
    with video.VideoWriter(folder / "clip.mp4", 25) as writer:
        for _ in range(10):
            writer.write(np.full((128, 128, 3), 90, np.uint8))
    video.write_image(folder / "grey.png", np.full((200, 200, 3), 128, np.uint8))
    soundfile.write(folder / "speech.wav", rng.normal(0, 0.1, 16000), 16000)
    soundfile.write(folder / "silent.wav", np.zeros(16000), 16000)
    soundfile.write(folder / "empty.wav", np.zeros(0), 16000)
    (folder / "text.mp4").write_text("no video\n" * 50)
    (folder / "cut.mp4").write_bytes((folder / "clip.mp4").read_bytes()[:600])
    (folder / "page.pth").write_text("<html><body>Sign in to continue</body></html>")
    torch.save({"state_dict": {"w": torch.zeros(2)}, "run": Path("/")}, folder / "code.pth")
    torch.manual_seed(0)
    models.save(models.build("wav2lip", 0.05), folder / "tiny.safetensors", "wav2lip", 0.05)
    return folder
