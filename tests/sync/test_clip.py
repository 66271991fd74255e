"""LSE-D, LSE-C and offset: the published arithmetic to the digit, by any expert, over streams, stretches and shifts."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from helpers.golden_weights import GOLDEN, fill

import w2l
from w2l import faces, models, sync, video
from w2l.data.corpus import corpus
from w2l.errors import W2LError
from w2l.sync import stretches
from w2l.sync.clip import summarise, sync_curve
from w2l.sync.experts import OwnExpert, load_expert
from w2l.sync.mfcc import mfcc, to_pcm16
from w2l.sync.scorer import Scorer
from w2l.sync.stretches import Stretch


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """The published network with the golden formula's weights."""
    path = tmp_path_factory.mktemp("syncnet") / "formula.pth"
    torch.save(fill(models.build("syncnet_v2"), 1.0).state_dict(), path)
    return load_expert(path, "cpu")


@pytest.fixture(scope="module")
def bundled():
    return load_expert("classroom_expert", "cpu")


@pytest.fixture(scope="module")
def talkers():
    """Two held-out talkers; drawn once and kept for all tests of the run."""
    return corpus("validation", 2, progress=False)


def score(expert, frames, sound, block=7):
    """Scores of frames handed over in blocks of an odd size."""
    scorer = Scorer(expert, sound)
    for at in range(0, len(frames), block):
        scorer.add([expert.resize(frame) for frame in frames[at : at + block]])
    return scorer.finish()


# ---------------------------------------------------------------- the published arithmetic


def test_mfcc_is_the_published_one():
    golden = np.load(GOLDEN / "audio.npz")
    found = mfcc(golden["pcm16"])
    assert found.shape == golden["mfcc13"].shape
    np.testing.assert_allclose(found, golden["mfcc13"], atol=1e-3, rtol=0)


@pytest.mark.parametrize("samples", [0, 1, 399, 400, 401, 560, 561, 4096 * 160 + 700])
def test_mfcc_has_a_column_for_each_ten_milliseconds(samples):
    """Also over the edges of the blocks it is worked out in: a later start gives the same columns."""
    pcm = np.random.default_rng(0).integers(-9000, 9000, samples).astype(np.int16)
    found = mfcc(pcm)
    assert found.shape == (13, 1 + max(0, math.ceil((samples - 400) / 160)))
    assert np.isfinite(found).all()
    if samples > 4096 * 160:
        later = mfcc(pcm[4090 * 160 :])  # its first column alone misses the sample before, which pre-emphasis wants
        np.testing.assert_allclose(found[:, 4091:], later[:, 1:], rtol=1e-9)


def test_sixteen_bits_survive_the_way_through_floats():
    pcm = np.array([-32768, -1, 0, 1, 32767], np.int16)
    assert (to_pcm16(pcm.astype(np.float32) / 32768) == pcm).all()
    assert to_pcm16(np.array([2.0, -2.0])).tolist() == [32767, -32768]


def test_lse_is_the_published_one(published):
    golden = np.load(GOLDEN / "lse.npz")
    sound = golden["pcm16"].astype(np.float32) / 32768
    found = summarise(score(published, golden["frames"], sound), published)
    np.testing.assert_allclose(found.curve, golden["mean_distance_per_shift"], rtol=1e-4)
    assert found.lse_d == pytest.approx(float(golden["lse_d"]), rel=1e-4)
    assert found.lse_c == pytest.approx(float(golden["lse_c"]), rel=1e-4)
    assert -found.offset == int(golden["offset"])  # ours is positive when the sound is late
    assert found.lse_c == found.confidence and len(found.frames) == 40 - 5


def test_first_features_are_the_published_ones(published):
    golden = np.load(GOLDEN / "lse.npz")
    window = np.stack([published.resize(frame) for frame in golden["frames"][:5]])
    np.testing.assert_allclose(published.see(window)[0], golden["lip_feat0"], rtol=1e-3, atol=1e-3)
    heard = published.hear(golden["pcm16"].astype(np.float32) / 32768)
    np.testing.assert_allclose(heard(0, 1)[0], golden["aud_feat0"], rtol=1e-3, atol=1e-3)


