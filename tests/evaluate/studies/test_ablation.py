"""The paper's claims: the arithmetic from runs to table, figure and verdict; and a small part of it, trained."""

from __future__ import annotations

import dataclasses
import json
import math
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from w2l import talker
from w2l.cli.main import main
from w2l.data.clip import Clip
from w2l.errors import W2LError
from w2l.evaluate.report import collect
from w2l.evaluate.report.figures import to_svg
from w2l.evaluate.studies import ablation, ablation_plan, ablation_runs
from w2l.evaluate.studies import ablation_measures as measures
from w2l.evaluate.studies.ablation import CLAIMS, FIGURES, SAME, VARIANTS, AblationRun, Results, todo
from w2l.evaluate.studies.ablation_plan import BY_KEY
from w2l.train import data
from w2l.train.engine.options import RunOptions
from w2l.train.settings import GeneratorConfig


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
    for key in "abcd":
        asked = [name for one in CLAIMS if one.key == key for name in one.best_first]
        assert sorted(asked) == sorted(variant.key for variant in VARIANTS if variant.claim == key)
    for one in CLAIMS:
        assert one.figure in {figure.key for figure in FIGURES}
        assert [figure.key for figure in one.figures()] == [one.figure, *one.also]
    for other, first in SAME.items():  # the same training, whatever it is asked for
        alike = replace(BY_KEY[other], key="", title="", claim="")
        assert alike == replace(BY_KEY[first], key="", title="", claim="")
    for one in VARIANTS:
        assert one.begin in {"", *BY_KEY} and one.settings_of in {"", *BY_KEY}
        known = {field.name for field in dataclasses.fields(GeneratorConfig)} | {"disc_weight", "disc_ramp"}
        for changed in (one.generator or {}, one.gan or {}, *one.tried):
            assert changed.keys() <= known


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
    # of what is measured besides, only the ends are compared
    both = runs(tv5=(1.5, 1.6, 1.7), lipgan=(1.2, 1.4, 1.3), none=(1.25, 1.35, 1.3))
    for run in both.runs:
        run.figures["opening_r"] = run.figures["confidence"] / 2
    last = both.verdict(claim("c")).splitlines()[4:]
    assert (
        len(last) == 1 and "no sync loss in opening r (higher is better): shown. The first is better by 0.1" in last[0]
    )
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
    assert [one.key for one in results.claims()] == ["a", "b", "c"]  # of the others nothing was measured
    assert [one for one in CLAIMS if results.verdict(one) in text] == results.claims()


def test_figure_has_a_panel_for_each_claim():
    figure = runs(tv5=(1.5, 1.6, 1.7), none=(1.2, 1.3, 1.4)).figure()
    assert [panel.get_title(loc="left")[:2] for panel in figure.axes] == ["a.", "b.", "c."]  # d was not measured
    means = [
        [line.get_xdata()[0] for line in panel.lines if line.get_marker() == "o"] for panel in figure.axes
    ]  # tv5; frozen; expert and none, from below
    assert means == [[pytest.approx(0.8)], [pytest.approx(1.6)], [pytest.approx(1.3), pytest.approx(1.6)]]
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
    results = runs(tv5=(1.5,), expert=(1.5,), none=(1.2,))
    assert [(v.key, seed) for v, seed, _ in todo(results, [0, 1], ("start", "tv5"))] == [("start", 0), ("tv5", 1)]
    assert not todo(runs(start=(1.1,)), [2], ("start",))  # whose seed tells nothing
    left = [(variant.key, seed) for variant, seed, _ in todo(results, [0, 1], ("frozen", "none", "expert", "gan"))]
    assert left == [("gan", 0), ("expert", 1), ("none", 1), ("gan", 1)]
    assert len(todo(Results([]), [0])) == len(VARIANTS) - len(SAME)
    # everything of the first seed comes first, so that there is a figure after it; a corpus does not fill another's
    left = [(v.key, seed, corpus) for v, seed, corpus in todo(results, [0, 1], ("none", "gan"), ("photo", "drawn"))]
    assert left == [
        ("none", 0, "photo"), ("gan", 0, "photo"), ("gan", 0, "drawn"),
        ("none", 1, "photo"), ("gan", 1, "photo"), ("none", 1, "drawn"), ("gan", 1, "drawn"),
    ]  # fmt: skip
    with pytest.raises(W2LError, match="'magic'"):
        todo(results, [0], ("magic",))


