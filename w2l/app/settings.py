"""The choices that whoever serves the page has: where it listens, and what visitors may ask of the machine."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from w2l.base import paths
from w2l.base.choices import choice, documented, whole_number
from w2l.errors import W2LError

_OPENBAYES_PORT, _PORT = 8080, 7860  # OpenBayes publishes the first of a container
_KEPT_SECONDS = 3600


def _default_port() -> int:
    return _OPENBAYES_PORT if paths.platform() == "openbayes" else _PORT


@documented
@dataclass(frozen=True, kw_only=True)
class AppSettings:
    """How the page is served. Raises W2LError for values that make no sense."""

    host: str = choice(
        "127.0.0.1",
        "address to listen on; 0.0.0.0 opens the page to others, who then need the token",
        metavar="ADDRESS",
    )
    port: int | None = choice(
        None,
        "port to listen on; 0: any that is free",
        parse=int,
        metavar="N",
        default_help=f"{_PORT}; {_OPENBAYES_PORT} on OpenBayes",
    )
    token: str | None = choice(
        None,
        "what others need to open the page",
        metavar="TEXT",
        default_help="a new one each time",
    )
    weights: tuple[str, ...] = choice(
        (),
        "weights to offer besides those that are on this machine, names or files",
        convert=tuple,
        nargs="+",
        metavar="FILE",
        default_help="",
    )
    max_seconds: int = choice(60, "the longest speech that is taken, in seconds", parse=whole_number, metavar="N")
    max_megabytes: int = choice(200, "the largest file that is taken, in megabytes", parse=whole_number, metavar="N")
    device: str = choice("auto", "auto, cpu, cuda, cuda:1, mps")
    kept_seconds: float = choice(_KEPT_SECONDS, "how long the files of visitors are kept, in seconds", is_option=False)

    def __post_init__(self) -> None:
        if not 0 <= self.listens_on < 1 << 16:
            raise W2LError(f"there is no port {self.port}; give a number up to 65535.")
        if self.token is not None and not re.fullmatch(r"[A-Za-z0-9_.~-]{8,}", self.token):
            raise W2LError("a token has 8 or more letters, digits, - or _; give such a one, or none.")

    @property
    def listens_on(self) -> int:
        """The port."""
        return _default_port() if self.port is None else self.port

    @property
    def is_open(self) -> bool:
        """Whether other machines may reach the page."""
        if self.host == "localhost":
            return False
        try:
            return not ipaddress.ip_address(self.host).is_loopback
        except ValueError:  # a name
            return True
