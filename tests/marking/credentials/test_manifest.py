"""Content credentials: the library's own reader accepts them, and every change shows."""

import hashlib
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import av
import c2pa
import numpy as np
import pytest
from helpers.dubs import BOX, run_dub, write_speech

from w2l import audio, video
from w2l.errors import W2LError
from w2l.marking import credentials, mark
from w2l.marking.credentials import key, manifest

NOW = datetime.now(UTC)
SUFFIXES = [".mp4", ".gif", ".webp", ".png"]


def report(path):
    """What the library's reader says, with its own settings: its state, its failures, the active manifest."""
    with c2pa.Reader(path) as reader:
        found = json.loads(reader.json())
    failures = {status["code"] for status in found.get("validation_status", [])}
    return found["validation_state"], failures, found["manifests"][found["active_manifest"]], found["manifests"]


def flip(path, at):
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)
    return path


def boxes(path):
    """Kind -> (start, length) of an mp4's last top-level box of that kind."""
    data, at, found = path.read_bytes(), 0, {}
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        found[kind] = (at, size)
        at += size
    return found


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_librarys_reader_accepts_it_and_the_file_stays_what_it_was(unsigned, tmp_path, suffix):
    plain = unsigned / f"out{suffix}"
    path = Path(shutil.copy(plain, tmp_path / f".temporary{suffix}"))
    assert credentials.read(path) is None
    credentials.sign(path, unsigned / "clip.mp4", unsigned / "speech.ogg", title=f"me{suffix}")
    state, failures, claim, _ = report(path)
    assert (state, failures) == ("Valid", {"signingCredential.untrusted"})
    assert claim["title"] == f"me{suffix}"
    before, after = ([*video.read_frames(p)] for p in (plain, path))
    assert len(before) == len(after) > 0
    assert all((a == b).all() for a, b in zip(before, after, strict=True))
    old, new = mark.read(plain), mark.read(path)
    assert new.found_in == [*old.found_in, "credentials"]
    assert new.synthetic
    assert new.credentials.valid
    assert [*tmp_path.glob(".temporary*")] == [path], "a temporary file is left"
    if suffix == ".mp4":
        assert old.found_in == ["xmp", "container"]
        assert (audio.decode(plain)[0] == audio.decode(path)[0]).all()
        assert video.read_metadata(path) == video.read_metadata(plain)


def test_what_the_claim_says(signed, unsigned):
    _, _, claim, _ = report(signed)
    (tool,) = claim["claim_generator_info"]
    assert (tool["name"], tool["version"]) == ("w2l", mark.__version__)
    parent, speech = claim["ingredients"]
    assert (parent["title"], parent["format"], parent["relationship"]) == ("clip.mp4", "video/mp4", "parentOf")
    assert (speech["title"], speech["format"], speech["relationship"]) == ("speech.ogg", "audio/ogg", "componentOf")
    for part in (parent, speech):
        assert hashlib.sha256((unsigned / part["title"]).read_bytes()).hexdigest() in part["description"]
    assert parent["thumbnail"]["format"] == "image/jpeg"
    (actions,) = [a["data"]["actions"] for a in claim["assertions"] if a["label"].startswith("c2pa.actions")]
    opened, edited, placed = actions
    assert [a["action"] for a in actions] == ["c2pa.opened", "c2pa.edited", "c2pa.placed"]
    assert edited["digitalSourceType"] == mark.DIGITAL_SOURCE_TYPE
    assert "neural network" in edited["description"]
    for action, part in ((opened, parent), (placed, speech)):
        assert action["parameters"]["ingredients"][0]["url"].endswith(part["label"])
    assert "time" not in claim["signature_info"], "no time stamp authority may be asked"
    data = signed.read_bytes()
    assert str(unsigned).encode() not in data, "folders are nobody's business"


