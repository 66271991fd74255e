"""The stored results of the paper's claims: command and page show them, and what needs no training is remade."""

import dataclasses
import shutil

import numpy as np
import pytest
from helpers.places import ROOT

from w2l.cli.main import main
from w2l.evaluate.studies import ablation, ablation_measures, ablation_plan, ablation_runs


def test_stored_results_of_the_kit_make_its_table(capsys):
    assert main(["evaluate", "ablation"]) == 0
    said = capsys.readouterr().out
    for line in ablation.read().to_markdown().splitlines():
        assert line in said
    results = ablation.read()
    assert len({run.seed for run in results.runs}) >= 2 and all(run.machine and run.date for run in results.runs)


def test_the_page_shows_the_stored_results():
    page = " ".join((ROOT / "docs" / "claims.md").read_text(encoding="utf8").split())
    results = ablation.read()
    tables = [table for part in results.parts().values() for table in part.tables()]
    assert all(table.count("|") > 50 for table in tables) and results.made().endswith("`.")
    for line in (*(line for table in tables for line in table.splitlines()), results.made()):
        assert " ".join(line.split()) in page


@pytest.mark.skipif(not all(map(shutil.which, ("flite", "espeak-ng"))), reason="natural voices are not installed")
def test_a_small_part_of_the_stored_results_is_remade():
    """Two talkers of what needs no training, measured anew with the stored settings: each row is what it was."""
    corpus, part = next(iter((results := ablation.read()).parts().items()))
    stored = next(run for run in part.runs if run.rows)
    names = {field.name for field in dataclasses.fields(ablation_runs.Budget)}
    budget = ablation_runs.Budget(**{name: results.facts[name] for name in names})
    tools = ablation_runs.instruments(budget)
    assert tools.facts().items() <= results.facts.items()  # the weights that judge are those that judged
    weights = ablation_plan.BY_KEY[stored.variant].weights
    _, rows = ablation_measures.generator_figures(
        weights, tools, budget.split, 2, ablation_plan.CORPORA[corpus], progress=False
    )
    alike = rows.keys() & stored.rows.keys()
    assert len(alike) == 3  # the second speaks the words of the first, where among ten it speaks the next one's
    for key in ("confidence", "opening_r", "mouth_l1", "sharpness"):  # processors round differently, some to 16 bits
        then = {name: stored.rows[name][key] for name in sorted(alike) if key in stored.rows[name]}
        assert then and {name: rows[name][key] for name in then} == pytest.approx(then, rel=0.05), key


def test_the_stored_rows_together_are_what_is_stored():
    for run in ablation.read().runs:
        if run.rows:
            for key in ("confidence", "opening_r", "mouth_l1", "sharpness"):
                values = [row[key] for row in run.rows.values() if key in row]
                assert np.mean(values) == pytest.approx(run.figures[key], rel=1e-3), key
