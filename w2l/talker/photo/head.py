"""A photographed head that speaks: the fitted mesh with its photograph, the inside of the mouth, the surroundings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from w2l.talker.photo.anatomy import anatomy, smoothstep
from w2l.talker.photo.fit import Fit
from w2l.talker.photo.glasses import Glasses, make_glasses
from w2l.talker.photo.light import Light, relight
from w2l.talker.photo.lips import Lips
from w2l.talker.photo.pack import GUMS, TEETH, head_pack
from w2l.talker.photo.raster import paint, rasterise
from w2l.talker.photo.raster import turn as turn_about
from w2l.talker.photo.rig import AT_REST, USUAL, Expression, Habits, Rig
from w2l.talker.photo.surroundings import make_grid
from w2l.talker.photo.texture import make_texture


@dataclass(frozen=True)
class Build:
    """What of a head is drawn by chance rather than taken from its photograph; lengths in cm.

    jaw: how much wider the lower face is, about -0.08 .. 0.08. teeth: (down, forward) shift of all teeth; size: of the
    teeth, about 0.93 .. 1.06; crooked: deviation of single teeth. glasses: whether they are worn.
    """

    jaw: float = 0.0
    teeth: tuple[float, float] = (0.0, 0.0)
    size: float = 1.0
    crooked: float = 0.0
    glasses: bool = False


AS_FITTED = Build()
FROM_THE_FRONT = np.array([0.0, -0.3, 0.954], np.float32), 0.5


@dataclass(frozen=True)
class Frame:
    """A head at one moment. vertices: float32 (v, 3), all that is drawn, in photo space; shade: float32 (v,);
    uv: float32 (v, 2)."""

    vertices: np.ndarray
    shade: np.ndarray
    uv: np.ndarray


class Head:
    """A fitted photograph that takes mouths, expressions and turns, and is drawn with its exact truth."""

    def __init__(
        self,
        photos: tuple[np.ndarray, np.ndarray],
        fit: Fit,
        rng: np.random.Generator,
        build: Build = AS_FITTED,
        light: tuple[np.ndarray, float] = FROM_THE_FRONT,
        new_light: float = 0.0,
    ) -> None:
        """photos: uint8 (512, 512, 3) BGR, what the skin is painted with, and what is around it. light: direction
        towards it (unit vector, photo space) and strength for what expressions change; new_light: 0 .. 0.5, how
        strongly the whole head is lit anew from there."""
        pack = head_pack()
        self.scale, self.size = fit.scale, len(fit.vertices)
        skin, around = photos
        grid = make_grid(fit, around.shape[0])
        rest = _rebuilt(fit, build, rng)
        self._grid = grid
        self.lips = Lips(rest, fit.scale)
        self.rig = Rig(fit, rest, self.lips)
        self.light = Light(rest, self.lips, fit.scale, *light)
        self._glasses = make_glasses(rest, fit.scale, rng) if build.glasses else Glasses.none()
        colour = self._glasses.colour
        self.texture = make_texture(skin, around, fit, rng, colour)
        frame_uv = np.tile(np.array(self.texture.frame, np.float32), (len(self._glasses.vertices), 1))
        below = np.array([0, skin.shape[0]], np.float32)  # in the atlas the surroundings lie below the skin
        self._uv = np.concatenate([self.texture.uv, grid.points[:, :2] + below, frame_uv])
        self.triangles = np.concatenate(
            [
                pack.triangles[anatomy().drawn],
                grid.triangles + self.size,
                self._glasses.triangles + self.size + len(grid.points),
            ]
        ).astype(np.int32)
        self._still = self._lit(rest, light[0], new_light)
        # the head turns about the top of the neck; the neck, and the grid below the chin, follow less
        marks = pack.landmarks
        self._pivot = np.array(
            [rest[marks[8], 0], rest[marks[33], 1] + 2.0 * self.scale, rest[marks[0], 2] - 0.5 * self.scale], np.float32
        )
        self._widths = _widening(grid.points, fit, build.jaw)
        follow = np.concatenate([_neck(rest, self.scale), grid.follow, np.ones(len(self._glasses.vertices))])
        self._follow = follow.astype(np.float32)

    @property
    def rest(self) -> np.ndarray:
        """The vertices at rest, float32 (n, 3) in photo space."""
        return self.rig.rest

    def pose(
        self,
        mouth: np.ndarray,
        expression: Expression = AT_REST,
        habits: Habits = USUAL,
        turn: tuple[float, float, float] = (0.0, 0.0, 0.0),
    ) -> Frame:
        """The head with a mouth (7,) as in `Mouth`, turned by (yaw, pitch, roll) degrees."""
        skin = self.rig.pose(mouth, expression, habits)
        shade = np.concatenate([self.light.shade(skin), self._still[self.size :]])
        shade[: self.size] *= self._still[: self.size]
        around = self._grid.moved(skin - self.rest)
        around[:, 0] += self._widths
        vertices = self.turned(np.concatenate([skin, around, self._glasses.vertices]), turn, self._follow)
        uv = self._uv
        if expression.blink > 0:
            uv = uv.copy()
            uv[: self.size] += np.float32(min(1.0, 2.5 * expression.blink)) * self.texture.lids
            shade[: self.size] *= 1 - np.float32(0.7 * expression.blink) * self.texture.lashes
        return Frame(vertices, shade, uv)

    def turned(
        self, vertices: np.ndarray, turn: tuple[float, float, float], follow: np.ndarray | None = None
    ) -> np.ndarray:
        """Vertices (k, 3) turned by (yaw, pitch, roll) degrees about the top of the neck; follow: float32 (k,), share
        of the turn, 1 when left out."""
        follow = np.ones(len(vertices), np.float32) if follow is None else follow
        return turn_about(vertices, _rotation(*turn), self._pivot, follow)

    def measure(self, frame: Frame, view: tuple[float, float, float, float]) -> np.ndarray:
        """The truth in the pixels of a view (x0, y0, pixels a photo pixel across, and down): see `Lips.measure`."""
        x0, y0, across, down = view
        used = self.lips.used
        seen = np.zeros((self.size, 2), np.float32)
        seen[used] = (frame.vertices[used, :2] - np.array((x0, y0), np.float32)) * np.array((across, down), np.float32)
        return self.lips.measure(seen)

    def draw(self, frame: Frame, view: tuple[float, float, float, float], width: int, height: int) -> np.ndarray:
        """The picture that a view sees: uint8 (height, width, 3) BGR."""
        x0, y0, across, down = view
        xy = (frame.vertices[:, :2] - np.array((x0, y0), np.float32)) * np.array((across, down), np.float32)
        values = np.concatenate([frame.uv, frame.shade[:, None]], axis=1)
        nearest = np.full((height, width), np.float32(-1e9))
        out = np.zeros((height, width, 3), np.float32)
        rasterise(xy, np.ascontiguousarray(frame.vertices[:, 2]), self.triangles, values, nearest, out)
        picture = np.empty((height, width, 3), np.uint8)
        paint(self.texture.atlas, out, picture)
        return picture

    def _lit(self, rest: np.ndarray, direction: np.ndarray, strength: float) -> np.ndarray:
        """What a new light gives every vertex; the surroundings take that of the skin next to them."""
        count = self.size + len(self._grid.points) + len(self._glasses.vertices)
        lit = np.ones(count, np.float32)
        if strength:
            skin = np.flatnonzero(anatomy().face)[::3]
            lit[: self.size] = relight(rest, direction, strength)
            points = self._grid.points
            distance, nearest = cKDTree(rest[skin, :2]).query(points[:, :2], k=12)
            near = np.exp(-((distance.mean(1) / (2.5 * self.scale)) ** 2))  # hair and ears, not the wall
            lit[self.size : self.size + len(points)] = 1 + (lit[skin][nearest].mean(1) - 1) * near
        return lit


def _rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """The rotation (3, 3) by these degrees in photo space."""
    (cy, cx, cz), (sy, sx, sz) = (f(np.radians((yaw, pitch, roll))) for f in (np.cos, np.sin))
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return (about_z @ about_x @ about_y).astype(np.float32)


def _neck(rest: np.ndarray, scale: float) -> np.ndarray:
    """How much of a turn each vertex makes: all of the head, a quarter of it far down the neck; the chin is head."""
    chin = rest[head_pack().landmarks[8]]
    low = (rest[:, 1] - chin[1]) / (4.4 * scale)
    behind = np.maximum(smoothstep((chin[2] - rest[:, 2]) / (3.0 * scale)), smoothstep(low * 2 - 0.5))
    return 1 - 0.75 * smoothstep(low) * np.where(anatomy().face, behind, 0)


def _widening(points: np.ndarray, fit: Fit, jaw: float) -> np.ndarray:
    """Sideways shift (k,) of points in photo space for a jaw that is wider by the share `jaw`."""
    marks = head_pack().landmarks
    middle, nose, chin = fit.vertices[marks[8], 0], fit.vertices[marks[30], 1], fit.vertices[marks[8], 1]
    half = np.abs(fit.vertices[head_pack().jaw, 0] - middle).max()
    out = points[:, 0] - middle
    down = smoothstep((points[:, 1] - nose) / (chin - nose)) * (1 - smoothstep((points[:, 1] - chin) / (1.5 * half)))
    beyond = np.maximum(np.abs(out) - half, 0) / half
    return (jaw * down * np.clip(out, -half, half) * np.exp(-((beyond / 0.6) ** 2))).astype(np.float32)


def _rebuilt(fit: Fit, build: Build, rng: np.random.Generator) -> np.ndarray:
    """The fitted vertices with another jaw and other teeth."""
    pack, own, scale = head_pack(), anatomy(), fit.scale
    rest = fit.vertices.copy()
    rest[:, 0] += _widening(rest, fit, build.jaw)
    teeth = np.isin(pack.vertex_part, (GUMS, TEETH))
    rest[teeth, 1:] += np.float32(scale) * np.array(build.teeth, np.float32)
    for number, tooth in enumerate(own.teeth):
        middle = rest[tooth].mean(0)
        own_size = np.float32(build.size) * (1 + build.crooked * rng.normal(0, 0.5, 3)).astype(np.float32)
        shift = build.crooked * rng.normal(0, 1, 3).astype(np.float32) * np.float32(scale)
        # a tooth grows and shrinks about its root, so that it does not leave the gums
        root = np.array([middle[0], rest[tooth, 1].min() if number < len(own.teeth) // 2 else rest[tooth, 1].max(), 0])
        root[2] = middle[2]
        rest[tooth] = root + (rest[tooth] - root) * own_size + shift
    return rest.astype(np.float32)
