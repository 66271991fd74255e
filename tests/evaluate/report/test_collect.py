"""Reports made: worse clips rank lower, own and swapped words are told apart, commands write what they say."""

from __future__ import annotations

import pytest
from helpers.films import read, write

from w2l import talker
from w2l.cli.main import main
from w2l.data.clip import Clip
from w2l.errors import W2LError
from w2l.evaluate import sources
from w2l.evaluate.metrics.quality import degraded
from w2l.evaluate.report import collect
from w2l.evaluate.report.collect import report_clips, report_corpus, report_pairs


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
    monkeypatch.setattr(collect, "corpus", lambda split, count, **_: clips[:count])
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
