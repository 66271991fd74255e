"""Stores for the doctor to examine."""

from __future__ import annotations

from helpers import tiny_training
from w2l.data.clip import Clip
from w2l.data.store import ClipEntry, write_clip, write_index


def make_store(folder, speakers, frames=20):
    """A store with a clip for each of these speakers; the last one is for validation."""
    entries = []
    for number, (speaker, clip) in enumerate(zip(speakers, tiny_training.clips(len(speakers), frames), strict=True)):
        file = f"clips/{number}.safetensors"
        size, checksum = write_clip(folder / file, Clip(clip.frames, clip.mel))
        split = "validation" if number == len(speakers) - 1 else "train"
        entries.append(ClipEntry(file, size, checksum, frames, speaker, split, f"{number}.mp4", 0, None, None, 0))
    write_index(folder, entries)
    return folder
