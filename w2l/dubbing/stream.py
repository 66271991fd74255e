"""The stream of a dub: decoded frames in, dubbed frames out. Each stage runs in its own thread, a few frames ahead."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from w2l import faces
from w2l.base.parallel import Stopwatch, ahead
from w2l.dubbing.footage import Footage
from w2l.dubbing.methods import Method
from w2l.dubbing.settings import Settings
from w2l.marking import mark

if TYPE_CHECKING:
    from w2l.models.fast.generate import Generate

_STAGE_BYTES = 48 << 20  # frames that wait for a stage, so that memory does not grow with their size


@dataclass(frozen=True)
class DubbedMouth:
    """One redrawn mouth of a frame."""

    speaker: int  # which of the speeches it says, from 0
    box: np.ndarray  # float32 x1, y1, x2, y2
    crop: np.ndarray  # (size, size, 3) uint8 BGR: what the generator saw; size: of its faces
    generated: np.ndarray  # likewise: what it drew
    roll: float = 0.0  # degrees clockwise by which the head, and so the box, is turned; see `Track`


@dataclass(frozen=True)
class Moment:
    """One dubbed frame and what led to it. Pictures are HWC uint8 BGR."""

    index: int  # of the frame in the result
    time: float  # seconds from the start
    frame: np.ndarray  # as decoded and framed
    mouths: tuple[DubbedMouth, ...]  # none where there is no face
    result: np.ndarray  # as given to the encoder

    @property
    def box(self) -> np.ndarray | None:
        """The first speaker's face box; None where there is no face."""
        return self.mouths[0].box if self.mouths else None

    @property
    def crop(self) -> np.ndarray | None:
        """What the generator saw of the first speaker's face."""
        return self.mouths[0].crop if self.mouths else None

    @property
    def generated(self) -> np.ndarray | None:
        """What it drew."""
        return self.mouths[0].generated if self.mouths else None


@dataclass(frozen=True)
class SpeakingFace:
    """One face and what it says."""

    track: faces.Track  # over the frames of the clip
    mel: np.ndarray  # float32 (80, T)


@dataclass(frozen=True)
class Plan:
    """Everything that is known before the first frame is drawn."""

    footage: Footage
    speakers: list[SpeakingFace]
    n_frames: int
    mel_shift: float  # frames of 1/25 s
    method: Method

    @property
    def settings(self) -> Settings:
        """The user's settings."""
        return self.method.settings

    @property
    def length(self) -> int:
        """How many frames of the clip are used."""
        return len(self.speakers[0].track)

    @property
    def batch_size(self) -> int:
        """How many frames are drawn at once, and how many may wait for each stage."""
        width, height = self.speakers[0].track.size
        return min(self.settings.batch_size, max(4, _STAGE_BYTES // (3 * width * height)))

    @cached_property
    def corner(self) -> str | None:
        """Where the label goes; None: nowhere."""
        track = self.speakers[0].track
        boxes = np.concatenate([speaker.track.boxes for speaker in self.speakers])
        return mark.quiet_corner(*track.size, boxes) if self.settings.label else None

    def windows(self, speaker: int, first: int, count: int) -> np.ndarray:
        """What the generator hears of a speaker in these frames of the result: float32 (count, 80, 16)."""
        mel = self.speakers[speaker].mel
        return self.method.mel_windows(mel, self.footage.fps, first, count, self.mel_shift)

    def boxes(self, index: int) -> dict[int, np.ndarray]:
        """Speaker -> face box in this frame of the result, for the speakers whose face it shows."""
        source = self.footage.source(index, self.length)
        tracks = enumerate(speaker.track for speaker in self.speakers)
        return {i: track.boxes[source] for i, track in tracks if track.has_face(source)}

    def roll(self, speaker: int, index: int) -> float:
        """By how many degrees the speaker's head is turned in this frame of the result; see `Track`."""
        return float(self.speakers[speaker].track.rolls[self.footage.source(index, self.length)])


def redraw(plan: Plan, generate: Generate, clock: Stopwatch) -> Iterator[Moment]:
    """The dubbed frames in order; decoding, drawing and pasting run ahead of the reader."""
    size = plan.batch_size
    frames = ahead(clock.each("decode", plan.footage.frames(plan.n_frames, plan.length)), size)
    drawn = ahead(_draw(plan, frames, generate, clock), size)
    return ahead(_finish(plan, drawn, clock), 2)


def _draw(plan: Plan, frames: Iterator[np.ndarray], generate: Generate, clock: Stopwatch) -> Iterator[Moment]:
    """Draws the mouths of a batch of frames at a time; the results are still the frames themselves."""
    choosers = [plan.method.references(plan.footage.fps) for _ in plan.speakers]
    for first in range(0, plan.n_frames, plan.batch_size):
        batch = list(itertools.islice(frames, plan.batch_size))
        with clock.time("generate"):
            places = [(i, s, box) for i in range(len(batch)) for s, box in plan.boxes(first + i).items()]
            wanted = [(i, s, box, plan.roll(s, first + i)) for i, s, box in places]
            crops = [plan.method.cut_crop(batch[i], box, roll, generate.size) for i, _, box, roll in wanted]
            heard = {s: plan.windows(s, first, len(batch)) for s in {s for _, s, *_ in wanted}}
            asked = {s: [crop for crop, (_, t, *_) in zip(crops, wanted, strict=True) if t == s] for s in heard}
            chosen = {s: iter(choosers[s].choose_all(mine)) for s, mine in asked.items()}
            like = [next(chosen[s]) for _, s, *_ in wanted]
            windows = [heard[s][i] for i, s, *_ in wanted]
            generated = generate(np.stack(crops), np.stack(windows), np.stack(like)) if crops else ()
        mouths: list[list[DubbedMouth]] = [[] for _ in batch]
        for (i, s, box, roll), crop, drawn in zip(wanted, crops, generated, strict=True):
            mouths[i].append(DubbedMouth(s, box, crop, drawn, roll))
        batch.reverse()
        for i, found in enumerate(mouths, first):
            frame = batch.pop()  # so that it is freed as soon as it has been passed on
            yield Moment(i, i / plan.footage.fps, frame, tuple(found), frame)


def _finish(plan: Plan, moments: Iterator[Moment], clock: Stopwatch) -> Iterator[Moment]:
    """Pastes the mouths and draws the label."""
    corner = plan.corner
    for moment in moments:
        with clock.time("paste"):
            result = moment.frame
            for mouth in moment.mouths:
                result = plan.method.paste(result, mouth.crop, mouth.generated, mouth.box, mouth.roll)
            result = result if corner is None else mark.label_frame(result, corner)
        yield replace(moment, result=result)
