"""Experts and talkers that the tests of sync share."""

import pytest
import torch
from helpers.golden_weights import fill

from w2l import models
from w2l.data.corpus import corpus
from w2l.sync.experts import load_expert


@pytest.fixture(scope="package")
def published(tmp_path_factory):
    """The published network with the golden formula's weights."""
    path = tmp_path_factory.mktemp("syncnet") / "formula.pth"
    torch.save(fill(models.build("syncnet_v2"), 1.0).state_dict(), path)
    return load_expert(path, "cpu")


@pytest.fixture(scope="package")
def bundled():
    return load_expert("classroom_expert", "cpu")


@pytest.fixture(scope="package")
def talkers():
    """Two held-out talkers; drawn once and kept for all tests of the run."""
    return corpus("validation", 2, progress=False)
