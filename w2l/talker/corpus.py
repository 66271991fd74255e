"""The synthetic talker corpus: every mouth position and phone time is known; split by identity and voice."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from w2l.audio import SAMPLE_RATE, TRAINING_FPS, melspectrogram
from w2l.base.files import write_text
from w2l.errors import W2LError
from w2l.talker.cast import DEFAULT_CAST, Cast
from w2l.talker.drawn.identity import Face, make_face
from w2l.talker.drawn.render import CROP, View, crop_view, make_motion, presenter_view, render
from w2l.talker.manner import Manner, jittered, make_manner
from w2l.talker.visemes import mouth_track
from w2l.talker.voices import espeak, flite
from w2l.talker.voices.espeak import EspeakVoice, make_espeak_voice
from w2l.talker.voices.flite import FliteVoice, make_flite_voice
from w2l.talker.voices.formant import Voice, make_voice, plan_speech, synthesise
from w2l.talker.voices.phones import Spoken
from w2l.talker.voices.recording import record

if TYPE_CHECKING:
    from w2l.talker.photo.people import Person

SPLITS = ("train", "validation", "test")
CLIP_SECONDS = 4.0
# IPTC: made by an algorithm alone, not by a trained model and not from a photograph; and made from photographs
DIGITAL_SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/algorithmicMedia"
PHOTO_SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeSynthetic"


@dataclass(frozen=True)
class Speaker:
    """One identity and its own voice; never in two splits. recorded: whether the voice went through a microphone.

    person: whose photograph the speaker has; None for one who is drawn, with `face`.
    """

    split: str
    number: int
    face: Face
    voice: Voice | EspeakVoice | FliteVoice
    recorded: bool = False
    person: Person | None = None


@dataclass(frozen=True)
class TalkerClip:
    """A clip with its ground truth. n = frames at 25 a second.

    frames: uint8 (n, H, W, 3) BGR. wav: float32 (N,) at 16 kHz. mel: float32 (80, T). phones: with sample-exact times.
    mouth: float32 (n, 7), the visemes as in `Mouth`. truth: float32 (n, 3), gap between the lips and width from corner
    to corner in pixels of the frames, open area in square pixels.
    """

    frames: np.ndarray
    wav: np.ndarray
    mel: np.ndarray
    phones: list[Spoken]
    mouth: np.ndarray
    truth: np.ndarray


def make_speaker(split: str, number: int, seed: int = 0, cast: Cast = DEFAULT_CAST) -> Speaker:
    """The speaker with that number; the same arguments give the same one. The drawn face does not depend on the cast.

    Raises ValueError on a wrong split, W2LError when the split has no people.
    """
    rng = _rng(seed, split, number, 0)
    voice, face = make_voice(rng), make_face(rng)
    spoken, recorded = _voice(rng, split, number, cast.voices)
    return Speaker(split, number, face, spoken or voice, recorded, cast.person(split, number))


def _voice(
    rng: np.random.Generator, split: str, number: int, voices: str
) -> tuple[EspeakVoice | FliteVoice | None, bool]:
    """The speaker's voice, None for one of the kit's own synthesiser, and whether it is recorded."""
    if voices == "formant":
        return None, False
    if voices == "mixed":
        return (make_espeak_voice(rng, split), True) if number % 2 else (None, number % 4 == 2)
    turn = number % 3
    if turn == 0:
        return None, number % 6 == 3
    return make_espeak_voice(rng, split) if turn == 1 else make_flite_voice(rng, split), True


def speech(
    speaker: Speaker, clip: int = 0, seconds: float = CLIP_SECONDS, seed: int = 0
) -> tuple[list[Spoken], np.ndarray]:
    """What the speaker says in a clip, and its sound: (phones, float32 (seconds * 16000,))."""
    rng = _rng(seed, speaker.split, speaker.number, 2 * clip + 1)
    if isinstance(speaker.voice, EspeakVoice):
        phones, wav = espeak.speak(rng, seconds, speaker.voice)
    elif isinstance(speaker.voice, FliteVoice):
        phones, wav = flite.speak(rng, seconds, speaker.voice)
    else:
        phones = plan_speech(rng, seconds, speaker.voice)
        wav = synthesise(phones, seconds, speaker.voice, rng)
    return phones, record(wav, rng) if speaker.recorded else wav


def film(
    speaker: Speaker,
    phones: list[Spoken],
    n_frames: int,
    clip: int = 0,
    view: View | None = None,
    seed: int = 0,
    manner: bool | None = None,
    fps: float = TRAINING_FPS,
    yaw: float | None = None,
    size: int = CROP,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields (frame, truth) of the speaker saying the phones, as `render.render`; without a view, the crop of the face,
    size x size. Whatever the size, a clip has the same light, motion and camera.

    Of a photographic speaker, a view's width alone counts: head and shoulders in a square. manner: whether the mouth
    also does what the sound does not tell (`manner.Manner`); left out, photographic speakers have a manner, and drawn
    ones none. fps: frames a second; the head moves alike at any rate. yaw: degrees, the head stays turned that far
    (photographic speakers up to 25); left out, it turns as it likes.
    """
    mouths, own = mouths_of(speaker, phones, n_frames, clip, seed, manner, fps)
    return film_mouths(speaker, mouths, clip, view, seed, own, fps, yaw, size)


