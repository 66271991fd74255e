"""The stream of a dub: mel windows, several faces, errors in its threads."""

import numpy as np
import pytest
from helpers.dubs import SIZE, TwoFaces, run_dub, seen, write_speech

from w2l import audio, faces, models, video


def test_an_error_in_a_stage_reaches_the_caller(tmp_path, clip, generator, monkeypatch):
    def broken(*_):
        raise RuntimeError("crop")

    monkeypatch.setattr(faces, "cut_crop", broken)
    with pytest.raises(RuntimeError, match="crop"):
        run_dub(clip, write_speech(tmp_path / "s.wav", 0.4), tmp_path / "out.mp4", generator)
    assert [path.name for path in tmp_path.iterdir()] == ["s.wav"]


def test_mel_shift_of_the_weights_is_obeyed(tmp_path, clip, monkeypatch):
    given = {}

    class Listener:
        size = 96

        def __init__(self, model, device):
            self.shift = model.meta["mel_shift"]

        def __call__(self, crops, mels, references):
            given.setdefault(self.shift, []).append(mels)
            return crops

    from w2l.models.fast import generate

    monkeypatch.setattr(generate, "Generate", Listener)
    speech = write_speech(tmp_path / "s.wav", 0.8)
    mel = audio.melspectrogram(audio.load(speech))
    for shift in (-1.0, 0.0):
        path = tmp_path / f"{shift}.safetensors"
        models.save(models.build("wav2lip", 0.05), path, "wav2lip", 0.05, mel_shift=shift)
        run_dub(clip, speech, tmp_path / "out.mp4", path)
        expected = audio.mel_windows(mel, 25, 20, shift)
        assert (np.concatenate(given[shift]) == expected).all()
    assert not (given[-1.0][0] == given[0.0][0]).all()


def test_each_speaker_has_a_speech(tmp_path, clip, monkeypatch):
    given = {}

    class Listener:
        size = 96

        def __init__(self, model, **_):
            pass

        def __call__(self, crops, mels, references):
            given.setdefault("mels", []).append(mels)
            return np.full_like(crops, 255)

    from w2l.dubbing import dub as dub_module
    from w2l.models.fast import generate

    weights = tmp_path / "fresh.safetensors"
    models.save(models.build("wav2lip", 0.05), weights, "wav2lip", 0.05)
    monkeypatch.setattr(generate, "Generate", Listener)
    dub_module._load.cache_clear()
    one, two = write_speech(tmp_path / "1.wav", 0.4), write_speech(tmp_path / "2.wav", 0.8, 22050, seed=1)
    moments = []
    result = run_dub(
        clip, {0: one, "120,60": two}, tmp_path / "o.mp4", weights, box=None, detector=TwoFaces(), pads=(0, 0, 0, 0),
        label=False, match_colour=False, watch=moments.append,
    )  # fmt: skip
    dub_module._load.cache_clear()
    assert result.n_frames == 20
    for moment in moments:
        assert [mouth.speaker for mouth in moment.mouths] == [0, 1]
        changed = (moment.result != moment.frame).any(axis=2)
        assert changed[60:85, 30:50].all()
        assert changed[65:85, 110:130].all()
        assert not changed[:, 71:94].any()
    heard = np.concatenate(given["mels"]).reshape(20, 2, 80, 16)
    for speaker, path in enumerate((one, two)):
        mel = audio.melspectrogram(audio.load(path))
        assert (heard[:, speaker] == audio.mel_windows(mel, 25, 20)).all()
    mixed = audio.load(result.path)
    both = audio.load(two)[: len(mixed)].copy()
    both[: len(audio.load(one))] += audio.load(one)[: len(both)]
    n = min(len(both), len(mixed))
    assert np.corrcoef(both[:n], mixed[:n])[0, 1] > 0.95


def test_frames_in_which_only_one_of_two_is_seen(tmp_path, generator):
    class Leaving(TwoFaces):
        count = 0

        def detect(self, frames):
            out = []
            for _ in frames:
                out.append(self.boxes if self.count < 10 else self.boxes[:1])
                self.count += 1
            return out

    clip, texture = tmp_path / "clip.mp4", np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), np.uint8)
    with video.VideoWriter(clip, 25) as writer:
        for _ in range(20):
            writer.write(texture)
    spoken = write_speech(tmp_path / "s.wav", 0.8)
    result, moments = seen(clip, {0: spoken, 1: spoken}, tmp_path / "o.mp4", generator, box=None, detector=Leaving())
    assert [len(moment.mouths) for moment in moments] == [2] * 10 + [1] * 10
    assert result.frames_without_face == []
