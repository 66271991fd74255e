"""The commands for dubs: flags, one sentence for bad input, consent."""

import os
import pty
import resource
import subprocess

import cv2
import pytest
import soundfile
from helpers.command_line import COMMAND, dub_arguments, run_command, run_main
from helpers.places import ROOT

from w2l import video
from w2l.base import paths
from w2l.cli import main
from w2l.marking import mark

SHARED = ROOT.parent / "shared"


def test_dub_mark_and_sheet(material, tmp_path):
    out, sheet = tmp_path / "new" / "out.mp4", tmp_path / "sheet.png"
    done = run_command(*dub_arguments(material, out, "--i-have-consent", "--sheet", sheet, "--threads", "1"))
    assert done.returncode == 0, done.stderr
    assert "25 frames at 25 fps" in done.stdout
    assert done.stderr == ""
    assert mark.read(out).synthetic
    assert mark.read(sheet).synthetic
    assert cv2.imread(str(sheet)).shape[1] > 1000
    told = run_command("mark", "read", out)
    assert (told.returncode, mark.DIGITAL_SOURCE_TYPE in told.stdout) == (0, True)


def test_files_by_flag(material, tmp_path, capsys):
    flags = ["--face", material / "clip.mp4", "--audio", material / "speech.wav", "--outfile", tmp_path / "out.mp4"]
    weights = ["--checkpoint_path", material / "tiny.safetensors", "--box", 20, 110, 20, 110]
    code, told, _ = run_main(capsys, "dub", *flags, *weights, "--wav2lip_batch_size", 3, "--i-have-consent", "--quiet")
    assert code == 0
    assert str(tmp_path / "out.mp4") in told
    code, _, told = run_main(capsys, "dub", material / "clip.mp4", *flags, "--i-have-consent")
    assert code == 2
    assert "given twice" in told


def test_a_sentence_in_the_place_of_a_sound_file(material, tmp_path, capsys):
    code, _, told = run_main(capsys, "dub", material / "clip.mp4", "Good morning, all.", tmp_path / "out.mp4")
    assert (code, "to have a sentence spoken, put --say before it" in told) == (2, True)
    code, _, told = run_main(capsys, "dub", material / "clip.mp4", "my speech.wav", "--i-have-consent")
    assert (code, "no such sound file" in told) == (2, True)


@pytest.mark.parametrize(("told", "said"), [((), "w2l: interrupted; no partial files remain.\n"), (("told",), "")])
def test_an_interrupt_is_told_once(told, said, tmp_path, monkeypatch, capsys):
    from w2l.dubbing import dub

    def stop(*_, **__):
        raise KeyboardInterrupt(*told)

    monkeypatch.setattr(dub, "dub", stop)
    assert main.main(["dub", "a.mp4", "b.wav", str(tmp_path / "c.mp4"), "--i-have-consent"]) == 130
    assert capsys.readouterr().err == said


def test_box_and_pads_come_in_the_order_of_the_original(material, tmp_path, monkeypatch):
    from w2l.dubbing import dub

    given = {}

    def listen(face, audio, out, **options):
        given.update(options)
        raise KeyboardInterrupt

    monkeypatch.setattr(dub, "dub", listen)
    arguments = ["dub", "a.mp4", "b.wav", "c.mp4", "--box", "1", "20", "3", "40", "--pads", "5", "-6", "7", "8"]
    assert main.main([*arguments, "--i-have-consent", "--nosmooth", "--no-label"]) == 130
    assert given["box"] == (3, 1, 40, 20)
    assert given["pads"] == (5, -6, 7, 8)
    assert given["smooth"] is given["label"] is False


BAD = {
    "missing face": (["missing.mp4", "speech.wav"], "missing.mp4"),
    "missing sound": (["clip.mp4", "missing.wav"], "missing.wav"),
    "text as video": (["text.mp4", "speech.wav"], "text.mp4"),
    "cut video": (["cut.mp4", "speech.wav"], "cut.mp4"),
    "video without sound": (["clip.mp4", "clip.mp4"], "no sound"),
    "silent sound": (["clip.mp4", "silent.wav"], "silent"),
    "empty sound": (["clip.mp4", "empty.wav"], "empty.wav"),
    "no face": (["grey.png", "speech.wav"], "no face"),
    "web page": (["clip.mp4", "speech.wav", "--weights", "page.pth"], "HTML"),
    "code": (["clip.mp4", "speech.wav", "--weights", "code.pth"], "code"),
    "weights not here": (["clip.mp4", "speech.wav", "--weights", "wav2lip_gan"], "put wav2lip_gan.pth into"),
}


def _in(material, names):
    return [material / name if "." in name else name for name in names]


@pytest.mark.parametrize("case", BAD)
def test_bad_input(material, tmp_path, case):
    (face, speech, *more), said = BAD[case]
    weights = [] if more else ["--weights", "tiny.safetensors"]
    arguments = [*_in(material, [face, speech]), tmp_path / "out.mp4", *_in(material, more + weights)]
    start = _work_of_children()
    done = run_command("dub", *arguments, "--i-have-consent", "--quiet")
    taken = _work_of_children() - start
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert done.stderr.startswith("w2l: ")
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []
    assert taken < 5, f"{taken:.1f} s is too long to be told"


