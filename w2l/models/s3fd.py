"""S3FD (Zhang et al. 2017), the face detector that the published crops were made with."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from w2l.models.blocks import Network

_TINY = 1e-10

# (name, input channels, output channels, kernel, stride, padding)
_TRUNK = (
    ("conv1_1", 3, 64, 3, 1, 1),
    ("conv1_2", 64, 64, 3, 1, 1),
    ("conv2_1", 64, 128, 3, 1, 1),
    ("conv2_2", 128, 128, 3, 1, 1),
    ("conv3_1", 128, 256, 3, 1, 1),
    ("conv3_2", 256, 256, 3, 1, 1),
    ("conv3_3", 256, 256, 3, 1, 1),
    ("conv4_1", 256, 512, 3, 1, 1),
    ("conv4_2", 512, 512, 3, 1, 1),
    ("conv4_3", 512, 512, 3, 1, 1),
    ("conv5_1", 512, 512, 3, 1, 1),
    ("conv5_2", 512, 512, 3, 1, 1),
    ("conv5_3", 512, 512, 3, 1, 1),
    ("fc6", 512, 1024, 3, 1, 3),
    ("fc7", 1024, 1024, 1, 1, 0),
    ("conv6_1", 1024, 256, 1, 1, 0),
    ("conv6_2", 256, 512, 3, 2, 1),
    ("conv7_1", 512, 128, 1, 1, 0),
    ("conv7_2", 128, 256, 3, 2, 1),
)
_POOLED = ("conv1_2", "conv2_2", "conv3_3", "conv4_3", "conv5_3")  # layers after which height and width are halved
# where faces are detected: (layer, its channels, initial scale of its norm or None, class maps); strides 4 to 128
_SOURCES = (
    ("conv3_3", 256, 10.0, 4),
    ("conv4_3", 512, 8.0, 2),
    ("conv5_3", 512, 5.0, 2),
    ("fc7", 1024, None, 2),
    ("conv6_2", 512, None, 2),
    ("conv7_2", 256, None, 2),
)


class ChannelNorm(nn.Module):
    """Scales each pixel's channel vector to length one, then each channel by a learned factor."""

    def __init__(self, channels: int, scale: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((channels,), scale))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) to the same shape."""
        length = x.square().sum(dim=1, keepdim=True).sqrt() + _TINY
        return x / length * self.weight[:, None, None]


class S3FD(Network):
    """The published detector's network (22.5 M parameters)."""

    def __init__(self) -> None:
        super().__init__()
        for name, cin, cout, kernel, stride, padding in _TRUNK:
            self.add_module(name, nn.Conv2d(cin, cout, kernel, stride, padding))
        for name, channels, scale, _ in _SOURCES:
            if scale is not None:
                self.add_module(f"{name}_norm", ChannelNorm(channels, scale))
        for name, channels, scale, classes in _SOURCES:
            name = name if scale is None else f"{name}_norm"
            self.add_module(f"{name}_mbox_conf", nn.Conv2d(channels, classes, 3, 1, 1))
            self.add_module(f"{name}_mbox_loc", nn.Conv2d(channels, 4, 3, 1, 1))

    def forward(self, image: torch.Tensor) -> list[torch.Tensor]:
        """Twelve maps: for each stride 4, 8, ... 128 the class scores (B, 2, h, w), then the boxes (B, 4, h, w).

        image: (B, 3, H, W), values in [0, 255] less the channel means. Scores are before the softmax: background, face.
        """
        features = {}
        x = image
        wanted = {source for source, *_ in _SOURCES}
        for name, *_ in _TRUNK:
            x = torch.relu(self.get_submodule(name)(x))
            if name in wanted:
                features[name] = x
            if name in _POOLED:
                x = functional.max_pool2d(x, 2)
        maps = []
        for name, _, scale, classes in _SOURCES:
            x = features[name]
            if scale is not None:
                name = f"{name}_norm"
                x = self.get_submodule(name)(x)
            scores = self.get_submodule(f"{name}_mbox_conf")(x)
            if classes == 4:  # max-out: the small anchors have three background labels, the strongest counts
                scores = torch.cat((scores[:, :3].amax(dim=1, keepdim=True), scores[:, 3:]), dim=1)
            maps += [scores, self.get_submodule(f"{name}_mbox_loc")(x)]
        return maps
