"""The generator: redraws the lower half of a face so that its mouth fits 200 ms of speech."""

from __future__ import annotations

import torch
from torch import nn

from w2l.models.blocks import ConvBlock, Network, TransposeBlock, chain, flatten, scale_channels, time_to_batch

# (channels, kernel, stride, padding, residual refinements)
_FACE_ROWS = (
    (16, 7, 1, 3, 0),  # 96x96
    (32, 3, 2, 1, 2),  # 48x48
    (64, 3, 2, 1, 3),  # 24x24
    (128, 3, 2, 1, 2),  # 12x12
    (256, 3, 2, 1, 2),  # 6x6
    (512, 3, 2, 1, 1),  # 3x3
    (512, 3, 1, 0, 0),  # 1x1
)
AUDIO_ROWS = (
    (32, 3, 1, 1, 2),  # 80x16: mel bands x columns
    (64, 3, (3, 1), 1, 2),  # 27x16
    (128, 3, 3, 1, 2),  # 9x6
)
_AUDIO_TAIL = ((256, 3, (3, 2), 1, 1), (512, 3, 1, 0, 0), (512, 1, 1, 0, 0))  # 3x3, 1x1, 1x1
# (channels, stride, padding, output padding, residual refinements); each doubles the side, the first makes 3x3
_DECODER_ROWS = (
    (512, 1, 0, 0, 1),
    (512, 2, 1, 1, 2),
    (384, 2, 1, 1, 2),
    (256, 2, 1, 1, 2),
    (128, 2, 1, 1, 2),
    (64, 2, 1, 1, 2),
)
_OUTPUT_CHANNELS = 32


class Wav2Lip(Network):
    """The published generator (36.3 M parameters at width 1), as described in Prajwal et al. 2020."""

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        self.width = width
        faces = chain(6, _FACE_ROWS, width)
        faces[-1].append(ConvBlock(scale_channels(512, width), scale_channels(512, width), 1))
        self.face_encoder_blocks = nn.ModuleList(nn.Sequential(*group) for group in faces)
        self.audio_encoder = flatten(chain(1, AUDIO_ROWS + _AUDIO_TAIL, width))
        skips = [scale_channels(row[0], width) for row in reversed(_FACE_ROWS)]
        cin = scale_channels(512, width)
        decoder = [nn.Sequential(ConvBlock(cin, cin, 1))]
        for (channels, stride, padding, extra, refinements), skip in zip(_DECODER_ROWS, skips, strict=False):
            cout = scale_channels(channels, width)
            group: list[nn.Module] = [TransposeBlock(cin + skip, cout, 3, stride, padding, extra)]
            group += [ConvBlock(cout, cout, 3, 1, 1, residual=True) for _ in range(refinements)]
            decoder.append(nn.Sequential(*group))
            cin = cout
        self.face_decoder_blocks = nn.ModuleList(decoder)
        cout = scale_channels(_OUTPUT_CHANNELS, width)
        self.output_block = nn.Sequential(
            ConvBlock(cin + skips[-1], cout, 3, 1, 1), nn.Conv2d(cout, 3, 1), nn.Sigmoid()
        )

    def forward(self, mel: torch.Tensor, face: torch.Tensor) -> torch.Tensor:
        """Faces in [0, 1], BGR.

        mel: (B, 1, 80, 16), or (B, T, 1, 80, 16) with a window for each frame; values in [-4, 4].
        face: (B, 6, 96, 96), or (B, 6, T, 96, 96); channels 0-2 the frame with its lower half zeroed, 3-5 a whole
        reference frame of the same person; BGR in [0, 1].
        Returns (B, 3, 96, 96), or (B, 3, T, 96, 96).
        """
        if face.dim() == 5:
            frames = face.shape[2]
            out = self(time_to_batch(mel, 1), time_to_batch(face, 2))
            return torch.stack(out.chunk(frames, dim=0), dim=2)
        skips = []
        for block in self.face_encoder_blocks:
            face = block(face)
            skips.append(face)
        x = self.audio_encoder(mel)
        for block in self.face_decoder_blocks:
            x = torch.cat((block(x), skips.pop()), dim=1)
        return self.output_block(x)
