"""The shape of a mouth, in seven numbers."""

from __future__ import annotations

from typing import NamedTuple


class Mouth(NamedTuple):
    """A mouth shape. All about 0..1 except `width` and its opposite direction (-1 narrow .. 1 spread)."""

    opening: float  # gap between the lips; 1 is a wide /a/
    width: float
    rounding: float  # pursed and pushed forward
    teeth: float  # how much of the upper teeth shows
    tongue: float
    closure: float  # lips pressed together, whatever the opening says
    tuck: float  # lower lip under the upper teeth, for /f v/
