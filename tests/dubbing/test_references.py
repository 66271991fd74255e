"""The choice of references: closed lips of the last two seconds, in the same pose and light, and no flicker."""

from __future__ import annotations

import numpy as np
import pytest

from w2l import talker
from w2l.dubbing import methods, references
from w2l.dubbing.references import ClosedLips, OwnFrames
from w2l.dubbing.settings import Settings
from w2l.errors import W2LError


@pytest.fixture
def choose(monkeypatch):
    """Chooses for crops that are all alike but for one pixel, with openings as given: the number of each reference."""

    def chosen(openings, grey=None, fps=4.0):
        chooser = ClosedLips(fps)
        read = iter(openings)
        monkeypatch.setattr(chooser, "_opening", lambda crop: next(read))
        numbers = []
        for number in range(len(openings)):
            crop = np.full((96, 96, 3), 100 if grey is None else grey[number], np.uint8)
            crop[95, 95] = number
            numbers.append(int(chooser.choose(crop)[95, 95, 0]))
        return numbers

    return chosen


def test_the_least_open_mouth_so_far_is_held(choose):
    assert choose([5, 3, 6, 2, 7, 2.4, 1.9]) == [0, 1, 1, 3, 3, 3, 3]  # 1.9 is hardly less open than 2


def test_after_two_seconds_another_takes_its_place(choose):
    assert choose([0, 5, 5, 4, 5, 5, 5, 5, 5, 5]) == [0] * 8 + [3, 3]


def test_another_shot_or_light_begins_anew_and_the_first_is_found_again(choose):
    assert choose([1, 4, 3, 2, 4], grey=[100, 200, 200, 100, 200]) == [0, 1, 2, 0, 2]


def test_the_meter_tells_closed_lips_from_open_ones():
    clip = talker.make_clip("test", 0, seconds=2.0, cast=talker.Cast(looks="drawn"))
    chooser = ClosedLips(25.0)
    chosen = [chooser.choose(frame) for frame in clip.frames]
    openings = {frame.tobytes(): opening for frame, opening in zip(clip.frames, clip.truth[:, 0], strict=True)}
    assert openings[chosen[-1].tobytes()] <= clip.truth[:, 0].min() + 1.0
    assert len({one.tobytes() for one in chosen}) < 12


@pytest.mark.parametrize("size", [1, 3, 200])
def test_crops_given_together_have_the_references_of_each(size):
    """Of mouths that open and close, in two lights, over more than two seconds."""
    clip = talker.make_clip("test", 1, seconds=3.0, cast=talker.Cast(looks="drawn"))
    crops = [frame if i % 30 < 20 else frame // 2 for i, frame in enumerate(clip.frames)]
    one_by_one, together = ClosedLips(25.0), ClosedLips(25.0)
    expected = [one_by_one.choose(crop) for crop in crops]
    chosen = [one for i in range(0, len(crops), size) for one in together.choose_all(crops[i : i + size])]
    assert all(ours is theirs for ours, theirs in zip(chosen, expected, strict=True))
    assert len({id(one) for one in expected}) > 3


def test_settings_choose_and_the_published_way_takes_each_frame_itself():
    assert isinstance(methods.method_for(Settings()).references(25.0), ClosedLips)
    for settings in (Settings(reference="own"), Settings(parity=True)):
        chooser = methods.method_for(settings).references(25.0)
        assert isinstance(chooser, OwnFrames) and chooser.choose(crop := np.zeros((96, 96, 3), np.uint8)) is crop
    with pytest.raises(W2LError, match="reference cannot be 'best'; choose one of closed, own"):
        Settings(reference="best")
    assert isinstance(references.ClosedLips(0.2), ClosedLips)  # slower than a frame in two seconds
