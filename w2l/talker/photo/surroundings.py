"""What is around the face: the photograph as a grid behind the head, and other walls behind that."""

from __future__ import annotations

from dataclasses import dataclass, replace

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
    float32 (g,), how much of the head's turns each point makes. moving: int (k,), points next to the skin; beside:
    int (k, 4), the skin's vertices there, and share: float32 (k, 4, 1), how much of their movement they make.
    """

    points: np.ndarray
    triangles: np.ndarray
    follow: np.ndarray
    moving: np.ndarray
    beside: np.ndarray
    share: np.ndarray

    def moved(self, displacement: np.ndarray) -> np.ndarray:
        """The points (g, 3) when the skin has moved by (n, 3): beside the jaw they go with it."""
        points = self.points.copy()
        points[self.moving] += (self.share * displacement[self.beside]).sum(axis=1)
        return points


def make_grid(fit: Fit, size: int) -> Grid:
    """The surroundings of a fitted head in a square photograph of `size` pixels."""
    vertices, scale, pack = fit.vertices, fit.scale, head_pack()
    skin = pack.part == FACE
    depth = _depth(vertices, pack.triangles[skin], size)
    covered = _depth(vertices, pack.triangles[skin & anatomy().drawn], size) > _NOTHING / 10
    line = np.linspace(0, size, _CELLS + 1)
    x, y = (axis.ravel() for axis in np.meshgrid(line, line))
    at = np.clip(y.astype(int), 0, size - 1), np.clip(x.astype(int), 0, size - 1)
    behind = np.where(covered[at], 0.5, 0.12) * scale
    z = _extended(depth, vertices, scale)[at] - behind
    points = np.stack([x, y, z], axis=1).astype(np.float32)
    chin = vertices[pack.landmarks[8], 1]
    follow = 1 - 0.75 * smoothstep((y - chin) / (4.4 * scale))
    beside, share, distance = _beside(points, vertices, scale)
    follow *= 1 - smoothstep((distance / scale - _HAIR) / _HAIR)
    follow[(x == 0) | (y == 0) | (x == size) | (y == size)] = 0
    moving = np.flatnonzero(share > 0.005)
    return Grid(
        points,
        _triangles(points, covered, vertices, scale),
        follow.astype(np.float32),
        moving,
        beside[moving],
        np.tile(share[moving, None, None] / 4, (1, 4, 1)).astype(np.float32),
    )


def _depth(vertices: np.ndarray, triangles: np.ndarray, size: int) -> np.ndarray:
    """Depth of what lies nearest in each pixel, float32 (size, size); `_NOTHING` where nothing does."""
    depth = np.full((size, size), _NOTHING)
    xy, z = np.ascontiguousarray(vertices[:, :2]), np.ascontiguousarray(vertices[:, 2])
    rasterise(xy, z, triangles, np.zeros((len(z), 0), np.float32), depth, np.zeros((size, size, 0), np.float32))
    return depth


def _extended(depth: np.ndarray, vertices: np.ndarray, scale: float) -> np.ndarray:
    """Depth everywhere: outside the mesh that of its edge, falling by 0.35 pixels a pixel."""
    covered = depth > _NOTHING / 10
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
    own, pack = anatomy(), head_pack()
    skin = np.unique(pack.triangles[own.drawn & (pack.part == FACE)])
    distance, nearest = cKDTree(vertices[skin, :2]).query(points[:, :2], k=4)
    share = 0.5 * np.exp(-((distance.mean(1) / (1.6 * scale)) ** 2))
    return skin[nearest], share, distance.mean(1)


def matte(photo: np.ndarray, fit: Fit) -> np.ndarray | None:
    """How much of each pixel is the plain pale wall behind: float32 (h, w), 0..1; None where it cannot be told from
    the face. White clothes count as wall: it is for crops of the face."""
    face = _own(photo.shape[:2], fit)
    soft = cv2.GaussianBlur(photo, (0, 0), 1.2)
    for step in (4, 3, 2, 1):  # levels between neighbours of one wall
        found = _flooded(soft, step)
        if found.mean() > 0.05 and found[face > 0].mean() < 0.005:
            wide = cv2.dilate(found, np.ones((5, 5), np.uint8)) * (1 - face)
            return cv2.GaussianBlur(wide.astype(np.float32), (0, 0), 1.2)
    return None


def _own(shape: tuple[int, ...], fit: Fit) -> np.ndarray:
    """uint8 (h, w): 1 on the face and the throat, a little inside their outlines."""
    pack, mask = head_pack(), np.zeros(shape, np.uint8)
    jaw = fit.vertices[pack.jaw, :2]
    hull = cv2.convexHull(np.round(np.concatenate([jaw, fit.vertices[pack.landmarks[17:27], :2]])).astype(np.int32))
    cv2.fillConvexPoly(mask, hull, 1)
    chin, half = jaw[len(jaw) // 2], 0.3 * (jaw[-1, 0] - jaw[0, 0])
    left, top, right, bottom = (int(v) for v in (chin[0] - half, chin[1], chin[0] + half, chin[1] + half))
    mask[top:bottom, left:right] = 1
    return cv2.erode(mask, np.ones((9, 9), np.uint8))


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


def without_wall(photo: np.ndarray, share: np.ndarray) -> np.ndarray:
    """The photo with what is in front continued over the wall: uint8 (h, w, 3) BGR. share: the matte.

    A falling jaw and a turned cheek are painted with it: of the wall they would show a pale rim.
    """
    open_ = (share >= 0.02).astype(np.uint8)
    label = cv2.distanceTransformWithLabels(open_, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)[1]
    of_label = np.zeros((label.max() + 1, 3), np.uint8)
    of_label[label[open_ == 0]] = photo[open_ == 0]
    filled = cv2.GaussianBlur(of_label[label], (0, 0), 2)
    soft = cv2.GaussianBlur(open_.astype(np.float32), (0, 0), 1)[..., None]
    return np.where(open_[..., None] > 0, filled, photo * (1 - soft) + filled * soft).astype(np.uint8)


def within(fit: Fit, share: np.ndarray) -> Fit:
    """The fit with the skin that lies on the wall drawn in to the outline of what is in front. share: the matte."""
    size = len(share)
    open_ = (share > 0.5).astype(np.uint8)
    label = cv2.distanceTransformWithLabels(open_, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)[1]
    solid = np.argwhere(open_ == 0)
    of_label = np.zeros((label.max() + 1, 2), np.float32)
    of_label[label[open_ == 0]] = solid[:, ::-1] + 0.5
    x, y = np.clip(fit.vertices[:, :2], 0, size - 1).astype(int).T
    out = anatomy().face & (open_[y, x] > 0)
    vertices = fit.vertices.copy()
    vertices[out, :2] = of_label[label[y[out], x[out]]]
    return replace(fit, vertices=vertices)


def calm_wall(photo: np.ndarray, share: np.ndarray, fit: Fit) -> np.ndarray:
    """The photo's own wall without shadows and stray hairs, float32 (h, w, 3), above the shoulders: where hair turns
    with the head and the wall does not, these would be drawn out into streaks."""
    wall = (share > 0.98).astype(np.float32)
    sigma = photo.shape[0] / 20
    known = cv2.GaussianBlur(wall, (0, 0), sigma)[..., None]
    plain = cv2.GaussianBlur(photo * wall[..., None], (0, 0), sigma) / np.maximum(known, 1e-3)
    chin = fit.vertices[head_pack().landmarks[8], 1]
    rows = np.arange(photo.shape[0], dtype=np.float32)
    above = (1 - smoothstep((rows - chin) / fit.scale))[:, None, None]
    return (photo * (1 - above) + plain * above * (known > 1e-3) + photo * above * (known <= 1e-3)).astype(np.float32)


def before(front: np.ndarray, share: np.ndarray, behind: np.ndarray) -> np.ndarray:
    """A photo `without_wall` before another wall: uint8 (h, w, 3) BGR. share: the matte; behind: (h, w, 3), 0..255."""
    own = (1 - share)[..., None]
    return np.clip(front * own + behind * (1 - own), 0, 255).astype(np.uint8)


def wall(rng: np.random.Generator, size: int) -> np.ndarray:
    """A random blurred wall: float32 (size, size, 3) BGR, 0..255."""
    rows, columns = rng.integers(1, 5, 2)
    patches = rng.uniform(20, 240, (rows, columns, 1)) + rng.normal(0, 25, 3)
    smooth = cv2.INTER_CUBIC if rows > 1 else cv2.INTER_LINEAR
    picture = cv2.resize(np.clip(patches, 5, 250).astype(np.float32), (size, size), interpolation=smooth)
    grain = rng.normal(0, rng.uniform(0, 3), (size, size, 1))
    return np.clip(picture + grain, 0, 255).astype(np.float32)
