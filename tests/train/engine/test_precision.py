"""Mixed precision."""

import pytest
import torch
from helpers import tiny_training as tiny

from w2l.errors import W2LError
from w2l.train.engine.precision import Precision


def test_precision_is_chosen_by_name():
    assert Precision("off", tiny.CPU).dtype is None
    half = Precision("bf16", tiny.CPU)
    out = half(torch.nn.Linear(4, 4), torch.ones(1, 4))
    assert out.dtype == torch.float32 and torch.equal(out, out.bfloat16().float()) and not half.scaled
    with pytest.raises(W2LError, match="fp16 cannot be used for training on a CPU"):
        Precision("fp16", tiny.CPU)
    with pytest.raises(W2LError, match="no precision 'int4'"):
        Precision("int4", tiny.CPU)
