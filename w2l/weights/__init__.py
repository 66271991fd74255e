"""Weight files: finding a file by name, fetching and checking published ones, and reading every format in use."""

from w2l.weights.acquire import accepted, fetch, verify
from w2l.weights.registry import REGISTRY, Entry
from w2l.weights.resolve import BUNDLED, CLASSROOM, FOR_SMALL_FACES, PUBLISHED, called, find, locate, places, status
from w2l.weights.terms import terms_of

__all__ = [
    "BUNDLED",
    "CLASSROOM",
    "FOR_SMALL_FACES",
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
    "terms_of",
    "verify",
]