def film_mouths(
    speaker: Speaker,
    mouths: np.ndarray,
    clip: int = 0,
    view: View | None = None,
    seed: int = 0,
    own: Manner | None = None,
    fps: float = TRAINING_FPS,
    yaw: float | None = None,
    size: int = CROP,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """`film` with given mouths, float32 (n, 7) as in `Mouth`: head, light and camera are those of the speaker's clip
    of that number, whatever is said. own: the manner that is in `mouths` already."""
    rng = _rng(seed, speaker.split, speaker.number, 2 * clip + 2)
    if speaker.person is not None:
        from w2l.talker.photo.film import film as film_photo

        width, portrait = (size, False) if view is None else (view.width, True)
        return film_photo(speaker.person, mouths, rng, width, own, fps, yaw, portrait)
    motion = make_motion(rng, len(mouths), fps, yaw)
    return render(speaker.face, mouths, motion, rng, view or crop_view(speaker.face, size))


def mouths_of(
    speaker: Speaker,
    phones: list[Spoken],
    n_frames: int,
    clip: int = 0,
    seed: int = 0,
    manner: bool | None = None,
    fps: float = TRAINING_FPS,
) -> tuple[np.ndarray, Manner | None]:
    """The mouth in each frame, float32 (n, 7) as in `Mouth`, and the manner it is in; None for none."""
    wanted = speaker.person is not None if manner is None else manner
    if not wanted:
        return mouth_track(phones, n_frames, speaker.voice.articulation, fps), None
    rng = _rng(seed, speaker.split, speaker.number, 2 * clip + 2, 1)
    gestures = jittered(rng, phones)
    own = make_manner(rng, gestures, n_frames, fps)
    return own.applied(mouth_track(gestures, n_frames, speaker.voice.articulation, fps)), own


def make_clip(
    split: str,
    number: int,
    clip: int = 0,
    seconds: float = CLIP_SECONDS,
    seed: int = 0,
    cast: Cast = DEFAULT_CAST,
    size: int = CROP,
) -> TalkerClip:
    """One clip at crop size (size x size), in memory. The same arguments give the same bytes."""
    speaker = make_speaker(split, number, seed, cast)
    phones, wav = speech(speaker, clip, seconds, seed)
    n_frames = round(seconds * TRAINING_FPS)
    filmed = film(speaker, phones, n_frames, clip, seed=seed, manner=cast.manner, size=size)
    frames, truth = zip(*filmed, strict=True)
    mouth = mouths_of(speaker, phones, n_frames, clip, seed, cast.manner)[0]
    return TalkerClip(np.stack(frames), wav, melspectrogram(wav), phones, mouth, np.stack(truth))


def write_clip(
    path: str | os.PathLike[str],
    speaker: Speaker,
    clip: int = 0,
    seconds: float = CLIP_SECONDS,
    size: int = 96,
    seed: int = 0,
    manner: bool | None = None,
) -> Path:
    """Writes one clip as mp4 (picture and sound) with its truth beside it as .json.

    size 96 is the bare face crop; 128 and more gives a head-and-shoulders presenter in a square picture. manner:
    see `film`.
    """
    from w2l.video import VideoWriter

    path = Path(path)
    phones, wav = speech(speaker, clip, seconds, seed)
    n_frames = round(seconds * TRAINING_FPS)
    view = None if size == CROP else presenter_view(size)
    truth = []
    metadata = provenance(speaker)
    with VideoWriter(path, TRAINING_FPS, audio=(wav, SAMPLE_RATE), metadata=metadata, quality=16) as writer:
        for frame, numbers in film(speaker, phones, n_frames, clip, view, seed, manner):
            writer.write(frame)
            truth.append([round(float(v), 3) for v in numbers])
    facts = {
        "split": speaker.split,
        "speaker": speaker.number,
        "seed": seed,
        "fps": TRAINING_FPS,
        "sample_rate": SAMPLE_RATE,
        "phones": [
            dict(zip(Spoken._fields, (p.phone, p.start, p.end, round(p.stress, 3)), strict=True)) for p in phones
        ],
        "opening_width_area": truth,
        "voice": asdict(speaker.voice),
    }
    if speaker.person is not None:
        facts["person"] = speaker.person.name
    write_text(path.with_suffix(".json"), json.dumps(facts, indent=1) + "\n")
    return path


def provenance(speaker: Speaker) -> dict[str, str]:
    """Where the pictures of a clip come from, as a file's metadata."""
    if speaker.person is None:
        return {"digital_source_type": DIGITAL_SOURCE_TYPE, "comment": "w2l synthetic talker: drawn, no real person"}
    from w2l.talker.photo.people import credit

    told = credit(speaker.person.name)
    comment = f"w2l synthetic talker: made from photographs by a program; nobody said this. {told}"
    return {"digital_source_type": PHOTO_SOURCE_TYPE, "comment": comment}


def write_corpus(
    folder: str | os.PathLike[str],
    speakers: dict[str, int],
    seconds: float = CLIP_SECONDS,
    size: int = 96,
    seed: int = 0,
    clips_each: int = 1,
    cast: Cast = DEFAULT_CAST,
) -> Iterator[Path]:
    """Writes `speakers[split]` speakers' clips under folder/split/, yielding each path; clips already there are kept.

    A clip counts as done when its .json is there, which is written last; so a killed run resumes where it stopped."""
    for split, count in speakers.items():
        for number in range(count):
            speaker = make_speaker(split, number, seed, cast)
            for clip in range(clips_each):
                path = Path(folder) / split / f"{number:05d}_{clip:02d}.mp4"
                if not (path.exists() and path.with_suffix(".json").exists()):
                    write_clip(path, speaker, clip, seconds, size, seed, cast.manner)
                yield path


def _rng(seed: int, split: str, number: int, *stream: int) -> np.random.Generator:
    if split not in SPLITS:
        raise ValueError(f"{split!r} is not a split of the corpus; choose one of {', '.join(SPLITS)}.")
    if number < 0 or seed < 0:
        raise W2LError(f"speaker {number} with seed {seed} does not exist; both start at 0.")
    return np.random.default_rng([seed, SPLITS.index(split), number, *stream])
