"""Makes a test set: films each face twice, saying its own words and those that it will have to say."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np

from w2l.audio import SAMPLE_RATE, TRAINING_FPS
from w2l.base import files
from w2l.base.parallel import can_fork, cores, forked
from w2l.base.progress import progress_bar
from w2l.errors import W2LError
from w2l.evaluate.truth import testset
from w2l.evaluate.truth.testset import KINDS, Recipe, TestSet, TruthClip
from w2l.faces import cut_crop, track_faces
from w2l.talker.cast import Cast
from w2l.talker.corpus import Speaker, film_mouths, make_speaker, mouths_of, provenance, speech
from w2l.talker.drawn.render import presenter_view

TALKERS = 60
MOST = 999
_CAST = Cast(looks="photo", voices="formant")
_SPLIT, _VOICES = "test", 1000  # the words of clip k are those of the speaker 1000 + k of the split
_LOSSLESS = 0  # quality of `VideoWriter`
_READ_ME = """A test set for lip-sync systems, made by `w2l evaluate truth`.

Make each face in frames/ (or each crop in crops/) say the words of the same number in speech/, with any system, and
put the results into one folder under the names 000.mp4, 001.mp4 and so on. jobs.csv lists them. Whole pictures, of any
size and frame rate; the sound of the results is not used. Then:

    w2l evaluate truth THIS_FOLDER RESULTS --name "my system" --report report/

