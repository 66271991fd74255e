"""The notebooks' widgets, driven as a hand would: controls move, buttons are clicked, keys are typed."""

from __future__ import annotations

import base64
import json
import math
import sys
import threading
import time

import cv2
import numpy as np
import pytest

from w2l import audio, faces
from w2l.base import paths
from w2l.errors import W2LError
from w2l.notebook import canvas, training, votes
from w2l.notebook.widgets import (
    BlindTest,
    Comparator,
    MelExplorer,
    SyncExplorer,
    TrackExplorer,
    Training,
    TrainingPanel,
    Upload,
)
from w2l.talker import make_clip


@pytest.fixture(scope="module")
def talker():
    return make_clip("test", 1, seconds=2.4)


def pixels(explorer):
    return cv2.imdecode(np.frombuffer(bytes(explorer.image.value), np.uint8), cv2.IMREAD_COLOR)


def moves(explorer, control, value):
    """Whether moving a control changes the picture."""
    before = bytes(explorer.image.value)
    control.value = value
    return bytes(explorer.image.value) != before


def test_an_explorer_shows_a_widget_and_a_picture_to_fall_back_on(talker):
    shown = MelExplorer(talker.wav)._repr_mimebundle_()
    assert shown[canvas.WIDGET]["model_id"]
    (kind,) = (name for name in shown if name.startswith("image/"))
    assert cv2.imdecode(np.frombuffer(base64.b64decode(shown[kind]), np.uint8), cv2.IMREAD_COLOR) is not None
    assert "run this cell" in shown["text/plain"]


def test_track_explorer(clip):
    """Its box is that of the library with the same settings, and every control changes what is seen."""
    presenter = paths.data() / "samples" / "presenter.mp4"
    explorer = TrackExplorer(presenter, n_frames=6)
    assert moves(explorer, explorer.frame, 5)
    assert moves(explorer, explorer.pads[1], 60)
    assert moves(explorer, explorer.smooth, False)
    expected = faces.track_faces(presenter, pads=(0, 60, 0, 0), smooth=False, max_frames=6)
    assert np.array_equal(explorer.track.boxes, expected.boxes)
    with pytest.raises(W2LError, match="no face was found"):
        TrackExplorer(clip, n_frames=3)


def test_mel_explorer_frames_the_window_that_the_networks_get(talker):
    explorer = MelExplorer(talker.wav, talker.frames)
    assert moves(explorer, explorer.frame, 20)
    assert explorer.columns == (64, 80)
    assert np.array_equal(explorer.window, audio.mel_windows(explorer.mel, 25, 60, 0)[20])
    assert moves(explorer, explorer.shift, -1)
    assert np.array_equal(explorer.window, audio.mel_windows(explorer.mel, 25, 60, -1)[20])


@pytest.mark.parametrize("frame", [0, 20, 59])
def test_mel_explorer_plays_the_200_ms_of_its_window(talker, frame, tmp_path):
    explorer = MelExplorer(talker.wav, shift=-1)
    explorer.frame.value = frame
    assert explorer.player.autoplay is False
    explorer.hear.click()
    assert explorer.player.autoplay is True
    (tmp_path / "heard.wav").write_bytes(explorer.player.value)
    heard = audio.load(tmp_path / "heard.wav")
    start = explorer.columns[0] * audio.HOP
    expected = np.pad(talker.wav, 3200)[start + 3200 : start + 6400]
    assert len(heard) == len(expected) == 3200
    assert np.abs(heard - np.clip(expected, -1, 1)).max() < 1e-4


@pytest.mark.parametrize("late", [-7, 0, 4])
def test_sync_explorer_finds_what_the_slider_did(talker, late):
    """Positive is late: in the curve, in the offset, and in the sound that is played."""
    explorer = SyncExplorer(talker.frames, talker.wav)
    explorer.shift.value = late
    assert explorer.curve.offset == late
    assert explorer.curve.confidence > 0.3
    moved = explorer.moved()
    assert len(moved) == len(talker.wav)
    kept = slice(max(0, late) * 640, len(moved) + min(0, late) * 640)
    original = slice(max(0, -late) * 640, len(moved) - max(0, late) * 640)
    assert np.array_equal(moved[kept], talker.wav[original])
    assert pixels(explorer).shape[0] >= 360


