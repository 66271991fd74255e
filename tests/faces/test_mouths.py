"""Reading a mouth off a crop."""

from __future__ import annotations

import numpy as np

from w2l import models, talker
from w2l.faces.mouths import measure


def test_the_bundled_meter_reads_what_a_talker_does():
    clip = talker.make_clip("validation", 0, seconds=3.0)
    meter = models.load("classroom_meter", network="mouth_meter")
    read = measure(meter, clip.frames)  # more than one batch of 64
    assert read.shape == (75, 2) and read.dtype == np.float32
    for column in range(2):
        assert np.corrcoef(read[:, column], clip.truth[:, column])[0, 1] > 0.9
    np.testing.assert_allclose(measure(meter, clip.frames[70:]), read[70:], atol=1e-3)
