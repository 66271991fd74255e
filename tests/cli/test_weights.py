"""The commands for weights: list, fetch, verify, where; what a licence asks."""

import io
import re
import sys

import pytest
from helpers.command_line import run_main
from helpers.servers import CONTENT, OTHER

from w2l import models, weights
from w2l.base import paths
from w2l.cli import main
from w2l.weights.registry import Licence

pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture
def run(capsys):
    def command(*arguments):
        return main.main(["weights", *map(str, arguments)]), *capsys.readouterr()

    return command


def test_list(run, tmp_path, monkeypatch, offer):
    offer()
    monkeypatch.setenv("W2L_WEIGHTS", str(tmp_path))
    (tmp_path / "fake.pth").write_bytes(CONTENT)
    (tmp_path / "s3fd.pth").write_bytes(b"<html>")
    code, out, _ = run("list")
    rows = {line.split()[0]: line for line in out.splitlines()}
    assert code == 0 and rows.keys() == {"NAME", *weights.BUNDLED, *weights.REGISTRY}
    assert re.match(r"fake +0\.4 MB +here +MIT +a test$", rows["fake"])
    assert re.match(r"s3fd +89\.8 MB +wrong +unstated +", rows["s3fd"])
    assert re.match(r"wav2lip +435\.8 MB +absent +research only +", rows["wav2lip"])


def test_nothing_to_verify_is_told(run, monkeypatch, tmp_path):
    monkeypatch.setattr(paths, "data", lambda: tmp_path)  # the bundled face detector is one of the registry
    code, out, _ = run("verify")
    assert code == 0 and "no published weights are on this machine" in out


def test_fetch_verify_where(run, offer, own_cache):
    offer("right")
    path = own_cache / "fake.pth"
    assert run("fetch", "fake", "--quiet") == (0, f"{path}\n", "fake: Free for all.\n")
    assert run("fetch", "fake", "--quiet") == (0, f"{path}\n", "")
    bundled = f"yunet: correct, {paths.data() / 'detector' / weights.REGISTRY['yunet'].file}\n"
    assert run("verify", "fake") == (0, f"fake: correct, {path}\n", "")
    assert run("verify") == (0, f"{bundled}fake: correct, {path}\n", "")
    assert run("where", "fake") == (0, f"{path}\n", "")
    code, out, _ = run("where")
    assert code == 0 and out.splitlines()[:2] == [str(paths.data() / "detector"), str(own_cache)]
    assert "/content/drive/MyDrive/w2l" in out.splitlines()[2]
    path.write_bytes(OTHER)
    code, out, err = run("verify")
    assert (code, out) == (2, bundled) and err.startswith(f"w2l: {path} has the size") and err.count("\n") == 1


def test_what_is_bundled_is_not_fetched(run):
    bundled = paths.data() / "detector" / weights.REGISTRY["yunet"].file
    assert run("fetch", "yunet") == (0, f"{bundled}\n", "yunet comes with w2l; nothing was fetched\n")
    assert run("fetch", "yunet", "--quiet") == (0, f"{bundled}\n", "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["fetch", "unet"], "no published weights are called 'unet'"),
        (["fetch", "wav2lip"], "--accept-licence"),
        (["verify", "s3fd"], "w2l weights fetch s3fd"),
        (["where", "s3fd"], "w2l weights fetch s3fd"),
    ],
)
def test_bad_arguments(arguments, said, run, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    code, _, err = run(*arguments)
    assert code == 2 and said in err and err.startswith("w2l: ") and err.count("\n") == 1


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 2), ("", 2)])
def test_the_licence_is_asked_of_whoever_sits_there(answer, code, run, offer, server, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    offer("right", licence=Licence("research only", "Only for research.", ask=True))
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    monkeypatch.setattr(type(sys.stderr), "isatty", lambda _: True, raising=False)
    done, _, err = run("fetch", "fake", "--quiet")
    assert done == code and "Only for research." in err
    assert len(server.notes) == (code == 0)
    assert weights.accepted("fake") == (code == 0)


def test_a_given_licence_is_not_asked_for(run, offer):
    offer("right", licence=Licence("research only", "Only for research.", ask=True))
    code, _, err = run("fetch", "fake", "--quiet", "--accept-licence")
    assert (code, err) == (0, "fake: Only for research.\n")


def test_export(generator, tmp_path, capsys):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    out = tmp_path / "a.onnx"
    code, said, err = run_main(capsys, "export", generator, out)
    assert (code, err) == (0, "")
    assert said.startswith(f"{out}: wav2lip, width 0.05, 0.") and "licence: not stated" in said
    assert models.load(out).meta["made_from"] == "tiny.safetensors"
    for arguments, words in {
        (generator, tmp_path / "a.pt"): "a.pt: its name must end in .onnx",
        ("classroom_meter", out): "mouth_meter is not exported; give a generator",
        ("nothing", out): "there are no weights 'nothing'",
        (out, tmp_path / "b.onnx"): "ONNX already",
    }.items():
        code, said, err = run_main(capsys, "export", *arguments)
        assert (code, said) == (2, "") and words in err and err.count("\n") == 1
