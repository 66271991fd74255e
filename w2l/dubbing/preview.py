"""One frame of a dub, with the settings drawn on it: to choose them before a long run."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from w2l import faces
from w2l import weights as weight_files
from w2l.base import files
from w2l.base.lettering import line_of_text, put_text
from w2l.base.palette import CHOSEN, INK, PAPER, QUIET
from w2l.base.parallel import Stopwatch
from w2l.dubbing import contact_sheet
from w2l.dubbing.dub import load_generator, suited
from w2l.dubbing.footage import Footage
from w2l.dubbing.methods import Method, method_for
from w2l.dubbing.settings import Settings
from w2l.dubbing.speech import soundtrack
from w2l.dubbing.stream import DubbedMouth, Moment
from w2l.errors import W2LError
from w2l.faces.crop import corners
from w2l.marking import mark

_REACH = 6  # frames read on both sides, so that the box is smoothed as in the dub
_HEIGHT, _SIDE, _GAP, _TEXT = 480, 200, 16, 15  # pixels: height of the pictures, side of a crop, between them, letters


@dataclass(frozen=True)
class Preview:
    """A previewed frame."""

    moment: Moment
    picture: np.ndarray  # HWC uint8 BGR: the frame with its boxes, the result, what the generator saw and drew
    seconds: float  # elapsed
    notes: tuple[str, ...] = ()  # what a user should know about the speech


def preview(
    face: str | os.PathLike[str],
    audio: str | os.PathLike[str],
    at: float = 0.0,
    out: str | os.PathLike[str] | None = None,
    frame: int | None = None,
    **settings: Any,
) -> Preview:
    """Dubs the one frame that the result will show `at` this time in seconds, and draws the settings on it.

    frame: the number of the frame instead, from 0, in the result. settings: those of `dub`. out: where the picture
    is written as PNG, marked as synthetic. Only the frames around that moment are searched for faces, so the numbers
    of faces may differ from those in the whole clip (which `w2l track` draws).
    Raises W2LError as `dub` does, for a moment outside the speech, and when no face is found there.
    """
    clock = Stopwatch()
    method = method_for(Settings().with_changes(**settings))
    chosen = method.settings
    checkpoint = weight_files.find(chosen.weights)
    with clock.time("total"), files.keeping(face, audio, checkpoint):
        if out is not None:
            files.check_output(out)
        speech = method.listen(audio)
        heard = () if chosen.soundtrack is None else soundtrack(chosen.soundtrack, speech.seconds).notes
        footage = method.open(face)
        index = _index(at, frame, speech.seconds, footage.fps)
        loaded = load_generator(checkpoint, method)
        pictures, track, others = _find(footage, index, method)
        generate, mel_shift, _, notes = suited(loaded, method, [track])
        picture, box, roll = pictures[-1], track.boxes[-1], float(track.rolls[-1])
        seen = [k for k in range(len(pictures)) if track.has_face(k)]
        crops = [method.cut_crop(pictures[k], track.boxes[k], float(track.rolls[k]), generate.size) for k in seen]
        references = method.references(footage.fps)
        like, crop = [references.choose(one) for one in crops], crops[-1]
        window = method.mel_windows(speech.mel(chosen.gate), footage.fps, index, 1, mel_shift)
        mouth = DubbedMouth(0, box, crop, generate(crop[None], window, like[-1][None])[0], roll)
        result = method.paste(picture, crop, mouth.generated, box, roll)
        if chosen.label:
            result = mark.label_frame(result, mark.quiet_corner(picture.shape[1], picture.shape[0], box[None]))
        moment = Moment(index, index / footage.fps, picture, (mouth,), result)
        page = _draw(moment, others, chosen, f"{Path(face).name} at {moment.time:.2f} s")
        if out is not None:
            contact_sheet.write_png(page, out)
    return Preview(moment, page, clock.seconds["total"], (*speech.notes, *heard, *notes))


def _index(at: float, frame: int | None, seconds: float, fps: float) -> int:
    """The number of the frame in the result."""
    last = max(1, round(seconds * fps)) - 1
    if frame is None:
        if not 0 <= at < seconds:
            raise W2LError(f"there is nothing to see at {at:g} s: the speech lasts {seconds:.2f} s.")
        return min(int(at * fps), last)
    if not 0 <= frame <= last:
        raise W2LError(f"there is no frame {frame}: the speech lasts until frame {last}, at {fps:g} frames a second.")
    return frame


def _find(footage: Footage, index: int, method: Method) -> tuple[list[np.ndarray], faces.Track, list[np.ndarray]]:
    """The frame that the result shows there, after a few before it; the chosen face's track in these frames; and the
    corners of the boxes of all faces in the last one."""
    length = 1 if footage.is_still else footage.n_frames
    source = index if length is None else footage.source(index, length)
    start = max(0, source - _REACH)
    near = list(footage.read(start, source - start + 1 + _REACH))
    at = min(source - start, len(near) - 1)
    scene = method.find_faces_in(near)
    track = method.track(scene, method.settings.which)
    others = [corners(one.boxes[at], one.rolls[at]) for one in method.all_tracks(scene) if one.has_face(at)]
    if track.cut_off[at] and not track.has_face(at):
        raise W2LError(
            f"mouth or eyes lie outside the picture at that moment of {footage.clip.path}; choose another, or give a "
            "box."
        )
    if not track.has_face(at):
        raise W2LError(f"no face was found at that moment of {footage.clip.path}; choose another, or give a box.")
    until = slice(at + 1)
    return near[until], faces.Track(track.boxes[until], track.found[until], track.size, track.rolls[until]), others


def _draw(moment: Moment, others: list[np.ndarray], chosen: Settings, title: str) -> np.ndarray:
    """The frame with its boxes and the result side by side; below them crop, generated and the settings in words."""
    (mouth,) = moment.mouths
    frame = moment.frame.copy()
    thick = max(1, round(max(frame.shape[:2]) / 300))
    for around in others:
        contact_sheet.draw_outline(frame, around, QUIET, thick)
    contact_sheet.draw_outline(frame, corners(mouth.box, mouth.roll), CHOSEN, thick)
    scale = _HEIGHT / frame.shape[0]
    pictures = [cv2.resize(p, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) for p in (frame, moment.result)]
    wide = pictures[0].shape[1]
    lines = [f"{name} = {value}" for name, value in _said(chosen)]
    lines = ["settings changed:", *lines] if lines else ["default settings"]
    width = max(2 * wide, 2 * _SIDE + max(line_of_text(line, _TEXT).shape[1] for line in lines)) + 4 * _GAP
    top = 2 * _GAP + _TEXT
    below = top + _HEIGHT + _GAP
    page = np.full((below + max(_SIDE, 2 * _TEXT * len(lines)) + _GAP, width, 3), PAPER, np.uint8)
    put_text(page, f"{title}: frame {moment.index} with its face box, and dubbed", _GAP, _GAP, _TEXT, INK)
    for i, picture in enumerate(pictures):
        x = _GAP + i * (wide + _GAP)
        page[top : top + picture.shape[0], x : x + wide] = picture
    for i, crop in enumerate((mouth.crop, mouth.generated)):
        x = _GAP + i * (_SIDE + _GAP)
        page[below : below + _SIDE, x : x + _SIDE] = cv2.resize(crop, (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC)
    for i, line in enumerate(lines):
        put_text(page, line, 3 * _GAP + 2 * _SIDE, below + 2 * _TEXT * i, _TEXT, INK)
    return page


def _said(chosen: Settings) -> list[tuple[str, object]]:
    """The settings that differ from the defaults."""
    plain = Settings()
    names = [field.name for field in fields(chosen)]
    return [(name, value) for name in names if (value := getattr(chosen, name)) != getattr(plain, name)]
