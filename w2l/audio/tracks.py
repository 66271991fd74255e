"""The sound tracks of a file: their names, and which one is heard."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from w2l.errors import W2LError

if TYPE_CHECKING:
    import av
    import av.container


def choose(container: av.container.InputContainer, path: Path, track: int | None = None) -> av.AudioStream:
    """The track of this number, from 1; None: FFmpeg's choice among those that can be decoded.

    Raises W2LError when there is no such track, or no sound at all.
    """
    streams = tracks(container)
    if not streams:
        what = "sound that cannot be decoded" if container.streams.audio else "no sound"
        raise W2LError(f"{path} has {what}; give a file with speech (wav, mp3, m4a, or a video with sound).")
    if track is not None:
        if not 1 <= track <= len(streams):
            raise W2LError(f"{path} has no sound track {track}; it has {listed(names(container))}.")
        return streams[track - 1]
    best = container.streams.best("audio")
    return next((stream for stream in streams if stream is best), streams[0])


def tracks(container: av.container.InputContainer) -> list[av.AudioStream]:
    """The sound tracks that can be decoded; phones add a spatial one, which FFmpeg cannot, to the usual one."""
    return [stream for stream in container.streams.audio if stream.codec_context is not None]


def names(container: av.container.InputContainer) -> tuple[str, ...]:
    """Each sound track in words: its language, its title and its channels, as far as they are known."""
    return tuple(", ".join(_facts(stream)) for stream in tracks(container))


def _facts(stream: av.AudioStream) -> list[str]:
    language = stream.metadata.get("language", "und")
    known = [] if language == "und" else [language]
    if title := stream.metadata.get("title"):
        known.append(f"“{title}”")
    return [*known, stream.codec_context.layout.name]


def listed(known: Sequence[str]) -> str:
    """Named in a sentence: "2 sound tracks, 1 (eng, stereo) and 2 (mono)"; "one sound track (mono)"."""
    if len(known) == 1:
        return f"one sound track ({known[0]})"
    numbered = [f"{number} ({name})" for number, name in enumerate(known, 1)]
    return f"{len(known)} sound tracks, {', '.join(numbered[:-1])} and {numbered[-1]}"
