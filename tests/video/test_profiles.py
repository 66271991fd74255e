"""Tests of colour profiles: pictures of phones and presses have the colours that were meant."""

from __future__ import annotations

import io
import struct

import cv2
import numpy as np
import pytest

from w2l import video
from w2l.video.images import read_image

Image = pytest.importorskip("PIL.Image")
ImageCms = pytest.importorskip("PIL.ImageCms")

pytestmark = pytest.mark.usefixtures("quiet")

# Display P3 and BT.709 in the light that profiles are written for (D50): red, green and blue, each X, Y, Z.
P3 = [(0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407)]
BT709 = [(0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410)]
COLOURS = np.array([(20, 20, 20), (220, 170, 140), (120, 60, 60), (60, 130, 80), (90, 90, 200), (250, 250, 250)])


def profile(space: bytes, tags: dict[bytes, bytes], pcs: bytes = b"XYZ ") -> bytes:
    """An ICC profile, version 2, with these tags."""
    table, body, at = struct.pack(">I", len(tags)), b"", 132 + 12 * len(tags)
    for name, tag in tags.items():
        table += name + struct.pack(">II", at + len(body), len(tag))
        body += tag + bytes(-len(tag) % 4)
    head = (
        struct.pack(">I4sI4s4s4s", at + len(body), b"\0\0\0\0", 0x02400000, b"mntr", space, pcs) + bytes(12) + b"acsp"
    )
    white = struct.pack(">III", 0xF6D6, 0x10000, 0xD32D)
    return (head.ljust(68, b"\0") + white).ljust(128, b"\0") + table + body


def curve(gamma: float) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256))


def screen(primaries, gamma=2.2) -> bytes:
    fixed = [b"XYZ " + bytes(4) + b"".join(struct.pack(">i", round(v * 65536)) for v in xyz) for xyz in primaries]
    names = (b"rXYZ", b"gXYZ", b"bXYZ")
    return profile(
        b"RGB ", dict(zip(names, fixed, strict=True)) | {n: curve(gamma) for n in (b"rTRC", b"gTRC", b"bTRC")}
    )


def press() -> bytes:
    """A press that no rule of thumb knows: cyan prints nothing, and the other inks take from the lightness alone."""
    lightness = [255 - 85 * (m + y + k) for _ in (0, 1) for m in (0, 1) for y in (0, 1) for k in (0, 1)]
    even = bytes(range(256))
    table = b"".join(bytes((value, 128, 128)) for value in lightness)
    matrix = b"".join(struct.pack(">i", 65536 * (i % 4 == 0)) for i in range(9))
    lut = b"mft1" + bytes(4) + bytes((4, 3, 2, 0)) + matrix + even * 4 + table + even * 3
    return profile(b"CMYK", {b"A2B0": lut}, b"Lab ")


def srgb_of(primaries, gamma=2.2) -> np.ndarray:
    light = (COLOURS / 255) ** gamma @ np.array(primaries) @ np.linalg.inv(np.array(BT709))
    light = np.clip(light, 0, 1)
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def bars(colours=COLOURS) -> np.ndarray:
    return np.repeat(np.repeat(colours[None], 16, 0), 16, 1).astype(np.uint8)


def seen(path) -> np.ndarray:
    (frame,) = video.read_frames(path)
    assert (frame == read_image(path)).all()
    return frame[8, 8::16, ::-1].astype(int)


@pytest.mark.parametrize("kind", ["jpg", "png", "webp", "rgba.png"])
def test_wide_colours_become_srgb(tmp_path, kind):
    path, image = tmp_path / f"photo.{kind}", Image.fromarray(bars())
    if kind == "rgba.png":
        image.putalpha(255)
    options = {"quality": 100, "subsampling": 0} if kind == "jpg" else {"lossless": True} if kind == "webp" else {}
    image.save(path, icc_profile=screen(P3), **options)
    assert np.abs(seen(path) - srgb_of(P3)).max() <= 3
    assert np.abs(srgb_of(P3) - COLOURS).max() > 10  # that it matters


def test_what_is_transparent_stays_so(tmp_path):
    image = Image.fromarray(bars())
    image.putalpha(Image.fromarray(np.repeat(np.uint8([[255, 0, 255, 255, 255, 255]]), 16, 1).repeat(16, 0)))
    image.save(tmp_path / "sticker.png", icc_profile=screen(P3))
    assert (read_image(tmp_path / "sticker.png")[8, 24] == 255).all()
    assert (read_image(tmp_path / "sticker.png", ground=0)[8, 24] == 0).all()


def test_deep_pictures_have_profiles_too(tmp_path):
    path = tmp_path / "deep.png"
    cv2.imwrite(str(path), bars()[..., ::-1].astype(np.uint16) * 257)
    donor = io.BytesIO()
    Image.fromarray(bars()).save(donor, "png", icc_profile=screen(P3))
    chunk = donor.getvalue()[33 : donor.getvalue().index(b"IDAT") - 4]
    path.write_bytes(path.read_bytes()[:33] + chunk + path.read_bytes()[33:])
    assert np.abs(seen(path) - srgb_of(P3)).max() <= 3


def test_a_grey_picture(tmp_path):
    grey = profile(b"GRAY", {b"kTRC": curve(1.0)})
    Image.fromarray(bars()[..., 0]).save(tmp_path / "grey.png", icc_profile=grey)
    light = COLOURS[:, 0] / 255
    assert np.abs(seen(tmp_path / "grey.png")[:, 1] - 255 * (1.055 * light ** (1 / 2.4) - 0.055)).max() <= 3


def test_a_press(tmp_path):
    inks = np.array([(255, 0, 0, 0), (0, 0, 0, 0), (0, 0, 0, 255), (0, 255, 255, 255)], np.uint8)
    image = Image.frombytes("CMYK", (64, 16), bars(inks).tobytes())
    image.save(tmp_path / "print.jpg", icc_profile=press(), quality=100)
    # L* is 0, 33, 67 and 100 by the table, and 162 is the grey of L* 67
    assert np.abs(seen(tmp_path / "print.jpg") - np.array([255, 255, 162, 0])[:, None]).max() <= 4


@pytest.mark.parametrize("what", ["srgb", "broken", "odd", "for grey"])
def test_other_profiles_change_nothing(tmp_path, what):
    """sRGB, to the bit; what is no profile; and one for another kind of picture."""
    data = {
        "srgb": ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
        "broken": b"no profile",
        "odd": profile(b"\xc9GB ", {}),
        "for grey": profile(b"GRAY", {b"kTRC": curve(1.0)}),
    }
    image = Image.fromarray(bars())
    image.save(tmp_path / "plain.png")
    image.save(tmp_path / "tagged.png", icc_profile=data[what])
    assert (read_image(tmp_path / "plain.png") == read_image(tmp_path / "tagged.png")).all()
