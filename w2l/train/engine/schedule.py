"""Learning rates over the steps of a training."""

from __future__ import annotations

import math

from w2l.errors import W2LError


def cosine(step: int, steps: int, peak: float, warmup: int = 50, floor: float = 0.02) -> float:
    """Learning rate that rises over `warmup` steps to `peak`, then falls along a cosine to `floor * peak`."""
    if step < warmup:
        return peak * (step + 1) / warmup
    done = min(1.0, (step - warmup) / max(1, steps - warmup))
    return peak * (floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * done)))


def scheduled(schedule: str, step: int, steps: int, peak: float, floor: float = 0.02) -> float:
    """The learning rate of a schedule: ``cosine`` (see above) or ``constant``, as published."""
    if schedule == "constant":
        return peak
    if schedule != "cosine":
        raise W2LError(f"there is no schedule {schedule!r}; choose cosine or constant.")
    return cosine(step, steps, peak, floor=floor)
