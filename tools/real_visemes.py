"""How wide real mouths open on each phone, beside the talkers' table: a study on clips of GRID, named by their words.

The voices of Flite, which must be installed, say each sentence. Their sound is laid over the recording by dynamic time
warping, so that the time of every phone is known there too. In the clone:
python -m tools.real_visemes clips/ --speakers s1 s26 s31 --fit s1
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import librosa
import numpy as np
from scipy.optimize import nnls

from tools.real_clips import OPENINGS, read_openings, speaker_of
from w2l import audio
from w2l.audio import SAMPLE_RATE
from w2l.base.progress import progress_bar
from w2l.errors import W2LError
from w2l.evaluate.metrics.mouth import correlation
from w2l.talker.visemes import mouth_track
from w2l.talker.voices.flite import SPEAKERS, FliteVoice, say, timed
from w2l.talker.voices.phones import PHONES, Spoken

# What the letters of a clip's name stand for: GRID's grammar (Cooke et al., JASA 2006). The fourth is a letter itself.
_GRAMMAR: tuple[dict[str, str], ...] = (
    {"b": "bin", "l": "lay", "p": "place", "s": "set"},
    {"b": "blue", "g": "green", "r": "red", "w": "white"},
    {"a": "at", "b": "by", "i": "in", "w": "with"},
    {},
    {"z": "zero", "1": "one", "2": "two", "3": "three", "4": "four"}
    | {"5": "five", "6": "six", "7": "seven", "8": "eight", "9": "nine"},
    {"a": "again", "n": "now", "p": "please", "s": "soon"},
)
_HOP = 160  # samples between two rows of features: 10 ms
_PULL = 0.05  # how strongly a fitted opening is held to the table's, against one frame of a usual clip


@dataclass(frozen=True)
class Aligned:
    """A clip: its phones as each voice has them, and its true opening (n,) over the face's height."""

    name: str
    spoken: list[list[Spoken]]
    opening: np.ndarray

    def track(self, phones: dict[str, float] | None = None) -> np.ndarray:
        """How far a talker opens the mouth, (n,), the mean over the voices; phones: openings unlike those of PHONES."""
        table = {
            name: replace(phone, mouth=phone.mouth._replace(opening=(phones or {}).get(name, phone.mouth.opening)))
            for name, phone in PHONES.items()
        }
        tracks = [mouth_track(spoken, len(self.opening), phones=table)[:, 0] for spoken in self.spoken]
        return np.mean(tracks, axis=0)


def words(name: str) -> str:
    """The sentence of a clip named SPEAKER_CODE, as `s1_bbaf2n`. Raises W2LError for other names."""
    code = name.partition("_")[2]
    if len(code) != len(_GRAMMAR) or any(key not in of for key, of in zip(code, _GRAMMAR, strict=True) if of):
        raise W2LError(f"{name!r} does not tell a sentence of GRID as 's1_bbaf2n' does; leave the clip out.")
    return " ".join(of.get(key, key.upper()) for key, of in zip(code, _GRAMMAR, strict=True))


def align(wav: np.ndarray, text: str) -> list[list[Spoken]]:
    """The phones of a recording, float32 (N,) at 16 kHz, by each voice of Flite that says the text."""
    found = []
    for name, (pitch, deviation) in (voice for split in SPEAKERS.values() for voice in split.items()):
        said, segments = say(FliteVoice(name, 1.0, pitch, deviation, 1.0, 0.0, 1.0), text)
        found.append(_laid_over(timed(said, segments), said, wav))
    return found


def _laid_over(spoken: Sequence[Spoken], said: np.ndarray, wav: np.ndarray) -> list[Spoken]:
    """The phones at the moments of `wav` that sound as theirs do in `said`; silence before and after."""
    own, other = _features(said), _features(wav)
    _, path = librosa.sequence.dtw(own, other, metric="cosine", weights_add=np.array([0, 0.1, 0.1]))
    met = np.array([path[path[:, 0] == row, 1].mean() for row in range(own.shape[1])])

    def there(sample: int) -> int:
        return round(float(np.interp(sample / _HOP, np.arange(len(met)), met)) * _HOP)

    moved = [one._replace(start=there(one.start), end=there(one.end)) for one in spoken]
    return [
        Spoken("SIL", 0, moved[0].start, 1.0),
        *moved,
        Spoken("SIL", moved[-1].end, max(len(wav), moved[-1].end), 1.0),
    ]


