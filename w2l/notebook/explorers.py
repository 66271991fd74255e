"""Explorers: a face track, the window over the mel, the sync curve, and a comparison of before and after."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import ipywidgets as widgets
import numpy as np

from w2l import audio, faces, video
from w2l.audio import SAMPLE_RATE, TRAINING_FPS, WINDOW
from w2l.base.lettering import put_text
from w2l.errors import W2LError
from w2l.notebook import canvas
from w2l.notebook.canvas import CHOSEN, DESCRIPTION, INK, OTHER, PAPER, Chart, Explorer, new_figure

_TALL, _LETTERS = 360, 15  # pixels: height of a frame, of letters
_NARROW = widgets.Layout(width="150px")


class TrackExplorer(Explorer):
    """A face's box over a clip: move through the frames, change pads, smoothing and gaps, see box, crop and height.

    clip: a video. n_frames: how many of its first frames are used, and kept as JPEG. detector: as in `track_faces`.
    Raises W2LError as `track_faces` does.
    """

    def __init__(self, clip: str | os.PathLike[str], n_frames: int = 75, detector: str = "auto") -> None:
        self.scene = faces.see(clip, detector, max_frames=n_frames)
        self._frames = [cv2.imencode(".jpg", f)[1] for f in video.read_frames(clip, max_frames=n_frames)]
        self.frame = canvas.frame_slider(len(self._frames))
        self.smooth = widgets.Checkbox(value=True, description="smooth", indent=False, layout=_NARROW)
        names = [(f"face {i}", i) for i in range(len(self.scene.faces))]
        self.which = widgets.Dropdown(options=names, description="which", style=DESCRIPTION, layout=_NARROW)
        self.gaps = widgets.Dropdown(
            options=["pass", "hold", "interpolate"], description="gaps", style=DESCRIPTION, layout=_NARROW
        )
        self.pads = [
            widgets.BoundedIntText(
                value=pad,
                min=-200,
                max=200,
                description=f"{side} pad",
                style=DESCRIPTION,
                layout=widgets.Layout(width="150px"),
            )
            for side, pad in zip(("top", "bottom", "left", "right"), (0, 10, 0, 0), strict=True)
        ]
        self._course: tuple[Any, Chart, Any] | None = None
        self.scene.track()  # raises now if there is no face
        super().__init__([self.frame, self.smooth, self.which, self.gaps, *self.pads])

    @property
    def track(self) -> faces.Track:
        """The track for the current controls."""
        pads = [pad.value for pad in self.pads]
        return self.scene.track(self.which.value, pads, self.smooth.value, self.gaps.value)

    def draw(self) -> np.ndarray:
        """The frame with all boxes, the crop that the networks see, and the box's height over time."""
        i, track = self.frame.value, self.track
        frame = cv2.imdecode(self._frames[i], cv2.IMREAD_COLOR)
        assert frame is not None
        crop = np.full((_TALL, _TALL, 3), PAPER, np.uint8)
        scale = _TALL / frame.shape[0]
        shown = canvas.enlarge(frame, _TALL)
        for box in self.scene.found.faces[i]:
            _rectangle(shown, np.asarray(box[:4]) * scale, OTHER, 1)
        if track.has_face(i):
            _rectangle(shown, track.boxes[i] * scale, CHOSEN, 2)
            crop = canvas.enlarge(faces.cut_crop(frame, track.boxes[i], roll=float(track.rolls[i])), _TALL)
        else:
            put_text(crop, "no face here", 20, 20, _LETTERS, INK)
        course, axes = self._draw_course(track)
        below = course.pixels.copy()
        course.line(below, axes, i)
        return canvas.above(canvas.beside(shown, crop), below)

    def _draw_course(self, track: faces.Track) -> tuple[Chart, Any]:
        """The chart of the box's height, redrawn only when the track changes."""
        key = (self.which.value, self.smooth.value, self.gaps.value, *(pad.value for pad in self.pads))
        if self._course is None or self._course[0] != key:
            raw = self.scene.track(self.which.value, [pad.value for pad in self.pads], False, "pass")
            figure, (axes,) = new_figure(7.6, 1.9)
            for boxes, name, colour in ((raw.boxes, "as detected", "#4a7fb5"), (track.boxes, "as used", "#e06622")):
                axes.plot(boxes[:, 3] - boxes[:, 1], label=name, color=colour, lw=1.5)
            axes.set(title="Height of the box", xlabel="frame", ylabel="pixels", xlim=(0, max(1, len(track) - 1)))
            axes.legend(loc="upper right", fontsize=8)
            self._course = key, Chart(figure), axes
        return self._course[1:]


