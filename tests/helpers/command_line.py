"""The command line, run in a process of its own or in this one."""

import subprocess
import sys

from helpers.places import ROOT
from w2l.cli import main

COMMAND = [sys.executable, "-m", "w2l"]


def run_command(*arguments, **options):
    return subprocess.run(
        [*COMMAND, *map(str, arguments)], capture_output=True, text=True, cwd=ROOT, timeout=300, **options
    )


def dub_arguments(material, out, *more):
    start = ("dub", material / "clip.mp4", material / "speech.wav", out, "--weights", material / "tiny.safetensors")
    return [*start, "--box", "20", "110", "20", "110", "--quiet", *more]


def run_main(capsys, *arguments):
    """Runs the command line in this process, for what needs none of its own."""
    code = main.main([str(argument) for argument in arguments])
    return code, *capsys.readouterr()
