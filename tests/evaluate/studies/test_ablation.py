"""The paper's claims: the arithmetic from runs to table, figure and verdict; and a small part of it, trained."""

from __future__ import annotations

import json
import math
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from w2l import talker
from w2l.cli.main import main
from w2l.data.clip import Clip
from w2l.errors import W2LError
from w2l.evaluate.report import collect
from w2l.evaluate.report.figures import to_svg
from w2l.evaluate.studies import ablation, ablation_runs
from w2l.evaluate.studies.ablation import CLAIMS, FIGURES, SAME, VARIANTS, AblationRun, Results, todo
from w2l.train import data
from w2l.train.engine.options import RunOptions


def runs(**confidence):
    """Three seeds of each variant named, with its confidences; other figures go along."""
    made = []
    for variant, values in confidence.items():
        for seed, value in enumerate(values):
            figures = {"confidence": value, "expert_accuracy": value / 2, "frechet": 10 - value}
            made.append(AblationRun(variant, seed, figures, 2.5, "a machine", f"2026-01-0{seed + 1}"))
    return Results(made, {"judge": "an expert"})


def claim(key):
    return next(one for one in CLAIMS if one.key == key)


def test_variants_claims_and_figures_fit_together():
    keys = [variant.key for variant in VARIANTS]
    assert len(set(keys)) == len(keys) and {"a", "b", "c", "d"} == {one.key for one in CLAIMS}
    for one in CLAIMS:
        assert set(one.best_first) == {variant.key for variant in VARIANTS if variant.claim == one.key}
        assert one.figure in {figure.key for figure in FIGURES}
    by_key = {variant.key: variant for variant in VARIANTS}
    for other, first in SAME.items():  # the same training, whatever it is asked for
        assert [(by_key[k].expert, by_key[k].generator, by_key[k].gan) for k in (other,)] == [
            (by_key[first].expert, by_key[first].generator, by_key[first].gan)
        ]


def test_verdicts_say_what_the_seeds_say():
    told = runs(tv5=(1.5, 1.6, 1.7), lipgan=(1.2, 1.4, 1.3), none=(1.25, 1.35, 1.3)).verdict(claim("c"))
    question, *lines = told.splitlines()
    assert question.startswith("c. ") and question.endswith("? Measured by: judge's confidence (higher is better).")
    frozen, lipgan = "frozen 5-frame expert", "LipGAN's single-frame discriminator"
    assert lines[0].startswith(f"- {frozen} against {lipgan}: shown. The first is better by 0.300 [")
    assert lines[1].startswith(f"- {lipgan} against no sync loss: not told apart. The interval of the difference, ")
    assert lines[1].endswith("0.000 [-0.124, 0.124], includes 0.")
    # neighbours may be too near, the ends are not
    assert lines[2].startswith(f"- {frozen} against no sync loss: shown. The first is better by 0.300 [")
    told = runs(tv5=(1.0, 1.1, 1.2), trained=(1.5, 1.7, 1.9)).verdict(claim("b"))
    line = "- frozen expert against expert that keeps learning: the other way round. The second is better by 0.600 [0."
    assert told.splitlines()[1].startswith(line)
    told = runs(tv5=(1.0,), trained=(1.5,)).verdict(claim("b"))
    assert told.endswith(": open. Fewer than two seeds have both trainings.")
    # less is better where the figure is an error: a higher confidence here is a lower distance
    told = runs(gan=(2.0, 2.1, 2.2), no_gan=(1.0, 1.1, 1.2)).verdict(claim("d"))
    assert "Fréchet distance, small features (lower is better)" in told
    assert ": shown. The first is better by 1.000 [" in told
    told = runs(gan=(1.0, 1.1, 1.2), no_gan=(2.0, 2.1, 2.2)).verdict(claim("d"))
    assert ": the other way round. The second is better by 1.000 [" in told and "shown" not in told


def test_differences_are_taken_within_seeds():
    """Seeds that differ far more than variants do: the means overlap, yet each seed says the same."""
    told = runs(tv5=(1.1, 5.1, 9.1), trained=(1.0, 5.0, 9.0)).verdict(claim("b"))
    assert "frozen expert against expert that keeps learning: shown. The first is better by 0.100" in told


def test_table_has_every_training_that_was_made():
    results = runs(tv5=(1.5, 1.6, 1.7), none=(1.2, 1.3, 1.4))
    text = results.to_markdown()
    lines = [line for line in text.splitlines() if line.startswith("|")][2:]
    assert [line.split("|")[2].strip() for line in lines] == [
        "expert with 5 frames", "frozen expert", "no sync loss", "frozen 5-frame expert"
    ]  # fmt: skip
    assert "| 3 | 0.800 [" in lines[0] and "1.600 [" in lines[0]
    assert "6 runs, 15 minutes in all, 2026-01-01 to 2026-01-03, on a machine." in text
    assert ablation.COMMAND in text and "judge: an expert" in text
    assert all(results.verdict(one) in text for one in CLAIMS)


