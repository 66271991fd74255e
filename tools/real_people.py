"""Does a generated mouth follow new words, on real people whom no training saw? A study on clips laid out as GRID's.

The folder holds clips named SPEAKER_SENTENCE.mp4 and `openings.json`, which `tools/face_mesh.py` writes. Each clip is
dubbed twice, with its own words and with the next clip's words, spoken by somebody else. In the clone:
python -m tools.real_people clips/ --generator classroom_generator runs/gan/generator.safetensors --keep looks/
With --only-meter it says only how well the mouth meter reads the original clips. Choose by the validation speakers;
the test speakers are for the last measurement.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from torch import nn

from tools.real_clips import FACE, OPENINGS, RealClip, find_clips, load, next_words, read_openings
from w2l import models, weights
from w2l.base.files import hash_of, write_text
from w2l.base.progress import progress_bar
from w2l.dubbing.dub import dub
from w2l.dubbing.stream import Moment
from w2l.errors import W2LError
from w2l.evaluate.held_out import Dubber, measure_swapped
from w2l.evaluate.metrics.lead import lead
from w2l.evaluate.metrics.mouth import amplitude, correlation, lagged
from w2l.evaluate.metrics.quality import Errors, gradient_energy
from w2l.faces import cut_crop
from w2l.faces.crop import mouth_box
from w2l.faces.mouths import measure
from w2l.sync.experts import Expert, load_expert
from w2l.sync.scorer import offset_curve

VALIDATION = ("s26", "s31")
LAGS = 3  # frames to both sides at which a mouth is compared with the true one
_TRAINED = ("s1",)  # one man with forty clips, for trying trainings: they do not judge

MEANINGS = {
    "r": "opening with new words against their true opening: r at lag 0",
    "best_r": "the same at its best lag",
    "lag": "that lag in frames (negative: the mouth is early)",
    "old_r": "opening with new words against the mouth that was filmed: r",
    "beyond_r": "opening with new words, the filmed mouth held constant: partial r",
    "width_r": "width with new words against their true width: r",
    "amplitude": "spread of that opening over that of the true one, same ruler",
    "mesh_r": "by MediaPipe: opening with new words, r at lag 0",
    "mesh_best_r": "by MediaPipe: r at its best lag",
    "mesh_lag": "by MediaPipe: that lag in frames",
    "mesh_old_r": "by MediaPipe: against the mouth that was filmed",
    "mesh_beyond_r": "by MediaPipe: the filmed mouth held constant, partial r",
    "mesh_width_r": "by MediaPipe: width, r",
    "mesh_amplitude": "by MediaPipe: spread over that of the true one",
    "held_r": "opening, the middle frame as reference, not pasted: r at lag 0",
    "box_over_paste": "own words: mouth-box L1 over pasting the middle frame's mouth",
    "held_box_over_paste": "the same, the middle frame as reference, not pasted",
    "sharpness": "own words: gradient energy of the mouth box over the original's",
    "confidence": "expert's confidence with new words",
    "sync_loss": "expert's cross-entropy with new words",
    "rhythm_r": "true mouths: that of the new words against the filmed one, r",
    "real_confidence": "original clip: expert's confidence",
    "meter_r": "original clip: meter's opening against openings.json, r",
    "meter_width_r": "original clip: meter's width against openings.json, r",
    "meter_scale": "original clip: spread of the meter's opening over that of openings.json",
    "lead": "all clips: lips before sound with new words, ms",
    "mesh_lead": "all clips: the same by MediaPipe, ms",
    "true_lead": "all clips: the same of the original clips by openings.json, ms",
}


class Rulers(NamedTuple):
    """What measures: an expert, the mouth meter, and the Python that has MediaPipe (None: there is none)."""

    expert: Expert
    meter: nn.Module
    mesh: str | None = None


def speak(face: RealClip, words: RealClip, generator: str, out: Path) -> np.ndarray:
    """Dubs a clip, as `w2l dub` does, and cuts the faces out of the result: uint8 (n, 96, 96, 3)."""
    made = []

    def see(moment: Moment) -> None:
        for mouth in moment.mouths:
            made.append(cut_crop(moment.result, mouth.box, roll=mouth.roll))

    dub(
        face.path, words.path, out, weights=generator, extend="trim", label=False, sign=False, progress=False, watch=see
    )
    return np.stack(made)


def follow(read: np.ndarray, new: RealClip, old: RealClip, ruler: np.ndarray) -> dict[str, Any]:
    """A generated mouth, (n, 2) over the face's height, against the true mouths of its words and of its face.

    ruler: the mouth of the words as this ruler reads it, (m, 2), for the amplitude. `curve`: r from lag -3 to 3.
    """
    n = min(len(read), len(new.true), len(old.true))
    curve = lagged(read[:n, 0], new.true[:n, 0], LAGS)
    return {
        "r": curve[LAGS],
        "best_r": curve.max(),
        "lag": int(curve.argmax()) - LAGS,
        "old_r": correlation(read[:n, 0], old.true[:n, 0]),
        "beyond_r": partial(read[:n, 0], new.true[:n, 0], old.true[:n, 0]),
        "width_r": correlation(read[:n, 1], new.true[:n, 1]),
        "amplitude": amplitude(read[:n, 0], ruler[:n, 0]),
        "curve": curve.tolist(),
    }


def partial(a: np.ndarray, b: np.ndarray, held: np.ndarray) -> float:
    """The partial correlation of a and b, (n,) each, with `held` constant: what they share beyond it; 0 if nothing."""
    ab, ah, bh = correlation(a, b), correlation(a, held), correlation(b, held)
    free = (1 - ah**2) * (1 - bh**2)
    return (ab - ah * bh) / math.sqrt(free) if free > 1e-9 else 0.0


def _own_words(made: np.ndarray, clip: RealClip) -> tuple[float, float]:
    """Mouth-box L1 over pasting, and sharpness of the mouth box, of a face that says its own words."""
    n, box = min(len(made), len(clip.faces)), mouth_box(made.shape[1])
    keep = np.arange(n) != len(clip.faces) // 2
    real = clip.faces[:n][keep]
    pasted = np.broadcast_to(clip.faces[len(clip.faces) // 2], real.shape)
    errors = []
    for shown in (made[:n][keep], pasted):
        one = Errors()
        one.add(real, shown)
        errors.append(one.figures()["mouth_l1"])
    return errors[0] / errors[1], gradient_energy(made, box) / gradient_energy(clip.faces, box)


def judge(
    face: RealClip, words: RealClip, generator: str, dubber: Dubber, rulers: Rulers, folder: Path
) -> dict[str, Any]:
    """The figures of one face that says its own words, then another's; the videos go into `folder`."""
    own = speak(face, face, generator, folder / f"{face.name}.mp4")
    new = speak(face, words, generator, folder / f"{face.name}_says_{words.name}.mp4")
    held = [dubber.speak(face.faces, one.clip.mel) for one in (face, words)]
    read = measure(rulers.meter, new) / FACE
    row: dict[str, Any] = {"face": face.name, "words": words.name, "read": read[:, 0].tolist()}
    row |= follow(read, words, face, words.read)
    row["held_r"] = follow(measure(rulers.meter, held[1]), words, face, words.read)["r"]
    row["box_over_paste"], row["sharpness"] = _own_words(own, face)
    row["held_box_over_paste"] = _own_words(held[0], face)[0]
    agreement = measure_swapped(new, face.clip, words.clip, rulers.expert)
    return row | {"confidence": agreement["confidence_new"], "sync_loss": agreement["sync_loss"]}


