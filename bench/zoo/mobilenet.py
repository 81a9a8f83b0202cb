# SPDX-License-Identifier: Apache-2.0
"""MobileNetV2 (Sandler et al. 2018), width 1."""

from torch import Tensor, nn

from .model import ZooModel, normal
from .unit_scale import gather_statistics, unit_scale

# expansion, channels, repeats, first stride
STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


def conv_norm_relu6(
    channels_in: int, channels_out: int, kernel: int, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    conv = nn.Conv2d(
        channels_in, channels_out, kernel, stride, padding=kernel // 2, groups=groups, bias=False
    )
    return nn.Sequential(conv, nn.BatchNorm2d(channels_out), nn.ReLU6())


class InvertedResidual(nn.Module):
    def __init__(self, channels_in: int, channels_out: int, stride: int, expansion: int):
        super().__init__()
        hidden = channels_in * expansion
        expand = [conv_norm_relu6(channels_in, hidden, 1)] if expansion > 1 else []
        self.body = nn.Sequential(
            *expand,
            conv_norm_relu6(hidden, hidden, 3, stride, groups=hidden),
            nn.Conv2d(hidden, channels_out, 1, bias=False),
            nn.BatchNorm2d(channels_out),
        )
        self.has_shortcut = stride == 1 and channels_in == channels_out

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x) if self.has_shortcut else self.body(x)


class MobilenetV2(nn.Module):
    def __init__(self, classes: int = 1000):
        super().__init__()
        layers, channels = [conv_norm_relu6(3, 32, 3, 2)], 32
        for expansion, channels_out, repeats, first_stride in STAGES:
            for i in range(repeats):
                layers.append(
                    InvertedResidual(
                        channels, channels_out, first_stride if i == 0 else 1, expansion
                    )
                )
                channels = channels_out
        self.features = nn.Sequential(*layers, conv_norm_relu6(channels, 1280, 1))
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(1280, classes))

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).mean((2, 3)))


MODELS = (
    ZooModel(
        name="mobilenet_v2",
        build=lambda: gather_statistics(
            unit_scale(MobilenetV2(), seed=4), (8, 3, 224, 224), seed=4
        ),
        inputs={"x": normal(1, 3, 224, 224)},
        outputs=("logits",),
    ),
)
