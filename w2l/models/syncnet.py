"""The expert: tells whether a window of mouths and a window of speech belong together."""

from __future__ import annotations

import torch
from torch.nn import functional

from w2l.errors import W2LError
from w2l.models.blocks import Network, chain, flatten
from w2l.models.wav2lip import AUDIO_ROWS

WINDOW_FRAMES = (1, 3, 5)

# (channels, kernel, stride, padding, residual refinements)
_FACE_ROWS = (
    (32, 7, 1, 3, 0),  # 48x96: lower half of the face
    (64, 5, (1, 2), 1, 2),  # 46x47
    (128, 3, 2, 1, 3),  # 23x24
    (256, 3, 2, 1, 2),  # 12x12
    (512, 3, 2, 1, 2),  # 6x6
    (512, 3, 2, 1, 0),  # 3x3
    (512, 3, 1, 0, 0),  # 1x1
    (512, 1, 1, 0, 0),
)
_AUDIO_TAIL = ((256, 3, (3, 2), 1, 2), (512, 3, 1, 0, 0), (512, 1, 1, 0, 0))  # 3x3, 1x1, 1x1


class SyncNet(Network):
    """The published lip-sync expert (16.4 M parameters at width 1).

    Both embeddings end in a ReLU, so their cosine lies in [0, 1] and is used as the probability of being in sync.
    """

    def __init__(self, width: float = 1.0, frames: int = 5) -> None:
        super().__init__()
        if frames not in WINDOW_FRAMES:
            raise W2LError(f"the expert's window cannot have {frames!r} frames; choose 1, 3 or 5.")
        self.width = width
        self.frames = frames
        self.face_encoder = flatten(chain(3 * frames, _FACE_ROWS, width))
        self.audio_encoder = flatten(chain(1, AUDIO_ROWS + _AUDIO_TAIL, width))

    def forward(self, mel: torch.Tensor, faces: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Two L2-normalised embeddings (B, 512 * width): of the sound, of the mouths.

        mel: (B, 1, 80, 16) in [-4, 4].
        faces: (B, 3 * frames, 48, 96) in [0, 1], lower halves, frame after frame on the channels: B0 G0 R0 B1 ...
        """
        return self.embed_audio(mel), self.embed_faces(faces)

    def embed_audio(self, mel: torch.Tensor) -> torch.Tensor:
        """The sound's half of ``forward``."""
        return functional.normalize(self.audio_encoder(mel).flatten(1), dim=1)

    def embed_faces(self, faces: torch.Tensor) -> torch.Tensor:
        """The mouths' half of ``forward``."""
        return functional.normalize(self.face_encoder(faces).flatten(1), dim=1)
