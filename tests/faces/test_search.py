"""Tests of searching a clip for faces: see, track_faces, find_tracks."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.faces import (
    CLIPS,
    RED,
    Patches,
    Scripted,
    at,
    dialogue,
    follow,
    needs_clips,
    painted,
)

from w2l import faces
from w2l.errors import W2LError
from w2l.video import Framing


def test_cuts_and_faces_of_frames_make_tracks():
    one_look = Patches()
    seen_once = faces.see(dialogue(), one_look)
    assert seen_once.cuts == [12, 24]
    *wide, close = seen_once.tracks(pads=(0, 0, 0, 0), smooth=False)
    assert one_look.frames == 36
    assert close.missing == [*range(12), *range(24, 36)]
    assert [track.missing for track in wide] == [[*range(12, 24)]] * 2, "a shot that returns brings back its faces"
    steps = [*range(12), *range(12)[::-1]]
    assert sorted(track.boxes[track.found].tolist() for track in wide) == [
        [at(20 + i) for i in steps],
        [at(120 - i) for i in steps],
    ]
    main = faces.track_faces(dialogue(), Patches(), (0, 0, 0, 0), which="largest")
    assert main.boxes[12:24].tolist() == [at(60, 20, 70, 100)] * 12
    green = seen_once.track((140, 80), (0, 0, 0, 0), smooth=False)
    assert green.boxes[:12].tolist() == [at(120 - i) for i in range(12)]
    assert seen_once.track((140, 80)).boxes.shape == (36, 4)


def test_a_flash_does_not_part_a_track():
    still = painted(1, (RED, at(20)))
    flash = painted(2, (RED, at(20)))
    looked = faces.see([*[still] * 8, flash, *[still] * 8], Patches())
    assert looked.cuts == [8]
    (track,) = looked.tracks()
    assert track.missing == []


def test_one_call_is_as_good_as_a_look_and_a_choice():
    for which in ("main", "largest", "centre", 0, 1, (140, 80)):
        called = faces.track_faces(dialogue(), Patches(), (1, 2, 3, 4), False, "hold", which=which)
        picked = faces.see(dialogue(), Patches()).track(which, (1, 2, 3, 4), False, "hold")
        np.testing.assert_array_equal(called.boxes, picked.boxes)
        np.testing.assert_array_equal(called.found, picked.found)
    all_of_them = faces.find_tracks(dialogue(), Patches(), pads=(1, 2, 3, 4), smooth=False, gaps="hold")
    np.testing.assert_array_equal(
        all_of_them[1].boxes, faces.track_faces(dialogue(), Patches(), (1, 2, 3, 4), False, "hold", which=1).boxes
    )


def test_framing_and_the_first_frames():
    half = faces.track_faces(
        dialogue(), Patches(), (0, 0, 0, 0), framing=Framing(crop=(50, 10, 190, 150)), max_frames=20, which="largest"
    )
    assert len(half) == 20
    assert half.size == (140, 140)
    assert half.boxes[12].tolist() == at(10, 10, 70, 100)


def test_a_box_given_by_hand_is_one_track_through_all_cuts():
    for how in ({"box": (10, 20, 60, 90)}, {"detector": faces.FixedBox((10, 20, 60, 90))}):
        (track,) = faces.find_tracks(dialogue(), **how)
        np.testing.assert_array_equal(track.boxes, [[10, 20, 60, 90]] * 36)
        assert track.missing == []


def test_mistyped_arguments_are_told_before_the_look():
    def never():
        raise AssertionError("a frame was asked for")
        yield

    for how in ({"which": "left"}, {"gaps": "skip"}, {"pads": (1, 2)}):
        with pytest.raises(W2LError):
            faces.track_faces(never(), Patches(), **how)
    with pytest.raises(W2LError, match="gaps"):
        faces.find_tracks(never(), Patches(), gaps="skip")


def test_without_any_face_there_are_no_tracks():
    with pytest.raises(W2LError, match="no face was found in any of the 4 frames"):
        faces.find_tracks([painted(1)] * 4, Patches())
    assert faces.see([painted(1)] * 4, Patches()).faces == []


@needs_clips
def test_two_people_are_told_apart():
    picture = CLIPS / "image" / "two_people.jpg"
    looked = faces.see(picture, "yunet")
    tracks = looked.tracks()
    assert len(tracks) == 2
    left, right = (looked.track(point).boxes[0] for point in ((300, 130), (860, 150)))
    assert left[2] < 500 < right[0]
    assert {tuple(t.boxes[0]) for t in tracks} == {tuple(left), tuple(right)}
    with pytest.raises(W2LError, match="2 were found"):
        looked.track(2)


@needs_clips
def test_no_track_of_a_clip_with_cuts_mixes_shots():
    clip, small = CLIPS / "video" / "hamilton_cuts.mp4", Framing(resize_factor=2)
    looked = faces.see(clip, "yunet", max_frames=100, framing=small, cache=False)
    assert looked.cuts == [20, 82]
    tracks = looked.tracks(gaps="hold")
    assert len(tracks) > 3
    for track in tracks:
        boxed = [i for i in range(len(track)) if track.has_face(i)]
        assert len(set(np.digitize(boxed, looked.cuts).tolist())) == 1
    main = looked.track("main")
    assert main.boxes[19, 0] > 250 > main.boxes[82, 0]


def test_the_box_of_every_frame_with_its_pads():
    followed = follow([at(10), at(12), at(14)], pads=(1, 10, 3, 4))
    assert followed.boxes.dtype == np.float32
    np.testing.assert_allclose(followed.boxes, [[x - 3, 49, x + 44, 120] for x in (10, 12, 14)])
    assert followed.size == (200, 160)
    assert followed.found.all()
    assert followed.missing == []
    assert len(followed) == 3


def test_frames_are_taken_a_few_at_a_time():
    taken = 0

    def frames():
        nonlocal taken
        for _ in range(100):
            taken += 1
            yield np.zeros((8, 8, 3), np.uint8)

    class Watching(Scripted):
        def detect(self, frames):
            assert taken <= 108 - len(self.boxes)
            return super().detect(frames)

    scripted = Watching([at(1, 1, 4, 4)] * 100)
    assert len(faces.track_faces(frames(), detector=scripted)) == 100
    assert scripted.largest_batch <= 16


@pytest.mark.parametrize("how", [{"gaps": "skip"}, {"pads": (1, 2)}, {"pads": "wide"}, {"detector": "magic"}])
def test_arguments_out_of_range_are_refused(how):
    with pytest.raises(W2LError, match=r"choose one|four numbers"):
        faces.track_faces([np.zeros((160, 200, 3), np.uint8)], **how)


def test_frames_that_are_none_are_refused():
    with pytest.raises(W2LError, match="no frames"):
        faces.track_faces([], box=(0, 0, 9, 9))
    with pytest.raises(W2LError, match="one size"):
        faces.track_faces([np.zeros((16, 20, 3), np.uint8), np.zeros((16, 21, 3), np.uint8)], box=(0, 0, 9, 9))
    with pytest.raises(W2LError, match="uint8"):
        faces.track_faces([np.zeros((16, 20, 3))], box=(0, 0, 9, 9))
    with pytest.raises(W2LError, match=r"no face .* box="):
        follow([None] * 4)


@needs_clips
def test_pictures_without_a_face_say_so():
    with pytest.raises(W2LError, match="no face"):
        faces.track_faces(CLIPS / "image" / "noface_grass.jpg")


@needs_clips
def test_a_clip_of_five_frames_and_small_faces_is_tracked():
    followed = faces.track_faces(CLIPS / "video" / "faceapi_5frames.mp4", detector=faces.YuNet(min_score=0.7))
    assert len(followed) == 5
    assert followed.missing == []