def test_sync_explorer_plays_the_film(talker):
    explorer = SyncExplorer(talker.frames, talker.wav)
    assert explorer.player.layout.display == "none"
    explorer.watch.click()
    assert explorer.player.layout.display == ""
    assert b"ftyp" in bytes(explorer.player.value)[:16]
    with pytest.raises(W2LError, match="too short to move"):
        SyncExplorer(talker.frames[:20], talker.wav)


def test_comparator_wipes(tmp_path):
    black, white = np.zeros((240, 300, 3), np.uint8), np.full((240, 300, 3), 255, np.uint8)
    explorer = Comparator(black, white)
    for percent in (0, 25, 50, 100):
        explorer.wipe.value = percent
        assert abs((explorer.draw()[120, :, 0] > 127).mean() - percent / 100) < 0.02
    film = Comparator([black, white], [white, black])
    assert film.frame.max == 1
    assert moves(film, film.frame, 1)
    with pytest.raises(W2LError, match="300x240 and 400x240"):
        Comparator(black, np.zeros((240, 400, 3), np.uint8))


# ---------------------------------------------------------------- votes


def test_wilson_is_the_published_interval():
    """Against the root of its own equation, found by bisection, and textbook values."""
    assert votes.wilson(0, 0) == (0, 1)
    low, high = votes.wilson(0, 10)
    assert (low, round(high, 4)) == (0, 0.2775)
    for wins, count in ((1, 3), (7, 10), (50, 100), (10, 10)):
        for bound, side in zip(votes.wilson(wins, count), (-1, 1), strict=True):
            a, b = (0.0, wins / count) if side < 0 else (wins / count, 1.0)
            for _ in range(60):
                p = (a + b) / 2
                outside = abs(wins / count - p) > 1.959964 * math.sqrt(p * (1 - p) / count)
                a, b = (p, b) if outside == (side < 0) else (a, p)
            assert abs(bound - (a + b) / 2) < 1e-6


def test_order_and_sides_are_random_but_the_same_for_a_rater():
    pairs = [(f"p{i}", "gan", "l1") for i in range(20)]
    one = votes.arrange(pairs, "ann")
    assert one == votes.arrange(pairs, "ann")
    assert one != votes.arrange(pairs, "ben")
    assert sorted(name for name, *_ in one) == sorted(name for name, *_ in pairs)
    assert [left for _, left, _ in one].count("gan") == 10
    assert [name for name, *_ in one] != [name for name, *_ in pairs]


def test_votes_merge_and_the_last_of_a_rater_counts(tmp_path):
    a, b = tmp_path / "a.csv", tmp_path / "b.csv"
    votes.write_votes(a, [votes.Vote("ann", "p", "x", "y", "x", 1.5), votes.Vote("ann", "q", "y", "x", "")])
    votes.write_votes(b, [votes.Vote("ben", "p", "x", "y", "y"), votes.Vote("ann", "p", "y", "x", "y")])
    merged = votes.read_votes(a, b)
    assert len(merged) == 3
    (found,) = votes.preferences(merged)
    assert (found.method, found.other, found.wins, found.losses, found.ties) == ("y", "x", 2, 0, 1)
    assert str(found).startswith("y preferred to x in 2 of 2 votes: 100% (95 % interval 34% to 100%; 1 ties)")
    b.write_text("not,a,table\n1,2,3\n")
    with pytest.raises(W2LError, match="not a table of votes"):
        votes.read_votes(b)
    votes.write_votes(b, [votes.Vote("ben", "p", "x", "y", "z")])
    with pytest.raises(W2LError, match="'z' was not shown"):
        votes.read_votes(b)


@pytest.fixture
def pairs(tmp_path):
    files = {}
    for name in ("p", "q", "r"):
        files[name] = {}
        for method, grey in (("l1", 60), ("gan", 200)):
            path = tmp_path / f"{name}_{method}.png"
            cv2.imwrite(str(path), np.full((64, 64, 3), grey, np.uint8))
            files[name][method] = path
    return files


