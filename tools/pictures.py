"""Draws the ten pictures of docs/how_it_works.md and two of README.md, of bundled and made-up faces: nobody's.

In the clone: python -m tools.pictures            writes docs/pictures/01_mel.webp and so on; half a minute on two cores
              python -m tools.pictures 03 07      only these
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import ConnectionPatch, FancyArrowPatch, Rectangle
from PIL import Image  # matplotlib brings it

from w2l import audio, faces, models, sync, video
from w2l.base.palette import SERIES
from w2l.base.paths import data
from w2l.base.version import __version__
from w2l.evaluate.held_out import Dubber
from w2l.evaluate.studies import ablation, ablation_figure
from w2l.faces.mouths import measure
from w2l.marking import mark, xmp
from w2l.talker import Cast, TalkerClip, make_clip
from w2l.talker.corpus import film, make_speaker, speech

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "pictures"
_BLUE, _ORANGE, _GREEN, _GREY, _INK = SERIES[0], SERIES[1], SERIES[2], "#5d646b", "#26303a"
_DPI, _WIDE, _QUALITY = 120, 7.5, 82
_MOMENTS = (5, 9, 12, 24, 30, 35, 59)  # frames in which the new words open the mouth of `truth`, and close it
_STAGES = {
    "pixels": "classroom_generator_l1",
    "+ expert": "classroom_generator",
    "+ critic": "classroom_generator_gan",
    "cheating": "classroom_generator_gamed",
}


@cache
def talker(number: int) -> TalkerClip:
    """Three seconds of a photographic talker of the test part, at crop size, whose mouth is known."""
    return make_clip("test", number, seconds=3.0, cast=Cast(looks="photo", manner=False))


@cache
def spoken(weights: str, face: int = 2, words: int = 7) -> np.ndarray:
    """A talker's crops with the mouths that a bundled generator draws for another one's words."""
    return Dubber.load(weights).speak(talker(face).frames, talker(words).mel)


@cache
def truth(face: int = 2, words: int = 7) -> np.ndarray:
    """The same talker, filmed saying those words: uint8 (n, 96, 96, 3) BGR."""
    speaker = make_speaker("test", face, cast=Cast(looks="photo"))
    said = make_speaker("test", words, cast=Cast(looks="photo"))
    phones, _ = speech(said, seconds=3.0)
    return np.stack([frame for frame, _ in film(speaker, phones, len(talker(face).frames), manner=False)])


def _figure(height: float) -> Figure:
    figure = Figure(figsize=(_WIDE, height), dpi=_DPI)
    figure.patch.set_facecolor("white")
    return figure


def _show(ax: Axes, picture: np.ndarray, title: str = "", edge: str = "") -> None:
    """A BGR picture without axes, under its title, in a coloured frame if one is asked for."""
    ax.imshow(picture[..., ::-1], interpolation="bicubic")
    ax.set_xticks([])
    ax.set_yticks([])
    ax.set_title(title, fontsize=12, color=edge or _INK, pad=5)
    for side in ax.spines.values():
        side.set(visible=bool(edge), color=edge or _INK, linewidth=3)


def _mel(ax: Axes, mel: np.ndarray, title: str = "") -> None:
    ax.imshow(mel, origin="lower", aspect="auto", cmap="magma", vmin=-4, vmax=4, interpolation="nearest")
    ax.set_xticks([])
    ax.set_yticks([])
    ax.set_title(title, fontsize=12, color=_INK, pad=5)


def _arrow(figure: Figure, start: tuple[float, float], end: tuple[float, float], colour: str = _INK) -> None:
    figure.add_artist(
        FancyArrowPatch(
            start, end, transform=figure.transFigure, arrowstyle="-|>", mutation_scale=18, lw=2, color=colour
        )
    )


def sound_becomes_a_picture() -> Figure:
    """1. Two seconds of the bundled speech as a wave and as a mel, with one window marked."""
    wav = audio.load(data() / "samples" / "speech.wav")[: 2 * audio.SAMPLE_RATE]
    mel = audio.melspectrogram(wav)[:, :160]
    figure = _figure(3.9)
    wave = figure.add_axes((0.11, 0.68, 0.86, 0.24))
    wave.plot(np.arange(len(wav)) / audio.SAMPLE_RATE, wav, lw=0.5, color=_BLUE)
    wave.set(xlim=(0, 2), xticks=[], yticks=[])
    wave.set_ylabel("sound", fontsize=12)
    wave.set_title("16 000 numbers a second …", fontsize=13, loc="left")
    shown = figure.add_axes((0.11, 0.13, 0.86, 0.43))
    shown.imshow(mel, origin="lower", aspect="auto", cmap="magma", vmin=-4, vmax=4, extent=(0, 2, 0, 80))
    shown.add_patch(Rectangle((0.8, 0.6), 0.2, 78.8, fill=False, lw=3, color="white"))
    shown.text(0.9, 70, "0.2 s", color="white", ha="center", va="top", fontsize=13, weight="bold")
    shown.set_xlabel("seconds", fontsize=12)
    shown.set_ylabel("pitch band", fontsize=12)
    shown.set_title("… become 80 columns a second of 80 bands: a mel", fontsize=13, loc="left")
    for ax in (wave, shown):
        ax.spines[:].set_visible(False)
    return figure


@cache
def _presenter() -> tuple[list[np.ndarray], np.ndarray]:
    frames = list(video.read_frames(data() / "samples" / "presenter.mp4", max_frames=60))
    return frames, faces.track_faces(frames).boxes


def video_becomes_a_face() -> Figure:
    """2. A frame of the bundled presenter, the box of the face, and the crop."""
    frames, boxes = _presenter()
    figure = _figure(3.6)
    left, right = figure.add_axes((0.02, 0.04, 0.42, 0.82)), figure.add_axes((0.6, 0.12, 0.32, 0.66))
    _show(left, frames[30], "a frame, and the face found in it")
    x1, y1, x2, y2 = boxes[30]
    left.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, lw=3, color=_ORANGE))
    _show(right, faces.cut_crop(frames[30], boxes[30]), "the crop: 96 × 96 pixels", _ORANGE)
    for y, end in ((y1, (0, 0)), (y2, (0, 95))):
        figure.add_artist(
            ConnectionPatch((x2, y), end, "data", "data", axesA=left, axesB=right, color=_ORANGE, lw=1.5, ls="--")
        )
    return figure


def which_sound_belongs() -> Figure:
    """3. Five frames of a talker, and the sixteen columns of the mel that belong to them."""
    clip, first = talker(2), 24
    start = int(audio.window_starts(25, 1, shift=0.0, start=first)[0])
    figure = _figure(3.6)
    for i in range(5):
        _show(figure.add_axes((0.2 + 0.122 * i, 0.63, 0.116, 0.27)), clip.frames[first + i], f"{40 * i} ms")
    shown = figure.add_axes((0.2 - 0.122 * 1.25, 0.2, 0.122 * 7.5, 0.34))
    part = clip.mel[:, start - 4 : start + 20]
    shown.imshow(part, origin="lower", aspect="auto", cmap="magma", vmin=-4, vmax=4, extent=(-4, 20, 0, 80))
    shown.add_patch(Rectangle((0, 0.8), 16, 78.4, fill=False, lw=3, color="white"))
    shown.set_xticks([0, 3.2, 6.4, 9.6, 12.8, 16])
    shown.set_yticks([])
    shown.tick_params(labelsize=11)
    shown.set_xlabel("columns of the mel: 3.2 to a frame, 16 to a window", fontsize=12)
    for x, at in ((0.2, 0.0), (0.2 + 0.122 * 5, 16.0)):
        figure.add_artist(
            ConnectionPatch((x, 0.62), (at, 80), "figure fraction", "data", axesB=shown, color=_ORANGE, lw=2)
        )
    return figure


def what_the_generator_sees() -> Figure:
    """4. The generator's three inputs and what it draws."""
    clip, at = talker(2), 40
    hidden = clip.frames[at].copy()
    hidden[48:] = 0
    figure = _figure(3.1)
    places = [(0.02, 0.22), (0.27, 0.22), (0.52, 0.1), (0.77, 0.22)]
    inputs: list[tuple[np.ndarray, str]] = [
        (hidden, "whose face,\nlower half hidden"),
        (clip.frames[10], "a reference:\nhow it looks"),
    ]
    for (x, wide), (picture, title) in zip(places, inputs, strict=False):
        _show(figure.add_axes((x, 0.12, wide, 0.54)), picture, title)
    _mel(
        figure.add_axes((0.535, 0.14, 0.1, 0.5)),
        audio.mel_windows(talker(7).mel, 25, 75)[at],
        "0.2 s\nof sound",
    )
    _show(figure.add_axes((0.77, 0.12, 0.22, 0.54)), spoken("classroom")[at], "what it draws", _BLUE)
    for x, sign in ((0.255, "+"), (0.51, "+")):
        figure.text(x, 0.39, sign, fontsize=22, ha="center", va="center", color=_INK)
    _arrow(figure, (0.66, 0.39), (0.76, 0.39))
    return figure