def test_windows_are_as_few_as_published(published):
    """One fewer than would fit, by pictures or by sound, whichever is shorter."""
    frames = np.zeros((9, 96, 96, 3), np.uint8)
    assert len(score(published, frames, np.zeros(640 * 40, np.float32))) == 4
    assert len(score(published, frames, np.zeros(640 * 8 + 639, np.float32))) == 3
    assert len(score(published, frames[:5], np.zeros(640 * 40, np.float32))) == 0


def test_streaming_changes_nothing(bundled, talkers):
    """Blocks of any size, in memory that does not grow, give what all frames at once give."""
    clip = talkers[0]
    whole = sync.offset_curve(models.load("classroom_expert"), clip.frames, clip.mel)
    for block in (1, 33, 100):
        scores = score(bundled, clip.frames, clip.mel, block)
        found = summarise(scores, bundled)
        np.testing.assert_allclose(found.curve, whole.cosine, atol=2e-5)
        assert (found.shifts == whole.shifts).all()
    scorer = Scorer(bundled, clip.mel)
    for _ in range(6):
        scorer.add(list(clip.frames))
        assert len(scorer._frames) < bundled.batch + 5
        assert scorer._sounds is None or len(scorer._sounds) <= bundled.batch + 31


# ---------------------------------------------------------------- known shifts


@pytest.mark.parametrize("late", range(-10, 11))
def test_known_shifts_of_corpus_clips_are_found_exactly(late, bundled, talkers):
    """The sound of talkers shifted by whole frames: late sound is led in by what came before, as in a longer take."""
    clip = talkers[late % 2]
    first = round((10 - late) * 3.2)
    found = summarise(score(bundled, clip.frames[10:70], clip.mel[:, first:]), bundled)
    assert found.offset == late
    assert found.is_sure


def test_confidence_of_single_frames_falls_where_the_sound_is_another(bundled, talkers):
    clip, other = talkers
    mel = np.concatenate([clip.mel[:, :160], other.mel[:, 160:]], axis=1)
    found = summarise(score(bundled, clip.frames, mel), bundled)
    assert found.frames[:40].mean() > 0.5 > 0.25 > found.frames[56:].mean()


# ---------------------------------------------------------------- clips


@pytest.fixture(scope="module")
def film(tmp_path_factory, talkers):
    """Writes a talker's frames with its sound as an mp4, at any rate."""
    from w2l import talker

    folder = tmp_path_factory.mktemp("films")
    _, wav = talker.speech(talker.make_speaker("validation", 0))

    def write(name, frames=talkers[0].frames, fps=25.0, sound=wav):
        path = folder / f"{name}.mp4"
        with video.VideoWriter(path, fps, audio=None if sound is None else (sound, 16000), quality=12) as writer:
            for frame in frames:
                writer.write(frame)
        return path

    return write


def test_a_clip_on_disk(film, bundled):
    found = w2l.sync_curve(film("talker"), "classroom_expert")
    assert found.offset == 0 and found.confidence > 0.5 and found.protocol == "cropped" and not found.notes
    assert (found.expert, found.sha256) == ("classroom_expert", bundled.sha256)
    assert math.isnan(found.lse_d) and math.isnan(found.lse_c)  # never from another network than the published
    assert "in time" in str(found)


def test_the_published_network_on_a_clip_on_disk(film, published, talkers):
    found = sync_curve(film("short", talkers[0].frames[:12]), published)
    assert found.measure == "distance" and len(found.curve) == 31 and len(found.frames) == 12 - 5
    assert found.lse_d == found.curve.min() and math.isfinite(found.lse_c)


def test_odd_clips_are_told(film, bundled, talkers):
    frames = talkers[0].frames
    fast = sync_curve(film("fast", np.repeat(frames, 2, axis=0), 50.0), bundled)
    assert fast.offset == 0 and "50 frames a second" in fast.notes[0]  # read at 25, so the figures hold
    as_is = sync_curve(film("fast", np.repeat(frames, 2, axis=0), 50.0), bundled, fps=None)
    assert "mean little" in as_is.notes[0]
    silent = sync_curve(film("silent", sound=np.zeros(64000, np.float32)), bundled)
    assert any("silent" in note for note in silent.notes) and any("guess" in note for note in silent.notes)
    long = sync_curve(film("long", sound=np.full(160_000, 0.1, np.float32)), bundled)
    assert any("lasts 10.0" in note and "picture 4.00" in note for note in long.notes)


