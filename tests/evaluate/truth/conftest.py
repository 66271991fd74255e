"""A test set small enough for tests: two talkers, two seconds, small pictures."""

import shutil

import pytest

from w2l.evaluate.rows import Instruments
from w2l.evaluate.truth import making, testset
from w2l.evaluate.truth.testset import Recipe

RECIPE = Recipe(seconds=2.0, side=192)


@pytest.fixture(scope="package")
def made(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(making, "cores", lambda: 1)
        return making.make(tmp_path_factory.mktemp("truth") / "set", 2, RECIPE)


@pytest.fixture
def copied(made, tmp_path, monkeypatch):
    """The same in a folder of its own, to be broken."""
    monkeypatch.setattr(making, "cores", lambda: 1)
    shutil.copytree(made.folder, tmp_path / "set")
    return testset.read_testset(tmp_path / "set")


@pytest.fixture(scope="package")
def judges():
    return Instruments("classroom_expert", features=(), device="cpu")