def _features(wav: np.ndarray) -> np.ndarray:
    """What two voices share: cepstra every 10 ms with their slopes, each to mean 0 and deviation 1."""
    cepstra = librosa.feature.mfcc(y=wav, sr=SAMPLE_RATE, n_mfcc=13, hop_length=_HOP, n_fft=400, n_mels=40)
    both = np.vstack([cepstra, librosa.feature.delta(cepstra, width=5)])
    return (both - both.mean(1, keepdims=True)) / (both.std(1, keepdims=True) + 1e-6)


def fit(clips: Sequence[Aligned]) -> dict[str, float]:
    """The opening of each phone that explains the clips best, by least squares, at the scale of the table.

    Phones that are rarely spoken stay near the table's opening. How wide a speaker opens the mouth, and how it
    rests, does not count: each clip is taken at the table's mean and deviation.
    """
    table = {name: phone.mouth.opening for name, phone in PHONES.items() if phone.mouth.opening}
    rows, seen = [], []
    for clip in clips:
        usual = clip.track()
        none = dict.fromkeys(table, 0.0)
        parts = np.stack([clip.track(none | {name: 1.0}) for name in table], 1)
        rows.append(parts - parts.mean(0))
        seen.append((clip.opening - clip.opening.mean()) * usual.std() / clip.opening.std())
    held = np.sqrt(_PULL * len(clips)) * np.eye(len(table))
    found, _ = nnls(np.vstack([*rows, held]), np.concatenate([*seen, held @ np.array(list(table.values()))]))
    return dict(zip(table, found.tolist(), strict=True))


def agreement(clips: Sequence[Aligned], phones: dict[str, float] | None = None) -> dict[str, float]:
    """For each speaker the median over clips of r between the track and the true opening."""
    found: dict[str, list[float]] = {}
    for clip in clips:
        found.setdefault(speaker_of(clip.name), []).append(correlation(clip.track(phones), clip.opening))
    return {speaker: float(np.median(rs)) for speaker, rs in found.items()}


def load(folder: Path, speakers: Sequence[str]) -> list[Aligned]:
    """The speakers' clips with their phones. Raises W2LError where openings, clips or Flite are missing."""
    true = read_openings(folder / OPENINGS)
    names = [name for name in sorted(true) if speaker_of(name) in speakers and (folder / name).is_file()]
    if not names:
        raise W2LError(f"{folder} has no clip of {', '.join(speakers)}; give other --speakers.")
    found = []
    for name in progress_bar(names, desc="align", unit="clip"):
        stem = Path(name).stem
        wav = audio.for_models(audio.read(folder / name))
        found.append(Aligned(stem, align(wav, words(stem)), true[name][:, 0]))
    return found


def main(arguments: list[str] | None = None) -> int:
    """Runs the tool; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="clips of GRID and openings.json, as tools/face_mesh.py writes it")
    parser.add_argument("--speakers", nargs="+", default=["s1", "s26", "s31"], metavar="S")
    parser.add_argument("--fit", nargs="+", default=[], metavar="S", help="fit openings to these; the others judge")
    options = parser.parse_args(arguments)
    try:
        clips = load(options.folder, options.speakers)
        fitted = fit([clip for clip in clips if speaker_of(clip.name) in options.fit]) if options.fit else None
    except W2LError as error:
        print(f"real_visemes: {error}", file=sys.stderr)
        return 1
    for title, phones in (("the talkers' table", None), ("fitted", fitted)):
        if phones is None and title == "fitted":
            continue
        print(f"{title}: r " + ", ".join(f"{name} {r:.3f}" for name, r in agreement(clips, phones).items()))
    if fitted:
        for name, opening in fitted.items():
            print(f"{name:4} {PHONES[name].mouth.opening:.2f} in the table, {opening:.2f} fitted")
    return 0


if __name__ == "__main__":
    sys.exit(main())