def inside_the_generator() -> Figure:
    """5. The generator: two encoders, a decoder, and the connections that carry detail across."""
    figure = _figure(4.0)
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, 15), ylim=(0, 8))
    ax.axis("off")
    sizes = [96, 48, 24, 12, 6, 3]
    tall = [3.4, 2.7, 2.1, 1.5, 1.0, 0.6]
    for side, colour in ((0, _BLUE), (1, _GREEN)):
        for i, (size, high) in enumerate(zip(sizes, tall, strict=True)):
            x = 1.1 + 0.92 * i if side == 0 else 13.2 - 0.92 * i
            ax.add_patch(Rectangle((x, 4.6 - high / 2), 0.5, high, color=colour, alpha=0.9))
            if i % 2 == 0:
                ax.text(x + 0.25, 4.6 - high / 2 - 0.35, f"{size}", ha="center", fontsize=11, color=_INK)
    for i in range(4):
        y, x = 4.6 + tall[i] / 2, 1.35 + 0.92 * i
        ax.add_patch(
            FancyArrowPatch(
                (x, y), (13.45 - 0.92 * i, y), connectionstyle=f"arc3,rad=-{0.16 - 0.02 * i}", arrowstyle="-|>",
                mutation_scale=13, color=_GREY, lw=1.5,
            )
        )  # fmt: skip
    for i, high in enumerate((1.3, 1.05, 0.8, 0.6)):
        ax.add_patch(Rectangle((3.1 + 0.92 * i, 1.2 - high / 2), 0.5, high, color=_ORANGE))
    ax.add_patch(Rectangle((7.3, 4.3), 0.4, 0.6, color=_INK))
    ax.add_patch(FancyArrowPatch((6.5, 1.3), (7.5, 4.2), arrowstyle="-|>", mutation_scale=16, color=_ORANGE, lw=2))
    ax.text(1.1, 7.5, "made smaller: two faces", fontsize=12.5, color=_BLUE, weight="bold")
    ax.text(13.7, 7.5, "made larger: one face", fontsize=12.5, color=_GREEN, weight="bold", ha="right")
    ax.text(2.9, 1.2, "sound", fontsize=13, color=_ORANGE, weight="bold", ha="right", va="center")
    ax.text(7.8, 1.35, "512 numbers: what is said", fontsize=12, color=_ORANGE, va="center")
    ax.text(7.8, 0.55, "grey: details go straight across", fontsize=12, color=_GREY, va="center")
    return figure


