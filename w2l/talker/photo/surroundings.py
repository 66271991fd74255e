"""What is around the face: the photograph as a grid behind the head, and other walls behind that."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.spatial import cKDTree

from w2l.talker.photo.anatomy import anatomy, smoothstep
from w2l.talker.photo.fit import Fit
from w2l.talker.photo.pack import FACE, head_pack
from w2l.talker.photo.raster import rasterise

_CELLS = 40  # the photograph is this many cells wide and high
_HAIR = 4.0  # cm: so far from the skin everything turns with the head; twice as far away is wall, which stays
_PALE = 120  # 0..255: a wall is at least this bright
_NOTHING = np.float32(-1e6)  # depth where the mesh covers nothing


@dataclass(frozen=True, eq=False)
class Grid:
    """points: float32 (g, 3) in photo space, which are texture coordinates too. triangles: int32 (t, 3). follow:
    float32 (g,), how much of the head's turns each point makes. beside: int (g, 4), vertices of the skin next to
    it, and share: float32 (g, 4), how much of their movement it makes.
    """

    points: np.ndarray
    triangles: np.ndarray
    follow: np.ndarray
    beside: np.ndarray
    share: np.ndarray

    def moved(self, displacement: np.ndarray) -> np.ndarray:
        """The points (g, 3) when the skin has moved by (n, 3): beside the jaw they go with it."""
        return self.points + np.einsum("gk,gkd->gd", self.share, displacement[self.beside])


def make_grid(fit: Fit, size: int) -> Grid:
    """The surroundings of a fitted head in a square photograph of `size` pixels."""
    vertices, scale, pack = fit.vertices, fit.scale, head_pack()
    depth = np.full((size, size), _NOTHING)
    skin = pack.triangles[pack.part == FACE]
    xy, z = np.ascontiguousarray(vertices[:, :2]), np.ascontiguousarray(vertices[:, 2])
    rasterise(xy, z, skin, np.zeros((len(z), 0), np.float32), depth, np.zeros((size, size, 0), np.float32))
    covered = depth > _NOTHING / 10
    line = np.linspace(0, size, _CELLS + 1)
    x, y = (axis.ravel() for axis in np.meshgrid(line, line))
    at = np.clip(y.astype(int), 0, size - 1), np.clip(x.astype(int), 0, size - 1)
    behind = np.where(covered[at], 0.5, 0.12) * scale
    z = _extended(depth, covered, vertices, scale)[at] - behind
    points = np.stack([x, y, z], axis=1).astype(np.float32)
    chin = vertices[pack.landmarks[8], 1]
    follow = 1 - 0.75 * smoothstep((y - chin) / (4.4 * scale))
    beside, share, distance = _beside(points, vertices, scale)
    follow *= 1 - smoothstep((distance / scale - _HAIR) / _HAIR)
    follow[(x == 0) | (y == 0) | (x == size) | (y == size)] = 0
    return Grid(points, _triangles(points, covered, vertices, scale), follow.astype(np.float32), beside, share)


def _extended(depth: np.ndarray, covered: np.ndarray, vertices: np.ndarray, scale: float) -> np.ndarray:
    """Depth everywhere: outside the mesh that of its edge, falling by 0.35 pixels a pixel."""
    far, label = cv2.distanceTransformWithLabels(
        (~covered).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    of_label = np.zeros(label.max() + 1, np.float32)
    of_label[label[covered]] = depth[covered]
    back = float(np.percentile(vertices[anatomy().face, 2], 4))
    full = np.where(covered, depth, of_label[label] - 0.35 * far)
    return cv2.GaussianBlur(np.maximum(full, back - scale).astype(np.float32), (0, 0), 5)


def _triangles(points: np.ndarray, covered: np.ndarray, vertices: np.ndarray, scale: float) -> np.ndarray:
    """Two to a cell, none behind the face (they would show in the open mouth), except at the eyes."""
    solid = covered.astype(np.uint8)
    mouth = vertices[head_pack().landmarks[48:60], :2]
    cv2.fillConvexPoly(solid, cv2.convexHull(np.round(mouth).astype(np.int32)), 1)
    reach = 2 * int(0.9 * scale) + 1
    bare = cv2.dilate(1 - solid, np.ones((reach, reach), np.uint8))
    first = np.arange(_CELLS * (_CELLS + 1)).reshape(_CELLS, _CELLS + 1)[:, :-1].ravel()
    cells = np.stack([first, first + _CELLS + 1, first + _CELLS + 2, first + 1], axis=1)
    middle = np.clip(points[cells].mean(1)[:, :2].astype(int), 0, covered.shape[0] - 1)
    cells = cells[bare[middle[:, 1], middle[:, 0]] > 0]
    return np.concatenate([cells[:, [0, 1, 2]], cells[:, [0, 2, 3]]]).astype(np.int32)


def _beside(points: np.ndarray, vertices: np.ndarray, scale: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The four nearest vertices of the skin in the picture; the share of their movement, half beside the skin, none
    4 cm away; and how far away they are in pixels."""
    skin = np.flatnonzero(anatomy().face)
    distance, nearest = cKDTree(vertices[skin, :2]).query(points[:, :2], k=4)
    share = 0.5 * np.exp(-((distance.mean(1) / (1.6 * scale)) ** 2))
    even = np.full(distance.shape, 0.25)
    return skin[nearest], (share[:, None] * even).astype(np.float32), distance.mean(1)


