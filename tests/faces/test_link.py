"""Tests of linking boxes to sightings."""

from __future__ import annotations

import time

import numpy as np
import pytest
from helpers.faces import (
    at,
    seen,
)

from w2l.faces.link import link


def lefts(sightings):
    """Of each sighting, frame: left edge."""
    return [dict(zip(s.frames, [box[0] for box in s.boxes], strict=True)) for s in sightings]


@pytest.mark.parametrize("aside", [0, 12, 25])
@pytest.mark.parametrize("hidden", [0, 3, 7])
def test_faces_that_cross_are_not_swapped(aside, hidden):
    """Two heads pass each other; the nearer one hides the other for a moment; detections come in any order."""
    ways = [(20 + 4 * i, 140 - 4 * i) for i in range(31)]
    frames = [seen([at(a), at(b, 50 + aside)][:: 1 if i % 3 else -1]) for i, (a, b) in enumerate(ways)]
    for i in range(15 - hidden // 2, 15 - hidden // 2 + hidden):
        frames[i] = seen([at(ways[i][0])])
    one, other = sorted(lefts(link(frames)), key=lambda left: left[0])
    assert one == {i: a for i, (a, _) in enumerate(ways)}
    assert other == {i: b for i, (_, b) in enumerate(ways) if len(frames[i]) == 2}


def test_the_better_overlap_wins():
    frames = [seen([at(20), at(45)]), seen([at(40), at(22)])]
    assert lefts(link(frames)) == [{0: 20, 1: 22}, {0: 45, 1: 40}]


def test_a_fast_head_is_one_face():
    x = [0, 20, 45, 75, 105, 135, 165, 195]  # 30 of its 40 pixels a frame
    assert len(link([seen([at(left)]) for left in x])) == 1


def test_a_face_that_stops_or_returns_while_unseen_is_found_again():
    moving = [seen([at(20 + 5 * i)]) for i in range(8)]
    nobody = [seen([])] * 10
    assert len(link([*moving, *nobody, seen([at(58)])])) == 1
    assert len(link([*moving, *nobody, seen([at(85)])])) == 1, "it may have gone on a little"
    assert len(link([*moving, *nobody, seen([at(130)])])) == 2


def test_patience_ends():
    still = [seen([at(20)])] * 4
    assert len(link([*still, *[seen([])] * 24, *still])) == 1
    assert len(link([*still, *[seen([])] * 25, *still])) == 2


def test_nothing_is_linked_across_a_cut_but_to_the_same_view():
    frames = [seen([at(20)])] * 30
    apart = [dict.fromkeys(span, 20) for span in (range(10), range(10, 20), range(20, 30))]
    assert lefts(link(frames, [10, 20])) == apart
    assert lefts(link(frames, [10, 20], [0, 1, 0])) == [apart[0] | apart[2], apart[1]]
    assert lefts(link(frames, [10, 20], [0, 1, 2])) == apart


def test_in_a_view_come_back_to_patience_counts_what_was_seen_of_it():
    still, nobody = [seen([at(20)])] * 4, [seen([])]
    for away, faces_seen in ((24, 1), (26, 2)):
        before = [*still, *nobody * 14]
        after = [*nobody * (away - 14), *still]
        frames = [*before, *nobody * 100, *after]
        assert len(link(frames, [len(before), len(before) + 100], [0, 1, 0])) == faces_seen


def test_linking_is_fast():
    rng = np.random.default_rng(0)
    boxes = np.array([at(20), at(80), at(140)])[None] + rng.normal(0, 1.5, (20_000, 3, 4))
    frames = [seen(faces) for faces in boxes]
    start = time.process_time()
    assert [len(s.frames) for s in link(frames)] == [20_000] * 3
    assert time.process_time() - start < 2
