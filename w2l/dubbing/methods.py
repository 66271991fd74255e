"""The two ways of dubbing: `Modern`, the kit's own, and `Published`, which repeats the published code exactly.

`method_for` chooses one at the start; from then on every stage calls its method, and none checks which one it is.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from w2l import audio, faces, video
from w2l.dubbing import published
from w2l.dubbing.footage import Footage
from w2l.dubbing.references import ClosedLips, OwnFrames, References
from w2l.dubbing.settings import Settings
from w2l.dubbing.speech import Speech, listen
from w2l.errors import W2LError


class Method(Protocol):
    """What differs between the ways of dubbing. Frames and crops are HWC uint8 BGR, boxes float32 x1, y1, x2, y2."""

    settings: Settings
    generator_options: Mapping[str, Any]  # how the generator computes, for `Generate`
    takes_several_speakers: bool

    def listen(self, path: str | os.PathLike[str]) -> Speech:
        """The speech, with what the networks hear of it. Raises W2LError when there is nothing to hear."""
        ...

    def open(self, face: str | os.PathLike[str]) -> Footage:
        """The clip as the settings want it. Raises W2LError when it holds no picture."""
        ...

    def find_faces(self, footage: Footage, n_frames: int, on_frame: Callable[[], object]) -> faces.Scene:
        """All faces in the first frames of the clip; `on_frame` is called for each."""
        ...

    def find_faces_in(self, frames: Iterable[np.ndarray]) -> faces.Scene:
        """All faces in these neighbouring frames."""
        ...

    def track(self, scene: faces.Scene, which: faces.Which) -> faces.Track:
        """The box of the chosen face in each frame."""
        ...

    def all_tracks(self, scene: faces.Scene) -> list[faces.Track]:
        """The tracks of all faces that could have been chosen, without pads."""
        ...

    def count_frames(self, n_frames: int, footage: Footage, length: int, mel: np.ndarray) -> int:
        """How many frames the result has.

        n_frames: how many the speech lasts; length: how many the clip has; mel: float32 (80, T) of the speech.
        """
        ...

    def check_size(self, size: int) -> None:
        """Raises W2LError where a generator for faces of `size` pixels cannot be used."""
        ...

    def cut_crop(
        self, frame: np.ndarray, box: np.ndarray, roll: float = 0.0, size: int = faces.CROP_SIZE
    ) -> np.ndarray:
        """(size, size, 3) uint8 BGR: what the generator sees; roll: as in `Track.rolls`."""
        ...

    def references(self, fps: float) -> References:
        """What chooses the references of one face's crops, `fps` of them a second."""
        ...

    def mel_windows(self, mel: np.ndarray, fps: float, first: int, count: int, shift: float) -> np.ndarray:
        """What the generator hears in frames first, first + 1, ... of the result: float32 (count, 80, 16)."""
        ...

    def paste(
        self, frame: np.ndarray, crop: np.ndarray, generated: np.ndarray, box: np.ndarray, roll: float = 0.0
    ) -> np.ndarray:
        """A copy of the frame with the generated face in its box; `crop` is what the generator saw."""
        ...


def method_for(settings: Settings) -> Method:
    """The way of dubbing that the settings choose."""
    return Published(settings) if settings.parity else Modern(settings)


