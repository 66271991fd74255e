"""Sounds for tests."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.stream import Disposition


def tone(seconds: float, rate: int, hertz: float = 440.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


def write_tracks(path: Path, *tracks: np.ndarray, default: int = 1) -> Path:
    """A film of a still picture with these sound tracks at 16 kHz: `default` is marked, later ones have names."""
    with av.open(str(path), "w") as container:
        shown = container.add_stream("mpeg4", rate=25)
        shown.width, shown.height, shown.pix_fmt = 32, 32, "yuv420p"
        sounds = []
        for number in range(1, len(tracks) + 1):
            stream = container.add_stream("flac", rate=16000, layout="mono")
            stream.disposition = Disposition.default if number == default else Disposition(0)
            if number > 1:
                stream.metadata.update(language="ger", title=f"track {number}")
            sounds.append(stream)
        for i in range(len(tracks[0]) * 25 // 16000):
            frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), 90, np.uint8), format="bgr24")
            frame.pts, frame.time_base = i, Fraction(1, 25)
            container.mux(shown.encode(frame))
        container.mux(shown.encode(None))
        for stream, wav in zip(sounds, tracks, strict=True):
            block = av.AudioFrame.from_ndarray((wav * 32767).astype(np.int16)[None], format="s16", layout="mono")
            block.sample_rate, block.pts, block.time_base = 16000, 0, Fraction(1, 16000)
            container.mux(stream.encode(block))
            container.mux(stream.encode(None))
    return path


def add_track(clip: Path, wav: np.ndarray, path: Path) -> Path:
    """A copy of the clip, as Matroska, with other sound at 16 kHz before its own."""
    with av.open(str(clip)) as given, av.open(str(path), "w") as container:
        picture, speech = given.streams.video[0], given.streams.audio[0]
        shown = container.add_stream_from_template(picture)
        other = container.add_stream("flac", rate=16000, layout="mono")
        own = container.add_stream_from_template(speech)
        other.disposition, own.disposition = Disposition.default, Disposition(0)
        block = av.AudioFrame.from_ndarray((wav * 32767).astype(np.int16)[None], format="s16", layout="mono")
        block.sample_rate, block.pts, block.time_base = 16000, 0, Fraction(1, 16000)
        packets = [*other.encode(block), *other.encode(None)]
        for packet in given.demux(picture, speech):
            if packet.dts is not None:
                packet.stream = shown if packet.stream is picture else own
                packets.append(packet)
        for packet in sorted(packets, key=lambda one: float(one.dts * one.time_base)):
            container.mux(packet)
    return path
