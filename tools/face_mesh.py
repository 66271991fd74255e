"""Reads how far mouths open in videos of real people, by MediaPipe's face mesh: a ruler that this kit had no part in.

Run it in an environment of its own (`pip install mediapipe==0.10.14 "numpy<2"`); it imports nothing of the kit:
python tools/face_mesh.py FOLDER --out FOLDER/openings.json

The file maps each video's name to `gap` and `width`, one number a frame: the mean distance of three opposite pairs of
points on the inner lips, and the distance of the mouth's corners, both over the height of the face (forehead to chin,
median over the video). A frame in which no face is found has null. The mesh itself is good for about 0.005.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

import cv2
import numpy as np

_LIPS = ((13, 14), (82, 87), (312, 317))  # points of the mesh: upper and lower inner lip, the middle and beside it
_CORNERS = (61, 291)
_FACE = (10, 152)  # top of the forehead, chin
_POINTS = 468
_VIDEOS = (".mp4", ".mkv", ".mov", ".avi", ".webm", ".mpg")


def main(arguments: list[str] | None = None) -> int:
    """Runs the tool; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", type=Path, nargs="+", help="videos, or folders of videos")
    parser.add_argument("--out", type=Path, required=True, help="the .json to write")
    options = parser.parse_args(arguments)
    found = {}
    for path in _expand(options.videos):
        points = mesh(path)
        if len(points) == 0:
            print(f"face_mesh: {path} cannot be read as a video; leave it out.", file=sys.stderr)
            return 1
        found[path.name] = {name: _plain(values) for name, values in mouth(points).items()}
    beside = options.out.with_name(f"{options.out.name}.part")
    beside.write_text(json.dumps(found), encoding="utf8")
    os.replace(beside, options.out)
    return 0


def mesh(path: Path) -> np.ndarray:
    """The mesh's points in each frame: float64 (n, 468, 2), x and y in pixels; NaN in frames without a face."""
    from mediapipe.python.solutions.face_mesh import FaceMesh

    video, found = cv2.VideoCapture(str(path)), []
    with FaceMesh(static_image_mode=False, max_num_faces=1, refine_landmarks=False) as finder:
        while True:
            there, frame = video.read()
            if not there:
                break
            height, width = frame.shape[:2]
            faces = finder.process(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)).multi_face_landmarks
            points = [(one.x * width, one.y * height) for one in faces[0].landmark] if faces else None
            found.append(np.full((_POINTS, 2), np.nan) if points is None else np.array(points))
    video.release()
    return np.array(found)


def mouth(points: np.ndarray) -> dict[str, np.ndarray]:
    """`gap` and `width` over the height of the face, (n,) each, from the points of a video, (n, 468, 2)."""

    def apart(a: int, b: int) -> np.ndarray:
        return np.linalg.norm(points[:, a] - points[:, b], axis=1)

    heights = apart(*_FACE)
    seen = heights[np.isfinite(heights)]
    face = np.median(seen) if len(seen) else np.nan
    return {"gap": np.mean([apart(*pair) for pair in _LIPS], axis=0) / face, "width": apart(*_CORNERS) / face}


def _expand(paths: list[Path]) -> list[Path]:
    folders = [sorted(path.iterdir()) if path.is_dir() else [path] for path in paths]
    return [one for folder, given in zip(folders, paths, strict=True) for one in folder if _is_video(one, given)]


def _is_video(path: Path, given: Path) -> bool:
    return path == given or path.suffix.lower() in _VIDEOS


def _plain(values: np.ndarray) -> list[float | None]:
    return [round(float(value), 4) if np.isfinite(value) else None for value in values]


if __name__ == "__main__":
    sys.exit(main())
