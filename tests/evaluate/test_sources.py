"""Which clips are measured: published lists, folders and what is wrong with them."""

from __future__ import annotations

import pytest

from w2l.errors import W2LError
from w2l.evaluate import sources


def test_published_lists_are_read(tmp_path):
    """Names with and without suffix, line i generated as i.mp4, and what is missing told line by line."""
    for name in ("a/1.mp4", "a/2.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"video")
    made = tmp_path / "made"
    made.mkdir()
    for number in range(2):
        (made / f"{number}.mp4").write_bytes(b"video")
    listed = tmp_path / "list.txt"
    listed.write_text("a/1 a/2\n\na/2.mp4 a/2\na/1 a/3\na/2 a/1\n")
    same, own, lost, undone = sources.read_filelist(listed, tmp_path, made)
    assert (same.real, same.speech, same.same_speech) == (tmp_path / "a/2.mp4", tmp_path / "a/1.mp4", False)
    assert own.same_speech and own.generated == made / "1.mp4" and not own.fault
    assert "a/3.mp4 is missing" in lost.fault or "2.mp4 is missing" in lost.fault
    assert "3.mp4 is missing" in undone.fault
    turned = sources.read_filelist(listed, tmp_path, made, "video audio")[0]
    assert (turned.real, turned.speech) == (same.speech, same.real)
    listed.write_text("a/1 a/2 a/3\n")
    with pytest.raises(W2LError, match="line 1"):
        sources.read_filelist(listed, tmp_path, made)
    listed.write_text("\n")
    with pytest.raises(W2LError, match="names no clips"):
        sources.read_filelist(listed, tmp_path, made)
    with pytest.raises(W2LError, match="cannot be read as a list"):
        sources.read_filelist(tmp_path / "none.txt", tmp_path, made)
    with pytest.raises(W2LError, match="order"):
        sources.read_filelist(listed, tmp_path, made, "sound picture")


def test_folders_without_clips_are_refused(tmp_path):
    with pytest.raises(W2LError, match="no clips in"):
        sources.expand([tmp_path])
    with pytest.raises(W2LError, match="no folder"):
        sources.pair_folders(tmp_path / "nowhere", tmp_path)
    assert sources.expand([tmp_path / "missing.mp4"]) == [tmp_path / "missing.mp4"]


@pytest.mark.parametrize("encoding", ["utf8", "utf-8-sig", "utf-16"])
def test_lists_written_on_other_systems(tmp_path, encoding):
    for name in ("a/1.mp4", "a/2.mp4", "made/0.mp4", "made/1.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"video")
    (tmp_path / "list.txt").write_bytes("# pairs\r\na\\1 /a/2\r\n\r\n/a/2.mp4\ta\\1.mp4\r\n".encode(encoding))
    first, second = sources.read_filelist(tmp_path / "list.txt", tmp_path, tmp_path / "made")
    assert (first.speech, first.real, first.fault) == (tmp_path / "a/1.mp4", tmp_path / "a/2.mp4", "")
    assert (second.speech, second.real, second.fault) == (tmp_path / "a/2.mp4", tmp_path / "a/1.mp4", "")


def test_every_clip_of_a_folder_is_measured_and_the_rest_told(tmp_path):
    for name in ("a.mp4", "a.mov", "b.m2ts", "a.json", "notes.doc", "._a.mp4"):
        (tmp_path / name).touch()
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "gone.mp4").symlink_to(tmp_path / "nowhere.mp4")
    told = []
    found = sources.expand([tmp_path], told.append)
    assert [path.name for path in found] == ["a.mov", "a.mp4", "b.m2ts", "gone.mp4"]
    assert told == [[tmp_path / "notes.doc"]]