def what_the_expert_is_asked() -> Figure:
    """6. The same five mouths with their own sound and with another: the expert's answers."""
    clip, first, expert = talker(2), 24, sync.load_expert("classroom_expert", "cpu", measure="cosine")
    mouths, sounds = sync.embed(expert, clip.frames, clip.mel)
    similar = mouths[first] @ sounds.T
    wrong = int(np.argmin(similar))
    figure = _figure(2.9)
    for row, (at, colour, word) in enumerate(((first, _BLUE, "yes"), (wrong, _ORANGE, "no"))):
        y = 0.54 - 0.49 * row
        for i in range(5):
            _show(figure.add_axes((0.02 + 0.123 * i, y, 0.119, 0.3)), clip.frames[first + i][50:94, 16:80])
        start = int(audio.window_starts(25, 1, shift=0.0, start=at)[0])
        _mel(figure.add_axes((0.66, y + 0.03, 0.12, 0.24)), clip.mel[:, start : start + 16])
        figure.text(0.81, y + 0.15, f"{word}: {similar[at]:.2f}", fontsize=17, color=colour, va="center", weight="bold")
        for x, words in (
            (0.02, ("these five mouths …", "the same mouths …")),
            (0.6, ("… and this sound?", "… and this one?")),
        ):
            figure.text(x, y + 0.36, words[row], fontsize=13, color=_INK)
    return figure


