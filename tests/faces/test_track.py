"""Tests of cuts, of linking, and of the choice among several faces; of the numbered picture of them."""

from __future__ import annotations

import itertools
import time
from functools import lru_cache

import cv2
import numpy as np
import pytest
from helpers.places import SHARED

from w2l import faces, talker, video
from w2l.dubbing import contact_sheet
from w2l.errors import W2LError
from w2l.faces import link as linking
from w2l.faces.cuts import CutFinder
from w2l.faces.link import link
from w2l.video import Framing

CLIPS, YUNET = SHARED / "clips", SHARED / "models" / "face_detection_yunet_2023mar.onnx"
needs_clips = pytest.mark.skipif(not CLIPS.is_dir(), reason="no ../shared/clips")
needs_yunet = pytest.mark.skipif(not YUNET.is_file(), reason="no ../shared/models")
SIZE = (200, 160)


# --- cuts ---


@pytest.fixture(scope="module")
def shots():
    """Three people of the synthetic corpus, tightly cropped, 20 frames each."""
    return [talker.make_clip("train", number, seconds=0.8).frames for number in range(3)]


def cuts_of(*parts):
    finder = CutFinder()
    return [i for i, frame in enumerate(itertools.chain(*parts)) if finder(frame)], finder.views


@lru_cache
def scenery(seed, width=320, height=180):
    """A picture with structure at all scales."""
    rng = np.random.default_rng(seed)
    layers = [cv2.resize(rng.uniform(0, 1, (s, s, 3)), (width, height), interpolation=cv2.INTER_CUBIC) for s in (4, 9)]
    return np.clip(sum(layers) / 2 * 255, 0, 255).astype(np.uint8)