class MelExplorer(Explorer):
    """The 16 columns of the mel that belong to a video frame: slide them over the sound, see them and hear them.

    sound: a file, or float (N,) at 16 kHz. frames: crops or frames to show beside it, (n, H, W, 3) uint8 BGR at `fps`.
    shift: where the window starts, in frames of 1/25 s from the picture; see `audio.window_starts`.
    """

    def __init__(
        self,
        sound: str | os.PathLike[str] | np.ndarray,
        frames: Sequence[np.ndarray] | np.ndarray | None = None,
        fps: float = TRAINING_FPS,
        shift: int = 0,
    ) -> None:
        self.wav = sound if isinstance(sound, np.ndarray) else audio.load(sound)
        self.fps, self._frames = fps, frames
        self.mel = audio.melspectrogram(self.wav)
        count = round(len(self.wav) / SAMPLE_RATE * fps)
        self.frame = canvas.frame_slider(count if frames is None else min(count, len(frames)))
        self.shift = widgets.IntSlider(
            value=shift, min=-3, max=3, description="shift (frames of 40 ms)", style=DESCRIPTION,
            layout=widgets.Layout(width="320px"),
        )  # fmt: skip
        self.hear = widgets.Button(description="hear the window", tooltip="plays its 200 ms", icon="play")
        self.player = widgets.Audio(format="wav", autoplay=False, controls=True)
        self.player.value = self._sound()
        self._chart, self._axes = self._draw_sound()
        self.hear.on_click(self._play)
        super().__init__([self.frame, self.shift, self.hear], [self.player])

    @property
    def columns(self) -> tuple[int, int]:
        """The first column of the window and the one after its last; they may be outside the mel."""
        start = int(audio.window_starts(self.fps, 1, self.shift.value, self.frame.value)[0])
        return start, start + WINDOW

    @property
    def window(self) -> np.ndarray:
        """The window, float32 (80, 16)."""
        return audio.mel_windows(self.mel, self.fps, 1, self.shift.value, self.frame.value)[0]

    def refresh(self, change: Any = None) -> None:
        """Redraws the picture and loads the window's sound into the player, without playing it."""
        super().refresh(change)
        if change is not None:
            self.player.autoplay, self.player.value = False, self._sound()

    def _play(self, button: Any) -> None:
        self.player.autoplay = False
        self.player.value = b""
        self.player.autoplay, self.player.value = True, self._sound()

    def _sound(self) -> bytes:
        start, stop = (column * audio.HOP for column in self.columns)
        return canvas.wav_bytes(np.pad(self.wav, (WINDOW * audio.HOP,) * 2)[start + 3200 : stop + 3200], SAMPLE_RATE)

    def draw(self) -> np.ndarray:
        """Waveform and mel with the window framed; beside them the window itself, and the video frame."""
        picture = self._chart.pixels.copy()
        first, stop = self.columns
        for axes in self._axes:
            self._chart.frame(picture, axes, first / 80, stop / 80)
            self._chart.line(picture, axes, self.frame.value / self.fps, OTHER)
        side = [_titled(_in_colours(self.window), "window (80, 16)")]
        if self._frames is not None:
            side.append(_titled(canvas.enlarge(self._frames[self.frame.value], 150), f"frame {self.frame.value}"))
        return canvas.beside(picture, canvas.above(*side))

    def _draw_sound(self) -> tuple[Chart, list[Any]]:
        seconds = len(self.wav) / SAMPLE_RATE
        figure, (wave, mel) = new_figure(7.4, 4.0, 2, sharex=True, height_ratios=(1, 2))
        wave.plot(np.arange(len(self.wav)) / SAMPLE_RATE, self.wav, color="#4a7fb5", lw=0.5)
        wave.set(title="Sound", ylabel="amplitude", xlim=(0, seconds))
        mel.imshow(
            self.mel, origin="lower", aspect="auto", cmap="viridis", vmin=-4, vmax=4,
            extent=(0, self.mel.shape[1] / 80, 0, audio.N_MELS),
        )  # fmt: skip
        mel.set(title="Its mel: 80 columns a second", xlabel="seconds", ylabel="mel band")
        return Chart(figure), [wave, mel]


