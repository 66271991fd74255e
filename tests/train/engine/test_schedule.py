"""Learning rates over the steps."""

import numpy as np
import pytest

from w2l.errors import W2LError
from w2l.train.engine import schedule


def test_schedules():
    rates = [schedule.cosine(step, 200, 1.0, warmup=20) for step in range(200)]
    assert rates[0] == pytest.approx(0.05) and max(rates) == pytest.approx(1.0) and rates.index(max(rates)) in (19, 20)
    assert np.all(np.diff(rates[20:]) <= 0) and rates[-1] < 0.05
    assert schedule.scheduled("constant", 7, 10, 0.3) == 0.3
    with pytest.raises(W2LError, match="choose cosine or constant"):
        schedule.scheduled("linear", 0, 1, 1.0)
