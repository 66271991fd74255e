"""Tests of what is found in whole clips: faces, cuts, batches, and the cache of them."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.threads import count_threads

from w2l import faces, video
from w2l.base import paths
from w2l.errors import W2LError
from w2l.faces import detection
from w2l.video import Framing


class Counting:
    """A detector that puts a box where the frame is brightest, and counts the frames that it was shown."""

    name = "counting"

    def __init__(self, settings="a=1"):
        self.settings = settings
        self.shown = 0
        self.largest_batch = 0

    def detect(self, frames):
        self.shown += len(frames)
        self.largest_batch = max(self.largest_batch, len(frames))
        found = []
        for frame in frames:
            x = int(frame.mean(axis=(0, 2)).argmax())
            found.append(np.array([[x - 8, 4, x + 8, 28, 0.9], [1, 2, 9, 12, 0.5]][: x % 3], np.float32).reshape(-1, 5))
        return found


def scenery(seed, n_frames, height=48, width=96):
    """A shot: blotches that stay, and a bright bar that wanders over them."""
    rng = np.random.default_rng(seed)
    rough = rng.integers(0, 200, (6, 8, 3), dtype=np.uint8)
    for i in range(n_frames):
        frame = cv2.resize(rough, (width, height), interpolation=cv2.INTER_CUBIC)
        frame[:, (10 + 4 * i) % width] = 255
        yield frame


def write_clip(path, seeds=(1, 2)):
    """A clip of 12 frames at 25 fps, with a cut in its middle."""
    with video.VideoWriter(path, 25) as writer:
        for seed in seeds:
            for frame in scenery(seed, 6):
                writer.write(frame)
    return path


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.mp4")


@pytest.fixture(autouse=True)
def fresh_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("W2L_CACHE", str(tmp_path / "cache"))


def kept():
    return sorted(paths.cache().glob("faces/*"))


def look(path_or_frames, settings="a=1", **how):
    """What is found, and how many frames the detector was shown for it."""
    finder = Counting(settings)
    return faces.detect_clip(path_or_frames, finder, **how), finder.shown


def same(a, b):
    assert (a.cuts, a.size, a.whole, a.views) == (b.cuts, b.size, b.whole, b.views)
    assert len(a.faces) == len(b.faces)
    for one, other in zip(a.faces, b.faces, strict=True):
        assert one.dtype == other.dtype == np.float32
        np.testing.assert_array_equal(one, other)


def test_faces_and_cuts_of_a_clip(clip):
    found, shown = look(clip, cache=False)
    assert shown == len(found.faces) == 12
    assert found.cuts == [6]
    assert len(found.views) == 2
    assert found.size == (96, 48)
    assert found.whole
    assert len({len(boxes) for boxes in found.faces}) > 1, "the detector should see different things"
    assert kept() == []
    frames = list(video.read_frames(clip))
    same(look(frames)[0], found)
    same(look(iter(frames))[0], found)
    assert kept() == [], "frames have no file to be kept for"


def test_a_second_look_takes_what_the_first_one_found(clip, tmp_path):
    first, shown = look(clip)
    assert shown == 12
    again, shown = look(clip)
    assert shown == 0
    same(first, again)
    renamed = shutil.copy(clip, tmp_path / "another name.bin")
    again, shown = look(renamed)
    assert shown == 0
    same(first, again)
    assert look(clip, cache=False)[1] == 12
    assert len(kept()) == 1


def test_tracks_with_other_pads_take_the_same_boxes(clip):
    finder = Counting()
    wide = faces.track_faces(clip, detector=finder, pads=(0, 20, 0, 0), gaps="hold")
    narrow = faces.track_faces(clip, detector=finder, pads=(0, 0, 0, 0), gaps="hold", smooth=False)
    assert finder.shown == 12
    assert not np.array_equal(wide.boxes, narrow.boxes)


def test_what_would_find_other_boxes_looks_again(clip, tmp_path):
    look(clip)
    assert look(clip, settings="a=2")[1] == 12
    assert look(clip, fps=12.5)[1] == 6
    assert look(clip, fps=25)[1] == 0, "its own rate, said aloud"
    found, shown = look(clip, framing=Framing(crop=(16, 0, 80, 48)))
    assert shown == 12
    assert found.size == (64, 48)
    same(look(clip, framing=Framing(crop=(16, 0, 80, 48)))[0], found)
    assert look(clip, framing=Framing(rotate=90))[0].size == (48, 96)
    other = Counting()
    other.name = "another"
    faces.detect_clip(clip, other)
    assert other.shown == 12
    assert len(kept()) == 6


def test_another_content_in_the_same_place_looks_again(clip, tmp_path):
    path = Path(shutil.copy(clip, tmp_path / "clip.mp4"))
    before = path.stat()
    look(path)
    content = bytearray(path.read_bytes())
    content[content.index(b"mdat") + 600] ^= 1  # one bit of a picture
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert look(path)[1] == 12


def test_only_as_many_frames_as_are_wanted(clip):
    part, shown = look(clip, max_frames=5)
    assert shown == len(part.faces) == 5
    assert (part.cuts, part.whole) == ([], False)
    same(look(clip, max_frames=5)[0], part)
    less, shown = look(clip, max_frames=3)
    assert shown == 0
    assert len(less.faces) == 3
    more, shown = look(clip, max_frames=8)
    assert shown == len(more.faces) == 8, "the part that is kept is too short"
    assert (more.cuts, more.whole) == ([6], False)
    again, shown = look(clip, max_frames=5)
    assert shown == 0
    same(again, part)
    whole, shown = look(clip)
    assert shown == 12
    for most in (12, 13, None):
        again, shown = look(clip, max_frames=most)
        assert shown == 0
        same(again, whole)
    again, shown = look(clip, max_frames=11)
    assert shown == 0
    assert (len(again.faces), again.whole) == (11, False)


@pytest.mark.parametrize("most", [11, 12, 13])
def test_whole_is_what_ends_by_itself(clip, most):
    frames = list(video.read_frames(clip))
    for found in (look(clip, max_frames=most)[0], look(iter(frames), max_frames=most)[0]):
        assert found.whole == (most >= 12)
        assert len(found.faces) == min(most, 12)


def test_frames_are_taken_a_few_at_a_time():
    taken = 0

    def frames():
        nonlocal taken
        for frame in scenery(1, 100):
            taken += 1
            yield frame

    class Watching(Counting):
        def detect(self, frames):
            assert taken <= self.shown + 8
            return super().detect(frames)

    watching = Watching()
    assert len(faces.detect_clip(frames(), watching).faces) == 100
    assert watching.largest_batch == 8
    watching.batch = 3
    faces.detect_clip(scenery(1, 10), watching)
    large = Counting()
    large.batch = 20
    faces.detect_clip(scenery(1, 50), large)
    assert large.largest_batch == 20, "a detector says how many frames suit it"


def test_each_frame_is_told_unless_it_is_not_looked_at(clip, capfd):
    told = []
    look(clip, on_frame=lambda: told.append(1), max_frames=7)
    assert len(told) == 7
    look(clip, on_frame=lambda: told.append(1), max_frames=7, progress=True)
    assert len(told) == 7
    assert capfd.readouterr().err == ""
    look(clip, progress=True)
    bar = capfd.readouterr().err
    assert "finding the face" in bar
    assert "12/12" in bar


def test_a_fixed_box_is_not_kept(clip):
    found = faces.detect_clip(clip, faces.FixedBox((10, 10, 30, 40)))
    assert [boxes.tolist() for boxes in found.faces] == [[[10, 10, 30, 40, 1]]] * 12
    assert kept() == []


def test_frames_that_are_none_are_refused(tmp_path):
    with pytest.raises(W2LError, match="no frames"):
        look([])
    with pytest.raises(W2LError, match="frame 1 of the clip is 21 x 16 pixels, the first one 20 x 16"):
        look([np.zeros((16, 20, 3), np.uint8), np.zeros((16, 21, 3), np.uint8)])
    for frame in (np.zeros((16, 20, 3)), np.zeros((16, 20), np.uint8), np.zeros((16, 20, 4), np.uint8)):
        with pytest.raises(W2LError, match="frame 0 of the clip is not"):
            look([frame], framing=Framing(rotate=90))
    with pytest.raises(W2LError, match="max_frames of 1 or more"):
        look([np.zeros((16, 20, 3), np.uint8)], max_frames=0)
    for path in (tmp_path, tmp_path / "nothing.mp4"):
        with pytest.raises(W2LError, match=path.name):
            look(path)
    (tmp_path / "clip.mp4").write_bytes(b"not a clip" * 100)
    with pytest.raises(W2LError, match=r"clip\.mp4"):
        look(tmp_path / "clip.mp4")
    assert kept() == []


def test_an_error_of_the_detector_ends_the_reading_thread(tmp_path):
    clip = write_clip(tmp_path / "long.mp4", range(7))

    class Failing(Counting):
        def detect(self, frames):
            raise W2LError("enough.")

    before = count_threads()
    with pytest.raises(W2LError, match="enough") as caught:  # noqa: F841 - as long as it is held, nothing is collected
        faces.detect_clip(clip, Failing())
    assert count_threads() == before
    assert kept() == [], "half of a clip is not kept"


def entry_of(clip):
    look(clip)
    (entry,) = kept()
    return entry


def spoil(entry, **changed):
    with np.load(entry) as archive:
        content = {**archive, **changed}
    np.savez(entry, **{name: value for name, value in content.items() if value is not None})


def check_mended(clip, wanted, must_look=True):
    found, shown = look(clip)
    same(found, wanted)
    assert shown == 12 or not must_look
    found, shown = look(clip)
    assert shown == 0, "a broken entry was not replaced"
    same(found, wanted)


@pytest.mark.parametrize("length", [0, 1, 30, 100, 400, -100, -20, -1])
def test_a_truncated_entry_is_replaced(clip, length):
    entry = entry_of(clip)
    wanted, _ = look(clip)
    entry.write_bytes(entry.read_bytes()[:length])
    check_mended(clip, wanted)


def test_an_entry_with_wrong_bits_gives_no_wrong_boxes(clip):
    entry = entry_of(clip)
    wanted = detection._read(entry)
    content = entry.read_bytes()
    rng = np.random.default_rng(9)
    broken = 0
    for at in rng.permutation(len(content))[:400]:
        entry.write_bytes(content[:at] + bytes([content[at] ^ (1 << int(rng.integers(8)))]) + content[at + 1 :])
        found = detection._recall(entry, None)
        if found is None:
            broken += 1
        else:
            same(found, wanted)
    assert broken > 200


@pytest.mark.parametrize(
    "content", [b"", b"PK\x05\x06" + bytes(18), b"text\n" * 50, b"\x80\x04]\x94.", b"\x93NUMPY\x01\x00junk", bytes(999)]
)
def test_a_foreign_file_is_replaced(clip, content):
    entry = entry_of(clip)
    wanted, _ = look(clip)
    entry.write_bytes(content)
    check_mended(clip, wanted)


def test_an_array_or_object_in_its_place_is_replaced(clip):
    entry = entry_of(clip)
    wanted, _ = look(clip)
    with entry.open("wb") as file:
        np.save(file, np.zeros(5))
    check_mended(clip, wanted)
    spoil(entry, boxes=np.array([{"a": 1}], dtype=object))
    check_mended(clip, wanted)


@pytest.mark.parametrize(
    "changed",
    [
        {"key": np.array("0" * 64)},
        {"key": None},
        {"boxes": None},
        {"boxes": np.zeros((3, 5), np.float32)},
        {"boxes": np.zeros((12, 4), np.float32)},
        {"boxes": np.zeros((0, 5), np.float64)},
        {"counts": np.zeros(12, np.int64)},
        {"counts": np.zeros((0,), np.int64)},
        {"counts": np.full(12, 0.5)},
        {"counts": np.array([1, -1, *[0] * 10]), "boxes": np.zeros((0, 5), np.float32)},
        {"cuts": np.array([6, 6])},
        {"cuts": np.array([7, 3])},
        {"cuts": np.array([0])},
        {"cuts": np.array([12])},
        {"cuts": np.array([-2])},
        {"views": np.array([0])},
        {"size": np.array([96, 0])},
        {"size": np.array([96, 48, 3])},
        {"whole": np.array([True])},
        {"whole": np.array(1)},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_an_entry_that_makes_no_sense_is_replaced(clip, changed):
    entry = entry_of(clip)
    wanted, _ = look(clip)
    spoil(entry, **changed)
    check_mended(clip, wanted)


def test_the_entry_of_another_clip_under_this_name_is_replaced(clip, tmp_path):
    entry = entry_of(clip)
    wanted, _ = look(clip)
    look(write_clip(tmp_path / "other.mp4", (5, 6)))
    (other,) = set(kept()) - {entry}
    shutil.copy(other, entry)
    check_mended(clip, wanted)


def test_a_folder_that_cannot_be_written_is_no_error(clip, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("W2L_CACHE", str(tmp_path / "file"))
    for _ in range(2):
        assert look(clip)[1] == 12


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_a_full_disk_is_no_error(clip, monkeypatch, code):
    def full(file, **arrays):
        Path(file).write_bytes(b"half")
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", full)
        assert look(clip)[1] == 12
        assert kept() == []
    assert look(clip)[1] == 12
    assert look(clip)[1] == 0


def test_the_files_used_last_stay(clip, monkeypatch):
    for i in range(4):
        look(clip, settings=str(i))
    for i, entry in enumerate(kept()):
        os.utime(entry, (1000 + i, 1000 + i))
    first = min(kept(), key=lambda entry: entry.stat().st_mtime)
    second, third = sorted(set(kept()) - {first}, key=lambda entry: entry.stat().st_mtime)[:2]
    number = next(i for i in range(4) if detection._entry(clip, Counting(str(i)), 25.0, Framing()) == first)
    assert look(clip, settings=str(number))[1] == 0, "used: now it is the youngest"
    monkeypatch.setattr(detection, "_ROOM", 3 * 4096)
    look(clip, settings="new")
    assert len(kept()) == 3
    assert first in kept()
    assert not {second, third} & set(kept())


def test_two_processes_at_once(clip, tmp_path):
    script = """
