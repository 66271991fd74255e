"""Makes the people that ship with the kit: blends of several people each, nobody's own face.

In the clone, with photographs of people who agreed to it (data/talker/README.md says which):
python -m tools.blends --people people.npz --out data/talker/people.npz
Test and validation blends are made only of people of that split. Look at them beside their sources before you publish
any: --sheet sheet.png draws that, and must stay out of the repository.
"""

from __future__ import annotations

import argparse
import re
import sys

import cv2
import numpy as np

from w2l.base.files import atomic
from w2l.errors import W2LError
from w2l.talker.photo.blend import blend
from w2l.talker.photo.colour import skin_colour
from w2l.talker.photo.makeup import beard_shadow
from w2l.talker.photo.people import People, Person, read_people, write_people

COUNTS = {"train": 40, "validation": 12, "test": 12}  # half of them women
# Numbers of those in the London Set who look like women; the other set has f and m in its names
_WOMEN = {
    1, 2, 3, 6, 7, 9, 10, 11, 13, 14, 16, 19, 20, 25, 27, 30, 32, 34, 38, 39, 62, 64, 66, 81, 83, 86, 87, 90, 91, 94,
    97, 99, 100, 102, 107, 112, 113, 118, 120, 122, 124, 126, 127, 129, 134, 135, 136, 139, 144,
}  # fmt: skip
_EACH = 4  # people in a blend
_NEAR = 6  # of so many people nearest in skin tone, the others of a blend are drawn


def main(arguments: list[str] | None = None) -> int:
    """Runs the tool; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", required=True, help="a people pack, or a folder of photographs with .tem files")
    parser.add_argument("--out", required=True, help="the pack to write (.npz)")
    parser.add_argument("--sheet", help="also draw each blend beside its sources (.png); keep it to yourself")
    parser.add_argument("--quality", type=int, default=88, help="of the JPEGs (default: 88)")
    options = parser.parse_args(arguments)
    try:
        people = read_people(options.people)
        recipes = choose(people)
        made, rows = make(people, recipes, options.quality)
        write_people(options.out, made)
    except W2LError as error:
        print(f"blends: {error}", file=sys.stderr)
        return 1
    if options.sheet:
        with atomic(options.sheet) as temporary:
            temporary.write_bytes(cv2.imencode(".png", np.vstack(rows))[1].tobytes())
    print(f"{len(made.names)} blends, {sum(map(len, made.jpegs)) / 1e6:.2f} MB of JPEG, in {options.out}")
    return 0


def is_woman(name: str) -> bool:
    """Whether a name is a woman's: `c003f`, or a number of the London Set."""
    if name.startswith("c"):
        return name.endswith("f")
    number = re.search(r"\d+", name)
    return number is not None and int(number[0]) in _WOMEN


def choose(people: People) -> list[tuple[str, list[int]]]:
    """(split, numbers of people) of each blend: men and women apart, near each other in skin tone and beard.

    The first of each is from the London Set, whose clothes and walls are alike, and goes through all skin tones.
    """
    rng, recipes = np.random.default_rng(0), []
    tone, beard = _measured(people)
    for split, count in COUNTS.items():
        for woman in (True, False):
            pool = [k for k in people.of(split) if is_woman(people.names[k]) == woman]
            if len(pool) < _EACH:
                raise W2LError(f"the {split} split has {len(pool)} {'women' if woman else 'men'}; it needs {_EACH}.")
            outer = sorted((k for k in pool if not people.names[k].startswith("c")), key=lambda k: tone[k])
            for turn in np.linspace(0, len(outer) - 1, count // 2).round().astype(int):
                first = outer[turn]
                far = {k: abs(tone[k] - tone[first]) + 60 * abs(beard[k] - beard[first]) for k in pool if k != first}
                near = sorted(far, key=lambda k: far[k])[:_NEAR]
                recipes.append((split, [first, *(int(k) for k in rng.permutation(near)[: _EACH - 1])]))
    return recipes


def _measured(people: People) -> tuple[list[float], list[float]]:
    """Brightness of the skin (0..255), and the shadow of a beard (0.5 .. 1), of everybody."""
    tone, beard = [], []
    for person in map(people.person, range(len(people.names))):
        tone.append(float(skin_colour(person.photo, person.landmarks).mean()))
        beard.append(min(1.0, beard_shadow(person.photo, person.landmarks)))
    return tone, beard


def make(people: People, recipes: list[tuple[str, list[int]]], quality: int) -> tuple[People, list[np.ndarray]]:
    """The blends as a set of people, and a row of pictures of each with its sources."""
    from w2l.faces import YuNet

    detector, rows = YuNet(), []
    names, jpegs, points, boxes, splits = [], [], [], [], []
    for number, (split, numbers) in enumerate(recipes):
        sources: list[Person] = [people.person(k) for k in numbers]
        photo, landmarks = blend(sources)
        found = detector.detect([photo])[0]
        kind = "f" if is_woman(sources[0].name) else "m"
        names.append(f"blend{number:02d}{kind}")
        jpegs.append(cv2.imencode(".jpg", photo, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes())
        points.append(landmarks)
        boxes.append(found[0, :4] if len(found) else np.full(4, np.nan))
        splits.append(split)
        rows.append(np.hstack([cv2.resize(p, (256, 256)) for p in (photo, *(s.photo for s in sources))]))
    made = People(tuple(names), tuple(jpegs), np.stack(points), np.array(boxes, np.float32), tuple(splits))
    return made, rows


if __name__ == "__main__":
    sys.exit(main())
