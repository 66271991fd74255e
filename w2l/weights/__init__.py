"""Weight files: a name becomes a file, published ones are fetched and checked, every format in use is read."""

from w2l.weights.acquire import accepted, fetch, verify
from w2l.weights.registry import REGISTRY, Entry
from w2l.weights.resolve import BUNDLED, CLASSROOM, PUBLISHED, called, find, locate, places, status

__all__ = [
    "BUNDLED",
    "CLASSROOM",
    "PUBLISHED",
    "REGISTRY",
    "Entry",
    "accepted",
    "called",
    "fetch",
    "find",
    "locate",
    "places",
    "status",
    "verify",
]