def the_offset_curve() -> Figure:
    """7. The expert's score at each shift, of a clip in sync and of the same clip with its sound five frames late."""
    clip, expert = talker(2), sync.load_expert("classroom_expert", "cpu", measure="cosine")
    wav = clip.wav
    late = np.concatenate([np.zeros(5 * 640, np.float32), wav])[: len(wav)]
    figure = _figure(3.5)
    ax = figure.add_axes((0.11, 0.17, 0.86, 0.76))
    kinds = ((wav, _BLUE, "-", "as filmed", "right"), (late, _ORANGE, "--", "sound 5 frames late", "left"))
    for sound, colour, style, words, side in kinds:
        curve = sync.offset_curve(expert, clip.frames, sound)
        ax.plot(curve.shifts, curve.curve, style, color=colour, lw=3, label=words)
        ax.plot(curve.offset, curve.best, "o", ms=11, color=colour)
        ax.annotate(
            f"offset {curve.offset}", (curve.offset, curve.best), (12 if side == "left" else -12, -5), ha=side,
            textcoords="offset points", fontsize=13, color=colour, weight="bold",
        )  # fmt: skip
    ax.set_xlabel("sound shifted by … frames of 40 ms", fontsize=12)
    ax.set_ylabel("how well it fits", fontsize=12)
    ax.legend(frameon=False, fontsize=12, loc="center left")
    ax.spines[["top", "right"]].set_visible(False)
    ax.set_ylim(0, 1.1)
    return figure


def three_teachers() -> Figure:
    """8. The same moments as the true mouth, and as drawn after each stage of training."""
    rows: dict[str, np.ndarray] = {"the truth": truth()}
    rows |= {name: spoken(weights) for name, weights in list(_STAGES.items())[:3]}
    return _mouths(rows, {})


def the_one_that_cheats() -> Figure:
    """9. A generator that was trained to please the expert alone, beside the truth, with the expert's confidence."""
    expert = sync.load_expert("classroom_expert", "cpu", measure="cosine")
    rows = {"the truth": truth(), "pasted": talker(2).frames, "cheating": spoken(_STAGES["cheating"])}
    scores = {name: sync.offset_curve(expert, shown, talker(7).mel).confidence for name, shown in rows.items()}
    return _mouths(rows, {name: f"{score:.2f}" for name, score in scores.items()}, "expert's\nconfidence")


def _mouths(rows: dict[str, np.ndarray], scores: dict[str, str], heading: str = "") -> Figure:
    """Rows of lower faces at the same moments, with a number at the end of each row where there is one."""
    wide = (0.71 if scores else 0.83) / len(_MOMENTS)
    high, head = wide * _WIDE * 0.66, 0.42  # inches: of a row, and above the first
    figure = _figure(high * len(rows) + head)
    tall, top = high / (high * len(rows) + head), 1 - head / (high * len(rows) + head)
    for i, (name, shown) in enumerate(rows.items()):
        y = top - tall * (i + 1)
        figure.text(0.145, y + tall * 0.45, name, fontsize=12.5, ha="right", va="center", color=_INK)
        for j, frame in enumerate(_MOMENTS):
            _show(figure.add_axes((0.16 + wide * j, y, wide * 0.96, tall * 0.95)), shown[frame][46:94, 10:86])
        if name in scores:
            figure.text(0.935, y + tall * 0.45, scores[name], fontsize=17, ha="center", va="center", weight="bold")
    if heading:
        figure.text(0.935, 0.99, heading, fontsize=11, ha="center", va="top", color=_INK)
    figure.text(0.16, 0.97, "time →", fontsize=11, va="top", color=_GREY)
    return figure


