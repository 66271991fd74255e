"""Files are written whole or not at all."""

import errno
import hashlib
import os
import stat

import pytest

from w2l.base.files import atomic, hash_of
from w2l.errors import W2LError


def test_a_file_appears_when_it_is_whole(tmp_path):
    target = tmp_path / "deep" / "er" / "a.txt"
    with atomic(target) as temporary:
        temporary.write_text("whole")
        assert not target.exists()
        assert (temporary.parent, temporary.suffix) == (target.parent, ".txt")
    assert target.read_text() == "whole"
    assert list(target.parent.iterdir()) == [target]


def test_an_error_leaves_what_was_there(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(KeyError), atomic(target) as temporary:  # noqa: PT012
        temporary.write_text("half")
        raise KeyError
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_the_mode_is_that_of_an_ordinary_file(tmp_path):
    (tmp_path / "plain").touch()
    with atomic(tmp_path / "a") as temporary:
        temporary.touch()
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "a")}
    assert len(modes) == 1


def test_places_that_cannot_be_written(tmp_path):
    with pytest.raises(W2LError, match="it is a folder; give the name of a file"), atomic(tmp_path):
        pass
    (tmp_path / "file").touch()
    with pytest.raises(W2LError, match="choose a folder you may write to"), atomic(tmp_path / "file" / "a.txt"):
        pass


def test_a_full_disk_is_one_sentence_and_other_errors_are_passed_on(tmp_path):
    with pytest.raises(W2LError, match="No space left on device; free some space"), atomic(tmp_path / "a") as _:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(FileNotFoundError), atomic(tmp_path / "a") as _:
        raise FileNotFoundError(errno.ENOENT, "gone")
    assert not list(tmp_path.iterdir())


def test_hash_of_a_file_longer_than_a_block(tmp_path):
    content = bytes(range(256)) * 5000
    (tmp_path / "a").write_bytes(content)
    assert hash_of(tmp_path / "a") == hashlib.sha256(content).hexdigest()