def on_both(**figures):
    """Two seeds of experts, generators and a course, on both corpora; the drawn ones reach half."""
    made = []
    for corpus, share in (("photo", 1.0), ("drawn", 0.5)):
        for seed in (0, 1):
            seen = {key: share * (value + 0.02 * seed) for key, value in figures.items()}
            for frames in (1, 3, 5):
                one = {key: value + frames / 100 for key, value in seen.items()} | {"half": 0.7, "full": 0.8}
                made.append(AblationRun(f"tv{frames}", seed, one, corpus=corpus))
            course = {"own": [0.5, 0.6, 0.7 + seed / 10], "judge": [0.5, 0.5, 0.5]}
            for number, key in enumerate(("trained", "expert", "paper_none", "paper_expert")):
                one = {"confidence": share * (0.5 + number / 10), "opening_r": 0.8}
                made.append(AblationRun(key, seed, one, corpus=corpus, course=course if number < 2 else {}))
    return Results(made)


def test_each_corpus_has_its_tables_verdicts_and_panels(tmp_path):
    results = on_both(
        expert_accuracy=0.8, apart_1=0.6, apart_2=0.6, apart_3=0.7, apart_5=0.8, apart_10=0.9, exact_10=0.3
    )
    results.trials.append(
        AblationRun("lipgan", 0, {"confidence": 0.4, "opening_r": 0.8}, corpus="photo", settings={"a": 1})
    )
    parts = results.parts()
    assert list(parts) == ["photo", "drawn"] and all(run.corpus == "photo" for run in parts["photo"].runs)
    assert parts["photo"].values("frozen", "confidence") == pytest.approx({0: 0.6, 1: 0.6})
    assert parts["drawn"].values("frozen", "confidence") == pytest.approx({0: 0.3, 1: 0.3})
    assert parts["photo"].values("tv5", "apart_1") == pytest.approx({0: 0.65, 1: 0.67})
    assert [one.mean for one in parts["photo"].course("frozen", "own")] == pytest.approx([0.5, 0.6, 0.75])
    text = results.to_markdown()
    assert text.index("On photographic talkers:") < text.index("On drawn talkers:")
    experts, generators, tried = parts["photo"].tables()
    assert (
        "| right sound chosen, 1 frame apart | 0.620 [" in experts
        and "| held-out accuracy after half the steps |" in experts
    )
    assert "frozen expert, whole-face loss" in generators and "expert with 5 frames" not in generators
    assert "| LipGAN's single-frame discriminator | a 1 | 0.400 |" in tried
    told = results.verdict(CLAIMS[0]).splitlines()
    assert [line for line in told if line.startswith("- On")] == ["- On photographic talkers:", "- On drawn talkers:"]
    assert sum("in right sound chosen, 1 frame apart" in line and ": shown." in line for line in told) == 2
    figure = results.figure()
    titles = [panel.get_title(loc="left") for panel in figure.axes]
    assert len(titles) == 2 * 5  # a twice, b, c with each pixel loss; a column for each corpus
    assert titles[0].startswith("Photographic talkers") and titles[1] == "Drawn talkers"
    again = ablation.read(results.write(tmp_path / "results.json"))
    assert again.trials[0].settings == {"a": 1} and again.runs[6].course == results.runs[6].course
    assert again.to_markdown() == text
    (tmp_path / "results.json").write_text(
        json.dumps({"runs": [{"variant": "tv1", "seed": 0, "figures": {}, "corpus": "x"}]})
    )
    with pytest.raises(W2LError, match="unknown corpus 'x'"):
        ablation.read(tmp_path / "results.json")


