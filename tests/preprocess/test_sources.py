"""Which clips there are in a folder of each layout, their speakers and splits."""

from __future__ import annotations

import os
import sys

import pytest
from helpers.stores import touch

from w2l.data import store
from w2l.errors import W2LError
from w2l.preprocess.sources import Source, assign_splits, find_sources, left_out


def listed(root, *arguments):
    return [(one.path, one.speaker, one.split) for one in find_sources(root, *arguments)]


def test_any_folder(tmp_path):
    touch(tmp_path, "x.MP4", "ann/one.mov", "ann/deep/two.webm", "notes.txt", ".git/a.mp4", "ann/.b.mp4")
    assert listed(tmp_path) == [
        ("ann/deep/two.webm", "ann/deep", None),
        ("ann/one.mov", "ann", None),
        ("x.MP4", tmp_path.name, None),
    ]
    (tmp_path / "who.csv").write_text("clip,speaker\nann,Ann\nx.MP4,Xavier\n", encoding="utf8")
    assert [speaker for _, speaker, _ in listed(tmp_path, "auto", tmp_path / "who.csv")] == ["Ann", "Ann", "Xavier"]


def test_lrs2_and_its_lists(tmp_path):
    touch(tmp_path, *(f"main/{i}/0000{j}.mp4" for i in (51, 52, 53) for j in (1, 2)), "pretrain/51/00001.mp4")
    assert ("main/52/00001.mp4", "52", None) in listed(tmp_path) and len(listed(tmp_path)) == 7
    (tmp_path / "train.txt").write_text("51/00001\n52/00002 NF MV\n")
    (tmp_path / "val.txt").write_text("53/00001 1.2\n53/00009\n")
    (tmp_path / "pretrain.txt").write_text("51/00001\n")
    assert listed(tmp_path) == [
        ("53/00009", "53", "validation"),
        ("main/51/00001.mp4", "51", "train"),
        ("main/52/00002.mp4", "52", "train"),
        ("main/53/00001.mp4", "53", "validation"),
        ("pretrain/51/00001.mp4", "51", "train"),
    ]
    assert "val.txt" in find_sources(tmp_path)[0].fault


def test_grid(tmp_path):
    touch(tmp_path, "s1/bbaf2n.mpg", "s2/video/mpg_6000/swiz3n.mpg")
    assert [speaker for _, speaker, _ in listed(tmp_path)] == ["s1", "s2"]
    assert [speaker for _, speaker, _ in listed(tmp_path / "s1")] == ["s1"]


def test_the_originals_folders(tmp_path):
    touch(tmp_path, *(f"51/{i}/{name}" for i in "12" for name in ("0.jpg", "1.jpg", "audio.wav")), "51/3/0.jpg")
    assert listed(tmp_path) == [("51/1", "51", None), ("51/2", "51", None)]
    (tmp_path / "filelists").mkdir()
    (tmp_path / "filelists/test.txt").write_text("51/2\n")
    assert listed(tmp_path) == [("51/2", "51", "test")]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("in", "lrs9"), "laid out as 'lrs9'; choose one of auto"),
        (("none",), "there is no folder"),
        (("in",), "there are no clips in"),
        (("full", "auto", "full/a.mp4"), "names no speakers"),
        (("full", "auto", "full/none.csv"), "cannot be read as a table"),
    ],
)
def test_sources_that_cannot_be_listed(tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    touch(tmp_path, "in/readme.txt", "full/a.mp4")
    with pytest.raises(W2LError, match=said):
        find_sources(*arguments)


def test_keys_are_readable_and_differ():
    paths = ["s1/a b.mp4", "s1/a_b.mp4", "s1/a b.mov", "S1/a b.mp4", "x" * 300 + "/a b.mp4", "嘴/唇.mp4"]
    keys = [Source(path, "").key for path in paths]
    assert len({key.lower() for key in keys}) == len(keys) and all(len(key) < 60 and key.isascii() for key in keys)
    assert keys[0].startswith("s1_a_b-")


def test_splits_are_by_speaker():
    def splits(count, seed=0, given=()):
        return assign_splits([*(Source(f"{i}.mp4", f"s{i}") for i in range(count)), *given], seed)

    for seed in range(40):
        assert set(splits(1, seed).values()) == {"train"}
        assert set(splits(2, seed).values()) == {"train", "validation"}
        assert set(splits(3, seed).values()) == set(splits(5, seed).values()) == set(store.SPLITS)
    many, more = splits(2000), splits(2100)
    assert all(60 < list(many.values()).count(split) < 140 for split in ("validation", "test"))
    assert all(more[speaker] == split for speaker, split in many.items())
    assert splits(2000, seed=1) != many
    assert splits(3, given=[Source("x.mp4", "x", "test")])["x"] == "test"


@pytest.mark.parametrize("encoding", ["utf8", "utf-8-sig", "utf-16"])
def test_lists_written_on_other_systems(tmp_path, encoding):
    touch(tmp_path, "main/51/00001.mp4", "main/52/00002.mp4", "main/53/0 3.mp4", "main/54/00004.mp4")
    lines = ["# clips", "51\\00001", "", "/52/00002.mp4 NF", "53/0 3", str(tmp_path / "main" / "54" / "00004.mp4")]
    (tmp_path / "train.txt").write_bytes("\r\n".join(lines).encode(encoding))
    assert listed(tmp_path) == [
        ("main/51/00001.mp4", "51", "train"),
        ("main/52/00002.mp4", "52", "train"),
        ("main/53/0 3.mp4", "53", "train"),
        ("main/54/00004.mp4", "54", "train"),
    ]


def test_a_table_of_speakers_from_a_spreadsheet(tmp_path):
    touch(tmp_path / "in", "a/1.mp4", "b/2.mp4")
    (tmp_path / "who.csv").write_bytes('sep=;\r\n Clip ;"Speaker"\r\na\\1.mp4;Ann\r\n/b;Ben\r\n'.encode("utf-16"))
    assert [speaker for _, speaker, _ in listed(tmp_path / "in", "auto", tmp_path / "who.csv")] == ["Ann", "Ben"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems allow no such names")
def test_a_name_that_is_not_utf_8(tmp_path):
    name = os.fsdecode(b"caf\xe9")
    touch(tmp_path, f"{name}/{name}.mp4", "b/2.mp4")
    found = find_sources(tmp_path)
    assert [one.path for one in found] == ["b/2.mp4", f"{name}/{name}.mp4"]
    assert found[1].key.isascii()


def test_what_is_left_out_is_known(tmp_path):
    touch(
        tmp_path,
        "a/1.mts",
        "a/1.txt",
        "a/1.xyz",
        "a/notes.doc",
        ".git/x.y",
        "b/2.braw",
        "b/list.txt",
        "b/3.wav",
        "s/clips/x.safetensors",
    )
    assert [path for path, _, _ in listed(tmp_path)] == ["a/1.mts"]
    assert left_out(tmp_path) == ["a/notes.doc", "b/2.braw"]


def test_a_folder_that_cannot_be_read_is_told(tmp_path, monkeypatch):
    touch(tmp_path, "a/1.mp4", "b/2.mp4")
    scan = os.scandir

    def closed(place):
        if os.path.basename(os.fspath(place)) == "b":
            raise PermissionError(13, "Permission denied", os.fspath(place))
        return scan(place)

    monkeypatch.setattr(os, "scandir", closed)
    assert [(one.path, one.fault) for one in find_sources(tmp_path)] == [
        ("a/1.mp4", ""),
        ("b", "the folder cannot be read: Permission denied"),
    ]
