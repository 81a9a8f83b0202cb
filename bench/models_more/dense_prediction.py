# SPDX-License-Identifier: Apache-2.0
"""Models that give an image or boxes: segmentation, pyramids, detection, super-resolution, GAN."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.zoo.model import ZooModel, normal
from bench.zoo.unit_scale import gather_statistics

from .convnets import Inverted, PreActivation, conv_norm
from .scale import dynamo_only, seeded


class Aspp(nn.Module):
    """Atrous spatial pyramid pooling (Chen et al. 2017)."""

    def __init__(self, cin: int, cout: int):
        super().__init__()

        def dilated(rate: int) -> nn.Sequential:
            conv = nn.Conv2d(cin, cout, 3, padding=rate, dilation=rate, bias=False)
            return nn.Sequential(conv, nn.BatchNorm2d(cout), nn.ReLU())

        self.branches = nn.ModuleList(
            [conv_norm(cin, cout), dilated(3), dilated(6), dilated(9)]
        )
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(cin, cout, 1), nn.ReLU())
        self.project = conv_norm(5 * cout, cout)

    def forward(self, x: Tensor) -> Tensor:
        pooled = F.interpolate(
            self.pool(x), size=x.shape[-2:], mode="bilinear", align_corners=False
        )
        return self.project(torch.cat([branch(x) for branch in self.branches] + [pooled], 1))


class DeepLab(nn.Module):
    def __init__(self, classes: int = 21):
        super().__init__()
        act = nn.ReLU6
        self.low = nn.Sequential(
            conv_norm(3, 16, 3, 2, act=act),
            Inverted(16, 3, 64, 24, False, act, 2),
            Inverted(24, 3, 96, 24, False, act, 1),
        )
        self.high = nn.Sequential(
            Inverted(24, 3, 96, 64, False, act, 2),
            Inverted(64, 3, 256, 96, False, act, 2),
            Inverted(96, 3, 384, 160, False, act, 1),
        )
        self.aspp = Aspp(160, 96)
        self.reduce = conv_norm(24, 32)
        self.head = nn.Sequential(conv_norm(128, 96, 3), nn.Conv2d(96, classes, 1))

    def forward(self, x: Tensor) -> Tensor:
        low = self.low(x)
        y = self.aspp(self.high(low))
        y = F.interpolate(y, size=low.shape[-2:], mode="bilinear", align_corners=False)
        y = self.head(torch.cat([y, self.reduce(low)], 1))
        return F.interpolate(y, size=x.shape[-2:], mode="bilinear", align_corners=False)


class Backbone(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(conv_norm(3, 32, 3, 2), nn.MaxPool2d(3, 2, 1))
        self.stages = nn.ModuleList(
            nn.Sequential(PreActivation(a, b, s), PreActivation(b, b, 1))
            for a, b, s in ((32, 32, 1), (32, 64, 2), (64, 128, 2), (128, 256, 2))
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        x, levels = self.stem(x), []
        for stage in self.stages:
            x = stage(x)
            levels.append(x)
        return levels


class Pyramid(nn.Module):
    """A feature pyramid (Lin et al. 2016) with a shared head of GroupNorm, as FCOS has."""

    def __init__(self, width: int = 64, classes: int = 20):
        super().__init__()
        self.backbone = Backbone()
        self.lateral = nn.ModuleList(nn.Conv2d(c, width, 1) for c in (64, 128, 256))
        self.smooth = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(3))
        self.head = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1), nn.GroupNorm(8, width), nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1), nn.GroupNorm(8, width), nn.ReLU(),
            nn.Conv2d(width, classes + 4, 3, padding=1),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        levels = self.backbone(x)[1:]
        top, outputs = None, []
        for level, lateral, smooth in reversed(list(zip(levels, self.lateral, self.smooth))):
            y = lateral(level)
            if top is not None:
                y = y + F.interpolate(top, scale_factor=2.0, mode="nearest")
            top = y
            outputs.append(self.head(smooth(y)).flatten(2))
        return torch.cat(outputs, 2).transpose(1, 2)


class Detector(nn.Module):
    """Single-shot detection (Liu et al. 2015) over four levels, decoded, the best boxes kept."""

    def __init__(self, classes: int = 21, anchors: int = 6, keep: int = 100):
        super().__init__()
        self.backbone = Backbone()
        channels = (32, 64, 128, 256)
        self.boxes = nn.ModuleList(
            nn.Sequential(conv_norm(c, c, 3, groups=c), nn.Conv2d(c, 4 * anchors, 1))
            for c in channels
        )
        self.scores = nn.ModuleList(
            nn.Sequential(conv_norm(c, c, 3, groups=c), nn.Conv2d(c, classes * anchors, 1))
            for c in channels
        )
        self.classes, self.keep = classes, keep
        sizes = [56, 28, 14, 7]
        places = sum(anchors * s * s for s in sizes)
        rng = torch.Generator().manual_seed(9)
        self.register_buffer("anchors", torch.rand(places, 4, generator=rng) + 0.1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        levels = self.backbone(x)
        boxes = [
            head(y).permute(0, 2, 3, 1).reshape(y.shape[0], -1, 4)
            for head, y in zip(self.boxes, levels)
        ]
        scores = [
            head(y).permute(0, 2, 3, 1).reshape(y.shape[0], -1, self.classes)
            for head, y in zip(self.scores, levels)
        ]
        box, score = torch.cat(boxes, 1), torch.cat(scores, 1).softmax(-1)
        centre = self.anchors[:, :2] + 0.1 * box[..., :2] * self.anchors[:, 2:]
        size = self.anchors[:, 2:] * torch.exp(0.2 * box[..., 2:])
        corners = torch.cat([centre - size / 2, centre + size / 2], -1)
        best, index = score[..., 1:].amax(-1).topk(self.keep, dim=1)
        return corners.gather(1, index.unsqueeze(-1).expand(-1, -1, 4)), best


class Espcn(nn.Module):
    """Sub-pixel super-resolution (Shi et al. 2016)."""

    def __init__(self, upscale: int = 3):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 64, 5, padding=2), nn.Tanh(),
            nn.Conv2d(64, 32, 3, padding=1), nn.Tanh(),
            nn.Conv2d(32, upscale**2, 3, padding=1), nn.PixelShuffle(upscale),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class ResidualSr(nn.Module):
    """EDSR-like (Lim et al. 2017): residual blocks without norms, PReLU, two sub-pixel steps."""

    def __init__(self, width: int = 32, depth: int = 4):
        super().__init__()
        self.head = nn.Conv2d(3, width, 3, padding=1)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(width, width, 3, padding=1),
                nn.PReLU(width),
                nn.Conv2d(width, width, 3, padding=1),
            )
            for _ in range(depth)
        )
        self.up = nn.Sequential(
            nn.Conv2d(width, 4 * width, 3, padding=1), nn.PixelShuffle(2), nn.LeakyReLU(0.1),
            nn.Conv2d(width, 4 * width, 3, padding=1), nn.PixelShuffle(2), nn.LeakyReLU(0.1),
            nn.Conv2d(width, 3, 3, padding=1),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        y = first = self.head(x)
        for block in self.blocks:
            y = y + 0.1 * block(y)
        return self.up(y + first) + F.interpolate(x, scale_factor=4.0, mode="bicubic")


class Generator(nn.Module):
    """A DCGAN generator (Radford et al. 2015), the last stage with InstanceNorm."""

    def __init__(self, latent: int = 100, width: int = 64):
        super().__init__()
        layers: list[nn.Module] = [
            nn.ConvTranspose2d(latent, 8 * width, 4, bias=False),
            nn.BatchNorm2d(8 * width),
            nn.ReLU(),
        ]
        for scale in (4, 2, 1):
            norm = nn.BatchNorm2d if scale > 1 else nn.InstanceNorm2d
            layers += [
                nn.ConvTranspose2d(2 * scale * width, scale * width, 4, 2, 1, bias=False),
                norm(scale * width),
                nn.ReLU(),
            ]
        self.layers = nn.Sequential(*layers, nn.ConvTranspose2d(width, 3, 4, 2, 1), nn.Tanh())

    def forward(self, z: Tensor) -> Tensor:
        return self.layers(z)


class StyleTransfer(nn.Module):
    """A fast style network (Johnson et al. 2016): reflected edges, InstanceNorm, Resize + Conv."""

    def __init__(self):
        super().__init__()

        def layer(cin: int, cout: int, kernel: int, stride: int = 1, norm: bool = True):
            parts = [nn.ReflectionPad2d(kernel // 2), nn.Conv2d(cin, cout, kernel, stride)]
            return nn.Sequential(*parts, *([nn.InstanceNorm2d(cout, affine=True)] if norm else []))

        self.down = nn.ModuleList([layer(3, 16, 9), layer(16, 32, 3, 2), layer(32, 64, 3, 2)])
        self.blocks = nn.ModuleList(
            nn.Sequential(layer(64, 64, 3), nn.ReLU(), layer(64, 64, 3)) for _ in range(3)
        )
        self.up = nn.ModuleList([layer(64, 32, 3), layer(32, 16, 3)])
        self.last = layer(16, 3, 9, norm=False)

    def forward(self, x: Tensor) -> Tensor:
        for down in self.down:
            x = F.relu(down(x))
        for block in self.blocks:
            x = x + block(x)
        for up in self.up:
            x = F.relu(up(F.interpolate(x, scale_factor=2.0, mode="nearest")))
        return self.last(x)


def model(
    name: str, make, seed: int, shape: tuple, outputs: tuple[str, ...], norms: bool
) -> ZooModel:
    def build() -> nn.Module:
        module = seeded(make, seed)
        return gather_statistics(module, (4, *shape), seed) if norms else module

    return ZooModel(
        name=name,
        build=build,
        inputs={"x": normal("batch", *shape)},
        outputs=outputs,
        cases=(dict(batch=1), dict(batch=3)),
        trace=dict(batch=2),
        spellings=dynamo_only,
    )


MODELS = (
    model("deeplab", DeepLab, 401, (3, 256, 256), ("y",), True),
    model("pyramid", Pyramid, 402, (3, 256, 256), ("y",), True),
    model("detector", Detector, 403, (3, 224, 224), ("boxes", "scores"), True),
    model("espcn", Espcn, 404, (1, 180, 240), ("y",), False),
    model("residual_sr", ResidualSr, 405, (3, 64, 64), ("y",), False),
    model("gan_generator", Generator, 406, (100, 1, 1), ("y",), True),
    model("style_transfer", StyleTransfer, 407, (3, 192, 192), ("y",), False),
)
