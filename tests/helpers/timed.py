"""Films whose frames show their numbers, and their packets in other containers, for tests of time."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

FPS, SIDE, BITS = 25, 64, 10


def numbered(k: int) -> np.ndarray:
    """A frame that shows its number as ten black and white bars: (64, 64, 3) uint8 BGR."""
    bars = np.repeat([235 if k >> bit & 1 else 20 for bit in range(BITS)], 6).astype(np.uint8)
    return np.pad(bars, (0, SIDE - 6 * BITS)).reshape(1, SIDE, 1).repeat(SIDE, 0).repeat(3, 2)


def number(frame: np.ndarray) -> int:
    return sum(1 << bit for bit in range(BITS) if frame[16:48, 6 * bit + 2 : 6 * bit + 4].mean() > 127)


def film(
    path: Path, codec: str, n: int = 200, kind: str | None = None, b_frames: int = 2, fps: int = FPS, **options
) -> Path:
    """A clip whose k-th frame is numbered(k), at 25 frames a second if not told otherwise."""
    if codec == "libx264":
        options = {"preset": "ultrafast", "bf": str(b_frames), "b-adapt": "0", **options}
    if codec == "libx265":
        options = {"preset": "ultrafast", "x265-params": "log-level=none", **options}
    with av.open(str(path), "w", format=kind) as container:
        stream = container.add_stream(codec, rate=fps, options=options)
        stream.width = stream.height = SIDE
        stream.pix_fmt, stream.bit_rate = "yuv420p", 2_000_000
        stream.codec_context.max_b_frames = b_frames
        for k in range(n):
            frame = av.VideoFrame.from_ndarray(numbered(k), format="bgr24")
            frame.pts, frame.time_base = k, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def copied(source: Path, path: Path, change: Callable[[av.Packet], bool] = lambda packet: True, **options) -> Path:
    """The packets of a film in another container, each changed, or left out where `change` says False."""
    with av.open(str(source)) as old, av.open(str(path), "w", **options) as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(video=0):
            if packet.dts is not None and change(packet):
                packet.stream = stream
                new.mux(packet)
    return path


def later(seconds: float) -> Callable[[av.Packet], bool]:
    def change(packet: av.Packet) -> bool:
        ticks = round(seconds / packet.time_base)
        packet.pts, packet.dts = packet.pts + ticks, packet.dts + ticks
        return True

    return change
