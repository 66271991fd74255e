"""The cepstra that the published SyncNet hears, against those of the published code."""

import math

import numpy as np
import pytest
from helpers.places import GOLDEN

from w2l.sync.mfcc import mfcc, to_pcm16


def test_mfcc_is_the_published_one():
    golden = np.load(GOLDEN / "audio.npz")
    found = mfcc(golden["pcm16"])
    assert found.shape == golden["mfcc13"].shape
    np.testing.assert_allclose(found, golden["mfcc13"], atol=1e-3, rtol=0)


@pytest.mark.parametrize("samples", [0, 1, 399, 400, 401, 560, 561, 4096 * 160 + 700])
def test_mfcc_has_a_column_for_each_ten_milliseconds(samples):
    """Also over the edges of the blocks it is worked out in: a later start gives the same columns."""
    pcm = np.random.default_rng(0).integers(-9000, 9000, samples).astype(np.int16)
    found = mfcc(pcm)
    assert found.shape == (13, 1 + max(0, math.ceil((samples - 400) / 160)))
    assert np.isfinite(found).all()
    if samples > 4096 * 160:
        later = mfcc(pcm[4090 * 160 :])  # its first column alone misses the sample before, which pre-emphasis wants
        np.testing.assert_allclose(found[:, 4091:], later[:, 1:], rtol=1e-9)


def test_sixteen_bits_survive_the_way_through_floats():
    pcm = np.array([-32768, -1, 0, 1, 32767], np.int16)
    assert (to_pcm16(pcm.astype(np.float32) / 32768) == pcm).all()
    assert to_pcm16(np.array([2.0, -2.0])).tolist() == [32767, -32768]
