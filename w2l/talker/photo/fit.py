"""Fits the head to a photograph with landmarks: pose, identity, then a smooth correction until both coincide.

The result lies in photo space: x right and y down in pixels of the photograph, z towards the camera in the same pixels.
A scaled orthographic camera with yaw and pitch held near 0 (the photographs are frontal), identity modes by ridge
regression, and radial basis functions for what is left: 2 to 4.6 pixels of 512 before, 0.1 after.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.interpolate import PchipInterpolator, RBFInterpolator
from scipy.optimize import least_squares
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from w2l.talker.photo import landmarks as marks
from w2l.talker.photo.anatomy import Lip, along, anatomy
from w2l.talker.photo.pack import FACE, SOCKET, HeadPack, head_pack

_ROUNDS = 6
_WEIGHTS = {71: 0.3, 76: 0.3, 77: 0.3, 82: 0.3, 96: 1.5, 101: 1.5} | dict.fromkeys((87, 93, 18, 22, 23, 27), 2.0)
_FLIP = np.diag([1.0, -1.0, 1.0])  # y up to y down


@dataclass(frozen=True, eq=False)
class Fit:
    """A head fitted to a photograph.

    vertices: float32 (n, 3) in photo space. linear: float32 (3, 3), turns the pack's displacements (cm) into photo
    space. scale: pixels a centimetre. before, after: mean distance in pixels of landmarks to the mesh before and after
    the correction.
    """

    vertices: np.ndarray
    linear: np.ndarray
    scale: float
    before: float
    after: float


@dataclass
class _Camera:
    """A scaled orthographic camera: image = scale * rotation @ point + shift, y up."""

    scale: float
    rotation: np.ndarray
    shift: np.ndarray

    def image(self, points: np.ndarray) -> np.ndarray:
        """Pixels (k, 2), y down."""
        return (self.scale * (points @ self.rotation.T)[:, :2] + self.shift) * (1, -1)


def fit(landmarks: np.ndarray) -> Fit:
    """Fits the bundled head to landmarks (189, 2) of a frontal photograph, in its pixels (about 0.15 s)."""
    pack, points = head_pack(), landmarks.astype(np.float64)
    pairs = marks.MULTI_PIE
    source = np.array(list(pairs))
    target, weight = pack.landmarks[list(pairs.values())], np.array([_WEIGHTS.get(k, 1.0) for k in pairs])
    identity = np.zeros(len(pack.identity))
    outline, jaw = np.zeros(0, int), np.zeros((0, 2))
    camera = _Camera(1.0, np.eye(3), np.zeros(2))
    for turn in range(_ROUNDS):
        shape = pack.base + np.tensordot(identity, pack.identity, 1)
        if turn:
            outline, jaw = _jaw_line(pack, shape, camera, points)
        vertices = np.concatenate([target, outline])
        pixels = np.concatenate([points[source], jaw])
        weights = np.concatenate([weight, np.ones(len(outline))])
        camera = _pose(shape[vertices], pixels, weights)
        identity = _identity(pack, camera, vertices, pixels, weights)
    shape = pack.base + np.tensordot(identity, pack.identity, 1)
    linear = _FLIP @ (camera.scale * camera.rotation)
    placed = shape @ linear.T + np.append(camera.shift * (1, -1), 0)
    before = np.linalg.norm(placed[vertices, :2] - pixels, axis=1).mean()
    where, wanted = _targets(pack, placed, shape, camera, points, outline, jaw)
    corrected = _correct(pack, placed, shape, where, wanted)
    after = np.linalg.norm(corrected[where, :2] - wanted, axis=1).mean()
    return Fit(corrected.astype(np.float32), linear.astype(np.float32), camera.scale, float(before), float(after))


def normals(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Unit normals (n, 3) of a mesh whose triangles run counter-clockwise (y up)."""
    a, b, c = (vertices[triangles[:, k]] for k in range(3))
    faces = np.cross(b - a, c - a)
    out = np.zeros_like(vertices)
    for k in range(3):
        for axis in range(3):
            out[:, axis] += np.bincount(triangles[:, k], faces[:, axis], len(vertices))
    return out / (np.linalg.norm(out, axis=1, keepdims=True) + 1e-9)


