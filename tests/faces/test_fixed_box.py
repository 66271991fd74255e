"""Tests of a box given by hand."""

from __future__ import annotations

import numpy as np
import pytest

from w2l import faces
from w2l.errors import W2LError


def test_a_fixed_box_needs_no_detector_and_no_pads():
    frames = [np.zeros((160, 200, 3), np.uint8)] * 3
    followed = faces.track_faces(frames, box=(10, 20, 60, 90))
    np.testing.assert_array_equal(followed.boxes, [[10, 20, 60, 90]] * 3)


@pytest.mark.parametrize("box", [(1, 2, 3), (50, 20, 10, 90), "here", (10, 20, np.nan, 90), (300, 20, 400, 90)])
def test_a_box_that_is_none_is_refused(box):
    with pytest.raises(W2LError, match="box"):
        faces.track_faces([np.zeros((160, 200, 3), np.uint8)], box=box)