def judge_all(clips: Sequence[RealClip], generator: str, rulers: Rulers, folder: Path) -> list[dict[str, Any]]:
    """The rows of all clips for one generator."""
    folder.mkdir(parents=True, exist_ok=True)
    dubber, rows = Dubber.load(generator), []
    pairs = [(one, next_words(clips, number)) for number, one in enumerate(clips)]
    for face, words in progress_bar(pairs, desc=Path(generator).stem, unit="clip"):
        rows.append(judge(face, words, generator, dubber, rulers, folder))
    if rulers.mesh is not None:
        seen = by_mesh(rulers.mesh, folder)
        for row, (face, words) in zip(rows, pairs, strict=True):
            mouth = seen[f"{face.name}_says_{words.name}.mp4"]
            row |= {f"mesh_{key}": value for key, value in follow(mouth, words, face, words.true).items()}
            row["mesh_read"] = mouth[:, 0].tolist()
    return rows


def by_mesh(python: str, folder: Path) -> dict[str, np.ndarray]:
    """What MediaPipe reads from the videos of a folder, in its own environment."""
    command = [python, str(Path(__file__).with_name("face_mesh.py")), str(folder), "--out", str(folder / OPENINGS)]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        said = (getattr(error, "stderr", None) or str(error)).strip().splitlines()[-1]
        raise W2LError(f"{python} could not run tools/face_mesh.py ({said}); give a Python with mediapipe.") from error
    return read_openings(folder / OPENINGS)


def of_originals(clips: Sequence[RealClip], expert: Expert | None) -> list[dict[str, Any]]:
    """How well the meter reads the original clips, and what the expert makes of them."""
    rows = []
    for number, one in enumerate(clips):
        row: dict[str, Any] = {
            "face": one.name,
            "meter_r": correlation(one.read[:, 0], one.true[:, 0]),
            "meter_width_r": correlation(one.read[:, 1], one.true[:, 1]),
            "meter_scale": amplitude(one.read[:, 0], one.true[:, 0]),
        }
        if expert is not None:
            new = next_words(clips, number)
            n = min(len(new.true), len(one.true))
            row["rhythm_r"] = correlation(new.true[:n, 0], one.true[:n, 0])
            row["real_confidence"] = offset_curve(expert, one.faces, one.clip.mel).confidence
        rows.append(row)
    return rows


