"""What is signed, and what is read back.

Source: C2PA Technical Specification 2: claims, actions (c2pa.opened, c2pa.edited, c2pa.placed), ingredients and the
status codes of validation.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from w2l.base import files
from w2l.base.version import __version__
from w2l.errors import W2LError
from w2l.marking.credentials import key

DIGITAL_SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"

_SIGNED_TYPES = ("video/mp4", "image/gif", "image/webp", "image/png")
_EDIT = "The mouth was redrawn by a neural network, to follow the given speech."
_SETTINGS: dict[str, Any] = {
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
    "builder": {"thumbnail": {"enabled": False}},
    "core": {
        "allowed_network_hosts": [],
        # hashed in pieces, copied through the disk: memory does not grow with the file
        "backing_store_memory_threshold_in_mb": 1,
        "merkle_tree_chunk_size_in_kb": 1024,
    },
}
_STORE = b"c2pa" + bytes.fromhex("00110010800000aa00389b71")  # the JUMBF type of a manifest store, in every container
_LOOKED_THROUGH = 1 << 20  # bytes at either end of a file
_THUMBNAIL = 256  # pixels along the longer side
_UNKNOWN = "application/octet-stream"
_BRANDS = {b"qt  ": "video/quicktime", b"M4A ": "audio/mp4", b"avif": "image/avif", b"heic": "image/heic"}
_MAGIC = {
    (0, b"GIF8"): "image/gif",
    (0, b"\x89PNG"): "image/png",
    (0, b"\xff\xd8\xff"): "image/jpeg",
    (0, b"fLaC"): "audio/flac",
    (0, b"OggS"): "audio/ogg",
    (0, b"ID3"): "audio/mpeg",
    (0, b"\xff\xfb"): "audio/mpeg",
    (0, b"\x1a\x45\xdf\xa3"): "video/x-matroska",
    (0, b"\0\0\1\xba"): "video/mpeg",
    (8, b"WEBP"): "image/webp",
    (8, b"WAVE"): "audio/wav",
    (8, b"AVI "): "video/x-msvideo",
}
_CHANGED = "the file was changed after it was signed"
_PROBLEMS = {
    "assertion.bmffHash.mismatch": _CHANGED,
    "assertion.dataHash.mismatch": _CHANGED,
    "assertion.boxesHash.mismatch": _CHANGED,
    "assertion.hashedURI.mismatch": "their statements were changed after signing",
    "claimSignature.mismatch": "the signature does not match what was signed",
    "claimSignature.missing": "the signature is missing",
    "ingredient.manifest.mismatch": "the credentials of the source were changed after this file was signed",
    "signingCredential.expired": "the signer's certificate has expired, and no time stamp says when this was signed",
    "signingCredential.revoked": "the signer's certificate was revoked",
}
_UNTRUSTED = "signingCredential.untrusted"


@dataclass(frozen=True)
class Credentials:
    """What the content credentials of a file say, and whether they hold."""

    valid: bool  # whether file and statements are as they were signed, with a certificate that is still valid
    trusted: bool = False  # whether an authority vouches for the signer; none does for the key that `sign` uses
    problems: list[str] = field(default_factory=list)  # why they are not valid, one sentence each
    signer: str | None = None  # the name in the certificate
    self_made: bool = False  # whether the certificate says that a user of w2l made it
    tool: str | None = None  # what wrote the credentials
    actions: list[str] = field(default_factory=list)  # "c2pa.opened", "c2pa.edited"...
    digital_source_types: list[str] = field(default_factory=list)  # IPTC URIs of the actions that name one
    parent: str | None = None  # title of what the file was made from


def available() -> bool:
    """Whether the extra is installed and its library runs on this machine."""
    try:
        _library()
    except W2LError:
        return False
    return True


def _library() -> ModuleType:
    try:
        import c2pa
        import cryptography.x509  # noqa: F401
    except (ImportError, OSError, RuntimeError) as error:
        raise W2LError(
            f'content credentials need packages that do not load here ({error}); run pip install "w2l[credentials]".'
        ) from error
    return c2pa


def sign(
    path: str | os.PathLike[str],
    source: str | os.PathLike[str],
    speech: str | os.PathLike[str] | None = None,
    title: str | None = None,
    soundtrack: str | os.PathLike[str] | None = None,
) -> None:
    """Signs a finished mp4, GIF, WebP or PNG (judged by content) in place; any later change to the file will show.

    source: the clip or picture that was dubbed, named as parent with its SHA-256, a small picture, and its own
    credentials if it has any. speech, soundtrack: the sound file that the mouth follows, and the one that is heard
    instead, named as components. title: the name that the file will have, if not its present one. Anyone can read the
    names of these files in the result; neither their folders nor the user's name are in it.

    If signing fails, the file stays as it was. Raises W2LError when the extra is not installed, the file is of another
    kind, or a file or the key cannot be read or written.
    """
    c2pa = _library()
    path, title = Path(path), title or Path(path).name
    roles = {"source": source, "speech": speech, "soundtrack": soundtrack}
    given = {role: Path(file) for role, file in roles.items() if file is not None}
    with files.keeping(*given.values()), files.atomic(path) as signed:
        try:
            _write_signed(c2pa, path, signed, title, given)
        except (c2pa.C2paError, OSError) as error:
            told = _reason(error)
            raise W2LError(f"{title} could not be signed: {told}; correct that, or switch signing off.") from error
        if not (found := read(signed)) or not found.valid:  # happens when the samples are in several `mdat` boxes
            raise W2LError(f"{title} could not be signed: its signature does not hold; write it with VideoWriter.")


def _write_signed(c2pa: ModuleType, path: Path, signed: Path, title: str, given: dict[str, Path]) -> None:
    kind = _media_type(path)
    if kind not in _SIGNED_TYPES:
        raise W2LError(f"{title} has no place for content credentials; they go into mp4, GIF, WebP and PNG files.")
    private, chain = key.identity()
    info = c2pa.C2paSignerInfo(b"es256", chain, private, None)  # None: no time stamp authority is contacted
    with (
        c2pa.Context.from_dict(_SETTINGS) as context,
        c2pa.Builder(_claim(title, [role for role in given if role != "source"]), context=context) as builder,
        c2pa.Signer.from_info(info) as signer,
    ):
        builder.set_intent(c2pa.C2paBuilderIntent.EDIT)  # which adds c2pa.opened for the parent
        for role, file in given.items():
            _add_ingredient(c2pa, builder, role, file)
        with path.open("rb") as plain, signed.open("w+b") as out:
            builder.sign(signer, kind, plain, out)


def _claim(title: str, placed: list[str]) -> dict[str, Any]:
    tool = {"name": "w2l", "version": __version__}
    actions: list[dict[str, Any]] = [
        {
            "action": "c2pa.edited",
            "digitalSourceType": DIGITAL_SOURCE_TYPE,
            "description": _EDIT,
            "softwareAgent": tool,
        }
    ]
    actions += [{"action": "c2pa.placed", "parameters": {"ingredientIds": [role]}} for role in placed]
    assertions = [{"label": "c2pa.actions.v2", "data": {"actions": actions}}]
    return {"title": _readable(title), "claim_generator_info": [tool], "assertions": assertions}


def _add_ingredient(c2pa: ModuleType, builder: Any, role: str, file: Path) -> None:
    kind = _media_type(file)
    about: dict[str, Any] = {
        "title": _readable(file.name),
        "format": kind,
        "relationship": "parentOf" if role == "source" else "componentOf",
        "label": role,
        "description": f"SHA-256 of the file: {_sha256(file)}",
    }
    if role == "source" and (picture := _thumbnail(file)):
        builder.add_resource("thumbnail.jpg", io.BytesIO(picture))
        about["thumbnail"] = {"format": "image/jpeg", "identifier": "thumbnail.jpg"}
    try:
        with file.open("rb") as stream:
            builder.add_ingredient(about, kind, stream)
    except c2pa.C2paError:  # damaged, or not the kind of file that it seems: named, but without a history
        builder.add_ingredient(about, _UNKNOWN, io.BytesIO())


def _thumbnail(file: Path) -> bytes | None:
    """The first frame as a small JPEG; None when there is none."""
    import cv2

    from w2l import video

    try:
        frame = next(video.read_frames(file, max_frames=1), None)
    except W2LError:
        return None
    if frame is None:
        return None
    scale = min(1, _THUMBNAIL / max(frame.shape[:2]))
    size = (max(1, round(frame.shape[1] * scale)), max(1, round(frame.shape[0] * scale)))
    return bytes(cv2.imencode(".jpg", cv2.resize(frame, size, interpolation=cv2.INTER_AREA))[1])


def _sha256(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _media_type(file: Path) -> str:
    """The kind of a file by its first bytes, as a MIME type."""
    with file.open("rb") as stream:
        head = stream.read(16)
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "video/mp4")
    return next((kind for (at, magic), kind in _MAGIC.items() if head.startswith(magic, at)), _UNKNOWN)


def _readable(name: str) -> str:
    """A file's name as text: on Linux it may hold bytes that are not valid text."""
    return name.encode("utf8", "replace").decode()


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror or str(error)
    return str(error).partition("\n")[0].rstrip(".")


