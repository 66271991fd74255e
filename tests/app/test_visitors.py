import json
import os
import time

from w2l.app import visitors
from w2l.app.visitors import Visitors


def test_old_files_go_and_new_ones_stay(tmp_path):
    known = Visitors(tmp_path / "root", 3600)
    ann, ben = known.of(None), known.of(None)
    old, new = ann.new_folder() / "old.mp4", ben.new_folder() / "new.mp4"
    sent = known.uploads / "aa" / "face.png"
    shown = known.public / "nobody.png"
    for path in (old, new, sent, shown):
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    ann.uploads.add(str(sent))
    hour_ago = time.time() - 3601
    for path in (old, sent, shown):
        os.utime(path, (hour_ago, hour_ago))
    known.sweep()
    assert [path.exists() for path in (old, old.parent, sent, sent.parent, new, shown)] == [False] * 4 + [True] * 2
    assert ann.uploads == set()
    assert known.of(ann.key) is ann and ann.folder.is_dir()


def test_who_has_gone_is_forgotten(tmp_path):
    known = Visitors(tmp_path / "root", 3600)
    ann, ben = known.of(None), known.of(None)
    assert known.owner("session", ann) is ann
    ann.seen -= 3601
    known.sweep()
    assert (known.knows(ann.key), known.knows(ben.key)) == (False, True)
    assert known.owner("session", ben) is ben
    assert not ann.folder.exists()


def test_results_are_only_those_in_the_visitor_s_folder(tmp_path):
    known = Visitors(tmp_path / "root", 3600)
    ann, ben = known.of(None), known.of(None)
    film = ann.new_folder() / "film.mp4"
    film.write_text("x")
    (ann.folder / "link.mp4").symlink_to("/etc/passwd")
    name = f"{film.parent.name}/film.mp4"
    assert ann.result(name) == film
    assert ben.result(name) is None
    for path in ("", ".", "/etc/passwd", f"../{ben.folder.name}", "link.mp4", str(film.parent)):
        assert ann.result(path) is None, path
    assert ben.result(f"../{ann.folder.name}/{name}") is None


def test_the_log_grows_by_lines(tmp_path, monkeypatch):
    monkeypatch.setenv("W2L_CACHE", str(tmp_path))
    visitors.note(what="consent", words="我同意")
    visitors.note(what="dub")
    lines = [json.loads(line) for line in (tmp_path / "app" / "log.jsonl").read_text("utf8").splitlines()]
    assert [line["what"] for line in lines] == ["consent", "dub"]
    assert lines[0]["words"] == "我同意" and lines[0]["time"][:2] == "20"
