"""The dub: exact length, the right frame at the right time, nothing changed but the face, nothing left on failure."""

import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile
import torch
from helpers.clips import write_avif, write_see_through
from helpers.dubs import BOX, SIZE, TwoFaces, number, numbered, run_dub, seen, write_clip, write_speech
from helpers.threads import count_threads, wait_for_threads

from w2l import audio, faces, video
from w2l.dubbing import dub as dub_module
from w2l.dubbing.dub import dub
from w2l.dubbing.footage import back_and_forth
from w2l.errors import W2LError
from w2l.faces import Track
from w2l.marking import mark


@pytest.mark.parametrize(
    ("seconds", "rate", "fps", "expected"),
    [
        (0.5, 16000, None, 12),
        (2.32, 16000, None, 58),
        (0.73, 22050, 30, 22),
        (1.0, 8000, 29.97, 30),
        (0.1, 48000, 10, 1),
    ],
)
def test_exact_number_of_frames(tmp_path, clip, generator, seconds, rate, fps, expected):
    speech = write_speech(tmp_path / "speech.wav", seconds, rate)
    result = run_dub(clip, speech, tmp_path / "out.mp4", generator, fps=fps)
    assert result.n_frames == expected == round(seconds * (fps or 25))
    assert result.fps == (fps or 25)
    info = video.probe(result.path)
    assert info.has_audio
    assert info.fps == pytest.approx(result.fps, abs=0.01)
    assert sum(1 for _ in video.read_frames(result.path, result.fps)) == pytest.approx(expected, abs=1)
    assert _count_packets(result.path) == expected


def _count_packets(path):
    import av

    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def test_a_long_clip_stops_with_the_speech(tmp_path, clip, generator):
    seen = []
    result = run_dub(
        clip,
        write_speech(tmp_path / "s.wav", 0.4),
        tmp_path / "out.mp4",
        generator,
        watch=lambda m: seen.append(m.index),
    )
    assert seen == list(range(10)) == list(range(result.n_frames))
    assert not any("backwards" in note for note in result.notes)


def test_the_generator_loads_while_faces_are_found(tmp_path, clip, generator, monkeypatch):
    searching, loaded = threading.Event(), threading.Event()
    load = dub_module.load_generator

    def waits(*arguments):
        assert searching.wait(20), "the search began only after the weights were loaded"
        loaded.set()
        return load(*arguments)

    class Waiting(TwoFaces):
        def detect(self, frames):
            searching.set()
            assert loaded.wait(20)
            return super().detect(frames)

    monkeypatch.setattr(dub_module, "load_generator", waits)
    speech = write_speech(tmp_path / "s.wav", 0.4)
    assert run_dub(clip, speech, tmp_path / "o.mp4", generator, box=None, detector=Waiting()).n_frames == 10


def test_broken_weights_end_the_search(tmp_path, clip):
    """Faces of a long clip are not searched for to the end before the error is told."""
    weights, searched = tmp_path / "broken.pth", []
    weights.write_bytes(b"not weights")

    class Slow(TwoFaces):
        batch = 1

        def detect(self, frames):
            searched.append(len(frames))
            time.sleep(0.5)
            return super().detect(frames)

    with pytest.raises(W2LError, match="is not a weight file"):
        run_dub(clip, write_speech(tmp_path / "s.wav", 0.8), tmp_path / "o.mp4", weights, box=None, detector=Slow())
    assert len(searched) < 20
    assert not (tmp_path / "o.mp4").exists()


def test_broken_weights_are_told_before_a_clip_without_a_face(tmp_path, clip, monkeypatch):
    """Whichever is known first."""
    weights, load = tmp_path / "broken.pth", dub_module.load_generator
    weights.write_bytes(b"not weights")
    monkeypatch.setattr(dub_module, "load_generator", lambda *given: (time.sleep(2), load(*given))[1])
    with pytest.raises(W2LError, match="is not a weight file"):
        run_dub(clip, write_speech(tmp_path / "s.wav", 0.4), tmp_path / "o.mp4", weights, box=None)