def test_figure_has_a_panel_for_each_claim():
    figure = runs(tv5=(1.5, 1.6, 1.7), none=(1.2, 1.3, 1.4)).figure()
    assert [panel.get_title(loc="left")[:2] for panel in figure.axes] == ["a.", "b.", "c.", "d."]
    means = [
        [line.get_xdata()[0] for line in panel.lines if line.get_marker() == "o"] for panel in figure.axes
    ]  # tv5; frozen; expert and none, from below
    assert means == [[pytest.approx(0.8)], [pytest.approx(1.6)], [pytest.approx(1.3), pytest.approx(1.6)], []]
    heights = [line.get_ydata()[0] for line in figure.axes[2].lines if line.get_marker() == "o"]
    assert heights == [0, 2]  # the paper's favourite is on top
    for results in (runs(tv5=(1.5, 1.6, 1.7)), Results([])):
        chart = to_svg(results.figure())
        ElementTree.fromstring(chart)
        assert "nan" not in chart


def test_results_are_kept_and_read(tmp_path):
    results = runs(tv5=(1.5, 1.6, 1.7))
    results.runs.append(AblationRun("none", 0, {"confidence": math.nan, "opening_r": 0.123456789}))
    again = ablation.read(results.write(tmp_path / "results.json"))
    assert again.runs[:3] == results.runs[:3] and again.facts == results.facts
    assert again.runs[3].figures == {"opening_r": 0.12346} and math.isnan(again.runs[3].minutes)
    assert "NaN" not in (tmp_path / "results.json").read_text()
    with pytest.raises(W2LError, match="no results"):
        ablation.read(tmp_path / "none.json")
    (tmp_path / "results.json").write_text(json.dumps({"runs": [{"variant": "magic", "seed": 0, "figures": {}}]}))
    with pytest.raises(W2LError, match="'magic'"):
        ablation.read(tmp_path / "results.json")


def test_only_what_is_missing_is_to_be_made():
    results = runs(tv5=(1.5,), none=(1.2,))
    assert [(v.key, seed) for v, seed in todo(results, [0, 1], ("start", "tv5"))] == [("start", 0), ("tv5", 1)]
    assert not todo(runs(start=(1.1,)), [2], ("start",))  # whose seed tells nothing
    left = [(variant.key, seed) for variant, seed in todo(results, [0, 1], ("frozen", "none", "expert", "gan"))]
    assert left == [("gan", 0), ("tv5", 1), ("none", 1), ("gan", 1)]
    assert len(todo(Results([]), [0])) == len(VARIANTS) - len(SAME)
    with pytest.raises(W2LError, match="'magic'"):
        todo(results, [0], ("magic",))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A few steps of the trainings with the fewest parts, measured on two talkers."""
    folder = tmp_path_factory.mktemp("ablation")
    made = [talker.make_clip("test", number, seconds=1.2) for number in range(2)]
    clips = [Clip(one.frames, one.mel, one.truth) for one in made]
    budget = ablation_runs.Budget(
        expert_steps=1, sync_steps=1, gan_steps=1, train_clips=2, validation_clips=2, test_clips=2
    )
    how = RunOptions(folder, "cpu", progress=False, sanity=False, workers=0)
    told = []
    with pytest.MonkeyPatch.context() as patch:
        for module in (ablation_runs, collect, data):
            patch.setattr(module, "corpus", lambda split, count, **kwargs: clips[:count])
        results = ablation_runs.remake(
            Results([]), [0], folder, budget, ("none", "lipgan"), False, done=told.append, run=how
        )
        yield folder, budget, how, results, told


def test_a_small_part_is_made_and_measured(trained):
    folder, budget, _, results, told = trained
    assert [run.variant for run in results.runs] == ["none", "lipgan"] and [len(t.runs) for t in told] == [1, 2]
    for run in results.runs:
        assert run.figures.keys() == {figure.key for figure in FIGURES}
        assert all(np.isfinite(value) for value in run.figures.values()) and run.minutes > 0 and run.machine
        assert run.figures["opening_r"] > 0.7  # it began as a generator that has a mouth
        assert run.figures["expert_accuracy"] == pytest.approx(0.5, abs=0.1)  # and with an expert that has none
    assert results.facts["judge"] == "classroom_judge" and results.facts["start"] == budget.start
    assert (folder / "expert1_seed0" / "expert.safetensors").exists()


def test_the_same_part_made_again_is_the_same(trained, tmp_path):
    """Figures do not depend on what was made before, and what is finished in the folder is not trained again."""
    folder, budget, how, results, _ = trained
    weights = folder / "expert5_seed0" / "expert.safetensors"
    before = weights.stat().st_mtime_ns
    again = ablation_runs.remake(Results([]), [0], folder, budget, ("none",), False, run=how)
    assert again.runs[0].figures == pytest.approx(results.runs[0].figures, rel=1e-4)
    assert ablation_runs.remake(again, [0], folder, budget, ("none",), False, run=how) is again
    assert weights.exists() and before <= weights.stat().st_mtime_ns


def test_command(tmp_path, capsys):
    stored = runs(tv5=(1.5, 1.6, 1.7), none=(1.2, 1.3, 1.4)).write(tmp_path / "results.json")
    assert main(["evaluate", "ablation", "--results", str(stored), "--report", str(tmp_path / "out")]) == 0
    assert "no sync loss" in capsys.readouterr().out
    ElementTree.fromstring((tmp_path / "out" / "ablation.svg").read_text(encoding="utf8"))
    page = (tmp_path / "out" / "ablation.html").read_text(encoding="utf8")
    assert page.count("<svg") == 1 and page.count('id="axes_') == 4 and "<td>no sync loss</td>" in page
    assert main(["evaluate", "ablation", "--results", str(tmp_path / "none.json")]) == 2
