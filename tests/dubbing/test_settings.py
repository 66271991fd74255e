"""What a user may choose about a dub: every choice explained, and on the command line."""

import dataclasses

import pytest

from w2l import faces
from w2l.base.choices import choices_of
from w2l.dubbing.settings import Settings
from w2l.errors import W2LError


def test_wrong_names_are_told():
    with pytest.raises(W2LError, match="did you mean smooth"):
        Settings().with_changes(smoth=False)
    with pytest.raises(W2LError, match="extend cannot be 'bounce'"):
        Settings(extend="bounce")


def test_every_setting_is_explained_and_can_be_given_on_the_command_line():
    from w2l.cli import main
    from w2l.cli.arguments import chosen

    options = main.make_parser().parse_args(["dub", "a", "b", "c"])
    names = {field.name for field in dataclasses.fields(Settings)}
    assert set(chosen(options, Settings)) == names
    assert Settings().with_changes(**chosen(options, Settings)) == Settings()
    assert all(f"\n  {name}: " in Settings.__doc__ for name in names)


def test_gaps_are_those_of_the_faces():
    assert choices_of(Settings)["gaps"][1].choices == faces.GAPS


@pytest.mark.parametrize(("name", "said"), [("hog", "hog is no longer part of w2l"), ("yolo", "no detector is called")])
def test_a_detector_that_is_none_is_told_before_anything_is_read(name, said):
    with pytest.raises(W2LError, match=said):
        Settings().with_changes(detector=name)
    assert Settings(detector="s3fd").detector == "s3fd"