def back_into_the_frame() -> Figure:
    """10. A crop drawn, pasted with a soft edge, and labelled."""
    frames, boxes = _presenter()
    mel = audio.melspectrogram(audio.load(data() / "samples" / "speech.wav"))
    crops = np.stack([faces.cut_crop(frame, box) for frame, box in zip(frames, boxes, strict=True)])
    at = 21  # the mouth is open
    drawn = Dubber.load("classroom").speak(crops, mel)[at]
    pasted = faces.paste(frames[at], faces.match_colour(drawn, crops[at]), boxes[at])
    changed = np.abs(pasted.astype(int) - frames[at]).max(axis=2)
    light = np.clip(255 - 6 * changed, 0, 255).astype(np.uint8)
    figure = _figure(2.9)
    shown = (
        (drawn, "drawn"),
        (np.repeat(light[..., None], 3, axis=2), "what changes\nin the frame"),
        (mark.label_frame(pasted), "the result,\nwith its label"),
    )
    for i, (picture, title) in enumerate(shown):
        _show(figure.add_axes((0.02 + 0.335 * i, 0.03, 0.29, 0.75)), picture, title, _GREY if i == 1 else "")
    _arrow(figure, (0.316, 0.4), (0.352, 0.4))
    _arrow(figure, (0.651, 0.4), (0.687, 0.4))
    return figure


def the_opening() -> Figure:
    """How far the true mouth of the new words, the drawn one, and the replaced one are open."""
    meter = models.load("classroom_meter", network="mouth_meter")
    figure = _figure(3.2)
    ax = figure.add_axes((0.1, 0.17, 0.88, 0.78))
    rows: list[tuple[np.ndarray, str, str, str]] = [
        (talker(2).frames, _GREY, ":", "the filmed words"),
        (truth(), _BLUE, "-", "the new words, true"),
        (spoken("classroom"), _ORANGE, "--", "the new words, drawn"),
    ]
    for shown, colour, style, words in rows:
        ax.plot(np.arange(len(shown)) / 25, measure(meter, shown)[:, 0], style, color=colour, lw=2.5, label=words)
    ax.set_xlabel("seconds", fontsize=12)
    ax.set_ylabel("opening, pixels", fontsize=12)
    ax.set_xlim(0, 3)
    ax.legend(frameon=False, fontsize=11, ncols=3, loc="upper center", bbox_to_anchor=(0.5, 1.09))
    ax.spines[["top", "right"]].set_visible(False)
    return figure


def the_claims() -> Figure:
    """The stored trainings that test the paper's claims, on the first kind of talkers: a panel for each claim."""
    (corpus, part), *_ = ablation.read().parts().items()
    return ablation_figure.draw({corpus: part}, part.claims(), brief=True)


PICTURES: dict[str, Callable[[], Figure]] = {
    "01_mel": sound_becomes_a_picture,
    "02_crop": video_becomes_a_face,
    "03_window": which_sound_belongs,
    "04_inputs": what_the_generator_sees,
    "05_generator": inside_the_generator,
    "06_expert": what_the_expert_is_asked,
    "07_offset": the_offset_curve,
    "08_teachers": three_teachers,
    "09_cheat": the_one_that_cheats,
    "10_paste": back_into_the_frame,
    "opening": the_opening,
    "claims": the_claims,
}


def write(name: str) -> Path:
    """Draws one of `PICTURES` and writes it as WebP."""
    with matplotlib.rc_context({"font.family": "DejaVu Sans", "text.color": _INK, "axes.labelcolor": _INK}):
        buffer = io.BytesIO()
        PICTURES[name]().savefig(buffer, format="png", dpi=_DPI)
    path = FOLDER / f"{name}.webp"
    path.parent.mkdir(exist_ok=True)
    packet = xmp.packet(mark.DIGITAL_SOURCE_TYPE, f"w2l {__version__}")
    Image.open(buffer).convert("RGB").save(path, "WEBP", quality=_QUALITY, method=6, xmp=packet)
    return path


def main(words: Sequence[str] | None = None) -> int:
    """Writes the pictures whose names begin with one of the words; all of them without."""
    parser = argparse.ArgumentParser(description="Draw the pictures of docs/how_it_works.md.")
    parser.add_argument("names", nargs="*", help="beginnings of names, such as 03 (default: all)")
    wanted = tuple(parser.parse_args(words).names) or ("",)
    for name in PICTURES:
        if name.startswith(wanted):
            print(f"{path} {path.stat().st_size // 1024} kB" if (path := write(name)) else "")
    return 0


if __name__ == "__main__":
    sys.exit(main())
