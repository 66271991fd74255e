"""The clip store: a folder with one memory-mapped file for each clip, and an index with the files' checksums.

    STORE/index.json           its clips, see `ClipEntry`; written last, so a folder without it is unfinished
    STORE/clips/*.safetensors  crops, mel and, for talker clips, the truth
    STORE/outcomes/*.json      the outcome of each source, so that an unfinished store can be resumed
    STORE/report.json, .csv    what was kept, what was dropped, and why

Crops of 96 pixels are stored uncompressed, 27.6 kB a frame: 2.5 GB for an hour of clips. JPEG would take a tenth of
that, and most of a core to decode; reading a window from here only copies memory. Larger ones, whose training steps
take longer, are stored as JPEGs (`packed`): 1 GB for an hour at 192 pixels.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, overload

import numpy as np

from w2l.audio import TRAINING_FPS
from w2l.base.files import atomic, hash_of
from w2l.data.clip import Clip
from w2l.data.packed import PackedFrames
from w2l.errors import W2LError
from w2l.faces.crop import CROP_SIZE

SPLITS = ("train", "validation", "test")
INDEX, CLIPS, OUTCOMES = "index.json", "clips", "outcomes"

_FORMAT = 1
_OPEN = 256  # clips of a split that are mapped at a time: each keeps a file open, and a process may open about 1000
_ALIGNED = 64  # bytes of which the header's length is a multiple
_TYPES: dict[str, np.dtype[Any]] = {"U8": np.dtype("u1"), "F32": np.dtype("<f4"), "I64": np.dtype("<i8")}


@dataclass(frozen=True)
class ClipEntry:
    """A clip in the index.

    file: its path in the store. bytes, sha256: of that file. frames: how many, at 25 a second. speaker: who speaks.
    split: one of SPLITS; no speaker is in two, unless file lists say so. source: path of what it was made from. start:
    the frame of the source (at 25 a second) that is its first. offset: frames by which the sound was late, and
    confidence: how sure that is; both None where no expert was used. shift: frames by which the sound has been moved
    earlier; 0 where the expert was unsure.
    """

    file: str
    bytes: int
    sha256: str
    frames: int
    speaker: str
    split: str
    source: str
    start: int
    offset: int | None
    confidence: float | None
    shift: int


def write_clip(path: str | os.PathLike[str], clip: Clip) -> tuple[int, str]:
    """Writes a clip, whole or not at all; returns the file's size in bytes and its sha256.

    The file is in safetensors format, and the same clip always gives the same bytes. Raises W2LError when it cannot be
    written or the disk is full.
    """
    packed = clip.frames if isinstance(clip.frames, PackedFrames) else None
    arrays = {} if packed is None else {"ends": packed.ends.astype("<i8")}
    arrays["mel"] = clip.mel.astype("<f4")
    if clip.truth is not None:
        arrays["truth"] = clip.truth.astype("<f4")
    # last, so that the arrays before them stay aligned
    arrays |= {"frames": clip.frames[:]} if packed is None else {"jpegs": packed.jpegs}
    facts = {"format": f"w2l clip {_FORMAT}"} | ({} if packed is None else {"size": str(packed.size)})
    header: dict[str, Any] = {"__metadata__": facts}
    end = 0
    for name, array in arrays.items():
        kind = next(kind for kind, dtype in _TYPES.items() if dtype == array.dtype)
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [end, end + array.nbytes]}
        end += array.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % _ALIGNED)
    checksum = hashlib.sha256()
    with atomic(path) as temporary, open(temporary, "wb") as file:
        parts: list[Any] = [len(text).to_bytes(8, "little") + text, *map(np.ascontiguousarray, arrays.values())]
        for part in parts:
            checksum.update(part)
            file.write(part)
        file.flush()
        os.fsync(file.fileno())  # its outcome is written next, and must never exist without a complete clip
    return 8 + len(text) + end, checksum.hexdigest()


def read_clip(path: str | os.PathLike[str]) -> Clip:
    """A clip whose arrays are read-only maps of the file, which stays open as long as one of them is in use; frames
    that were written as `PackedFrames` are so again.

    Raises W2LError when the file is missing or incomplete.
    """
    try:
        with open(path, "rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        body = 8 + int.from_bytes(mapped[:8], "little")
        header = json.loads(mapped[8:body])
        facts = header.pop("__metadata__")
        if body + max(one["data_offsets"][1] for one in header.values()) != len(mapped):
            raise ValueError("its length is not the one in its header")
        arrays: dict[str, Any] = {name: _array(mapped, body, one) for name, one in header.items()}
        if "jpegs" in arrays:
            arrays["frames"] = PackedFrames(arrays.pop("jpegs"), arrays.pop("ends"), int(facts["size"]))
        return Clip(**arrays)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a whole clip"
        raise W2LError(f"{path} cannot be read ({reason}); {_MEND}") from error


_MEND = "delete it if it exists, and run 'w2l preprocess' again, which makes what is missing."


def _array(mapped: mmap.mmap, body: int, facts: dict[str, Any]) -> np.ndarray:
    shape = tuple(facts["shape"])
    count = int(np.prod(shape))
    return np.frombuffer(mapped, _TYPES[facts["dtype"]], count, body + facts["data_offsets"][0]).reshape(shape)


def write_index(folder: str | os.PathLike[str], entries: Iterable[ClipEntry], **facts: Any) -> None:
    """Writes the index of a store, whole or not at all. facts: JSON values about how it was made."""
    index = {"format": _FORMAT, "fps": TRAINING_FPS, **facts, "clips": [asdict(entry) for entry in entries]}
    write_json(Path(folder) / INDEX, index)


def write_json(path: Path, content: object) -> None:
    """Writes JSON atomically, with a line for each item of a list."""
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    with atomic(path) as temporary, open(temporary, "wb") as file:
        file.write(text.encode("utf8", "backslashreplace"))  # a file name that is not UTF-8: JSON reads such escapes
        file.flush()
        os.fsync(file.fileno())


class Store:
    """A finished clip store. entries: all of its clips, in the order of their sources.

    Raises W2LError when the folder holds none, or one that is unfinished or damaged.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self.facts, self.entries = _read_index(self.folder)

    def clips(self, split: str) -> Sequence[Clip]:
        """The clips of one of SPLITS, memory-mapped on access: reading a window reads only that window.

        frames: read-only uint8 (n, size, size, 3) BGR, or `PackedFrames`; mel: read-only float32 (80, T). May be sent
        to other processes.
        Raises W2LError for an unknown split, and when a clip's file is missing or has the wrong size.
        """
        if split not in SPLITS:
            raise W2LError(f"a store has no split {split!r}; choose one of {', '.join(SPLITS)}.")
        wanted = [entry for entry in self.entries if entry.split == split]
        for entry in wanted:
            _check_size(self.folder, entry)
        return ClipFiles([self.folder / entry.file for entry in wanted])

    @property
    def size(self) -> int:
        """Pixels of a side of the clips' frames."""
        return int(self.facts.get("settings", {}).get("size", CROP_SIZE))

    def speakers(self, split: str) -> list[str]:
        """The speakers of a split, each once."""
        return sorted({entry.speaker for entry in self.entries if entry.split == split})

    def hours(self, split: str | None = None) -> float:
        """Hours of clips in a split, or in all of them."""
        frames = sum(entry.frames for entry in self.entries if split in (None, entry.split))
        return frames / TRAINING_FPS / 3600

    def verify(self) -> None:
        """Reads all files. Raises W2LError, naming the first file that does not match the index."""
        wrong = [entry.file for entry in self.entries if not _is_right(self.folder, entry)]
        if wrong:
            more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
            raise W2LError(f"{self.folder / wrong[0]}{more} is missing or damaged; {_MEND}")


