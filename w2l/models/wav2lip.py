"""The generator: redraws the lower half of a face so that its mouth fits 200 ms of speech."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from w2l.models.blocks import (
    PUBLISHED_SIZE,
    ConvBlock,
    Network,
    TransposeBlock,
    chain,
    check_size,
    flatten,
    scale_channels,
    step,
    time_to_batch,
)

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
_SEEN_CHANNELS, _DETAIL_CHANNELS, _DETAIL_REFINEMENTS = 64, 128, 2
_ABOVE = 4  # rows above the lower half that the detail's convolutions reach into


class Wav2Lip(Network):
    """The published generator (36.3 M parameters at width 1), as described in Prajwal et al. 2020.

    size: the side of its faces in pixels. 96 is the published one. 192 is that one, key for key, with one more level
    at both ends, `Detail`: inside, it sees faces of half the side, and what it draws is enlarged and refined.
    """

    def __init__(self, width: float = 1.0, size: int = PUBLISHED_SIZE) -> None:
        super().__init__()
        self.width, self.size = width, check_size("wav2lip", size)
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
        self.detail = None if size == PUBLISHED_SIZE else Detail(cin + skips[-1], width)

    def forward(self, mel: torch.Tensor, face: torch.Tensor) -> torch.Tensor:
        """Faces in [0, 1], BGR.

        mel: (B, 1, 80, 16), or (B, T, 1, 80, 16) with a window for each frame; values in [-4, 4].
        face: (B, 6, size, size), or (B, 6, T, size, size); channels 0-2 the frame with its lower half zeroed, 3-5 a
        whole reference frame of the same person; BGR in [0, 1].
        Returns (B, 3, size, size), or (B, 3, T, size, size).
        """
        if face.dim() == 5:
            frames = face.shape[2]
            out = self(time_to_batch(mel, 1), time_to_batch(face, 2))
            return torch.stack(out.chunk(frames, dim=0), dim=2)
        skips = []
        seen = face if self.detail is None else functional.avg_pool2d(face, 2)
        for block in self.face_encoder_blocks:
            seen = block(seen)
            skips.append(seen)
        x = self.audio_encoder(mel)
        for block in self.face_decoder_blocks:
            x = torch.cat((block(x), skips.pop()), dim=1)
        if self.detail is None:
            return self.output_block(x)
        refine, colours, squash = self.output_block
        return squash(self.detail(colours(refine(x)), x, face))


class Detail(nn.Module):
    """The level that a generator of 192 pixels has above the published ones: what an enlarged picture lacks.

    It is computed at half the side, with the four pixels of each square as channels (sub-pixel convolution, Shi et al.
    2016), where a processor multiplies faster, and for the lower half only, since no more of a face is pasted. It is
    added to the enlarged picture of the published levels (as in Denton et al. 2015), and is nothing to begin with: so a
    trained generator of 96 pixels goes on learning as one of 192 from where it is.

    channels: of the decoder's last features.
    """

    def __init__(self, channels: int, width: float) -> None:
        super().__init__()
        seen, made = scale_channels(_SEEN_CHANNELS, width), scale_channels(_DETAIL_CHANNELS, width)
        self.encoder = ConvBlock(6 * 4, seen, 3, 1, 1)
        self.decoder = nn.Sequential(*step(channels + seen, made, 3, 1, 1, _DETAIL_REFINEMENTS))
        self.last = nn.Conv2d(made, 3 * 4, 1)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)  # type: ignore[arg-type]

    def forward(self, small: torch.Tensor, features: torch.Tensor, face: torch.Tensor) -> torch.Tensor:
        """The picture before its sigmoid: (B, 3, 2 H, 2 W).

        small: (B, 3, H, W), that of the published levels. features: (B, channels, H, W), what they drew it from.
        face: (B, 6, 2 H, 2 W), as the generator's.
        """
        top = small.shape[2] // 2
        above = min(_ABOVE, top)
        seen = self.encoder(functional.pixel_unshuffle(face[:, :, 2 * (top - above) :], 2))
        made = self.last(self.decoder(torch.cat((features[:, :, top - above :], seen), dim=1)))
        detail = functional.pixel_shuffle(made[:, :, above:], 2)
        whole = functional.interpolate(small, scale_factor=2.0, mode="bilinear", align_corners=False)
        return torch.cat((whole[:, :, : 2 * top], whole[:, :, 2 * top :] + detail), dim=2)
