"""Peak memory of a dub, and how it grows with the length: each dub runs in a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from w2l import video
from w2l.base import paths
from w2l.dubbing.speech import listen
from w2l.errors import W2LError

_DUB = """
import sys, w2l
from w2l.bench.memory import peak_memory
w2l.dub(sys.argv[1], sys.argv[2], sys.argv[3], progress=False, cache=False)
print(peak_memory())
"""


@dataclass(frozen=True)
class Memory:
    """Seconds of speech -> most memory in 10^6 bytes, and the size of the frames."""

    size: tuple[int, int]
    peaks: dict[float, float]


def measure(clip: str | os.PathLike[str] | None = None, lengths: tuple[float, ...] = (10.0, 60.0)) -> Memory:
    """Dubs a clip (the bundled presenter, enlarged to 1280x720, when None) with speeches of these lengths.

    Raises W2LError where the system does not report memory, and when a dub fails.
    """
    samples, peaks = paths.data() / "samples", {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip = Path(clip) if clip else enlarge(samples / "presenter.mp4", folder / "clip.mp4", max(lengths))
        for seconds in lengths:
            listen(samples / "speech.wav").repeated(seconds).write(folder / "speech.wav")
            arguments = [sys.executable, "-c", _DUB, str(clip), str(folder / "speech.wav"), str(folder / "out.mp4")]
            done = subprocess.run(arguments, capture_output=True, text=True, check=False)
            if done.returncode:
                raise W2LError(f"the dub failed: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}")
            peaks[seconds] = float(done.stdout.split()[-1])
        info = video.probe(clip)
    return Memory((info.width, info.height), peaks)


def peak_memory() -> float:
    """Peak memory of this process in 10^6 bytes. Raises W2LError where the system does not report it (Windows).

    On Linux `resource` also counts the memory of the process that started this one, so /proc is read instead.
    """
    status = Path("/proc/self/status")
    if status.exists() and (found := re.search(r"VmHWM:\s+(\d+) kB", status.read_text())):
        return int(found[1]) * 1024 / 1e6
    try:
        import resource
    except ImportError as error:
        raise W2LError("this system does not report how much memory a process took; use Linux or macOS.") from error
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6


def enlarge(clip: Path, out: Path, seconds: float) -> Path:
    """Writes the clip in the middle of 1280x720 frames, looped to last `seconds`."""
    import cv2

    info = video.probe(clip)
    frames = []
    for frame in video.read_frames(clip):
        scale = min(1280 / frame.shape[1], 720 / frame.shape[0])
        big = cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        spare = 1280 - big.shape[1], 720 - big.shape[0]
        sides = spare[1] // 2, spare[1] - spare[1] // 2, spare[0] // 2, spare[0] - spare[0] // 2
        frames.append(cv2.copyMakeBorder(big, *sides, borderType=cv2.BORDER_REPLICATE))
    with video.VideoWriter(out, info.fps) as writer:
        for i in range(round(seconds * info.fps)):
            writer.write(frames[i % len(frames)])
    return out


def to_table(found: Memory) -> str:
    """The figures as lines to print."""
    first = next(iter(found.peaks.values()))
    lines = [f"dubs of {found.size[0]}x{found.size[1]}, each in a process of its own:"]
    lines += [f"{seconds:6g} s: {peak:.0f} MB, {peak / first:.2f} times" for seconds, peak in found.peaks.items()]
    return "\n".join(lines)
