"""Typed texts as the speech of dubs: files, tables, and mouths that follow every language."""

import importlib.util
from ctypes.util import find_library

import numpy as np
import pytest
from helpers.dubs import BOX, write_clip

from w2l import audio, models, say, video
from w2l.base import paths
from w2l.dubbing import batch
from w2l.dubbing.dub import dub
from w2l.dubbing.typed import TypedSpeech
from w2l.errors import W2LError
from w2l.evaluate.metrics.lead import lead
from w2l.faces.mouths import measure

HERE = importlib.util.find_spec("espeakng_loader") or find_library("espeak-ng")
pytestmark = pytest.mark.skipif(not HERE, reason="espeak-ng is not installed")


@pytest.fixture(autouse=True)
def users_language(monkeypatch):
    monkeypatch.setenv("LANGUAGE", "en")


TEXTS = {
    "en": "Papa had a map of the bay. My mum made hot apple pie, and Bob ate half of it.",
    "fr": "Papa mange une pomme au bord de la mer, et maman boit un bon café.",
    "de": "Papa hat am Abend Apfelkuchen gebacken. Mama mag am liebsten Marmelade.",
    "es": "Mañana vamos a la playa con mamá y papá. La paloma blanca baja a beber agua.",
    "it": "La mamma ama la pasta al pomodoro. Mio papà va al mare ogni sabato mattina.",
    "ru": "Мама мыла раму, а папа пахал поле. Завтра мы поедем на дачу.",
    "cmn": "妈妈买了八个苹果，爸爸在家做饭，我们一起吃。",
    "ja": "あさ、ははが まどを あけた。わたしは ぱんと たまごを たべた。",
    "hi": "माँ बाज़ार से आम लाई। पापा ने पानी पिया और भाई ने खाना खाया।",
    "ar": "ذهب أبي إلى السوق وعاد معه الخبز والماء، ثم أكلنا معا في البيت.",
}
QUICK = ("fr", "cmn", "ru")


def _follows(language, folder):
    """How well the opening of a dubbed nobody, read by the mouth meter, follows the loudness of the speech."""
    said = say(TEXTS[language], folder / "speech.wav", language)
    video.write_image(folder / "face.png", next(video.read_frames(paths.data() / "samples" / "presenter.mp4")))
    drawn = []
    options = {
        "resize_factor": 2,
        "progress": False,
        "sign": False,
        "watch": lambda moment: drawn.append(moment.generated),
    }
    dub(folder / "face.png", said.path, folder / "out.mp4", **options)
    opening = measure(models.load("classroom_meter", "mouth_meter").eval(), np.stack(drawn))[:, 0]
    return lead([(opening, audio.load(said.path))])


@pytest.mark.parametrize(
    "language", [pytest.param(one, marks=[] if one in QUICK else pytest.mark.slow) for one in TEXTS]
)
def test_every_language_drives_the_mouth(language, tmp_path):
    found = _follows(language, tmp_path)
    assert found.r >= 0.5
    assert abs(found.seconds) < 0.04  # a frame


def test_the_stem_tells_texts_and_voices_apart():
    stems = [
        TypedSpeech(*one).stem for one in (("Hello, you!",), ("Hello, you?",), ("Hello, you!", "fr"), ("你好",), ("!",))
    ]
    assert len(set(stems)) == 5
    assert stems[0].startswith("Hello-you-") and stems[3].startswith("你好-") and stems[4].startswith("speech-")
    assert len(TypedSpeech("word " * 100).stem) < 50


def test_titles_show_the_beginning():
    assert str(TypedSpeech("Hello,\nyou.")) == "“Hello, you.”"
    assert str(TypedSpeech("word " * 20_000)) == f"“{('word ' * 12)}…”"


def test_the_file_is_there_for_the_block_alone():
    with TypedSpeech("Hello.").as_file() as said:
        assert said.path.is_file() and said.notes == ("the text is said by the voice en-gb; --voice chooses another.",)
    assert not said.path.parent.exists()
    with TypedSpeech("Hello.", "en").as_file() as said:
        assert said.notes == ()


# Tables


def _run(jobs, generator, **options):
    return batch.run(jobs, progress=False, weights=generator, box=BOX, sign=False, **options)


def test_a_table_of_texts(tmp_path, generator):
    write_clip(tmp_path / "a.mp4", 5)
    table = tmp_path / "jobs.csv"
    table.write_text("face,say,voice,out\na.mp4,Hello.,en,\na.mp4,Bonjour.,fr,b.mp4\na.mp4,Hi.,none,c.mp4\n", "utf8")
    jobs = batch.read_csv(table, tmp_path / "out")
    assert [job.out.name for job in jobs] == [f"a-{TypedSpeech('Hello.', 'en').stem}.mp4", "b.mp4", "c.mp4"]
    done = _run(jobs, generator, report=tmp_path / "report.csv")
    assert [one.status for one in done] == ["done", "done", "failed"]
    assert done[2].said.startswith("there is no voice 'none'")
    assert "“Bonjour.”" in (tmp_path / "report.csv").read_text("utf8")
    again = _run(batch.read_csv(table, tmp_path / "out"), generator)
    assert [one.status for one in again] == ["was there", "was there", "failed"]
    table.write_text("face,say,voice,out\na.mp4,Au revoir.,fr,b.mp4\n", "utf8")  # another text for the same result
    (changed,) = batch.read_csv(table, tmp_path / "out")
    assert not changed.is_done


def test_texts_and_files_in_one_table(tmp_path):
    table = tmp_path / "jobs.csv"
    table.write_text("face,audio,say,voice\na.mp4,a.wav,,\nb.mp4,,Hello.,anna.onnx\n", "utf8")
    (tmp_path / "anna.onnx").touch()
    first, second = batch.read_csv(table, tmp_path)
    assert first.audio == tmp_path / "a.wav"
    assert second.audio == TypedSpeech("Hello.", str(tmp_path / "anna.onnx"))
    assert (first.table, second.table) == (None, table)
    for row, told in (("a.mp4,a.wav,Hi.,", "both audio and a text"), ("a.mp4,,,", "no audio, and no text to say")):
        table.write_text(f"face,audio,say,voice\n{row}\n", "utf8")
        with pytest.raises(W2LError, match=told):
            batch.read_csv(table, tmp_path)


def test_one_text_for_every_face(tmp_path, generator):
    for name in ("a.mp4", "b.mp4"):
        write_clip(tmp_path / name, 5)
    jobs = batch.every_pair(tmp_path, TypedSpeech("Hello."), tmp_path / "out")
    assert [job.face.name for job in jobs] == ["a.mp4", "b.mp4"]
    (outcome,) = _run(jobs[:1], generator)
    assert outcome.status == "done" and "said by the voice en-gb" in outcome.said
    assert [job.is_done for job in jobs] == [True, False]
