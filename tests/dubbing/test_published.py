"""The functions of the published inference, against its golden values."""

import numpy as np
import pytest
from helpers.places import GOLDEN

from w2l.dubbing import published


@pytest.mark.parametrize("fps", ["24", "25", "29.97", "30", "50", "60"])
def test_published_windows(fps):
    golden = np.load(GOLDEN / "audio.npz")
    assert (
        published.window_starts(float(fps), golden["mel"].shape[1]).tolist() == golden[f"mel_start_fps{fps}"].tolist()
    )


def test_published_smoothing():
    golden = np.load(GOLDEN / "boxes.npz")
    assert (published.smooth_boxes(golden["raw"]) == golden["smoothed_T5"]).all()
