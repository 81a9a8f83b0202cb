# SPDX-License-Identifier: Apache-2.0
"""ResNet-50 (He et al. 2015), with the stride in the 3x3 convolution."""

import torch.nn.functional as F
from torch import Tensor, nn

from .model import ZooModel, normal
from .unit_scale import gather_statistics, unit_scale


def conv_norm(channels_in: int, channels_out: int, kernel: int, stride: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(channels_in, channels_out, kernel, stride, padding=kernel // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(channels_out))


class Bottleneck(nn.Module):
    def __init__(self, channels_in: int, width: int, stride: int):
        super().__init__()
        channels_out = 4 * width
        self.reduce = conv_norm(channels_in, width, 1)
        self.spatial = conv_norm(width, width, 3, stride)
        self.expand = conv_norm(width, channels_out, 1)
        same_shape = stride == 1 and channels_in == channels_out
        self.shortcut = (
            nn.Identity() if same_shape else conv_norm(channels_in, channels_out, 1, stride)
        )

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.reduce(x))
        y = F.relu(self.spatial(y))
        return F.relu(self.expand(y) + self.shortcut(x))


class Resnet50(nn.Module):
    def __init__(self, classes: int = 1000):
        super().__init__()
        self.stem = nn.Sequential(conv_norm(3, 64, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, padding=1))
        blocks, channels = [], 64
        for stage, count in enumerate((3, 4, 6, 3)):
            width = 64 << stage
            for i in range(count):
                blocks.append(Bottleneck(channels, width, stride=2 if stage and i == 0 else 1))
                channels = 4 * width
        self.blocks = nn.Sequential(*blocks)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.pool(self.blocks(self.stem(x))).flatten(1))


MODELS = (
    ZooModel(
        name="resnet50",
        build=lambda: gather_statistics(unit_scale(Resnet50(), seed=3), (4, 3, 224, 224), seed=3),
        inputs={"x": normal(1, 3, 224, 224)},
        outputs=("logits",),
    ),
)
