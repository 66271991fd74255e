"""The published weights: size, sha256, licence and mirrors of each file; and what a wrong file turns out to be."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_HEAD = 1 << 14  # bytes: enough of a web page to tell which one it is


@dataclass(frozen=True)
class Licence:
    """The terms of weights: their kind in a word or two, one sentence, and whether the user must accept them first."""

    kind: str
    text: str
    ask: bool = False


@dataclass(frozen=True)
class Entry:
    """One published weight file.

    sha256: hexadecimal. mirrors: https addresses in the order in which they are tried; drive_id: a file on Google
    Drive, tried last. also: other names under which the same file is known.
    """

    name: str
    file: str
    bytes: int
    sha256: str
    licence: Licence
    what: str
    mirrors: tuple[str, ...]
    drive_id: str = ""
    also: tuple[str, ...] = ()


_WAV2LIP = Licence(
    "research only",
    "The authors of Wav2Lip allow personal, research and other non-commercial use only (their README; the weights were "
    "trained on the LRS2 data set), whichever mirror they come from.",
    ask=True,
)
_S3FD = Licence("unstated", "The code of face-alignment is under BSD-3-Clause; for the weights no licence is stated.")
_SYNCNET = Licence("unstated", "The code of syncnet_python is under MIT; for the weights no licence is stated.")
_YUNET = Licence("MIT", "MIT licence (OpenCV Zoo).")

_HUB = "https://huggingface.co"
_NEKOCHU = f"{_HUB}/Nekochu/Wav2Lip/resolve/fb925b05f0d353850ee0c56810e4545e274e2b5a"
_STEINHAUG = f"{_HUB}/steinhaug/cache-repository/resolve/ba6c35b85c7e92b8e592efb38440f04cadf34129/Wav2Lip"
_NUMZ = f"{_HUB}/numz/wav2lip_studio/resolve/173e74eff7271034db51530701240d71c0bae143/Wav2lip"
_CAMENDURU = f"{_HUB}/camenduru/Wav2Lip/resolve/main"  # never its wav2lip.pth: a web page of 167 kB
_JOHN = "https://github.com/justinjohn0306/Wav2Lip/releases/download/models"
_GRUSS = "https://eyalgruss.com/fomm"
_VGG = "https://www.robots.ox.ac.uk/~vgg/software/lipsync/data"
_ZOO = ("models/face_detection_yunet", "opencv/opencv_zoo")


def _zoo(file: str) -> tuple[str, ...]:
    folder, repository = _ZOO
    return (
        f"https://github.com/{repository}/raw/main/{folder}/{file}",
        f"https://media.githubusercontent.com/media/{repository}/main/{folder}/{file}",
        f"{_HUB}/opencv/face_detection_yunet/resolve/main/{file}",
    )


REGISTRY: dict[str, Entry] = {
    entry.name: entry
    for entry in (
        Entry(
            "wav2lip",
            "wav2lip.pth",
            435807851,
            "b78b681b68ad9fe6c6fb1debc6ff43ad05834a8af8a62ffc4167b7b34ef63c37",
            _WAV2LIP,
            "the published generator",
            tuple(f"{base}/wav2lip.pth" for base in (_NEKOCHU, _STEINHAUG, _NUMZ, _JOHN, _GRUSS)),
        ),
        Entry(
            "wav2lip_gan",
            "wav2lip_gan.pth",
            435801865,
            "ca9ab7b7b812c0e80a6e70a5977c545a1e8a365a6c49d5e533023c034d7ac3d8",
            _WAV2LIP,
            "the published generator, trained as a GAN",
            (
                *(f"{base}/wav2lip_gan.pth" for base in (_NEKOCHU, _STEINHAUG)),
                f"{_CAMENDURU}/checkpoints/wav2lip_gan.pth",
                *(f"{base}/wav2lip_gan.pth" for base in (_JOHN, _GRUSS)),
            ),
            drive_id="1dwHujX7RVNCvdR1RR93z0FS2T2yzqup9",
        ),
        Entry(
            "lipsync_expert",
            "lipsync_expert.pth",
            197357631,
            "9b9936c721696446eeed353032cab242a8cf0eed8c46cde540366f6ae5493be5",
            _WAV2LIP,
            "the lip-sync expert the generator was trained with",
            (*(f"{base}/lipsync_expert.pth" for base in (_NEKOCHU, _STEINHAUG)), f"{_NUMZ}/lipsync_expert_.pth"),
        ),
        Entry(
            "quality_disc",
            "visual_quality_disc.pth",
            169382040,
            "b3f8f6f7e954af02f2ffe0f3ea11f3259af89bff6e70933001c7c6bc8c145d96",
            _WAV2LIP,
            "the visual quality discriminator of the GAN",
            tuple(f"{base}/visual_quality_disc.pth" for base in (_NEKOCHU, _STEINHAUG)),
        ),
        Entry(
            "s3fd",
            "s3fd-619a316812.pth",
            89843225,
            "619a31681264d3f7f7fc7a16a42cbbe8b23f31a256f75a366e5a1bcd59b33543",
            _S3FD,
            "the face detector Wav2Lip was published with",
            (
                "https://www.adrianbulat.com/downloads/python-fan/s3fd-619a316812.pth",
                f"{_CAMENDURU}/face_detection/detection/sfd/s3fd.pth",
                f"{_GRUSS}/s3fd-619a316812.pth",
            ),
            also=("s3fd.pth",),
        ),
        Entry(
            "syncnet_v2",
            "syncnet_v2.model",
            54573114,
            "961e8696f888fce4f3f3a6c3d5b3267cf5b343100b238e79b2659bff2c605442",
            _SYNCNET,
            "the SyncNet that LSE-D and LSE-C are measured with",
            (
                f"{_VGG}/syncnet_v2.model",
                f"{_HUB}/ByteDance/LatentSync/resolve/main/auxiliary/syncnet_v2.model",
                f"{_HUB}/ByteDance/LatentSync-1.5/resolve/main/auxiliary/syncnet_v2.model",
            ),
        ),
        Entry(
            "yunet",
            "face_detection_yunet_2026may.onnx",
            229738,
            "ebafce4e3c118d6554634be5c27ab333b4c047a9a8c3faf1d7cf93101c22f0f0",
            _YUNET,
            "the default face detector, bundled",
            _zoo("face_detection_yunet_2026may.onnx"),
        ),
        Entry(
            "yunet_2023mar",
            "face_detection_yunet_2023mar.onnx",
            232589,
            "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
            _YUNET,
            "the same detector with a fixed input size, as published before",
            _zoo("face_detection_yunet_2023mar.onnx"),
        ),
    )
}


def describe(head: bytes, size: int, wanted: int) -> str:
    """What a wrong file is, as a noun phrase: a web page, a git-LFS pointer, a truncated file, another file.

    head: its first few thousand bytes; size, wanted: its size in bytes, and the size it should have.
    """
    text = head[:_HEAD].lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith(b"version https://git-lfs"):
        return f"a git-LFS pointer of {size} bytes, not the file it stands for"
    if text.startswith(b"<"):
        if re.search(rb"quota|too many users", text, re.IGNORECASE):
            return f"a web page (HTML, {size} bytes) which says that the download quota is used up"
        title = re.search(rb"<title[^>]*>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
        named = f' "{" ".join(title[1].decode("utf8", "replace").split())[:80]}"' if title else ""
        return f"a web page{named} (HTML, {size} bytes)"
    if size == wanted:
        return "another file of the same size"
    return (
        f"a truncated file of {size} bytes, not {wanted}" if size < wanted else f"a file of {size} bytes, not {wanted}"
    )


def describe_file(path: Path, wanted: int) -> str:
    """`describe` for a file on this machine."""
    with path.open("rb") as file:
        return describe(file.read(_HEAD), path.stat().st_size, wanted)