# ---------------------------------------------------------------- reading


def present(path: str | os.PathLike[str]) -> bool:
    """Whether a file seems to hold content credentials: searches near both ends; the extra is not needed."""
    with Path(path).open("rb") as file:
        head = file.read(_LOOKED_THROUGH)
        file.seek(max(0, file.seek(0, os.SEEK_END) - _LOOKED_THROUGH))
        return _STORE in head or _STORE in file.read()


def read(path: str | os.PathLike[str]) -> Credentials | None:
    """Checks the content credentials of a file; None when it has none, or is of a kind that cannot have any.

    Raises W2LError when the file cannot be read or the extra is not installed.
    """
    c2pa = _library()
    try:
        with (
            Path(path).open("rb") as file,
            c2pa.Context.from_dict(_SETTINGS) as context,
            c2pa.Reader(None, file, context=context) as reader,
        ):
            return _credentials(json.loads(reader.json()))
    except OSError as error:
        raise W2LError(f"cannot read {path}: {error.strerror or error}; check the path.") from error
    except c2pa.C2paError as error:
        if str(error).startswith("Remote"):
            return Credentials(False, problems=["they are kept on a server, and w2l does not contact servers"])
        return Credentials(False, problems=["they, or the file around them, are damaged"]) if present(path) else None


