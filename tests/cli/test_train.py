"""The learning commands from end to end, small: corpus, trainings that resume, evaluation with a card."""

import json

import pytest
import torch
from helpers.painted import painted_people

from w2l import models
from w2l.cli.main import main
from w2l.evaluate import held_out
from w2l.evaluate.studies import card as card_page
from w2l.talker.photo.people import write_people

FEW = ["train_clips=3", "validation_clips=2"]


@pytest.fixture(autouse=True)
def quiet_home(tmp_path_factory, monkeypatch):
    """One corpus cache for all tests of this file."""
    cache = tmp_path_factory.getbasetemp() / "learn-cache"
    monkeypatch.setenv("W2L_CACHE", str(cache))


def test_corpus_writes_clips_with_their_truth(tmp_path, capsys):
    command = ["corpus", str(tmp_path), "--train", "2", "--validation", "1", "--seconds", "0.4", "--quiet"]
    assert main(command) == 0
    assert "3 clips" in capsys.readouterr().out
    names = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.mp4"))
    assert names == ["train/00000_00.mp4", "train/00001_00.mp4", "validation/00000_00.mp4"]
    truth = json.loads((tmp_path / "train/00000_00.json").read_text())
    assert len(truth["opening_width_area"]) == 10


def test_corpus_of_photographic_talkers_says_who_they_are(tmp_path):
    write_people(tmp_path / "people.npz", painted_people())
    command = ["corpus", str(tmp_path / "clips"), "--train", "1", "--validation", "1", "--seconds", "0.4", "--quiet"]
    assert main([*command, "--looks", "photo", "--people", str(tmp_path / "people.npz")]) == 0
    facts = [
        json.loads((tmp_path / "clips" / split / "00000_00.json").read_text()) for split in ("train", "validation")
    ]
    assert [fact["person"] for fact in facts] == ["p002", "p001"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["corpus", "x", "--size", "100"], "choose 96"),
        (["corpus", "x", "--seconds", "0"], "choose 0.4"),
        (["train", "expert", "--set", "stepz=3"], "there is no setting 'stepz'"),
        (["train", "expert", "--set", "stepz=3", "--set", "steps=1"], "there is no setting 'stepz'"),
        (["train", "expert", "--set", "steps=many"], "whole number"),
        (["train", "expert", "--set", "width=3", *FEW], "width"),
        (["train", "generator", "--expert", "nowhere.pth", "--set", "steps=1", *FEW], "nowhere.pth"),
        (["train", "meter", "--device", "abacus", "--set", "steps=1", *FEW], "abacus"),
        (["evaluate", "corpus", "--clips", "1"], "too few"),
    ],
)
def test_bad_arguments_are_told_in_one_sentence(arguments, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    told = capsys.readouterr().err.strip().splitlines()[-1]
    assert told.startswith("w2l: ") and said in told
    assert not list(tmp_path.rglob("*.safetensors"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["corpus", "x", "--looks", "painted"], "--looks: invalid choice: 'painted' (choose from 'drawn', 'photo', "),
        (["corpus", "x", "--people", "nobody.npz"], "--people: nobody.npz is no people pack"),
        (["train", "expert", "--people", "nobody.npz"], "--people: nobody.npz is no people pack"),
        (["evaluate", "corpus", "--manner", "perhaps"], "--manner: 'perhaps' is neither yes nor no"),
    ],
)
def test_other_talkers_than_there_are_end_the_command_before_it_begins(arguments, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2 and not list(tmp_path.iterdir())
    told = capsys.readouterr().err.strip().splitlines()
    assert len(told) == 1 and said in told[0].replace("choose from drawn, photo, ", "choose from 'drawn', 'photo', ")


def test_the_whole_recipe(tmp_path, capsys, monkeypatch):
    """Expert, meter, generator with the expert's help, then their figures, and the card that tells how they came.

    Figures are measured once: which of them the card asks for, the card's own tests know.
    """
    measured = {}

    def once(*names, **how):
        if not measured:
            measured.update(held_out.evaluate_classroom(*names, **how))
        return measured

    monkeypatch.setattr(card_page, "evaluate_classroom", once)

    def train(name, *settings, extra=()):
        out = tmp_path / name
        assert main(["train", name, "--out", str(out), "--quiet", *extra, "--set", *FEW, *settings]) == 0
        path = capsys.readouterr().out.strip().splitlines()[-1]
        assert path == str(out / f"{name}.safetensors")
        return path

    expert = train("expert", "steps=2", "width=0.1", "clips=2", "windows=2")
    assert train("expert", "steps=2", "width=0.1", "clips=2", "windows=2") == expert  # finished already
    meter = train("meter", "steps=2", "batch=4", extra=("--no-sanity",))
    small = ("steps=1", "sync_steps=1", "width=0.1", "batch=2", "sync_batch=1")
    generator = train("generator", *small, extra=("--expert", expert, "--no-sanity"))
    card, sheet = tmp_path / "card.md", tmp_path / "strips.png"
    names = ["--generator", generator, "--expert", expert, "--meter", meter]
    more = ["--card", str(card), "--stages", "classroom_generator_gamed", "--others", "classroom_expert"]
    assert main(["evaluate", "corpus", *names, "--clips", "3", *more, "--sheet", str(sheet), "--quiet"]) == 0
    out = capsys.readouterr().out
    assert "| NO |" in out  # one step teaches nothing, and the table says so
    text = card.read_text()
    assert f"| figure | {generator} | classroom_generator_gamed |" in text
    assert f"--expert {expert.split('/')[-1]} --set" in text
    assert "sync_steps 1" in text and "3 validation talkers" in text and sheet.stat().st_size > 10_000


def test_a_generator_that_has_learned_to_hear_goes_on_from_there(tmp_path, capsys):
    out, few = tmp_path / "hearing", ["--quiet", "--no-sanity", "--set", *FEW, "steps=1", "width=0.1", "batch=2"]
    assert main(["train", "hearing", "--out", str(out), *few]) == 0
    (heard,) = capsys.readouterr().out.strip().splitlines()[-1:]
    assert heard == str(out / "generator.safetensors")
    more = ["sync_steps=0", "learning_rate=1e-9"]
    assert main(["train", "generator", "--from", heard, "--out", str(tmp_path / "drawn"), *few, *more]) == 0
    before, after = models.load(heard, "wav2lip"), models.load(tmp_path / "drawn" / "generator.safetensors", "wav2lip")
    assert after.meta["start"] == "generator.safetensors"
    name = "audio_encoder.0.conv_block.0.weight"
    torch.testing.assert_close(before.state_dict()[name], after.state_dict()[name], atol=1e-3, rtol=0)


def test_from_files_to_a_sharpened_generator(tmp_path, capsys):
    """Clips on disk, preprocessed into a store; a GAN that begins with the bundled generator and learns from them."""
    clips, store, out = tmp_path / "clips", tmp_path / "store", tmp_path / "gan"
    counts = ["--train", "2", "--validation", "1"]
    assert main(["corpus", str(clips), *counts, "--seconds", "1.2", "--quiet"]) == 0
    assert main(["preprocess", str(clips), str(store), "--processes", "0", "--quiet"]) == 0
    assert "kept 3 clips from 3 sources" in capsys.readouterr().out
    settings = ["steps=2", "ahead=1", "batch=1", "disc_width=0.1", "evaluate_every=2"]
    assert main(["train", "gan", "--data", str(store), "--out", str(out), "--quiet", "--set", *settings]) == 0
    said = capsys.readouterr().out
    assert "sanity: ok: the expert judges" in said and "held_out_sharpness" in said
    made = models.load(out / "generator.safetensors", network="wav2lip")
    assert made.meta["start"] == "classroom_generator" and made.meta["data"] == "store store" and made.width == 0.25
    assert models.load(out / "quality_disc.safetensors").width == 0.1
    assert (out / "sheets" / "step_000000002.png").stat().st_size > 10_000
