"""Published weights: the registry, where files are looked for, downloads against servers of every kind."""

import errno
import hashlib
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import gdown
import numpy as np
import pytest
from filelock import FileLock
from helpers.places import ROOT

from w2l import weights
from w2l.cli import main
from w2l.errors import W2LError
from w2l.weights import fetch, registry
from w2l.weights.registry import Entry, Licence

SHARED = ROOT.parent / "shared"
CONTENT = np.random.default_rng(7).bytes(400_000)
OTHER = np.random.default_rng(8).bytes(400_000)
SHA = hashlib.sha256(CONTENT).hexdigest()
FREE = Licence("MIT", "Free for all.")
CHILD = f"""
import sys
from w2l import weights
from w2l.registry import Entry, Licence
entry = Entry("fake", "fake.pth", {len(CONTENT)}, "{SHA}", Licence("MIT", "Free."), "a test", (sys.argv[1],))
weights.REGISTRY["fake"] = entry
print(weights.fetch("fake"))
"""


# ---------------------------------------------------------------- servers


class Answers(BaseHTTPRequestHandler):
    """Answers a path by the function of that name; notes what was asked and how many bytes went out."""

    def log_message(self, *_):
        pass

    def do_GET(self):
        path = self.path.lstrip("/")
        note = {"path": path, "range": self.headers["Range"], "if_range": self.headers["If-Range"], "sent": 0}
        self.server.notes.append(note)
        self.note = note
        with suppress(BrokenPipeError, ConnectionResetError):
            self.server.answers[path](self)
        self.close_connection = True

    def start(self, status=200, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def send(self, data):
        self.wfile.write(data)
        self.note["sent"] += len(data)


def whole(content=CONTENT, ranges=True, tag="", limit=None, length=True, wait=None):
    """A server with a file. limit: bytes after which each connection dies; wait: an event it waits for then."""

    def answer(handler):
        asked = handler.note["range"] if ranges else None
        changed = tag and handler.note["if_range"] not in (None, tag)
        first = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked and not changed else 0
        if first >= len(content):
            handler.start(416, Content_Range=f"bytes */{len(content)}", Content_Length=0)
            return
        headers = {"ETag": tag} if tag else {}
        if length:
            headers["Content_Length"] = len(content) - first
        if first:
            headers["Content_Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
        handler.start(206 if first else 200, **headers)
        handler.send(content[first:][:limit])
        if wait:
            handler.wfile.flush()
            wait.wait(20)

    return answer


def page(text, status=200):
    def answer(handler):
        handler.start(status, Content_Type="text/html", Content_Length=len(text))
        handler.send(text.encode())

    return answer


def wrong_range(handler):
    """Whatever is asked for, it sends the second half, and says so."""
    if not handler.note["range"]:
        return whole(limit=70_000)(handler)
    half = len(CONTENT) // 2
    handler.start(206, Content_Range=f"bytes {half}-{len(CONTENT) - 1}/{len(CONTENT)}", Content_Length=half)
    return handler.send(CONTENT[half:])


QUOTA = "<!DOCTYPE html><title>Google Drive - Quota exceeded</title><p>Too many users have viewed this file recently."
POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{SHA}\nsize 400000\n"
BAD = {
    "html": (
        page("\n<html><title> Sign in\n to continue</title></html>"),
        'a web page "Sign in to continue" (HTML, 50',
    ),
    "quota": (page(QUOTA), "download quota is used up"),
    "lfs": (page(POINTER), f"a git-LFS pointer of {len(POINTER)} bytes"),
    "missing": (page("<html>no</html>", 404), "HTTP status 404 Not Found"),
    "down": (page("busy", 503), "HTTP status 503"),
    "short": (whole(CONTENT[:-1]), "a truncated file of 399999 bytes, not 400000"),
    "long": (whole(CONTENT + b"x"), "a file of 400001 bytes, not 400000"),
    "long_unannounced": (whole(CONTENT + b"x", length=False), "another file of more than 400000 bytes"),
    "empty": (page(""), "a truncated file of 0 bytes"),
    "html_unannounced": (whole(b"<html>" + OTHER, length=False), "a web page (HTML"),
    "other": (whole(OTHER), f"another file of the same size (sha256 {hashlib.sha256(OTHER).hexdigest()[:12]}"),
    "cut": (whole(limit=100_000, ranges=False), "the connection broke after"),
    "cut_unannounced": (whole(limit=100_000, ranges=False, length=False), "closed after 100000 of 400000 bytes"),
}


@pytest.fixture
def server():
    one = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    one.daemon_threads = True
    one.notes = []
    one.answers = {name: answer for name, (answer, _) in BAD.items()}
    one.answers["right"] = whole()
    one.url = f"http://127.0.0.1:{one.server_port}"
    thread = threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield one
    one.shutdown()
    thread.join()
    one.server_close()


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("W2L_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(fetch, "PAUSES", (0.0, 0.0, 0.0))
    monkeypatch.setattr(fetch, "TIMEOUTS", (10.0, 10.0))
    return tmp_path / "cache" / "weights"


@pytest.fixture
def offer(server, monkeypatch):
    """Puts the entry `fake` into the registry, with these paths of the server as its mirrors."""

    def make(*names, **changes):
        mirrors = tuple(f"{server.url}/{name}" for name in names)
        fields = {"licence": FREE, "mirrors": mirrors, **changes}
        entry = Entry("fake", "fake.pth", len(CONTENT), SHA, what="a test", **fields)
        monkeypatch.setitem(weights.REGISTRY, "fake", entry)
        return entry

    return make


def get(**options):
    return weights.fetch("fake", progress=False, **options)


def left(folder):
    """What lies in the folder, but for the lock and the memory of what was verified."""
    hidden = {".fake.pth.lock", "verified.json"}
    return sorted(path.name for path in folder.iterdir() if path.name not in hidden)


# ---------------------------------------------------------------- the registry


def test_registry_is_sound():
    names = [entry.name for entry in weights.REGISTRY.values()]
    assert names == list(weights.REGISTRY) and len(names) == 8
    files = [file for entry in weights.REGISTRY.values() for file in (entry.file, *entry.also)]
    assert len(set(files)) == len(files)
    for entry in weights.REGISTRY.values():
        assert re.fullmatch("[0-9a-f]{64}", entry.sha256) and entry.bytes > 200_000
        assert len(entry.mirrors) >= 2 and len(set(entry.mirrors)) == len(entry.mirrors)
        assert all(re.fullmatch(r"https://[\w.-]+/\S+", url) for url in entry.mirrors)
        assert not any("/blob/" in url or url.endswith("camenduru/Wav2Lip/wav2lip.pth") for url in entry.mirrors)
        assert entry.licence.ask == (entry.licence.kind == "research only")
        assert entry.licence.text.endswith(".") and "\n" not in entry.licence.text
    asked = {name for name, entry in weights.REGISTRY.items() if entry.licence.ask}
    assert asked == {"wav2lip", "wav2lip_gan", "lipsync_expert", "quality_disc"}
    assert set(weights.PUBLISHED) <= weights.REGISTRY.keys()


def test_registry_says_what_the_reference_says():
    path = SHARED / "reference" / "wav2lip.md"
    if not path.is_file():
        pytest.skip("no shared reference here")
    text = path.read_text(encoding="utf8")
    rows = {
        file: (int(size), sha) for file, size, sha in re.findall(r"^\| (\S+) \| (\d+) \| ([0-9a-f]{64}) ", text, re.M)
    }
    for entry in weights.REGISTRY.values():
        if entry.name != "yunet":
            assert rows[entry.file] == (entry.bytes, entry.sha256)
        commits = re.findall(r"resolve/([0-9a-f]{40})/", " ".join(entry.mirrors))
        assert all(commit in text for commit in commits)
        assert entry.drive_id in text


@pytest.mark.parametrize("name", ["yunet", "yunet_2023mar"])
def test_yunet_is_the_file_we_have(name, monkeypatch):
    if not (SHARED / "models").is_dir():
        pytest.skip("no shared models here")
    monkeypatch.setenv("W2L_WEIGHTS", str(SHARED / "models"))
    assert weights.verify(name) == weights.locate(name) == SHARED / "models" / weights.REGISTRY[name].file


# ---------------------------------------------------------------- where files are looked for


def test_places_in_order(tmp_path, monkeypatch, own_cache, offer):
    """The same file in every place: as each is removed, the next one is found."""
    offer()
    inputs = (tmp_path / "openbayes", tmp_path / "hyperai")
    monkeypatch.setattr(weights, "_DRIVE", tmp_path / "drive")
    monkeypatch.setattr(weights, "_INPUTS", inputs)
    monkeypatch.setenv("W2L_WEIGHTS", os.pathsep.join([str(tmp_path / "one" / "fake.pth"), str(tmp_path / "two")]))
    folders = ["one", "two", own_cache, "drive", "openbayes/input0", "openbayes/input0/deep", "hyperai/input3"]
    files = [tmp_path / folder / "fake.pth" for folder in folders]
    for file in (*files, inputs[0] / "input0" / "deep" / "er" / "fake.pth"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(CONTENT)
    for file in files:
        assert weights.locate("fake") == weights.find("fake") == get() == file
        file.unlink()
    assert weights.locate("fake") is None
    assert weights.status("fake") == "absent"


def test_generators_are_found_by_size_and_by_path(tmp_path, monkeypatch):
    monkeypatch.setenv("W2L_WEIGHTS", str(tmp_path))
    path = tmp_path / "wav2lip.pth"
    path.touch()
    os.truncate(path, weights.REGISTRY["wav2lip"].bytes)  # a hole: it takes no room
    assert weights.find("wav2lip") == path
    assert weights.find("classroom").name == "classroom_generator.safetensors"
    mine = tmp_path / "mine.pth"
    mine.write_bytes(b"x")
    assert weights.find(mine) == mine
    with pytest.raises(W2LError, match=r"no such weights: nowhere.pth; .* classroom, .*wav2lip, wav2lip_gan"):
        weights.find("nowhere.pth")


def test_other_names_of_the_same_file(tmp_path, monkeypatch, offer):
    offer(also=("f.pth",))
    monkeypatch.setenv("W2L_WEIGHTS", str(tmp_path))
    (tmp_path / "f.pth").write_bytes(CONTENT)
    assert weights.find("fake") == tmp_path / "f.pth"


def test_absent_weights_are_told_with_what_to_do(own_cache):
    with pytest.raises(W2LError) as caught:
        weights.find("wav2lip_gan")
    for words in ("w2l weights fetch wav2lip_gan", "put wav2lip_gan.pth into", str(own_cache), "W2L_WEIGHTS"):
        assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    for call in (weights.locate, weights.status, weights.verify, weights.fetch, weights.accepted):
        with pytest.raises(W2LError, match="no published weights are called 'unet'; there are wav2lip, "):
            call("unet")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xef\xbb\xbf \n<html><title>Sign in</title>", r'a web page "Sign in" \(HTML'),
        (QUOTA.encode(), "quota is used up"),
        (POINTER.encode(), f"git-LFS pointer of {len(POINTER)} bytes"),
        (CONTENT[:1000], "a truncated file of 1000 bytes, not 400000"),
        (CONTENT + b"more", "a file of 400004 bytes, not 400000"),
    ],
)
def test_wrong_files_are_named_and_passed_over(content, said, tmp_path, monkeypatch, own_cache, offer):
    offer("right")
    monkeypatch.setenv("W2L_WEIGHTS", str(tmp_path))
    (tmp_path / "fake.pth").write_bytes(content)
    assert weights.locate("fake") is None
    assert weights.status("fake") == "wrong"
    for call in (weights.find, weights.verify):
        with pytest.raises(W2LError, match=said) as caught:
            call("fake")
        assert str(tmp_path / "fake.pth") in str(caught.value) and "\n" not in str(caught.value)
    assert get() == weights.find("fake") == own_cache / "fake.pth"


def test_files_found_in_the_wild_are_named():
    folder = SHARED / "clips" / "bad"
    if not folder.is_dir():
        pytest.skip("no shared clips here")
    assert "a web page" in registry.describe_file(folder / "wav2lip_is_html_login_page.pth", 435807851)
    assert "git-LFS pointer" in registry.describe_file(folder / "yunet_lfs_pointer.onnx", 232589)


# ---------------------------------------------------------------- verified, and remembered


def test_a_verified_file_is_not_read_again_until_it_changes(own_cache, offer, server, monkeypatch):
    offer("right")
    path = get()
    monkeypatch.setattr(weights, "hash_of", lambda _: pytest.fail("read again"))
    assert get() == path
    monkeypatch.undo()
    monkeypatch.setenv("W2L_CACHE", str(own_cache.parent))
    offer("right")
    path.write_bytes(OTHER)
    assert get() == path and path.read_bytes() == CONTENT, "a changed file was not looked at"
    assert len(server.notes) == 2
    stat = path.stat()
    path.write_bytes(OTHER)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    with pytest.raises(W2LError, match="another content"):
        weights.verify("fake")
    assert get() == path and len(server.notes) == 3
    (own_cache / "verified.json").write_text("[broken")
    assert weights.verify("fake") == get() == path


def test_a_wrong_file_in_a_folder_of_the_user_is_left_to_the_user(tmp_path, monkeypatch, offer, server):
    offer("right")
    monkeypatch.setenv("W2L_WEIGHTS", str(tmp_path))
    (tmp_path / "fake.pth").write_bytes(OTHER)
    with pytest.raises(W2LError, match=r"another content .* delete it"):
        get()
    assert not server.notes and (tmp_path / "fake.pth").read_bytes() == OTHER


# ---------------------------------------------------------------- downloads


def test_a_right_file_ends_verified(own_cache, offer, server):
    offer("right")
    assert get() == own_cache / "fake.pth"
    assert (own_cache / "fake.pth").read_bytes() == CONTENT
    assert weights.verify("fake") == get()
    assert left(own_cache) == ["fake.pth"]
    assert [note["range"] for note in server.notes] == [None], "what is here is not fetched again"


@pytest.mark.parametrize("name", BAD)
def test_a_bad_mirror_ends_in_one_error_or_at_the_next_mirror(name, own_cache, offer, server):
    offer(name)
    with pytest.raises(W2LError) as caught:
        get()
    first, told, by_hand = str(caught.value).split("\n")
    assert first == "cannot fetch fake.pth, because every mirror failed:"
    assert told.startswith(f"  {server.url}/{name}: ") and BAD[name][1] in told
    assert f"{SHA}) and put it into {own_cache}" in by_hand
    assert weights.status("fake") == "absent"
    kept = ["fake.pth.part"] if name.startswith("cut") else []
    assert left(own_cache) == kept, "only the beginning of the right file is worth keeping"
    offer(name, "right")
    assert get().read_bytes() == CONTENT
    assert left(own_cache) == ["fake.pth"]


def test_every_mirror_is_named_in_the_error(offer, server):
    offer("html", "missing", "other")
    with pytest.raises(W2LError) as caught:
        get()
    lines = str(caught.value).split("\n")[1:-1]
    assert [line.split(": ")[0].strip() for line in lines] == [
        f"{server.url}/{n}" for n in ("html", "missing", "other")
    ]


def test_no_connection_is_told_at_once(offer, monkeypatch):
    offer(mirrors=("http://127.0.0.1:9/x", "http://", "https://weights.invalid/x"))  # the last: through the dead proxy
    monkeypatch.setattr(time, "sleep", lambda _: pytest.fail("waited for a server that is not there"))
    with pytest.raises(W2LError) as caught:
        get()
    said = [line.split(": ")[1] for line in str(caught.value).split("\n")[1:-1]]
    assert said[0] == "no connection" and "URL" in said[1] and said[2] == "no connection through the proxy"


def test_a_dying_connection_is_resumed(offer, server):
    server.answers["dying"] = whole(limit=150_000)
    offer("dying")
    assert get().read_bytes() == CONTENT
    asked = [note["range"] for note in server.notes]
    assert asked[0] is None and len(asked) == 3
    starts = [int(one[6:-1]) for one in asked[1:]]
    assert 100_000 < starts[0] < starts[1] < len(CONTENT)
    assert sum(note["sent"] for note in server.notes) < len(CONTENT) + 2 * fetch._PIECE, "bytes were fetched twice"


def test_a_line_that_breaks_often_but_brings_much_is_worth_its_tries(offer, server, monkeypatch):
    server.answers["dying"] = whole(limit=70_000)
    offer("dying")
    with pytest.raises(W2LError, match="the connection broke after"):
        get()
    weights._folder().joinpath("fake.pth.part").unlink()
    server.notes.clear()
    monkeypatch.setattr(fetch, "_ENOUGH", 50_000)
    assert get().read_bytes() == CONTENT
    assert len(server.notes) == 7


def test_a_server_that_hangs_up_is_called_again_if_it_has_sent_some(offer, server):
    answers = iter([whole(limit=150_000), lambda handler: None, whole()])
    server.answers["gone"] = lambda handler: next(answers)(handler)
    offer("gone")
    assert get().read_bytes() == CONTENT
    assert len(server.notes) == 3


def test_a_busy_server_is_tried_again(offer, server):
    answers = iter([page("busy", 503), page("slower", 429), whole()])
    server.answers["busy"] = lambda handler: next(answers)(handler)
    offer("busy")
    assert get().read_bytes() == CONTENT


def test_a_stalled_server_is_left(offer, server, own_cache, monkeypatch):
    """It sends nothing more, and keeps the line open: the next mirror goes on where it stopped."""
    monkeypatch.setattr(fetch, "TIMEOUTS", (10.0, 0.7))
    monkeypatch.setattr(fetch, "PAUSES", (0.0,))
    over = threading.Event()
    stalls = iter([whole(limit=140_000, wait=over)])
    server.answers["slow"] = lambda handler: next(stalls, server.answers["mute"])(handler)
    server.answers["mute"] = lambda handler: over.wait(20)
    offer("mute", "slow")
    with pytest.raises(W2LError, match=r"mute: no answer in time\n.*slow: no answer in time\n"):
        get()
    assert [note["path"] for note in server.notes] == ["mute", "slow", "slow"]
    over.set()
    have = (own_cache / "fake.pth.part").stat().st_size
    assert have >= 131072
    offer("right")
    assert get().read_bytes() == CONTENT
    assert server.notes[-1]["range"] == f"bytes={have}-"
    assert server.notes[-1]["sent"] == len(CONTENT) - have


def test_a_slow_server_is_given_its_time(own_cache, offer, server, monkeypatch):
    """It takes longer in all than it may be silent, but never falls silent for so long."""
    monkeypatch.setattr(fetch, "TIMEOUTS", (10.0, 1.0))

    def drip(handler):
        handler.start(200, Content_Length=len(CONTENT))
        for first in range(0, len(CONTENT), 25_000):
            handler.send(CONTENT[first : first + 25_000])
            handler.wfile.flush()
            time.sleep(0.1)

    server.answers["drip"] = drip
    offer("drip")
    began = time.monotonic()
    assert get().read_bytes() == CONTENT
    assert time.monotonic() - began > 1.0
    assert len(server.notes) == 1 and left(own_cache) == ["fake.pth"]


def test_a_server_that_ignores_ranges_starts_anew(own_cache, offer, server):
    server.answers["plain"] = whole(ranges=False)
    own_cache.mkdir(parents=True)
    (own_cache / "fake.pth.part").write_bytes(CONTENT[:1000])
    offer("plain")
    assert get().read_bytes() == CONTENT
    assert [note["range"] for note in server.notes] == ["bytes=1000-"]


def test_a_server_that_sends_another_range_is_not_believed(offer, server):
    server.answers["odd"] = wrong_range
    offer("odd")
    with pytest.raises(W2LError, match="odd: the server sent another range than was asked for\n"):
        get()
    offer("odd", "right")
    assert get().read_bytes() == CONTENT


def test_a_file_that_changed_meanwhile_is_fetched_anew(own_cache, offer, server, monkeypatch):
    server.answers["old"] = whole(OTHER, tag='"1"', limit=200_000)
    offer("old")
    monkeypatch.setattr(fetch, "PAUSES", ())
    with pytest.raises(W2LError):
        get()
    assert left(own_cache) == ["fake.pth.part", "fake.pth.part.etag"]
    server.answers["old"] = whole(tag='"2"')
    assert get().read_bytes() == CONTENT
    assert [note["if_range"] for note in server.notes] == [None, '"1"']
    assert left(own_cache) == ["fake.pth"]


def test_only_a_strong_tag_of_the_same_address_is_sent(own_cache, offer, server, monkeypatch):
    monkeypatch.setattr(fetch, "PAUSES", ())
    server.answers["weak"] = whole(limit=100_000, tag='W/"1"')
    server.answers["strong"] = whole(limit=100_000, tag='"1"')
    for name in ("weak", "strong"):
        offer(name)
        with pytest.raises(W2LError):
            get()
        assert ("fake.pth.part.etag" in left(own_cache)) == (name == "strong")
        offer("right")
        (own_cache / "fake.pth.part").write_bytes(CONTENT[:-1])
        get().unlink()
    assert [note["range"] is None for note in server.notes] == [True, False] * 2
    assert [note["if_range"] for note in server.notes] == [None] * 4


def test_a_wrong_beginning_is_thrown_away(own_cache, offer, server):
    """The part's own mistake is not the mirror's: the same mirror is asked for all of it."""
    own_cache.mkdir(parents=True)
    (own_cache / "fake.pth.part").write_bytes(OTHER[:1000])
    offer("right")
    assert get().read_bytes() == CONTENT
    assert [note["range"] for note in server.notes] == ["bytes=1000-", None]


@pytest.mark.parametrize(
    ("size", "asked"), [(len(CONTENT), []), (len(CONTENT) + 5, [None]), (0, [None])], ids=["whole", "long", "empty"]
)
def test_parts_of_odd_sizes(size, asked, own_cache, offer, server):
    own_cache.mkdir(parents=True)
    (own_cache / "fake.pth.part").write_bytes((CONTENT * 2)[:size])
    offer("right")
    assert get().read_bytes() == CONTENT
    assert [note["range"] for note in server.notes] == asked


@pytest.mark.parametrize(
    ("have", "content", "said"),
    [(1000, CONTENT[:-7], "another file of 399993 bytes"), (1000, b"tiny", "another file, shorter than the 1000")],
)
def test_a_mirror_with_another_size_does_not_spoil_the_part(have, content, said, own_cache, offer, server):
    server.answers["size"] = whole(content)
    own_cache.mkdir(parents=True)
    (own_cache / "fake.pth.part").write_bytes(CONTENT[:have])
    offer("size")
    with pytest.raises(W2LError, match=said):
        get()
    offer("size", "right")
    assert get().read_bytes() == CONTENT
    assert server.notes[-1]["range"] == f"bytes={have}-"


def test_ctrl_c_keeps_the_part(own_cache, offer, server, monkeypatch):
    append, pieces = fetch._append, []

    def interrupted(job, piece, have):
        if len(pieces) == 2:
            raise KeyboardInterrupt
        pieces.append(len(piece))
        return append(job, piece, have)

    offer("right")
    monkeypatch.setattr(fetch, "_append", interrupted)
    with pytest.raises(KeyboardInterrupt):
        get()
    assert left(own_cache) == ["fake.pth.part"]
    monkeypatch.setattr(fetch, "_append", append)
    assert get().read_bytes() == CONTENT
    assert server.notes[-1]["range"] == f"bytes={sum(pieces)}-"


def child(url):
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([sys.executable, "-c", CHILD, url], cwd=ROOT, text=True, **pipes)


def test_a_killed_process_leaves_what_the_next_one_resumes(own_cache, offer, server):
    over, part = threading.Event(), own_cache / "fake.pth.part"
    server.answers["slow"] = whole(limit=200_000, wait=over)
    with child(f"{server.url}/slow") as process:
        deadline = time.monotonic() + 120
        while not (part.exists() and part.stat().st_size >= 131072):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    over.set()
    have = part.stat().st_size
    assert weights.REGISTRY.keys() & {"fake"} == set()
    offer("right")
    assert weights.status("fake") == "absent", "a part was taken for the file"
    assert get().read_bytes() == CONTENT
    assert server.notes[-1]["range"] == f"bytes={have}-"
    assert server.notes[-1]["sent"] == len(CONTENT) - have


def test_two_processes_fetch_one_file_once(own_cache, server):
    def slowly(handler):
        handler.start(Content_Length=len(CONTENT))
        for start in range(0, len(CONTENT), 50_000):
            handler.send(CONTENT[start : start + 50_000])
            time.sleep(0.05)

    server.answers["slowly"] = slowly
    with child(f"{server.url}/slowly") as one, child(f"{server.url}/slowly") as two:
        told = one.communicate(timeout=60), two.communicate(timeout=60)
    assert one.returncode == two.returncode == 0, told
    assert len(server.notes) == 1
    assert (own_cache / "fake.pth").read_bytes() == CONTENT


def test_whoever_comes_second_waits_and_takes_what_the_first_fetched(own_cache, server):
    own_cache.mkdir(parents=True)
    with FileLock(own_cache / ".fake.pth.lock"):
        second = child(f"{server.url}/right")
        assert "another process is fetching fake.pth" in second.stderr.readline()
        (own_cache / "fake.pth").write_bytes(CONTENT)
    out, _ = second.communicate(timeout=60)
    assert second.returncode == 0 and out == f"{own_cache / 'fake.pth'}\n"
    assert not server.notes


def test_a_full_disk_is_told_in_one_sentence(offer, server, monkeypatch, own_cache):
    offer("right")

    def refuse(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    usage = shutil.disk_usage(own_cache.parents[1])._replace(free=1000)
    for place, name, fake in ((shutil, "disk_usage", lambda _: usage), (fetch, "_append", refuse)):
        with monkeypatch.context() as patch:
            patch.setattr(place, name, fake)
            with pytest.raises(W2LError, match=r"the disk is full: fake.pth needs 0.4 MiB in .*W2L_CACHE") as caught:
                get()
        assert "\n" not in str(caught.value)
        assert left(own_cache) == []


def test_a_folder_that_cannot_be_made_is_told(offer, monkeypatch, tmp_path):
    offer("right")
    (tmp_path / "file").touch()
    monkeypatch.setenv("W2L_CACHE", str(tmp_path / "file"))
    with pytest.raises(W2LError, match=r"cannot write .*fake.pth: Not a directory; set W2L_CACHE"):
        get()


def test_the_bar_counts_what_is_here_already(own_cache, offer, capfd):
    own_cache.mkdir(parents=True)
    (own_cache / "fake.pth.part").write_bytes(CONTENT[: 3 * len(CONTENT) // 4])
    offer("right")
    weights.fetch("fake")
    told = capfd.readouterr().err
    assert "fake.pth:  75%" in told and "fake.pth: 100%" in told and "391k/391k" in told


# ---------------------------------------------------------------- mirrors of the user's own


def test_a_folder_of_the_users_own_is_tried_first(offer, server, monkeypatch):
    server.answers["local/fake.pth"] = whole()
    offer("missing")
    for prefix in (f"{server.url}/local", f"{server.url}/local/"):
        monkeypatch.setenv("W2L_MIRROR", prefix)
        get().unlink()
    assert [note["path"] for note in server.notes] == ["local/fake.pth"] * 2
    del server.answers["local/fake.pth"]
    server.answers["local/fake.pth"] = page("no", 404)
    offer("right")
    assert get().read_bytes() == CONTENT


def test_a_gateway_is_given_every_address(offer, server, monkeypatch):
    base = f"gate?to={server.url}"
    server.answers[f"{base}/missing"] = page("no", 404)
    server.answers[f"{base}/right"] = whole()
    offer("missing", "right")
    monkeypatch.setenv("W2L_MIRROR", f"{server.url}/gate?to={{url}}")
    assert get().read_bytes() == CONTENT
    assert [note["path"] for note in server.notes] == [f"{base}/missing", f"{base}/right"]


def test_a_mirror_that_is_no_address_is_refused(offer, monkeypatch):
    offer("right")
    monkeypatch.setenv("W2L_MIRROR", "mirror.example")
    with pytest.raises(W2LError, match=r"W2L_MIRROR is 'mirror\.example'"):
        get()


# ---------------------------------------------------------------- Google Drive, by gdown


REAL = gdown.download


def by_gdown_5(server):
    """The real gdown, with the parameters that version 5 has and the loopback server for Google Drive."""

    def download(url=None, output=None, quiet=False, use_cookies=True, id=None, resume=False):
        return REAL(url=f"{server.url}/{id}", output=output, quiet=quiet, use_cookies=use_cookies, resume=resume)

    return download


def by_gdown_6(server):
    def download(url=None, output=None, quiet=False, use_cookies=True, id=None, resume=False, timeout=None, retries=0):
        assert timeout == fetch.TIMEOUTS and retries == 3
        return by_gdown_5(server)(None, output, quiet, use_cookies, id, resume)

    return download


@pytest.mark.parametrize("make", [by_gdown_5, by_gdown_6])
def test_google_drive_comes_last(make, offer, server, monkeypatch, own_cache):
    monkeypatch.setattr(gdown, "download", make(server))
    offer("html", drive_id="right")
    assert get().read_bytes() == CONTENT
    assert [note["path"] for note in server.notes] == ["html", "right"]
    assert left(own_cache) == ["fake.pth"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # gdown 5 leaves its part open
def test_google_drive_is_resumed(offer, server, monkeypatch, own_cache):
    monkeypatch.setattr(gdown, "download", by_gdown_5(server))
    monkeypatch.setattr(sys.modules["gdown.download"], "CHUNK_SIZE", 50_000)
    server.answers["d"] = whole(limit=150_000)
    offer(drive_id="d")
    with pytest.raises(W2LError, match=r"drive.google.com/uc\?id=d: .*(connection broke|ncomplete)"):
        get()
    assert weights.status("fake") == "absent"
    server.answers["d"] = whole()
    assert get().read_bytes() == CONTENT
    assert re.fullmatch(r"bytes=1\d{5}-", server.notes[-1]["range"])
    assert left(own_cache) == ["fake.pth"]


@pytest.mark.parametrize("name", ["html", "quota", "other"])
def test_a_wrong_file_from_google_drive(name, offer, server, monkeypatch, own_cache):
    monkeypatch.setattr(gdown, "download", by_gdown_5(server))
    offer(drive_id=name)
    with pytest.raises(W2LError) as caught:
        get()
    assert BAD[name][1][:30] in str(caught.value)
    assert left(own_cache) == []


def test_a_disk_that_google_drive_fills_is_told(offer, monkeypatch):
    def refuse(id, output, quiet, use_cookies, resume):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(gdown, "download", refuse)
    offer(drive_id="abc")
    with pytest.raises(W2LError, match="the disk is full"):
        get()


def test_what_gdown_says_is_passed_on(offer, monkeypatch):
    def refuse(id, output, quiet, use_cookies, resume):
        raise gdown.exceptions.FileURLRetrievalError("Cannot retrieve it.\n\n\tYou may have had many accesses.")

    monkeypatch.setattr(gdown, "download", refuse)
    offer(drive_id="abc")
    with pytest.raises(W2LError, match=r"uc\?id=abc: Google Drive says that it was downloaded too often"):
        get()


# ---------------------------------------------------------------- licences


def test_a_licence_is_accepted_once(offer, server):
    terms = Licence("research only", "Only for research.", ask=True)
    offer("right", licence=terms)
    with pytest.raises(W2LError, match=r"for research only: Only for research\. If you accept .* --accept-licence"):
        get()
    assert not server.notes and not weights.accepted("fake")
    path = get(accept_licence=True)
    path.unlink()
    assert weights.accepted("fake") and get() == path
    path.unlink()
    offer("right", licence=Licence("research only", "Only for research, and only on Mondays.", ask=True))
    with pytest.raises(W2LError, match="Mondays"):
        get()
    get(accept_licence=True).unlink()
    offer("right", licence=terms)
    assert get() == path, "the first acceptance was forgotten"


def test_what_is_here_asks_for_nothing(tmp_path, monkeypatch, offer):
    offer(licence=Licence("research only", "Only for research.", ask=True))
    monkeypatch.setenv("W2L_WEIGHTS", str(tmp_path))
    (tmp_path / "fake.pth").write_bytes(CONTENT)
    assert get() == tmp_path / "fake.pth"
    assert weights.fetch("classroom") == weights.find("classroom")


# ---------------------------------------------------------------- the command line


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


def test_nothing_to_verify_is_told(run):
    code, out, _ = run("verify")
    assert code == 0 and "no published weights are on this machine" in out


def test_fetch_verify_where(run, offer, own_cache):
    offer("right")
    path = own_cache / "fake.pth"
    assert run("fetch", "fake", "--quiet") == (0, f"{path}\n", "fake: Free for all.\n")
    assert run("fetch", "fake", "--quiet") == (0, f"{path}\n", "")
    assert run("verify") == run("verify", "fake") == (0, f"fake: right, {path}\n", "")
    assert run("where", "fake") == (0, f"{path}\n", "")
    code, out, _ = run("where")
    assert code == 0 and out.splitlines()[0] == str(own_cache)
    assert "/content/drive/MyDrive/w2l" in out.splitlines()[1]
    path.write_bytes(OTHER)
    code, out, err = run("verify")
    assert (code, out) == (2, "") and err.startswith(f"w2l: {path} has the size") and err.count("\n") == 1


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
