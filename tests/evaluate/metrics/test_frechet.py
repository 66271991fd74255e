"""Fréchet distances against closed forms and things made worse on purpose."""

from __future__ import annotations

import types

import numpy as np
import pytest
from scipy.linalg import sqrtm

from w2l.errors import W2LError
from w2l.evaluate.metrics import frechet, quality
from w2l.evaluate.metrics.frechet import Moments


def test_frechet_is_the_closed_form_for_gaussians():
    """Of diagonal ones: squared distance of the means plus squared differences of the deviations."""
    s1, s2, m1, m2 = np.array([1.0, 2, 3]), np.array([2.0, 2, 1]), np.zeros(3), np.array([1.0, 0, -2])
    a, b = (Moments(11, m, np.diag(s**2) * 10) for m, s in ((m1, s1), (m2, s2)))
    assert frechet.frechet(a, b) == pytest.approx(5 + 1 + 0 + 4)
    assert frechet.frechet(a, a) == pytest.approx(0, abs=1e-9)


def test_frechet_is_that_of_sqrtm():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(200, 12)), rng.normal(0.3, 1.5, (150, 12)) @ rng.normal(size=(12, 12))
    a, b = Moments.of(x), Moments.of(y)
    c1, c2 = np.cov(x.T), np.cov(y.T)
    expected = np.sum((x.mean(0) - y.mean(0)) ** 2) + np.trace(c1 + c2 - 2 * sqrtm(c1 @ c2).real)
    assert frechet.frechet(a, b) == pytest.approx(expected, rel=1e-8)
    assert frechet.frechet(b, a) == pytest.approx(expected, rel=1e-8)
    # fewer faces than features: the covariance has no full rank
    few = Moments.of(x[:6])
    assert 0 <= frechet.frechet(few, a) < np.inf


def test_moments_of_parts_are_those_of_the_whole():
    x = np.random.default_rng(0).normal(5, 2, (70, 4))
    joined = frechet.together(Moments.of(part) for part in np.split(x, [1, 20, 50]))
    np.testing.assert_allclose(joined.mean, x.mean(0))
    np.testing.assert_allclose(joined.covariance, np.cov(x.T))
    with pytest.raises(W2LError, match="at least 2 faces"):
        _ = Moments.of(x[:1]).covariance


@pytest.mark.parametrize(
    ("kind", "worse_and_worse"),
    [
        ("blur", (0.5, 1, 2, 4)),
        ("noise", (5, 10, 20)),
        ("jpeg", (70, 30, 10, 4)),
        ("small", (64, 48, 32, 16)),
        ("shuffle", (24, 12, 6)),
    ],
)
def test_degraded_sets_score_worse(kind, worse_and_worse, faces):
    """In every figure of pictures, each step against the one before and against none at all."""
    features = frechet.SmallFeatures()
    real = Moments.of(features(faces))
    found = []
    for strength in worse_and_worse:
        made = quality.degraded(faces, kind, strength)
        errors = quality.Errors()
        errors.add(faces, made)
        figures = errors.figures()
        distance = frechet.frechet(real, Moments.of(features(made)))
        found.append((-distance, figures["psnr"], figures["ssim"], -figures["lower_l1"], -figures["mouth_l1"]))
    distances, *others = np.array(found).T
    assert distances[0] < -1e-4
    assert (np.diff(distances) < 0).all()
    for values in others if kind != "shuffle" else ():  # squares of any size lie wrong: no order among them
        assert (np.diff(values) < 0).all()


def test_small_features_look_at_lower_faces_alone(faces):
    features = frechet.SmallFeatures()
    found = features(faces[:3])
    assert found.shape == (3, 2 * (8 + 16 + 64)) and features.name == "small (classroom_expert)"
    above = faces[:3].copy()
    above[:, :48] = 0
    np.testing.assert_array_equal(features(above), found)


def test_inception_is_asked_for_by_name_and_never_replaced(monkeypatch, tmp_path):
    monkeypatch.setenv("W2L_WEIGHTS", str(tmp_path))
    with pytest.raises(W2LError, match="put them into"):
        frechet.load_features("inception")
    (tmp_path / frechet.INCEPTION).write_bytes(b"something else")
    monkeypatch.setattr(frechet.importlib, "import_module", lambda name: types.SimpleNamespace())
    with pytest.raises(W2LError, match="does not match its name"):
        frechet.load_features("inception")

    def broken(name):
        raise RuntimeError("operator torchvision::nms does not exist")

    monkeypatch.setattr(frechet.importlib, "import_module", broken)
    with pytest.raises(W2LError, match="torchvision::nms"):
        frechet.load_features("inception")
    with pytest.raises(W2LError, match="small or inception"):
        frechet.load_features("vgg")


def test_inception_features_are_given_rgb(monkeypatch, tmp_path):
    """A stand-in for the network that tells what it was given."""
    path = tmp_path / frechet.INCEPTION
    path.write_bytes(b"weights")
    monkeypatch.setenv("W2L_WEIGHTS", str(tmp_path))
    monkeypatch.setattr(frechet, "hash_of", lambda path: "6726825d" + "0" * 56)

    def network(name, wanted, file):
        assert wanted == ["2048"] and file == str(path)
        return lambda rgb: (rgb[:, :, 0, 0],)

    module = types.SimpleNamespace(FeatureExtractorInceptionV3=network)
    monkeypatch.setattr(frechet.importlib, "import_module", lambda name: module)
    features = frechet.load_features("inception")
    bgr = np.zeros((40, 96, 96, 3), np.uint8) + np.array([1, 2, 3], np.uint8)
    assert features(bgr).tolist() == [[3, 2, 1]] * 40 and features.name == "inception"
