"""Which clips there are in a folder, who speaks in them, and which split they belong to."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from w2l.base.tables import read_list, read_table, spellings
from w2l.data.store import SPLITS
from w2l.errors import W2LError
from w2l.preprocess.settings import LAYOUTS
from w2l.talker import SPLITS as CORPUS_SPLITS
from w2l.video.files import VIDEOS, files_in

SOUND = "audio.wav"  # beside the numbered pictures of a folder that the original's preprocessing wrote
TRUTH = "opening_width_area"  # in the .json beside a clip of the synthetic corpus

_PICTURE = re.compile(r"(\d+)\.(?:jpg|jpeg|png)", re.IGNORECASE)
_LISTS = {"train": "train", "val": "validation", "test": "test", "pretrain": "train"}  # file -> split, first wins
_BESIDE = {".txt", ".csv", ".json", ".align", ".md", ".safetensors"}  # beside clips in data sets and stores
_GRID_SPEAKER = re.compile(r"(?:s|id)\d+", re.IGNORECASE)
_HELD_OUT = (("test", 0.05), ("validation", 0.05))  # of the speakers


@dataclass(frozen=True)
class Source:
    """What clips are made from: a video, or a folder of numbered pictures with their sound.

    path: in the source folder, with slashes. split: None where it is to be drawn. truth: whether a .json beside it
    gives the true mouth. fault: why it cannot be used; empty if it can, as far as is known.
    """

    path: str
    speaker: str
    split: str | None = None
    is_folder: bool = False
    truth: bool = False
    fault: str = ""

    @property
    def key(self) -> str:
        """A name for its files in the store: readable, and different for each path."""
        stem = re.sub(r"[^A-Za-z0-9]+", "_", PurePosixPath(self.path).with_suffix("").as_posix())[-40:].strip("_")
        return f"{stem}-{_hash(self.path).hexdigest()[:12]}"


def find_sources(
    folder: str | os.PathLike[str], layout: str = "auto", speakers: str | os.PathLike[str] | None = None
) -> list[Source]:
    """The clips in a folder and all folders in it, by their paths.

    layout: "folder", any clips, the speaker is the folder that they are in; "lrs2", main/ID/00001.mp4 and
    pretrain/ID/00001.mp4, the speaker is the ID, and train.txt, val.txt, test.txt and pretrain.txt (in the folder or
    its folder filelists), if they exist, choose the clips and their splits; "grid", the speaker is the folder s1, s2
    ... or, without any, the folder; "original", folders of numbered pictures with audio.wav, as the published
    preprocessing writes them, speakers and lists as in lrs2; "corpus", what `w2l corpus` wrote; "auto", one of these.
    Videos and folders of pictures are accepted in any layout. speakers: a CSV file with the columns clip (path of a
    clip, or of a folder of them) and speaker, which takes precedence over the layout's.

    Raises W2LError when the folder is missing or holds no clips, and for a wrong layout or table.
    """
    root = Path(folder)
    if layout not in LAYOUTS:
        raise W2LError(f"clips cannot be laid out as {layout!r}; choose one of {', '.join(LAYOUTS)}.")
    if not root.is_dir():
        raise W2LError(f"there is no folder {root}; give the folder that holds your clips.")
    found, closed = _walk(root)
    lists = _filelists(root)
    layout = _recognise(root, found, lists) if layout == "auto" else layout
    if layout in ("lrs2", "original"):
        sources = _listed(root, found, lists) if lists else _by(lambda path: path.parent.name or root.name, found)
    elif layout == "corpus":
        sources = [_talker(root, path) for path, is_folder in found.items() if not is_folder]
    elif layout == "grid":
        sources = _by(lambda path: _grid_speaker(root, path), found)
    else:
        sources = _by(lambda path: _folder_name(root, path), found)
    sources += closed
    if not sources:
        raise W2LError(
            f"there are no clips in {root}; give a folder with videos, or with folders of pictures and sound."
        )
    named = _read_speakers(Path(speakers)) if speakers is not None else {}
    return sorted((_named(source, named) for source in sources), key=lambda source: source.path)


def pictures(folder: Path) -> dict[int, Path]:
    """The numbered pictures of a folder, by their ascending numbers."""
    found = {int(match[1]): path for path in folder.iterdir() if (match := _PICTURE.fullmatch(path.name))}
    return dict(sorted(found.items()))


def assign_splits(sources: Iterable[Source], seed: int = 0) -> dict[str, str]:
    """The split of each speaker: the one given, or one drawn from a hash of speaker and seed.

    Of the speakers drawn, about 5 % are for testing and 5 % for validation: with three or more speakers at least one
    each, with two one for validation. Adding speakers later changes no split except for speakers moved to ensure that.
    """
    given = {source.speaker: source.split for source in sources}
    splits = {speaker: split for speaker, split in given.items() if split}
    drawn = {speaker: _draw(speaker, seed) for speaker in given if speaker not in splits}
    for speaker, number in drawn.items():
        (test, test_share), (validation, validation_share) = _HELD_OUT
        held_out = test if number < test_share else validation if number < test_share + validation_share else None
        splits[speaker] = held_out or "train"
    wanted = SPLITS[: len(given)]
    for split in wanted:
        counts = Counter(splits.values())
        spare = [speaker for speaker in drawn if splits[speaker] not in wanted or counts[splits[speaker]] > 1]
        if not counts[split] and spare:
            splits[min(spare, key=lambda speaker: (-counts[splits[speaker]], drawn[speaker]))] = split
    return splits


def _hash(text: str) -> Any:
    return hashlib.sha256(text.encode("utf8", "backslashreplace"))  # a name may hold bytes that are not UTF-8


def _draw(speaker: str, seed: int) -> float:
    """A number in [0, 1)."""
    return int.from_bytes(_hash(f"{seed}:{speaker}").digest()[:8], "big") / 2**64


def _walk(root: Path) -> tuple[dict[PurePosixPath, bool], list[Source]]:
    """Videos (False) and folders of pictures with sound (True); folders that cannot be read."""
    found: dict[PurePosixPath, bool] = {}
    closed: list[Source] = []

    def note(error: OSError) -> None:
        folder = Path(error.filename).relative_to(root).as_posix()
        closed.append(Source(folder, folder, fault=f"the folder cannot be read: {error.strerror}"))

    for where, folders, files in os.walk(root, onerror=note):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        here = PurePosixPath(Path(where).relative_to(root).as_posix())
        if SOUND in files and any(_PICTURE.fullmatch(name) for name in files):
            found[here] = True
        for name in sorted(files):
            if Path(name).suffix.lower() in VIDEOS and not name.startswith("."):
                found[here / name] = False
    return found, closed


def left_out(folder: str | os.PathLike[str]) -> list[str]:
    """The files in a folder and all folders in it that are no known kind, nor lists, tables or truths."""
    found: list[str] = []
    for where, folders, _ in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        others = files_in(where, VIDEOS)[1]
        found += [path.relative_to(folder).as_posix() for path in others if path.suffix.lower() not in _BESIDE]
    return found


def _recognise(root: Path, found: Mapping[PurePosixPath, bool], lists: Mapping[str, list[str]]) -> str:
    videos = [path for path, is_folder in found.items() if not is_folder]
    if any(_truth(root, path) for path in videos[:3]):
        return "corpus"
    if lists or any((root / name).is_dir() for name in ("main", "pretrain")):
        return "lrs2"
    if found and not videos:
        return "original"
    if any(_GRID_SPEAKER.fullmatch(part) for path in videos for part in path.parent.parts):
        return "grid"
    return "folder"


def _by(speaker: Callable[[PurePosixPath], str], found: Mapping[PurePosixPath, bool]) -> list[Source]:
    return [Source(str(path), speaker(path), is_folder=is_folder) for path, is_folder in found.items()]


def _folder_name(root: Path, path: PurePosixPath) -> str:
    """The path of the folder that it is in, which tells that folder from others of the same name."""
    return str(path.parent) if path.parent.parts else root.resolve().name


def _grid_speaker(root: Path, path: PurePosixPath) -> str:
    named = [part for part in path.parent.parts if _GRID_SPEAKER.fullmatch(part)]
    return named[-1] if named else _folder_name(root, path)


# ---------------------------------------------------------------- file lists


def _filelists(root: Path) -> dict[str, list[str]]:
    """Name of each list -> its lines. Raises W2LError when one cannot be read."""
    lists = {}
    for name in _LISTS:
        for path in (root / f"{name}.txt", root / "filelists" / f"{name}.txt"):
            if path.is_file():
                lists[name] = read_list(path)
                break
    return lists


def _listed(root: Path, found: Mapping[PurePosixPath, bool], lists: Mapping[str, list[str]]) -> list[Source]:
    """The clips of the lists, including missing ones."""
    named = {str(path if is_folder else path.with_suffix("")): (path, is_folder) for path, is_folder in found.items()}
    sources: dict[str, Source] = {}
    for name, lines in lists.items():
        for line in lines:
            stems = [stem for word in (line, line.split()[0]) for stem in _stems(root, word)]
            places = (PurePosixPath("pretrain" if name == "pretrain" else "main"), PurePosixPath())
            ways = (str(place / stem) for stem in stems for place in places)
            path, is_folder = next((named[way] for way in ways if way in named), (stems[-1], False))
            fault = "" if path in found else f"it is in {name}.txt, but not in the folder"
            source = Source(str(path), path.parent.name, _LISTS[name], is_folder, fault=fault)
            sources.setdefault(source.path, source)
    return list(sources.values())


def _stems(root: Path, word: str) -> Iterator[PurePosixPath]:
    """What a word of a list may call a clip, without a video's suffix; the likeliest last."""
    for spelled in spellings(word):
        path = PurePosixPath(spelled)
        if path.is_absolute() and path.is_relative_to(root.resolve().as_posix()):
            path = path.relative_to(root.resolve().as_posix())
        yield path.with_suffix("") if path.suffix.lower() in VIDEOS else path