def matte(photo: np.ndarray, fit: Fit) -> np.ndarray | None:
    """How much of each pixel is the plain pale wall behind: float32 (h, w), 0..1; None where it cannot be told from
    the face. White clothes count as wall: it is for crops of the face."""
    pack = head_pack()
    face: np.ndarray = np.zeros(photo.shape[:2], np.uint8)
    hull = cv2.convexHull(np.round(fit.vertices[np.r_[pack.jaw, pack.landmarks[17:27]], :2]).astype(np.int32))
    cv2.fillConvexPoly(face, hull, 1)
    face = cv2.erode(face, np.ones((9, 9), np.uint8))
    soft = cv2.GaussianBlur(photo, (0, 0), 1.2)
    for step in (4, 3, 2, 1):  # levels between neighbours of one wall
        found = _flooded(soft, step)
        if found.mean() > 0.05 and found[face > 0].mean() < 0.005:
            wide = cv2.dilate(found, np.ones((5, 5), np.uint8)) * (1 - face)
            return cv2.GaussianBlur(wide.astype(np.float32), (0, 0), 1.2)
    return None


def _flooded(soft: np.ndarray, step: int) -> np.ndarray:
    """uint8 (h, w): 1 where a pale colour goes on from the picture's upper and side borders in small steps."""
    height, width = soft.shape[:2]
    filled = np.zeros((height + 2, width + 2), np.uint8)
    middle = [(2, height // 4), (width - 3, height // 4), (2, height // 2), (width - 3, height // 2)]
    for x, y in [(2, 2), (width - 3, 2), (width // 4, 2), (3 * width // 4, 2), *middle]:
        if soft[y, x].min() > _PALE and not filled[y + 1, x + 1]:
            flags = 4 | cv2.FLOODFILL_MASK_ONLY | (1 << 8)
            cv2.floodFill(soft, filled, (x, y), (0, 0, 0), (step,) * 3, (step,) * 3, flags)
    return filled[1:-1, 1:-1]


def before(photo: np.ndarray, share: np.ndarray, behind: np.ndarray) -> np.ndarray:
    """The photo before another wall: uint8 (h, w, 3) BGR. share: the matte; behind: (h, w, 3), 0..255.

    Where hair and wall mix, the colour of what is in front is taken from beside: else a pale seam would remain.
    """
    front = (1 - share)[..., None]
    solid = (share < 0.02).astype(np.float32)[..., None]
    blurred = cv2.GaussianBlur(photo * solid, (0, 0), 3) / np.maximum(
        cv2.GaussianBlur(solid[..., 0], (0, 0), 3)[..., None], 1e-3
    )
    own = photo * solid + blurred * (1 - solid)
    return np.clip(own * front + behind * (1 - front), 0, 255).astype(np.uint8)


def wall(rng: np.random.Generator, size: int) -> np.ndarray:
    """A random blurred wall: float32 (size, size, 3) BGR, 0..255."""
    rows, columns = rng.integers(1, 5, 2)
    patches = rng.uniform(20, 240, (rows, columns, 1)) + rng.normal(0, 25, 3)
    smooth = cv2.INTER_CUBIC if rows > 1 else cv2.INTER_LINEAR
    picture = cv2.resize(np.clip(patches, 5, 250).astype(np.float32), (size, size), interpolation=smooth)
    grain = rng.normal(0, rng.uniform(0, 3), (size, size, 1))
    return np.clip(picture + grain, 0, 255).astype(np.float32)