def _credentials(store: dict[str, Any]) -> Credentials:
    """The result of the check, from the library's report."""
    manifest = store["manifests"][store["active_manifest"]]
    results = store.get("validation_results", {})
    deltas = [delta["validationDeltas"] for delta in results.get("ingredientDeltas", [])]
    failures = [status for part in (results.get("activeManifest", {}), *deltas) for status in part.get("failure", [])]
    codes = dict.fromkeys(status["code"] for status in failures if status["code"] != _UNTRUSTED)
    actions = [
        action
        for assertion in manifest.get("assertions", [])
        if assertion["label"].startswith("c2pa.actions")
        for action in assertion["data"].get("actions", [])
    ]
    signature = manifest.get("signature_info", {})
    tool = next(iter(manifest.get("claim_generator_info", [])), {"name": manifest.get("claim_generator")})
    parents = (part for part in manifest.get("ingredients", []) if part.get("relationship") == "parentOf")
    return Credentials(
        valid=store.get("validation_state") in ("Valid", "Trusted"),
        trusted=store.get("validation_state") == "Trusted",
        problems=list(dict.fromkeys(_PROBLEMS.get(code, f"the check {code} fails") for code in codes)),
        signer=signature.get("common_name") or signature.get("issuer"),
        self_made=signature.get("issuer") == key.ORGANISATION,
        tool=" ".join(filter(None, (tool.get("name"), tool.get("version")))) or None,
        actions=[action["action"] for action in actions],
        digital_source_types=[action["digitalSourceType"] for action in actions if action.get("digitalSourceType")],
        parent=next((part.get("title") for part in parents), None),
    )


def describe(found: Credentials) -> str:
    """What the check found and what that means, in plain sentences."""
    if not found.valid:
        return f"NOT valid: {'; '.join(found.problems)}."
    if found.trusted:
        meaning = "An authority vouches for that name."
    elif found.self_made:
        meaning = "A user of w2l made that key; nobody vouches for whose it is."
    else:
        meaning = "w2l keeps no list of trusted signers, so it cannot say whether that name is true."
    parent = f" Made from {found.parent}." if found.parent else ""
    return f"valid: the file is unchanged since {found.signer or 'a key without a name'} signed it. {meaning}{parent}"