def test_a_picture_stands_still(tmp_path, picture, generator):
    result = run_dub(picture, write_speech(tmp_path / "s.wav", 1.0), tmp_path / "out.mp4", generator)
    assert (result.n_frames, result.fps) == (25, 25)
    frames = list(video.read_frames(result.path))
    assert all(number(frame) == 3 for frame in frames)


def test_names_that_shells_and_suffixes_trip_over(tmp_path, picture, generator, monkeypatch):
    """Spaces, quotes, dots, dashes, other scripts, a picture without its ending; and no program on the search path."""
    folder = tmp_path / "in put (1)" / "-f"
    folder.mkdir(parents=True)
    face, speech = folder / 'o\'Hara.v2 "new"', folder / "声音.tar.mp3"
    face.write_bytes(picture.read_bytes())
    write_speech(tmp_path / "s.wav", 0.4).rename(speech)
    monkeypatch.setenv("PATH", "")
    monkeypatch.chdir(folder)
    result = run_dub("../-f/" + face.name, speech.name, "-ö $HOME;.. .mp4", generator)
    assert result.n_frames == len(list(video.read_frames(folder / "-ö $HOME;.. .mp4"))) == 10
    assert len(list(folder.iterdir())) == 3


def test_an_animation_is_a_clip(tmp_path, generator):
    with video.VideoWriter(tmp_path / "face.gif", 10) as writer:
        for i in range(6):
            writer.write(numbered(i))
    result = run_dub(tmp_path / "face.gif", write_speech(tmp_path / "s.wav", 1.0), tmp_path / "out.mp4", generator)
    assert (result.n_frames, result.fps) == (10, 10)


@pytest.mark.parametrize("feather", [True, False])
def test_changed_only_inside_the_face_and_the_label(tmp_path, clip, generator, feather):
    moments = []
    speech = write_speech(tmp_path / "s.wav", 0.8)
    run_dub(clip, speech, tmp_path / "out.mp4", generator, feather=feather, pads=(0, 0, 0, 0), watch=moments.append)
    lx1, ly1, lx2, ly2 = mark.label_box(SIZE, SIZE)
    for moment in moments:
        changed = (moment.result != moment.frame).any(axis=2)
        x1, y1, x2, y2 = BOX
        assert changed[y1:y2, x1:x2].any(), "no mouth was pasted"
        changed[y1:y2, x1:x2] = False
        assert changed[ly1:ly2, lx1:lx2].any(), "no label was drawn"
        changed[ly1:ly2, lx1:lx2] = False
        assert not changed.any()
        assert moment.crop.shape == moment.generated.shape == (96, 96, 3)
        assert (moment.crop == faces.cut_crop(moment.frame, moment.box)).all()


def _gappy_track(scene, which="main", *how):
    n = len(scene.found.faces)
    boxes = np.tile(np.float32(BOX), (n, 1))
    found = np.arange(n) % 5 != 2
    boxes[~found] = np.nan
    return Track(boxes, found, (SIZE, SIZE))


def test_frames_without_a_face_pass_and_are_listed(tmp_path, clip, generator, monkeypatch):
    monkeypatch.setattr(faces.Scene, "track", _gappy_track)
    moments = []
    speech = write_speech(tmp_path / "s.wav", 1.2)
    result = run_dub(clip, speech, tmp_path / "out.mp4", generator, box=None, label=False, watch=moments.append)
    sources = [back_and_forth(i, 20) for i in range(30)]
    assert result.frames_without_face == [i for i in range(30) if sources[i] % 5 == 2]
    for moment in moments:
        faceless = moment.index in result.frames_without_face
        assert (moment.box is None) == (moment.generated is None) == faceless
        assert (moment.result is moment.frame) == faceless
    assert (
        "6 of 30 frames show no face and passed through unchanged: frames 2, 7, 12, 17, 21 and 1 more." in result.notes
    )


