"""Many dubs: the jobs are the right ones, what is done stays, what fails stops nothing."""

import csv
import os

import pytest
from helpers.dubs import BOX, write_clip, write_speech

from w2l.cli import main
from w2l.dubbing import batch
from w2l.errors import W2LError


@pytest.fixture
def material(tmp_path):
    for name in ("anna.mp4", "ben.mp4"):
        write_clip(tmp_path / "faces" / name, 5)
    (tmp_path / "faces" / "notes.txt").write_text("no face")
    (tmp_path / "speeches").mkdir()
    for i, name in enumerate(("hello.wav", "bye.wav")):
        write_speech(tmp_path / "speeches" / name, 0.2, seed=i)
    return tmp_path


def _names(jobs):
    return [(job.face.name, job.audio.name, job.out.name) for job in jobs]


def test_every_face_with_every_speech(material):
    jobs = batch.every_pair(material / "faces", material / "speeches", material / "out")
    assert _names(jobs) == [
        ("anna.mp4", "bye.wav", "anna-bye.mp4"),
        ("anna.mp4", "hello.wav", "anna-hello.mp4"),
        ("ben.mp4", "bye.wav", "ben-bye.mp4"),
        ("ben.mp4", "hello.wav", "ben-hello.mp4"),
    ]
    one = batch.every_pair(material / "faces" / "anna.mp4", material / "speeches", material / "out")
    assert len(one) == 2
    with pytest.raises(W2LError, match="holds no faces"):
        batch.every_pair(material / "speeches" / "..", material / "speeches", material / "out")


def test_table(material):
    table = material / "jobs.csv"
    table.write_text("\ufeffaudio,face,out\nspeeches/bye.wav,faces/anna.mp4,x.mp4\nspeeches/bye.wav,faces/ben.mp4,\n")
    jobs = batch.read_csv(table, material / "out")
    assert _names(jobs) == [("anna.mp4", "bye.wav", "x.mp4"), ("ben.mp4", "bye.wav", "ben-bye.mp4")]
    assert all(job.face.is_file() and job.audio.is_file() for job in jobs)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no jobs"),
        ("video,sound\na,b\n", "columns face, audio"),
        ("face,audio\nfaces/anna.mp4,\n", "row 2 .* no audio"),
        ("face,audio,out\na,b,x.mp4\nc,d,x.mp4\n", "both be written"),
    ],
)
def test_tables_that_are_none(material, text, said):
    (material / "jobs.csv").write_text(text)
    with pytest.raises(W2LError, match=said):
        batch.read_csv(material / "jobs.csv", material / "out")
    with pytest.raises(W2LError, match="cannot be read as a table"):
        batch.read_csv(material / "none.csv", material / "out")


def test_done_stays_and_failures_stop_nothing(material, generator):
    how = {"box": BOX, "weights": generator, "sign": False, "progress": False}
    jobs = batch.every_pair(material / "faces", material / "speeches", material / "out")
    jobs[1].face.write_bytes(b"")  # anna cannot be read
    report, told = material / "out" / "batch.csv", []
    first = batch.run(jobs, report=report, told=told.append, **how)
    assert [outcome.status for outcome in first] == ["failed", "failed", "done", "done"] == [o.status for o in told]
    assert "is empty" in first[0].said
    made = jobs[2].out.stat().st_mtime_ns
    write_clip(jobs[0].face, 5)
    second = batch.run(jobs, report=report, **how)
    assert [outcome.status for outcome in second] == ["done", "done", "was there", "was there"]
    assert jobs[2].out.stat().st_mtime_ns == made
    with report.open(newline="") as file:
        assert [row["status"] for row in csv.DictReader(file)] == [outcome.status for outcome in second]
    os.utime(jobs[3].audio)  # changed since
    third = batch.run(jobs, **how)
    assert [outcome.status for outcome in third] == ["was there", "done", "was there", "done"]
    assert {outcome.status for outcome in batch.run(jobs[:1], again=True, **how)} == {"done"}


def test_interrupted_it_goes_on_where_it_was(material, generator):
    how = {"box": BOX, "weights": generator, "sign": False, "progress": False}
    jobs = batch.every_pair(material / "faces", material / "speeches", material / "out")

    def stop(outcome):
        if outcome.job is jobs[1]:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        batch.run(jobs, told=stop, **how)
    assert [outcome.status for outcome in batch.run(jobs, **how)] == ["was there", "was there", "done", "done"]


def test_wrong_settings_are_told_before_the_first_job(material):
    with pytest.raises(W2LError, match="batch"):
        batch.run(batch.every_pair(material / "faces", material / "speeches", material / "out"), batch_size=0)
    assert not (material / "out").exists()


def test_command_line(material, generator, capsys):
    common = [
        "--weights",
        str(generator),
        "--box",
        "30",
        "130",
        "40",
        "120",
        "--quiet",
        "--no-sign",
        "--i-have-consent",
    ]
    places = ["--faces", material / "faces", "--speeches", material / "speeches" / "bye.wav", "--out", material / "out"]
    assert main.main(["batch", *map(str, places), *common]) == 0
    assert "2 of 2 dubs" in capsys.readouterr().out
    (material / "faces" / "ben.mp4").write_bytes(b"")
    assert main.main(["batch", *map(str, places), *common]) == 2
    told = capsys.readouterr().out
    assert "anna-bye.mp4: was there" in told
    assert "of them made before (--again makes them again)" in told
    assert "ben-bye.mp4: failed: " in told
    assert main.main(["batch", *common]) == 2
    assert "either a table" in capsys.readouterr().err
