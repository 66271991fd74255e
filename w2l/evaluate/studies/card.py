"""The model card of the classroom weights: what they are, how they were made, and what they can do, as measured."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from itertools import product
from pathlib import Path
from typing import Any

from w2l import models
from w2l.base import device, files
from w2l.evaluate.held_out import CRITERIA, evaluate_classroom, table
from w2l.evaluate.report.collect import report_corpus
from w2l.evaluate.rows import Instruments
from w2l.faces.crop import mouth_box
from w2l.talker.cast import DEFAULT_CAST, Cast
from w2l.talker.photo.people import bundled_people
from w2l.train.settings import ExpertConfig, GanConfig, GeneratorConfig, HearingConfig, MeterConfig

_CONFIGS: dict[str, type] = {
    "expert": ExpertConfig,
    "generator": GeneratorConfig,
    "gan": GanConfig,
    "hearing": HearingConfig,
    "meter": MeterConfig,
}

_ROLES = {"wav2lip": "generator", "syncnet": "expert", "mouth_meter": "meter", "quality_disc": "gan"}

_PEOPLE = re.compile(r" with people (\w+)")  # in the name of the data: whose faces the talkers had

_EARLIER = re.compile(r"(\w+)@([0-9a-f]{7,40})(?:\.safetensors)?")  # weights as they were in an earlier commit

_BEFORE = {"looks": "drawn"}  # how all talkers were when trainings had no such setting

_LOOKS = {"photo": "photographic", "drawn": "drawn", "mixed": "photographic but for one in five, which is drawn"}

# rows of the table of stages: figure, what it is
_STAGE_ROWS = {
    "opening_r_new": "opening against the truth of the new speech",
    "opening_r_old": "opening against the truth of the replaced speech",
    "width_r_new": "width against the truth of the new speech",
    "box_over_paste": "mouth-box L1 over pasting the reference mouth",
    "confidence_new": "expert's confidence with new speech",
    "sharpness": "gradient energy of the lower face over the truth's",
    "frechet": "Fréchet distance, small features (of the kit; not FID)",
}

# columns of the table of voices: figure, title
_VOICE_COLUMNS = {
    "opening_r_new": "opening r",
    "width_r_new": "width r",
    "amplitude": "spread of the opening",
    "box_over_paste": "mouth box over pasting",
    "confidence_new": "expert's confidence",
    "expert_accuracy": "expert's pairs",
}

# what a file came from: key of its metadata, words before its value
_CAME = {"start": "from", "expert": "judged by", "disc": "beside"}

_HEAD = """# The classroom weights

Small networks that this kit trained on its own synthetic talkers. Four talkers in five are photographs animated by a
program, one is drawn, and all voices are made by programs (formant, espeak-ng, Flite); only classroom_judge learned
from drawn talkers alone. The networks show every step of the Wav2Lip recipe, and they dub real faces: `classroom`,
which `w2l dub` uses by default, is classroom_generator_gan. None was trained on video of a real person.

Known failures, seen on photographs, paintings, drawings and films of people:

- heads turned by more than some 20 degrees: the far corner of the mouth smears, now and then in purple;
- also in frontal faces: now and then small dots under the nostrils and beside the mouth, a faint grid on dark skin;
- lips that open wide on a dark gap: teeth seldom show, and then as a grey band;
- faces without clear lips, painted or modelled: the lips may get a colour that the picture does not have;
- a broad smile in the picture that is dubbed: it stays, and the lips hardly meet;
- moustaches soften;
- close-ups are soft: the whole face has 96 pixels.

Real people also part their lips before they speak and while they rest; these mouths do not.

The commands below run in a clone of this repository. NAME@COMMIT is the file of that name in that commit. PEOPLE is a
folder of photographs of single people, or the people pack made from it; these do not come with the kit, and [the data
card](../../docs/talker_data.md) says how to get them. The fingerprint after "with people" tells which pack was used.
Without --people the talkers have the bundled faces, which are nobody's own.

What the talkers' faces and voices are made from, and whom they represent: [the data card](../../docs/talker_data.md).