@pytest.mark.parametrize(("rate", "channels"), [(16000, 1), (44100, 2), (48000, 6), (192000, 1)])
def test_sound_is_the_given_speech(tmp_path, clip, generator, rate, channels):
    speech = write_speech(tmp_path / "s.wav", 1.7, rate, channels)
    result = run_dub(clip, speech, tmp_path / "out.mp4", generator)
    given, heard = audio.load(speech), audio.load(result.path)
    assert abs(len(heard) - len(given)) < 16000 / 25 + 1024
    shorter = min(len(given), len(heard))
    match = np.fft.irfft(np.fft.rfft(heard[:shorter], 2 * shorter) * np.conj(np.fft.rfft(given[:shorter], 2 * shorter)))
    lag = int(match.argmax())
    lag = lag if lag < shorter else lag - 2 * shorter
    assert abs(lag) < 16000 / 25 / 4, f"sound is {lag / 16} ms late"
    assert np.corrcoef(given[: shorter - abs(lag)], np.roll(heard, -lag)[: shorter - abs(lag)])[0, 1] > 0.98


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_animations_out(tmp_path, clip, generator, suffix):
    result = run_dub(clip, write_speech(tmp_path / "s.wav", 0.4), tmp_path / f"out{suffix}", generator)
    info = video.probe(result.path)
    assert info.is_animation
    assert mark.read(result.path).synthetic
    assert any("no sound" in note for note in result.notes)


def test_an_assumed_rate_is_told(tmp_path, generator):
    """JPEGs one after another state none."""
    pictures = [cv2.imencode(".jpg", numbered(k))[1].tobytes() for k in range(12)]
    (tmp_path / "face.mjpeg").write_bytes(b"".join(pictures))
    speech = write_speech(tmp_path / "s.wav", 0.4)
    result = run_dub(tmp_path / "face.mjpeg", speech, tmp_path / "out.mp4", generator)
    assert (result.fps, result.n_frames) == (25, 10)
    assert "face.mjpeg states no frame rate; it was read at 25 frames a second." in result.notes


def sticker(path, n=8):
    """A face on nothing: a grey disc that wanders, its border soft. Its (h, w) alphas."""
    alphas = []
    with video.VideoWriter(path, 25) as writer:
        for k in range(n):
            rows, columns = np.mgrid[:SIZE, :SIZE]
            far = np.hypot(rows - 80, columns - 75 - 2 * k)
            alphas.append((np.clip((70 - far) / 8, 0, 1) * 255).astype(np.uint8))
            writer.write(numbered(k), alphas[-1])
    return alphas


@pytest.mark.parametrize("given", [".gif", ".webp", ".avif", ".png", ".webm"])
@pytest.mark.parametrize("suffix", [".gif", ".webp", ".mp4"])
def test_what_is_transparent_stays_so(tmp_path, generator, given, suffix):
    """In a sticker; an mp4 shows white instead. The label can be seen all the same, and the face still speaks."""
    face, out = tmp_path / f"face{given}", tmp_path / f"out{suffix}"
    if given == ".png":
        alphas = sticker(tmp_path / "one.webp", 1) * 8
        cv2.imwrite(str(face), np.dstack([numbered(0), alphas[0]]))
    elif given in (".webm", ".avif"):
        alphas = sticker(tmp_path / "one.webp")
        pictures = [np.dstack([numbered(k), alpha]) for k, alpha in enumerate(alphas)]
        if given == ".webm":
            write_see_through(face, pictures, "libvpx-vp9")
        else:
            write_avif(face, pictures, duration=40)
    else:
        alphas = sticker(face)
    moments = []
    run_dub(face, write_speech(tmp_path / "s.wav", 0.4), out, generator, watch=moments.append)
    white, black = (list(video.read_frames(out, 25, ground=ground)) for ground in (255, 0))
    assert len(white) == len(black) == 10 or given == ".png"  # of equal frames animations hold one
    x1, y1, x2, y2 = mark.label_box(SIZE, SIZE, mark.quiet_corner(SIZE, SIZE, np.array([BOX])))
    for i in (0, 4, 7, 9) if given != ".png" else (0,):
        seen = 255 - (white[i].astype(int) - black[i]).max(axis=2)
        alpha = alphas[back_and_forth(i, 8)].astype(int)
        solid = alpha == 255
        if ".gif" in (given, suffix):
            alpha = np.where(alpha >= 128, 255, 0)
        if suffix == ".mp4":
            alpha[:] = 255
        alpha[y1:y2, x1:x2] = 255
        assert np.abs(seen - alpha).mean() < 0.5
        assert np.abs(white[i].astype(int) - moments[i].result)[solid].mean() < 5  # but for palette and codec
        assert (moments[i].result != moments[i].frame)[40:130, 40:120].any()
    assert (black[0][:10, :10].mean() > 200) == (suffix == ".mp4")


