# SPDX-License-Identifier: Apache-2.0
"""A one-stage detector of the YOLOv8n shape: C2f backbone, SPPF, a two-way feature pyramid,
boxes coded as distributions.

The output holds one column per anchor: centre x, centre y, width, height in pixels, then one score
per class."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .model import ZooModel, normal
from .unit_scale import gather_statistics, unit_scale

BINS = 16  # a box side is the mean of a softmax over this many distances


class ConvNormSilu(nn.Module):
    def __init__(self, channels_in: int, channels_out: int, kernel: int = 1, stride: int = 1):
        super().__init__()
        self.conv = nn.Conv2d(
            channels_in, channels_out, kernel, stride, padding=kernel // 2, bias=False
        )
        self.norm = nn.BatchNorm2d(channels_out, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        return F.silu(self.norm(self.conv(x)))


class Residual(nn.Module):
    def __init__(self, channels: int, shortcut: bool):
        super().__init__()
        self.body = nn.Sequential(
            ConvNormSilu(channels, channels, 3), ConvNormSilu(channels, channels, 3)
        )
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x) if self.shortcut else self.body(x)


class C2f(nn.Module):
    """Two halves, one of which runs through a chain of blocks; all that comes of it is joined."""

    def __init__(self, channels_in: int, channels_out: int, blocks: int, shortcut: bool = False):
        super().__init__()
        half = channels_out // 2
        self.enter = ConvNormSilu(channels_in, channels_out)
        self.blocks = nn.ModuleList(Residual(half, shortcut) for _ in range(blocks))
        self.leave = ConvNormSilu((2 + blocks) * half, channels_out)

    def forward(self, x: Tensor) -> Tensor:
        parts = list(self.enter(x).chunk(2, 1))
        for block in self.blocks:
            parts.append(block(parts[-1]))
        return self.leave(torch.cat(parts, 1))


class Sppf(nn.Module):
    """Three chained 5x5 max pools stand for pools of 5, 9 and 13."""

    def __init__(self, channels: int):
        super().__init__()
        self.enter = ConvNormSilu(channels, channels // 2)
        self.pool = nn.MaxPool2d(5, 1, padding=2)
        self.leave = ConvNormSilu(2 * channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        parts = [self.enter(x)]
        for _ in range(3):
            parts.append(self.pool(parts[-1]))
        return self.leave(torch.cat(parts, 1))


class Backbone(nn.Module):
    def __init__(self):
        super().__init__()
        self.stride8 = nn.Sequential(
            ConvNormSilu(3, 16, 3, 2),
            ConvNormSilu(16, 32, 3, 2),
            C2f(32, 32, 1, shortcut=True),
            ConvNormSilu(32, 64, 3, 2),
            C2f(64, 64, 2, shortcut=True),
        )
        self.stride16 = nn.Sequential(ConvNormSilu(64, 128, 3, 2), C2f(128, 128, 2, shortcut=True))
        self.stride32 = nn.Sequential(
            ConvNormSilu(128, 256, 3, 2), C2f(256, 256, 1, shortcut=True), Sppf(256)
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        p3 = self.stride8(x)
        p4 = self.stride16(p3)
        return p3, p4, self.stride32(p4)


class Neck(nn.Module):
    def __init__(self):
        super().__init__()
        self.upsample = nn.Upsample(scale_factor=2, mode="nearest")
        self.top_down4 = C2f(256 + 128, 128, 1)
        self.top_down3 = C2f(128 + 64, 64, 1)
        self.shrink3 = ConvNormSilu(64, 64, 3, 2)
        self.bottom_up4 = C2f(64 + 128, 128, 1)
        self.shrink4 = ConvNormSilu(128, 128, 3, 2)
        self.bottom_up5 = C2f(128 + 256, 256, 1)

    def forward(self, p3: Tensor, p4: Tensor, p5: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        middle = self.top_down4(torch.cat([self.upsample(p5), p4], 1))
        fine = self.top_down3(torch.cat([self.upsample(middle), p3], 1))
        middle = self.bottom_up4(torch.cat([self.shrink3(fine), middle], 1))
        coarse = self.bottom_up5(torch.cat([self.shrink4(middle), p5], 1))
        return fine, middle, coarse


def branch(channels_in: int, width: int, channels_out: int) -> nn.Sequential:
    return nn.Sequential(
        ConvNormSilu(channels_in, width, 3),
        ConvNormSilu(width, width, 3),
        nn.Conv2d(width, channels_out, 1),
    )


def anchor_centres(size: int, strides: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Cell centres [1, 2, anchors] in units of their stride, and that stride [1, 1, anchors]."""
    centres, scale = [], []
    for stride in strides:
        axis = torch.arange(size // stride) + 0.5
        y, x = torch.meshgrid(axis, axis, indexing="ij")
        centres.append(torch.stack([x.flatten(), y.flatten()]))
        scale.append(torch.full((1, x.numel()), float(stride)))
    return torch.cat(centres, 1)[None], torch.cat(scale, 1)[None]


class Detect(nn.Module):
    def __init__(self, size: int, classes: int):
        super().__init__()
        channels = (64, 128, 256)
        self.classes = classes
        self.box = nn.ModuleList(branch(c, 64, 4 * BINS) for c in channels)
        self.score = nn.ModuleList(branch(c, max(64, classes), classes) for c in channels)
        centres, stride = anchor_centres(size, (8, 16, 32))
        self.register_buffer("centres", centres)
        self.register_buffer("stride", stride)
        self.register_buffer("bins", torch.arange(BINS, dtype=torch.float32).view(1, BINS, 1, 1))

    def forward(self, levels: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        rows = [
            torch.cat([box(x), score(x)], 1).flatten(2)
            for box, score, x in zip(self.box, self.score, levels)
        ]
        sides, scores = torch.cat(rows, 2).split((4 * BINS, self.classes), 1)
        sides = sides.view(sides.shape[0], 4, BINS, -1).transpose(1, 2).softmax(1)
        distances = F.conv2d(sides, self.bins)[:, 0]  # [batch, left top right bottom, anchors]
        near, far = distances.chunk(2, 1)
        low, high = self.centres - near, self.centres + far
        boxes = torch.cat([(low + high) / 2, high - low], 1) * self.stride
        return torch.cat([boxes, scores.sigmoid()], 1)


class Yolov8n(nn.Module):
    def __init__(self, size: int = 640, classes: int = 80):
        super().__init__()
        self.backbone = Backbone()
        self.neck = Neck()
        self.detect = Detect(size, classes)

    def forward(self, image: Tensor) -> Tensor:
        return self.detect(self.neck(*self.backbone(image)))


def build() -> nn.Module:
    module = unit_scale(Yolov8n(), seed=6)
    return gather_statistics(module, (2, 3, 640, 640), seed=6)


MODELS = (
    ZooModel(
        name="yolov8n",
        build=build,
        inputs={"image": normal(1, 3, 640, 640)},
        outputs=("detections",),
        channel_axis={"detections": 1},
    ),
)