def test_read_gives_it_back(signed):
    found = credentials.read(signed)
    assert (found.valid, found.trusted, found.problems, found.self_made) == (True, False, [], True)
    assert found.signer.startswith("w2l signer ")
    assert found.tool == f"w2l {mark.__version__}"
    assert found.actions == ["c2pa.opened", "c2pa.edited", "c2pa.placed"]
    assert found.digital_source_types == [mark.DIGITAL_SOURCE_TYPE]
    assert found.parent == "clip.mp4"
    text = mark.describe(mark.read(signed))
    assert f"unchanged since {found.signer} signed it" in text
    assert "nobody vouches" in text
    assert "NOT" not in text


def test_whom_one_may_trust(signed, config, monkeypatch):
    root = config.read_text().split("-----END CERTIFICATE-----\n")[1] + "-----END CERTIFICATE-----\n"
    monkeypatch.setitem(manifest._SETTINGS, "trust", {"user_anchors": root})
    found = credentials.read(signed)
    assert (found.valid, found.trusted) == (True, True)
    assert "vouches for that name" in credentials.describe(found)
    stranger = credentials.describe(credentials.Credentials(True, signer="Somebody Ltd"))
    assert "Somebody Ltd" in stranger
    assert "cannot say" in stranger


# ---------------------------------------------------------------- changes show


@pytest.mark.parametrize(("box", "at"), [(b"moov", 24), (b"mdat", 1000), (b"uuid", 100)], ids=["date", "video", "xmp"])
def test_one_changed_byte_shows(signed, box, at):
    flip(signed, boxes(signed)[box][0] + at)
    found = credentials.read(signed)
    assert not found.valid
    assert found.problems == ["the file was changed after it was signed"]
    assert report(signed)[0] == "Invalid"
    line = mark.describe(mark.read(signed)).splitlines()[-1]
    assert line == "content credentials: NOT valid: the file was changed after it was signed."


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_one_changed_byte_shows_in_pictures(unsigned, tmp_path, suffix):
    path = Path(shutil.copy(unsigned / f"out{suffix}", tmp_path / f"out{suffix}"))
    credentials.sign(path, unsigned / "clip.mp4")
    data = path.read_bytes()
    flip(path, data.index(b"digitalsourcetype", data.rindex(b"Iptc4xmpExt:")))
    assert credentials.read(path).problems == ["the file was changed after it was signed"]


def test_any_changed_byte_of_the_content_shows(signed):
    whole = signed.read_bytes()
    first, rng = boxes(signed)[b"moov"][0], random.Random(0)
    for at in [first, len(whole) - 1, *(rng.randrange(first, len(whole)) for _ in range(60))]:
        signed.write_bytes(whole)
        found = credentials.read(flip(signed, at))
        assert not found.valid, f"byte {at}"
        assert found.problems


def test_changed_statements_show(signed):
    data = signed.read_bytes()
    flip(signed, data.index(b"compositeWith"))
    assert "their statements were changed after signing" in credentials.read(signed).problems
    signed.write_bytes(data.replace(b"c2pa.assertions", b"c2pb.assertions"))
    assert "the check assertion.action.ingredientMismatch fails" in credentials.read(signed).problems
    signed.write_bytes(data.replace(b"jumd", b"jump"))
    assert credentials.read(signed).problems == ["they, or the file around them, are damaged"]


def test_a_file_cut_short_is_damaged(signed):
    signed.write_bytes(signed.read_bytes()[:-100])
    assert credentials.read(signed).problems == ["they, or the file around them, are damaged"]


def reencode(source, out):
    """As ffmpeg does by default: the streams anew, the tags taken along."""
    with av.open(str(source)) as old, av.open(str(out), "w") as new:
        new.metadata.update(old.metadata)
        picture, sound = new.add_stream("libx264", rate=25), new.add_stream("aac", rate=16000)
        picture.width, picture.height, picture.pix_fmt = 128, 96, "yuv420p"
        for frame in old.decode(video=0):
            frame.pict_type = 0
            new.mux(picture.encode(frame))
        old.seek(0)
        for frame in old.decode(audio=0):
            new.mux(sound.encode(frame))
        new.mux(picture.encode())
        new.mux(sound.encode())


