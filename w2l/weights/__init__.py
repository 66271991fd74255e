"""Weights: the registry of published ones, where files lie on this machine, fetching and checking, file formats."""

from w2l.weights.places import (
    BUNDLED,
    CLASSROOM,
    PUBLISHED,
    accepted,
    fetch,
    find,
    locate,
    places,
    status,
    verify,
)
from w2l.weights.registry import REGISTRY, Entry

__all__ = [
    "BUNDLED",
    "CLASSROOM",
    "PUBLISHED",
    "REGISTRY",
    "Entry",
    "accepted",
    "fetch",
    "find",
    "locate",
    "places",
    "status",
    "verify",
]
