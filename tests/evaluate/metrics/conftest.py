"""What the tests of metrics share."""

from __future__ import annotations

import numpy as np
import pytest

from w2l.data.corpus import corpus


@pytest.fixture(scope="package")
def faces():
    """Frames of four held-out talkers: uint8 (40, 96, 96, 3)."""
    return np.concatenate([clip.frames[::10] for clip in corpus("validation", 4, progress=False)])
