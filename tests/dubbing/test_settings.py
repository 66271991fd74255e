"""What a user may choose about a dub, and that each choice does what it says."""

import dataclasses

import cv2
import numpy as np
import pytest
import soundfile
import torch
from helpers.dubs import BOX, SIZE, number, run_dub, write_clip, write_speech
from helpers.places import GOLDEN

from w2l import audio, faces, models, video
from w2l.base.choices import choices_of
from w2l.dubbing import published, speech
from w2l.dubbing.settings import Settings
from w2l.errors import W2LError


def _seen(clip, speech, out, generator, **options):
    moments = []
    result = run_dub(clip, speech, out, generator, watch=moments.append, **options)
    return result, moments


@pytest.mark.parametrize(
    ("extend", "expected"),
    [
        ("pingpong", [*range(20), *range(18, 8, -1)]),
        ("loop", [*range(20), *range(10)]),
        ("hold", [*range(20), *[19] * 10]),
        ("trim", list(range(20))),
    ],
)
def test_speech_longer_than_the_clip(tmp_path, clip, generator, extend, expected):
    spoken = write_speech(tmp_path / "s.wav", 1.2)
    result, moments = _seen(clip, spoken, tmp_path / "o.mp4", generator, extend=extend)
    assert [number(moment.frame) for moment in moments] == expected
    assert result.n_frames == len(expected)
    heard = len(audio.load(result.path)) / 16000
    assert heard == pytest.approx(len(expected) / 25, abs=0.08)
    assert len([note for note in result.notes if "speech" in note]) == 1


def test_static_stands_still(tmp_path, clip, generator):
    spoken = write_speech(tmp_path / "s.wav", 0.6)
    result, moments = _seen(clip, spoken, tmp_path / "o.mp4", generator, static=True)
    assert [number(moment.frame) for moment in moments] == [0] * 15
    assert result.notes == []


def test_a_dub_works_on_what_framing_leaves(tmp_path, generator):
    clip = write_clip(tmp_path / "wide.mp4", 5, width=400, height=320)
    spoken = write_speech(tmp_path / "s.wav", 0.2)
    options = {"resize_factor": 2, "crop": (20, 0, 180, 160)}
    result, moments = _seen(clip, spoken, tmp_path / "o.mp4", generator, **options)
    assert {moment.result.shape for moment in moments} == {(160, 160, 3)}
    info = video.probe(result.path)
    assert (info.width, info.height) == (160, 160)


class TwoFaces:
    """Sees two faces that stand still, the larger on the left."""

    name, settings = "two", ""
    boxes = np.float32([[10, 20, 70, 90, 0.9], [95, 30, 145, 90, 0.8]])

    def detect(self, frames):
        return [self.boxes for _ in frames]


def test_each_speaker_has_a_speech(tmp_path, clip, monkeypatch):
    given = {}

    class Listener:
        def __init__(self, model, **_):
            pass

        def __call__(self, crops, mels):
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


def test_speakers_that_cannot_be(tmp_path, clip, generator):
    spoken = write_speech(tmp_path / "s.wav", 0.2)
    for options in ({"box": BOX}, {"box": None, "parity": True}):
        with pytest.raises(W2LError, match="2 speakers"):
            run_dub(clip, {0: spoken, 1: spoken}, tmp_path / "o.mp4", generator, **options)
    with pytest.raises(W2LError, match="0 speakers"):
        run_dub(clip, {}, tmp_path / "o.mp4", generator, box=None)
    with pytest.raises(W2LError, match="no face 5"):
        run_dub(clip, {0: spoken, 5: spoken}, tmp_path / "o.mp4", generator, box=None, detector=TwoFaces())


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
    result, moments = _seen(clip, {0: spoken, 1: spoken}, tmp_path / "o.mp4", generator, box=None, detector=Leaving())
    assert [len(moment.mouths) for moment in moments] == [2] * 10 + [1] * 10
    assert result.frames_without_face == []


class TestGate:
    """Pauses are found, and the generator hears silence there."""

    def wav(self, noise):
        rng = np.random.default_rng(0)
        t = np.arange(3 * 16000) / 16000
        tone = 0.3 * np.sin(2 * np.pi * 200 * t) * np.sin(2 * np.pi * 4 * t) ** 2
        tone[16000 : 2 * 16000] = 0
        return (tone + noise * rng.standard_normal(len(t))).astype(np.float32)

    @pytest.mark.parametrize("noise", [0, 0.001, 0.01])
    def test_a_pause_of_a_second(self, noise):
        resting = speech.pauses(self.wav(noise), 241)
        at = np.flatnonzero(resting)
        assert at[0] / 80 == pytest.approx(1.05, abs=0.1)
        assert at[-1] / 80 == pytest.approx(1.95, abs=0.1)
        assert (np.diff(at) == 1).all()

    def test_steady_speech_has_none(self):
        t = np.arange(16000) / 16000
        assert not speech.pauses(0.2 * np.sin(2 * np.pi * 200 * t) * (1 + 0.5 * np.sin(40 * t)), 81).any()

    def test_the_mouth_rests(self, tmp_path):
        soundfile.write(tmp_path / "s.wav", self.wav(0.01), 16000)
        spoken = speech.listen(tmp_path / "s.wav")
        plain, gated = spoken.mel(), spoken.mel(gate=True)
        assert plain[:, 100:140].max() > -3
        assert (gated[:, 100:140] == -4).all()
        assert (gated[:, :80] == plain[:, :80]).all()


