"""The visual quality discriminator: tells whether the lower half of a face looks real, frame by frame."""

from __future__ import annotations

import torch
from torch import nn

from w2l.models.blocks import PUBLISHED_SIZE, LeakyBlock, Network, check_size, scale_channels, time_to_batch

# for each block (channels, kernel, stride, padding) of its layers
_BLOCKS = (
    ((32, 7, 1, 3),),  # 48x96: lower half of the face
    ((64, 5, (1, 2), 2), (64, 5, 1, 2)),  # 48x48
    ((128, 5, 2, 2), (128, 5, 1, 2)),  # 24x24
    ((256, 5, 2, 2), (256, 5, 1, 2)),  # 12x12
    ((512, 3, 2, 1), (512, 3, 1, 1)),  # 6x6
    ((512, 3, 2, 1), (512, 3, 1, 1)),  # 3x3
    ((512, 3, 1, 0), (512, 1, 1, 0)),  # 1x1
)
# what stands in the place of the first block for faces of 192 pixels
_FIRST_BLOCKS_192 = (
    ((16, 7, 1, 3),),  # 96x192
    ((32, 5, 2, 2), (32, 5, 1, 2)),  # 48x96
)


class QualityDisc(Network):
    """The published quality discriminator (14.1 M parameters at width 1), for faces of 96 pixels; and one for 192."""

    def __init__(self, width: float = 1.0, size: int = PUBLISHED_SIZE) -> None:
        super().__init__()
        self.width, self.size = width, check_size("quality_disc", size)
        cin = 3
        blocks = []
        for rows in _BLOCKS if size == PUBLISHED_SIZE else _FIRST_BLOCKS_192 + _BLOCKS[1:]:
            layers = []
            for channels, kernel, stride, padding in rows:
                cout = scale_channels(channels, width)
                layers.append(LeakyBlock(cin, cout, kernel, stride, padding))
                cin = cout
            blocks.append(nn.Sequential(*layers))
        self.face_encoder_blocks = nn.ModuleList(blocks)
        self.binary_pred = nn.Sequential(nn.Conv2d(cin, 1, 1), nn.Sigmoid())

    def forward(self, faces: torch.Tensor) -> torch.Tensor:
        """The probability of being real for each frame, (T * B, 1), time-major.

        faces: (B, 3, T, size, size) BGR in [0, 1]; only the lower half is used.
        """
        x = time_to_batch(faces, 2)
        x = x[:, :, x.shape[2] // 2 :]
        for block in self.face_encoder_blocks:
            x = block(x)
        return self.binary_pred(x).flatten(1)
