"""Reports: clips, pairs and published lists, as tables and pages; nothing that is wrong with one spoils another."""

from __future__ import annotations

import csv
import io
import json
import math
from html.parser import HTMLParser

import numpy as np
import pytest

from w2l import talker, video
from w2l.cli.main import main
from w2l.data.clip import Clip
from w2l.errors import W2LError
from w2l.evaluate import rows, sources
from w2l.evaluate.metrics.quality import degraded
from w2l.evaluate.report import collect, page
from w2l.evaluate.report.collect import report_clips, report_corpus, report_pairs
from w2l.evaluate.report.tables import Report
from w2l.evaluate.rows import Instruments, Row, guarded
from w2l.evaluate.sources import Pair

FRAMES = 50


@pytest.fixture(scope="module")
def tools():
    return Instruments("classroom_expert", device="cpu")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Real talkers with their truth, and the same clips blurred, as a poor generator would have them."""
    folder = tmp_path_factory.mktemp("pairs")
    for number in range(2):
        speaker = talker.make_speaker("validation", number)
        path = talker.write_clip(folder / "real" / f"{number}.mp4", speaker, seconds=FRAMES / 25)
        _, wav = talker.speech(speaker, seconds=FRAMES / 25)
        write(folder / "made" / f"{number}.mp4", degraded(read(path), "blur", 2.0), wav)
    return folder


def read(path):
    return np.stack(list(video.read_frames(path)))


def write(path, frames, wav):
    with video.VideoWriter(path, 25, audio=None if wav is None else (wav, 16000), quality=12) as writer:
        for frame in frames:
            writer.write(frame)
    return path


# ---------------------------------------------------------------- rows


def test_a_pair_is_measured_against_picture_and_truth(folders, tools):
    real = folders / "real" / "1.mp4"
    row = rows.measure_pair(Pair("1", folders / "made" / "1.mp4", real, real), tools)
    figures = row.figures
    assert row.frames == FRAMES and figures["offset"] == 0 and figures["confidence"] > 0.3
    assert 15 < figures["psnr"] < 40 and 0.3 < figures["ssim"] < 0.99 and figures["sharpness"] < 0.5
    assert figures["opening_r"] > 0.9 and figures["closures"] > 0.5 and figures["lag"] == 0
    assert "lse_d" not in figures  # no figure of the published network from another one
    assert row.strip.shape[0] == 2 * 96 and row.openings is not None and not row.notes
    itself = rows.measure_pair(Pair("0", real, real, real), tools).figures
    assert itself["psnr"] == 100 and itself["ssim"] == pytest.approx(1) and itself["jitter_ratio"] == 1


def test_without_truth_the_real_mouth_is_the_measure(folders, tools, tmp_path):
    frames, (_, wav) = read(folders / "real" / "0.mp4"), talker.speech(talker.make_speaker("validation", 0), seconds=2)
    real = write(tmp_path / "plain.mp4", frames, wav)
    row = rows.measure_pair(Pair("0", folders / "made" / "0.mp4", real, real), tools)
    assert row.figures["opening_r"] > 0.9 and "meter reads off the real clip" in row.notes[0]
    assert "closures" not in row.figures


def test_other_words_are_not_compared_pixel_by_pixel(folders, tools):
    """The face of 0 with the words of 1: its mouth is measured against the truth of 1."""
    pair = Pair("0", folders / "made" / "0.mp4", folders / "real" / "0.mp4", folders / "real" / "1.mp4", False)
    figures = rows.measure_pair(pair, tools).figures
    assert not {"psnr", "ssim", "mouth_l1", "lower_l1"} & figures.keys() and "sharpness" in figures
    assert figures["opening_r"] < 0.6  # it still says what 0 says


def test_one_clip_alone(folders, tools):
    row = rows.measure_clip(folders / "real" / "1.mp4", tools)
    assert row.figures["offset"] == 0 and row.figures["opening_r"] > 0.9 and "psnr" not in row.figures
    assert row.strip.shape[0] == 96


def test_what_is_wrong_with_one_spoils_no_other(folders, tools, tmp_path):
    """No sound, another length, another size, a missing partner, broken files: a sentence each, and figures beside."""
    frames, (_, wav) = read(folders / "real" / "0.mp4"), talker.speech(talker.make_speaker("validation", 0), seconds=2)
    real, made = tmp_path / "real", tmp_path / "made"
    for name in ("good", "mute", "short", "small", "broken", "alone"):
        write(real / f"{name}.mp4", frames, wav)
    write(made / "good.mp4", frames, wav)
    write(made / "mute.mp4", frames, None)
    write(made / "short.mp4", frames[:30], wav[: 30 * 640])
    write(made / "small.mp4", frames[:, ::2, ::2], wav)
    (made / "broken.mp4").write_bytes(b"\x00\x01 not a video")
    write(made / "stranger.mp4", frames, wav)
    found = report_pairs(sources.pair_folders(real, made), tools)
    faults = {row.name: row.fault for row in found.rows}
    assert faults.pop("good") == ""
    said = {
        "mute": "no sound",
        "short": "ends after",
        "small": "96x96",
        "broken": "broken.mp4",
        "alone": "no generated clip",
        "stranger": "no real clip",
    }
    assert faults.keys() == said.keys()
    for name, words in said.items():
        assert words in faults[name] and faults[name].count("\n") == 0 and faults[name].endswith(".")
    assert found.mean("psnr").count == 1 and math.isfinite(found.mean("psnr").mean)
    assert "NaN" not in found.to_json() and "nan" not in found.to_text()


def test_odd_errors_of_decoders_become_sentences():
    def fails():
        raise ZeroDivisionError("division by zero")

    row = guarded("clip", fails)
    assert row.fault == "it could not be measured (ZeroDivisionError: division by zero)."


def test_long_clips_keep_few_moments():
    moments = rows._Moments()
    face = np.zeros((64, 96, 96, 3), np.uint8)
    for block in range(40):
        moments.add(None, face + np.uint8(block))
        assert len(moments._kept) < 80
    strip = moments.strip()
    assert strip.shape == (96, 960, 3)
    assert strip[0, 0, 0] == 0 and strip[0, -1, 0] >= 36 and (np.diff(strip[0, ::96, 0].astype(int)) > 0).all()


# ---------------------------------------------------------------- which clips


def test_published_lists_are_read(tmp_path):
    """Names with and without suffix, line i generated as i.mp4, and what is missing told line by line."""
    for name in ("a/1.mp4", "a/2.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"video")
    made = tmp_path / "made"
    made.mkdir()
    for number in range(2):
        (made / f"{number}.mp4").write_bytes(b"video")
    listed = tmp_path / "list.txt"
    listed.write_text("a/1 a/2\n\na/2.mp4 a/2\na/1 a/3\na/2 a/1\n")
    same, own, lost, undone = sources.read_filelist(listed, tmp_path, made)
    assert (same.real, same.speech, same.same_speech) == (tmp_path / "a/2.mp4", tmp_path / "a/1.mp4", False)
    assert own.same_speech and own.generated == made / "1.mp4" and not own.fault
    assert "a/3.mp4 is missing" in lost.fault or "2.mp4 is missing" in lost.fault
    assert "3.mp4 is missing" in undone.fault
    turned = sources.read_filelist(listed, tmp_path, made, "video audio")[0]
    assert (turned.real, turned.speech) == (same.speech, same.real)
    listed.write_text("a/1 a/2 a/3\n")
    with pytest.raises(W2LError, match="line 1"):
        sources.read_filelist(listed, tmp_path, made)
    listed.write_text("\n")
    with pytest.raises(W2LError, match="names no clips"):
        sources.read_filelist(listed, tmp_path, made)
    with pytest.raises(W2LError, match="cannot be read as a list"):
        sources.read_filelist(tmp_path / "none.txt", tmp_path, made)
    with pytest.raises(W2LError, match="order"):
        sources.read_filelist(listed, tmp_path, made, "sound picture")


def test_folders_without_clips_are_refused(tmp_path):
    with pytest.raises(W2LError, match="no clips in"):
        sources.expand([tmp_path])
    with pytest.raises(W2LError, match="no folder"):
        sources.pair_folders(tmp_path / "nowhere", tmp_path)
    assert sources.expand([tmp_path / "missing.mp4"]) == [tmp_path / "missing.mp4"]


# ---------------------------------------------------------------- tables and pages


class _Page(HTMLParser):
    """Counts what a page is made of, and what it would fetch."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.fetched = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.fetched += [v for k, v in attributes if k in ("src", "href") and v and not v.startswith("data:")]


