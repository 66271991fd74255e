"""What a test set is: faces, the words that they have to say, how they would have said them, and its checksums.

jobs.csv              a row for each clip: face, audio, and the name that the result must have
frames/000.mp4        head and shoulders, 512 x 512, saying something else; crops/000.mp4: its face, 96 x 96
speech/000.wav        the words to say
truth/frames/000.mp4  the same head saying them; truth/crops/000.mp4: its face
clips/000.json        a `TruthClip`; manifest.json: the recipe, the clips and their checksums; written last
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from w2l.audio import SAMPLE_RATE, TRAINING_FPS, read
from w2l.base import files, paths
from w2l.errors import W2LError
from w2l.evaluate.metrics.mouth import CLOSED, bilabial_times
from w2l.video import read_frames

FORMAT = "w2l truth 1"
EDITION = "truth.json"  # in data/: the checksums of the clips that all machines should make
MANIFEST, JOBS = "manifest.json", "jobs.csv"
KINDS = ("crops", "frames")
_THUMB = 48  # pixels: enough to tell faces, and bare ones from whole frames
_COARSE_SOUND, _COARSE_MOUTH = 64, 1e-3  # what a checksum does not see: 16-bit steps, and viseme steps


@dataclass(frozen=True)
class Recipe:
    """What a test set is made by; the default is the one whose figures can be compared."""

    seconds: float = 3.0
    side: int = 512
    seed: int = 0

    @property
    def frames(self) -> int:
        """How many each clip has, at 25 a second."""
        return round(self.seconds * TRAINING_FPS)


@dataclass(frozen=True, eq=False)
class TruthClip:
    """One face and the words it has to say; n frames at 25 a second.

    person: whose face it is; several clips may have one. boxes: int (n, 4), the face in the whole frame. new, old:
    float32 (n, 2), opening and width of the true mouth, for the words to say and for those it says, pixels of the 96
    x 96 crop. phones: of the words to say, with their start and end in samples. sound, mouths: checksums.
    """

    name: str
    person: str
    boxes: np.ndarray
    new: np.ndarray
    old: np.ndarray
    phones: list[dict[str, Any]]
    sound: str
    mouths: str

    def __len__(self) -> int:
        return len(self.boxes)

    def to_json(self) -> str:
        """The record, as it is kept."""
        new, old = (np.asarray(one, np.float64).round(3).tolist() for one in (self.new, self.old))
        facts = {"name": self.name, "person": self.person, "sound": self.sound, "mouths": self.mouths}
        lists = {"boxes": self.boxes.tolist(), "new": new, "old": old, "phones": self.phones}
        return json.dumps(facts | lists) + "\n"

    @staticmethod
    def from_json(text: str) -> TruthClip:
        """The clip of a record; ValueError, KeyError or TypeError for anything else."""
        facts = json.loads(text)
        boxes = np.array(facts["boxes"], int).reshape(-1, 4)
        new, old = (np.array(facts[key], np.float32).reshape(-1, 2) for key in ("new", "old"))
        if not len(boxes) == len(new) == len(old):
            raise ValueError("its lists differ in length")
        return TruthClip(
            facts["name"], facts["person"], boxes, new, old, facts["phones"], facts["sound"], facts["mouths"]
        )

    @property
    def closures(self) -> list[tuple[float, float]]:
        """Start and end in seconds of each m, b and p of the words to say."""
        return bilabial_times(self.phones)

    @property
    def resting(self) -> np.ndarray:
        """bool (n,): the frames in pauses of these words, with the true lips closed."""
        times, silent = np.arange(len(self)) / TRAINING_FPS, np.zeros(len(self), bool)
        for phone in self.phones:
            if phone["phone"] == "SIL":
                silent |= (times >= phone["start"] / SAMPLE_RATE) & (times < phone["end"] / SAMPLE_RATE)
        return silent & (self.new[:, 0] < CLOSED)


@dataclass(frozen=True, eq=False)
class TestSet:
    """A finished test set on disk."""

    __test__ = False  # it is no test, whatever pytest makes of the name

    folder: Path
    recipe: Recipe
    people: str
    clips: tuple[TruthClip, ...]

    def face(self, clip: TruthClip, kind: str) -> Path:
        """The clip whose mouth is to be changed."""
        return self.folder / kind / f"{clip.name}.mp4"

    def truth(self, clip: TruthClip, kind: str) -> Path:
        """The same head, saying the words."""
        return self.folder / "truth" / kind / f"{clip.name}.mp4"

    def speech(self, clip: TruthClip) -> np.ndarray:
        """The words to say, float32 (N,) at 16 kHz. Raises W2LError when the file is not the one that was made."""
        path = self.folder / "speech" / f"{clip.name}.wav"
        sound = read(path)
        samples = np.rint(sound.wav.reshape(-1) * 32768).astype(np.int16)
        if sound.rate != SAMPLE_RATE or sound_checksum(samples) != clip.sound:
            raise W2LError(f"{path} is not the speech that was made for this test set; make the set again elsewhere.")
        return samples.astype(np.float32) / 32768

    def looks_like(self, frame: np.ndarray, kind: str) -> str:
        """The clip whose first frame is most like a square picture, uint8 (H, W, 3) BGR."""
        seen, faces = thumb(frame), self._thumbs[kind]
        return min(faces, key=lambda name: float(np.abs(faces[name] - seen).mean()))

    @cached_property
    def _thumbs(self) -> dict[str, dict[str, np.ndarray]]:
        """The first frame of each face, small."""
        firsts = {kind: {clip.name: first_frame(self.face(clip, kind)) for clip in self.clips} for kind in KINDS}
        return {kind: {name: thumb(frame) for name, frame in faces.items()} for kind, faces in firsts.items()}

    @property
    def checksum(self) -> str:
        """Sixteen hex digits for the sounds and mouths of all clips."""
        whole = "\n".join(f"{clip.name} {clip.sound} {clip.mouths}" for clip in self.clips)
        return hashlib.sha256(whole.encode()).hexdigest()[:16]

    @property
    def strays(self) -> str:
        """Why figures on this test set cannot be compared with those of others, in a sentence; "" if they can."""
        known = edition()
        if asdict(self.recipe) != known["recipe"]:
            return f"this test set was made by another recipe ({_told(self.recipe)}); its figures stand alone."
        if self.people != known["people"]:
            return f"this test set has other faces ({self.people}) than the bundled ones; its figures stand alone."
        for clip in self.clips:
            if (expected := known["clips"].get(clip.name)) and expected != [clip.sound, clip.mouths]:
                return (
                    f"clip {clip.name} has other words than this edition's (checksums {clip.sound} {clip.mouths}, not "
                    f"{' '.join(expected)}); its figures cannot be compared with those of others."
                )
        return ""


def first_frame(path: Path) -> np.ndarray:
    """The first frame of a clip; W2LError where there is none."""
    with closing(read_frames(path, max_frames=1)) as frames:  # type: ignore[type-var]
        return next(frames)


def thumb(frame: np.ndarray) -> np.ndarray:
    """A picture of any size as float32 (48, 48, 3), 0 .. 1."""
    return cv2.resize(frame, (_THUMB, _THUMB), interpolation=cv2.INTER_AREA).astype(np.float32) / 255


@lru_cache(maxsize=1)
def edition() -> dict[str, Any]:
    """The recipe, faces and checksums of the clips that all machines should make."""
    found: dict[str, Any] = json.loads((paths.data() / EDITION).read_text(encoding="utf8"))
    return found


def _told(recipe: Recipe) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in asdict(recipe).items())


def sound_checksum(samples: np.ndarray) -> str:
    """Twelve hex digits for int16 samples, blind to what rounds differently on other machines."""
    return _digits(np.rint(samples / _COARSE_SOUND).astype("<i2"))


def mouths_checksum(mouths: np.ndarray, phones: Sequence[dict[str, Any]]) -> str:
    """The same for the visemes in each frame, (n, 7), and the phones that they come from."""
    said = json.dumps([[one["phone"], one["start"], one["end"]] for one in phones])
    return _digits(np.rint(mouths / _COARSE_MOUTH).astype("<i2"), said.encode())


def _digits(array: np.ndarray, more: bytes = b"") -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes() + more).hexdigest()[:12]


def read_clip(path: Path) -> TruthClip | None:
    """The clip of a record; None where there is no whole one."""
    try:
        return TruthClip.from_json(path.read_text(encoding="utf8"))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_manifest(folder: Path, recipe: Recipe, people: str, clips: Sequence[TruthClip]) -> TestSet:
    """Writes jobs.csv and, last of all, the manifest."""
    rows = [f"frames/{clip.name}.mp4,speech/{clip.name}.wav,{clip.name}.mp4" for clip in clips]
    files.write_text(folder / JOBS, "\n".join(["face,audio,out", *rows]) + "\n")
    made = TestSet(folder, recipe, people, tuple(clips))
    records = {clip.name: _record(folder, clip.name) for clip in clips}
    facts = {"format": FORMAT, "recipe": asdict(recipe), "people": people, "checksum": made.checksum, "clips": records}
    files.write_text(folder / MANIFEST, json.dumps(facts, indent=1) + "\n")
    return made


def _record(folder: Path, name: str) -> str:
    return files.hash_of(folder / "clips" / f"{name}.json")


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """What the manifest of a folder says; None where there is none. Raises W2LError for a file that is no manifest."""
    path = folder / MANIFEST
    if not path.is_file():
        return None
    try:
        facts: dict[str, Any] = json.loads(path.read_text(encoding="utf8"))
        if facts["format"] != FORMAT:
            raise W2LError(f"{path} is of the kind {facts['format']!r}, not {FORMAT!r}; make the test set again.")
        Recipe(**facts["recipe"])
        dict(facts["clips"]), str(facts["people"]), str(facts["checksum"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise W2LError(f"{path} is not the manifest of a test set; give the folder of one, or another name.") from error
    return facts


def read_testset(folder: str | os.PathLike[str]) -> TestSet:
    """A finished test set. Raises W2LError when there is none, or when its files are not those its manifest names."""
    folder = Path(folder)
    facts = read_manifest(folder)
    if facts is None:
        half = " is not finished; run the same command again without results" if (folder / "clips").is_dir() else ""
        raise W2LError(f"the test set in {folder}{half or ' does not exist; make it with: w2l evaluate truth FOLDER'}.")
    clips = []
    for name, record in facts["clips"].items():
        path = folder / "clips" / f"{name}.json"
        clip = read_clip(path)
        if clip is None or clip.name != name or _record(folder, name) != record:
            raise W2LError(f"{path} is missing, or not the one of which {folder / MANIFEST} tells; make the set again.")
        clips.append(clip)
    found = TestSet(folder, Recipe(**facts["recipe"]), facts["people"], tuple(clips))
    if found.checksum != facts["checksum"]:
        raise W2LError(f"{folder / MANIFEST} belongs to another test set: its checksum is wrong; make the set again.")
    wanted = (path(clip, kind) for clip in clips for kind in KINDS for path in (found.face, found.truth))
    if missing := next((path for path in wanted if not path.is_file()), None):
        raise W2LError(f"{missing} is missing from the test set; make what is missing: w2l evaluate truth {folder}")
    return found
