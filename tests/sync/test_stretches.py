"""Stretches of one face: where they begin and end, and how the face is cut out of them."""

import numpy as np
import pytest

from w2l import faces
from w2l.errors import W2LError
from w2l.sync import stretches
from w2l.sync.stretches import Stretch


def scene(boxes, cuts=()):
    """A scene of frames of 200 x 100 pixels in which a detector saw these boxes (None: nothing)."""
    found = [np.array([[*box, 0.9]] if box else np.empty((0, 5)), np.float32).reshape(-1, 5) for box in boxes]
    return faces.Scene(faces.Found(found, list(cuts), (200, 100), True), "a clip")


def test_stretches_end_at_cuts_and_gaps(monkeypatch):
    box = (40, 20, 80, 60)
    seen = scene([box] * 30 + [None] * 12 + [box] * 20 + [box] * 4, cuts=(10, 62))
    monkeypatch.setattr(stretches.faces, "see", lambda *args, **kwargs: seen)
    ours = stretches.find_stretches("clip", "main", False, 25)
    assert [(one.start, one.length) for one in ours] == [(0, 10), (10, 20), (42, 20)]  # four frames are too few
    theirs = stretches.find_stretches("clip", "main", True, 25)
    assert [(one.start, one.length) for one in theirs] == [(0, 10), (10, 52)]  # gaps are bridged there
    assert all(one.published for one in theirs)
    monkeypatch.setattr(stretches.faces, "see", lambda *args, **kwargs: scene([box] * 5))
    with pytest.raises(W2LError, match="6 frames in a row"):
        stretches.find_stretches("clip", "main", False, 25)


def test_the_published_crop():
    """A face of 40 x 40 at (60, 40): half 20, so 28 to each side, from 20 above to 36 below (reference 2.10)."""
    frame = np.zeros((100, 200, 3), np.uint8)
    frame[20:76, 32:88] = 255
    inside = Stretch(0, np.array([[40.0, 20, 80, 60]]), published=True).cut(frame, 0)
    assert inside.shape == (224, 224, 3) and (inside == 255).all()
    low = Stretch(0, np.array([[40.0, 70, 80, 110]]), published=True).cut(frame * 0, 0)
    assert (low[-40:] == 110).all() and (low[:100] == 0).all()  # grey below the frame's border


def test_a_jumping_box_is_filtered(monkeypatch):
    boxes = [(40 + (30 if i == 20 else 0), 20, 80 + (30 if i == 20 else 0), 60) for i in range(40)]
    monkeypatch.setattr(stretches.faces, "see", lambda *args, **kwargs: scene(boxes))
    (one,) = stretches.find_stretches("clip", "main", True, 25)
    assert (one.boxes[10:30] == (40, 20, 80, 60)).all()