class ClipFiles(Sequence[Clip]):
    """The clips of these files (`write_clip`), opened on access; the most recently used ones stay mapped."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths
        self._mapped: dict[int, Clip] = {}

    def __len__(self) -> int:
        return len(self._paths)

    @overload
    def __getitem__(self, which: int) -> Clip: ...
    @overload
    def __getitem__(self, which: slice) -> Sequence[Clip]: ...
    def __getitem__(self, which: int | slice) -> Clip | Sequence[Clip]:
        if isinstance(which, slice):
            return ClipFiles(self._paths[which])
        which = range(len(self))[which]
        clip = self._mapped.pop(which, None) or read_clip(self._paths[which])
        self._mapped[which] = clip
        if len(self._mapped) > _OPEN:
            del self._mapped[next(iter(self._mapped))]
        return clip

    def __iter__(self) -> Iterator[Clip]:
        return (self[i] for i in range(len(self)))

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_mapped": {}}  # maps cannot be sent to another process


def _read_index(folder: Path) -> tuple[dict[str, Any], list[ClipEntry]]:
    path = folder / INDEX
    if not folder.is_dir():
        raise W2LError(f"there is no clip store {folder}; make one with 'w2l preprocess'.")
    if not path.is_file() and (folder / OUTCOMES).is_dir():
        raise W2LError(f"the clip store {folder} is unfinished; run the same 'w2l preprocess' again to resume it.")
    if not path.is_file():
        raise W2LError(f"{folder} is not a clip store (it has no {INDEX}); make one with 'w2l preprocess'.")
    try:
        facts = json.loads(path.read_text(encoding="utf8"))
        entries = [ClipEntry(**row) for row in facts.pop("clips")]
        known = facts["format"] == _FORMAT
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise W2LError(f"{path} is damaged; run the same 'w2l preprocess' again to rewrite it.") from error
    if not known:
        raise W2LError(f"{path} has format {facts['format']}, not {_FORMAT}; make the store again with this version.")
    return facts, entries


def _check_size(folder: Path, entry: ClipEntry) -> None:
    path = folder / entry.file
    if not path.is_file():
        raise W2LError(f"{path} is missing from its store; {_MEND}")
    if path.stat().st_size != entry.bytes:
        raise W2LError(f"{path} has {path.stat().st_size} bytes instead of {entry.bytes}; {_MEND}")


def _is_right(folder: Path, entry: ClipEntry) -> bool:
    try:
        return hash_of(folder / entry.file) == entry.sha256
    except OSError:
        return False