Licence: that of the kit. Intended use: teaching and dubbing. Outputs are marked as synthetic by the kit; keep the mark.
"""


def write(
    path: str | os.PathLike[str],
    figures: dict[str, float],
    split: str,
    count: int,
    names: dict[str, str],
    stages: Sequence[str] = (),
    others: Sequence[str] = (),
    cast: Cast = DEFAULT_CAST,
) -> Path:
    """Writes the card as Markdown: training facts read from the weight files, figures as measured. Returns the path.

    names: role -> the weights that `figures` were measured with. stages: other generators, which are measured here too.
    others: weights of which only the facts are listed. cast: the talkers that `figures` were measured on; unless
    they are all drawn, drawn ones are measured here beside them.
    """
    with files.keeping(*names.values(), *stages, *others):
        files.check_output(path)
    parts = [_HEAD, "## How they were made\n"]
    parts += [_facts(name, models.load(name)) for name in [*names.values(), *stages, *others]]
    today = time.strftime("%Y-%m-%d", time.gmtime())
    rows, columns = mouth_box()
    parts += [
        f"\n## What they do: {count} {split} talkers, {_LOOKS[cast.looks]}, unseen faces and unseen voices\n",
        table(figures) if cast.looks == "drawn" else "\n".join(_plain_table(figures)).rstrip(),
        f"\nMeasured {today} on {device.machine()} by `w2l evaluate corpus --generator {names['generator']} "
        f"--split {split} --clips {count}{_cast_options(cast)}`.",
        f"Generator: {names['generator']}; expert: {names['expert']}; mouth meter: {names['meter']}.",
        "Each face is driven by the next talker's speech (swapped) and by its own (matched), with the clip's middle",
        "frame as reference. Openings and widths in generated faces are read by the mouth meter. The mouth box is rows",
        f"{rows.start} to {rows.stop - 1}, columns {columns.start} to {columns.stop - 1} of the crop.",
        "Settings were chosen on the validation split.\n",
    ]
    if cast.looks != "drawn":
        drawn = evaluate_classroom(**names, split=split, count=count, progress=False, cast=replace(cast, looks="drawn"))
        parts += [f"\n## The same on {count} drawn {split} talkers\n", *_plain_table(drawn)]
        parts += ["\n## What the voice decides, and the manner\n", *_voice_table(figures, split, count, names, cast)]
    if stages:
        parts += ["\n## Stage by stage\n", *_stage_table(figures, split, count, names, stages, cast)]
    return files.write_text(path, "\n".join(parts))


def _cast_options(cast: Cast) -> str:
    """The command line's options for these talkers."""
    people = "" if cast.people is None else " --people PEOPLE"
    manner = "" if cast.manner is None else f" --manner {'yes' if cast.manner else 'no'}"
    return f" --voices {cast.voices} --looks {cast.looks}{people}{manner}"


def _plain_table(figures: dict[str, float]) -> list[str]:
    """Lines of a table of the figures of `CRITERIA`, without bounds."""
    return ["| figure | value |", "|---|---|", *(f"| {c.meaning} | {figures[c.key]:.3f} |" for c in CRITERIA), ""]


def _voice_table(figures: dict[str, float], split: str, count: int, names: dict[str, str], cast: Cast) -> list[str]:
    """Lines of a table with a row for each of two kinds of voices, without a manner and with one."""
    titles = ["| voices | manner", *_VOICE_COLUMNS.values()]
    lines = [" | ".join(titles) + " |", "|---" * (len(titles) + 1) + "|"]
    for voices, manner in product(("formant", "natural"), (False, None)):
        asked = replace(cast, voices=voices, manner=manner)
        own = figures
        if asked != cast:
            own = evaluate_classroom(**names, split=split, count=count, progress=False, cast=asked)
        row = [f"| {voices} | {'no' if manner is False else 'yes'}", *(f"{own[key]:.3f}" for key in _VOICE_COLUMNS)]
        lines.append(" | ".join(row) + " |")
    return [
        *lines,
        "",
        "Formant voices are the kit's own; of three natural ones, two are those of espeak-ng and Flite. With a manner,",
        "mouths also do what the sound does not tell: no network can follow that.",
        "",
    ]