def _pose(points: np.ndarray, pixels: np.ndarray, weights: np.ndarray) -> _Camera:
    """The camera that brings points (k, 3) to pixels (k, 2); yaw and pitch are held near 0."""
    up = pixels * (1, -1)
    centre, middle = np.average(points, axis=0, weights=weights), np.average(up, axis=0, weights=weights)
    spread = (weights * ((points[:, :2] - centre[:2]) ** 2).sum(1)).sum()
    scale = np.sqrt((weights * ((up - middle) ** 2).sum(1)).sum() / spread)
    start = np.concatenate([[0, 0, 0, scale], middle - scale * centre[:2]])

    def error(x: np.ndarray) -> np.ndarray:
        turned = points @ Rotation.from_rotvec(x[:3]).as_matrix().T
        there = (x[3] * turned[:, :2] + x[4:] - up) * np.sqrt(weights)[:, None]
        return np.concatenate([there.ravel(), (60 * x[0], 30 * x[1], 5 * x[2])])

    x = least_squares(error, start).x
    return _Camera(float(x[3]), Rotation.from_rotvec(x[:3]).as_matrix(), x[4:])


def _identity(
    pack: HeadPack, camera: _Camera, vertices: np.ndarray, pixels: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Identity modes by ridge regression with deviation 1 each, at most 2.5."""
    modes = (pack.identity[:, vertices] @ camera.rotation.T)[:, :, :2] * camera.scale
    rest = pixels * (1, -1) - (camera.scale * (pack.base[vertices] @ camera.rotation.T)[:, :2] + camera.shift)
    root = np.sqrt(weights)[:, None]
    matrix = (modes * root).reshape(len(modes), -1).T
    ridge = (camera.scale * 0.10) ** 2 * 20 * np.eye(len(modes))
    return np.clip(np.linalg.solve(matrix.T @ matrix + ridge, matrix.T @ (rest * root).ravel()), -2.5, 2.5)


@lru_cache(maxsize=1)
def _lower_face() -> np.ndarray:
    """Vertices that can be the outline of the jaw: the lower face without the lips."""
    x, y, z = head_pack().base.T
    lips = np.hypot(x / 3.8, (y + 3.4) / 2.9) <= 1
    own = anatomy()
    return np.flatnonzero(own.face & (y < -1.5) & (y > -9.5) & (z > 1) & ~own.wet & ~lips)


def _jaw_line(pack: HeadPack, shape: np.ndarray, camera: _Camera, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vertices on the outline of the jaw, and the pixels where the landmarks want them.

    Of the vertices whose normal lies nearly in the picture plane, the innermost at the landmark's angle about the
    mouth: seen from the front the chin has no outline, its underside runs on into the neck.
    """
    normal = normals(shape, pack.triangles[pack.part == FACE]) @ camera.rotation.T
    band = _lower_face()
    side = (normal[band, 2] < 0.32) & (normal[band, 2] > -0.3) & (normal[band, 1] < 0.35)
    candidates = band[side]
    mouth = points[marks.UPPER_INNER[3]]
    rays, jaw = camera.image(shape[candidates]) - mouth, points[list(marks.JAW)]
    angle, radius = np.arctan2(rays[:, 1], rays[:, 0]), np.linalg.norm(rays, axis=1)
    picked, wanted = [], []
    for pixel in jaw:
        there = np.arctan2(*(pixel - mouth)[::-1])
        near = np.abs((angle - there + np.pi) % (2 * np.pi) - np.pi) < 0.05
        if near.any():
            picked.append(candidates[near][radius[near].argmin()])
            wanted.append(pixel)
    return np.array(picked, int), np.array(wanted).reshape(-1, 2)


def _even(curve: np.ndarray, count: int = 200) -> np.ndarray:
    """`count` points evenly along a smooth curve through the points (k, 2)."""
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1))])
    length += np.arange(len(length)) * 1e-6  # landmarks may coincide
    return PchipInterpolator(length, curve)(np.linspace(0, length[-1], count))


