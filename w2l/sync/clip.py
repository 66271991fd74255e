"""The sync of one clip: its curve over shifts of the sound, offset, confidence, and LSE-D and LSE-C."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from w2l import audio, faces, video
from w2l.audio import SAMPLE_RATE, TRAINING_FPS
from w2l.data.clip import FRAMES
from w2l.errors import W2LError
from w2l.sync.curve import MAX_SHIFT, SyncCurve, mean_curve
from w2l.sync.experts import Expert, load_expert
from w2l.sync.scorer import Scorer, blocks
from w2l.sync.stretches import Stretch, find_stretches, median_filtered

PROTOCOLS = ("auto", "cropped", "wild")
_CROPPED = 256  # pixels: square clips up to this size are taken to be crops of a face, as in LRS2 and LRW
_SHORTEST = 6  # frames, which the published scores need
_SMOOTH = 9  # frames of the median filter over the confidence of single frames, as published


@dataclass(frozen=True, kw_only=True)
class ClipSync(SyncCurve):
    """How well sound and mouth of a clip match: its curve, who judged, and how. n windows, at 25 a second unless the
    clip was read at another rate.

    expert, sha256: the expert that judged. frames: (n,) confidence of each window, smoothed by a median over 9. starts:
    the first frame of each stretch of one face. notes: what to know before believing the figures, in sentences.
    """

    path: str
    expert: str
    sha256: str
    protocol: str
    frames: np.ndarray
    starts: tuple[int, ...]
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        late = f"{abs(self.offset)} frames {'late' if self.offset > 0 else 'early'}" if self.offset else "in time"
        figures = (
            f"LSE-D {self.lse_d:.3f}, LSE-C {self.lse_c:.3f}"
            if self.measure == "distance"
            else f"cosine {self.best:.3f}, confidence {self.confidence:.3f}"
        )
        return "\n".join([f"{self.path}: sound {late}; {figures}; {self.expert}, {self.protocol}", *self.notes])


def sync_curve(
    path: str | os.PathLike[str],
    expert: str | Expert = "auto",
    protocol: str = "auto",
    which: faces.Which = "main",
    fps: float | None = TRAINING_FPS,
    detector: str = "auto",
    device: str = "auto",
    audio_track: int | None = None,
) -> ClipSync:
    """How well sound and mouth of a clip match, shift by shift.

    expert: see `experts.load_expert`, or an expert already loaded. protocol: ``cropped``, the whole frame is the face,
    as the published scores take LRS2; ``wild``, the face is found and followed, cut out as the published pipeline does
    for syncnet_v2, and as in every crop of the kit for other experts; ``auto``, cropped for square clips of up to 256
    pixels. which: the face, as in `faces.track_faces`, or ``all``. fps: rate at which frames are read; None leaves the
    clip's own, as the published script does for cropped clips, which changes the figures. audio_track: as `track` in
    `audio.read`.

    Memory use does not grow with the number of frames. Raises W2LError for a clip without sound, with fewer than 6
    frames or without a face, and for wrong arguments.
    """
    if not isinstance(path, str | os.PathLike):
        kind = type(path).__name__
        raise W2LError(f"sync_curve takes the path of a clip, not a {kind}; for frames use sync.offset_curve.")
    if protocol not in PROTOCOLS:
        raise W2LError(f"there is no protocol {protocol!r}; choose one of {', '.join(PROTOCOLS)}.")
    path = Path(path)
    info = video.probe(path)
    if info.is_still or not info.has_audio:
        raise W2LError(
            f"{path} has no {'moving picture' if info.is_still else 'sound'}; give a video of someone speaking."
        )
    judge, heard = load_expert(expert, device), audio.read(path, audio_track)
    sound = audio.for_models(heard)
    cropped, rate = is_cropped(info, protocol), fps or info.fps
    if cropped:
        stretches = [Stretch(0, None)]
    else:
        stretches = find_stretches(path, which, judge.measure == "distance", rate, detector, device)
    shown = 0.0 if cropped else info.duration  # seconds of picture
    scored = []
    for one in stretches:
        scores, count = _scores(path, one, judge, sound, rate)
        shown = count / rate if cropped else shown
        if len(scores):
            scored.append((one.start, scores))
    if not scored:
        raise W2LError(f"{path} is too short to be judged; give {_SHORTEST} frames of one face, with sound.")
    found = summarise(
        np.concatenate([scores for _, scores in scored]),
        judge,
        str(path),
        "cropped" if cropped else "wild",
        tuple(start for start, _ in scored),
    )
    several = heard if audio_track is None and len(heard.tracks) > 1 else None
    return replace(found, notes=(*_notes(info, sound, fps, shown, several), *found.notes))


def is_cropped(info: video.ClipInfo, protocol: str = "auto") -> bool:
    """Whether the whole frame of a clip is treated as a face: see `sync_curve`."""
    return info.width == info.height <= _CROPPED if protocol == "auto" else protocol == "cropped"


def summarise(
    scores: np.ndarray, judge: Expert, path: str = "", protocol: str = "cropped", starts: Sequence[int] = (0,)
) -> ClipSync:
    """The sync of a clip from its scores, as returned by `Scorer`: float32 (n, 2 * reach + 1), n >= 1."""
    found = mean_curve(scores, judge.measure)
    at_best = scores[:, scores.shape[1] // 2 + found.offset].astype(np.float64)
    median = float(np.median(found.curve))
    better = (at_best < median) == (judge.measure == "distance")
    single = np.abs(median - at_best) * np.where(better, 1, -1)
    return ClipSync(
        found.shifts,
        found.curve,
        found.measure,
        path=path,
        expert=judge.name,
        sha256=judge.sha256,
        protocol=protocol,
        frames=median_filtered(np.nan_to_num(single), _SMOOTH),
        starts=tuple(starts),
        notes=() if found.is_sure else (f"confidence {found.confidence:.2f} is so low that the offset is a guess.",),
    )


def crops(path: str | os.PathLike[str], stretch: Stretch, judge: Expert, fps: float) -> Iterator[np.ndarray]:
    """The faces of a stretch in the size that the expert takes, (size, size, 3) uint8 BGR, one by one."""
    frames = video.read_frames(path, fps, start=stretch.start / fps, max_frames=stretch.length)
    with closing(frames):  # type: ignore[type-var]
        for index, frame in enumerate(frames):
            yield judge.resize(stretch.cut(frame, index))


def _scores(path: Path, stretch: Stretch, judge: Expert, sound: np.ndarray, fps: float) -> tuple[np.ndarray, int]:
    """The scores of a stretch, and how many frames it has."""
    first = round(stretch.start / fps * SAMPLE_RATE)
    last = len(sound) if stretch.length is None else first + round(stretch.length / fps * SAMPLE_RATE)
    heard = sound[first:last]
    if len(heard) == 0:
        return np.empty((0, 2 * MAX_SHIFT + 1), np.float32), 0
    scorer, count = Scorer(judge, heard), 0
    for block in blocks(crops(path, stretch, judge, fps), judge.batch):
        scorer.add(block)
        count += len(block)
    return scorer.finish(), count


def _notes(
    info: video.ClipInfo, sound: np.ndarray, fps: float | None, shown: float | None, several: audio.Sound | None
) -> Iterator[str]:
    if several:
        yield f"it has {audio.listed(several.tracks)}; track {several.track} was judged."
    if abs(info.fps - TRAINING_FPS) > 0.01:
        if fps is None:
            yield f"it has {info.fps:g} frames a second, but each was treated as 1/25 s: the figures mean little."
        else:
            yield f"it has {info.fps:g} frames a second and was read at {fps:g}."
    if audio.is_silent(sound):
        yield "its sound is silent: the figures mean nothing."
    elif (loud := audio.level(sound, SAMPLE_RATE)) < audio.QUIET:
        yield f"its sound is very quiet ({loud:.0f} dB of full scale): the figures mean little."
    if shown is not None and abs(len(sound) / SAMPLE_RATE - shown) > FRAMES / TRAINING_FPS:
        yield f"its sound lasts {len(sound) / SAMPLE_RATE:.2f} s, its picture {shown:.2f} s."
