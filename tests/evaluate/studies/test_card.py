"""The model card: what it says of a file is what the file says, and its commands are commands."""

from __future__ import annotations

import re
import shlex
import subprocess

import pytest
from helpers.places import ROOT

from w2l import models
from w2l.cli.main import make_parser
from w2l.evaluate.held_out import CRITERIA
from w2l.evaluate.studies import card
from w2l.talker.cast import Cast
from w2l.talker.photo.people import bundled_people
from w2l.train.data import CORPUS

CARD = ROOT / "data" / "weights" / "README.md"
PACK = str(ROOT / "data" / "talker" / "people.npz")
BULLETS = {
    re.match(r"- \*\*(\w+)\*\*", line)[1]: line
    for line in CARD.read_text(encoding="utf8").splitlines()
    if line.startswith("- **")
}


def test_every_file_that_ships_is_on_the_card():
    assert BULLETS.keys() == {path.stem for path in CARD.parent.glob("*.safetensors")}
    assert CARD.read_text(encoding="utf8").startswith(card._HEAD)


@pytest.mark.parametrize("name", BULLETS)
def test_the_card_says_what_the_file_says(name):
    assert BULLETS[name] == card._facts(name, models.load(name))


@pytest.mark.parametrize("name", BULLETS)
def test_commands_run(name):
    """The command line takes each of them, its settings are settings, and earlier weights are in the history."""
    (command,) = re.findall(r"Remade by `([^`]+)`", BULLETS[name])
    made = {}
    for step in command.split(" && "):
        if step.startswith("w2l"):
            made |= dict.fromkeys(check_training(step, made))
            continue
        source, commit, target = re.fullmatch(r"git show ((\w+):[\w/.]+) > ([\w@.]+)", step).groups()
        made[target] = source
        in_history = ["git", "-C", str(ROOT), "cat-file", "-e", f"{commit}^{{commit}}"]
        if subprocess.run(in_history, capture_output=True, check=False).returncode:
            continue  # no clone, or a shallow one
        subprocess.run(["git", "-C", str(ROOT), "cat-file", "-e", source], check=True)


def check_training(command, made):
    """Whether the command line takes it, from files that are there or made before; returns the files that it makes."""
    words = shlex.split(command.replace("PEOPLE", PACK))
    assert words[:2] == ["w2l", "train"]
    options = make_parser().parse_args(words[1:])
    for option in ("start", "expert", "disc"):
        value = getattr(options, option, None)
        assert value is None or value in made or value in BULLETS, value
    meters = [item.split("=")[1] for item in getattr(options, "set", []) if item.startswith("meter=")]
    assert set(meters) <= {*made, *BULLETS}, meters
    known = card._CONFIGS[words[2]].__dataclass_fields__
    assert {item.split("=")[0] for item in getattr(options, "set", [])} <= known.keys()
    return [f"{options.out}/{name}.safetensors" for name in ("expert", "generator", "meter", "quality_disc")]


@pytest.mark.parametrize(("who", "given"), [("0e6723b7", True), ("bundled", False), ("", False)])
def test_the_command_names_people_other_than_the_bundled_ones(who, given):
    """Of these, the card says who they are."""
    who = bundled_people().fingerprint() if who == "bundled" else who
    data = CORPUS + (f" with people {who}" if who else "")
    command = card._command({"network": "syncnet", "data": data, "training": {"looks": "mixed", "steps": 7}})
    assert command == f"w2l train expert{' --people PEOPLE' * given} --set steps=7"
    assert "PEOPLE" in card._HEAD and make_parser().parse_args(command.replace("PEOPLE", PACK).split()[1:])


def test_earlier_runs_come_first_each_from_the_one_before():
    first = {"start": "classroom_expert@abcdef0", "training": {"steps": 7}}
    second = {"start": "run1/expert.safetensors", "training": {"looks": "mixed", "steps": 8}}
    meta = {"network": "syncnet", "start": "run2/expert.safetensors", "training": {"looks": "mixed", "width": 0.5}}
    show, *trainings = card._command(meta | {"earlier": [first, second]}).split(" && ")
    assert show.startswith("git show abcdef0:") and trainings == [
        "w2l train expert --from classroom_expert@abcdef0.safetensors --out run1 --set looks=drawn steps=7",
        "w2l train expert --from run1/expert.safetensors --out run2 --set steps=8",
        "w2l train expert --from run2/expert.safetensors --set width=0.5",
    ]


def test_a_generator_that_first_learned_to_hear_and_that_a_meter_taught():
    data = f"{CORPUS} with people 0e6723b7"
    hearing = {"start": "classroom_generator@abcdef0", "data": f"{CORPUS}, speech alone"}
    hearing["training"] = {"looks": "mixed", "steps": 7, "train_clips": 40, "batch": 256, "schedule": "cosine"}
    meter = {"network": "mouth_meter", "training": {"looks": "mixed", "seed": 1}}
    meta = {"network": "wav2lip", "start": "run1/generator.safetensors", "expert": "classroom_expert", "data": data}
    meta["training"] = {"looks": "mixed", "mouth_weight": 3, "meter_weight": 0.1, "meter": "run2/meter.safetensors"}
    assert card._command(meta | {"earlier": [hearing, meter]}).split(" && ")[1:] == [
        "w2l train hearing --from classroom_generator@abcdef0.safetensors --out run1 --set steps=7 train_clips=40",
        "w2l train meter --people PEOPLE --out run2 --set seed=1",
        "w2l train generator --from run1/generator.safetensors --expert classroom_expert --people PEOPLE "
        "--set mouth_weight=3 meter_weight=0.1 meter=run2/meter.safetensors",
    ]


@pytest.mark.parametrize("looks", ["photo", "mixed", "drawn"])
def test_drawn_talkers_and_other_voices_are_measured_beside_photographic_ones(
    random_weights, tmp_path, monkeypatch, looks
):
    asked = []

    def measured(*names, cast, **how):
        asked.append(cast)
        return dict.fromkeys((criterion.key for criterion in CRITERIA), 0.123)

    monkeypatch.setattr(card, "evaluate_classroom", measured)
    figures = dict.fromkeys((criterion.key for criterion in CRITERIA), 0.456)
    cast = Cast("natural", looks)
    text = card.write(tmp_path / "card.md", figures, "test", 3, random_weights, cast=cast).read_text(encoding="utf8")
    beside = [Cast("natural", "drawn"), Cast("formant", looks, manner=False), Cast("formant", looks)]
    assert asked == ([] if looks == "drawn" else [*beside, Cast("natural", looks, manner=False)])
    assert ("the same on 3 drawn test talkers" in text.lower()) == ("0.123" in text) == (looks != "drawn")
    rows = re.findall(r"\| (formant|natural) \| (no|yes) \| (0\.\d+) \|", text)
    assert rows == (
        []
        if looks == "drawn"
        else [
            ("formant", "no", "0.123"),
            ("formant", "yes", "0.123"),
            ("natural", "no", "0.123"),
            ("natural", "yes", "0.456"),
        ]
    )
    assert f"--split test --clips 3 --voices natural --looks {looks}`" in text
