"""Films a photographic talker: the crop that a detector's box gives, or head and shoulders, with its exact truth."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from w2l.audio import TRAINING_FPS
from w2l.talker.manner import Manner
from w2l.talker.mouth import Mouth
from w2l.talker.photo.camera import make_camera
from w2l.talker.photo.colour import skin_colour
from w2l.talker.photo.fit import Fit, fit
from w2l.talker.photo.head import Build, Head
from w2l.talker.photo.makeup import make_up
from w2l.talker.photo.motion import Motion, make_boxes, make_motion
from w2l.talker.photo.pack import head_pack
from w2l.talker.photo.people import SIZE, Person
from w2l.talker.photo.rig import Expression, Habits
from w2l.talker.photo.surroundings import before, calm_wall, matte, wall, within, without_wall

CROP = 96  # pixels
# the square of the photograph that shows head and shoulders; below it, many photographs have ended already
_PORTRAIT = (0.06 * SIZE, 0.0, 0.94 * SIZE, 0.88 * SIZE)
_OTHER_WALL = 0.8  # share of the clips before another wall than the photograph's
_GLASSES = 0.15  # and of those with glasses
_OPENING = Mouth._fields.index("opening")


def film(
    person: Person,
    mouths: np.ndarray,
    rng: np.random.Generator,
    size: int = CROP,
    manner: Manner | None = None,
    fps: float = TRAINING_FPS,
    yaw: float | None = None,
    portrait: bool = False,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Films a person frame by frame, `fps` a second.

    mouths: float32 (n, 7) as in `Mouth`. size: pixels of a side of the crop of the face, or, with portrait, of a square
    that shows head and shoulders. rng draws the light, the wall, the teeth, how the head moves, and the camera. manner:
    what the sound does not tell; its part in `mouths` must be there already (`Manner.applied`). yaw: see `make_motion`.
    Yields (frame, truth): frame uint8 (size, size, 3) BGR; truth float32 (3,), gap between the lips and width from
    corner to corner in pixels of the frame, open area in square pixels.
    """
    crop = not portrait
    head, habits = _cast(person, rng, crop)
    motion = make_motion(rng, len(mouths), fps, yaw)
    camera = make_camera(rng, float(skin_colour(person.photo, person.landmarks).max()), poor=crop)
    if crop:
        camera = camera.at(size / CROP)
    pack = head_pack()
    chin = head.rig.deltas[pack.shapes.index("jawOpen"), pack.landmarks[8], 1]
    boxes = make_boxes(rng, head, person.box, motion, chin * habits.jaw * mouths[:, _OPENING], fps)
    over = 2 if size <= 768 else 1
    for k, mouth in enumerate(mouths):
        x0, y0, x1, y1 = boxes[k] if crop else _PORTRAIT
        across, down = size / (x1 - x0), size / (y1 - y0)
        expression = _expression(motion, manner, k)
        turn = float(motion.yaw[k]), float(motion.pitch[k]), float(motion.roll[k])
        frame = head.pose(mouth, expression, habits, turn)
        picture = head.draw(frame, (x0, y0, across * over, down * over), size * over, size * over)
        if over > 1:
            picture = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)
        yield camera.take(picture, rng), head.measure(frame, (x0, y0, across, down))


def _expression(motion: Motion, manner: Manner | None, k: int) -> Expression:
    """What the face does besides speaking in frame k."""
    own = Expression(*(float(track[k]) for track in (motion.blink, motion.brow, motion.smile, motion.frown)))
    if manner is None:
        return own
    smile, lop, lips, press = (float(t[k]) for t in (manner.smile, manner.lop, manner.lips, manner.press))
    return own._replace(
        smile=own.smile + smile, frown=own.frown * (1 - min(1, 4 * smile)), lop=lop, lips=lips, press=press
    )


@dataclass(frozen=True, eq=False)
class Prepared:
    """A person ready to be filmed: the fit; the photograph for the skin, without wall; the matte, None for no wall."""

    fit: Fit
    skin: np.ndarray
    matte: np.ndarray | None


_PREPARED: OrderedDict[tuple[str, bytes], Prepared] = OrderedDict()
_KEPT = 64  # people


def prepare(person: Person) -> Prepared:
    """Fits the head to a person and tells the wall from what is in front; the last people are kept."""
    key = person.name, person.landmarks.tobytes() + person.photo[::64, ::64].tobytes()
    if key not in _PREPARED:
        fitted = fit(person.landmarks)
        share = matte(person.photo, fitted)
        if share is None:
            _PREPARED[key] = Prepared(fitted, person.photo, None)
        else:
            _PREPARED[key] = Prepared(within(fitted, share), without_wall(person.photo, share), share)
        if len(_PREPARED) > _KEPT:
            _PREPARED.popitem(last=False)
    return _PREPARED[key]


def _cast(person: Person, rng: np.random.Generator, crop: bool) -> tuple[Head, Habits]:
    """The person for one clip: wall and light, jaw and teeth, how they open the mouth."""
    uniform = rng.uniform
    ready, other = prepare(person), wall(rng, SIZE)
    skin = make_up(ready.skin, person.landmarks, rng) if crop else ready.skin
    replaced = rng.random() < _OTHER_WALL
    photo = skin
    if ready.matte is not None:
        own = person.photo if crop else calm_wall(person.photo, ready.matte, ready.fit)
        photo = before(skin, ready.matte, other if replaced and crop else own)
    direction = np.array([uniform(-0.9, 0.9), uniform(-1.0, 0.3), 0.9])
    direction = (direction / np.linalg.norm(direction)).astype(np.float32)
    strength = uniform(0.25, 0.7)
    new_light = uniform(0.1, 0.5) if rng.random() < 0.6 else 0.0
    build = Build(
        jaw=float(np.clip(rng.normal(0, 0.035), -0.08, 0.08)),
        teeth=(uniform(-0.16, 0.10), uniform(-0.10, 0.05)),
        size=uniform(0.93, 1.06),
        crooked=max(0.0, uniform(-0.01, 0.022)),
        glasses=rng.random() < _GLASSES and crop,
    )
    head = Head((skin, photo), ready.fit, rng, build, (direction, strength), new_light)
    return head, Habits(jaw=uniform(0.29, 0.46), teeth=uniform(0.5, 1.5))