def test_what_cannot_be_judged_is_refused(film, bundled, published, talkers, tmp_path):
    frames = talkers[0].frames
    with pytest.raises(W2LError, match="no sound"):
        sync_curve(film("mute", sound=None), bundled)
    with pytest.raises(W2LError, match="too short"):
        sync_curve(film("four", frames[:4]), bundled)
    with pytest.raises(W2LError, match="too short"):
        sync_curve(film("five", frames[:5]), published)
    video.write_image(tmp_path / "still.png", frames[0])
    with pytest.raises(W2LError, match="no moving picture"):
        sync_curve(tmp_path / "still.png", bundled)
    with pytest.raises(W2LError, match="'tidy'"):
        sync_curve(film("talker"), bundled, protocol="tidy")
    with pytest.raises(W2LError, match="mouth_meter"):
        load_expert("classroom_meter")
    with pytest.raises(W2LError, match="nobody"):
        load_expert("nobody.pth")


def test_auto_takes_the_published_network_where_it_is(monkeypatch):
    from w2l.sync import experts

    assert isinstance(load_expert("auto", "cpu"), OwnExpert)
    monkeypatch.setattr(experts.weights, "locate", lambda name: name)
    with pytest.raises(W2LError, match="syncnet_v2"):
        load_expert("auto", "cpu")


# ---------------------------------------------------------------- in the wild


def scene(boxes, cuts=()):
    """A scene of frames of 200 x 100 pixels in which a detector saw these boxes (None: nothing)."""
    found = [np.array([[*box, 0.9]] if box else np.empty((0, 5)), np.float32).reshape(-1, 5) for box in boxes]
    return faces.Scene(faces.Found(found, list(cuts), (200, 100), True), "a clip")


def test_stretches_end_at_cuts_and_gaps(monkeypatch):
    box = (40, 20, 80, 60)
    seen = scene([box] * 30 + [None] * 12 + [box] * 20 + [box] * 4, cuts=(10, 62))
    monkeypatch.setattr(stretches.faces, "see", lambda *args, **kwargs: seen)
    ours = stretches.find_stretches("clip", "main", False, 25)
    assert [(one.start, one.length) for one in ours] == [(0, 10), (10, 20), (42, 20)]  # four frames are too few
    theirs = stretches.find_stretches("clip", "main", True, 25)
    assert [(one.start, one.length) for one in theirs] == [(0, 10), (10, 52)]  # gaps are bridged there
    assert all(one.published for one in theirs)
    monkeypatch.setattr(stretches.faces, "see", lambda *args, **kwargs: scene([box] * 5))
    with pytest.raises(W2LError, match="6 frames on end"):
        stretches.find_stretches("clip", "main", False, 25)


def test_the_published_crop():
    """A face of 40 x 40 at (60, 40): half 20, so 28 to each side, from 20 above to 36 below (reference 2.10)."""
    frame = np.zeros((100, 200, 3), np.uint8)
    frame[20:76, 32:88] = 255
    inside = Stretch(0, np.array([[40.0, 20, 80, 60]]), published=True).cut(frame, 0)
    assert inside.shape == (224, 224, 3) and (inside == 255).all()
    low = Stretch(0, np.array([[40.0, 70, 80, 110]]), published=True).cut(frame * 0, 0)
    assert (low[-40:] == 110).all() and (low[:100] == 0).all()  # grey below the frame's border


def test_a_jumping_box_is_filtered(monkeypatch):
    boxes = [(40 + (30 if i == 20 else 0), 20, 80 + (30 if i == 20 else 0), 60) for i in range(40)]
    monkeypatch.setattr(stretches.faces, "see", lambda *args, **kwargs: scene(boxes))
    (one,) = stretches.find_stretches("clip", "main", True, 25)
    assert (one.boxes[10:30] == (40, 20, 80, 60)).all()
