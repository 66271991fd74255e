"""Files are written whole or not at all."""

import errno
import hashlib
import json
import os
import stat

import pytest

from w2l.base.files import atomic, check_output, fitting, hash_of, keeping, write_text
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


def _names_of(original, folder):
    """The same file under other names: relative, through a symbolic link, a hard link, a linked folder."""
    (folder / "soft").symlink_to(original)
    os.link(original, folder / "hard")
    (folder / "same").symlink_to(original.parent, target_is_directory=True)
    around = original.parent / ".." / original.parent.name / original.name
    return [original, str(original), around, folder / "soft", folder / "hard", folder / "same" / original.name]


@pytest.mark.skipif(os.name != "posix", reason="making links needs rights on Windows")
def test_an_input_is_never_overwritten_whatever_its_name_is(tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()
    original = tmp_path / "in" / "mine.png"
    original.write_bytes(b"mine")
    monkeypatch.chdir(tmp_path / "in")
    names = [*_names_of(original, tmp_path), "mine.png"]
    for known in names:
        with keeping("absent.png", known):
            for name in names:
                with pytest.raises(W2LError, match="is both input and output; give the result another name"):
                    check_output(name)
                with pytest.raises(W2LError, match="is both input and output"), atomic(name):
                    pytest.fail("the block ran")
    assert original.read_bytes() == b"mine"
    with atomic(original) as temporary:  # no longer an input
        temporary.write_bytes(b"new")
    assert original.read_bytes() == b"new"


def test_an_input_of_two_at_once_is_kept_until_the_last_has_ended(tmp_path):
    (tmp_path / "a").touch()
    with keeping(tmp_path / "a"):
        with keeping(tmp_path / "a"):
            pass
        with pytest.raises(W2LError, match="both input and output"):
            check_output(tmp_path / "a")


@pytest.mark.skipif(os.name != "posix", reason="making links needs rights on Windows")
def test_a_symbolic_link_is_written_through(tmp_path):
    real = tmp_path / "disk" / "deep" / "real.txt"
    link = tmp_path / "link.txt"
    link.symlink_to(real)  # leads nowhere yet
    for text in ("first", "second"):
        with atomic(link) as temporary:
            assert (temporary.parent, temporary.suffix) == (real.parent, ".txt")
            temporary.write_text(text)
        assert link.is_symlink()
        assert real.read_text() == text
    assert list(real.parent.iterdir()) == [real]
    (tmp_path / "later").symlink_to(tmp_path / "other", target_is_directory=True)
    write_text(tmp_path / "later" / "a.txt", "in a folder that a link names")
    assert (tmp_path / "other" / "a.txt").is_file()


@pytest.mark.skipif(os.name != "posix", reason="making links needs rights on Windows")
def test_links_that_lead_to_no_file(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(W2LError, match="links lead in a circle"), atomic(tmp_path / "a"):
        pass
    (tmp_path / "folder").symlink_to(tmp_path, target_is_directory=True)
    with pytest.raises(W2LError, match="it is a folder"), atomic(tmp_path / "folder"):
        pass
    (tmp_path / "null").symlink_to(os.devnull)
    with pytest.raises(W2LError, match="a device or a pipe"), atomic(tmp_path / "null"):
        pass
    with pytest.raises(W2LError, match=r"null (byte|character).*choose another name"), atomic("a\0b"):
        pass


@pytest.mark.skipif(os.name != "posix", reason="bytes are the limit on POSIX systems")
def test_a_name_may_be_as_long_as_the_file_system_allows(tmp_path):
    longest = tmp_path / ("嘴" * 83 + "aa.mp4")  # 255 bytes
    with atomic(longest) as temporary:
        assert temporary.suffix == ".mp4"
        temporary.write_bytes(b"whole")
    assert [path.name for path in tmp_path.iterdir()] == [longest.name]
    with pytest.raises(W2LError, match="File name too long; choose a shorter name"), atomic(tmp_path / ("a" * 256)):
        pass
    with pytest.raises(W2LError, match="File name too long; choose a shorter name"):
        check_output(tmp_path / ("a" * 256))


@pytest.mark.skipif(os.name != "posix", reason="bytes are the limit on POSIX systems")
def test_names_made_of_long_names_are_shortened_and_stay_different(tmp_path):
    assert fitting(tmp_path / "short.mp4") == tmp_path / "short.mp4"
    names = [fitting(tmp_path / "new" / f"{'嘴' * 80}-{'音' * 20}{i}.mp4") for i in range(2)]
    assert names[0] != names[1]
    for path in names:
        assert 245 < len(os.fsencode(path.name)) <= 255
        assert path.name.startswith("嘴" * 80) and path.suffix == ".mp4"
        path.name.encode("utf8")  # no half characters
        write_text(path, "")


def test_text_with_a_name_that_is_not_utf_8(tmp_path):
    name = os.fsdecode(b"caf\xe9")
    assert write_text(tmp_path / "a.json", f'"{name} 嘴"\r\n') == tmp_path / "a.json"
    assert (tmp_path / "a.json").read_bytes() == b'"caf\\udce9 \xe5\x98\xb4"\r\n'
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf8")) == f"{name} 嘴"
