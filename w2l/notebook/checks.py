"""Self-checks that say what they compared: in class, a bare "OK" teaches nothing."""

from __future__ import annotations

from typing import Any

import numpy as np

RIGHT, WRONG, OPEN = "✓", "✗", "○"


def check(name: str, yours: Any, expected: Any, tolerance: float = 0.0) -> None:
    """Compares and prints one line with both values and whether they agree.

    yours: a number, text, truth value or array; None or ... for an exercise that is still open. tolerance: how far
    numbers may be apart. Arrays must have the same shape.
    """
    if yours is None or yours is ...:
        print(f"{OPEN} {name}: no answer yet")
        return
    agree = _agree(yours, expected, tolerance)
    within = f" (±{tolerance:g})" if tolerance else ""
    print(f"{RIGHT if agree else WRONG} {name}: got {_told(yours)}, expected {_told(expected)}{within}")


def _agree(yours: Any, expected: Any, tolerance: float) -> bool:
    if isinstance(expected, (str, bool, type(None))) or isinstance(yours, str):
        return bool(yours == expected)
    one, two = np.asarray(yours), np.asarray(expected)
    return one.shape == two.shape and bool(np.allclose(one, two, rtol=0, atol=tolerance))


def _told(value: Any) -> str:
    """A value in a few words: arrays by shape and range, numbers without a tail of digits."""
    if isinstance(value, np.ndarray) and value.ndim:
        return f"array {value.shape} in [{value.min():.4g}, {value.max():.4g}]"
    if isinstance(value, (float, np.floating)):
        return f"{value:.4g}"
    return repr(value) if isinstance(value, str) else str(value)