import sys
import numpy as np
from w2l import faces
class Fixed:
    name = "fixed"
    def __init__(self, i): self.settings = str(i % 3)
    def detect(self, frames): return [np.full((2, 5), i, np.float32) for i in range(len(frames))]
for i in range(30):
    found = faces.detect_clip(sys.argv[1], Fixed(i), max_frames=5 + i % 7)
    assert len(found.faces) == 5 + i % 7 and not found.whole
    assert [boxes[0, 0] for boxes in found.faces[:5]] == [0, 1, 2, 3, 4]
"""
    started = [
        subprocess.Popen([sys.executable, "-c", script, str(clip)], stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]
    for process in started:
        _, error = process.communicate(timeout=60)
        assert process.returncode == 0, error
    assert len(kept()) == 3
    assert all(detection._read(entry) for entry in kept())


def test_parts_of_a_clip_are_kept_apart(clip):
    frames = list(video.read_frames(clip))
    first, shown = look(clip, end=0.16)  # 4 frames
    assert shown == 4 and not first.whole
    middle, shown = look(clip, start=0.16, end=0.32)
    assert shown == 4, "of another part"
    for found, part in ((first, frames[:4]), (middle, frames[4:8])):
        for one, other in zip(found.faces, look(part)[0].faces, strict=True):
            np.testing.assert_array_equal(one, other)
    assert middle.cuts == [2], "counted in the part"
    assert look(clip, start=0.16, end=0.32)[1] == look(clip, end=0.16)[1] == 0
    longer, shown = look(clip, start=0.16, end=0.4)
    assert shown == len(longer.faces) == 6
    rest, shown = look(clip, start=0.16)
    assert shown == len(rest.faces) == 8 and rest.whole
    assert look(clip, start=0.16, end=0.32)[1] == 0
    same(look(clip, start=0.16, end=0.32)[0], middle)
    assert len(look(clip)[0].faces) == 12
    assert len(look(clip, start=0.16, max_frames=3)[0].faces) == 3
    with pytest.raises(W2LError, match="frames that are given have no times"):
        look(frames, start=0.16)


def test_a_track_of_a_part(clip):
    whole = faces.track_faces(clip, detector=Counting(), smooth=False, gaps="hold")
    part = faces.track_faces(clip, detector=Counting(), smooth=False, gaps="hold", start=0.28)
    (one,) = faces.find_tracks(clip, detector=Counting(), smooth=False, gaps="hold", start=0.28)[:1]
    assert len(whole) == 12 and len(part) == len(one) == 5