def test_a_report_in_all_its_forms(folders, tools, tmp_path):
    pairs = sources.pair_folders(folders / "real", folders / "made")
    pairs.append(Pair("<b>gone</b>", folders / "made" / "2.mp4", fault="2.mp4 is missing; generate it."))
    found = report_pairs(pairs, tools)
    paths = {path.suffix: path for path in found.write(tmp_path)}
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(p.name for p in paths.values())
    text = paths[".html"].read_text(encoding="utf8")
    seen = _Page(text)
    assert not seen.fetched and "script" not in seen.tags  # it needs nothing else
    assert seen.tags.count("svg") == 1 + 2 * 3 and seen.tags.count("img") == 2
    assert "<b>gone" not in text and "&lt;b&gt;gone" in text
    for fact in (tools.expert.sha256, "2.mp4 is missing", "ms each", "Fréchet"):
        assert all(fact in form for form in (text, paths[".md"].read_text(encoding="utf8")))
    table = list(csv.DictReader(io.StringIO(paths[".csv"].read_text(encoding="utf8"))))
    assert [line["clip"] for line in table] == ["0", "1", "<b>gone</b>"] and table[2]["fault"]
    stored = json.loads(paths[".json"].read_text(encoding="utf8"))
    psnr = [float(line["psnr"]) for line in table[:2]]
    assert stored["means"]["psnr"]["mean"] == pytest.approx(np.mean(psnr)) and stored["means"]["psnr"]["count"] == 2
    assert stored["rows"][0]["psnr"] == psnr[0] and stored["settings"]["expert classroom_expert"] == tools.expert.sha256
    (distance,) = found.distances.values()
    assert distance > 1 and "small (classroom_expert)" in found.distances


