"""LSE-D, LSE-C and offset: the published arithmetic to the digit, by any expert, over streams, stretches and shifts."""

from __future__ import annotations

import math

import numpy as np
import pytest
from helpers.places import GOLDEN
from helpers.scores import score

import w2l
from w2l import video
from w2l.errors import W2LError
from w2l.sync.clip import summarise, sync_curve
from w2l.sync.experts import load_expert


def test_lse_is_the_published_one(published):
    golden = np.load(GOLDEN / "lse.npz")
    sound = golden["pcm16"].astype(np.float32) / 32768
    found = summarise(score(published, golden["frames"], sound), published)
    np.testing.assert_allclose(found.curve, golden["mean_distance_per_shift"], rtol=1e-4)
    assert found.lse_d == pytest.approx(float(golden["lse_d"]), rel=1e-4)
    assert found.lse_c == pytest.approx(float(golden["lse_c"]), rel=1e-4)
    assert -found.offset == int(golden["offset"])  # ours is positive when the sound is late
    assert found.lse_c == found.confidence and len(found.frames) == 40 - 5


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


def test_one_of_several_sound_tracks_is_judged(film, bundled, tmp_path):
    """Speech is in the second track; both are named unless one is chosen."""
    from helpers.sounds import add_track

    clip = add_track(film("talker"), np.full(16000, 0.2, np.float32), tmp_path / "two.mkv")
    first, second = sync_curve(clip, bundled), sync_curve(clip, bundled, audio_track=2)
    assert any("2 sound tracks, 1 (mono) and 2 (" in note and "track 1 was judged" in note for note in first.notes)
    assert not second.notes and second.offset == 0 and second.confidence > first.confidence + 0.2


def test_quiet_sound_is_told(film, bundled):
    wav = np.random.default_rng(0).standard_normal(64000).astype(np.float32)
    (note, *_) = sync_curve(film("quiet", sound=0.001 * wav), bundled).notes
    assert "its sound is very quiet (-6" in note
