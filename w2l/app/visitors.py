"""Visitors of the page: each has a folder, owns what was uploaded, and is asked for consent once."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from w2l.base import paths

_KEY_BYTES = 16


@dataclass
class Visitor:
    """One browser. key: what its cookie says; folder: where its results are; uploads: the files it has sent."""

    key: str
    folder: Path
    uploads: set[str] = field(default_factory=set)
    agreed: bool = False  # to the words about consent
    seen: float = field(default_factory=time.time)  # when it last asked for something

    @property
    def name(self) -> str:
        """What the log calls it; the cookie cannot be told from it."""
        return self.folder.name

    def owns(self, path: str) -> bool:
        """Whether the file is one that this visitor has sent."""
        return os.path.realpath(path) in self.uploads

    def result(self, name: str) -> Path | None:
        """A file in the visitor's folder by its path below it, None if there is none."""
        path = Path(os.path.realpath(self.folder / name))
        return path if path.is_relative_to(os.path.realpath(self.folder)) and path.is_file() else None

    def new_folder(self) -> Path:
        """An empty folder for the files of one dub."""
        made = self.folder / secrets.token_hex(4)
        made.mkdir(parents=True)
        return made


class Visitors:
    """All visitors, and their files: what is older than `kept` seconds is removed.

    root: a folder of the page's own; `uploads` in it takes what is sent, `public` what everyone may see.
    """

    def __init__(self, root: Path, kept: float) -> None:
        self.root, self.uploads, self.public = root, root / "uploads", root / "public"
        self._kept, self._lock = kept, threading.Lock()
        self._known: dict[str, Visitor] = {}
        self._owners: dict[str, Visitor] = {}  # of sessions: one for each page that is open in a browser
        for folder in (self.uploads, self.public, root / "visitors"):
            folder.mkdir(parents=True, exist_ok=True)

    def of(self, key: str | None) -> Visitor:
        """The visitor with this key; a new one when it is unknown."""
        with self._lock:
            if key is not None and key in self._known:
                self._known[key].seen = time.time()
                return self._known[key]
            key = secrets.token_urlsafe(_KEY_BYTES)
            folder = self.root / "visitors" / secrets.token_hex(_KEY_BYTES)
            folder.mkdir()
            return self._known.setdefault(key, Visitor(key, folder))

    def knows(self, key: str | None) -> bool:
        """Whether there is a visitor with this key."""
        return key in self._known

    def owner(self, session: str, asking: Visitor) -> Visitor:
        """Whose session it is: that of the visitor who named it first."""
        with self._lock:
            return self._owners.setdefault(session, asking)

    def sweep(self) -> None:
        """Removes old files, the folders that are empty without them, and visitors who have gone."""
        oldest = time.time() - self._kept
        for place in (self.uploads, self.root / "visitors"):
            for folder, _, names in os.walk(place, topdown=False):
                for name in names:
                    with suppress(OSError):
                        path = os.path.join(folder, name)
                        if os.stat(path).st_mtime < oldest:
                            os.unlink(path)
                if Path(folder).parent not in (self.root, self.root / "visitors"):
                    with suppress(OSError):
                        os.rmdir(folder)  # if nothing is left in it
        with self._lock:
            for visitor in [v for v in self._known.values() if v.seen < oldest and not any(v.folder.iterdir())]:
                visitor.folder.rmdir()
                del self._known[visitor.key]
            self._owners = {session: v for session, v in self._owners.items() if v.key in self._known}
            for visitor in self._known.values():
                visitor.uploads = {path for path in visitor.uploads if os.path.exists(path)}

    def clear(self) -> None:
        """Removes everything."""
        shutil.rmtree(self.root, ignore_errors=True)


def log_file() -> Path:
    """Where it is kept who agreed to what, and when: lines of JSON."""
    return paths.cache() / "app" / "log.jsonl"


def note(**said: Any) -> None:
    """Appends a line with the time to the log."""
    path = log_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    line = json.dumps({"time": time.strftime("%Y-%m-%dT%H:%M:%S%z"), **said}, ensure_ascii=False)
    with path.open("a", encoding="utf8") as file:
        file.write(line + "\n")
