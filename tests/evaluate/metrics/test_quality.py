"""Figures of pictures and mouths against second implementations, closed forms, and things made worse on purpose."""

from __future__ import annotations

import math
import types

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

from w2l.data.corpus import corpus
from w2l.errors import W2LError
from w2l.evaluate.metrics import frechet, mouth, quality
from w2l.evaluate.metrics.bootstrap import few_interval, mean_interval
from w2l.evaluate.metrics.frechet import Moments
from w2l.evaluate.metrics.mouth import correlation
from w2l.train import losses


@pytest.fixture(scope="module")
def faces():
    """Frames of four held-out talkers: uint8 (40, 96, 96, 3)."""
    return np.concatenate([clip.frames[::10] for clip in corpus("validation", 4, progress=False)])


def tensors(*pictures):
    return [torch.from_numpy(p.transpose(0, 3, 1, 2).astype(np.float64)) for p in pictures]


# ---------------------------------------------------------------- pixels


@pytest.mark.parametrize(("kind", "strength"), [("blur", 2), ("noise", 15), ("jpeg", 10)])
def test_psnr_and_ssim_are_those_of_torchmetrics(kind, strength, faces):
    real, made = faces[:6], quality.degraded(faces[:6], kind, strength)
    errors = quality.Errors()
    errors.add(real[:2], made[:2])
    errors.add(real[2:], made[2:])
    found, (a, b) = errors.figures(), tensors(made, real)
    assert found["psnr"] == pytest.approx(peak_signal_noise_ratio(a, b, data_range=255.0).item(), rel=1e-5)
    ours, theirs = found["ssim"], structural_similarity_index_measure(a, b, data_range=255.0).item()
    assert ours == pytest.approx(theirs, rel=1e-5)


def test_errors_are_plain_arithmetic():
    rng = np.random.default_rng(0)
    real, made = rng.integers(0, 256, (2, 3, 96, 96, 3), dtype=np.uint8)
    errors = quality.Errors()
    errors.add(real, made)
    apart = np.abs(real / 255 - made / 255)
    found = errors.figures()
    assert found["lower_l1"] == pytest.approx(apart[:, 48:].mean(), rel=1e-5)
    rows, columns = losses.MOUTH_BOX
    assert found["mouth_l1"] == pytest.approx(apart[:, rows, columns].mean(), rel=1e-5)
    a, b = (losses.gradient_energy(t / 255).item() for t in tensors(made, real))
    assert found["sharpness"] == pytest.approx(a / b, rel=1e-5)
    same = quality.Errors()
    same.add(real, real)
    assert same.figures()["psnr"] == quality.PSNR_LIMIT and same.figures()["ssim"] == pytest.approx(1)


def test_jitter_is_of_trembling_not_of_motion():
    """A steady fade has none; one that shakes by a step up and down twice the step."""
    steady = np.repeat(np.arange(0, 60, 3, dtype=np.uint8), 96 * 96 * 3).reshape(20, 96, 96, 3)
    shaking = steady + np.uint8(10) * (np.arange(20) % 2).astype(np.uint8)[:, None, None, None]

    def value(frames, block):
        jitter = quality.Jitter()
        for at in range(0, len(frames), block):
            jitter.add(frames[at : at + block])
        return jitter.value()

    assert value(steady, 7) == pytest.approx(0, abs=1e-6)
    assert value(shaking, 1) == pytest.approx(2 * 10 / 255, rel=1e-5) == pytest.approx(value(shaking, 20))
    assert math.isnan(value(steady[:2], 2))


def test_unknown_degradations_are_refused(faces):
    with pytest.raises(ValueError, match="'rust'"):
        quality.degraded(faces[:1], "rust", 1)


# ---------------------------------------------------------------- Fréchet distance


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
    with pytest.raises(W2LError, match="not the file that its name says"):
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


# ---------------------------------------------------------------- mouths