# ---------------------------------------------------------------- the synthetic corpus


def _truth(root: Path, path: PurePosixPath) -> dict[str, Any] | None:
    """The content of the .json beside a clip; None if there is none, or it is not the synthetic talker's."""
    try:
        facts = json.loads((root / path.with_suffix(".json")).read_text(encoding="utf8"))
        return facts if isinstance(facts, dict) and TRUTH in facts and facts["split"] in CORPUS_SPLITS else None
    except (OSError, ValueError, KeyError):
        return None


def _talker(root: Path, path: PurePosixPath) -> Source:
    facts = _truth(root, path)
    if facts is None:
        return Source(str(path), _folder_name(root, path), fault="its truth (.json beside it) is missing or damaged")
    speaker = f"{facts['split']}-{facts['speaker']:05d}-seed{facts['seed']}"
    return Source(str(path), speaker, facts["split"], truth=True)


# ---------------------------------------------------------------- a table of speakers


def _read_speakers(path: Path) -> dict[str, str]:
    rows = read_table(path, ("clip", "speaker"), "names no speakers")
    return {
        str(PurePosixPath(spelled)): row.get("speaker", "")
        for row in rows
        for spelled in spellings(row.get("clip", ""))
    }


def _named(source: Source, named: Mapping[str, str]) -> Source:
    """The source with the speaker that the table gives for the clip, or else for its innermost folder listed there."""
    path = PurePosixPath(source.path)
    for place in (path, *path.parents):
        if speaker := named.get(str(place)):
            return replace(source, speaker=speaker)
    return source