def medians(rows: Sequence[dict[str, Any]], clips: Sequence[RealClip]) -> dict[str, Any]:
    """The medians over clips, and what all clips together say of the lips' lead."""
    keys = [key for key in MEANINGS if key in rows[0]]
    found: dict[str, Any] = {key: float(np.median([row[key] for row in rows])) for key in keys}
    for key in ("curve", "mesh_curve"):
        if key in rows[0]:
            found[key] = np.median([row[key] for row in rows], axis=0).tolist()
    wavs = {one.name: one.wav for one in clips}
    for key, opening in (("lead", "read"), ("mesh_lead", "mesh_read")):
        if opening in rows[0]:
            found[key] = 1000 * lead((np.array(row[opening]), wavs[row["words"]]) for row in rows).seconds
    if "words" not in rows[0]:
        found["true_lead"] = 1000 * lead((one.true[:, 0], one.wav) for one in clips).seconds
    return found


def table(columns: dict[str, dict[str, Any]]) -> str:
    """The medians as a Markdown table, a column for each generator and one for the original clips."""
    lines = [f"| figure | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    rows = {meaning: [_digits(key, one.get(key)) for one in columns.values()] for key, meaning in MEANINGS.items()}
    for key, ruler in (("curve", "the meter"), ("mesh_curve", "MediaPipe")):
        rows[f"r by {ruler} at lags -{LAGS} .. {LAGS}"] = [_digits(key, *one.get(key, ())) for one in columns.values()]
    return "\n".join(lines + [f"| {what} | {' | '.join(cells)} |" for what, cells in rows.items() if any(cells)])


def _digits(key: str, *values: float | None) -> str:
    digits = 0 if key.endswith("lead") else 2 if key.endswith("curve") else 3
    return " ".join(f"{value:.{digits}f}" for value in values if value is not None)


def main(arguments: list[str] | None = None) -> int:
    """Runs the tool; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="clips and openings.json, as in GRID's sample")
    parser.add_argument("--speakers", nargs="+", default=VALIDATION, metavar="S", help="default: s26 s31 (validation)")
    parser.add_argument("--generator", nargs="+", default=["classroom_generator"], metavar="W", help="names or files")
    parser.add_argument("--expert", default="classroom_expert", metavar="W", help="a name or a file")
    parser.add_argument("--meter", default="classroom_meter", metavar="W", help="a name or a file")
    parser.add_argument("--mesh-python", metavar="PYTHON", help="a Python that has mediapipe: measure with it too")
    parser.add_argument("--only-meter", action="store_true", help="only read the original clips; dub nothing")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the dubbed videos here")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures, clip by clip")
    options = parser.parse_args(arguments)
    if not (options.folder / OPENINGS).is_file():
        print(f"skipped: {options.folder} has no {OPENINGS}, so its true mouths are unknown; see tools/face_mesh.py.")
        return 0
    try:
        _run(options)
    except W2LError as error:
        print(f"real_people: {error}", file=sys.stderr)
        return 1
    return 0


def _run(options: argparse.Namespace) -> None:
    if (own := sorted(set(_TRAINED) & set(options.speakers))) and not options.only_meter:
        raise W2LError(f"{', '.join(own)} may be trained on and does not judge; give other --speakers.")
    meter = models.load(options.meter, network="mouth_meter")
    expert = None if options.only_meter else load_expert(options.expert, "cpu", measure="cosine")
    found = find_clips(options.folder, options.speakers)
    clips = [load(path, true, meter) for path, true in progress_bar(found.items(), desc="find faces", unit="clip")]
    rows = {"originals": of_originals(clips, expert)}
    with tempfile.TemporaryDirectory() as temporary:
        for number, generator in enumerate(options.generator):
            if expert is None:
                break
            title = f"{number} {Path(generator).stem}" if len(options.generator) > 1 else Path(generator).stem
            folder = (options.keep or Path(temporary)) / title.replace(" ", "_")
            rulers = Rulers(expert, meter, options.mesh_python)
            rows[title] = judge_all(clips, str(weights.find(generator)), rulers, folder)
    columns = {title: medians(some, clips) for title, some in rows.items()}
    print(f"{len(clips)} clips of {', '.join(options.speakers)}; medians over clips\n\n{table(columns)}")
    if options.json is not None:
        used = [options.meter] if options.only_meter else [options.meter, options.expert, *options.generator]
        facts = {name: hash_of(weights.find(name)) for name in used}
        written = {"speakers": list(options.speakers), "sha256": facts, "medians": columns, "clips": rows}
        write_text(options.json, json.dumps(written, indent=1, default=float) + "\n")


if __name__ == "__main__":
    sys.exit(main())