def test_result_says_how_it_is_marked(tmp_path, clip, generator):
    speech = write_speech(tmp_path / "s.wav", 0.4)
    result = run_dub(clip, speech, tmp_path / "a.mp4", generator)
    assert len(result.marked) == 3
    found = mark.read(result.path)
    assert found.synthetic
    assert set(found.found_in) == {"xmp", "container"}
    bare = run_dub(clip, speech, tmp_path / "b.mp4", generator, label=False)
    assert len(bare.marked) == 2
    assert any("label was switched off" in note for note in bare.notes)
    assert mark.read(bare.path).synthetic


def test_seconds_of_each_stage(tmp_path, clip, generator):
    seconds = run_dub(clip, write_speech(tmp_path / "s.wav", 0.4), tmp_path / "out.mp4", generator).seconds
    assert {"listen", "load", "track", "mel", "decode", "generate", "paste", "encode", "total"} <= seconds.keys()
    assert all(0 <= seconds[stage] <= seconds["total"] for stage in seconds)


def _bad_inputs(folder: Path, clip, picture, generator):
    good = {
        "face": clip,
        "speech": write_speech(folder / "good.wav", 0.4),
        "weights": generator,
        "out": folder / "out.mp4",
    }
    files = {name: folder / name for name in ("text.mp4", "cut.mp4", "silent.wav", "empty.wav", "page.pth", "code.pth")}
    files["text.mp4"].write_text("this is no video\n" * 100)
    files["cut.mp4"].write_bytes(clip.read_bytes()[:700])
    soundfile.write(files["silent.wav"], np.zeros(16000), 16000)
    soundfile.write(files["empty.wav"], np.zeros(0), 16000)
    files["page.pth"].write_text("<!DOCTYPE html><html><title>Sign in</title></html>")
    torch.save({"state_dict": {"w": torch.zeros(2)}, "run": Path("/")}, files["code.pth"])
    return good, {
        "missing face": ({"face": folder / "nobody.mp4"}, "nobody.mp4"),
        "missing sound": ({"speech": folder / "nothing.wav"}, "nothing.wav"),
        "missing weights": ({"weights": folder / "none.pth"}, "none.pth"),
        "text as video": ({"face": files["text.mp4"]}, "text.mp4"),
        "cut video": ({"face": files["cut.mp4"]}, "cut.mp4"),
        "video without sound": ({"speech": clip}, "no sound"),
        "silence": ({"speech": files["silent.wav"]}, "silent"),
        "no samples": ({"speech": files["empty.wav"]}, "empty.wav"),
        "web page": ({"weights": files["page.pth"]}, "HTML"),
        "code in a checkpoint": ({"weights": files["code.pth"]}, "code"),
        "published, not here": ({"weights": "wav2lip_gan"}, "wav2lip_gan.pth"),
        "no face": ({"face": picture, "box": None}, "no face"),
        "unknown kind of result": ({"out": folder / "out.avi"}, r"\.mp4"),
        "folder as result": ({"out": folder / "folder.mp4"}, "folder"),
        "result is an input": ({"out": clip}, "both input and output"),
        "no frame rate": ({"fps": 0}, "frame rate"),
        "no batch": ({"batch_size": 0}, "batch"),
        "speech of 10 ms": ({"speech": write_speech(folder / "blip.wav", 0.01)}, "shorter"),
    }


BAD = [
    "missing face", "missing sound", "missing weights", "text as video", "cut video", "video without sound", "silence",
    "no samples", "web page", "code in a checkpoint", "published, not here", "no face", "unknown kind of result",
    "folder as result", "result is an input", "no frame rate", "no batch", "speech of 10 ms",
]  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_told_in_one_sentence(tmp_path, clip, picture, generator, case):
    good, cases = _bad_inputs(tmp_path, clip, picture, generator)
    assert list(cases) == BAD
    (tmp_path / "folder.mp4").mkdir()
    changes, said = cases[case]
    options = good | changes
    before = sorted(tmp_path.rglob("*"))
    face, speech, out, model = (options.pop(name) for name in ("face", "speech", "out", "weights"))
    with pytest.raises(W2LError, match=said) as told:
        run_dub(face, speech, out, model, **options)
    assert "\n" not in str(told.value)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("error", [KeyboardInterrupt, W2LError, MemoryError])