def _stage_table(
    figures: dict[str, float], split: str, count: int, names: dict[str, str], stages: Sequence[str], cast: Cast
) -> list[str]:
    """Lines of a table with a column for each stage, and one for the generator that the card is of."""
    tools = Instruments(names["expert"], names["meter"])
    columns = {}
    for name in (names["generator"], *stages):
        own = figures
        if name != names["generator"]:
            own = evaluate_classroom(name, names["expert"], names["meter"], split, count, cast=cast)
        report = report_corpus(tools, name, split, count, cast=cast)
        distance = next(iter(report.distances.values()), float("nan"))
        columns[name] = own | {"sharpness": report.mean("sharpness").mean, "frechet": distance}
    lines = [" | ".join(["| figure", *columns]) + " |", "|---" * (len(columns) + 1) + "|"]
    for key, meaning in _STAGE_ROWS.items():
        lines.append(" | ".join([f"| {meaning}", *(f"{column[key]:.3f}" for column in columns.values())]) + " |")
    return [*lines, ""]


def _facts(name: str, model: Any) -> str:
    """One bullet: size, data, settings, minutes, machine, date, and the command that remakes the file."""
    meta = model.meta
    training = meta.get("training", {})
    count = sum(p.numel() for p in model.parameters()) / 1e6
    came = " ".join(f"{word} {meta[key]}" for key, word in _CAME.items() if key in meta)
    settings = ", ".join(f"{key} {value}" for key, value in training.items())
    made = f"{meta.get('minutes', '?')} minutes on {meta.get('machine', '?')}, {meta.get('date', '?')}"
    return (
        f"- **{name}** ({meta['network']}, width {meta['width']:g}, {count:.2f} M parameters): "
        f"{meta.get('data', 'unknown data')}{'; ' + came if came else ''}; {settings}; {made}. "
        f"Remade by `{_command(meta)}`. {meta.get('note', '')}".rstrip()
    )


def _command(meta: dict[str, Any]) -> str:
    """The shell command that repeats this training, after the earlier runs that it continues ("earlier" in the
    metadata, oldest first), whose results lie in the folders run1, run2 and so on. Weights of an earlier commit are
    first written into the current folder."""
    runs = [meta | {"start": None, "expert": None, "disc": None} | run for run in meta.get("earlier", ())]
    steps = [step for number, run in enumerate(runs, 1) for step in _steps(run, f" --out run{number}")]
    return " && ".join([*steps, *_steps(meta)])


def _role(network: str, settings: dict[str, Any]) -> str:
    """Which training gives such a network with these settings."""
    if network == "wav2lip" and "batch" in settings and "mouth_weight" not in settings:
        return "hearing"
    return "gan" if "disc_width" in settings else _ROLES[network]


def _steps(meta: dict[str, Any], out: str = "") -> list[str]:
    """The shell commands of one run: what it starts from, who judges, whose faces the talkers have unless these are
    the bundled ones, and the settings that differ from the defaults."""
    settings = _BEFORE | meta.get("training", {})
    role = _role(meta["network"], settings)
    steps, given = [], ""
    for key, option in {"start": "from", "expert": "expert", "disc": "disc"}.items():
        value = meta.get(key)
        if value is None:
            continue
        if earlier := _EARLIER.fullmatch(value):
            name, commit = earlier.groups()
            value = f"{name}@{commit}.safetensors"
            steps.append(f"git show {commit}:data/weights/{name}.safetensors > {value}")
        given += f" --{option} {value}"
    people = _PEOPLE.search(meta.get("data", ""))
    if people and people[1] != bundled_people().fingerprint():
        given += " --people PEOPLE"
    usual = asdict(_CONFIGS[role]())
    changed = [f"{key}={value}" for key, value in settings.items() if usual.get(key) != value]
    return [*steps, f"w2l train {role}{given}{out}" + (f" --set {' '.join(changed)}" if changed else "")]