@pytest.mark.parametrize("late", [-5, -1, 0, 3, 8])
def test_lag_of_a_mouth_is_found(late):
    truth = np.convolve(np.random.default_rng(0).normal(size=120), np.ones(4), "valid")
    opening = np.roll(truth, late)[10:-10]
    assert mouth.lag(opening, truth[10:-10]) == late
    assert math.isnan(mouth.lag(opening * 0, truth[10:-10]))
    assert math.isnan(mouth.lag(opening[:2], truth[:2]))


def test_still_mouths_follow_nothing():
    wave = np.sin(np.arange(50.0))
    assert correlation(wave, wave) == pytest.approx(1) and correlation(wave, -wave) == pytest.approx(-1)
    assert correlation(wave * 0, wave) == 0
    assert mouth.amplitude(2 * wave, wave) == pytest.approx(2) and math.isnan(mouth.amplitude(wave, wave * 0))


def test_closure_recall_counts_true_closures():
    """Four sounds: one truly closed and seen, one closed and missed, one not closed in truth, one after the end."""
    truth, opening = np.full(50, 6.0), np.full(50, 6.0)
    truth[10:12] = truth[30:32] = 0
    opening[11], opening[20] = 1.0, 0.0
    closures = [(0.40, 0.46), (1.20, 1.26), (0.80, 0.86), (9.0, 9.1)]
    assert mouth.closure_recall(opening, truth, closures) == (0.5, 2)
    recall, count = mouth.closure_recall(opening, truth, [])
    assert math.isnan(recall) and count == 0
    phones = [{"phone": "M", "start": 1600, "end": 3200}, {"phone": "S", "start": 0, "end": 10}]
    assert mouth.bilabial_times(phones) == [(0.1, 0.2)]


# ---------------------------------------------------------------- intervals


def test_intervals_cover_the_mean_as_often_as_they_say():
    rng = np.random.default_rng(1)
    hits = 0
    for trial in range(200):
        found = mean_interval(rng.normal(3, 2, 40), seed=trial)
        hits += found.low <= 3 <= found.high
    assert 0.88 <= hits / 200 <= 0.99


def test_intervals_draw_what_is_akin_together():
    """Values that come in equal pairs say no more than one of each: the interval is that of the single ones."""
    single = np.random.default_rng(2).normal(0, 1, 30)
    twice, whose = np.repeat(single, 2), np.repeat(np.arange(30), 2)
    one, both = mean_interval(single), mean_interval(twice, groups=whose)
    assert (both.low, both.high, both.count) == (pytest.approx(one.low), pytest.approx(one.high), 60)
    naive = mean_interval(twice)
    assert naive.high - naive.low < 0.8 * (both.high - both.low)
    uneven = mean_interval([1.0, 2, 3, math.nan], groups=["a", "a", "b", "c"])
    assert uneven.count == 3 and uneven.mean == 2 and (uneven.low, uneven.high) == (1.5, 3)
    assert math.isnan(mean_interval([1.0, 2], groups=["a", "a"]).low)


def test_intervals_of_a_few_values_are_students():
    found = few_interval([1.0, 2.0, math.nan, 3.0])  # t of two degrees of freedom: 4.3027
    assert found.mean == 2 and found.count == 3 and found.high - 2 == pytest.approx(4.3027 / math.sqrt(3), rel=1e-4)
    assert 2 - found.low == pytest.approx(found.high - 2)
    assert math.isnan(few_interval([5.0]).low) and few_interval([]).count == 0
    rng = np.random.default_rng(3)
    tries = [few_interval(rng.normal(1, 1, 3)) for _ in range(400)]
    assert 0.92 <= np.mean([one.low <= 1 <= one.high for one in tries]) <= 0.98


def test_intervals_are_steady_and_leave_out_what_is_missing():
    values = [1.0, 2, math.nan, 4, math.inf]
    found = mean_interval(values)
    assert found == mean_interval(values) and found.count == 3 and found.mean == pytest.approx(7 / 3)
    assert found.low < found.mean < found.high
    assert mean_interval([5.0]).text(1) == "5.0" and mean_interval([math.nan]).text() == "–"