def _work_of_children():
    """Processor seconds of the processes that ended: unlike those on the clock, they leave out what others do."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


@pytest.mark.parametrize("out", ["a-file/out.mp4", "out.avi", "folder.mp4"])
def test_output_that_cannot_be_written(material, tmp_path, out, capsys):
    (tmp_path / "a-file").write_text("x")
    (tmp_path / "folder.mp4").mkdir()
    before = sorted(tmp_path.rglob("*"))
    code, told, said = run_main(capsys, *dub_arguments(material, tmp_path / out, "--i-have-consent"))
    assert (code, told, said.count("\n")) == (2, "", 1)
    assert "cannot write" in said
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.skipif(not (SHARED / "clips" / "bad").is_dir(), reason="needs the broken files of ../shared")
def test_broken_files_of_others(material, tmp_path, capsys):
    """Each broken file, as face, as sound and as weights: one sentence, or it is good enough to be dubbed."""
    for bad in sorted((SHARED / "clips" / "bad").iterdir()):
        for place in ("face", "speech", "weights"):
            files = {"face": material / "clip.mp4", "speech": material / "speech.wav"} | {place: bad}
            weights = files.get("weights", material / "tiny.safetensors")
            out = tmp_path / "out.mp4"
            code, _, said = run_main(
                capsys, "dub", files["face"], files["speech"], out, "--weights", weights, "--i-have-consent", "--quiet"
            )
            assert code == 2, f"{bad.name} as {place}: nothing here has a face"
            assert said.startswith("w2l: ")
            assert said.count("\n") == 1, said
            assert list(tmp_path.iterdir()) == []


class TestConsent:
    """Asked once on a terminal, remembered, answered by a flag in scripts."""

    @pytest.fixture(autouse=True)
    def own_cache(self, tmp_path, monkeypatch):
        monkeypatch.setenv("W2L_CACHE", str(tmp_path / "cache"))

    def test_a_script_must_say_so(self, material, tmp_path):
        done = run_command(*dub_arguments(material, tmp_path / "out.mp4"), stdin=subprocess.DEVNULL)
        assert done.returncode == 2
        assert "--i-have-consent" in done.stderr
        assert not (tmp_path / "out.mp4").exists()

    def _on_a_terminal(self, material, out, answer):
        ours, theirs = pty.openpty()
        with subprocess.Popen(
            [*COMMAND, *map(str, dub_arguments(material, out))],
            stdin=theirs, stderr=theirs, stdout=subprocess.DEVNULL, cwd=ROOT, close_fds=True,
        ) as process:  # fmt: skip
            os.close(theirs)
            os.write(ours, answer)
            told = b""
            while True:
                try:
                    part = os.read(ours, 4096)
                except OSError:  # Linux's way of saying that the other end is closed
                    break
                if not part:
                    break
                told += part
            code = process.wait(timeout=120)
        os.close(ours)
        return code, told.decode()

    def test_yes_is_asked_for_once(self, material, tmp_path):
        code, told = self._on_a_terminal(material, tmp_path / "one.mp4", b"y\n")
        assert code == 0, told
        assert "Did everyone shown agree?" in told
        assert (paths.cache() / "consent").is_file()
        code, told = self._on_a_terminal(material, tmp_path / "two.mp4", b"")
        assert code == 0
        assert "agree?" not in told

    @pytest.mark.parametrize("answer", [b"n\n", b"\n"])
    def test_anything_else_is_no(self, material, tmp_path, answer):
        code, told = self._on_a_terminal(material, tmp_path / "out.mp4", answer)
        assert code == 2
        assert "consent was not given" in told
        assert not (tmp_path / "out.mp4").exists()
        assert not (paths.cache() / "consent").exists()


def test_demo_needs_no_consent_and_makes_both_files(tmp_path, monkeypatch, capsys):
    if not (paths.data() / "weights" / "classroom_generator.safetensors").is_file():
        pytest.skip("the classroom weights are not there yet")
    monkeypatch.setenv("W2L_CACHE", str(tmp_path / "cache"))
    code, told, _ = run_main(capsys, "demo", "--out", tmp_path / "demo", "--quiet")
    assert code == 0
    assert str(tmp_path / "demo" / "demo.mp4") in told
    assert str(tmp_path / "demo" / "demo.png") in told
    speech = soundfile.info(paths.data() / "samples" / "speech.wav").duration
    info = video.probe(tmp_path / "demo" / "demo.mp4")
    assert info.n_frames == round(speech * info.fps)
    assert info.has_audio
    assert mark.read(tmp_path / "demo" / "demo.mp4").synthetic


def test_track_draws_what_it_found(tmp_path, capsys):
    presenter = paths.data() / "samples" / "presenter.mp4"
    code, told, _ = run_main(capsys, "track", presenter, "--out", tmp_path / "track.png", "--quiet")
    assert code == 0
    n_frames = video.probe(presenter).n_frames
    assert f"a face in {n_frames} of {n_frames} frames" in told
    assert cv2.imread(str(tmp_path / "track.png")) is not None
