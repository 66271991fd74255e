"""Makes the people that ship with the kit: blends of several people each, nobody's own face.

In the clone, with photographs of people who agreed to it (data/talker/README.md says which):
python -m tools.blends --people people.npz --check FOLDER --out data/talker/people.npz
Test and validation blends are made only of people of that split. With --check, a face recogniser in FOLDER
(tools/recogniser.py says how to put it there) compares each blend with everybody, and a blend that is too near to
somebody is drawn again. Look at them beside their sources before you publish any: --sheet sheet.png draws that, and
must stay out of the repository.
"""

from __future__ import annotations

import argparse
import re
import sys
from dataclasses import dataclass

import cv2
import numpy as np

from tools.recogniser import Strangers, dlib_recogniser, report
from w2l.base.files import atomic
from w2l.errors import W2LError
from w2l.talker.photo.blend import blend
from w2l.talker.photo.colour import skin_colour
from w2l.talker.photo.landmarks import BROWS, PUPILS
from w2l.talker.photo.makeup import beard_shadow
from w2l.talker.photo.people import People, Person, read_people, under_age, write_people

COUNTS = {"train": 40, "validation": 12, "test": 12}  # half of them women
# Numbers of the women in the London Set, by its own list; the other set has f and m in its names
_WOMEN = {
    1, 2, 3, 6, 7, 9, 10, 11, 13, 14, 16, 19, 20, 25, 27, 30, 32, 34, 38, 39, 62, 64, 66, 81, 83, 86, 87, 90, 91, 94,
    97, 99, 100, 102, 107, 112, 113, 118, 120, 122, 124, 126, 127, 129, 134, 135, 136, 139, 144,
}  # fmt: skip
_EACH, _LEAST = 6, 4  # people in a blend; and in one of a split that has no more
_NEAR, _WIDER = 9, 2  # of so many people nearest in skin tone the others are drawn; of so many more in each new draw
_DRAWS = 12  # of a blend, before the best of them is taken
_BEARDED = 3  # of the men, one in so many has a beard
_SHADOW = 0.93  # of the lip over that of the cheeks: under it, a beard
_FRINGE = 0.5  # of the forehead over the skin: under it, hair, which must not come into the face of another
_DARK = 100  # brightness of the skin, 0..255: under it, dark
_EYES, _MOUTH = 1, -2  # places, after the first, of those who give the fine parts of eyes, and of mouth and chin


@dataclass(frozen=True)
class Recipe:
    """Of whom a blend is made. first: who gives the hair. others: who can be in it, the most like the first in front.

    beards: for a blend with a beard, how dark everybody's is, by number; else empty.
    """

    split: str
    first: int
    others: tuple[int, ...]
    beards: tuple[float, ...] = ()

    def draw(self, seed: tuple[int, int]) -> list[int]:
        """Numbers of people; seed: the number of the blend, and how often it was drawn before."""
        near = self.others[: _NEAR + _WIDER * seed[1]]
        drawn = [int(k) for k in np.random.default_rng(seed).permutation(near)[: _EACH - 1]]
        _give(drawn, _EYES, min(drawn, key=self.others.index))  # eyes go with the skin
        if self.beards:
            _give(drawn, _MOUTH, min(drawn, key=lambda k: self.beards[k]))
        return [self.first, *drawn]


def _give(drawn: list[int], place: int, person: int) -> None:
    """Brings a person to a place among those drawn."""
    other = drawn.index(person)
    drawn[place], drawn[other] = drawn[other], drawn[place]


def main(arguments: list[str] | None = None) -> int:
    """Runs the tool; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", required=True, help="a people pack, or a folder of photographs with .tem files")
    parser.add_argument("--out", required=True, help="the pack to write (.npz)")
    parser.add_argument("--check", metavar="FOLDER", help="where a face recogniser is, to compare blends with people")
    parser.add_argument("--sheet", help="also draw each blend beside its sources (.png); keep it to yourself")
    parser.add_argument("--quality", type=int, default=88, help="of the JPEGs (default: 88)")
    options = parser.parse_args(arguments)
    try:
        people = read_people(options.people)
        strangers = Strangers(people, dlib_recogniser(options.check)) if options.check else None
        made, rows = make(people, choose(people), options.quality, strangers)
        if strangers:
            text, good = report(strangers, made)
            print(text)
            if not good:
                raise W2LError("blends are too near to somebody, so none was written; add people, or make fewer.")
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
    """Whether a name is a woman's: `c003f` or `003f`, or a number of the London Set: `n003` or `003_03`."""
    if _in_other_set(name):
        return name.endswith("f")
    number = re.search(r"\d+", name)
    return number is not None and int(number[0]) in _WOMEN


def _in_other_set(name: str) -> bool:
    """Whether a name is one of the Young Adult White Faces: three digits and the sex."""
    return re.fullmatch(r"c?\d{3}[fm]", name) is not None