def test_a_reencoded_file_has_lost_its_signature_and_says_so(signed, tmp_path):
    reencode(signed, tmp_path / "again.mp4")
    assert len([*video.read_frames(tmp_path / "again.mp4")]) == 12
    with pytest.raises(c2pa.C2paError.ManifestNotFound):
        c2pa.Reader(tmp_path / "again.mp4")
    found = mark.read(tmp_path / "again.mp4")
    assert found.credentials is None
    assert found.signed
    assert found.synthetic, "the comment outlives a re-encode that keeps the usual tags"
    assert found.found_in == ["container"]
    line = mark.describe(found).splitlines()[-1]
    assert "none, though w2l signed this file: it was re-encoded, or the signature was stripped" in line
    assert "the visible label" in line


def test_a_reencoded_dub_still_shows_its_label(tmp_path, clip, generator):
    """A whole dub: signed as its last step, accepted by the library's reader, its label there when all else is gone."""
    spoken, out, again = tmp_path / "s.wav", tmp_path / "out.mp4", tmp_path / "again.mp4"
    result = run_dub(clip, write_speech(spoken, 0.4), out, generator, sign=True)
    state, failures, manifest, _ = report(out)
    assert state in ("Valid", "Trusted") and not failures & {"assertion.bmffHash.mismatch", "claimSignature.mismatch"}
    assert "signed content credentials (C2PA)" in result.marked
    assert {one["relationship"] for one in manifest["ingredients"]} >= {"parentOf"}
    with video.VideoWriter(again, 25) as writer:  # no tags are taken along
        for frame in video.read_frames(out):
            writer.write(frame)
    found = mark.read(again)
    assert not found.synthetic and found.credentials is None
    assert "a visible label would stay" in mark.describe(found)
    last = list(video.read_frames(again))[-1]
    corner = mark.quiet_corner(160, 160, np.array([BOX]))
    x1, y1, x2, y2 = mark.label_box(160, 160, corner)
    expected = mark.label_frame(np.full_like(last, int(np.median(last))), corner)
    seen, drawn = (np.corrcoef(p[y1:y2, x1:x2].ravel(), expected[y1:y2, x1:x2].ravel())[0, 1] for p in (last, expected))
    assert seen > 0.9 and drawn > 0.99
    plain = run_dub(clip, spoken, tmp_path / "plain.mp4", generator, label=False)
    assert any("label was switched off" in note for note in plain.notes)
    (first, *_) = video.read_frames(tmp_path / "plain.mp4")
    assert first[y1:y2, x1:x2].std() < 5 < 20 < expected[y1:y2, x1:x2].std()


def test_a_file_that_never_was_signed_is_not_called_stripped(tmp_path):
    with video.VideoWriter(tmp_path / "out.mp4", 25, metadata=mark.metadata()) as writer:
        writer.write(np.zeros((96, 128, 3), np.uint8))
    found = mark.read(tmp_path / "out.mp4")
    assert (found.synthetic, found.signed, found.credentials) == (True, False, None)
    assert "made without them" in mark.describe(found)


def test_files_without_credentials(tmp_path, unsigned):
    (tmp_path / "note.txt").write_text("hello")
    (tmp_path / "empty.mp4").touch()
    for path in (tmp_path / "note.txt", tmp_path / "empty.mp4", unsigned / "clip.mp4", unsigned / "speech.ogg"):
        assert credentials.read(path) is None
        assert not credentials.present(path)
    with pytest.raises(W2LError, match=r"missing\.mp4"):
        credentials.read(tmp_path / "missing.mp4")


