"""Many dubs: the jobs are the right ones, what is done stays, what fails stops nothing."""

import csv
import os
import shutil
import sys

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


def test_a_table_from_a_spreadsheet(material):
    table = material / "jobs.csv"
    table.write_bytes("Face;AUDIO;Out\r\nfaces\\anna.mp4;/speeches/bye.wav;a\\x.mp4\r\n;;\r\n".encode("utf-16"))
    (job,) = batch.read_csv(table, material / "out")
    assert job.out == material / "out" / "a" / "x.mp4"
    assert job.face.is_file() and job.audio.is_file()


def test_what_is_in_a_folder(material):
    """Hidden files and folders are no faces, a link that leads nowhere is told by its job, the rest is told here."""
    faces = material / "faces"
    (faces / "._anna.mp4").touch()
    (faces / "carl.mp4").mkdir()
    (faces / "dora.m2ts").symlink_to(material / "nowhere")
    (faces / "anna.txt").touch()  # beside a clip
    told = []
    jobs = batch.every_pair(faces, material / "speeches" / "bye.wav", material / "out", left_out=told.append)
    assert [job.face.name for job in jobs] == ["anna.mp4", "ben.mp4", "dora.m2ts"]
    assert [path.name for path in told[0]] == ["notes.txt"]


def test_long_names_are_shortened(material, generator):
    long = ["嘴" * 80 + f"{i}.mp4" for i in range(2)]  # 245 bytes
    for name in long:
        shutil.copy(material / "faces" / "anna.mp4", material / name)
    table = material / "jobs.csv"
    table.write_text("".join(["face,audio\n", *(f"{name},speeches/bye.wav\n" for name in long)]), encoding="utf8")
    jobs = batch.read_csv(table, material / "out")
    assert all(len(os.fsencode(job.out.name)) <= 255 and job.out.name.startswith("嘴" * 70) for job in jobs)
    assert [one.status for one in batch.run(jobs, report=material / "out" / "b.csv", **_how(generator))] == ["done"] * 2
    assert [one.status for one in batch.run(jobs, **_how(generator))] == ["was there"] * 2


def _how(generator):
    return {"box": BOX, "weights": generator, "sign": False, "progress": False}


@pytest.mark.skipif(sys.platform != "linux", reason="other systems allow no such names")
def test_a_name_that_is_not_utf_8(material, generator):
    (material / "faces" / "ben.mp4").rename(material / "faces" / os.fsdecode(b"caf\xe9.mp4"))
    report = material / "out" / "batch.csv"
    jobs = batch.every_pair(material / "faces", material / "speeches" / "bye.wav", material / "out")
    outcomes = batch.run(jobs, report=report, **_how(generator))
    assert [one.status for one in outcomes] == ["done", "done"]
    assert os.fsencode(outcomes[1].job.out.name) == b"caf\xe9-bye.mp4"
    assert "caf\\udce9-bye.mp4" in report.read_text(encoding="utf8")


def test_nothing_that_one_job_does_stops_the_others(material, generator, monkeypatch):
    jobs = batch.every_pair(material / "faces", material / "speeches", material / "out")
    real, errors = batch.dub, iter([OSError(28, "No space left on device"), RuntimeError("odd"), KeyError("odd")])

    def dub(*arguments, **options):
        for error in errors:
            raise error
        return real(*arguments, **options)

    monkeypatch.setattr(batch, "dub", dub)
    outcomes = batch.run(jobs, report=material / "out" / "batch.csv", **_how(generator))
    assert [one.status for one in outcomes] == ["failed", "failed", "failed", "done"]
    assert outcomes[1].said == "RuntimeError: odd"


def test_a_report_that_cannot_be_written_for_a_while_stops_nothing(material, generator, monkeypatch):
    jobs = batch.every_pair(material / "faces", material / "speeches", material / "out")
    real, fails = batch._write, iter([True])

    def write(*arguments):
        if next(fails, False):
            raise W2LError("the disk is full")
        real(*arguments)

    monkeypatch.setattr(batch, "_write", write)
    batch.run(jobs, report=material / "batch.csv", **_how(generator))
    assert (material / "batch.csv").read_text().count("done") == 4
    fails = iter([True] * 4)
    with pytest.raises(W2LError, match="full"):
        batch.run(jobs, report=material / "batch.csv", **_how(generator))


def test_results_beside_the_faces_are_no_faces(material, generator):
    """A second run does what the first one did; a file of the user's that has the name of a result stays."""
    faces, speech = material / "faces", material / "speeches" / "bye.wav"
    mine = write_clip(faces / "ben-bye.mp4", 5).read_bytes()
    os.utime(faces / "ben-bye.mp4", (0, 0))
    for again in (False, True):
        jobs = batch.every_pair(faces, speech, faces)
        outcomes = {one.job.out.name: one for one in batch.run(jobs, again=again, **_how(generator))}
        assert set(outcomes) == {"anna-bye.mp4", "ben-bye.mp4", "ben-bye-bye.mp4"}
        assert outcomes["ben-bye.mp4"].status == "failed"
        assert "both input and output" in outcomes["ben-bye.mp4"].said
        assert outcomes["anna-bye.mp4"].status == "done"
    assert (faces / "ben-bye.mp4").read_bytes() == mine
