"""Who can be a photographic talker: photographs with landmarks, from a people pack or a folder of photographs."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from w2l.base import files, paths
from w2l.errors import W2LError
from w2l.talker.photo.colour import balance
from w2l.talker.photo.landmarks import CHIN, COUNT, PUPILS, read_template

SIZE = 512  # pixels: a person's picture is a square around head and shoulders
_CREDIT = (
    "Faces: DeBruine and Jones, Face Research Lab London Set (doi 10.6084/m9.figshare.5047666) and Young Adult White "
    "Faces (doi 10.6084/m9.figshare.4220517), CC BY 4.0, changed. Head: ICT-FaceKit, MIT."
)
# Names of their people, as the sets, their packs and the bundled pack of blends have them
_OF_THE_SETS = re.compile(r"\d{3}_\d{2}|n\d{3}|c?\d{3}[fm]|blend\d+[fm]")
_NEUTRAL = "_03"  # end of the names of the London Set's neutral faces seen from the front
_UNDER_AGE = {"044f", "045f", "100m"}  # 17 years old, by the list of Young Adult White Faces
_QUALITY = 90  # of the JPEGs in a pack
_HALF = 1.75  # half the square's side, over the distance from the eyes to the chin


@dataclass(frozen=True, eq=False)
class Person:
    """One person. photo: uint8 (512, 512, 3) BGR; landmarks: float32 (189, 2), pixels of it; box: float32 (4,), the
    face box that the kit's detector gives there, or NaN where it found none.
    """

    name: str
    photo: np.ndarray
    landmarks: np.ndarray
    box: np.ndarray


@dataclass(frozen=True, eq=False)
class People:
    """A set of people, as a pack stores them; `person` unpacks one.

    names: of the people. jpegs: the picture files. landmarks: float32 (n, 189, 2). boxes: float32 (n, 4).
    splits: for each person "train", "validation", "test", or "" for one that belongs to none.
    """

    names: tuple[str, ...]
    jpegs: tuple[bytes, ...]
    landmarks: np.ndarray
    boxes: np.ndarray
    splits: tuple[str, ...]

    def of(self, split: str) -> list[int]:
        """The numbers of the people of a split. Raises W2LError when it has none."""
        if not (found := [i for i, name in enumerate(self.splits) if name == split]):
            raise W2LError(f"none of these {len(self.names)} people belongs to the {split} split; add photographs.")
        return found

    def fingerprint(self) -> str:
        """Eight hex digits that tell one set of people from another."""
        whole = hashlib.sha256(" ".join(self.names + self.splits).encode())
        for part in (*self.jpegs, self.landmarks.tobytes(), self.boxes.tobytes()):
            whole.update(part)
        return whole.hexdigest()[:8]

    def person(self, number: int) -> Person:
        """The person with that number, their colours balanced."""
        photo = _decode(np.frombuffer(self.jpegs[number], np.uint8))
        if photo.size == 0:
            raise W2LError(f"the photograph of {self.names[number]} is damaged; make or fetch the pack again.")
        points = self.landmarks[number]
        return Person(self.names[number], balance(photo, points), points, self.boxes[number])


@lru_cache(maxsize=1)
def bundled_people() -> People:
    """The people who ship with the kit: blends of several people each, nobody's own face."""
    return read_people(paths.data() / "talker" / "people.npz")


def credit(name: str) -> str:
    """Whose work a clip of the person with that name is made from; the London Set's and their like ask to be named."""
    if _OF_THE_SETS.fullmatch(name):
        return _CREDIT
    return f"Face: the photograph {name}, of whoever made this clip. Head: ICT-FaceKit, MIT."


def split_of(name: str) -> str:
    """The split of a person by the first number in their name: 0 of 5 is test, 1 validation, the rest train.

    A name without a number is a composite of many people: it belongs to no split ("").
    """
    number = re.search(r"\d+", name)
    return "" if number is None else ("test", "validation", "train", "train", "train")[int(number[0]) % 5]


def under_age(name: str) -> bool:
    """Whether the person with that name was under 18 when photographed: no talker and no blend has their face."""
    return name.removeprefix("c") in _UNDER_AGE


