"""Where data, cache and results are: on Colab, OpenBayes, Kaggle, Binder and a laptop."""

import pytest

from w2l.base import paths


@pytest.mark.parametrize(
    ("kind", "folders", "home", "lasting", "runs"),
    [
        ("local", [], "here", "here", "here/runs"),
        ("colab", ["content"], "content", None, "content/runs"),
        ("colab", ["content/drive/MyDrive"], "content/drive/MyDrive/w2l", "content/drive/MyDrive/w2l", "content/runs"),
        ("openbayes", ["openbayes/home"], "openbayes/home", "openbayes/home", "openbayes/home/runs"),
        ("openbayes", ["hyperai/home"], "hyperai/home", "hyperai/home", "hyperai/home/runs"),
        ("kaggle", ["kaggle/working"], "kaggle/working", "kaggle/working", "kaggle/working/runs"),
        ("binder", [], "here", None, "here/runs"),
    ],
)
def test_results_go_where_they_survive(machine, kind, folders, home, lasting, runs):
    root = machine(kind, *folders)
    assert paths.platform() == kind
    assert paths.home() == root / home
    assert paths.lasting() == (root / lasting if lasting else None)
    assert paths.runs() == root / runs


def test_w2l_home_beats_every_platform(machine, monkeypatch, tmp_path):
    machine("colab", "content")
    monkeypatch.setenv("W2L_HOME", str(tmp_path / "mine"))
    assert paths.home() == tmp_path / "mine"
    assert paths.runs() == tmp_path / "mine" / "runs"


@pytest.mark.parametrize(("kind", "place"), [("openbayes", "hyperai/input"), ("kaggle", "kaggle/input")])
def test_bound_data_sets(machine, kind, place):
    root = machine(kind, f"{place}/b", f"{place}/a/deep")
    (root / place / "file").touch()
    assert paths.inputs() == [root / place / "a", root / place / "b"]
    assert paths.folders_in(root / place / "a") == [root / place / "a" / "deep"]
    assert paths.folders_in(root / "nowhere") == paths.folders_in(root / place / "file") == []


def test_cache(machine, monkeypatch, tmp_path):
    for name in ("W2L_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    machine("local")
    assert paths.cache() == tmp_path / ".cache" / "w2l"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert paths.cache() == tmp_path / "xdg" / "w2l"
    root = machine("openbayes", "openbayes/home")
    assert paths.cache() == root / "openbayes/home" / ".cache" / "w2l"
    monkeypatch.setenv("W2L_CACHE", str(tmp_path / "mine"))
    assert paths.cache() == tmp_path / "mine"


def test_bundled_data_is_there():
    assert (paths.data() / "weights" / "classroom_generator.safetensors").is_file()
