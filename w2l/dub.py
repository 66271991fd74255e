"""Face + speech -> video: the frames stream through decode, crop, generate, paste, label and encode.

The file is read twice, once to find the face in every frame and once to redraw it; a clip is never held in memory.
"""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from w2l import audio as sound
from w2l import faces, mark, paths, video
from w2l import weights as weight_files
from w2l.errors import W2LError
from w2l.pipeline import Stopwatch, ahead

if TYPE_CHECKING:
    from w2l.models.inference import Generate

_HELD_BYTES = 128 << 20  # frames a stage may hold, so that memory does not grow with their size or number
_WAITING = 4  # frames that wait for the next stage
_SMOOTH_FPS = 15  # below this a mouth jumps from one sound to the one after the next
_SOUNDLESS = (".gif", ".webp")


@dataclass(frozen=True)
class Moment:
    """One dubbed frame and what led to it, as given to ``watch``. Pictures are HWC uint8 BGR."""

    index: int  # of the frame in the result
    time: float  # seconds from the start
    frame: np.ndarray  # as decoded
    box: np.ndarray | None  # float32 x1, y1, x2, y2; None where there is no face
    crop: np.ndarray | None  # (96, 96, 3): what the generator saw
    generated: np.ndarray | None  # (96, 96, 3): what it drew
    result: np.ndarray  # as given to the encoder


@dataclass(frozen=True)
class DubResult:
    """What `dub` did."""

    path: Path
    n_frames: int
    fps: float
    frames_without_face: list[int]  # indices in the result; these frames passed through unchanged
    seconds: dict[str, float]  # stage -> seconds spent in it; stages overlap, "total" is the time on the clock
    weights: str
    marked: list[str]  # how the file says that it is synthetic
    notes: list[str] = field(default_factory=list)  # what a user should know about this result


@dataclass(frozen=True)
class _Speech:
    path: Path
    wav: np.ndarray  # (N, channels) float32 at its own rate, for the result
    rate: int

    @property
    def seconds(self) -> float:
        return len(self.wav) / self.rate