def read_people(place: str | os.PathLike[str]) -> People:
    """The people of a pack (.npz), or of a folder of photographs that each have a `.tem` file of landmarks beside them.

    Raises W2LError when there are none, or when the pack is damaged.
    """
    place = Path(place)
    if place.is_dir():
        return _from_folder(place)
    try:
        with open(place, "rb") as file, np.load(file) as saved:
            names = tuple(str(name) for name in saved["names"])
            ends = np.cumsum(saved["lengths"]).tolist()
            raw = saved["jpeg"].tobytes()
            landmarks, boxes = saved["landmarks"].astype(np.float32), saved["boxes"].astype(np.float32)
            splits = tuple(str(s) for s in saved["splits"]) if "splits" in saved else tuple(map(split_of, names))
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise W2LError(f"{place} is no people pack and no folder of photographs; name one of these.") from error
    if not (len(names) == len(ends) == len(boxes) == len(splits) and landmarks.shape == (len(names), COUNT, 2)):
        raise W2LError(f"{place} is a damaged people pack: its lists differ in length; make or fetch it again.")
    jpegs = tuple(raw[start:end] for start, end in zip([0, *ends], ends, strict=False))
    return People(names, jpegs, landmarks, boxes, splits)


def write_people(place: str | os.PathLike[str], people: People) -> None:
    """Writes a people pack, whole or not at all."""
    with files.atomic(place) as temporary, open(temporary, "wb") as file:
        np.savez(
            file,
            names=np.array(people.names),
            jpeg=np.frombuffer(b"".join(people.jpegs), np.uint8),
            lengths=np.array([len(jpeg) for jpeg in people.jpegs]),
            landmarks=people.landmarks.astype(np.float16),
            boxes=people.boxes.astype(np.float32),
            splits=np.array(people.splits),
        )


def gather(pictures: Iterator[tuple[str, np.ndarray, np.ndarray]], quality: int = _QUALITY) -> People:
    """A set of people from (name, uint8 BGR picture, landmarks (189, 2)): cropped, detected, split by name."""
    from w2l.faces import YuNet

    detector = YuNet()
    names, jpegs, landmarks, boxes = [], [], [], []
    for name, picture, points in pictures:
        jpeg, points = _crop(picture, points, quality)
        found = detector.detect([_decode(jpeg)])[0]
        names.append(name)
        jpegs.append(jpeg.tobytes())
        landmarks.append(points.astype(np.float16).astype(np.float32))  # as a pack keeps them
        boxes.append(found[0, :4] if len(found) else np.full(4, np.nan))
    return People(
        tuple(names),
        tuple(jpegs),
        np.array(landmarks, np.float32).reshape(-1, COUNT, 2),
        np.array(boxes, np.float32).reshape(-1, 4),
        tuple(map(split_of, names)),
    )


def _from_folder(folder: Path) -> People:
    """Reads what is below the folder, in the order of its paths; the London Set's people once each, from the front.

    That set names a picture by person and view: in 001_03 the face is neutral, in 001_08 the same person smiles.
    """
    from w2l.video import read_image

    # names that start with a dot are what macOS puts beside each file of an archive
    found = [path for path in sorted(folder.rglob("*.tem")) if not path.name.startswith(".") and _picture(path)]
    found = [path for path in found if not re.fullmatch(r"\d{3}_\d{2}", path.stem) or path.stem.endswith(_NEUTRAL)]
    if not found:
        raise W2LError(
            f"{folder} holds no photograph with a .tem file of landmarks beside it; fetch both. Of the London Set "
            "neutral_front is used."
        )
    if len({path.stem for path in found}) < len(found):
        raise W2LError(f"{folder} holds photographs of one name twice, in different folders; keep one of each.")
    return gather((path.stem, read_image(_picture(path) or path), read_template(path)) for path in found)


def _decode(jpeg: np.ndarray) -> np.ndarray:
    """The picture in the bytes of a JPEG; empty where they are damaged."""
    picture = cv2.imdecode(jpeg, cv2.IMREAD_COLOR) if jpeg.size else None
    return np.zeros((0, 0, 3), np.uint8) if picture is None else picture


def _picture(template: Path) -> Path | None:
    beside = (template.with_suffix(suffix) for suffix in (".jpg", ".jpeg", ".png", ".JPG"))
    return next((path for path in beside if path.is_file()), None)


def _crop(picture: np.ndarray, points: np.ndarray, quality: int) -> tuple[np.ndarray, np.ndarray]:
    """The square around head and shoulders as JPEG, and the landmarks in it."""
    eyes, chin = points[list(PUPILS)].mean(axis=0), points[CHIN]
    half = float(np.linalg.norm(chin - eyes)) * _HALF
    scale, centre = SIZE / (2 * half), eyes + (chin - eyes) * 0.45
    warp = np.array([[scale, 0, SIZE / 2 - scale * centre[0]], [0, scale, SIZE / 2 - scale * centre[1]]], np.float32)
    smooth = cv2.GaussianBlur(picture, (0, 0), 0.4 / scale) if scale < 0.8 else picture
    square = cv2.warpAffine(smooth, warp, (SIZE, SIZE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    jpeg = cv2.imencode(".jpg", square, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return jpeg, (points @ warp[:, :2].T + warp[:, 2]).astype(np.float32)