def test_figures_of_a_report_rank_a_worse_set_lower(folders, tools, tmp_path):
    """Blur that is stronger still than that of `folders`."""
    for number in range(2):
        _, wav = talker.speech(talker.make_speaker("validation", number), seconds=2)
        worse = degraded(read(folders / "real" / f"{number}.mp4"), "blur", 5.0)
        write(tmp_path / f"{number}.mp4", worse, wav)
    better, worse = (
        report_pairs(sources.pair_folders(folders / "real", made), tools) for made in (folders / "made", tmp_path)
    )
    for key in ("psnr", "ssim", "sharpness", "confidence"):
        assert worse.mean(key).mean < better.mean(key).mean
    for key in ("lower_l1", "mouth_l1"):
        assert worse.mean(key).mean > better.mean(key).mean
    assert next(iter(worse.distances.values())) > next(iter(better.distances.values()))


def test_the_corpus_report_compares_own_and_swapped_words(tools, monkeypatch):
    made = [talker.make_clip("validation", number, seconds=1.6) for number in range(2)]
    clips = [Clip(one.frames, one.mel, one.truth) for one in made]
    monkeypatch.setattr(collect, "corpus", lambda split, count, progress: clips[:count])
    found = report_corpus(tools, count=2)
    own, swapped = found.rows[0], found.rows[1]
    assert len(found.rows) == 4 and {"psnr", "opening_r"} <= own.figures.keys()
    assert "psnr" not in swapped.figures and swapped.figures["closures"] == 1  # of the one b or p of talker 1
    assert swapped.figures["opening_r"] > 0.7
    assert found.settings["generator"] == "classroom_generator" and found.frame_cost > 0
    with pytest.raises(W2LError, match="at least 2"):
        report_corpus(tools, count=1)
    with pytest.raises(W2LError, match="nothing to measure"):
        report_clips([], tools)


def test_a_report_of_faults_alone_is_still_one(tmp_path):
    found = Report("none", [Row("a", fault="it is empty.")], {})
    assert found.columns == [] and "it is empty." in found.to_text()
    assert "it is empty." in page.to_html(found) and math.isnan(found.frame_cost)


# ---------------------------------------------------------------- commands


def test_commands(folders, tmp_path, capsys, monkeypatch):
    quick = ["--expert", "classroom_expert", "--quiet"]
    assert main(["evaluate", "clip", str(folders / "real" / "0.mp4"), "nowhere.mp4", *quick]) == 0
    said = capsys.readouterr().out
    assert "nowhere.mp4 does not exist" in said and "ms each" in said
    assert main(["evaluate", "clip", "nowhere.mp4", *quick]) == 1  # nothing could be measured
    listed = tmp_path / "list.txt"
    listed.write_text("0 0\n1 1\n")
    pairs = ["evaluate", "pairs", str(folders / "real"), str(folders / "made"), "--list", str(listed)]
    assert main([*pairs, "--report", str(tmp_path / "out"), *quick]) == 0
    assert (tmp_path / "out" / "report.html").stat().st_size > 20_000
    assert main(["evaluate", "pairs", str(folders / "real"), str(tmp_path / "none"), *quick]) == 2
    monkeypatch.setattr(collect, "corpus", lambda *a, **k: pytest.fail("asked for too many"))
    assert main(["evaluate", "corpus", "--clips", "1", "--report", str(tmp_path / "out"), "--quiet"]) == 2