class Modern:
    """The kit's own way: exact timing, boxes in fractions of pixels, mouths that fade into the frame."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.generator_options: Mapping[str, Any] = {}
        self.takes_several_speakers = settings.box is None

    def listen(self, path: str | os.PathLike[str]) -> Speech:
        """See `Method`."""
        return listen(path, self.settings.audio_track)

    def open(self, face: str | os.PathLike[str]) -> Footage:
        """See `Method`."""
        clip, settings = video.probe(face), self.settings
        fps = float(settings.fps or clip.fps)
        footage = Footage(clip, fps, settings.framing, settings.extend, settings.static)
        if settings.start is None and settings.end is None:
            return footage
        return replace(footage, part=video.excerpt(clip, fps, settings.start, settings.end))

    def find_faces(self, footage: Footage, n_frames: int, on_frame: Callable[[], object]) -> faces.Scene:
        """See `Method`; what is found in a file is kept for the next run."""
        return faces.see(
            footage.clip.path,
            **_search(self.settings, self.settings.detector),
            fps=footage.fps,
            framing=footage.framing,
            max_frames=1 if footage.is_still else n_frames,
            cache=self.settings.cache,
            on_frame=on_frame,
            start=self.settings.start,
            end=self.settings.end,
        )

    def find_faces_in(self, frames: Iterable[np.ndarray]) -> faces.Scene:
        """See `Method`."""
        return faces.see(iter(frames), **_search(self.settings, self.settings.detector))

    def track(self, scene: faces.Scene, which: faces.Which) -> faces.Track:
        """See `Method`."""
        return scene.track(which, self.settings.pads, self.settings.smooth, self.settings.gaps)

    def all_tracks(self, scene: faces.Scene) -> list[faces.Track]:
        """See `Method`."""
        return scene.tracks((0, 0, 0, 0), self.settings.smooth, self.settings.gaps)

    def count_frames(self, n_frames: int, footage: Footage, length: int, mel: np.ndarray) -> int:
        """See `Method`."""
        return min(n_frames, length) if footage.extend == "trim" and not footage.is_still else n_frames

    def check_size(self, size: int) -> None:
        """See `Method`; any will do."""

    def cut_crop(
        self, frame: np.ndarray, box: np.ndarray, roll: float = 0.0, size: int = faces.CROP_SIZE
    ) -> np.ndarray:
        """See `Method`."""
        return faces.cut_crop(frame, box, size, roll)

    def references(self, fps: float) -> References:
        """See `Method`."""
        return ClosedLips(fps) if self.settings.reference == "closed" else OwnFrames()

    def mel_windows(self, mel: np.ndarray, fps: float, first: int, count: int, shift: float) -> np.ndarray:
        """See `Method`."""
        return audio.mel_windows(mel, fps, count, shift, start=first)

    def paste(
        self, frame: np.ndarray, crop: np.ndarray, generated: np.ndarray, box: np.ndarray, roll: float = 0.0
    ) -> np.ndarray:
        """See `Method`."""
        patch = faces.match_colour(generated, crop) if self.settings.match_colour else generated
        return faces.paste(frame, patch, box, self.settings.feather, roll)


class Published:
    """The published way to the letter, known faults included (see `published`)."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.generator_options: Mapping[str, Any] = {"dtype": "float32", "truncate": True}
        self.takes_several_speakers = False

    def listen(self, path: str | os.PathLike[str]) -> Speech:
        """See `Method`; the mean of all channels, as loud as it is."""
        return listen(path, self.settings.audio_track, plain=True)

    def open(self, face: str | os.PathLike[str]) -> Footage:
        """See `Method`. Raises W2LError for any frame rate but the clip's own, and for a part of it."""
        clip, settings = video.probe(face), self.settings
        if settings.start is not None or settings.end is not None:
            raise W2LError("parity mode dubs the whole clip, as the published code does; leave start and end out.")
        framing = replace(settings.framing, bilinear=True)
        if clip.is_still:
            return Footage(clip, float(settings.fps or clip.fps), framing, settings.extend, settings.static)
        if settings.fps is not None:
            raise W2LError("parity mode keeps the clip's own frame rate; leave fps out.")
        # the published code extends a clip in one way only: it plays it again
        return PublishedFootage(clip, published.frame_rate(face), framing, "loop", settings.static)

    def find_faces(self, footage: Footage, n_frames: int, on_frame: Callable[[], object]) -> faces.Scene:
        """See `Method`."""
        frames = footage.read(max_frames=n_frames)
        return faces.see(frames, **_search(self.settings, self._detector()), on_frame=on_frame, as_detected=True)

    def find_faces_in(self, frames: Iterable[np.ndarray]) -> faces.Scene:
        """See `Method`."""
        return faces.see(iter(frames), **_search(self.settings, self._detector()), as_detected=True)

    def track(self, scene: faces.Scene, which: faces.Which) -> faces.Track:
        """See `Method`; always the face with the highest score in each frame, in whole pixels."""
        if self.settings.box is not None:
            boxes = np.tile(np.array(self.settings.box, np.int64), (len(scene.found.faces), 1))
        else:
            boxes = published.boxes(scene.found.faces, scene.found.size, self.settings.pads, self.settings.smooth)
        told = scene.track("main", smooth=False) if scene.faces else None  # drawn on all the same, but worth a note
        return faces.Track(
            boxes.astype(np.float32),
            np.ones(len(boxes), bool),
            scene.found.size,
            cut_off=np.zeros(0, bool) if told is None else told.cut_off,
            lying=np.zeros(0, bool) if told is None else told.lying,
        )

    def all_tracks(self, scene: faces.Scene) -> list[faces.Track]:
        """See `Method`; none, because there is no choice."""
        return []

    def count_frames(self, n_frames: int, footage: Footage, length: int, mel: np.ndarray) -> int:
        """See `Method`; the published code stops a few frames early."""
        return len(published.window_starts(footage.fps, mel.shape[1]))

    def check_size(self, size: int) -> None:
        """See `Method`; the published one only."""
        if size != published.CROP_SIZE:
            raise W2LError(
                f"parity mode knows faces of {published.CROP_SIZE} pixels only, and these weights draw {size}; give "
                "other weights, or leave parity out."
            )

    def cut_crop(
        self, frame: np.ndarray, box: np.ndarray, roll: float = 0.0, size: int = faces.CROP_SIZE
    ) -> np.ndarray:
        """See `Method`; heads are never turned, and there is one size."""
        return published.cut_crop(frame, box)

    def references(self, fps: float) -> References:
        """See `Method`; each frame is its own."""
        return OwnFrames()

    def mel_windows(self, mel: np.ndarray, fps: float, first: int, count: int, shift: float) -> np.ndarray:
        """See `Method`; never shifted."""
        starts = published.window_starts(fps, mel.shape[1])[first : first + count]
        return np.stack([mel[:, start : start + audio.WINDOW] for start in starts])

    def paste(
        self, frame: np.ndarray, crop: np.ndarray, generated: np.ndarray, box: np.ndarray, roll: float = 0.0
    ) -> np.ndarray:
        """See `Method`; heads are never turned."""
        return published.paste(frame, generated, box)

    def _detector(self) -> str | faces.Detector:
        """The detector; S3FD gets frames as in the published code."""
        if self.settings.detector != "s3fd":
            return self.settings.detector
        return faces.detector("s3fd", self.settings.detector_batch_size, self.settings.device, published=True)


class PublishedFootage(Footage):
    """A clip as OpenCV reads it: every frame once, whatever its time stamp, and nothing is transparent."""

    def on_black(self) -> None:
        """None: transparency is not known here."""

    def _decode(self, start: int, max_frames: int | None) -> Iterator[np.ndarray]:
        stop = None if max_frames is None else start + max_frames
        return itertools.islice(published.read_frames(self.clip.path, stop), start, None)


def _search(settings: Settings, detector: str | faces.Detector) -> dict[str, Any]:
    """The arguments that every call of `faces.see` has in common."""
    return {
        "detector": detector,
        "box": settings.box,
        "batch_size": settings.detector_batch_size,
        "device": settings.device,
    }
