"""Systems whose results are made here: the truth, what does nothing, loudness, generators, and known damage."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from w2l import video, weights
from w2l.audio import TRAINING_FPS, melspectrogram
from w2l.evaluate.held_out import Dubber
from w2l.evaluate.metrics.lead import loudness
from w2l.evaluate.truth.making import shoot, tracks
from w2l.evaluate.truth.testset import TestSet, TruthClip
from w2l.faces import cut_crop, paste
from w2l.talker.mouth import Mouth
from w2l.talker.visemes import shown_times

_OPENING = Mouth._fields.index("opening")
_LOUD = 95  # percentile of the loudness at which a mouth driven by it is wide open
_LATE, _LEAK, _TIMID = 3, 0.3, 0.7  # frames; share of the old mouth; share of the opening
_BLUR, _SHAKE = 0.011, 0.004  # of the face's side: sigma, and deviation of the place in which it is pasted
_FINE = 192  # pixels of a face taken out of a whole frame

Frames = list[np.ndarray]


@dataclass(frozen=True, eq=False)
class Own:
    """Results that are made when they are scored, as `Answers`."""

    name: str
    kind: str
    make: Callable[[TruthClip], Frames]

    def frames(self, clip: TruthClip) -> Iterator[np.ndarray]:
        """The frames of a clip."""
        return iter(self.make(clip))

    def note(self, clip: TruthClip) -> str:
        """Nothing is to be said."""
        return ""


class Ways:
    """The ways in which results are made: each takes a clip and returns its frames, of one kind of `KINDS`."""

    def __init__(self, testset: TestSet, kind: str) -> None:
        self._set, self._kind = testset, kind

    def truth(self, clip: TruthClip) -> Frames:
        """The head as it would have said the words."""
        return _read(self._set.truth(clip, self._kind))

    def pasted(self, clip: TruthClip) -> Frames:
        """The clip as it was given, with the mouth of the old words."""
        return _read(self._set.face(clip, self._kind))

    def still(self, clip: TruthClip) -> Frames:
        """The first frame, all the time."""
        return self.pasted(clip)[:1] * len(clip)

    def loudness(self, clip: TruthClip) -> Frames:
        """A mouth that opens as loudly as it is heard, and does nothing else."""
        level = loudness(self._set.speech(clip))
        seen = np.interp(shown_times(len(clip)) * 1000, np.arange(len(level)), level)
        mouths = np.zeros((len(clip), len(Mouth._fields)), np.float32)
        mouths[:, _OPENING] = np.clip(seen / max(float(np.percentile(level, _LOUD)), 1e-6), 0, 1.15)
        return self._shot(clip, mouths)

    def delayed(self, clip: TruthClip) -> Frames:
        """The truth, with its mouth three frames late."""
        new, _ = self._tracks(clip)
        return self._shot(clip, new[np.maximum(np.arange(len(new)) - _LATE, 0)])

    def leaking(self, clip: TruthClip) -> Frames:
        """The truth, with three tenths of the old mouth in it."""
        new, old = self._tracks(clip)
        return self._shot(clip, (1 - _LEAK) * new + _LEAK * old)

    def timid(self, clip: TruthClip) -> Frames:
        """The truth, opened seven tenths as far."""
        new = self._tracks(clip)[0].copy()
        new[:, _OPENING] *= _TIMID
        return self._shot(clip, new)

    def frozen(self, clip: TruthClip) -> Frames:
        """The truth, with its mouth at rest all the time."""
        new, _ = self._tracks(clip)
        return self._shot(clip, np.repeat(new[:1], len(new), axis=0))

    def blurred(self, clip: TruthClip) -> Frames:
        """The truth, with a soft lower face."""
        return self._changed(clip, lambda face: cv2.GaussianBlur(face, (0, 0), _BLUR * len(face)))

    def trembling(self, clip: TruthClip) -> Frames:
        """The truth, with a lower face that is never quite in its place."""
        rng = np.random.default_rng(int(clip.name))

        def shaken(face: np.ndarray) -> np.ndarray:
            shift = np.hstack([np.eye(2), rng.normal(0, _SHAKE * len(face), (2, 1))])
            size = face.shape[1::-1]
            return cv2.warpAffine(face, shift, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)

        return self._changed(clip, shaken)

    def generator(self, name: str) -> Callable[[TruthClip], Frames]:
        """A generator of the kit, or a file of its weights: bare faces, or pasted into the frames as a dub does it."""
        dubber = Dubber.load(name)

        def spoken(clip: TruthClip) -> Frames:
            given, mel = self.pasted(clip), melspectrogram(self._set.speech(clip))
            if self._kind == "crops":
                return list(dubber.speak(np.stack(given), mel))
            crops = [cut_crop(frame, box, dubber.size) for frame, box in zip(given, clip.boxes, strict=True)]
            return [paste(*one) for one in zip(given, dubber.speak(np.stack(crops), mel), clip.boxes, strict=True)]

        return spoken

    def _tracks(self, clip: TruthClip) -> tuple[np.ndarray, np.ndarray]:
        return tracks(int(clip.name), self._set.recipe)

    def _shot(self, clip: TruthClip, mouths: np.ndarray) -> Frames:
        """The face of a clip with another mouth."""
        frames, _ = shoot(int(clip.name), self._set.recipe, mouths)
        return frames if self._kind == "frames" else list(map(cut_crop, frames, clip.boxes))

    def _changed(self, clip: TruthClip, change: Callable[[np.ndarray], np.ndarray]) -> Frames:
        """The truth with its lower face changed."""
        changed = []
        for frame, box in zip(self.truth(clip), clip.boxes, strict=True):
            where = box if self._kind == "frames" else (0, 0, *frame.shape[1::-1])
            changed.append(paste(frame, change(cut_crop(frame, where, _FINE)), where))
        return changed


def _read(path: Path) -> Frames:
    return list(video.read_frames(path, TRAINING_FPS))


BASELINES = ("truth", "still", "pasted", "loudness")
DAMAGES = ("delayed", "leaking", "timid", "frozen", "blurred", "trembling")
GENERATORS = tuple(name for name in weights.BUNDLED if name.startswith("classroom_generator")) + (weights.CLASSROOM,)


def own_systems(names: list[str], testset: TestSet, kind: str) -> Iterator[Own]:
    """Systems by name: of `BASELINES`, `DAMAGES`, a generator's name or file; ``all`` for the first and all bundled
    generators, ``damages`` for the second. Raises W2LError for unknown ones, before the first is made."""
    ways, groups = Ways(testset, kind), {"all": (*BASELINES, *GENERATORS), "damages": DAMAGES}
    wanted = dict.fromkeys(one for name in names for one in groups.get(name, (name,)))
    for name in wanted:
        if name not in (*BASELINES, *DAMAGES):
            weights.find(name)
    for name in wanted:
        known = name in (*BASELINES, *DAMAGES)
        yield Own(weights.called(name), kind, getattr(ways, name) if known else ways.generator(name))
