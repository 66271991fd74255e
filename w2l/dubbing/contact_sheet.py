"""Contact sheets: a dub at a glance (frame, crop, generated, result over time; waveform), and a face track."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from w2l import audio as sound
from w2l import video
from w2l.base import files
from w2l.base.lettering import line_of_text, put_text
from w2l.base.palette import CHOSEN, EMPTY, INK, PAPER, QUIET, TRACKS, WARNING, Colour
from w2l.dubbing.stream import Moment
from w2l.errors import W2LError
from w2l.faces import Track
from w2l.faces.crop import corners
from w2l.marking import mark
from w2l.video import Framing

COLUMNS = 8
_CELL = 168  # pixels: width of a column, and greatest height of a picture in it
_GAP, _EDGE, _NAMES = 8, 20, 116  # pixels: between cells, around the page, for the names of the rows
_WAVE, _LEADS = 110, 26  # pixels: height of the waveform, and of the lines that lead to it
_ROWS = ("frame", "crop", "generated", "result", "close up")
_TEXT = 13  # pixels: height of the letters
_TRACK_ROW, _TRACK_CELL = 1536, 768  # pixels: shared by the frames of a row of `write_track`; the most one gets
_WHOLE_FRAME = Framing()


class ContactSheet:
    """Collects moments of a dub (give it to ``dub`` as ``watch``) and draws a column for each.

    The columns are evenly spaced over the speech, whose sound track is chosen as in `Settings`. Cells of a face are
    empty where the frame shows none.
    """

    def __init__(
        self, audio: str | os.PathLike[str], title: str = "", columns: int = COLUMNS, audio_track: int | None = None
    ) -> None:
        self._audio, self._wav = Path(audio), sound.load(audio, audio_track)
        self._seconds = len(self._wav) / sound.SAMPLE_RATE
        self._title = title or Path(audio).name
        self._wanted = [self._seconds * (i + 0.5) / columns for i in range(columns)]
        self._moments: list[tuple[float, list[np.ndarray]]] = []

    def __call__(self, moment: Moment) -> None:
        """Keeps a small copy of the moment if it is the first one at or after the next column's time."""
        if len(self._moments) == len(self._wanted) or moment.time < self._wanted[len(self._moments)]:
            return
        around = [corners(mouth.box, mouth.roll) for mouth in moment.mouths[:1]]
        frame = _with_box(moment.frame, around, f"{moment.index}")
        near = None if moment.box is None else _close_up(moment.result, moment.box)
        pictures = [frame, moment.crop, moment.generated, moment.result, near]
        self._moments.append((moment.time, [_fit(picture) for picture in pictures]))

    def draw(self) -> np.ndarray:
        """The sheet as HWC uint8 BGR."""
        heights = [max((rows[i].shape[0] for _, rows in self._moments), default=_CELL) for i in range(len(_ROWS))]
        columns = len(self._wanted)
        left, top = _EDGE + _NAMES, _EDGE + 3 * _TEXT
        width = left + columns * (_CELL + _GAP) - _GAP + _EDGE
        grid = sum(heights) + len(heights) * _GAP
        sheet = _page(top + grid + 2 * _TEXT + _LEADS + _WAVE + _EDGE, width)
        put_text(sheet, self._title, _EDGE, _EDGE, _TEXT + 3, INK)
        label = line_of_text(mark.LABEL, _TEXT + 3)
        put_text(sheet, mark.LABEL, width - _EDGE - label.shape[1], _EDGE, _TEXT + 3, WARNING)
        y = top
        for row, (name, height) in enumerate(zip(_ROWS, heights, strict=True)):
            put_text(sheet, name, _EDGE, y + (height - _TEXT) // 2, _TEXT, INK)
            for column, (_, pictures) in enumerate(self._moments):
                _place(sheet, pictures[row], left + column * (_CELL + _GAP), y, height)
            y += height + _GAP
        self._draw_wave(sheet[y:, left : width - _EDGE])
        put_text(sheet, "speech", _EDGE, y + 2 * _TEXT + _LEADS + (_WAVE - _TEXT) // 2, _TEXT, INK)
        return sheet

    def write(self, path: str | os.PathLike[str]) -> Path:
        """Writes the sheet as PNG, marked as synthetic. Raises W2LError when the place cannot be written."""
        with files.keeping(self._audio):
            return write_png(self.draw(), path)

    def _draw_wave(self, area: np.ndarray) -> None:
        """Times, the lines that lead from the columns to their moments, and the waveform, drawn in place."""
        width = area.shape[1]
        top = 2 * _TEXT + _LEADS
        middle, half = top + _WAVE // 2, _WAVE // 2
        cv2.line(area, (0, middle), (width - 1, middle), QUIET, 1)
        for x, (low, high) in enumerate(_envelope(self._wav, width)):
            cv2.line(area, (x, middle - round(high * half)), (x, middle - round(low * half)), QUIET, 1)
        for i, (time, _) in enumerate(self._moments):
            text, centre = f"{time:.2f} s", i * (_CELL + _GAP) + _CELL // 2
            put_text(area, text, centre - line_of_text(text, _TEXT).shape[1] // 2, 2, _TEXT, INK)
            x = min(width - 1, round(width * time / self._seconds))
            cv2.line(area, (centre, _TEXT + 8), (x, top), CHOSEN, 1, cv2.LINE_AA)
            cv2.line(area, (x, top), (x, top + _WAVE - 1), CHOSEN, 1)


def write_track(
    face: str | os.PathLike[str],
    tracks: Track | Sequence[Track],
    path: str | os.PathLike[str],
    columns: int = 6,
    framing: Framing = _WHOLE_FRAME,
    fps: float | None = None,
    start: float | None = None,
) -> Path:
    """Writes a PNG of three rows of frames, or fewer, evenly spaced over the clip, with the boxes of their faces.

    For tracks that none of these frames show, frames that do are added, up to twice as many rows.

    face: the clip; framing, fps, start: as for the tracks. Several tracks, in the order of their numbers
    (`find_tracks`), have a colour and a number each: the one to give as `which`. Raises W2LError when there is no
    track, the clip cannot be read, or the place cannot be written or is the clip.
    """
    with files.keeping(face):
        files.check_output(path)
    drawn = [tracks] if isinstance(tracks, Track) else list(tracks)
    if not drawn:
        raise W2LError("there is no track to draw; give one or more.")
    names = [""] if isinstance(tracks, Track) else [str(number) for number in range(len(drawn))]
    n_frames = len(drawn[0])
    side = min(_TRACK_CELL, _TRACK_ROW // min(columns, n_frames))
    chosen = _telling_frames(drawn, 3 * columns)
    cells = []
    rate = fps or video.probe(face).fps
    begin = 0.0 if start is None else video.excerpt(video.probe(face), rate, start).first / rate
    for i, frame in enumerate(video.read_frames(face, rate, begin, n_frames)):
        if i in chosen:
            seen = [number for number, track in enumerate(drawn) if track.has_face(i)]
            boxes = [(corners(drawn[k].boxes[i], drawn[k].rolls[i]), names[k], TRACKS[k % len(TRACKS)]) for k in seen]
            cells.append(_numbered(framing(frame), boxes, i, side))
    height = max(cell.shape[0] for cell in cells)
    columns = min(columns, len(cells))
    rows = -(-len(cells) // columns)
    sheet = _page(2 * _EDGE + rows * (height + _GAP) - _GAP, 2 * _EDGE + columns * (side + _GAP) - _GAP)
    for i, cell in enumerate(cells):
        x, y = _EDGE + i % columns * (side + _GAP), _EDGE + i // columns * (height + _GAP)
        _place(sheet, cell, x, y, height, side)
    return write_png(sheet, path, synthetic=False)


def _page(height: int, width: int) -> np.ndarray:
    return np.full((height, width, 3), PAPER, np.uint8)


def _fit(picture: np.ndarray | None, side: int = _CELL) -> np.ndarray:
    """The picture made as wide or high as a cell; a faint empty square for None."""
    if picture is None:
        return np.full((side, side, 3), EMPTY, np.uint8)
    scale = min(side / picture.shape[1], side / picture.shape[0])
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)


def draw_outline(picture: np.ndarray, around: np.ndarray, colour: Colour, thick: int) -> None:
    """Draws a face box, in place. around: its (4, 2) corners, x, y in pixels (see `w2l.faces.crop.corners`)."""
    cv2.polylines(picture, [np.rint(around).astype(np.int32)], True, colour, thick)


def _with_box(frame: np.ndarray, boxes: list[np.ndarray], text: str) -> np.ndarray:
    """A copy of the frame with the corners of face boxes and a text, large enough to be seen when it is shrunk."""
    scale = max(frame.shape[:2]) / _CELL
    out = frame.copy()
    for around in boxes:
        draw_outline(out, around, CHOSEN, max(1, round(1.5 * scale)))
    tall = max(6, round(10 * scale))
    ink = line_of_text(text, tall)
    out[: tall + tall // 2, : ink.shape[1] + tall // 2] = INK
    put_text(out, text, tall // 4, tall // 4, tall, PAPER)
    return out


def _telling_frames(tracks: Sequence[Track], count: int) -> set[int]:
    """That many frames, evenly spaced, and up to as many more that show the tracks which the others do not."""
    n_frames = len(tracks[0])
    chosen = set(np.linspace(0, n_frames - 1, min(n_frames, count)).round().astype(int).tolist())
    for track in tracks:
        shown = np.flatnonzero(np.isfinite(track.boxes[:, 0])).tolist()
        if shown and len(chosen) < 2 * count and chosen.isdisjoint(shown):
            chosen.add(shown[len(shown) // 2])
    return chosen


def _numbered(frame: np.ndarray, boxes: list[tuple[np.ndarray, str, Colour]], index: int, side: int) -> np.ndarray:
    """A cell of the frame with the corners of its boxes, each with its name, and the frame's number."""
    cell = _fit(frame, side)
    scale = np.array([cell.shape[1] / frame.shape[1], cell.shape[0] / frame.shape[0]])
    placed = [(np.rint(around * scale).astype(int), name, colour) for around, name, colour in boxes]
    tall = max(_TEXT, side // 36)
    _tag(cell, f"frame {index}" if boxes else f"frame {index}: no face", 0, cell.shape[0], tall, INK)
    for around, _, colour in placed:
        draw_outline(cell, around, colour, 2)
    for around, name, colour in placed:
        if name:
            x, y = around.min(axis=0).tolist()
            _tag(cell, name, x - 1, y - tall - 7, tall, colour)
    return cell


def _tag(picture: np.ndarray, text: str, x: int, y: int, tall: int, colour: Colour) -> None:
    """A line of text on a patch of colour, moved so that it is inside the picture."""
    wide, high = line_of_text(text, tall).shape[1] + 8, tall + 6
    x, y = max(0, min(x, picture.shape[1] - wide)), max(0, min(y, picture.shape[0] - high))
    picture[y : y + high, x : x + wide] = colour
    put_text(picture, text, x + 4, y + 3, tall, PAPER)


def _close_up(frame: np.ndarray, box: np.ndarray) -> np.ndarray:
    """The square around the face box, twice as wide, cut off at the frame's border: where a seam would show."""
    x, y, reach = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, box[2] - box[0]
    left, right, top, bottom = (max(0, round(float(edge))) for edge in (x - reach, x + reach, y - reach, y + reach))
    return frame[top:bottom, left:right]


def _place(sheet: np.ndarray, picture: np.ndarray, x: int, y: int, height: int, width: int = _CELL) -> None:
    """Puts a picture into the middle of the cell whose corner is at x, y."""
    x += (width - picture.shape[1]) // 2
    y += (height - picture.shape[0]) // 2
    sheet[y : y + picture.shape[0], x : x + picture.shape[1]] = picture


def _envelope(wav: np.ndarray, columns: int) -> Iterator[tuple[float, float]]:
    """(lowest, highest) sample of each of the columns, scaled so that the loudest reaches 1."""
    peak = float(np.abs(wav).max()) or 1.0
    for start, stop in pairwise(np.linspace(0, len(wav), columns + 1).astype(int).tolist()):
        part = wav[start : max(stop, start + 1)]
        yield float(part.min()) / peak, float(part.max()) / peak


def write_png(sheet: np.ndarray, path: str | os.PathLike[str], synthetic: bool = True) -> Path:
    """Writes a picture, HWC uint8 BGR, as PNG, marked if synthetic. Raises W2LError if it cannot be written."""
    _, data = cv2.imencode(".png", sheet)
    with files.atomic(path) as temporary:
        temporary.write_bytes(data.tobytes())
        if synthetic:
            mark.embed(temporary)
    return Path(path)