class SyncExplorer(Explorer):
    """Move the sound of a clip against its picture: the expert's curve moves too; watch and hear what it judges.

    frames: (n, 96, 96, 3) uint8 BGR crops at 25 a second. wav: float (N,) at 16 kHz. expert: bundled name or file.
    Positive shifts: the sound is late. Raises W2LError when the expert is missing.
    """

    def __init__(self, frames: np.ndarray, wav: np.ndarray, expert: str = "classroom_expert") -> None:
        from w2l import sync
        from w2l.sync.curve import pairs_curve

        self.frames, self.wav = frames, wav
        mouths, sounds = sync.embed(sync.load_expert(expert, "cpu", measure="cosine"), frames, wav)
        self.most = sync.MAX_SHIFT
        if len(mouths) < 2 * self.most + 5:
            raise W2LError(f"a clip of {len(frames)} frames is too short to move its sound; give 2 s or more.")
        self._whole = pairs_curve(mouths @ sounds.T, 2 * self.most)  # far enough for sound moved to either end
        self.shift = widgets.IntSlider(
            value=0, min=-self.most, max=self.most, description="move the sound (frames of 40 ms, + is late)",
            style=DESCRIPTION, layout=widgets.Layout(width="520px"), continuous_update=True,
        )  # fmt: skip
        self.watch = widgets.Button(description="watch and hear it", icon="play", tooltip="plays the clip as it is now")
        self.player = widgets.Video(format="mp4", autoplay=False, controls=True, loop=False, width="288")
        self.player.layout.display = "none"
        self._shifts = np.arange(-self.most, self.most + 1)
        self._chart, self._axes = self._draw_axes()
        self.watch.on_click(self._play)
        super().__init__([self.shift, self.watch], [self.player])

    @property
    def curve(self) -> Any:
        """The `SyncCurve` of the clip with its sound moved as the slider says."""
        from w2l.sync.curve import SyncCurve

        return SyncCurve(self._shifts, self._whole.curve[self._shifts - self.shift.value + 2 * self.most])

    def draw(self) -> np.ndarray:
        """The curve of distances, its figures, and the middle frame."""
        curve, picture = self.curve, self._chart.pixels.copy()
        points = [self._chart.at(self._axes, s, 1 - c) for s, c in zip(curve.shifts, curve.curve, strict=True)]
        cv2.polylines(picture, [np.array(points)], False, OTHER, 2, cv2.LINE_AA)
        self._chart.line(picture, self._axes, 0, canvas.QUIET)
        cv2.circle(picture, points[int(curve.curve.argmax())], 6, CHOSEN, -1, cv2.LINE_AA)
        said = np.full((_TALL, 300, 3), PAPER, np.uint8)
        lines = (
            f"offset found: {curve.offset:+d} frames",
            f"that is {curve.offset * 40:+d} ms",
            f"distance as it is: {1 - curve.in_sync:.2f}",
            f"best distance: {1 - curve.best:.2f}",
            f"confidence: {curve.confidence:.2f}",
        )
        for row, line in enumerate(lines):
            put_text(said, line, 10, 30 + 34 * row, _LETTERS + 2, CHOSEN if row == 0 else INK)
        said[220:340, 10:130] = canvas.enlarge(self.frames[len(self.frames) // 2], 120)
        return canvas.beside(picture, said)

    def _draw_axes(self) -> tuple[Chart, Any]:
        figure, (axes,) = new_figure(6.4, 3.6)
        axes.set(
            title="How far apart are lips and sound?", xlabel="shift tried (frames of 40 ms; positive: sound late)",
            ylabel="distance: 1 - mean cosine", xlim=(-self.most - 0.5, self.most + 0.5), ylim=(0, 1),
        )  # fmt: skip
        axes.grid(alpha=0.3)
        return Chart(figure), axes

    def moved(self) -> np.ndarray:
        """The sound moved as the slider says, at its original length."""
        by = self.shift.value * SAMPLE_RATE // TRAINING_FPS
        return np.pad(self.wav, (max(0, by), max(0, -by)))[max(0, -by) :][: len(self.wav)]

    def _play(self, button: Any) -> None:
        self.player.layout.display = ""
        self.player.autoplay, self.player.value = True, film_bytes(self.frames, self.moved(), 288)


class Comparator(Explorer):
    """Before and after: a wipe between two pictures, or between two videos frame by frame.

    before, after: pictures (HWC uint8 BGR), lists of them, or paths of pictures or videos, of the same size. names:
    their labels. n_frames: how many frames of a video are kept at most.
    """

    def __init__(
        self, before: Any, after: Any, names: tuple[str, str] = ("before", "after"), n_frames: int = 50
    ) -> None:
        self._sides = [_frames_of(side, n_frames) for side in (before, after)]
        self._names = names
        if self._sides[0][0].shape != self._sides[1][0].shape:
            one, two = (f"{side[0].shape[1]}x{side[0].shape[0]}" for side in self._sides)
            raise W2LError(f"pictures of {one} and {two} pixels cannot be compared; resize one.")
        self.frame = canvas.frame_slider(min(len(side) for side in self._sides))
        self.wipe = widgets.IntSlider(
            value=50, min=0, max=100, description=f"{names[0]} ↔ {names[1]} (%)", style=DESCRIPTION,
            layout=widgets.Layout(width="420px"),
        )  # fmt: skip
        controls: list[widgets.Widget] = [self.wipe]
        if self.frame.max:
            self.play = widgets.Play(min=0, max=self.frame.max, interval=120)
            widgets.jslink((self.play, "value"), (self.frame, "value"))
            controls += [self.frame, self.play]
        super().__init__(controls)

    def draw(self) -> np.ndarray:
        """The picture before on the left of the seam, the picture after on its right."""
        before, after = (side[self.frame.value] for side in self._sides)
        width = before.shape[1]
        seam = round(width * (100 - self.wipe.value) / 100)
        picture = np.where(np.arange(width)[None, :, None] < seam, before, after)
        cv2.line(picture, (seam, 0), (seam, picture.shape[0]), PAPER, 2)
        if seam > 60:
            _tag(picture, self._names[0], 6)
        if seam < width - 60:
            _tag(picture, self._names[1], min(width - 60, seam + 8))
        return picture


def film_bytes(frames: Sequence[np.ndarray] | np.ndarray, wav: np.ndarray, height: int) -> bytes:
    """A video with sound, as mp4 in memory, for a player. wav: float (N,) at 16 kHz."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        with video.VideoWriter(path, TRAINING_FPS, audio=(wav, SAMPLE_RATE), quality=23) as writer:
            for frame in frames:
                writer.write(canvas.enlarge(frame, height))
        return path.read_bytes()


def _frames_of(side: Any, most: int) -> list[np.ndarray]:
    if isinstance(side, (str, os.PathLike)):
        frames = list(video.read_frames(side, max_frames=most))
    else:
        frames = [side] if isinstance(side, np.ndarray) and side.ndim == 3 else list(side)[:most]
    tall = frames[0].shape[0]
    return [canvas.enlarge(frame, max(240, min(_TALL, tall))) for frame in frames]


def _rectangle(picture: np.ndarray, box: np.ndarray, colour: tuple[int, int, int], width: int) -> None:
    x1, y1, x2, y2 = (round(float(value)) for value in box)
    cv2.rectangle(picture, (x1, y1), (x2, y2), colour, width)


def _tag(picture: np.ndarray, name: str, x: int) -> None:
    cv2.rectangle(picture, (x - 3, 4), (x + 9 * len(name) + 3, 26), PAPER, -1)
    put_text(picture, name, x, 8, _LETTERS, INK)


def _titled(picture: np.ndarray, title: str) -> np.ndarray:
    page = np.full((picture.shape[0] + 24, max(picture.shape[1], 150), 3), PAPER, np.uint8)
    page[24:, : picture.shape[1]] = picture
    put_text(page, title, 0, 4, _LETTERS - 1, INK)
    return page


def _in_colours(mel: np.ndarray) -> np.ndarray:
    """A mel as a picture, low bands at the bottom, each number a block of pixels."""
    grey = np.round((mel[::-1] + 4) * (255 / 8)).astype(np.uint8)
    return cv2.applyColorMap(np.kron(grey, np.ones((2, 8), np.uint8)), cv2.COLORMAP_VIRIDIS)
