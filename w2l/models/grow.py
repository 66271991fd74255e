"""A generator of larger faces that begins where one of smaller faces, already trained, is."""

from __future__ import annotations

from w2l import models
from w2l.errors import W2LError
from w2l.models.wav2lip import Wav2Lip


def grow(network: Wav2Lip, size: int) -> Wav2Lip:
    """A copy for faces of `size` pixels that draws the network's own pictures, enlarged; in eval mode.

    It has every weight of the network, and further levels whose last layer is zero (see `wav2lip.Detail`). `meta` is
    the network's, with the new size. Raises W2LError if `size` is not above the network's.
    """
    if not size > network.size:
        raise W2LError(f"a generator for faces of {network.size} pixels cannot grow to {size!r}; give a larger size.")
    large = models.build("wav2lip", network.width, size=size)
    large.load_state_dict(network.state_dict(), strict=False)
    large.meta = {**network.meta, "size": size}
    return large.eval()