def _targets(
    pack: HeadPack,
    placed: np.ndarray,
    shape: np.ndarray,
    camera: _Camera,
    points: np.ndarray,
    outline: np.ndarray,
    jaw: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and the pixels (k, 2) where they belong: landmarks, the lips' contours densely, jaw, nose wings.

    Single landmarks of the lips are left out: the contours say it better, and the two contradict each other.
    """
    lips = {*marks.UPPER_OUTER, *marks.UPPER_INNER, *marks.LOWER_INNER, *marks.LOWER_OUTER} - {*marks.MOUTH_CORNERS}
    kept = [(k, v) for k, v in marks.MULTI_PIE.items() if k not in lips]
    where = [pack.landmarks[[v for _, v in kept]], outline]
    wanted = [points[[k for k, _ in kept]], jaw]
    own = anatomy()
    for lip, inner, outer in (
        (own.upper, marks.UPPER_INNER, marks.UPPER_OUTER),
        (own.lower, marks.LOWER_INNER, marks.LOWER_OUTER),
    ):
        for vertices, pixels in _contours(lip, placed, points[list(inner)], points[list(outer)]):
            where.append(vertices)
            wanted.append(pixels)
    for mark, side in zip(marks.NOSE_WINGS, (-1, 1), strict=True):
        distance = np.linalg.norm(placed[:, :2] - points[mark], axis=1)
        near = np.flatnonzero(own.face & (distance < 0.35 * camera.scale) & (shape[:, 2] > 9.0))
        if len(near):
            where.append(near[[np.argmax(side * placed[near, 0])]])
            wanted.append(points[[mark]])
    vertices, first = np.unique(np.concatenate(where), return_index=True)
    return vertices, np.concatenate(wanted)[first]


def _contours(
    lip: Lip, placed: np.ndarray, inner: np.ndarray, outer: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Vertices along both contours of a lip, and their places on the landmarks' curves by arc length."""
    left, right = placed[lip.outer[[0, -1]], 0]
    start, end = (placed[lip.inner[[0, -1]], 0] - left) / (right - left)  # the inner corner lies inside the outer one
    share = start + (end - start) * along(placed[lip.inner])
    round_ = np.clip((share * 199).round().astype(int), 0, 199)
    rim = (along(placed[lip.outer]) * 199).round().astype(int)
    return [(lip.inner[::2], _even(inner)[round_][::2]), (lip.outer[2:-2:3], _even(outer)[rim][2:-2:3])]


def _correct(
    pack: HeadPack, placed: np.ndarray, shape: np.ndarray, where: np.ndarray, wanted: np.ndarray
) -> np.ndarray:
    """Moves the mesh in the picture plane until the vertices `where` lie at `wanted`, the rest smoothly with them.

    The offsets are interpolated over the mesh with its jaw a little open, where upper and lower lip are apart.
    """
    own = anatomy()
    apart = shape + 0.4 * pack.shape("jawOpen")
    offsets = wanted - placed[where, :2]
    _, y, z = pack.base.T
    far = np.flatnonzero(own.face & ((z < -1) | (y > 9) | (y < -11)))[::40]
    values = np.concatenate([offsets, np.tile(0.5 * np.median(offsets, axis=0), (len(far), 1))])
    smooth = RBFInterpolator(apart[np.concatenate([where, far])], values, kernel="linear", smoothing=0.08, degree=0)
    moved = placed.copy()
    moved[own.face, :2] += smooth(apart[own.face])
    corners = pack.landmarks[[48, 54]]
    stretch = np.linalg.norm(np.diff(moved[corners, :2], axis=0)) / np.linalg.norm(np.diff(placed[corners, :2], axis=0))
    line = own.upper.inner[len(own.upper.inner) // 3 : -len(own.upper.inner) // 3]
    shift = (moved[line, :2] - placed[line, :2]).mean(0)
    inside, middle = ~own.face, placed[corners, 0].mean()
    wider = np.clip(stretch, 0.9, 1.12) ** 0.7
    moved[inside, 0] = middle + (placed[inside, 0] - middle) * wider + shift[0]
    moved[inside, 1] += shift[1]
    return _sew(pack, placed, moved)


def _sew(pack: HeadPack, placed: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """The mouth's socket near the skin's border moves as the border does."""
    rim, socket = anatomy().rim, np.flatnonzero(pack.vertex_part == SOCKET)
    distance, nearest = cKDTree(pack.base[rim]).query(pack.base[socket])
    share = np.exp(-((distance / 0.4) ** 2))[:, None]
    nearest = rim[nearest]
    moved[socket] += share * ((moved[nearest] - placed[nearest]) - (moved[socket] - placed[socket]))
    return moved