def choose(people: People) -> list[Recipe]:
    """The recipe of each blend: men and women apart, near each other in skin tone, one man in three with a beard.

    The first of each is from the London Set, whose clothes and walls are alike, and goes through all skin tones. The
    darkest, of which the set has few, comes twice.
    """
    recipes = []
    tone, beard, fringe = _measured(people)
    for split, count in COUNTS.items():
        for woman in (True, False):
            grown_up = [k for k in people.of(split) if not under_age(people.names[k])]
            pool = [k for k in grown_up if is_woman(people.names[k]) == woman]
            if len(pool) < _LEAST:
                raise W2LError(f"the {split} split has {len(pool)} {'women' if woman else 'men'}; it needs {_LEAST}.")
            outer = sorted((k for k in pool if not _in_other_set(people.names[k])), key=lambda k: tone[k])
            unshaven = [k for k in outer if beard[k] < _SHADOW and not woman]
            bearded = count // 2 // _BEARDED if unshaven else 0
            shaven = [k for k in outer if k not in unshaven] or outer
            firsts = _through(shaven, count // 2 - bearded, tone[shaven[0]] < _DARK) + _through(unshaven, bearded)
            for number, first in enumerate(firsts):
                grown = first in unshaven
                far = {k: abs(tone[k] - tone[first]) for k in pool if k != first and not fringe[k]}
                for k in far:  # a beard among beards, and no beard among none
                    far[k] += 400 * max(0, beard[k] - _SHADOW if grown else _SHADOW - beard[k]) * (not woman)
                others = sorted(far, key=lambda k: far[k])
                if number and first == firsts[number - 1]:  # the second time with others
                    others = others[1::2] + others[::2]
                recipes.append(Recipe(split, first, tuple(others), tuple(beard) if grown else ()))
    return recipes


def _through(numbers: list[int], count: int, twice: bool = False) -> list[int]:
    """So many of these people, from all along the list; twice: the first of them comes twice, if there is room."""
    twice = twice and count > 1
    turns = np.linspace(0, len(numbers) - 1, count - twice).round().astype(int)
    return numbers[:twice] + [numbers[k] for k in turns]


def _measured(people: People) -> tuple[list[float], list[float], list[bool]]:
    """Of everybody: brightness of the skin (0..255), the shadow of a beard (0.5 .. 1), whether hair hides the brow."""
    tone, beard, fringe = [], [], []
    for person in map(people.person, range(len(people.names))):
        tone.append(float(skin_colour(person.photo, person.landmarks).mean()))
        beard.append(min(1.0, beard_shadow(person.photo, person.landmarks)))
        fringe.append(_forehead(person) < _FRINGE * tone[-1])
    return tone, beard, fringe


def _forehead(person: Person) -> float:
    """How bright the darkest tenth of the forehead is, from a little above the brows."""
    pupils, brows = person.landmarks[list(PUPILS)], person.landmarks[list(BROWS), 1].min()
    rows = slice(max(0, int(1.9 * brows - 0.9 * pupils[:, 1].mean())), max(1, int(brows) - 2))
    columns = slice(int(pupils[:, 0].min()), int(pupils[:, 0].max()))
    return float(np.percentile(person.photo[rows, columns].mean(axis=2), 10))


def make(
    people: People, recipes: list[Recipe], quality: int, strangers: Strangers | None = None
) -> tuple[People, list[np.ndarray]]:
    """The blends as a set of people, and a row of pictures of each with its sources.

    With strangers, a blend that is nearer to somebody than is usual among these is drawn again.
    """
    from w2l.faces import YuNet

    detector, rows = YuNet(), []
    names, jpegs, points, boxes, splits = [], [], [], [], []
    for number, recipe in enumerate(recipes):
        sources, made, jpeg = _farthest(people, recipe, number, quality, strangers)
        found = detector.detect([made.photo])[0]
        names.append(made.name)
        jpegs.append(jpeg)
        points.append(made.landmarks)
        boxes.append(found[0, :4] if len(found) else made.box)
        splits.append(recipe.split)
        pictures = [cv2.resize(p.photo, (256, 256), interpolation=cv2.INTER_AREA) for p in (made, *sources)]
        rows.append(np.hstack([*pictures, *[np.zeros_like(pictures[0])] * (_EACH - len(sources))]))
    made_people = People(tuple(names), tuple(jpegs), np.stack(points), np.array(boxes, np.float32), tuple(splits))
    return made_people, rows


def _farthest(
    people: People, recipe: Recipe, number: int, quality: int, strangers: Strangers | None
) -> tuple[list[Person], Person, bytes]:
    """(sources, blend, its JPEG) of a recipe: the first draw as far from everybody as is usual, or the farthest."""
    best, apart = None, -1.0
    for turn in range(_DRAWS):
        sources = [people.person(k) for k in recipe.draw((number, turn))]
        photo, landmarks = blend(sources)
        jpeg = cv2.imencode(".jpg", photo, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        name = f"blend{number:02d}{'f' if is_woman(sources[0].name) else 'm'}"
        shown = np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR), np.uint8)
        made = Person(name, shown, landmarks, np.full(4, np.nan, np.float32))
        distance = float(strangers.distances(made).min()) if strangers else np.inf
        if distance > apart:
            best, apart = (sources, made, jpeg.tobytes()), distance
        if strangers is None or distance >= strangers.usual:
            break
    assert best is not None
    return best


if __name__ == "__main__":
    sys.exit(main())