def lit(frame, gain, bias=0.0):
    return np.clip(frame * gain + bias, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(("one", "other"), [*itertools.permutations(range(3), 2)])
def test_a_cut_between_two_people_is_found_where_it_is(shots, one, other):
    assert cuts_of(shots[one], shots[other]) == ([20], [0, 1])
    assert cuts_of(shots[one][:3], shots[other][:1], shots[other][:9]) == ([3], [0, 1])


def test_a_dialogue_cut_to_and_fro_has_two_views(shots):
    a, b, c = shots
    assert cuts_of(a, b, a, c, b, a) == ([20, 40, 60, 80, 100], [0, 1, 0, 2, 1, 0])


def test_many_views_are_not_remembered_for_ever(shots):
    others = [[scenery(seed)] * 4 for seed in range(20)]
    cuts, views = cuts_of(shots[0], *others, shots[0])
    assert cuts == [20 + 4 * i for i in range(21)]
    assert views == list(range(22))


def test_talking_is_no_cut(shots):
    assert [cuts_of(shot)[0] for shot in shots] == [[], [], []]


def test_changes_of_light_are_no_cuts():
    still = scenery(1)
    fade = [lit(still, gain) for gain in np.linspace(1, 0, 12)]
    assert cuts_of([still] * 5, fade, fade[::-1], [still] * 5) == ([], [0])
    assert cuts_of([still] * 5, [lit(still, 0.5, 90)] * 5) == ([], [0])


def test_blank_frames_begin_no_shot():
    a, b = scenery(1), scenery(2)
    for blank in (0, 255):
        empty = [np.full_like(a, blank)] * 3
        assert cuts_of(empty, [a] * 4, empty, [a] * 4) == ([], [0])
        assert cuts_of([a] * 4, empty, [b] * 4) == ([7], [0, 1])


def test_a_flash_is_one_cut_at_most_and_no_other_view():
    still = scenery(1)
    assert cuts_of([still] * 8, [lit(still, 1.5, 40)], [still] * 8) == ([], [0])
    assert cuts_of([still] * 8, [lit(still, 2, 60)], [still] * 8) == ([8], [0, 0])
    assert cuts_of([still] * 8, [scenery(2)], [still] * 8) == ([8], [0, 0])


def test_motion_and_noise_are_no_row_of_cuts():
    wide = scenery(3, 1600, 180)
    pan = [wide[:, x : x + 320] for x in range(0, 1200, 24)]
    assert cuts_of(pan)[0] == []
    rng = np.random.default_rng(0)
    assert len(cuts_of(rng.integers(0, 256, (40, 36, 64, 3), dtype=np.uint8))[0]) <= 2


def test_a_cut_between_black_bars_is_found(shots):
    barred = [[cv2.copyMakeBorder(f, 0, 0, 90, 90, cv2.BORDER_CONSTANT) for f in shot] for shot in shots]
    assert cuts_of(*barred)[0] == [20, 40]


@pytest.mark.parametrize("size", [(1, 1), (2, 900), (900, 2), (40, 40)])
def test_frames_of_any_size_are_looked_at(size):
    rng = np.random.default_rng(0)
    assert cuts_of([rng.integers(0, 256, (*size, 3), dtype=np.uint8)] * 5) == ([], [0])


@needs_clips
@pytest.mark.parametrize(
    ("name", "cuts"),
    [
        ("hamilton_cuts.mp4", [20, 82, 211]),
        ("torchcodec_nasa_two_video_streams.mp4", [240]),
        ("moviepy_fire2_phone_vfr_rot180.mp4", []),
        ("real3d_may_512.mp4", []),
        ("vretalk_face1_vfr.mp4", []),
        ("moviepy_1x1_1fps.mp4", []),
    ],
)
def test_cuts_of_real_clips(name, cuts):
    assert cuts_of(video.read_frames(CLIPS / "video" / name))[0] == cuts


@needs_clips
def test_a_cut_between_two_people_before_the_same_curtain_is_found():
    parts = [
        video.read_frames(CLIPS / "video" / f"grid_{name}.mpg", max_frames=10) for name in ("bbaf2n", "id2_swwp2s")
    ]
    assert cuts_of(*parts)[0] == [10]


# --- linking ---


def at(x, y=50.0, w=40.0, h=60.0):
    return [x, y, x + w, y + h]


def seen(boxes):
    """Detections of one frame."""
    return np.array([[*box, 0.9] for box in boxes], np.float32).reshape(-1, 5)


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


@pytest.mark.parametrize(("a", "b", "overlap"), [(at(0), at(0), 1), (at(0), at(20), 1 / 3), (at(0), at(40), 0)])
def test_iou(a, b, overlap):
    assert linking.iou(a, b) == linking.iou(np.array(b), np.float32(a)) == pytest.approx(overlap)
    assert linking.iou(a, [np.nan] * 4) == 0


# --- the choice ---

BIG, SMALL, MIDDLE = at(5, 20, 60, 90), at(150, 100, 20, 30), at(82, 60, 30, 40)


def scene(frames, cuts=()):
    return faces.Scene(faces.Found([seen(boxes) for boxes in frames], list(cuts), SIZE, True))


def chosen(frames, which, cuts=(), **how):
    """The boxes of that choice; None where there is none."""
    track = scene(frames, cuts).track(which, **{"pads": (0, 0, 0, 0), "smooth": False, **how})
    return [track.boxes[i].tolist() if track.has_face(i) else None for i in range(len(track))]


def test_numbers_are_the_weightiest_first():
    frames = [[SMALL, MIDDLE]] * 20 + [[SMALL, MIDDLE, BIG]] * 5  # 60 frames of 30 pixels, 5 of 90
    assert [chosen(frames, n)[-1] for n in range(3)] == [MIDDLE, SMALL, BIG]
    assert chosen(frames, 2) == [None] * 20 + [BIG] * 5
    assert chosen(frames, np.int64(1)) == chosen(frames, " 1 ") == [SMALL] * 25
    tracks = scene(frames).tracks(pads=(0, 0, 0, 0))
    assert [t.boxes[-1].tolist() for t in tracks] == [MIDDLE, SMALL, BIG]
    assert tracks[2].missing == list(range(20))


def test_a_number_that_no_face_has():
    frames = [[BIG, SMALL, MIDDLE]] * 4
    for number in (3, -1, "7"):
        with pytest.raises(W2LError, match=r"no face -?\d in the clip: 3 were found, 0 to 2\."):
            chosen(frames, number)
    with pytest.raises(W2LError, match="only face 0 was found"):
        chosen([[BIG]], 1)


def test_the_largest_and_the_most_central_of_each_shot():
    frames = [[SMALL, MIDDLE, BIG]] * 10 + [[SMALL, at(120, 10, 30, 50)]] * 10 + [[]] * 4 + [[SMALL]] * 5
    cuts = [10, 20, 24]
    assert chosen(frames, "largest", cuts) == [BIG] * 10 + [at(120, 10, 30, 50)] * 10 + [None] * 4 + [SMALL] * 5
    centre = [MIDDLE] * 10 + [at(120, 10, 30, 50)] * 10 + [None] * 4 + [SMALL] * 5
    assert chosen(frames, "centre", cuts) == chosen(frames, "Center", cuts) == centre


def test_who_passes_by_is_neither_the_largest_nor_the_most_central():
    passing = at(70, 20, 70, 100)
    frames = [[SMALL, passing] if 10 <= i < 16 else [SMALL] for i in range(40)]
    assert chosen(frames, "largest") == chosen(frames, "centre") == [SMALL] * 40
    assert chosen(frames[8:18], "largest") == [None] * 2 + [passing] * 6 + [None] * 2


def test_the_main_face_gives_way_in_shots_without_it():
    frames = [[BIG, SMALL]] * 10 + [[SMALL, MIDDLE]] * 4
    assert chosen(frames, "main", [10]) == [BIG] * 10 + [MIDDLE] * 4


def test_a_point_picks_the_face_that_holds_it_and_follows_it():
    walk = [at(10 + 6 * i) for i in range(20)]
    still = at(150, 70, 40, 60)
    frames = [[still, box] for box in walk]
    assert chosen(frames, (30, 80)) == walk
    assert chosen(frames, "170,100") == chosen(frames, np.array([170, 100])) == [still] * 20
    assert chosen(frames, (140.5, 60)) == walk, "the first to hold the point, not the nearest at first"


def test_a_point_that_no_face_holds_picks_the_nearest():
    assert chosen([[BIG, SMALL]] * 5, (140, 100)) == [SMALL] * 5
    assert chosen([[]] * 2 + [[BIG, SMALL]] * 5, (0, 160)) == [None] * 2 + [BIG] * 5


def test_after_a_cut_a_point_picks_again():
    frames = [[BIG, SMALL]] * 5 + [[MIDDLE]] * 5 + [[]] * 3 + [[SMALL, BIG]] * 5
    assert chosen(frames, (160, 110), [5, 10, 13]) == [SMALL] * 5 + [MIDDLE] * 5 + [None] * 3 + [SMALL] * 5


@pytest.mark.parametrize("which", ["left", "", "1.5", "3,", "1,2,3", (1, 2, 3), None, True, 1.5, ("a", "b")])
def test_choices_that_are_none(which):
    with pytest.raises(W2LError, match="which face cannot be"):
        chosen([[BIG]] * 4, which)


@pytest.mark.parametrize("which", [(-1, 5), (5, 161), (float("nan"), 5), "200.5,5"])
def test_points_outside_the_frame(which):
    with pytest.raises(W2LError, match="outside the frame, which is 200 x 160"):
        chosen([[BIG]] * 4, which)


def test_choices_as_typed():
    assert faces.parse_which("main") == "main"
    assert faces.parse_which(" Largest") == "largest"
    assert faces.parse_which("center") == "centre"
    assert faces.parse_which("12") == 12
    assert faces.parse_which("320, 180.5") == (320.0, 180.5)


# --- gaps and smoothing at cuts ---


def test_gaps_are_filled_within_their_shot_only():
    frames = [[at(20)]] * 4 + [[]] * 8 + [[]] * 8 + [[at(40)]] * 4 + [[]] * 6
    cuts = [12, 24]
    held = chosen(frames, "main", cuts, gaps="hold")
    assert held == [at(20)] * 12 + [at(40)] * 12 + [None] * 6
    assert chosen(frames, "main", cuts, gaps="interpolate") == held, "the box moved on across a cut"
    assert chosen(frames, "main", [24], gaps="interpolate")[11] == pytest.approx(at(20 + 20 * 8 / 17))
    assert chosen(frames, 0, cuts, gaps="hold") == [at(20)] * 12 + [None] * 18
    with pytest.raises(W2LError, match="frames 4-19, 24-29"):
        chosen(frames, "main", cuts, gaps="error")


def test_who_passes_by_is_no_error_among_all_tracks():
    frames = [[BIG, SMALL]] * 5 + [[BIG]] * 9
    assert [track.missing for track in scene(frames).tracks(gaps="error")] == [[], list(range(5, 14))]
    with pytest.raises(W2LError, match="frames 14-15"):
        scene([*frames, [], []]).tracks(gaps="error")


def test_a_drop_out_at_a_cut_is_not_bridged():
    frames = [[at(20)]] * 4 + [[]] * 4 + [[at(28)]] * 4
    assert None not in chosen(frames, "main")
    assert chosen(frames, "main", [6]) == [at(20)] * 4 + [None] * 4 + [at(28)] * 4


def test_smoothing_stops_at_a_gap():
    frames = [[at(20 + i % 3)] for i in range(20)] + [[]] * 9 + [[at(60 + i % 3)] for i in range(20)]
    smoothed = chosen(frames, "main", smooth=True)
    assert [i for i in range(49) if smoothed[i] is None] == list(range(20, 29))
    assert all(abs(b[0] - (21 if i < 20 else 61)) <= 1 for i, b in enumerate(smoothed) if b is not None)
    assert smoothed[10][0] == pytest.approx(20.8, abs=0.3)


def test_smoothing_stops_at_a_cut_even_where_the_box_hardly_jumps():
    frames = [[at(20)]] * 10 + [[at(26, 54, 44, 66)]] * 10
    assert chosen(frames, "main", [10], smooth=True) == [f[0] for f in frames]
    assert chosen(frames, "main", smooth=True) != [f[0] for f in frames]


# --- from frames to tracks ---

RED, GREEN = (0, 0, 255), (0, 255, 0)


class Patches:
    """A detector that takes pure red and pure green rectangles for faces."""

    name, settings = "patches", ""

    def __init__(self):
        self.frames = 0

    def detect(self, frames):
        self.frames += len(frames)
        return [seen([b for colour in (RED, GREEN) if (b := self._box(f, colour))]) for f in frames]

    @staticmethod
    def _box(frame, colour):
        rows, columns = np.nonzero((frame == colour).all(axis=2))
        return [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1] if len(rows) else None


def painted(seed, *patches):
    """A frame of that scenery with the patches (colour, box) on it."""
    frame = np.minimum(scenery(seed, *SIZE), 250)
    for colour, (x1, y1, x2, y2) in patches:
        frame[int(y1) : int(y2), int(x1) : int(x2)] = colour
    return frame


@lru_cache
def dialogue():
    """Two people in a wide shot, one of them alone in another shot, the wide shot again."""
    wide = [painted(1, (RED, at(20 + i)), (GREEN, at(120 - i))) for i in range(12)]
    close = [painted(2, (GREEN, at(60, 20, 70, 100)))] * 12
    return [*wide, *close, *wide[::-1]]


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


# --- the picture of them ---


@pytest.fixture
def filmed(tmp_path):
    with video.VideoWriter(tmp_path / "clip.mp4", 25) as writer:
        for frame in dialogue():
            writer.write(frame)
    return tmp_path / "clip.mp4"


def colours_in(path):
    picture = cv2.imread(str(path))
    return picture, {
        k for k, colour in enumerate(contact_sheet._COLOURS) if (picture == colour).all(axis=2).sum() > 100
    }


def test_each_track_has_its_colour_in_the_picture(filmed, tmp_path):
    tracks = faces.see(dialogue(), Patches()).tracks()
    drawn = contact_sheet.write_track(filmed, tracks, tmp_path / "tracks.png")
    picture, colours = colours_in(drawn)
    assert colours == set(range(len(tracks)))
    assert picture.shape[1] <= 1650
    contact_sheet.write_track(filmed, tracks[0], tmp_path / "track.png", columns=2)
    assert colours_in(tmp_path / "track.png")[1] == {0}


def test_a_face_seen_for_a_moment_is_in_the_picture_too(filmed, tmp_path):
    frames = [[BIG, SMALL] if i in (13, 14, 15) else [BIG] for i in range(36)]
    tracks = scene(frames).tracks(smooth=False)
    assert colours_in(contact_sheet.write_track(filmed, tracks, tmp_path / "few.png", columns=1))[1] == {0, 1}


def test_the_picture_shows_what_was_framed(filmed, tmp_path):
    framing = Framing(resize_factor=2, rotate=90)
    track = faces.track_faces(filmed, box=(10, 10, 60, 90), framing=framing, fps=5)
    assert track.size == (80, 100)
    picture, colours = colours_in(contact_sheet.write_track(filmed, track, tmp_path / "f.png", framing=framing, fps=5))
    assert colours == {0}
    assert picture.shape[0] / picture.shape[1] > 0.18  # higher than wide, seven of them in two rows


def test_no_track_cannot_be_drawn(filmed, tmp_path):
    with pytest.raises(W2LError, match="no track"):
        contact_sheet.write_track(filmed, [], tmp_path / "none.png")
    assert not (tmp_path / "none.png").exists()


# --- real people ---


@needs_clips
@needs_yunet
def test_two_people_are_told_apart():
    picture = CLIPS / "image" / "two_people.jpg"
    looked = faces.see(picture, faces.YuNet(YUNET))
    tracks = looked.tracks()
    assert len(tracks) == 2
    left, right = (looked.track(point).boxes[0] for point in ((300, 130), (860, 150)))
    assert left[2] < 500 < right[0]
    assert {tuple(t.boxes[0]) for t in tracks} == {tuple(left), tuple(right)}
    with pytest.raises(W2LError, match="2 were found"):
        looked.track(2)


@needs_clips
@needs_yunet
def test_no_track_of_a_clip_with_cuts_mixes_shots():
    clip, small = CLIPS / "video" / "hamilton_cuts.mp4", Framing(resize_factor=2)
    looked = faces.see(clip, faces.YuNet(YUNET), max_frames=100, framing=small, cache=False)
    assert looked.cuts == [20, 82]
    tracks = looked.tracks(gaps="hold")
    assert len(tracks) > 3
    for track in tracks:
        boxed = [i for i in range(len(track)) if track.has_face(i)]
        assert len(set(np.digitize(boxed, looked.cuts).tolist())) == 1
    main = looked.track("main")
    assert main.boxes[19, 0] > 250 > main.boxes[82, 0]
