"""``w2l evaluate truth``: made, made again, scored, and what it says of wrong folders."""

import json

import pytest
from helpers.command_line import run_main

from w2l.evaluate.truth import making, testset
from w2l.evaluate.truth.testset import Recipe


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(making, "cores", lambda: 1)
        return making.make(tmp_path_factory.mktemp("truth") / "set", 2, Recipe(seconds=1.0, side=128)).folder


def test_results_are_scored_and_reported(folder, tmp_path, capsys):
    code, told, _ = run_main(
        capsys, "evaluate", "truth", folder, "--own", "still", "pasted", "--report", tmp_path, "--quiet"
    )
    assert code == 0
    assert told.startswith("note: this test set was made by another recipe (seconds 1, side 128, seed 0)")
    assert "pasted on 2 talkers whose truth is known (crops)" in told and "leak " in told
    for name in ("still", "pasted"):
        report = json.loads((tmp_path / name / "report.json").read_text())
        assert report["settings"]["system"] == name and len(report["rows"]) == 2
        page = (tmp_path / name / "report.html").read_text()
        assert "open at rest" in page and "<svg" in page


def test_figures_that_cannot_be_compared_do_not_enter_a_table(folder, tmp_path, capsys):
    code, _, said = run_main(
        capsys, "evaluate", "truth", folder, "--own", "still", "--table", tmp_path / "t.md", "--quiet"
    )
    assert code == 2 and said.endswith("so it has no place in a table; leave --table out.\n")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("no", "results"), "the test set in no does not exist; make it with: w2l evaluate truth FOLDER."),
        (("SET", "no"), "there is no folder no; give the folder that holds the results."),
        (("SET", "SET/frames"), "belongs to the test set"),
        (("SET", "--own", "nobody"), "there are no weights 'nobody'"),
        (("SET",), "holds a test set of another recipe or other faces; choose another folder."),
        (("new", "--talkers", "1"), "a test set of 1 talkers cannot be made"),
    ],
)
def test_wrong_folders_are_told_in_a_sentence(arguments, said, folder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    code, _, told = run_main(capsys, "evaluate", "truth", *(one.replace("SET", str(folder)) for one in arguments))
    assert code == 2 and said in told and told.count("\n") == 1


def test_a_finished_set_is_not_made_again(folder, monkeypatch, capsys):
    monkeypatch.setattr(making, "Recipe", lambda **facts: Recipe(**facts) if facts else Recipe(seconds=1.0, side=128))
    monkeypatch.setattr(making, "_make_clip", None)
    code, told, _ = run_main(capsys, "evaluate", "truth", folder, "--talkers", 2, "--quiet")
    assert code == 0 and f"2 clips, checksum {testset.read_testset(folder).checksum}" in told
