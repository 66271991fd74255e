"""The model card: what it says of a file is what the file says, and its commands are commands."""

from __future__ import annotations

import re
import shlex
import subprocess

import pytest
from helpers.places import ROOT

from w2l import models
from w2l.cli.main import make_parser
from w2l.evaluate.studies import card

CARD = ROOT / "data" / "weights" / "README.md"
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
    *shown, train = command.split(" && ")
    made = {}
    for step in shown:
        source, commit, target = re.fullmatch(r"git show ((\w+):[\w/.]+) > ([\w@.]+)", step).groups()
        made[target] = source
        in_history = ["git", "-C", str(ROOT), "cat-file", "-e", f"{commit}^{{commit}}"]
        if subprocess.run(in_history, capture_output=True, check=False).returncode:
            continue  # no clone, or a shallow one
        subprocess.run(["git", "-C", str(ROOT), "cat-file", "-e", source], check=True)
    words = shlex.split(train)
    assert words[:2] == ["w2l", "train"]
    options = make_parser().parse_args(words[1:])
    for option in ("start", "expert", "disc"):
        value = getattr(options, option, None)
        assert value is None or value in made or value in BULLETS, value
    known = card._CONFIGS[words[2]].__dataclass_fields__
    assert {item.split("=")[0] for item in getattr(options, "set", [])} <= known.keys()
