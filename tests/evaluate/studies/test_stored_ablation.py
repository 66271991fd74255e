"""The stored results of the paper's claims: command and README show them, and what needs no training is remade."""

import dataclasses

import pytest
from helpers.places import ROOT

from w2l.cli.main import main
from w2l.evaluate.studies import ablation, ablation_runs


def test_stored_results_of_the_kit_make_its_table(capsys):
    assert main(["evaluate", "ablation"]) == 0
    said = capsys.readouterr().out
    for line in ablation.read().to_markdown().splitlines():
        assert line in said
    results = ablation.read()
    assert len({run.seed for run in results.runs}) >= 2 and all(run.machine and run.date for run in results.runs)


def test_the_readme_shows_the_stored_results():
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf8").split())
    table, made = ablation.read().to_markdown().split("\n\n")[0:3:2]
    assert table.count("|") > 50 and made.endswith("`.")
    for line in (*table.splitlines(), made):
        assert " ".join(line.split()) in readme


def test_a_small_part_of_the_stored_results_is_remade():
    """What needs no training: the start, measured anew with the stored settings on the same talkers."""
    results = ablation.read()
    names = {field.name for field in dataclasses.fields(ablation_runs.Budget)}
    budget = ablation_runs.Budget(**{name: results.facts[name] for name in names})
    tools = budget.instruments()
    assert tools.facts().items() <= results.facts.items()  # the weights that judge are those that judged
    (stored,) = (run for run in results.runs if run.variant == "start")
    made = ablation_runs.measure(budget.start, None, tools, budget, progress=False)
    assert made.keys() == stored.figures.keys()
    for key, value in stored.figures.items():  # processors round differently, some to 16 bits
        assert made[key] == pytest.approx(value, rel=0.02), key
