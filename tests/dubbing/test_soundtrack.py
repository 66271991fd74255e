"""A sound track apart: the lips follow the speech, the result sounds like something else."""

import json

import numpy as np
import pytest
import soundfile
from helpers.dubs import BOX, run_dub, seen, write_clip, write_speech

from w2l import audio, video
from w2l.dubbing import batch
from w2l.dubbing.preview import preview
from w2l.dubbing.speech import soundtrack
from w2l.errors import W2LError
from w2l.marking import credentials


def write_song(path, seconds, rate=44100, tone=440, channels=2):
    wav = 0.3 * np.sin(2 * np.pi * tone * np.arange(round(seconds * rate)) / rate)
    soundfile.write(path, np.repeat(wav[:, None], channels, axis=1), rate)
    return path


def loudest(path):
    """The strongest frequency of a file's sound, in Hz, and its length in seconds."""
    wav = audio.load(path)
    return np.argmax(np.abs(np.fft.rfft(wav))) * 16000 / len(wav), len(wav) / 16000


@pytest.fixture
def speech(tmp_path):
    return write_speech(tmp_path / "voice.wav", 1.0)


@pytest.mark.parametrize("options", [{}, {"parity": True}])
def test_lips_follow_the_speech_and_the_song_is_heard(tmp_path, clip, generator, speech, options):
    song = write_song(tmp_path / "song.wav", 1.0)
    plain, before = seen(clip, speech, tmp_path / "plain.mp4", generator, **options)
    result, moments = seen(clip, speech, tmp_path / "out.mp4", generator, soundtrack=song, **options)
    assert all((one.result == other.result).all() for one, other in zip(before, moments, strict=True))
    assert result.notes == plain.notes
    tone, seconds = loudest(tmp_path / "out.mp4")
    assert tone == pytest.approx(440, abs=2) and seconds == pytest.approx(1.0, abs=0.05)
    wav, rate = audio.decode(tmp_path / "out.mp4")
    assert (wav.shape[1], rate) == (2, 44100)


@pytest.mark.parametrize(
    ("length", "told"),
    [
        (3.0, "song.wav is 2.0 s longer than the speech; its end is left out."),
        (0.5, "song.wav is 0.5 s shorter than the speech; the end of the result is silent."),
        (1.05, ""),
    ],
)
def test_the_speech_says_how_long_it_is(tmp_path, clip, generator, speech, length, told):
    song = write_song(tmp_path / "song.wav", length, rate=22050, channels=1)
    result = run_dub(clip, speech, tmp_path / "out.mp4", generator, soundtrack=song)
    assert result.n_frames == 25
    assert [note for note in result.notes if "song.wav" in note] == ([told] if told else [])
    wav = audio.load(tmp_path / "out.mp4")
    assert len(wav) / 16000 == pytest.approx(1.0, abs=0.05)
    assert (np.abs(wav[-4000:]).max() < 0.01) == (length < 1)


def test_a_clip_that_is_trimmed(tmp_path, clip, generator):
    song = write_song(tmp_path / "song.wav", 2.0)
    speech = write_speech(tmp_path / "voice.wav", 2.0)
    result = run_dub(clip, speech, tmp_path / "out.mp4", generator, soundtrack=song, extend="trim")
    assert result.n_frames == 20
    assert loudest(tmp_path / "out.mp4") == (pytest.approx(440, abs=2), pytest.approx(0.8, abs=0.05))


def test_a_preview_tells_what_the_dub_will(tmp_path, clip, generator, speech):
    song = write_song(tmp_path / "song.wav", 3.0)
    made = preview(clip, speech, 0.1, weights=generator, box=BOX, soundtrack=song)
    assert made.notes == ("song.wav is 2.0 s longer than the speech; its end is left out.",)
    with pytest.raises(W2LError, match="no such sound file"):
        preview(clip, speech, 0.1, weights=generator, box=BOX, soundtrack=tmp_path / "none.wav")


def test_a_silent_one_is_told(tmp_path):
    soundfile.write(tmp_path / "silence.wav", np.zeros(16000), 16000)
    found = soundtrack(tmp_path / "silence.wav", 1.0)
    assert found.notes == ("silence.wav is silent from beginning to end, and so is the result.",)
    assert found.wav.shape == (16000, 1)


def test_one_without_sound_or_a_place_that_is_taken(tmp_path, clip, generator, speech):
    with pytest.raises(W2LError, match="no such sound file"):
        run_dub(clip, speech, tmp_path / "out.mp4", generator, soundtrack=tmp_path / "none.wav")
    with pytest.raises(W2LError, match="has no sound"):
        run_dub(clip, speech, tmp_path / "out.mp4", generator, soundtrack=clip)
    film = tmp_path / "film.mp4"
    with video.VideoWriter(film, 25, audio=(np.ones((16000, 1), np.float32) / 9, 16000)) as writer:
        writer.write(np.zeros((64, 64, 3), np.uint8))
    with pytest.raises(W2LError, match="both input and output"):
        run_dub(clip, speech, film, generator, soundtrack=film)
    assert not (tmp_path / "out.mp4").exists()


def test_a_result_without_sound_names_it(tmp_path, clip, generator, speech):
    song = write_song(tmp_path / "song.wav", 1.0)
    result = run_dub(clip, speech, tmp_path / "out.gif", generator, soundtrack=song)
    assert any("write an .mp4 to hear song.wav" in note for note in result.notes)


def test_a_table_names_one_for_each_row(tmp_path, generator, speech):
    write_clip(tmp_path / "a.mp4", 10)
    write_song(tmp_path / "song.wav", 1.0)
    (tmp_path / "jobs.csv").write_text(
        "face,audio,out,soundtrack\na.mp4,voice.wav,x.mp4,song.wav\na.mp4,voice.wav,y.mp4,\n"
    )
    jobs = batch.read_csv(tmp_path / "jobs.csv", tmp_path)
    done = batch.run(jobs, progress=False, weights=generator, box=BOX, sign=False)
    assert [one.status for one in done] == ["done", "done"]
    tones = [loudest(tmp_path / name)[0] for name in ("x.mp4", "y.mp4")]
    assert tones[0] == pytest.approx(440, abs=2) and tones[1] != pytest.approx(440, abs=20)
    write_song(tmp_path / "song.wav", 1.0, tone=500)
    assert [job.is_done for job in jobs] == [False, True]


def test_the_credentials_name_speech_and_sound_track(tmp_path, clip, generator, speech):
    c2pa = pytest.importorskip("c2pa")
    song = write_song(tmp_path / "song.wav", 1.0)
    run_dub(clip, speech, tmp_path / "out.mp4", generator, soundtrack=song, sign=True)
    assert credentials.read(tmp_path / "out.mp4").valid
    with c2pa.Reader(str(tmp_path / "out.mp4")) as reader:
        store = json.loads(reader.json())
    claim = store["manifests"][store["active_manifest"]]
    assert {one["title"] for one in claim["ingredients"]} == {clip.name, "voice.wav", "song.wav"}
