"""Fetching and checking published weights: remembered checks, mirrors of the user's own, licences."""

import os

import pytest
from helpers.places import SHARED
from helpers.servers import CONTENT, OTHER, get, page, whole

from w2l import weights
from w2l.base import paths
from w2l.errors import W2LError
from w2l.weights import acquire
from w2l.weights.registry import Licence

pytestmark = pytest.mark.usefixtures("own_cache")


def test_the_bundled_detector_is_the_published_file():
    bundled = paths.data() / "detector" / weights.REGISTRY["yunet"].file
    assert weights.verify("yunet") == weights.fetch("yunet") == weights.find("yunet") == bundled


def test_the_detector_published_before_is_the_file_we_have(monkeypatch):
    if not (SHARED / "models").is_dir():
        pytest.skip("no shared models here")
    monkeypatch.setenv("W2L_WEIGHTS", str(SHARED / "models"))
    name = "yunet_2023mar"
    assert weights.verify(name) == weights.locate(name) == SHARED / "models" / weights.REGISTRY[name].file


# ---------------------------------------------------------------- verified, and remembered


def test_a_verified_file_is_not_read_again_until_it_changes(own_cache, offer, server, monkeypatch):
    offer("right")
    path = get()
    monkeypatch.setattr(acquire, "hash_of", lambda _: pytest.fail("read again"))
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
    with pytest.raises(W2LError, match="different content"):
        weights.verify("fake")
    assert get() == path and len(server.notes) == 3
    (own_cache / "verified.json").write_text("[broken")
    assert weights.verify("fake") == get() == path


def test_a_wrong_file_in_a_folder_of_the_user_is_left_to_the_user(tmp_path, monkeypatch, offer, server):
    offer("right")
    monkeypatch.setenv("W2L_WEIGHTS", str(tmp_path))
    (tmp_path / "fake.pth").write_bytes(OTHER)
    with pytest.raises(W2LError, match=r"different content .* delete it"):
        get()
    assert not server.notes and (tmp_path / "fake.pth").read_bytes() == OTHER


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
