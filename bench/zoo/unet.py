# SPDX-License-Identifier: Apache-2.0
"""U-Net (Ronneberger et al. 2015), padded convolutions and BatchNorm, base width 64, at 256x256."""

import torch
from torch import Tensor, nn

from .model import ZooModel, normal
from .unit_scale import gather_statistics, unit_scale


def double_conv(channels_in: int, channels_out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(),
        nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(),
    )


class Unet(nn.Module):
    def __init__(self, width: int = 64, depth: int = 4, classes: int = 2):
        super().__init__()
        widths = [width << level for level in range(depth + 1)]
        self.down = nn.ModuleList(
            double_conv(c_in, c_out) for c_in, c_out in zip([3, *widths], widths)
        )
        self.pool = nn.MaxPool2d(2)
        self.grow = nn.ModuleList(
            nn.ConvTranspose2d(2 * c, c, 2, stride=2) for c in reversed(widths[:-1])
        )
        self.up = nn.ModuleList(double_conv(2 * c, c) for c in reversed(widths[:-1]))
        self.classifier = nn.Conv2d(width, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        skips = []
        for level, block in enumerate(self.down):
            x = block(self.pool(x) if level else x)
            skips.append(x)
        skips.pop()
        for grow, block in zip(self.grow, self.up):
            x = block(torch.cat([skips.pop(), grow(x)], 1))
        return self.classifier(x)


MODELS = (
    ZooModel(
        name="unet",
        build=lambda: gather_statistics(unit_scale(Unet(), seed=7), (2, 3, 256, 256), seed=7),
        inputs={"x": normal(1, 3, 256, 256)},
        outputs=("logits",),
    ),
)