def test_two_commands_may_share_a_file(tmp_path):
    """One for each corpus, each of which read the file before the other had written its runs."""
    both, path = on_both(expert_accuracy=0.8, apart_1=0.6), tmp_path / "results.json"
    for corpus, fact in (("photo", {"steps": 1}), ("drawn", {"steps": 1, "voices": 2})):
        tried = AblationRun("expert", 0, {"confidence": 1.0}, corpus=corpus)
        ablation.add(path, Results(both.on(corpus).runs, fact, [tried]))
    stored = ablation.read(path)
    assert [(run.corpus, run.variant, run.seed) for run in stored.runs] == [
        (run.corpus, run.variant, run.seed) for run in both.runs
    ]
    assert stored.facts == {"steps": 1, "voices": 2}
    assert [one.corpus for one in stored.trials] == ["photo", "drawn"]
    again = ablation.read(ablation.add(path, Results([replace(both.runs[0], figures={"full": 0.5})])))
    assert len(again.runs) == len(both.runs) and again.runs[0].figures == {"full": 0.5}  # made again: in its place


def test_settings_are_those_with_the_highest_confidence_on_validation_people():
    tried = BY_KEY["expert"].tried
    trials = [
        AblationRun("expert", 0, {"confidence": value}, settings=one)
        for one, value in zip(tried, (1, 3, 2), strict=True)
    ]
    results = Results([], {}, trials)
    for key in ("expert", "trained", "gan", "no_gan"):  # they differ from it in one thing each, and not in these
        assert results.chosen(key) == tried[1] and not results.untried(key)
    assert results.chosen("none") == {} and not results.untried("none")
    assert [one for _, one in Results([], {}, trials[:1]).untried("gan")] == list(tried[1:])
    with pytest.raises(W2LError, match="settings of gan are not chosen yet"):
        Results([], {}, trials[:1]).chosen("gan")


def test_near_pairs_and_short_cuts():
    """An expert that hears a difference of two frames, but not of one."""
    at = np.arange(80)
    pairs = np.where(np.abs(at[:, None] - at) < 2, 0.9, 0.1)
    assert [measures.told_apart(pairs, n) for n in (1, 2, 10)] == [0.5, 1.0, 1.0]
    late = np.roll(pairs, 2, axis=1)  # its own sound never scores higher than the next one
    assert measures.told_apart(late, 1) < 0.5
    sharp = np.where(at[:, None] == at, 0.9, 0.1)
    assert (
        measures.exact(sharp, 10) == measures.exact(sharp, 50) == 1.0
        and measures.exact(np.roll(sharp, 1, 1), 10) == 0.0
    )
    assert np.isnan(measures.exact(sharp[:20, :20], 10)) and np.isnan(measures.told_apart(sharp[:5, :5], 10))
    # half the mouths are heard one frame late, by cuts of 10 frames: half of them are exact
    half = sharp.copy()
    half[40:] = np.roll(sharp, 1, axis=1)[40:]
    assert measures.exact(half, 10) == pytest.approx(0.5, abs=0.1)


