"""Tests of overlap and suppression of boxes."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.faces import (
    at,
)

from w2l.faces.boxes import iou, suppress


def test_of_boxes_that_overlap_the_best_stays():
    a, b, c = [0, 0, 100, 100, 0.9], [40, 0, 140, 100, 0.8], [80, 0, 180, 100, 0.7]  # IoU of neighbours: 0.43
    d = [101, 0, 201, 100, 0.6]
    assert suppress(np.array([a, b, c], np.float32), 0.3).tolist() == np.array([a, c], np.float32).tolist()
    assert len(suppress(np.array([a, d], np.float32), 0.3)) == 2
    assert len(suppress(np.array([a, c, d], np.float32), 0.3)) == 2
    assert suppress(np.zeros((0, 5), np.float32), 0.3).shape == (0, 5)


@pytest.mark.parametrize(("a", "b", "overlap"), [(at(0), at(0), 1), (at(0), at(20), 1 / 3), (at(0), at(40), 0)])
def test_iou(a, b, overlap):
    assert iou(a, b) == iou(np.array(b), np.float32(a)) == pytest.approx(overlap)
    assert iou(a, [np.nan] * 4) == 0
