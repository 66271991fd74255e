"""Tests of the lists of suffixes, and of the first bytes of files."""

from __future__ import annotations

import itertools

import pytest
from helpers.clips import write_clip

from w2l.errors import W2LError
from w2l.video.files import ANIMATIONS, PICTURES, SOUNDS, VIDEOS, open_container, read_head


def test_no_suffix_is_in_two_lists():
    lists = (VIDEOS, ANIMATIONS, PICTURES, SOUNDS)
    assert all(suffix.startswith(".") and suffix.islower() for suffix in itertools.chain(*lists))
    assert all(not set(one) & set(other) for one, other in itertools.combinations(lists, 2))


def test_the_first_bytes_of_a_file(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(bytes(range(256)) * 300)
    assert read_head(path, "a clip") == path.read_bytes()[:65536]
    path.write_bytes("text, cut in its last lett\u00e9".encode()[:-1])
    for content, words in ((path.read_bytes(), "is a text file, not a clip"), (b"", r"is empty \(0 bytes\)")):
        path.write_bytes(content)
        with pytest.raises(W2LError, match=words):
            read_head(path, "a clip")
    with pytest.raises(W2LError, match="cannot be read: No such file"):
        read_head(tmp_path / "none", "a clip")


def test_a_file_is_opened_by_its_literal_name(tmp_path):
    path = write_clip(tmp_path / "50%03d: concat|a?.mp4", n=2)
    with open_container(path) as container:
        assert len(container.streams.video) == 1