# ---------------------------------------------------------------- sources


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("clip.mkv", b"\x1a\x45\xdf\xa3 no clip", "video/x-matroska"),
        ("broken.mp4", b"\0\0\0\x20ftypisom no clip either", "video/mp4"),
        ("zero.mov", b"", "application/octet-stream"),
        ("picture.png", b"\xff\xd8\xff\xe0 a broken JPEG with a wrong name", "image/jpeg"),
    ],
)
def test_a_source_that_the_library_cannot_read_is_named(unsigned, tmp_path, name, data, kind):
    path = Path(shutil.copy(unsigned / "out.mp4", tmp_path / "out.mp4"))
    (tmp_path / name).write_bytes(data)
    credentials.sign(path, tmp_path / name)
    state, _, claim, _ = report(path)
    (parent,) = claim["ingredients"]
    assert state == "Valid"
    assert (parent["title"], parent["format"], parent["relationship"]) == (name, kind, "parentOf")
    assert hashlib.sha256(data).hexdigest() in parent["description"]
    assert credentials.read(path).actions == ["c2pa.opened", "c2pa.edited"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_name_that_is_no_text(unsigned, tmp_path):
    strange = tmp_path / os.fsdecode(b'caf\xe9 "1".mp4')
    shutil.copy(unsigned / "clip.mp4", strange)
    path = Path(shutil.copy(unsigned / "out.mp4", tmp_path / "out.mp4"))
    credentials.sign(path, strange, title=strange.name)
    assert credentials.read(path).parent == 'caf? "1".mp4'


def test_a_source_brings_its_own_history(signed, unsigned, tmp_path):
    path = Path(shutil.copy(unsigned / "out.webp", tmp_path / "again.webp"))
    credentials.sign(path, signed)
    state, _, claim, everything = report(path)
    assert state == "Valid"
    assert len(everything) == 2
    assert claim["ingredients"][0]["active_manifest"] in everything
    flip(signed, boxes(signed)[b"mdat"][0] + 99)
    credentials.sign(path, signed)
    assert credentials.read(path).valid, "what was wrong with the source makes this file no less unchanged"


# ---------------------------------------------------------------- failures


def one_sentence(error):
    text = str(error.value)
    assert "\n" not in text
    assert "Traceback" not in text
    return text


def test_other_kinds_of_files_are_refused(tmp_path, unsigned):
    (tmp_path / "out.mp4").write_text("I am no video")
    with pytest.raises(W2LError, match=r"me\.mp4 has no place") as error:
        credentials.sign(tmp_path / "out.mp4", unsigned / "clip.mp4", title="me.mp4")
    one_sentence(error)
    assert (tmp_path / "out.mp4").read_text() == "I am no video"
    assert credentials.read(tmp_path / "out.mp4") is None


def test_nothing_is_left_of_a_signing_that_fails(unsigned, tmp_path, monkeypatch):
    path = Path(shutil.copy(unsigned / "out.mp4", tmp_path / "out.mp4"))
    before = path.read_bytes()
    with pytest.raises(W2LError, match=r"could not be signed: .*gone\.mp4: No such file") as error:
        credentials.sign(path, tmp_path / "gone.mp4")
    one_sentence(error)
    _, chain = key.identity()
    stranger = key._make(NOW).split(b"-----BEGIN CERTIFICATE")[0]
    monkeypatch.setattr(key, "identity", lambda: (stranger, chain))
    with pytest.raises(W2LError, match="could not be signed: Signature") as error:
        credentials.sign(path, unsigned / "clip.mp4")
    one_sentence(error)
    assert path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["config", "out.mp4"]


def test_a_full_disk(unsigned, tmp_path):
    """The system lets no file grow longer than the unsigned one: the library's writes fail half-way."""
    path = Path(shutil.copy(unsigned / "out.mp4", tmp_path / "out.mp4"))
    before = path.read_bytes()
    key.identity()
    code = f"""
import resource, signal
from w2l import W2LError
from w2l.marking import credentials
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({len(before)},) * 2)
try: credentials.sign({str(path)!r}, {str(unsigned / "clip.mp4")!r}, title="me.mp4")
except W2LError as error: print(error)
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.startswith("me.mp4 could not be signed"), done.stderr
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""
    assert path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["config", "out.mp4"]


def test_without_the_extra(signed, unsigned, monkeypatch):
    assert credentials.available()
    monkeypatch.setitem(sys.modules, "c2pa", None)
    assert not credentials.available()
    for call in (lambda: credentials.read(signed), lambda: credentials.sign(signed, unsigned / "clip.mp4")):
        with pytest.raises(W2LError, match=r'pip install "w2l\[credentials\]"') as error:
            call()
        one_sentence(error)
    found = mark.read(signed)
    assert found.synthetic
    assert found.found_in == ["xmp", "container"]
    assert (found.credentials, found.unchecked) == (None, True)
    assert 'pip install "w2l[credentials]"' in mark.describe(found)
    assert not mark.read(unsigned / "clip.mp4").unchecked
    assert "none, though w2l signed" in mark.describe(mark.read(unsigned / "clip.mp4"))


@pytest.mark.parametrize("error", [OSError("GLIBC_2.28 not found"), RuntimeError("no library")])
def test_a_library_that_does_not_load_is_no_extra(monkeypatch, error):
    class Broken:
        def find_spec(self, name, path=None, target=None):
            if name == "c2pa":
                raise error

    monkeypatch.delitem(sys.modules, "c2pa")
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    assert not credentials.available()


def test_the_library_is_loaded_when_used_only():
    code = "import sys; from w2l.marking import credentials, mark; print({'c2pa', 'cryptography'} & {*sys.modules})"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "set()\n"


def lengthen(path, n_bytes):
    """Puts zeros behind an mp4's samples, in the same box."""
    data, (start, size) = path.read_bytes(), boxes(path)[b"mdat"]
    head = struct.pack(">I4s", size + n_bytes, b"mdat")
    path.write_bytes(data[:start] + head + data[start + 8 : start + size] + bytes(n_bytes) + data[start + size :])


def test_a_signature_that_would_not_hold_is_not_left(unsigned, tmp_path):
    """The library mishandles an mp4 whose samples lie in several pieces."""
    path = Path(shutil.copy(unsigned / "out.mp4", tmp_path / "out.mp4"))
    with path.open("ab") as file:
        file.write(struct.pack(">I4s", 8 + (3 << 20), b"mdat") + bytes(3 << 20))
    before = path.read_bytes()
    with pytest.raises(W2LError, match="does not hold"):
        credentials.sign(path, unsigned / "clip.mp4")
    assert path.read_bytes() == before


def test_memory_does_not_grow_with_the_file(unsigned, tmp_path):
    path = Path(shutil.copy(unsigned / "out.mp4", tmp_path / "long.mp4"))
    lengthen(path, 64 << 20)
    code = f"""
import resource, shutil
from w2l.marking import credentials
from pathlib import Path
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
credentials.sign(shutil.copy({str(unsigned / "out.mp4")!r}, {str(tmp_path / "short.mp4")!r}), {str(path)!r})
short = peak()
credentials.sign({str(path)!r}, {str(unsigned / "clip.mp4")!r})
assert credentials.read({str(path)!r}).valid
print(peak() - short)
"""
    grown = int(subprocess.check_output([sys.executable, "-c", code], text=True))
    unit = 1 if sys.platform == "darwin" else 1024
    assert grown * unit < 16 << 20, f"{grown * unit >> 20} MiB more for 64 MiB more"


def test_nothing_is_fetched(unsigned, tmp_path):
    """A file whose credentials lie on a server, as some tools write them: neither read nor used as a source."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            private, chain = key.identity()
            info = c2pa.C2paSignerInfo(b"es256", chain, private, None)
            remote = tmp_path / "remote.mp4"
            with c2pa.Builder({"title": "elsewhere"}) as builder, c2pa.Signer.from_info(info) as signer:
                builder.set_intent(c2pa.C2paBuilderIntent.CREATE, c2pa.C2paDigitalSourceType.DIGITAL_CAPTURE)
                builder.set_no_embed()
                builder.set_remote_url(f"http://127.0.0.1:{server.server_port}/manifest.c2pa")
                with (unsigned / "clip.mp4").open("rb") as plain, remote.open("w+b") as out:
                    builder.sign(signer, "video/mp4", plain, out)
            found = credentials.read(remote)
            assert found.problems == ["they are kept on a server, and w2l does not contact servers"]
            out = Path(shutil.copy(unsigned / "out.mp4", tmp_path / "out.mp4"))
            credentials.sign(out, remote)
            assert credentials.read(out).parent == "remote.mp4"
        finally:
            server.shutdown()
            thread.join()
    assert asked == []
