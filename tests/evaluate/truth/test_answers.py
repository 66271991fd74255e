"""Results of other systems: matched by name, in any size, rate and length near the right one; what is wrong is told."""

import shutil
from itertools import islice

import cv2
import pytest

from w2l.errors import W2LError
from w2l.evaluate.truth.answers import read_results
from w2l.evaluate.truth.scoring import score
from w2l.video import VideoWriter, read_frames, write_image


def give_back(made, folder, kind="frames", side=None, fps=25, frames=50, quality=23, height=None, shift=0):
    """The truth, as some system might give it back."""
    for number, clip in enumerate(made.clips):
        source = made.truth(made.clips[(number + shift) % len(made.clips)], kind)
        with VideoWriter(folder / f"{clip.name}.mp4", fps, quality=quality) as writer:
            for frame in islice(read_frames(source, fps), frames if fps == 25 else None):
                across = side or frame.shape[1]
                writer.write(cv2.resize(frame, (across, height or across), interpolation=cv2.INTER_AREA))
    return folder


_WAYS = {
    "compressed": {"quality": 28},
    "larger": {"side": 288},
    "50 frames a second": {"fps": 50},
    "a frame less": {"frames": 49},
    "bare faces": {"kind": "crops"},
    "larger faces": {"kind": "crops", "side": 160},
}


@pytest.mark.parametrize("way", _WAYS)
def test_the_truth_is_known_in_whatever_form_it_comes_back(way, made, judges, tmp_path):
    how = _WAYS[way]
    found = read_results(give_back(made, tmp_path / "mine", **how), made, "mine")
    assert found.kind == how.get("kind", "frames")
    report = score(found, made, judges)
    means = {key: report.mean(key).mean for key in ("opening_r", "leak", "amplitude", "outside", "lag", "offset")}
    assert means["opening_r"] > 0.9 and abs(means["leak"]) < 0.08
    assert (means["lag"], means["offset"]) == (0, 0)
    assert 0.75 < means["amplitude"] < 1.2 and means["outside"] < 0.02
    notes = [note for row in report.rows for note in row.notes]
    if way == "50 frames a second":
        assert notes == ["it has 50 frames a second and was read at 25."] * 2
    elif way == "a frame less":
        assert notes == ["it has 49 of 50 frames."] * 2


def test_a_clip_that_is_missing_is_named_and_the_others_are_scored(made, judges, tmp_path):
    folder = give_back(made, tmp_path / "mine")
    (folder / "001.mp4").unlink()
    write_image(folder / "other.png", next(iter(read_frames(folder / "000.mp4"))))
    report = score(read_results(folder, made), made, judges)
    assert report.rows[0].fault == ""
    assert report.rows[1].fault == f"it is missing from {folder}; its name must be 001.mp4."
    assert report.settings["system"] == "mine"
    assert report.settings["scored"].startswith("1 of 2 clips")


_WRONG = {
    "too short": ({"frames": 30}, "it ends after 30 of 50 frames"),
    "stretched": ({"height": 120}, "has 192x120 pixels, and what was given is square"),
    "another's name": ({"shift": 1}, "it shows face 001, not 000"),
}


@pytest.mark.parametrize("what", _WRONG)
def test_results_that_cannot_be_scored(what, made, judges, tmp_path):
    how, said = _WRONG[what]
    with pytest.raises(W2LError, match=r"^none of the 2 clips could be scored; 000: [^\n]+$") as told:
        score(read_results(give_back(made, tmp_path / "mine", **how), made), made, judges)
    assert said in str(told.value)


def test_a_damaged_file_spoils_no_other(made, judges, tmp_path):
    folder = give_back(made, tmp_path / "mine")
    (folder / "000.mp4").write_bytes(b"\0" * 4000)
    report = score(read_results(folder, made), made, judges)
    assert "000.mp4" in report.rows[0].fault and not report.rows[1].fault


def test_two_results_of_one_name(made, judges, tmp_path):
    folder = give_back(made, tmp_path / "mine")
    shutil.copy(folder / "000.mp4", folder / "000.mkv")
    report = score(read_results(folder, made), made, judges)
    assert report.rows[0].fault == "there are several results, 000.mkv and 000.mp4; keep one."


def test_folders_that_hold_no_results(made, tmp_path):
    with pytest.raises(W2LError, match="there is no folder"):
        read_results(tmp_path / "no", made)
    for part in (made.folder, made.folder / "frames", made.folder / "truth" / "crops"):
        with pytest.raises(W2LError, match="belongs to the test set"):
            read_results(part, made)
    (tmp_path / "mine").mkdir()
    with pytest.raises(W2LError, match=r"000\.mp4 to 001\.mp4 \(it holds no clips\)"):
        read_results(tmp_path / "mine", made)
    (tmp_path / "mine" / "clip_0.mp4").write_bytes(b"")
    with pytest.raises(W2LError, match=r"\(it holds clip_0\.mp4\); see jobs\.csv"):
        read_results(tmp_path / "mine", made)