def test_blind_test_by_mouse_and_keyboard(pairs, tmp_path):
    """Votes are saved at once, nothing shown tells which is which, and one who comes back goes on."""
    test = BlindTest(pairs, tmp_path / "votes.csv", rater="ann")
    told = test.said.value + "".join(box.children[0].value for box in test.stage.children)
    assert "gan" not in told
    assert "l1" not in told
    test.buttons["left"].click()
    assert len(votes.read_votes(tmp_path / "votes.csv")) == 1
    test.key.value = "r"
    assert test.key.value == ""
    test.key.value = "?"  # no key of ours
    again = BlindTest(pairs, tmp_path / "votes.csv", rater="ann")
    assert "Pair 3 of 3" in again.said.value
    again.key.value = "="
    saved = votes.read_votes(tmp_path / "votes.csv")
    assert [vote.choice == side for vote, side in zip(saved, [saved[0].left, saved[1].right, ""], strict=True)] == [
        True
    ] * 3
    assert "preferred" in again.said.value or "no vote that saw" in again.said.value
    again.vote("left")  # nothing is left to vote on
    assert len(again.votes) == 3
    other = BlindTest(pairs, tmp_path / "votes.csv", rater="ben")
    assert "Pair 1 of 3" in other.said.value
    assert "image/png" in other._repr_mimebundle_()


def test_blind_test_wants_two_files(tmp_path):
    with pytest.raises(W2LError, match="two methods with a file each"):
        BlindTest({"p": {"l1": tmp_path / "none.png", "gan": tmp_path / "none.png"}}, tmp_path / "votes.csv")


# ---------------------------------------------------------------- upload


@pytest.mark.parametrize(
    "value",
    [
        {"my clip.mp4": {"metadata": {"name": "my clip.mp4"}, "content": b"film"}},  # ipywidgets 7
        ({"name": "my clip.mp4", "content": memoryview(b"film")},),  # 8
    ],
)
def test_upload_takes_what_both_versions_send(value, tmp_path):
    taken = Upload(tmp_path / "up")
    assert taken.path is None
    taken._arrived({"new": value})
    assert taken.path == tmp_path / "up" / "my clip.mp4"
    assert taken.path.read_bytes() == b"film"
    assert "is here" in taken.said.value


@pytest.mark.parametrize("name", ["../../etc/passwd", "..\\..\\x<y>.mp4", ".hidden", "..."])
def test_uploaded_files_stay_in_their_folder(name, tmp_path):
    path = Upload(tmp_path / "up").keep(name, b"x")
    assert path.parent == tmp_path / "up"
    assert not path.name.startswith(".")


def test_an_empty_upload_says_what_to_do(tmp_path):
    taken = Upload(tmp_path)
    taken._arrived({"new": ({"name": "big.mp4", "content": b""},)})
    assert taken.path is None
    assert "file browser" in taken.said.value


def test_on_colab_the_dialog_opens_only_when_asked(monkeypatch, tmp_path):
    """Colab's own dialog holds up the notebook; a run from top to bottom must pass it by."""
    from types import ModuleType

    google, colab, files = ModuleType("google"), ModuleType("google.colab"), ModuleType("google.colab.files")
    files.upload = lambda: {"me.mp4": b"film"}
    colab.files = files
    for name, module in (("google", google), ("google.colab", colab), ("google.colab.files", files)):
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.chdir(tmp_path)
    asked = Upload(tmp_path / "up")
    assert asked.path is None
    assert "UPLOAD" in asked.said.value  # the switch's own name, as the notebooks have it
    assert Upload(tmp_path / "up", ask=True).path.read_bytes() == b"film"


# ---------------------------------------------------------------- training


def test_panel_reads_a_run_folder(tmp_path):
    """Half-written rows are left out; the sheet's picture appears below the curves."""
    (tmp_path / "settings.json").write_text(json.dumps({"settings": {"steps": 50, "sync_steps": 30}}))
    panel = TrainingPanel(tmp_path)
    assert "step 0 of 80" in panel.said.value
    assert panel.stop.disabled
    (tmp_path / "log.csv").write_text("step,loss,accuracy,held_out_loss\n10,0.7,0.5,\n20,0.6,0.6,0.65\n30,0.5")
    assert training.read_log(tmp_path)[1] == {"step": 20, "loss": 0.6, "accuracy": 0.6, "held_out_loss": 0.65}
    assert training.last_step(tmp_path) == 20
    empty = pixels(panel)
    panel.refresh()
    assert "step 20 of 80" in panel.said.value
    curves = pixels(panel)
    assert curves.shape[0] > empty.shape[0]  # a second chart, for accuracy
    (tmp_path / "sheets").mkdir()
    cv2.imwrite(str(tmp_path / "sheets" / "step_000000020.png"), np.zeros((96, 192, 3), np.uint8))
    panel.refresh()
    assert pixels(panel).shape[0] > curves.shape[0]


