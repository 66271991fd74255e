"""The whole command line: quick help, one sentence for wrong arguments, an interrupt."""

import io
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile
from helpers.command_line import COMMAND, run_command, run_main
from helpers.places import ROOT

from w2l.cli import main


def test_help_lists_every_command(capsys):
    with pytest.raises(SystemExit) as end:
        main.main(["--help"])
    assert end.value.code == 0
    told = capsys.readouterr().out
    for command in main.COMMANDS:
        assert command.name.split()[0] in told


@pytest.mark.parametrize("command", main.COMMANDS, ids=[command.name for command in main.COMMANDS])
def test_every_command_has_help(command, capsys):
    with pytest.raises(SystemExit) as end:
        main.main([*command.name.split(), "--help"])
    assert end.value.code == 0
    assert command.help.split(";")[0].split()[0] in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["sing"], ["dub", "--fps", "fast"], ["dub", "--batch-size", "0"], ["mark"]])
def test_wrong_arguments_are_told_in_one_line(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        main.main(arguments)
    assert end.value.code == 2
    told = capsys.readouterr().err
    assert told.startswith("w2l: ")
    assert told.count("\n") == 1


def test_a_command_that_moved_says_where(capsys):
    code, told, said = run_main(capsys, "stamp", "owner/repo")
    assert (code, told) == (2, "")
    assert said == "w2l: w2l stamp is now python -m tools.stamp, to be run in a clone of the repository.\n"


@pytest.mark.parametrize("which", [signal.SIGINT, signal.SIGTERM])
def test_interrupt_leaves_nothing(material, tmp_path, which):
    soundfile.write(tmp_path / "long.wav", np.random.default_rng(0).normal(0, 0.1, 16000 * 120), 16000)
    arguments = ["dub", material / "clip.mp4", tmp_path / "long.wav", tmp_path / "out.mp4"]
    more = ["--weights", material / "tiny.safetensors", "--box", "20", "110", "20", "110", "--i-have-consent"]
    with subprocess.Popen(
        [*COMMAND, *map(str, [*arguments, *more])], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        until = time.monotonic() + 120
        while len(list(tmp_path.iterdir())) < 3 and time.monotonic() < until:  # the encoder's temporary files
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.05)
        time.sleep(0.3)
        process.send_signal(which)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert told.splitlines()[-1].startswith("w2l: interrupted")
    assert "Traceback" not in told
    assert [path.name for path in tmp_path.iterdir()] == ["long.wav"]


def test_a_script_that_version_0_1_0_installed_still_runs():
    script = "import sys\nfrom w2l.cli import main\nsys.argv = ['w2l', '--version']\nsys.exit(main())"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith("w2l ")


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "gbk", "utf-8"])
def test_what_a_terminal_cannot_show_is_escaped(material, tmp_path, monkeypatch, encoding):
    name = "嘴é\udcff.mp4" if os.name == "posix" else "嘴é.mp4"  # the last byte is no UTF-8
    shutil.copy(material / "clip.mp4", tmp_path / name)
    shown, said = (io.TextIOWrapper(io.BytesIO(), encoding) for _ in range(2))
    monkeypatch.setattr(sys, "stdout", shown)
    monkeypatch.setattr(sys, "stderr", said)
    assert main.main(["track", str(tmp_path / name), "--box", "20", "110", "20", "110"]) == 0
    shown.flush()
    told = shown.buffer.getvalue().decode(encoding)
    assert name.encode(encoding, "backslashreplace").decode(encoding) in told
    assert main.main(["track", str(tmp_path / f"no{name}")]) == 2  # and in a sentence that says what is wrong


def test_a_redirect_that_is_not_utf_8(material, tmp_path):
    shutil.copy(material / "clip.mp4", tmp_path / "嘴.mp4")
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0"}
    done = run_command("track", tmp_path / "嘴.mp4", "--box", 20, 110, 20, 110, env=environment)
    assert done.returncode == 0, done.stderr
    assert "\\u5634.mp4: a face in 10 of 10 frames" in done.stdout
