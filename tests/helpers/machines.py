"""This machine made to look like another: Colab, OpenBayes, Kaggle, Binder."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from w2l.base import paths


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """Makes this machine look like another; gives the folder that stands for its root."""
    for name in ("W2L_HOME", "KAGGLE_KERNEL_RUN_TYPE", "BINDER_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    places = {
        "_OPENBAYES_HOMES": (tmp_path / "openbayes/home", tmp_path / "hyperai/home"),
        "_COLAB_HOME": tmp_path / "content",
        "_DRIVE": tmp_path / "content/drive/MyDrive",
        "_KAGGLE_HOME": tmp_path / "kaggle/working",
        "_INPUTS": (tmp_path / "openbayes/input", tmp_path / "hyperai/input", tmp_path / "kaggle/input"),
    }
    for name, value in places.items():
        monkeypatch.setattr(paths, name, value)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    def look_like(kind, *folders):
        if kind == "colab":
            monkeypatch.setitem(sys.modules, "google.colab", ModuleType("google.colab"))
        for name, where in (("KAGGLE_KERNEL_RUN_TYPE", "kaggle"), ("BINDER_SERVICE_HOST", "binder")):
            if kind == where:
                monkeypatch.setenv(name, "1")
        for folder in folders:
            (tmp_path / folder).mkdir(parents=True)
        return tmp_path

    return look_like