@dataclass(frozen=True)
class _Plan:
    """Everything that is settled before the first frame is drawn."""

    clip: video.ClipInfo
    track: faces.Track
    speech: _Speech
    fps: float
    n_frames: int
    batch_size: int
    feather: bool
    match_colour: bool
    corner: str | None  # where the label goes; None: nowhere

    def box(self, index: int) -> np.ndarray | None:
        """The face box of a frame of the result; None where there is no face."""
        source = back_and_forth(index, len(self.track.boxes))
        return self.track.boxes[source] if self.track.has_face(source) else None

    @property
    def held(self) -> int:
        """How many frames of this size one stage may hold."""
        width, height = self.track.size
        return max(4, _HELD_BYTES // (3 * width * height))


def dub(
    face: str | os.PathLike[str],
    audio: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    weights: str | os.PathLike[str] = "classroom",
    detector: str = "auto",
    box: Sequence[float] | None = None,
    pads: tuple[int, int, int, int] = (0, 10, 0, 0),
    smooth: bool = True,
    gaps: str = "pass",
    fps: float | None = None,
    batch_size: int = 16,
    device: str = "auto",
    feather: bool = True,
    match_colour: bool = True,
    label: bool = True,
    progress: bool = True,
    watch: Callable[[Moment], None] | None = None,
) -> DubResult:
    """Makes the face speak: writes a video of the face whose mouth follows the speech, with the speech as its sound.

    face: a video, animated GIF or picture. audio: a sound file, or a video whose sound is taken. out: .mp4, or .gif or
    .webp (which hold no sound). The result has exactly round(seconds of speech * fps) frames: a longer clip stops with
    the speech, the frames of a shorter one run forwards and backwards, a picture stands still.

    weights: ``classroom`` (bundled, knows drawn faces), ``wav2lip``, ``wav2lip_gan``, or a checkpoint file.
    detector, box (x1, y1, x2, y2 pixels), pads (top, bottom, left, right pixels), smooth, gaps: as in `track_faces`.
    fps: frames a second of the result; the clip's own when None, 25 for a picture. batch_size: faces drawn at once.
    device: ``auto``, ``cpu``, ``cuda``... feather: blend the edge of the mouth in. match_colour: bring the drawn skin
    to the real one's colour. label: draw the visible label (the mark in the metadata is always written). progress:
    bars on stderr. watch: called with each dubbed `Moment`.

    Raises W2LError for input that cannot be dubbed (no file, no face, no or silent sound, weights that are none, an
    output that cannot be written); nothing is left at ``out`` then, nor when it is interrupted.
    """
    clock = Stopwatch()
    if batch_size < 1:
        raise W2LError(f"a batch of {batch_size} faces cannot be drawn; give a batch size of 1 or more.")
    with clock.time("total"), paths.atomic(_check_out(out, face, audio)) as temporary:
        checkpoint = weight_files.find(weights)
        with clock.time("listen"):
            speech = _listen(audio)
        clip = video.probe(face)
        n_frames = _count_frames(speech, rate := _frame_rate(clip, fps))
        with clock.time("load"):
            generate, mel_shift = _load_generator(checkpoint, device)
        with clock.time("track"):
            how = {"detector": detector, "box": box, "pads": pads, "smooth": smooth, "gaps": gaps}
            track = _track(clip, rate, n_frames, progress, how)
        place = mark.quiet_corner(*track.size, track.boxes) if label else None
        plan = _Plan(clip, track, speech, rate, n_frames, batch_size, feather, match_colour, place)
        with clock.time("mel"):
            windows = _mel_windows(speech, rate, n_frames, mel_shift)
        moments = _redraw(plan, clock.each("decode", _frames(plan)), windows, generate, clock)
        _encode(plan, moments, temporary, progress, watch, clock)
        marked, notes = _mark(temporary, track.size, label)
    faceless = [i for i in range(n_frames) if plan.box(i) is None]
    notes += _notes(plan, Path(out), len(faceless))
    return DubResult(Path(out), n_frames, rate, faceless, clock.seconds, str(weights), marked, notes)


def _check_out(out: str | os.PathLike[str], *inputs: str | os.PathLike[str]) -> Path:
    """The output path; raises W2LError for a kind of file that cannot be written or one of the inputs."""
    path = Path(out)
    if path.suffix.lower() not in (".mp4", *_SOUNDLESS):
        raise W2LError(f"cannot write {path}: its name must end in .mp4, .gif or .webp.")
    if any(path.exists() and Path(given).exists() and path.samefile(given) for given in inputs):
        raise W2LError(f"{path} is both input and output; give the result another name.")
    return path


def _listen(path: str | os.PathLike[str]) -> _Speech:
    """Decodes the speech at its own rate; raises W2LError when there is nothing to hear."""
    wav, rate = sound.decode(path)
    if wav.shape[1] > 2:  # surround sound is mixed down, since a result has two channels at most
        wav = wav.mean(axis=1, keepdims=True)
    if sound.is_silent(wav):
        raise W2LError(f"{path} is silent from beginning to end; choose a file with speech in it.")
    return _Speech(Path(path), wav, rate)


def _frame_rate(clip: video.ClipInfo, fps: float | None) -> float:
    if fps is not None and not 0 < fps <= 1000:
        raise W2LError(f"{fps} frames a second is not a frame rate; give a number above 0, such as 25.")
    return float(fps or clip.fps)


def _count_frames(speech: _Speech, fps: float) -> int:
    """Frames of the result; raises W2LError when the speech is shorter than half a frame."""
    n_frames = round(speech.seconds * fps)
    if n_frames == 0:
        raise W2LError(f"{speech.path} is shorter than a video frame ({speech.seconds:.3f} s); give longer speech.")
    return n_frames


def _load_generator(checkpoint: Path, device: str) -> tuple[Generate, float]:
    """The generator, ready to run, and the mel shift it was trained with."""
    # imported late because torch takes seconds to start, and a mistyped path should be told at once
    from w2l import models
    from w2l.models.inference import Generate

    model = models.load(checkpoint, "wav2lip")
    return Generate(model, device=device), float(model.meta["mel_shift"])  # type: ignore


def _track(clip: video.ClipInfo, fps: float, n_frames: int, progress: bool, how: dict[str, Any]) -> faces.Track:
    """The first pass over the clip: where the face is in each of the frames that will be needed."""
    frames = ahead(video.read_frames(clip.path, fps, max_frames=n_frames), _WAITING)
    total = n_frames if clip.n_frames is None else min(n_frames, clip.n_frames)
    with _bar("find the face", total, progress) as bar:
        try:
            return faces.track_faces(_counted(frames, bar), **how)
        except W2LError as error:
            raise W2LError(f"{clip.path}: {error}") from error


def _counted(frames: Iterator[np.ndarray], bar: tqdm) -> Iterator[np.ndarray]:
    for frame in frames:
        yield frame
        bar.update()


def _bar(what: str, total: int, progress: bool) -> tqdm:
    return tqdm(total=total, desc=what, unit="frame", disable=not progress, file=sys.stderr)


def _mel_windows(speech: _Speech, fps: float, n_frames: int, shift: float) -> np.ndarray:
    """What the generator hears: float32 (n_frames, 80, 16)."""
    mel = sound.melspectrogram(sound.to_model_rate(speech.wav, speech.rate))
    return sound.mel_windows(mel, fps, n_frames, shift)


def back_and_forth(index: int, length: int) -> int:
    """Which of `length` frames is shown at this index when they run 0, 1, ... length-1, length-2, ... 1, 0, 1, ..."""
    index %= max(1, 2 * length - 2)
    return index if index < length else 2 * length - 2 - index


def _frames(plan: _Plan) -> Iterator[np.ndarray]:
    """The frames of the result as decoded: those of the clip back and forth, or the one picture again and again."""
    clip, length = plan.clip, len(plan.track.boxes)
    if length == 1:
        frame = next(video.read_frames(clip.path, plan.fps, max_frames=1))
        yield from itertools.repeat(frame, plan.n_frames)
        return
    endless = itertools.chain.from_iterable(
        itertools.chain(video.read_frames(clip.path, plan.fps, max_frames=length), _backwards(plan, 1, length - 1))
        for _ in itertools.count()
    )
    yield from itertools.islice(endless, plan.n_frames)


def _backwards(plan: _Plan, first: int, stop: int) -> Iterator[np.ndarray]:
    """The frames stop-1, stop-2, ... first of the clip, decoded in blocks small enough to hold."""
    path = plan.clip.path
    while stop > first:
        start = max(first, stop - plan.held)
        block = list(video.read_frames(path, plan.fps, start=start / plan.fps, max_frames=stop - start))
        if len(block) != stop - start:
            raise W2LError(f"{path} could not be read from its middle (frame {start}); convert it to mp4 first.")
        while block:  # popped, so that no frame is kept after its turn
            yield block.pop()
        stop = start


def _redraw(
    plan: _Plan, frames: Iterator[np.ndarray], windows: np.ndarray, generate: Generate, clock: Stopwatch
) -> Iterator[Moment]:
    """Draws the mouths of a batch of frames at a time, pastes and labels them, while the next frames are decoded."""
    batch_size = min(plan.batch_size, plan.held)
    stream = enumerate(ahead(frames, batch_size))
    while batch := list(itertools.islice(stream, batch_size)):
        boxes = {i: box for i, _ in batch if (box := plan.box(i)) is not None}
        crops = {i: faces.cut_crop(frame, boxes[i]) for i, frame in batch if i in boxes}
        with clock.time("generate"):
            drawn = generate(np.stack(list(crops.values())), windows[list(crops)]) if crops else ()
        generated = dict(zip(crops, drawn, strict=True))
        for i, frame in batch:
            with clock.time("paste"):
                result = _paste(plan, frame, boxes[i], crops[i], generated[i]) if i in boxes else frame
                result = result if plan.corner is None else mark.label_frame(result, plan.corner)
            yield Moment(i, i / plan.fps, frame, boxes.get(i), crops.get(i), generated.get(i), result)


def _paste(plan: _Plan, frame: np.ndarray, box: np.ndarray, crop: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    patch = faces.match_colour(drawn, crop) if plan.match_colour else drawn
    return faces.paste(frame, patch, box, feather=plan.feather)


def _encode(
    plan: _Plan,
    moments: Iterator[Moment],
    path: Path,
    progress: bool,
    watch: Callable[[Moment], None] | None,
    clock: Stopwatch,
) -> None:
    """Writes the results with the speech as sound, while the next ones are being drawn."""
    audio = None if path.suffix.lower() in _SOUNDLESS else (plan.speech.wav, plan.speech.rate)
    bar = _bar("draw the mouth", plan.n_frames, progress)
    with bar, video.VideoWriter(path, plan.fps, audio=audio, metadata=mark.metadata()) as writer:
        for moment in ahead(moments, _WAITING):
            with clock.time("encode"):
                writer.write(moment.result)
            if watch is not None:
                watch(moment)
            bar.update()


def _mark(path: Path, size: tuple[int, int], label: bool) -> tuple[list[str], list[str]]:
    """Writes the XMP mark into the finished file; returns how it is marked now, and notes on how it is not."""
    marked, notes = [], []
    if not label:
        notes.append("the visible label was switched off: say yourself that this video is AI-generated.")
    elif mark.label_box(*size) is None:
        notes.append(f"no visible label: a picture of {size[0]}x{size[1]} pixels has no room for it.")
    else:
        marked.append(f'visible label "{mark.LABEL}"')
    mark.embed(path)
    found = mark.read(path)
    marked += [f"IPTC digital source type ({place})" for place in found.found_in]
    if not found.synthetic:
        notes.append("this file carries no mark in its metadata: its format has no place for one.")
    return marked, notes


def _notes(plan: _Plan, out: Path, faceless: int) -> list[str]:
    """What the user should know: how lengths were matched, frames without a face, missing sound."""
    notes, length = [], len(plan.track.boxes)
    if not plan.clip.is_still and length < plan.n_frames:
        notes.append(f"the speech is longer than the clip: its {length} frames run forwards and backwards.")
    if faceless:
        notes.append(f"{faceless} of {plan.n_frames} frames show no face; they passed through unchanged.")
    if plan.fps < _SMOOTH_FPS:
        notes.append(f"at {plan.fps:g} frames a second a mouth cannot follow speech; give 25 (fps) for more.")
    if out.suffix.lower() in _SOUNDLESS:
        notes.append(f"a {out.suffix.lower()} file holds no sound; write an .mp4 to hear {plan.speech.path.name}.")
    return notes


class _CallableModule(ModuleType):
    """Lets ``w2l.dub(...)`` work after ``import w2l.dub`` too, which binds the name to this module."""

    __call__ = staticmethod(dub)


sys.modules[__name__].__class__ = _CallableModule
