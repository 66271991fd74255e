"""Lists and tables in the forms in which users save them."""

import os

import pytest

from w2l.base.tables import named, read_list, read_table
from w2l.errors import W2LError

_ROWS = [{"face": "a.mp4", "audio": "嘴.wav", "row": "2"}, {"face": "b.mp4", "audio": "c.wav", "row": "3"}]


@pytest.mark.parametrize(
    "text",
    [
        "face,audio\na.mp4,嘴.wav\nb.mp4,c.wav\n",
        "face;audio\r\na.mp4;嘴.wav\r\nb.mp4;c.wav\r\n",
        "face\taudio\ra.mp4\t嘴.wav\rb.mp4\tc.wav",
        "face|audio\na.mp4 | 嘴.wav\nb.mp4|c.wav\n||\n\n",
        ' "Face" ; AUDIO \n"a.mp4"; 嘴.wav\n b.mp4 ;"c.wav"\n',
        "'face', 'audio'\na.mp4,嘴.wav\nb.mp4,c.wav\n,\n",
    ],
)
@pytest.mark.parametrize("encoding", ["utf8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_tables_of_all_kinds(tmp_path, text, encoding):
    (tmp_path / "t.csv").write_bytes(text.encode(encoding))
    rows = read_table(tmp_path / "t.csv", ("face", "audio"), "holds no jobs")
    assert [{key: row[key] for key in ("face", "audio", "row")} for row in rows][:2] == _ROWS


def test_excel_and_long_cells(tmp_path):
    (tmp_path / "t.csv").write_text('\nsep=;\nface;note;audio\na;"two\nlines";b\n;;\nc;;d;more\n')
    assert read_table(tmp_path / "t.csv", ("face", "audio"), "holds no jobs") == [
        {"face": "a", "note": "two\nlines", "audio": "b", "row": "5"},
        {"face": "c", "note": "", "audio": "d", "row": "7"},
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no jobs; give a CSV file whose first row names the columns face, audio"),
        ("Face;Sound\na;b\n", "its first row is 'face', 'sound', without audio; it must name the columns face, audio"),
        ("face,audio\n , \n", "nothing follows its first row"),
        (b"face,audio\n\xff,b\n", "cannot be read as a table .* give a CSV file in UTF-8"),
    ],
)
def test_tables_that_are_none(tmp_path, text, said):
    (tmp_path / "t.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(W2LError, match=said):
        read_table(tmp_path / "t.csv", ("face", "audio"), "holds no jobs")


@pytest.mark.parametrize("encoding", ["utf8", "utf-8-sig", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lists_of_all_kinds(tmp_path, encoding, end):
    text = end.join(["# clips", "a/1", "", " b\\嘴.mp4 NF ", "#c", "/d/e"])
    (tmp_path / "l.txt").write_bytes(text.encode(encoding))
    assert read_list(tmp_path / "l.txt") == ["a/1", "b\\嘴.mp4 NF", "/d/e"]


def test_names_that_are_not_utf_8_keep_their_bytes(tmp_path):
    (tmp_path / "l.txt").write_bytes(b"caf\xe9/1\n")
    assert [os.fsencode(name) for name in read_list(tmp_path / "l.txt")] == [b"caf\xe9/1"]


def test_names_from_other_systems(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.mp4").touch()
    for name in ("a/b.mp4", "a\\b.mp4", "/a/b.mp4", "\\a\\b.mp4", str(tmp_path / "a" / "b.mp4")):
        assert named(tmp_path, name) == tmp_path / "a" / "b.mp4"
    assert named(tmp_path, "a\\none.mp4") == tmp_path / "a\\none.mp4"