@pytest.mark.parametrize("kind", ["video", "picture"])
@pytest.mark.parametrize("options", [{}, {"resize_factor": 2, "rotate": 90}], ids=["whole", "framed"])
def test_parity_equals_the_published_steps(tmp_path, kind, options):
    """Against a second writing of the published inference, straight from its description."""
    rng = np.random.default_rng(3)
    width, height = (400, 300) if options else (200, 150)
    pictures = [
        cv2.resize(rng.integers(0, 256, (9, 12, 3), np.uint8), (width, height), interpolation=cv2.INTER_CUBIC)
        for _ in range(12)
    ]
    if kind == "video":
        clip = tmp_path / "clip.mp4"
        with video.VideoWriter(clip, 30) as writer:
            for picture in pictures:
                writer.write(picture)
        capture = cv2.VideoCapture(str(clip))
        decoded = [capture.read()[1] for _ in pictures]
        capture.release()
        fps = 30.0
    else:
        clip, decoded, fps = tmp_path / "clip.png", pictures[:1], 25.0
        video.write_image(clip, pictures[0])
    spoken = write_speech(tmp_path / "s.wav", 1.0)
    weights = tmp_path / "w.safetensors"
    models.save(models.build("wav2lip", 0.1), weights, "wav2lip", 0.1)

    class Wandering:
        """A face that moves by fractions of a pixel, beside a worse one."""

        name, settings, count = "wandering", "", 0

        def detect(self, frames):
            found = []
            for _ in frames:
                i, self.count = self.count, self.count + 1
                found.append(np.float32([[30.7 + 1.3 * i, 20.2 - i, 90.9 + i, 95.5, 0.9], [0, 0, 20, 20, 0.8]]))
            return found

    detector = None if kind == "picture" else Wandering()
    box = (40, 30, 110, 120) if kind == "picture" else None
    got, moments = _seen(
        clip,
        spoken,
        tmp_path / "o.mp4",
        weights,
        parity=True,
        label=False,
        box=box,
        detector=detector or "auto",
        **options,
    )

    frames = []
    for frame in decoded:
        if options:
            frame = cv2.resize(frame, (frame.shape[1] // 2, frame.shape[0] // 2))
            frame = cv2.rotate(frame, cv2.ROTATE_90_CLOCKWISE)
        frames.append(frame)
    if box:
        boxes = np.array([box])
    else:
        raw = [[30.7 + 1.3 * i, 20.2 - i, 90.9 + i, 95.5] for i in range(len(frames))]
        h, w = frames[0].shape[:2]
        rows = []
        for x1, y1, x2, y2 in raw:
            x1, y1, x2, y2 = (int(np.float32(max(0, v))) for v in (x1, y1, x2, y2))
            rows.append([max(0, x1), max(0, y1), min(w, x2), min(h, y2 + 10)])
        boxes = np.array(rows)
        for i in range(len(boxes)):
            window = boxes[len(boxes) - 5 :] if i + 5 > len(boxes) else boxes[i : i + 5]
            boxes[i] = np.mean(window, axis=0)
    mel = audio.melspectrogram(audio.load(spoken))
    chunks, i = [], 0
    while True:
        start = int(i * (80.0 / fps))
        if start + 16 > mel.shape[1]:
            chunks.append(mel[:, -16:])
            break
        chunks.append(mel[:, start : start + 16])
        i += 1
    network = models.load(weights, "wav2lip")
    assert got.n_frames == len(chunks) == len(moments)
    for i, (chunk, moment) in enumerate(zip(chunks, moments, strict=True)):
        frame = frames[i % len(frames)].copy()
        x1, y1, x2, y2 = boxes[i % len(frames)]
        crop = cv2.resize(frame[y1:y2, x1:x2], (96, 96))
        masked = crop.copy()
        masked[48:] = 0
        both = np.concatenate((masked, crop), axis=2) / 255.0
        with torch.no_grad():
            out = network(
                torch.FloatTensor(chunk[None, None]), torch.FloatTensor(np.transpose(both, (2, 0, 1))[None].copy())
            )
        drawn = (out[0].numpy().transpose(1, 2, 0) * 255.0).astype(np.uint8)
        frame[y1:y2, x1:x2] = cv2.resize(drawn, (x2 - x1, y2 - y1))
        assert np.abs(frame.astype(int) - moment.result).max() <= 1


def test_parity_mode_refuses_what_the_original_cannot(tmp_path, clip, generator):
    spoken = write_speech(tmp_path / "s.wav", 0.4)
    with pytest.raises(W2LError, match="frame rate"):
        run_dub(clip, spoken, tmp_path / "o.mp4", generator, parity=True, fps=30)
    with pytest.raises(W2LError, match="mel columns"):
        published.window_starts(25, 15)
    nobody = [np.zeros((0, 5), np.float32)]
    with pytest.raises(W2LError, match="frame 0 shows no face"):
        published.boxes(nobody, (100, 100))


@pytest.mark.parametrize("fps", ["24", "25", "29.97", "30", "50", "60"])
def test_published_windows(fps):
    golden = np.load(GOLDEN / "audio.npz")
    assert (
        published.window_starts(float(fps), golden["mel"].shape[1]).tolist() == golden[f"mel_start_fps{fps}"].tolist()
    )


def test_published_smoothing():
    golden = np.load(GOLDEN / "boxes.npz")
    assert (published.smooth_boxes(golden["raw"]) == golden["smoothed_T5"]).all()


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
