"""Modules that have moved: an old name is answered with the new one, and the new one is there."""

from importlib import import_module
from importlib.util import find_spec

import pytest
from helpers.places import ROOT

import w2l
from w2l.base.moved import MOVED, RENAMED


@pytest.mark.parametrize(("old", "new"), MOVED.items())
def test_an_old_name_says_its_new_one(old, new):
    assert find_spec(new) is not None, f"{new} is not there"
    with pytest.raises(ImportError, match=f"^{old} is now {new}\\.$"):
        import_module(old)
    assert not ROOT.joinpath(*old.split(".")).with_suffix(".py").exists()


def test_so_does_an_attribute_of_the_package():
    with pytest.raises(AttributeError, match=r"w2l\.paths is now w2l\.base\.paths\."):
        w2l.paths  # noqa: B018
    with pytest.raises(ImportError, match=r"w2l\.pipeline is now w2l\.base\.parallel\."):
        from w2l import pipeline  # noqa: F401
    with pytest.raises(AttributeError, match="module 'w2l' has no attribute 'nothing'"):
        w2l.nothing  # noqa: B018
    with pytest.raises(ModuleNotFoundError, match=r"No module named 'w2l\.nothing'"):
        import_module("w2l.nothing")


@pytest.mark.parametrize(("module", "old"), [(module, old) for module, names in RENAMED.items() for old in names])
def test_a_renamed_name_says_what_to_use(module, old):
    new = RENAMED[module][old]
    with pytest.raises(ImportError, match=rf"^{module}\.{old} is now "):
        getattr(import_module(module), old)
    with pytest.raises(AttributeError, match=f"module '{module}' has no attribute 'nothing'"):
        _ = import_module(module).nothing
    place, _, name = new.split(",")[0].split("(")[0].rpartition(".")
    assert hasattr(import_module(place), name), f"{new} is not there"
