"""The terms of a weight file that travel with it into other formats: its licence, and what it learned from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

from w2l.base import files, paths
from w2l.weights.registry import REGISTRY, Entry

DATA_CARD = "docs/talker_data.md"
_TALKERS = "w2l synthetic talker corpus"  # as training writes it into the metadata
_BUNDLED = "MIT, that of the kit"
_UNSTATED = "not stated; ask whoever made the weights"


def terms_of(path: Path, meta: Mapping[str, Any]) -> dict[str, str]:
    """``licence`` and, for weights that learned on synthetic talkers, ``data_card``: where their data card is.

    path: a weight file; meta: its metadata. The licence of published weights is also that of what was trained from them
    or judged by them.
    """
    entry = next((one for one in REGISTRY.values() if _is(path, one)), None) or next(_ancestors(meta), None)
    if entry is not None:
        licence = f"{entry.licence.kind}. {entry.licence.text}"
    else:
        licence = _BUNDLED if _is_bundled(path) else str(meta.get("licence", _UNSTATED))
    learned_on_talkers = str(meta.get("data", "")).startswith(_TALKERS)
    return {"licence": licence} | ({"data_card": address(DATA_CARD)} if learned_on_talkers else {})


def address(file: str) -> str:
    """The address of a file of the kit's repository: a URL where pip knows whence the kit came, else its path there."""
    with suppress(metadata.PackageNotFoundError, ValueError, KeyError, TypeError):
        origin = json.loads(metadata.distribution("w2l").read_text("direct_url.json") or "{}")
        return f"{origin['url'].removesuffix('.git')}/blob/{origin['vcs_info']['commit_id']}/{file}"
    return f"{file} in the kit's repository"


def _is(path: Path, entry: Entry) -> bool:
    return path.stat().st_size == entry.bytes and files.hash_of(path) == entry.sha256


def _is_bundled(path: Path) -> bool:
    bundled = (paths.data() / "weights").glob("*.safetensors")
    size = path.stat().st_size
    return any(one.stat().st_size == size and one.read_bytes() == path.read_bytes() for one in bundled)


def _ancestors(meta: Mapping[str, Any]) -> Iterator[Entry]:
    """The published weights named in the metadata as those that a training began with or was judged by."""
    for run in (meta, *meta.get("earlier", [])):
        named = {str(run.get(role)) for role in ("start", "expert", "disc")}
        yield from (one for one in REGISTRY.values() if not named.isdisjoint({one.name, one.file, *one.also}))