MADE = ("tv1", "trained")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A few steps of the trainings with the fewest parts, measured on two talkers."""
    folder = tmp_path_factory.mktemp("ablation")
    made = [talker.make_clip("test", number, seconds=1.2) for number in range(2)]
    clips = [Clip(one.frames, one.mel, one.truth) for one in made]
    budget = ablation_runs.Budget(
        start="classroom_generator_l1", expert_steps=1, sync_steps=2, gan_steps=1, train_clips=2, validation_clips=2,
        trial_clips=2, test_clips=2,
    )  # fmt: skip
    how = RunOptions(folder, "cpu", progress=False, sanity=False, workers=0)
    told = []
    with pytest.MonkeyPatch.context() as patch:
        for module in (ablation_runs, collect, data):
            patch.setattr(module, "corpus", lambda split, count, **kwargs: clips[:count])
        trials = [
            AblationRun("expert", 0, {"confidence": n}, settings=one) for n, one in enumerate(BY_KEY["expert"].tried)
        ]
        results = ablation_runs.remake(
            Results([], {}, trials), [0], folder, budget, MADE, False, done=told.append, run=how, corpora=("drawn",)
        )
        yield folder, budget, how, results, told


def test_a_small_part_is_made_and_measured(trained):
    folder, budget, _, results, told = trained
    assert [run.variant for run in results.runs] == list(MADE)
    expert, along = results.runs
    assert [len(t.runs) for t in told] == [1, 2]  # each is stored as soon as it is there
    assert along.figures.keys() == {figure.key for figure in FIGURES} - {"expert_accuracy"}
    assert along.figures["opening_r"] > 0.7  # it began as a generator that has a mouth
    for run in results.runs:
        assert all(np.isfinite(value) for value in run.figures.values()) and run.minutes > 0 and run.machine
    # the expert has learned nothing, and the clips are too short to be cut
    assert expert.figures.keys() == {"half", "full", "expert_accuracy", *(f"apart_{n}" for n in ablation_plan.APART)}
    assert expert.figures["expert_accuracy"] == pytest.approx(0.5, abs=0.1) and expert.figures["half"] >= 0
    assert along.settings == BY_KEY["expert"].tried[-1]  # which had the highest confidence
    assert [len(curve) for curve in along.course.values()] == [3, 3]  # at the start, in the middle, at the end
    assert along.course["own"][-1] == along.figures["own_confidence"] and along.course["judge"][0] > 0.2
    assert along.command == (
        "w2l evaluate ablation --remake --corpus drawn --only trained --seeds 0 --start classroom_generator_l1 "
        "--expert-steps 1 --sync-steps 2 --gan-steps 1 --train-clips 2 --test-clips 2"
    )
    assert results.facts["judge"] == "classroom_expert" and results.facts["start"] == budget.start
    assert results.facts["drawn talkers"] == "voices natural, looks drawn"
    assert (folder / "drawn" / "expert1_seed0" / "expert.safetensors").exists()


def test_the_same_part_made_again_is_the_same(trained, tmp_path):
    """Figures do not depend on what was made before, and what is finished in the folder is not trained again."""
    folder, budget, how, results, _ = trained
    weights = folder / "drawn" / "expert5_seed0" / "expert.safetensors"
    before = weights.stat().st_mtime_ns
    tried, more = Results([], results.facts, results.trials), {"progress": False, "run": how, "corpora": ("drawn",)}
    again = ablation_runs.remake(tried, [0], folder, budget, ("trained",), **more)
    assert again.runs[0].figures == pytest.approx(results.runs[1].figures, rel=1e-4)
    assert again.runs[0].course["own"] == pytest.approx(results.runs[1].course["own"], rel=1e-4)
    assert ablation_runs.remake(again, [0], folder, budget, ("trained",), **more) is again
    assert weights.exists() and before <= weights.stat().st_mtime_ns
    longer = replace(budget, sync_steps=3)  # trainings of other lengths would share a table
    with pytest.raises(W2LError, match=r"made otherwise \(sync_steps 2, now 3\)"):
        ablation_runs.remake(again, [1], folder, longer, ("trained",), **more)


def test_everything_is_made_in_order_and_kept(tmp_path, monkeypatch):
    """All variants, seeds and corpora without training: settings are tried before they are used, then kept."""
    seen = []

    def reached(generator, tools, split, count, cast, progress):
        seen.append((cast.looks, split, Path(generator).parent.name))
        figures = {"confidence": 0.5 + ("0.1" in generator) / 10, "opening_r": 0.8, "frechet": 1.0, "sharpness": 0.5}
        return figures, {"test 0": {"confidence": 0.5}}

    for name in ("train_expert", "train_generator", "train_gan"):
        monkeypatch.setattr(ablation_runs, name, lambda config, options, *rest, **more: options.folder / "it.pt")
    tools = SimpleNamespace(facts=lambda: {"expert x": "1"}, expert=None)
    monkeypatch.setattr(ablation_runs, "instruments", lambda budget: tools)
    monkeypatch.setattr(ablation_runs, "corpus", lambda *given, **named: [])
    monkeypatch.setattr(ablation_runs, "load_expert", lambda *given, **named: None)
    monkeypatch.setattr(measures, "generator_figures", reached)
    monkeypatch.setattr(measures, "expert_figures", lambda expert, clips: {"expert_accuracy": 0.8, "apart_1": 0.6})
    monkeypatch.setattr(measures, "learning_figures", lambda folder: {"half": 0.7, "full": 0.8})
    monkeypatch.setattr(measures, "course", lambda stages, judge, clips: {"own": [0.1, 0.2], "judge": [0.1, 0.1]})
    made = ablation_runs.remake(Results([]), [0, 1], tmp_path, ablation_runs.Budget(), progress=False)
    once = sum(one.once for one in VARIANTS)
    assert len(made.runs) == 2 * (2 * (len(VARIANTS) - len(SAME)) - once) and len(made.trials) == 2 * 4 * 3
    assert [run.seed for run in made.runs] == sorted(run.seed for run in made.runs)
    assert {looks for looks, _, _ in seen[:10]} == {"photo"} and {looks for looks, _, _ in seen} == {"photo", "drawn"}
    at = [number for number, (_, split, _) in enumerate(seen) if split == "validation"]
    assert len(at) == 24 and at[0] < seen.index(
        ("photo", "test", "trained-sync_gate_9.0-sync_ramp_30-sync_weight_0.1-seed0")
    )
    chosen = {run.variant: run.settings for run in made.runs if run.settings}
    with_box, whole_face = ("trained", "lipgan", "expert", "gan", "no_gan"), ("paper_lipgan", "paper_expert")
    weights = dict.fromkeys(with_box, 0.1) | dict.fromkeys(whole_face, 0.003)
    assert {key: one["sync_weight"] for key, one in chosen.items()} == weights
    assert [bool(run.rows) for run in made.runs[:2]] == [True, False]  # what needs no training can be measured again
    assert made.facts["photographic talkers"].startswith("voices natural, looks photo, people ")
    assert "in right sound" in made.to_markdown() and len(made.figure().axes) == 2 * 7


def test_starts_and_gans_are_set_up_as_the_plan_says(tmp_path, monkeypatch):
    """What each training is given, without training: weights, windows, and whose generator it begins with."""
    given = {}

    def train(config, options, *others, **named):
        given[str(options.folder.relative_to(tmp_path))] = (config, [str(one) for one in others], named)
        return options.folder / "it.safetensors"

    for name in ("train_expert", "train_generator", "train_gan"):
        monkeypatch.setattr(ablation_runs, name, train)
    place = ablation_runs._Place("photo", tmp_path, ablation_runs.Budget(), None, RunOptions(tmp_path), False)
    chosen = {"sync_weight": 0.1}
    for key in ("gamed", "paper_lipgan", "gan"):
        place.generator(BY_KEY[key], 2, chosen if key == "gan" else {})
    assert given.keys() == {
        "still", "expert5_seed0", "gamed-seed0", "start", "expert1_seed2", "paper_lipgan-seed2", "expert5_seed2",
        "expert-sync_weight_0.1-seed2", "gan-sync_weight_0.1-seed2",
    }  # fmt: skip
    assert (
        given["start"][0].mouth_weight == 2.0
        and given["still"][0].mouth_weight == given["gamed-seed0"][0].mouth_weight == 0
    )
    assert given["start"][0].sync_steps == 0 and given["gamed-seed0"][2]["start"].endswith("still/it.safetensors")
    lipgan, (own,), more = given["paper_lipgan-seed2"]
    assert own.endswith("expert1_seed2/it.safetensors") and more["start"].endswith("start/it.safetensors")
    assert lipgan.frozen_norm and lipgan.contrastive and lipgan.expert_trained
    assert lipgan.mouth_weight == 0 and lipgan.seed == 2
    assert (lipgan.voices, lipgan.looks) == ("natural", "photo") and given["expert1_seed2"][0].frames == 1
    gan, (start, own), _ = given["gan-sync_weight_0.1-seed2"]
    assert start.endswith("expert-sync_weight_0.1-seed2/it.safetensors") and gan.sync_weight == 0.1 and gan.frozen_norm


def test_command(tmp_path, capsys):
    stored = runs(tv5=(1.5, 1.6, 1.7), none=(1.2, 1.3, 1.4)).write(tmp_path / "results.json")
    assert main(["evaluate", "ablation", "--results", str(stored), "--report", str(tmp_path / "out")]) == 0
    assert "no sync loss" in capsys.readouterr().out
    ElementTree.fromstring((tmp_path / "out" / "ablation.svg").read_text(encoding="utf8"))
    page = (tmp_path / "out" / "ablation.html").read_text(encoding="utf8")
    assert page.count("<svg") == 1 and page.count('id="axes_') == 3 and "<td>no sync loss</td>" in page
    assert main(["evaluate", "ablation", "--results", str(tmp_path / "none.json")]) == 2
