"""How a photographed head moves while it speaks: turns, nods, blinks, brows; and the box a detector would give."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import uniform_filter1d

from w2l.audio import TRAINING_FPS
from w2l.talker.pace import at_rate, drawn_frames, drift
from w2l.talker.photo.head import Head
from w2l.talker.photo.pack import head_pack

_YAW, _PITCH = 25.0, 15.0  # degrees: as far as a frontal photograph can be turned
_TURNED = 0.35  # share of the clips in which the head rests turned to a side
# Measured on 288 pictures of 24 talkers: YuNet's box moves to the side a degree of yaw, in shares of its width, and
# follows the chin by a share of its fall
_SIDE_SHIFT = 0.0024
_CHIN_SHARE = 0.87
_CENTRE_FRAMES, _SIZE_FRAMES = 5, 13  # over which the kit averages the centre and the size of a track's boxes


@dataclass(frozen=True, eq=False)
class Motion:
    """What the head does, apart from speaking: float32 (n,) each, degrees for the turns, else as in `Expression`."""

    yaw: np.ndarray
    pitch: np.ndarray
    roll: np.ndarray
    blink: np.ndarray
    brow: np.ndarray
    smile: np.ndarray
    frown: np.ndarray


def _drift(rng: np.random.Generator, count: int, seconds: float, amplitude: float) -> np.ndarray:
    return drift(rng, count, seconds, amplitude).astype(np.float32)


def make_motion(rng: np.random.Generator, n_frames: int, fps: float = TRAINING_FPS, yaw: float | None = None) -> Motion:
    """A clip's motion about a random rest; in a third of the clips the head rests turned, up to 25 degrees.

    yaw: degrees up to 25 to a side, the head stays turned that far.
    """
    drawn = _drawn_motion(rng, drawn_frames(n_frames, fps))
    motion = Motion(**{name: at_rate(track, n_frames, fps) for name, track in vars(drawn).items()})
    if yaw is None:
        return motion
    return replace(motion, yaw=np.full(n_frames, np.clip(yaw, -_YAW, _YAW), np.float32))


def _drawn_motion(rng: np.random.Generator, count: int) -> Motion:
    uniform = rng.uniform
    turned = rng.random() < _TURNED
    yaw = (uniform(-22, 22) if turned else rng.normal(0, 5)) + _drift(rng, count, 0.5, uniform(0.6, 3.0))
    pitch = (uniform(-11, 11) if turned else rng.normal(0, 4)) + _drift(rng, count, 0.5, uniform(0.5, 2.4))
    return Motion(
        yaw=np.clip(yaw, -_YAW, _YAW),
        pitch=np.clip(pitch, -_PITCH, _PITCH),
        roll=uniform(-5, 5) + _drift(rng, count, 0.5, uniform(0.4, 2.0)),
        blink=_blinks(rng, count),
        brow=np.clip(_drift(rng, count, 0.36, 0.35), -0.3, 1),
        smile=np.clip(uniform(-0.06, 0.14) + _drift(rng, count, 0.8, 0.06), -0.1, 0.4),
        frown=np.full(count, max(0.0, uniform(-0.15, 0.12)), np.float32),
    )


def _blinks(rng: np.random.Generator, count: int) -> np.ndarray:
    """Every 1.5 to 4.5 seconds the lids shut within two frames and open within three."""
    lid = np.zeros(count, np.float32)
    at = int(rng.integers(5, 60))
    while at < count - 5:
        lid[at : at + 5] = (0.5, 1, 1, 0.6, 0.2)
        at += int(rng.integers(35, 110))
    return lid


def make_boxes(
    rng: np.random.Generator,
    head: Head,
    box: np.ndarray,
    motion: Motion,
    jaw: np.ndarray,
    fps: float = TRAINING_FPS,
) -> np.ndarray:
    """The crop's box in every frame, float64 (n, 4) in photo space, as the kit's smoothed track of it would be.

    box: what the detector gives for the photograph, or NaN. jaw: (n,), how far the chin is down, in pixels.
    """
    count, uniform = len(jaw), rng.uniform
    pack = head_pack()
    outline = head.rest[np.concatenate([pack.jaw, pack.landmarks[17:27]])]
    left, top, right, bottom = _bounds(outline)
    width, height = right - left, bottom - top
    if not np.isfinite(box).all():
        box = np.array([left, top - 0.45 * height, right, bottom + 0.05 * height])
    margin = (box - (left, top, right, bottom)) / (width, height, width, height)
    boxes = np.empty((count, 4))
    for k, turn in enumerate(zip(motion.yaw, motion.pitch, motion.roll, strict=True)):
        left, top, right, bottom = _bounds(head.turned(outline, turn))
        sides = np.tile((right - left, bottom - top), 2)
        boxes[k] = (left, top, right, bottom) + margin * sides
        boxes[k, ::2] += _SIDE_SHIFT * turn[0] * (right - left)
    boxes[:, 3] += _CHIN_SHARE * jaw
    centre, size = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    centre = uniform_filter1d(centre, _CENTRE_FRAMES, axis=0, mode="nearest")
    size = uniform_filter1d(size, _SIZE_FRAMES, axis=0, mode="nearest")
    boxes = np.concatenate([centre - size / 2, centre + size / 2], axis=1)
    boxes[:, 3] += uniform(0.025, 0.075) * size[:, 1]  # the usual pad below the chin
    drifts = [_drift(rng, drawn_frames(count, fps), 0.4, uniform(0.002, 0.010)) for _ in range(4)]
    sway = np.stack([at_rate(one, count, fps) for one in drifts], axis=1)
    return boxes + (sway + rng.normal(0, 0.015, 4)) * np.tile(size, 2)


def _bounds(points: np.ndarray) -> tuple[float, float, float, float]:
    (left, top), (right, bottom) = points[:, :2].min(0), points[:, :2].max(0)
    return float(left), float(top), float(right), float(bottom)
