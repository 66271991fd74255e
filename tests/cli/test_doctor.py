"""``w2l doctor``: what it prints and writes, and what it says of wrong folders."""

import csv
import json

import pytest
from helpers.command_line import run_main
from helpers.doctored import make_store


def test_a_store_is_examined_and_reported(tmp_path, capsys):
    store = make_store(tmp_path / "store", ["anna", "ben", "cleo"])
    code, told, _ = run_main(
        capsys, "doctor", store, "--no-learning", "--report", tmp_path / "out", "--device", "cpu", "--quiet"
    )
    assert code == 0
    assert told.startswith(
        "store: 3 clips looked at; 2 speakers and 0.0 minutes in training, 1 speakers for validation"
    )
    assert ". the crops show no face: 3 of 3 clips; a face in 0% of their frames, median (normal: " in told
    assert "too few people speak: 2 in training" in told and "note: sync was not judged" in told
    report = json.loads((tmp_path / "out" / "doctor.json").read_text())
    assert {one["cause"] for one in report["findings"]} >= {"crops", "few speakers"} and report["store"] == "store"
    with open(tmp_path / "out" / "doctor.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["speaker"] for row in rows] == ["anna", "ben", "cleo"] and "no face" in rows[0]["faults"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("no",), "there is no clip store no; make one with 'w2l preprocess'."),
        (("STORE", "--run", "no"), "no is not the run folder of a training (its settings.json cannot be read)."),
        (("STORE", "--expert", "nobody"), "there are no weights 'nobody'"),
        (("STORE", "--expert", "classroom_generator"), "classroom_generator"),
        (("STORE", "--clips", "1"), "store has 1 clip to look at; two or more can be compared."),
    ],
)
def test_what_cannot_be_examined_is_told_in_a_sentence(arguments, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    make_store(tmp_path / "store", ["anna", "ben"])
    code, _, told = run_main(capsys, "doctor", *(one.replace("STORE", "store") for one in arguments), "--quiet")
    assert code == 2 and said in told and told.count("\n") == 1
