"""The bundled head: what its mesh means."""

import numpy as np
import pytest

from w2l.base import paths
from w2l.errors import W2LError
from w2l.talker.photo.anatomy import along, anatomy
from w2l.talker.photo.pack import SOCKET, head_pack


def test_the_contours_of_the_lips_run_from_corner_to_corner_and_meet_there():
    pack, own = head_pack(), anatomy()
    for lip in (own.upper, own.lower):
        assert lip.outer[0] == pack.landmarks[48] and lip.outer[-1] == pack.landmarks[54]
        assert (np.diff(pack.base[lip.inner, 0]) > -0.01).all()
        assert (lip.distance[lip.inner] == 0).all()
        assert along(pack.base[lip.inner])[-1] == 1
    assert own.upper.inner[0] == own.lower.inner[0]


def test_wet_skin_lies_behind_the_contours_and_teeth_are_single():
    pack, own = head_pack(), anatomy()
    assert own.face[own.wet].all() and 300 < own.wet.sum() < 1000
    assert pack.base[own.wet, 2].mean() < pack.base[own.upper.inner, 2].mean()
    assert len(own.teeth) == 24  # twelve above, twelve below
    upper, lower = own.teeth[:12], own.teeth[12:]
    assert min(pack.base[t, 1].mean() for t in upper) > max(pack.base[t, 1].mean() for t in lower)
    assert pack.shape("jawOpen")[lower[5], 1].max() < -2 and not pack.shape("jawOpen")[upper[5]].any()
    assert (pack.vertex_part == SOCKET).any()


def test_a_missing_head_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "data", lambda: tmp_path)
    with pytest.raises(W2LError, match="install w2l again"):
        head_pack.__wrapped__()
