"""Measures, with a face recogniser, whether blends of people are as far from everybody as strangers are.

The recogniser is dlib's (King 2017): 128 numbers a face, and a distance under 0.6 usually means the same person. It is
no dependency of the kit; put it anywhere, and in the clone:
pip install --target FOLDER --no-deps dlib-bin==20.0.1.post1 face_recognition_models==0.3.0
python -m tools.recogniser --folder FOLDER --people PHOTOGRAPHS --blends data/talker/people.npz
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from w2l.errors import W2LError
from w2l.talker.photo.people import People, Person, read_people

_WEIGHTS = Path("face_recognition_models", "models", "dlib_face_recognition_resnet_model_v1.dat")
_ALIGNED = (27, 23, 18, 22, 55)  # landmarks at which dlib places a face: corners of the eyes, base of the nose
_LOW, _USUAL = 5, 25  # percentiles of the strangers' distances: what a blend must reach, and what it should

Describe = Callable[[Person], np.ndarray]


def dlib_recogniser(folder: str) -> Describe:
    """The recogniser in a folder that pip installed it to: a person to float64 (128,).

    Raises W2LError where it is not there.
    """
    sys.path.append(str(folder))  # last: nothing else in that folder may take the place of what is installed
    try:
        dlib = importlib.import_module("dlib")
        network = dlib.face_recognition_model_v1(str(Path(folder, _WEIGHTS)))
    except (ImportError, RuntimeError) as error:
        raise W2LError(f"{folder} has no dlib with face_recognition_models; tools/recogniser.py says how.") from error
    finally:
        sys.path.remove(str(folder))

    def describe(person: Person) -> np.ndarray:
        corners = dlib.points([dlib.point(*map(int, np.round(person.landmarks[k]))) for k in _ALIGNED])
        whole = dlib.rectangle(*map(int, (*person.landmarks.min(0), *person.landmarks.max(0))))
        rgb = np.ascontiguousarray(person.photo[..., ::-1])
        return np.array(network.compute_face_descriptor(rgb, dlib.full_object_detection(whole, corners)))

    return describe


class Strangers:
    """How far real people lie from each other: the measure for blends of them.

    low, usual: the 5th and the 25th percentile, over the people, of each one's distance to the nearest other.
    """

    def __init__(self, people: People, describe: Describe):
        self._describe = describe
        numbers = [k for k, split in enumerate(people.splits) if split]  # composites of many are nobody either
        if len(numbers) < 2:
            raise W2LError(f"these {len(people.names)} people hold {len(numbers)} photographs of one person; add some.")
        self.names = [people.names[k] for k in numbers]
        self._known = np.stack([describe(people.person(k)) for k in numbers])
        apart = np.linalg.norm(self._known[:, None] - self._known[None], axis=2)
        np.fill_diagonal(apart, np.inf)
        self.nearest = apart.min(axis=1)
        self.low, self.usual = (float(np.percentile(self.nearest, share)) for share in (_LOW, _USUAL))

    def distances(self, person: Person) -> np.ndarray:
        """The distances of a face to everybody in `names`."""
        return np.linalg.norm(self._known - self._describe(person), axis=1)


def report(strangers: Strangers, blends: People) -> tuple[str, bool]:
    """What was measured, as lines of text, and whether every blend is as far from everybody as it must be."""
    sorted_ = np.sort([strangers.distances(blends.person(k)) for k in range(len(blends.names))], axis=1)
    rows = {
        "people to the nearest other": strangers.nearest,
        "blends to the nearest of them": sorted_[:, 0],
        "blends to the second nearest": sorted_[:, 1],
    }
    lines = [
        f"{name:32}least {values.min():.3f}, 5 % {np.percentile(values, 5):.3f}, median {np.median(values):.3f}"
        for name, values in rows.items()
    ]
    near = [f"{blends.names[k]} {sorted_[k, 0]:.3f}" for k in np.flatnonzero(sorted_[:, 0] < strangers.low)]
    lines.append(f"nearer than {strangers.low:.3f}: {', '.join(near) or 'none'}")
    return "\n".join(lines), not near


def main(arguments: list[str] | None = None) -> int:
    """Runs the tool; returns 1 where a blend is too near to somebody."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", required=True, help="where dlib and face_recognition_models are installed")
    parser.add_argument("--people", required=True, help="a people pack, or a folder of photographs with .tem files")
    parser.add_argument("--blends", required=True, help="the pack of blends to measure")
    options = parser.parse_args(arguments)
    try:
        strangers = Strangers(read_people(options.people), dlib_recogniser(options.folder))
        text, good = report(strangers, read_people(options.blends))
    except W2LError as error:
        print(f"recogniser: {error}", file=sys.stderr)
        return 1
    print(text)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