def test_the_last_picture_of_a_panel_waits_for_one_that_is_being_drawn(tmp_path, monkeypatch):
    """Else a notebook would be saved with the curves as they were before the end."""
    panel = TrainingPanel(tmp_path)
    drawing, go_on = threading.Event(), threading.Event()

    def slowly(rows, steps):
        drawing.set()
        assert go_on.wait(60)
        return np.full((40, 60, 3), 7, np.uint8)

    monkeypatch.setattr(training, "draw_curves", slowly)
    (tmp_path / "log.csv").write_text("step,loss\n10,0.7\n")
    beside = threading.Thread(target=panel.refresh)
    beside.start()
    assert drawing.wait(60)
    threading.Timer(0.2, go_on.set).start()
    panel.refresh()
    assert pixels(panel).shape == (40, 60, 3)
    beside.join()


def test_training_runs_beside_is_stopped_and_tells_its_errors(tmp_path, monkeypatch, capsys):
    """With a stand-in for the command line: what is tested is the process, not the network."""
    script = (
        "import sys, time, pathlib\n"
        "folder = pathlib.Path(sys.argv[sys.argv.index('--out') + 1])\n"
        "folder.joinpath('words.txt').write_text(' '.join(sys.argv[1:]))\n"
        "if 'steps=1' in sys.argv: print(folder / 'expert.safetensors'); sys.exit()\n"
        "if 'steps=2' in sys.argv: sys.exit('w2l: there is no disk.')\n"
        "try:\n"
        "    while True: time.sleep(0.01)\n"
        "except KeyboardInterrupt: sys.exit(130)\n"
    )
    stand_in = tmp_path / "stand_in.py"
    stand_in.write_text(script)
    popen = training.subprocess.Popen
    monkeypatch.setattr(
        training.subprocess, "Popen", lambda command, **how: popen([sys.executable, stand_in, *command[3:]], **how)
    )
    done = Training("expert", tmp_path / "a", ["--no-sanity"], steps=1)
    assert done.wait() == tmp_path / "a" / "expert.safetensors"
    words = (tmp_path / "a" / "words.txt").read_text()
    assert words == f"train expert --out {tmp_path / 'a'} --quiet --no-sanity --set steps=1"
    with pytest.raises(W2LError, match=r"ended with an error: there is no disk\."):
        Training("expert", tmp_path / "b", steps=2).wait()
    long = Training("expert", tmp_path / "c", steps=3)
    panel = TrainingPanel(long)
    panel.show()
    while not (tmp_path / "c" / "words.txt").exists():
        time.sleep(0.05)
    assert long.is_running
    panel.stop.click()
    assert panel.wait() is None
    assert "stopped at step 0" in capsys.readouterr().out
    assert "(ended)" in panel.said.value
    assert panel.stop.disabled


def test_log_rows_are_there_for_the_panel_before_the_first_checkpoint(tmp_path, monkeypatch):
    from w2l.train.engine import log

    monkeypatch.setattr(log, "_WATCHED_SECONDS", 0.0)
    rows = log.Log(tmp_path, 0)
    rows.add(10, {"loss": 0.7})
    rows.flush_soon()
    assert training.read_log(tmp_path) == [{"step": 10, "loss": 0.7}]
    rows.close()


def test_small_losses_are_seen_beside_a_large_one():
    rows = [{"step": step, "l1": 0.2 - 0.0015 * step} for step in range(10, 110, 10)]
    blue = np.array([0xB5, 0x7F, 0x4A])  # of the first curve, BGR

    def height(rows):
        """Rows of pixels between the top and the bottom of the curve of l1, its legend left out."""
        pixels = training.draw_curves(rows, 100)
        y = np.nonzero((np.abs(pixels[:, :600].astype(int) - blue) < 12).all(2))[0]
        return int(np.ptp(y))

    alone = height(rows)
    beside = height([*rows[:-1], rows[-1] | {"held_out_sync": 40.0}])
    assert alone > 100 and beside > alone / 8  # on one linear axis it would be 1/200
