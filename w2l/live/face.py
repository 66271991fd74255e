"""The face of a live stream: found, cropped and given its weights once, so that each picture costs little."""

from __future__ import annotations

import itertools
import os
import time
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from w2l import audio
from w2l import weights as weight_files
from w2l.base.parallel import one_thread
from w2l.dubbing.dub import load_generator, suited
from w2l.dubbing.footage import back_and_forth
from w2l.dubbing.methods import Method, method_for
from w2l.dubbing.references import ClosedLips, OwnFrames, References
from w2l.dubbing.settings import Settings
from w2l.errors import W2LError
from w2l.live.settings import LIVE_SETTINGS
from w2l.marking import mark

if TYPE_CHECKING:
    pass

_BATCH = 8  # frames drawn at once where many wait, and where there is a GPU
_SHARE, _TRIALS = 0.7, 3  # of a frame's time, that drawing it may take one thread; how often that is measured
SILENCE = np.full((1, audio.N_MELS, audio.WINDOW), -audio.MEL_LIMIT, np.float32)  # what is heard in one frame
_MOST_BYTES = 256 << 20  # of a clip's frames, which are all held


class LiveFace:
    """A face that is ready to speak. It is made once, and may speak any number of times.

    face: a picture or a short clip; of a clip whose frames take more than 256 MB, the first ones are used. A clip runs
    back and forth, as in a dub; a picture keeps still. settings: those of `dub` that are in `LIVE_SETTINGS`: how faces
    are found, framed and drawn. Every picture has the visible label. notes: what a user should know.
    Raises W2LError as `dub` does, and for settings that make no sense live.
    """

    def __init__(self, face: str | os.PathLike[str], **settings: Any) -> None:
        self.method: Method = method_for(Settings().with_changes(**settings))
        if odd := [name for name in settings if name not in LIVE_SETTINGS]:
            raise W2LError(f"{odd[0]} cannot be chosen for a live stream; leave it out.")
        checkpoint = weight_files.find(self.method.settings.weights)
        footage = self.method.open(face)
        self.fps = footage.fps
        most = max(1, _MOST_BYTES // next(footage.read(max_frames=1)).nbytes)
        self.frames = list(itertools.islice(footage.read(max_frames=most), most))
        scene = self.method.find_faces(footage, len(self.frames), lambda: None)
        self.track = self.method.track(scene, self.method.settings.which)
        self.frames = self.frames[: len(self.track)]
        self.notes = list(footage.clip.notes)
        if len(self.frames) == most > 1 and next(footage.read(most, 1), None) is not None:
            self.notes.append(
                f"of {Path(face).name} only the first {most / self.fps:.1f} s are used; a live stream holds all frames "
                "in memory."
            )
        if mark.label_box(*self.track.size) is None:
            width, height = self.track.size
            raise W2LError(
                f"a picture of {width}x{height} pixels is too small for the label that every live picture carries; "
                "give a larger one."
            )
        self._corner = mark.quiet_corner(*self.track.size, self.track.boxes)
        loaded = load_generator(checkpoint, self.method)
        self._generate, self.mel_shift, _, told = suited(loaded, self.method, [self.track])
        self.notes += told
        self._crops = [self._crop(i) for i in range(len(self.frames))]
        self._references = self.references()
        self._warm_up()
        self.threads = self._threads_needed()
        self.batch = min(_BATCH, self.threads) if self.threads else _BATCH

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the pictures."""
        return self.track.size

    def source(self, index: int) -> int:
        """Which of the face's frames is shown in frame `index` of the stream."""
        return back_and_forth(index, len(self.frames))

    def references(self) -> References:
        """What chooses the references of one stream, as in a dub; what a crop's mouth looks like is measured once."""
        moves = len(self.frames) > 1 and self.method.settings.reference == "closed"
        return _MeasuredOnce(self.fps, self._openings) if moves else OwnFrames()

    def draw(self, sources: list[int], windows: np.ndarray, references: References) -> list[np.ndarray]:
        """The pictures, (H, W, 3) uint8 BGR, of the face's frames `sources` that say what is heard in the windows.

        windows: float32 (n, 80, 16). references: those of this stream, which are asked frame by frame.
        """
        crops = [self._crops[i] for i in sources]
        faced = [k for k, crop in enumerate(crops) if crop is not None]
        seen = [crop for crop in crops if crop is not None]
        like = [references.choose(crop) for crop in seen]
        drawn = iter(self._generate(np.stack(seen), windows[faced], np.stack(like)) if seen else ())
        pictures = []
        for i, crop in zip(sources, crops, strict=True):
            picture = self.frames[i]
            if crop is not None:
                picture = self.method.paste(picture, crop, next(drawn), self.track.boxes[i], float(self.track.rolls[i]))
            pictures.append(mark.label_frame(picture, self._corner))
        return pictures

    @cached_property
    def _openings(self) -> dict[int, float]:
        return {}

    def _crop(self, i: int) -> np.ndarray | None:
        if not self.track.has_face(i):
            return None
        roll = float(self.track.rolls[i])
        return self.method.cut_crop(self.frames[i], self.track.boxes[i], roll, self._generate.size)

    def _warm_up(self) -> None:
        """Does everything once, since the kernels take a while to start."""
        audio.melspectrogram(np.zeros(audio.N_FFT, np.float32))
        self.draw([0, 0], np.repeat(SILENCE, 2, axis=0), self._references)
        if isinstance(self._references, _MeasuredOnce):
            for crop in self._crops:
                if crop is not None:
                    self._references.choose(crop)

    def _threads_needed(self) -> int:
        """How many processor threads a stream should draw with; 0 on a GPU, where it does not matter.

        One, where it is fast enough: threads that share the work of one small picture wait for each other, on a busy
        machine for longer than the work takes, and the others serve whoever looks.
        """
        import torch

        if self._generate.device.type != "cpu":
            return 0
        took = []
        with one_thread():
            for _ in range(_TRIALS):
                before = time.thread_time()
                self.draw([0], SILENCE, self._references)
                took.append(time.thread_time() - before)
        return 1 if min(took) < _SHARE / self.fps else torch.get_num_threads()


class _MeasuredOnce(ClosedLips):
    """Like `ClosedLips`, for crops that come again and again; openings: id of a crop -> how open its mouth is."""

    def __init__(self, fps: float, openings: dict[int, float]) -> None:
        super().__init__(fps)
        self._openings = openings

    def _opening(self, crop: np.ndarray) -> float:
        if id(crop) not in self._openings:
            self._openings[id(crop)] = super()._opening(crop)
        return self._openings[id(crop)]
