"""Content credentials (C2PA): signs a finished file, names what it was made from, and checks such signatures.

Needs the extra ``w2l[credentials]``. The signing key is made on this machine at its first use and never leaves it (see
`key`), and nothing here uses the network: a signature proves that a file is unchanged since that key
signed it, not whose key that is.
"""

from w2l.marking.credentials.key import folder, missing
from w2l.marking.credentials.manifest import DIGITAL_SOURCE_TYPE, Credentials, available, describe, present, read, sign

__all__ = [
    "DIGITAL_SOURCE_TYPE",
    "Credentials",
    "available",
    "describe",
    "folder",
    "missing",
    "present",
    "read",
    "sign",
]