truth/ shows how these heads would have said it. It is for scoring: a system that sees it, or that was trained on it,
is not tested by it.
"""


def make(
    folder: str | os.PathLike[str], count: int = TALKERS, recipe: Recipe | None = None, progress: bool = False
) -> TestSet:
    """Makes a test set of `count` clips in a folder, or what is missing of it; all processors share the work.

    The same clips on every machine, up to rounding; the first of them are the same whatever the count. Killed, it goes
    on where it stopped. Raises W2LError for a count out of range, and when the folder holds a set of another recipe.
    """
    if not 2 <= count <= MOST:
        raise W2LError(f"a test set of {count} talkers cannot be made; ask for 2 to {MOST}.")
    folder, wanted, people = Path(folder), recipe or Recipe(), _CAST.faces().fingerprint()
    facts = testset.read_manifest(folder)
    if facts is not None:
        if (Recipe(**facts["recipe"]), facts["people"]) != (wanted, people):
            raise W2LError(f"{folder} holds a test set of another recipe or other faces; choose another folder.")
        count = max(count, len(facts["clips"]))
    names = [f"{number:03d}" for number in range(count)]
    missing = [number for number, name in enumerate(names) if not _is_done(folder, name, wanted)]
    if facts is not None and len(facts["clips"]) == count and not missing:
        return testset.read_testset(folder)
    task = partial(_make_clip, folder, wanted)
    processes = min(cores(), len(missing)) if can_fork() else 0
    files.write_text(folder / "README.txt", _READ_ME)
    bar = progress_bar(total=count, initial=count - len(missing), desc="test set", unit="clip", show=progress)
    here, elsewhere = map(task, missing[:1]), forked(task, missing[1:], processes if processes > 1 else 0)
    with bar, closing(elsewhere):
        for _ in chain(here, elsewhere):
            bar.update()
    clips = [testset.read_clip(_record(folder, name)) for name in names]
    if lost := [name for name, clip in zip(names, clips, strict=True) if clip is None]:
        raise W2LError(f"clip {lost[0]} was written but cannot be read back; is the disk full?")
    return testset.write_manifest(folder, wanted, people, [clip for clip in clips if clip is not None])


def _record(folder: Path, name: str) -> Path:
    return folder / "clips" / f"{name}.json"


def _is_done(folder: Path, name: str, recipe: Recipe) -> bool:
    """Whether the clip is there and of this recipe; its record is written last."""
    clip = testset.read_clip(_record(folder, name))
    if clip is None or len(clip) != recipe.frames:
        return False
    parts = [folder / place / kind / f"{name}.mp4" for kind in KINDS for place in ("", "truth")]
    return all(path.is_file() for path in (*parts, folder / "speech" / f"{name}.wav"))


def speaker_of(number: int, recipe: Recipe) -> Speaker:
    """Whose face clip `number` shows."""
    return make_speaker(_SPLIT, number, recipe.seed, _CAST)


def tracks(number: int, recipe: Recipe) -> tuple[np.ndarray, np.ndarray]:
    """The mouth that says the new words, and the one that says the old: float32 (n, 7) each, as in `Mouth`.

    A mouth here is a function of the sound alone, so that a perfect system could be perfect.
    """
    speaker, other = speaker_of(number, recipe), make_speaker(_SPLIT, _VOICES + number, recipe.seed)
    words = [speech(one, 0, recipe.seconds, recipe.seed)[0] for one in (other, speaker)]
    new, old = (mouths_of(speaker, said, recipe.frames, 0, recipe.seed, manner=False)[0] for said in words)
    return new, old


def shoot(number: int, recipe: Recipe, mouths: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
    """The face of a clip with these mouths, and nothing else changed: whole frames, uint8 (side, side, 3) BGR each, and
    the truth (n, 3) as `film` gives it."""
    speaker, view = speaker_of(number, recipe), presenter_view(recipe.side)
    frames, truth = zip(*film_mouths(speaker, mouths, 0, view, recipe.seed), strict=True)
    return list(frames), np.stack(truth)


def _make_clip(folder: Path, recipe: Recipe, number: int) -> int:
    """Writes all files of a clip, its record last; returns its number."""
    name, other = f"{number:03d}", make_speaker(_SPLIT, _VOICES + number, recipe.seed)
    spoken, wav = speech(other, 0, recipe.seconds, recipe.seed)
    phones = [{"phone": one.phone, "start": one.start, "end": one.end} for one in spoken]
    new, old = tracks(number, recipe)
    speaker = speaker_of(number, recipe)
    face, old_truth = shoot(number, recipe, old)
    boxes = _boxes(face, name)
    _write(folder, name, face, boxes, speaker)
    truth, new_truth = shoot(number, recipe, new)
    _write(folder / "truth", name, truth, boxes, speaker)
    samples = np.clip(np.rint(wav.astype(np.float64) * 32768), -32768, 32767).astype(np.int16)
    _write_wav(folder / "speech" / f"{name}.wav", samples)
    sides = 96 / np.stack([boxes[:, 3] - boxes[:, 1], boxes[:, 2] - boxes[:, 0]], axis=1)
    person = speaker.person.name if speaker.person is not None else ""
    marks = testset.sound_checksum(samples), testset.mouths_checksum(np.concatenate([new, old]), phones)
    clip = TruthClip(name, person, boxes, new_truth[:, :2] * sides, old_truth[:, :2] * sides, phones, *marks)
    files.write_text(_record(folder, name), clip.to_json())
    return number


def _boxes(face: list[np.ndarray], name: str) -> np.ndarray:
    """The face in each frame, whole pixels: int (n, 4)."""
    boxes = track_faces(face, gaps="interpolate", cache=False, device="cpu").boxes
    if not np.isfinite(boxes).all():
        raise W2LError(f"no face was found in some frames of clip {name} of the test set; report this as a fault.")
    return np.rint(boxes).astype(int)


def _write(folder: Path, name: str, frames: Sequence[np.ndarray], boxes: np.ndarray, speaker: Speaker) -> None:
    """Writes whole frames and crops, without loss but for the colours' halved resolution, and without sound."""
    from w2l.video import VideoWriter

    crops = [cut_crop(frame, box) for frame, box in zip(frames, boxes, strict=True)]
    for kind, pictures in zip(KINDS, (crops, frames), strict=True):
        path, told = folder / kind / f"{name}.mp4", provenance(speaker)
        with VideoWriter(path, TRAINING_FPS, metadata=told, quality=_LOSSLESS) as writer:
            for picture in pictures:
                writer.write(picture)


def _write_wav(path: Path, samples: np.ndarray) -> None:
    import soundfile

    with files.atomic(path) as temporary:
        soundfile.write(temporary, samples, SAMPLE_RATE, subtype="PCM_16")
