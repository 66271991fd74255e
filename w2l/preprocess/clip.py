"""One clip from file to store entries: decoded, tracked, cut into stretches of one face, cropped, synchronised."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from w2l import audio, faces, sync, video, weights
from w2l.audio import SAMPLES_PER_FRAME, TRAINING_FPS
from w2l.base.files import hash_of
from w2l.data.clip import Clip
from w2l.data.packed import PackedFrames
from w2l.errors import W2LError
from w2l.faces.boxes import iou
from w2l.faces.crop import CROP_SIZE, cut_crop
from w2l.preprocess.settings import PreprocessSettings
from w2l.preprocess.sources import SOUND, TRUTH, Source, pictures

if TYPE_CHECKING:
    from w2l.sync.experts import Expert

_VERSION = 2  # raised with every change that affects the clips of a store
_ODD = (OSError, ValueError, LookupError, ArithmeticError, cv2.error)  # what decoders raise for damaged files
_JUMP = 0.5  # IoU of two neighbouring frames' boxes below which they count as two faces


def facts(settings: PreprocessSettings) -> dict[str, Any]:
    """Everything that affects the clips made: the settings, and the weights of the detector and the expert."""
    known: dict[str, Any] = {"version": _VERSION, **asdict(settings)}
    del known["device"]
    known["min_face"] = settings.lowest_face
    if settings.size == CROP_SIZE:
        del known["size"]  # as in stores from before there was a choice
    finder = faces.detector(settings.detector, device=settings.device)
    known["detector"] = f"{finder.name} {finder.settings}"
    known["expert"] = hash_of(weights.find(settings.expert)) if settings.expert else None
    return known


@dataclass(frozen=True)
class Made:
    """A clip, the frame of its source (at 25 a second) where it starts, and its sync; see `store.ClipEntry`."""

    start: int
    clip: Clip
    offset: int | None
    confidence: float | None
    shift: int


@dataclass(frozen=True)
class Dropped:
    """A stretch that was not kept: reason is one of a few words, detail a sentence or a number; 0 frames means all."""

    reason: str
    detail: str = ""
    start: int = 0
    frames: int = 0


@dataclass(frozen=True)
class _Seen:
    """A crop, and the frame and the box that it was cut from. begins: whether another face or shot begins here."""

    index: int
    crop: np.ndarray
    box: np.ndarray
    begins: bool


class Maker:
    """Makes clips of sources, one after the other; the expert is loaded first, the detector when it is needed."""

    def __init__(self, root: Path, settings: PreprocessSettings) -> None:
        self._root, self._settings = root, settings
        self._finder: faces.Detector | None = None
        self._expert: Expert | None = None
        if settings.expert:  # first, so that a wrong expert stops the run immediately
            from w2l.sync.experts import load_expert  # here, because torch takes seconds to start

            self._expert = load_expert(settings.expert, "cpu", measure="cosine")

    def make(self, source: Source) -> Iterator[Made | Dropped]:
        """The clips of a source, one in memory at a time, and what was dropped.

        A source that cannot be read gives a `Dropped` too.
        """
        if source.fault:
            yield Dropped("missing", source.fault)
            return
        try:
            yield from self._pictures(source) if source.is_folder else self._video(source)
        except W2LError as error:
            yield Dropped("unreadable", str(error))
        except _ODD as error:  # one damaged file among a hundred thousand must not stop the run
            yield Dropped("unreadable", f"{type(error).__name__}: {error}")

    def _video(self, source: Source) -> Iterator[Made | Dropped]:
        path = self._root / source.path
        info = video.probe(path)
        if info.is_still or not info.has_audio:
            yield Dropped("no sound", "it is a picture" if info.is_still else "the video has none")
            return
        wav = audio.load(path)
        if audio.is_silent(wav):
            yield Dropped("silent", "its sound stays below -80 dB")
            return
        truth = _read_truth(path) if source.truth else None
        if truth is not None and (info.width, info.height) == (CROP_SIZE, CROP_SIZE):
            track = faces.see(path, box=(0, 0, CROP_SIZE, CROP_SIZE), fps=TRAINING_FPS).track()
            cuts: list[int] = []
        else:
            self._finder = self._finder or faces.detector(self._settings.detector, device=self._settings.device)
            scene = faces.see(path, self._finder, fps=TRAINING_FPS, cache=False)  # so many clips would fill the cache
            if not scene.faces:
                yield Dropped("no face", f"in none of the {len(scene.found.faces)} frames", 0, len(scene.found.faces))
                return
            track, cuts = scene.track(pads=(0, 0, 0, 0)), scene.cuts
        with closing(video.read_frames(path, TRAINING_FPS)) as frames:  # type: ignore[type-var]
            yield from self._clips(_crops(frames, track, set(cuts), self._settings.size), wav, truth)

    def _pictures(self, source: Source) -> Iterator[Made | Dropped]:
        folder = self._root / source.path
        wav = audio.load(folder / SOUND)
        if audio.is_silent(wav):
            yield Dropped("silent", "its sound stays below -80 dB")
            return
        broken: list[Dropped] = []
        yield from self._clips(_read_pictures(folder, broken, self._settings.size), wav, None)
        yield from broken

    def _clips(self, seen: Iterable[_Seen], wav: np.ndarray, truth: np.ndarray | None) -> Iterator[Made | Dropped]:
        for run in _runs(seen, round(self._settings.max_seconds * TRAINING_FPS)):
            yield self._clip(run, wav, truth)

    def _clip(self, run: list[_Seen], wav: np.ndarray, truth: np.ndarray | None) -> Made | Dropped:
        """One clip of consecutive frames."""
        start, shortest = run[0].index, round(self._settings.min_seconds * TRAINING_FPS)
        sounding = round(len(wav) / SAMPLES_PER_FRAME)  # frames that have sound
        stop = min(run[-1].index + 1, sounding)
        high = float(np.median([one.box[3] - one.box[1] for one in run]))
        if stop - start < shortest:
            return Dropped("too short", f"{max(0, stop - start) / TRAINING_FPS:.2f} s", start, len(run))
        size = self._settings.size
        if high < self._settings.lowest_face:
            few = "" if size == CROP_SIZE else f", too few for crops of {size}"
            return Dropped("small face", f"{high:.0f} pixels high{few}", start, len(run))
        if audio.is_silent(wav[start * SAMPLES_PER_FRAME : stop * SAMPLES_PER_FRAME]):
            return Dropped("silent", "its sound stays below -80 dB", start, len(run))
        crops = np.stack([one.crop for one in run])
        offset, confidence, shift = None, None, 0
        if self._expert:
            mel = audio.mel_of_frames(wav, start, stop - start)
            curve = sync.offset_curve(self._expert, crops[: stop - start], mel)
            offset, confidence = curve.offset, round(curve.confidence, 4)
            if confidence < self._settings.min_confidence:
                return Dropped("unsure of sync", f"confidence {confidence:.3f}", start, len(run))
            shift = offset if confidence >= self._settings.sure and not curve.at_edge else 0
        first, stop = max(start, -shift), min(stop, sounding - shift) if shift > 0 else stop
        if stop - first < shortest:
            return Dropped("too short", f"{(stop - first) / TRAINING_FPS:.2f} s once in sync", start, len(run))
        mel = audio.mel_of_frames(wav, first + shift, stop - first)
        known = None if truth is None else _in_crops(truth[first:stop], run[first - start : stop - start])
        kept = crops[first - start : stop - start]
        clip = Clip(kept if size == CROP_SIZE else PackedFrames.pack(kept), mel, known)
        return Made(first, clip, offset, confidence, shift)


def size_of(root: Path, source: Source) -> int:
    """A number that shows whether a source has changed: the bytes of its file; for a folder, of its sound plus the
    number of its pictures. 0 if it is missing."""
    path = root / source.path
    try:
        return (path / SOUND).stat().st_size + len(pictures(path)) if source.is_folder else path.stat().st_size
    except OSError:
        return 0


def _crops(frames: Iterator[np.ndarray], track: faces.Track, cuts: set[int], size: int = CROP_SIZE) -> Iterator[_Seen]:
    """The face in each frame that shows it."""
    before: np.ndarray | None = None
    for i, frame in zip(range(len(track)), frames, strict=False):
        if not track.has_face(i):
            before = None
            continue
        box = track.boxes[i]
        jumps = before is not None and iou(before.tolist(), box.tolist()) < _JUMP
        yield _Seen(i, cut_crop(frame, box, size, float(track.rolls[i])), box, jumps or i in cuts)
        before = box


def _read_pictures(folder: Path, broken: list[Dropped], size: int) -> Iterator[_Seen]:
    """The whole of each picture; those that cannot be read are added to `broken`, and leave a gap."""
    for i, path in pictures(folder).items():
        try:
            picture = video.read_image(path)
        except W2LError as error:
            broken.append(Dropped("unreadable", str(error), i, 1))
            continue
        box = np.array([0, 0, picture.shape[1], picture.shape[0]], np.float32)
        yield _Seen(i, cut_crop(picture, box, size), box, False)


def _runs(seen: Iterable[_Seen], longest: int) -> Iterator[list[_Seen]]:
    """Stretches of consecutive frames that show one face in one shot, at most `longest` frames each."""
    run: list[_Seen] = []
    for one in seen:
        if run and (one.begins or one.index != run[-1].index + 1 or len(run) == longest):
            yield run
            run = []
        run.append(one)
    if run:
        yield run


def _read_truth(path: Path) -> np.ndarray:
    """Gap, width and area of the mouth in pixels of the frames: float32 (n, 3)."""
    facts = json.loads(path.with_suffix(".json").read_text(encoding="utf8"))
    return np.array(facts[TRUTH], np.float32).reshape(-1, 3)


def _in_crops(truth: np.ndarray, run: list[_Seen]) -> np.ndarray | None:
    """The truth in pixels of crops of 96, whatever the size of these; None if it is shorter than the clip."""
    if len(truth) != len(run):
        return None
    boxes = np.stack([one.box for one in run])
    across, down = CROP_SIZE / (boxes[:, 2] - boxes[:, 0]), CROP_SIZE / (boxes[:, 3] - boxes[:, 1])
    return (truth * np.stack([down, across, down * across], axis=1)).astype(np.float32)
