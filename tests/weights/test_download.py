"""Downloads, against servers of every kind: resumed, checked, from one mirror after another, and from Google Drive."""

import errno
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

import gdown
import pytest
from filelock import FileLock
from helpers.places import ROOT
from helpers.servers import BAD, CONTENT, OTHER, SHA, get, left, page, whole, wrong_range

from w2l import weights
from w2l.errors import W2LError
from w2l.weights import download, resolve

pytestmark = pytest.mark.usefixtures("own_cache")

CHILD = f"""
import sys
from w2l import weights
from w2l.weights.registry import Entry, Licence
entry = Entry("fake", "fake.pth", {len(CONTENT)}, "{SHA}", Licence("MIT", "Free."), "a test", (sys.argv[1],))
weights.REGISTRY["fake"] = entry
print(weights.fetch("fake"))
"""


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
    assert sum(note["sent"] for note in server.notes) < len(CONTENT) + 2 * download._PIECE, "bytes were fetched twice"


def test_a_line_that_breaks_often_but_brings_much_is_worth_its_tries(offer, server, monkeypatch):
    server.answers["dying"] = whole(limit=70_000)
    offer("dying")
    with pytest.raises(W2LError, match="the connection broke after"):
        get()
    resolve.fetched().joinpath("fake.pth.part").unlink()
    server.notes.clear()
    monkeypatch.setattr(download, "_ENOUGH", 50_000)
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
    monkeypatch.setattr(download, "TIMEOUTS", (10.0, 0.7))
    monkeypatch.setattr(download, "PAUSES", (0.0,))
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
    monkeypatch.setattr(download, "TIMEOUTS", (10.0, 1.0))

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
    with pytest.raises(W2LError, match="odd: the server sent a different range from the one requested\n"):
        get()
    offer("odd", "right")
    assert get().read_bytes() == CONTENT


def test_a_file_that_changed_meanwhile_is_fetched_anew(own_cache, offer, server, monkeypatch):
    server.answers["old"] = whole(OTHER, tag='"1"', limit=200_000)
    offer("old")
    monkeypatch.setattr(download, "PAUSES", ())
    with pytest.raises(W2LError):
        get()
    assert left(own_cache) == ["fake.pth.part", "fake.pth.part.etag"]
    server.answers["old"] = whole(tag='"2"')
    assert get().read_bytes() == CONTENT
    assert [note["if_range"] for note in server.notes] == [None, '"1"']
    assert left(own_cache) == ["fake.pth"]


def test_only_a_strong_tag_of_the_same_address_is_sent(own_cache, offer, server, monkeypatch):
    monkeypatch.setattr(download, "PAUSES", ())
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
    append, pieces = download._append, []

    def interrupted(job, piece, have):
        if len(pieces) == 2:
            raise KeyboardInterrupt
        pieces.append(len(piece))
        return append(job, piece, have)

    offer("right")
    monkeypatch.setattr(download, "_append", interrupted)
    with pytest.raises(KeyboardInterrupt):
        get()
    assert left(own_cache) == ["fake.pth.part"]
    monkeypatch.setattr(download, "_append", append)
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
    for place, name, fake in ((shutil, "disk_usage", lambda _: usage), (download, "_append", refuse)):
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


# ---------------------------------------------------------------- Google Drive, by gdown


REAL = gdown.download


def by_gdown_5(server):
    """The real gdown, with the parameters that version 5 has and the loopback server for Google Drive."""

    def fake(url=None, output=None, quiet=False, use_cookies=True, id=None, resume=False):
        return REAL(url=f"{server.url}/{id}", output=output, quiet=quiet, use_cookies=use_cookies, resume=resume)

    return fake


def by_gdown_6(server):
    def fake(url=None, output=None, quiet=False, use_cookies=True, id=None, resume=False, timeout=None, retries=0):
        assert timeout == download.TIMEOUTS and retries == 3
        return by_gdown_5(server)(None, output, quiet, use_cookies, id, resume)

    return fake


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
