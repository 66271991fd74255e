"""Face + speech -> video: first the speech is read and the faces are found, then the frames stream through `redraw`.

The clip is read twice, once to find the face in each frame and once to redraw it; it is never held in memory.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from w2l import faces, video
from w2l import weights as weight_files
from w2l.base import files
from w2l.base.parallel import Stopwatch
from w2l.base.progress import Report, progress_bar
from w2l.dubbing.face_notes import face_notes
from w2l.dubbing.footage import Footage, lift
from w2l.dubbing.methods import Method, method_for
from w2l.dubbing.settings import Settings
from w2l.dubbing.speech import Speech, mix, soundtrack
from w2l.dubbing.stream import Moment, Plan, SpeakingFace, redraw
from w2l.errors import W2LError
from w2l.faces import Which
from w2l.marking import credentials, mark
from w2l.video.files import ANIMATIONS

if TYPE_CHECKING:
    from w2l.models.fast.generate import Generate

_SMOOTH_FPS = 15  # below this a mouth skips sounds
_MOST_FRAMES = 90  # percentile of the heights of faces that counts as theirs

SoundFile = str | os.PathLike[str]


@dataclass(frozen=True)
class DubResult:
    """What `dub` did."""

    path: Path
    n_frames: int
    fps: float
    frames_without_face: list[int]  # indices in the result; these frames are unchanged
    seconds: dict[str, float]  # stage -> seconds spent in it; stages overlap, "total" is the elapsed time
    weights: str
    marked: list[str]  # how the file says that it is synthetic
    notes: list[str] = field(default_factory=list)  # what a user should know about this result


def dub(
    face: str | os.PathLike[str],
    audio: SoundFile | Mapping[Which, SoundFile],
    out: str | os.PathLike[str],
    *,
    progress: bool | Report = True,
    watch: Callable[[Moment], None] | None = None,
    **settings: Any,
) -> DubResult:
    """Makes the face speak: writes a video of the face whose mouth follows the speech, with the speech as its sound.

    face: a video, animated GIF or picture. audio: a sound file (`w2l.say` makes one of a typed text), or a video whose
    sound is taken; for several speakers in one clip a mapping from each face (as `which` in `track_faces`: a number or
    a point) to its speech, all of which begin together. out: .mp4, or .gif or .webp (without sound; transparent parts
    stay transparent). The result has exactly round(seconds of speech * fps) frames: a longer clip stops with the
    speech, a shorter one is extended, and a picture is shown throughout.

    progress: bars on stderr; or a function that is called instead with the stage's name, the number of frames that are
    done in it and of how many (None: unknown), in the calling thread. What it raises ends the dub as an interrupt does.
    watch: called with each dubbed `Moment`. settings: see `Settings`; for example ``weights="wav2lip_gan"``,
    ``box=(80, 40, 220, 210)``, ``extend="hold"``.

    Raises W2LError for input that cannot be dubbed (no file, no face, no or silent sound, a file that is not a
    generator's weights, an output that cannot be written) and for settings that make no sense. Nothing is left at
    ``out`` then, nor after an interrupt.
    """
    clock = Stopwatch()
    audience = _Audience(progress, watch, clock)
    method = method_for(Settings().with_changes(**settings))
    sounds = _sound_files(audio, method)
    target, checkpoint = _check_out(out), weight_files.find(method.settings.weights)
    other = method.settings.soundtrack
    inputs = files.keeping(face, *sounds.values(), checkpoint, *([] if other is None else [other]))
    with clock.time("total"), ThreadPoolExecutor(1) as aside, inputs, files.atomic(target) as temporary:
        with audience.stage("listen", "read the speech"):
            speeches = {which: method.listen(path) for which, path in sounds.items()}
            spoken = mix(list(speeches.values()))
            heard = spoken if other is None else soundtrack(other, spoken.seconds)
        footage = method.open(face)
        n_frames = _count_frames(spoken, footage.fps)
        with audience.stage("load", "load the weights"):  # meanwhile, the faces are found
            loading = aside.submit(load_generator, checkpoint, method)
        with clock.time("track"):
            tracks = _track(method, footage, n_frames, list(sounds), audience, loading)
        with clock.time("load"):  # what is left of it
            generate, mel_shift, weights, told = suited(loading.result(), method, tracks)
        with clock.time("mel"):
            mels = [speech.mel(method.settings.gate) for speech in speeches.values()]
        n_frames = method.count_frames(n_frames, footage, len(tracks[0]), mels[0])
        plan = Plan(footage, list(map(SpeakingFace, tracks, mels)), n_frames, mel_shift, method)
        with clock.time("draw"):
            _encode(plan, redraw(plan, generate, clock), heard, temporary, audience)
        with audience.stage("mark", "mark the file"):
            marked, notes = _mark(temporary, plan, Path(face), spoken.path, Path(out).name)
            notes += told
    faceless = [i for i in range(n_frames) if not plan.boxes(i)]
    notes += [note for speech in speeches.values() for note in speech.notes]
    notes += [*(() if other is None else heard.notes), *_notes(plan, Path(out), heard)]
    return DubResult(Path(out), n_frames, footage.fps, faceless, clock.seconds, weights, marked, notes)


def _sound_files(audio: SoundFile | Mapping[Which, SoundFile], method: Method) -> dict[Which, SoundFile]:
    """Face -> its speech."""
    if not isinstance(audio, Mapping):
        return {method.settings.which: audio}
    if not audio or (len(audio) > 1 and not method.takes_several_speakers):
        raise W2LError(
            f"{len(audio)} speakers cannot be dubbed like this; give one speech, or leave box and parity out."
        )
    return dict(audio)


def _check_out(out: str | os.PathLike[str]) -> Path:
    """The output path; raises W2LError for a kind of file that cannot be written."""
    path = Path(out)
    if path.suffix.lower() not in (".mp4", *ANIMATIONS):
        raise W2LError(f"cannot write {path}: its name must end in .mp4, .gif or .webp.")
    return path


def _count_frames(speech: Speech, fps: float) -> int:
    """Frames that the speech lasts; raises W2LError when it is shorter than half a frame."""
    n_frames = round(speech.seconds * fps)
    if n_frames == 0:
        raise W2LError(f"{speech.path} is shorter than a video frame ({speech.seconds:.3f} s); give longer speech.")
    return n_frames


def load_generator(checkpoint: Path, method: Method) -> tuple[Generate, float]:
    """The generator, ready to run, and the mel shift it was trained with. The last one is kept for the next dub.

    Raises W2LError for a file that is none, and where the method cannot use it.
    """
    options = tuple(method.generator_options.items())
    generate, mel_shift = _load(checkpoint, checkpoint.stat().st_mtime_ns, method.settings.device, options)
    method.check_size(generate.size)
    return generate, mel_shift


def suited(
    loaded: tuple[Generate, float], method: Method, tracks: Sequence[faces.Track]
) -> tuple[Generate, float, str, list[str]]:
    """What draws these faces: (generator, mel shift, name of its weights, notes); what was loaded, as a rule.

    Where weights of larger faces were asked for by name, and in nine of ten frames no face is higher than `SMALL_FACE`
    pixels, the weights that `weights.FOR_SMALL_FACES` names are loaded instead, and a note says so.
    """
    name = os.fspath(method.settings.weights)
    other, size = weight_files.FOR_SMALL_FACES.get(name), loaded[0].size
    heights = np.concatenate([track.boxes[:, 3] - track.boxes[:, 1] for track in tracks])
    heights = heights[np.isfinite(heights)]
    if other is None or size == faces.CROP_SIZE or not len(heights):
        return *loaded, name, []
    high = float(np.percentile(heights, _MOST_FRAMES))
    if high >= faces.SMALL_FACE:
        return *loaded, name, []
    note = (
        f"the face is {high:.0f} pixels high, where {size} pixels show no more than {faces.CROP_SIZE}: it was drawn by "
        f"the weights {other}, which are faster. With the path of the file instead of the name {name}, that is used."
    )
    return *load_generator(weight_files.find(other), method), other, [note]


@lru_cache(maxsize=1)
def _load(checkpoint: Path, changed: int, device: str, options: tuple[tuple[str, Any], ...]) -> tuple[Generate, float]:
    # imported late because torch takes seconds to start, and a mistyped path should be reported immediately
    from w2l import models
    from w2l.models.fast import generate

    model = models.load(checkpoint, "wav2lip")
    return generate.Generate(model, device=device, **dict(options)), float(model.meta["mel_shift"])


@dataclass(frozen=True)
class _Audience:
    """Who follows a dub: progress bars, the caller's function or nobody, the caller's `watch`, and the stopwatch."""

    shown: bool | Report
    watch: Callable[[Moment], None] | None
    clock: Stopwatch

    def bar(self, what: str, total: int) -> Any:
        """A progress bar of that many frames."""
        return progress_bar(total=total, desc=what, unit="frame", show=self.shown)

    @contextmanager
    def stage(self, name: str, what: str) -> Iterator[None]:
        """Times a stage that is too short for a bar; the caller's function hears of it."""
        if callable(self.shown):
            self.shown(what, 0, None)
        with self.clock.time(name):
            yield

    def see(self, moment: Moment) -> None:
        """Hands a dubbed frame to the caller."""
        if self.watch is not None:
            self.watch(moment)


def _track(
    method: Method, footage: Footage, n_frames: int, whiches: list[Which], audience: _Audience, loading: Future[Any]
) -> list[faces.Track]:
    """The first pass over the clip: where each speaker's face is in each of the frames that will be needed.

    What is wrong with the weights, which load meanwhile, is raised as soon as it is known, and before any other error.
    """
    known = 1 if footage.is_still else footage.n_frames
    try:
        with audience.bar("find the face", n_frames if known is None else min(n_frames, known)) as bar:

            def searched() -> None:
                bar.update()
                if loading.done():
                    loading.result()

            scene = method.find_faces(footage, n_frames, searched)
        return [method.track(scene, which) for which in whiches]
    except W2LError:
        loading.result()
        raise


def _encode(plan: Plan, moments: Iterator[Moment], heard: Speech, path: Path, audience: _Audience) -> None:
    """Writes the results with what is heard as sound, while the next ones are being drawn."""
    fps, is_soundless = plan.footage.fps, path.suffix.lower() in ANIMATIONS
    wav = heard.cut(plan.n_frames / fps).wav if plan.footage.extend == "trim" else heard.wav
    audio = None if is_soundless else (wav, heard.rate)
    behind = plan.footage.on_black() if is_soundless else None
    grounds = itertools.repeat(None) if behind is None else behind.frames(plan.n_frames, plan.length)
    tags = mark.metadata(signed=plan.settings.sign and credentials.available() and not credentials.missing())
    bar = audience.bar("draw the mouth", plan.n_frames)
    with bar, video.VideoWriter(path, fps, audio=audio, metadata=tags) as writer:
        for moment, black in zip(moments, grounds, strict=False):
            with audience.clock.time("encode"):
                writer.write(*((moment.result,) if black is None else _lift(moment, black, plan)))
            audience.see(moment)
            bar.update()


def _lift(moment: Moment, black: np.ndarray, plan: Plan) -> tuple[np.ndarray, np.ndarray]:
    """The colours and the alpha of a result whose clip is transparent; the label is opaque."""
    colours, alpha = lift(moment.result, moment.frame, black)
    if plan.corner is not None and (box := mark.label_box(*plan.speakers[0].track.size, plan.corner)):
        x1, y1, x2, y2 = box
        colours[y1:y2, x1:x2], alpha[y1:y2, x1:x2] = moment.result[y1:y2, x1:x2], 255
    return colours, alpha


def _mark(path: Path, plan: Plan, face: Path, speech: Path, title: str) -> tuple[list[str], list[str]]:
    """Marks the finished file; returns how it is marked, and notes on what is missing."""
    size, marked, notes = plan.speakers[0].track.size, [], []
    if not plan.settings.label:
        notes.append("the visible label was switched off: you must say yourself that this video is AI-generated.")
    elif mark.label_box(*size) is None:
        notes.append(f"no visible label: a picture of {size[0]}x{size[1]} pixels is too small for it.")
    else:
        marked.append(f'visible label "{mark.LABEL}"')
    mark.embed(path)
    found = mark.read(path)
    marked += [f"IPTC digital source type ({place})" for place in found.found_in]
    if not found.synthetic:
        notes.append("no mark in the metadata: this file format has no place for one.")
    if plan.settings.sign and credentials.available():
        if trouble := credentials.missing():
            notes.append(f"not signed: {trouble}")
        else:  # last, since a signature covers the whole file
            credentials.sign(path, source=face, speech=speech, title=title, soundtrack=plan.settings.soundtrack)
            marked.append("signed content credentials (C2PA)")
    return marked, notes


_EXTENDED = {
    "pingpong": "its {} frames are played forwards and backwards",
    "loop": "its {} frames are looped",
    "hold": "the last of its {} frames is held",
}


def _notes(plan: Plan, out: Path, heard: Speech) -> list[str]:
    """What the user should know: how the clip was extended or cut, its faces, missing sound."""
    length, footage = plan.length, plan.footage
    notes = list(footage.clip.notes)
    if not footage.is_still and length < plan.n_frames:
        notes.append(f"the speech is longer than the clip: {_EXTENDED[footage.extend].format(length)}.")
    lost = heard.seconds - plan.n_frames / footage.fps
    if footage.extend == "trim" and lost > 1 / footage.fps:
        notes.append(f"the clip is shorter than the speech, whose last {lost:.1f} s were cut off.")
    notes += face_notes(plan)
    if footage.fps < _SMOOTH_FPS:
        notes.append(
            f"at {footage.fps:g} frames a second a mouth cannot follow speech; give fps=25 (--fps 25) for more."
        )
    if out.suffix.lower() in ANIMATIONS:
        notes.append(f"a {out.suffix.lower()} file holds no sound; write an .mp4 to hear {heard.path.name}.")
    return notes
