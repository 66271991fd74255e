"""Time stamps to positions: holes, overlaps, rounding, and clocks that cannot be meant."""

import pytest

from w2l.audio.timeline import Timeline


def gaps(stamps: list[float | None], duration: float = 0.0) -> list[int]:
    """What is missing before each of some blocks of 0.1 s at 1000 Hz."""
    timeline = Timeline(duration)
    return [timeline.place(stamp, 100, 1000) for stamp in stamps]


@pytest.mark.parametrize(
    ("stamps", "missing"),
    [
        ([5.0, 5.1, 5.2], [0, 0, 0]),
        ([5.0, 5.3, 5.4], [0, 200, 0]),
        ([5.0, 5.05, 5.15, 5.25], [0, -50, 0, 0]),
        ([5.0, 4.9, 5.0, 5.1], [0, -100, -100, 0]),
        ([5.0, 5.12, 5.19, 5.32, 5.38], [0, 0, 0, 0, 0]),  # rounded
        ([5.0, 5.12, 5.24, 5.36], [0, 0, 40, 0]),  # a clock that runs faster than the samples
        ([None, None, 7.0, 7.3], [0, 0, 0, 200]),
        ([5.0, None, None, 5.5], [0, 0, 0, 200]),
        ([5.0, 2.0, 2.1, 2.5], [0, 0, 0, 300]),  # set anew
        ([5.0, 500.0, 500.1, 500.5], [0, 0, 0, 300]),
        ([None, None], [0, 0]),
    ],
)
def test_what_is_missing(stamps, missing):
    assert gaps(stamps) == missing


def test_a_long_file_may_have_a_long_hole():
    assert gaps([0.0, 500.0], duration=600) == [0, 499_900]


def test_the_first_stamp_is_kept():
    timeline = Timeline()
    for stamp in (None, 3.1, 3.6):
        timeline.place(stamp, 100, 1000)
    assert timeline.first == pytest.approx(3.0)


def test_silence_is_bounded():
    """However often a clock jumps forward."""
    with pytest.raises(ValueError, match="31 minutes"):
        gaps([50.0 * i for i in range(1000)])
