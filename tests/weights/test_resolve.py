"""From a name to a file: which names there are, the order of places, what wrong files are called."""

import os

import pytest
from helpers.servers import CONTENT, POINTER, QUOTA, get

from w2l import weights
from w2l.base import paths
from w2l.errors import W2LError

pytestmark = pytest.mark.usefixtures("own_cache")


def test_places_in_order(tmp_path, monkeypatch, own_cache, offer):
    """The same file in every place: as each is removed, the next one is found."""
    offer()
    inputs = (tmp_path / "openbayes", tmp_path / "hyperai")
    monkeypatch.setattr(paths, "_DRIVE", tmp_path / "drive")
    monkeypatch.setattr(paths, "_INPUTS", inputs)
    monkeypatch.setenv("W2L_WEIGHTS", os.pathsep.join([str(tmp_path / "one" / "fake.pth"), str(tmp_path / "two")]))
    folders = ["one", "two", own_cache, "drive/w2l", "openbayes/input0", "openbayes/input0/deep", "hyperai/input3"]
    files = [tmp_path / folder / "fake.pth" for folder in folders]
    for file in (*files, inputs[0] / "input0" / "deep" / "er" / "fake.pth"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(CONTENT)
    for file in files:
        assert weights.locate("fake") == weights.find("fake") == get() == file
        file.unlink()
    assert weights.locate("fake") is None
    assert weights.status("fake") == "absent"


def test_generators_are_found_by_size_and_by_path(tmp_path, monkeypatch):
    monkeypatch.setenv("W2L_WEIGHTS", str(tmp_path))
    path = tmp_path / "wav2lip.pth"
    path.touch()
    os.truncate(path, weights.REGISTRY["wav2lip"].bytes)  # a hole: it takes no room
    assert weights.find("wav2lip") == path
    assert weights.find("classroom").name == "classroom_generator_gan.safetensors"
    mine = tmp_path / "mine.pth"
    mine.write_bytes(b"x")
    assert weights.find(mine) == mine
    with pytest.raises(W2LError, match=r"there are no weights 'nowhere.pth'; .* classroom, .*wav2lip, wav2lip_gan"):
        weights.find("nowhere.pth")


def test_a_name_goes_before_a_file_of_that_name(tmp_path, monkeypatch, offer):
    monkeypatch.chdir(tmp_path)
    for name in ("classroom_expert", "fake"):
        (tmp_path / name).write_bytes(b"x")
    offer()
    assert weights.find("classroom_expert") == paths.data() / "weights" / "classroom_expert.safetensors"
    with pytest.raises(W2LError, match="the weights fake are not on this machine"):
        weights.find("fake")
    assert weights.find("./fake").read_bytes() == weights.find(tmp_path / "classroom_expert").read_bytes() == b"x"


def test_what_weights_are_called():
    assert weights.called("classroom_expert") == "classroom_expert"
    assert weights.called(os.path.join("runs", "expert", "last.safetensors")) == "last.safetensors"


def test_other_names_of_the_same_file(tmp_path, monkeypatch, offer):
    offer(also=("f.pth",))
    monkeypatch.setenv("W2L_WEIGHTS", str(tmp_path))
    (tmp_path / "f.pth").write_bytes(CONTENT)
    assert weights.find("fake") == tmp_path / "f.pth"


def test_absent_weights_are_told_with_what_to_do(own_cache):
    with pytest.raises(W2LError) as caught:
        weights.find("wav2lip_gan")
    for words in ("w2l weights fetch wav2lip_gan", "put wav2lip_gan.pth into", str(own_cache), "W2L_WEIGHTS"):
        assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    for call in (weights.locate, weights.status, weights.verify, weights.fetch, weights.accepted):
        with pytest.raises(W2LError, match="no published weights are called 'unet'; there are wav2lip, "):
            call("unet")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xef\xbb\xbf \n<html><title>Sign in</title>", r'a web page "Sign in" \(HTML'),
        (QUOTA.encode(), "quota is used up"),
        (POINTER.encode(), f"git-LFS pointer of {len(POINTER)} bytes"),
        (CONTENT[:1000], "a truncated file of 1000 bytes, not 400000"),
        (CONTENT + b"more", "a file of 400004 bytes, not 400000"),
    ],
)
def test_wrong_files_are_named_and_passed_over(content, said, tmp_path, monkeypatch, own_cache, offer):
    offer("right")
    monkeypatch.setenv("W2L_WEIGHTS", str(tmp_path))
    (tmp_path / "fake.pth").write_bytes(content)
    assert weights.locate("fake") is None
    assert weights.status("fake") == "wrong"
    for call in (weights.find, weights.verify):
        with pytest.raises(W2LError, match=said) as caught:
            call("fake")
        assert str(tmp_path / "fake.pth") in str(caught.value) and "\n" not in str(caught.value)
    assert get() == weights.find("fake") == own_cache / "fake.pth"
