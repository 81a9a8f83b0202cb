# SPDX-License-Identifier: Apache-2.0
"""Image classifiers made of convolutions: branches, shuffles, gates, groups, no BatchNorm."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.zoo.model import ZooModel, normal
from bench.zoo.unit_scale import gather_statistics

from .scale import dynamo_only, seeded


def conv_norm(
    channels_in: int, channels_out: int, kernel: int = 1, stride: int = 1, groups: int = 1, act=nn.ReLU
) -> nn.Sequential:
    conv = nn.Conv2d(
        channels_in, channels_out, kernel, stride, kernel // 2, groups=groups, bias=False
    )
    return nn.Sequential(conv, nn.BatchNorm2d(channels_out), *([act()] if act else []))


def classifier(features: nn.Sequential, channels: int, classes: int = 1000) -> nn.Sequential:
    return nn.Sequential(
        features, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes)
    )


class PreActivation(nn.Module):
    """A residual block that starts with its normalisation (He et al. 2016)."""

    def __init__(self, channels_in: int, channels_out: int, stride: int):
        super().__init__()
        self.norm = nn.BatchNorm2d(channels_in)
        self.conv1 = conv_norm(channels_in, channels_out, 3, stride)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False)
        same = stride == 1 and channels_in == channels_out
        self.shortcut = None if same else nn.Conv2d(channels_in, channels_out, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm(x))
        return self.conv2(self.conv1(y)) + (x if self.shortcut is None else self.shortcut(y))


def preact_resnet18() -> nn.Module:
    layers, channels = [conv_norm(3, 64, 7, 2), nn.MaxPool2d(3, 2, 1)], 64
    for stage in range(4):
        for i in range(2):
            layers.append(PreActivation(channels, 64 << stage, 2 if stage and i == 0 else 1))
            channels = 64 << stage
    return classifier(nn.Sequential(*layers, nn.BatchNorm2d(channels), nn.ReLU()), channels)


class Dense(nn.Module):
    """One layer of DenseNet (Huang et al. 2016): its output is appended to its input."""

    def __init__(self, channels: int, growth: int):
        super().__init__()
        self.layers = nn.Sequential(
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            conv_norm(channels, 4 * growth),
            nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.layers(x)], 1)


def densenet(growth: int = 24, counts: tuple[int, ...] = (6, 12, 16, 10)) -> nn.Module:
    layers, channels = [conv_norm(3, 64, 7, 2), nn.MaxPool2d(3, 2, 1)], 64
    for stage, count in enumerate(counts):
        for _ in range(count):
            layers.append(Dense(channels, growth))
            channels += growth
        if stage + 1 < len(counts):
            layers += [
                nn.BatchNorm2d(channels),
                nn.ReLU(),
                nn.Conv2d(channels, channels // 2, 1, bias=False),
                nn.AvgPool2d(2),
            ]
            channels //= 2
    return classifier(nn.Sequential(*layers, nn.BatchNorm2d(channels), nn.ReLU()), channels)


class Squeeze(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, channels // 4, 1),
            nn.ReLU(),
            nn.Conv2d(channels // 4, channels, 1),
            nn.Hardsigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gate(x)


class Inverted(nn.Module):
    def __init__(self, cin: int, kernel: int, wide: int, cout: int, gated: bool, act, stride: int):
        super().__init__()
        self.residual = stride == 1 and cin == cout
        self.layers = nn.Sequential(
            *([conv_norm(cin, wide, act=act)] if wide != cin else []),
            conv_norm(wide, wide, kernel, stride, wide, act),
            *([Squeeze(wide)] if gated else []),
            conv_norm(wide, cout, act=None),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x) if self.residual else self.layers(x)


def mobilenet_v3() -> nn.Module:
    """MobileNetV3 large (Howard et al. 2019)."""
    r, h = nn.ReLU, nn.Hardswish
    rows = (
        (3, 16, 16, False, r, 1), (3, 64, 24, False, r, 2), (3, 72, 24, False, r, 1),
        (5, 72, 40, True, r, 2), (5, 120, 40, True, r, 1), (5, 120, 40, True, r, 1),
        (3, 240, 80, False, h, 2), (3, 200, 80, False, h, 1), (3, 184, 80, False, h, 1),
        (3, 184, 80, False, h, 1), (3, 480, 112, True, h, 1), (3, 672, 112, True, h, 1),
        (5, 672, 160, True, h, 2), (5, 960, 160, True, h, 1), (5, 960, 160, True, h, 1),
    )  # fmt: skip
    layers, channels = [conv_norm(3, 16, 3, 2, act=h)], 16
    for kernel, wide, out, gated, act, stride in rows:
        layers.append(Inverted(channels, kernel, wide, out, gated, act, stride))
        channels = out
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(960, 1280), h(), nn.Linear(1280, 1000)]
    return nn.Sequential(*layers, conv_norm(channels, 960, act=h), *head)


class Shuffle(nn.Module):
    """A unit of ShuffleNetV2 (Ma et al. 2018)."""

    def __init__(self, cin: int, cout: int, stride: int):
        super().__init__()
        half = cout // 2
        self.stride = stride
        self.side = (
            nn.Sequential(conv_norm(cin, cin, 3, stride, cin, act=None), conv_norm(cin, half))
            if stride > 1
            else None
        )
        self.main = nn.Sequential(
            conv_norm(cin if stride > 1 else half, half),
            conv_norm(half, half, 3, stride, half, act=None),
            conv_norm(half, half),
        )

    def forward(self, x: Tensor) -> Tensor:
        if self.side is None:
            kept, rest = x.chunk(2, dim=1)
            y = torch.cat([kept, self.main(rest)], 1)
        else:
            y = torch.cat([self.side(x), self.main(x)], 1)
        n, c, h, w = y.shape
        return y.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)


def shufflenet_v2() -> nn.Module:
    layers, channels = [conv_norm(3, 24, 3, 2), nn.MaxPool2d(3, 2, 1)], 24
    for out, count in ((116, 4), (232, 8), (464, 4)):
        for i in range(count):
            layers.append(Shuffle(channels, out, 2 if i == 0 else 1))
            channels = out
    return classifier(nn.Sequential(*layers, conv_norm(channels, 1024)), 1024)


class Fire(nn.Module):
    def __init__(self, cin: int, squeeze: int, expand: int):
        super().__init__()
        self.squeeze = nn.Conv2d(cin, squeeze, 1)
        self.one = nn.Conv2d(squeeze, expand, 1)
        self.three = nn.Conv2d(squeeze, expand, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.squeeze(x))
        return torch.cat([F.relu(self.one(x)), F.relu(self.three(x))], 1)


def squeezenet() -> nn.Module:
    """SqueezeNet 1.1 (Iandola et al. 2016)."""
    pool = lambda: nn.MaxPool2d(3, 2, ceil_mode=True)
    return nn.Sequential(
        nn.Conv2d(3, 64, 3, 2), nn.ReLU(), pool(),
        Fire(64, 16, 64), Fire(128, 16, 64), pool(),
        Fire(128, 32, 128), Fire(256, 32, 128), pool(),
        Fire(256, 48, 192), Fire(384, 48, 192), Fire(384, 64, 256), Fire(512, 64, 256),
        nn.Dropout(), nn.Conv2d(512, 1000, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
    )  # fmt: skip


def vgg11() -> nn.Module:
    layers, channels = [], 3
    for width in (64, 0, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0):
        if width:
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            channels = width
        else:
            layers.append(nn.MaxPool2d(2))
    head = [nn.Flatten(), nn.Linear(512 * 16, 1024), nn.ReLU(), nn.Dropout(), nn.Linear(1024, 1000)]
    return nn.Sequential(*layers, *head)


class Inception(nn.Module):
    """Four branches, two of them of separable kernels (Szegedy et al. 2015)."""

    def __init__(self, cin: int, width: int):
        super().__init__()

        def separable(channels: int, size: int) -> nn.Sequential:
            conv = nn.Sequential()
            for kernel in ((1, size), (size, 1)):
                pad = (kernel[0] // 2, kernel[1] // 2)
                conv.append(nn.Conv2d(channels, width, kernel, padding=pad, bias=False))
                conv.append(nn.BatchNorm2d(width, eps=1e-3))
                conv.append(nn.ReLU())
                channels = width
            return conv

        self.branches = nn.ModuleList([
            conv_norm(cin, width),
            nn.Sequential(conv_norm(cin, width // 2), separable(width // 2, 3)),
            nn.Sequential(conv_norm(cin, width // 2), separable(width // 2, 7)),
            nn.Sequential(nn.AvgPool2d(3, 1, 1, count_include_pad=False), conv_norm(cin, width)),
        ])  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.branches], 1)


class Reduction(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.conv = nn.Sequential(
            conv_norm(channels, channels // 2), conv_norm(channels // 2, channels // 2, 3, 2)
        )
        self.pool = nn.MaxPool2d(3, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.conv(x), self.pool(x)], 1)


def inception() -> nn.Module:
    layers = [conv_norm(3, 32, 3, 2), conv_norm(32, 64, 3), nn.MaxPool2d(3, 2, 1)]
    channels = 64
    for width in (48, 96, 160):
        for _ in range(2):
            layers.append(Inception(channels, width))
            channels = 4 * width
        layers.append(Reduction(channels))
        channels += channels // 2
    return classifier(nn.Sequential(*layers), channels)


class ScaledConv(nn.Conv2d):
    """Weights standardised in the graph, as networks without normalisation do (Brock et al. 2021)."""

    def forward(self, x: Tensor) -> Tensor:
        w = self.weight
        mean = w.mean((1, 2, 3), keepdim=True)
        var = w.var((1, 2, 3), keepdim=True)
        w = (w - mean) * torch.rsqrt(var * w[0].numel() + 1e-4)
        return F.conv2d(x, w, self.bias, self.stride, self.padding, self.dilation, self.groups)


class NormFree(nn.Module):
    def __init__(self, cin: int, cout: int, stride: int, beta: float):
        super().__init__()
        wide = cout // 2
        self.beta = beta
        self.reduce = ScaledConv(cin, wide, 1)
        self.grouped = ScaledConv(wide, wide, 3, stride, 1, groups=wide // 64)
        self.expand = ScaledConv(wide, cout, 1)
        self.gate = Squeeze(cout)
        self.shortcut = None
        if stride > 1 or cin != cout:
            pool = nn.AvgPool2d(2, 2, ceil_mode=True, count_include_pad=False)
            self.shortcut = nn.Sequential(
                *([pool] if stride > 1 else []), ScaledConv(cin, cout, 1)
            )
        self.strength = nn.Parameter(torch.full((), 0.5))

    def forward(self, x: Tensor) -> Tensor:
        y = F.gelu(x) * 1.7015 / self.beta
        skip = x if self.shortcut is None else self.shortcut(y)
        y = F.gelu(self.reduce(y)) * 1.7015
        y = F.gelu(self.grouped(y)) * 1.7015
        return self.gate(self.expand(y)) * 2 * self.strength + skip


def norm_free() -> nn.Module:
    layers, channels = [ScaledConv(3, 64, 7, 4, 3)], 64
    for stage, width in enumerate((128, 256, 512)):
        for i in range(2):
            layers.append(NormFree(channels, width, 2 if i == 0 and stage else 1, 1 + 0.1 * i))
            channels = width
    return classifier(nn.Sequential(*layers, nn.GELU()), channels)


class ChannelNorm(nn.LayerNorm):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class ConvNextBlock(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.expand = nn.Linear(channels, 4 * channels)
        self.shrink = nn.Linear(4 * channels, channels)
        self.scale = nn.Parameter(torch.full((channels,), 0.3))

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        y = self.scale * self.shrink(F.gelu(self.expand(y)))
        return x + y.permute(0, 3, 1, 2)


def convnext() -> nn.Module:
    """Half of ConvNeXt-T's depth (Liu et al. 2022), its LayerNorm inside blocks channels-last."""
    layers = [nn.Conv2d(3, 64, 4, 4), ChannelNorm(64)]
    channels = 64
    for stage, count in enumerate((2, 2, 4, 2)):
        if stage:
            layers += [ChannelNorm(channels), nn.Conv2d(channels, 2 * channels, 2, 2)]
            channels *= 2
        layers += [ConvNextBlock(channels) for _ in range(count)]
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LayerNorm(channels), nn.Linear(channels, 1000)]
    return nn.Sequential(*layers, *head)


def image_model(name: str, make, seed: int, size: int = 224, norms: bool = True) -> ZooModel:
    def build() -> nn.Module:
        module = seeded(make, seed)
        return gather_statistics(module, (4, 3, size, size), seed) if norms else module

    return ZooModel(
        name=name,
        build=build,
        inputs={"x": normal("batch", 3, size, size)},
        outputs=("y",),
        cases=(dict(batch=1), dict(batch=3)),
        trace=dict(batch=2),
        spellings=dynamo_only,
    )


MODELS = (
    image_model("preact_resnet18", preact_resnet18, 101),
    image_model("densenet", densenet, 102),
    image_model("mobilenet_v3", mobilenet_v3, 103),
    image_model("shufflenet_v2", shufflenet_v2, 104),
    image_model("squeezenet", squeezenet, 105, norms=False),
    image_model("vgg11", vgg11, 106, size=128, norms=False),
    image_model("inception", inception, 107),
    image_model("norm_free", norm_free, 108, norms=False),
    image_model("convnext", convnext, 109, norms=False),
)
