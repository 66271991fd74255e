"""Batches drawn ahead, the same ones whoever draws them."""

import cv2
import numpy as np
import pytest
import torch
from helpers import tiny_training as tiny

from w2l.errors import W2LError
from w2l.train.engine.loader import PartSampler, batches


@pytest.mark.filterwarnings("ignore:This DataLoader will create")  # more than this machine has cores
def test_batches_do_not_depend_on_who_draws_them():
    alone = list(batches(tiny.make("generator", tiny.options(workers=0)), 1))
    threads = cv2.getNumThreads()
    cv2.setNumThreads(4)
    cv2.GaussianBlur(np.zeros((2000, 2000), np.uint8), (9, 9), 2)  # OpenCV has threads now, which no child inherits
    shared = list(batches(tiny.make("generator", tiny.options(workers=2)), 1))
    assert cv2.getNumThreads() == 4
    cv2.setNumThreads(threads)
    assert len(alone) == len(shared) == 5
    for (one,), (other,) in zip(alone, shared, strict=True):
        for name, value in one.items():
            assert torch.equal(value, other[name]), name


def test_a_batch_in_parts_is_the_same_samples_for_any_number_of_processes(monkeypatch):
    whole = PartSampler(tiny.make("expert", tiny.options(accumulate=4), clips=4)).sample(3)
    monkeypatch.setattr("w2l.train.engine.distributed.world", lambda: 2)
    monkeypatch.setattr("w2l.train.engine.distributed.rank", lambda: 1)
    it = tiny.make("expert", tiny.options(accumulate=2), clips=4)
    second = PartSampler(it).sample(3)
    for a, b in zip(whole[2:], second, strict=True):
        np.testing.assert_array_equal(a["faces"], b["faces"])
    with pytest.raises(W2LError, match="cannot be split into 3 equal parts"):
        it.draw(np.random.default_rng(0), 0, 3)