def test_nothing_is_left_when_it_stops_half_way(tmp_path, clip, generator, error):
    speech = write_speech(tmp_path / "s.wav", 4.0)
    (tmp_path / "out.mp4").write_text("from before")
    threads = count_threads()

    def stop(moment):
        if moment.index == 10:
            raise error("stopped")

    with pytest.raises(error):
        run_dub(clip, speech, tmp_path / "out.mp4", generator, watch=stop)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.mp4", "s.wav"]
    assert (tmp_path / "out.mp4").read_text() == "from before"
    wait_for_threads(threads)


def test_progress_can_be_a_function(tmp_path, clip, generator):
    told = []
    speech = write_speech(tmp_path / "speech.wav", 0.8)
    result = run_dub(clip, speech, tmp_path / "out.mp4", generator, progress=lambda *said: told.append(said))
    stages = list(dict.fromkeys(what for what, *_ in told))
    assert stages == ["read the speech", "load the weights", "find the face", "draw the mouth", "mark the file"]
    assert [said for said in told if said[0] == "draw the mouth"] == [
        ("draw the mouth", n, result.n_frames) for n in range(result.n_frames + 1)
    ]


class Enough(Exception):
    """What ends a dub."""


@pytest.mark.parametrize(
    ("stage", "at"),
    {"read the speech": 0, "load the weights": 0, "find the face": 3, "draw the mouth": 5, "mark the file": 0}.items(),
)
def test_progress_can_end_a_dub_in_every_stage(tmp_path, clip, generator, stage, at):
    def tell(what, done, total):
        if (what, done) == (stage, at):
            raise Enough

    threads, out = count_threads(), tmp_path / "results" / "out.mp4"
    speech = write_speech(tmp_path / "speech.wav", 0.8)
    with pytest.raises(Enough):
        run_dub(clip, speech, out, generator, progress=tell, box=None, detector=TwoFaces())
    assert list(out.parent.iterdir()) == []
    wait_for_threads(threads)


def test_both_names_can_be_called(tmp_path):
    import w2l

    assert callable(w2l.dub)
    for call in (w2l.dub, dub):
        with pytest.raises(W2LError, match="no such sound"):
            call(tmp_path / "a.mp4", tmp_path / "b.wav", tmp_path / "c.mp4", weights=_any_file(tmp_path))


def _any_file(folder):
    path = folder / "weights.pth"
    path.write_bytes(b"x")
    return path


def test_a_dub_works_on_what_framing_leaves(tmp_path, generator):
    clip = write_clip(tmp_path / "wide.mp4", 5, width=400, height=320)
    spoken = write_speech(tmp_path / "s.wav", 0.2)
    options = {"resize_factor": 2, "crop": (20, 0, 180, 160)}
    result, moments = seen(clip, spoken, tmp_path / "o.mp4", generator, **options)
    assert {moment.result.shape for moment in moments} == {(160, 160, 3)}
    info = video.probe(result.path)
    assert (info.width, info.height) == (160, 160)


def test_speakers_that_cannot_be(tmp_path, clip, generator):
    spoken = write_speech(tmp_path / "s.wav", 0.2)
    for options in ({"box": BOX}, {"box": None, "parity": True}):
        with pytest.raises(W2LError, match="2 speakers"):
            run_dub(clip, {0: spoken, 1: spoken}, tmp_path / "o.mp4", generator, **options)
    with pytest.raises(W2LError, match="0 speakers"):
        run_dub(clip, {}, tmp_path / "o.mp4", generator, box=None)
    with pytest.raises(W2LError, match="no face 5"):
        run_dub(clip, {0: spoken, 5: spoken}, tmp_path / "o.mp4", generator, box=None, detector=TwoFaces())
