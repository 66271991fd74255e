"""No command writes over a file that it reads, whatever the name it is given: told before any work is done."""

import os

import pytest
from helpers.command_line import run_main

from w2l.cli import main

_WEIGHTS = "mine.safetensors"
_DUB = "--i-have-consent --weights " + _WEIGHTS
# command -> what is tried: a file, and arguments with its name as input (IN) and as output (OUT, or a name in a folder)
_TRIED = {
    "demo": [],  # it reads only what comes with the kit
    "dub": [
        ("clip.mp4", f"dub IN speech.wav OUT {_DUB}"),
        ("clip.mp4", f"dub --face IN --audio speech.wav --outfile OUT {_DUB}"),
        ("clip.gif", f"dub clip.mp4 IN OUT {_DUB}"),
        ("clip.mp4", f"dub clip.gif OUT --speaker 0=IN {_DUB}"),
        ("face.png", f"dub IN speech.wav new.mp4 --sheet OUT {_DUB}"),
        ("speech.wav", f"dub face.png IN new.mp4 --sheet OUT {_DUB}"),
        ("weights.pth", "dub face.png speech.wav new.mp4 --weights IN --sheet OUT --i-have-consent"),
    ],
    "preview": [
        ("face.png", f"preview IN speech.wav OUT {_DUB}"),
        ("speech.wav", f"preview face.png IN --outfile OUT {_DUB}"),
        ("weights.pth", "preview face.png speech.wav OUT --weights IN --i-have-consent"),
    ],
    "say": [("voice.onnx", "say Hello OUT --voice IN")],
    "live": [
        ("face.png", "live IN --from speech.wav --out OUT --i-have-consent"),
        ("speech.wav", "live face.png --from IN --out OUT --i-have-consent"),
    ],
    "batch": [("batch.csv", f"batch IN --out . {_DUB}")],
    "track": [("face.png", "track IN --out OUT")],
    "corpus": [],
    "export": [("weights.onnx", "export IN OUT")],
    "preprocess": [("store/report.csv", "preprocess clips store --speakers IN --no-sync")],
    "doctor": [("doctor.json", "doctor store --expert IN --report .")],
    "train hearing": [("generator.safetensors", "train hearing --from IN --out .")],
    "train expert": [("expert.safetensors", "train expert --from IN --out .")],
    "train generator": [
        ("generator.safetensors", "train generator --from IN --out ."),
        ("generator.safetensors", "train generator --expert IN --out ."),
    ],
    "train gan": [("quality_disc.safetensors", "train gan --disc IN --out .")],
    "train meter": [],
    "evaluate clip": [("report.json", "evaluate clip IN --report .")],
    "evaluate pairs": [("report.csv", "evaluate pairs . . --list IN --report .")],
    "evaluate corpus": [
        ("weights.pth", "evaluate corpus --generator IN --card OUT"),
        ("weights.pth", "evaluate corpus --others classroom_meter IN --card OUT"),
        ("face.png", "evaluate corpus --meter IN --sheet OUT"),
    ],
    "evaluate truth": [],  # it adds a line to its table, and keeps the rest
    "evaluate robustness": [("curves.json", "evaluate robustness --remake --generator IN --curves OUT")],
    "evaluate clinic": [],  # it adds trials to its results, and keeps the rest
    "evaluate ablation": [("results.json", "evaluate ablation --remake --start IN --results OUT")],
}
_CONTENT = {"batch.csv": "face,audio\na,b\n", "report.csv": "a b\n", "store/report.csv": "clip,speaker\na,b\n"}


def test_every_command_that_writes_is_tried():
    assert {command.name for command in main.COMMANDS if command.writes or command.fills} == set(_TRIED)


@pytest.mark.skipif(os.name != "posix", reason="making links needs rights on Windows")
@pytest.mark.parametrize("through", ["the same name", "a symbolic link", "a hard link"])
@pytest.mark.parametrize(("name", "line"), [one for tried in _TRIED.values() for one in tried])
def test_an_input_is_never_overwritten(name, line, through, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for given in ("clip.mp4", "clip.gif", "speech.wav", "face.png", _WEIGHTS, "clips/clip.mp4", name):
        (tmp_path / given).parent.mkdir(exist_ok=True)
        (tmp_path / given).write_text(_CONTENT.get(given, "mine"))
    link = tmp_path / f"link{os.path.splitext(name)[1]}"
    if through == "a symbolic link":
        link.symlink_to(tmp_path / name)
    elif through == "a hard link":
        os.link(name, link)
    given = name if through == "the same name" else link.name
    before = (tmp_path / name).read_bytes()
    code, _, said = run_main(capsys, *line.replace("IN", given).replace("OUT", name).split())
    assert (code, said.count("\n")) == (2, 1)
    assert "is both input and output; give the result another name." in said
    assert (tmp_path / name).read_bytes() == before
