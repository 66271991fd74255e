"""Teeth are told from skin and lips, and asked of a drawn mouth only where the true one shows them."""

import numpy as np
import pytest

from w2l.evaluate.metrics.teeth import teeth_shown

SKIN, LIP, DARK, TOOTH = (120, 140, 190), (70, 70, 160), (20, 20, 30), (190, 205, 210)


def face(teeth=0, dark=0, size=96, down=0):
    """A face whose mouth shows a band of teeth above a dark one, each so many rows of 96 high."""
    picture = np.full((96, 96, 3), SKIN, np.uint8)
    top = 66 + down
    for rows, colour in ((5, LIP), (teeth, TOOTH), (dark, DARK), (5, LIP)):
        picture[top : top + rows, 30:66] = colour
        top += rows
    return picture.repeat(size // 96, 0).repeat(size // 96, 1)


@pytest.mark.parametrize("size", [96, 192])
def test_teeth_are_counted_where_the_true_band_is_wide_enough(size):
    rows = (0, 2, 4, 5, 8)
    real = np.stack([face(n, 4 if n else 0, size) for n in rows])
    opening = np.array(rows) + 0.5
    assert teeth_shown(real, real, opening) == (2, 2)
    assert teeth_shown(real, real, opening, rows=1) == (4, 4)
    toothless = np.stack([face(0, n + 4 if n else 0, size) for n in rows])
    assert teeth_shown(real, toothless, opening) == (0, 2)
    dim = (0.45 * real[..., :] + 0.55 * real[:1]).astype(np.uint8)  # less than half as bright
    assert teeth_shown(real, dim, opening)[0] == 0
    elsewhere = np.stack([face(n, 4 if n else 0, size, down=9) for n in rows])
    assert teeth_shown(real, elsewhere, opening)[0] == 0


def test_skin_that_has_moved_to_where_a_lip_was_is_not_teeth():
    real = np.stack([face(0), face(0, 0, down=7), face(0, 6, down=-8)])
    assert teeth_shown(real, real, np.array([0.0, 1.0, 6.0]), rows=1) == (0, 0)
