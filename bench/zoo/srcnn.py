# SPDX-License-Identifier: Apache-2.0
"""SRCNN: bicubic upsampling, then three convolutions (Dong et al. 2014); once with a fixed
factor, once with a factor that is an input."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .model import ZooModel, both_exporters, normal, scalar
from .unit_scale import unit_scale


class Srcnn(nn.Module):
    def __init__(self, factor: int):
        super().__init__()
        self.factor = factor
        self.features = nn.Conv2d(3, 64, 9, padding=4)
        self.mapping = nn.Conv2d(64, 32, 1)
        self.reconstruction = nn.Conv2d(32, 3, 5, padding=2)

    def restore(self, x: Tensor) -> Tensor:
        x = F.relu(self.features(x))
        x = F.relu(self.mapping(x))
        return self.reconstruction(x)

    def forward(self, x: Tensor) -> Tensor:
        return self.restore(F.interpolate(x, scale_factor=self.factor, mode="bicubic"))


class SrcnnScale(Srcnn):
    """The factor becomes a size: Resize is fed by Shape and Mul."""

    def forward(self, x: Tensor, scale: Tensor) -> Tensor:
        if torch.jit.is_tracing():  # .item() would freeze the factor into the trace
            factor = scale
        else:
            factor = scale.item()
            torch._check(factor >= 1)
            torch._check(factor <= 8)
        size = (x.shape[2] * factor, x.shape[3] * factor)
        return self.restore(F.interpolate(x, size=size, mode="bicubic"))


class SrcnnScaleDirect(nn.Module):
    """The same network whose Resize reads `scales` from the input, as hand-written graphs do."""

    def __init__(self, srcnn: Srcnn):
        super().__init__()
        self.srcnn = srcnn

    def forward(self, x: Tensor, scale: Tensor) -> Tensor:
        factor = scale.item()
        torch._check(factor >= 1)
        torch._check(factor <= 8)
        scales = torch.cat([torch.ones(2), scale.to(torch.float32).expand(2)])
        resized = torch.onnx.ops.symbolic(
            "Resize",
            (x, None, scales),
            dict(
                mode="cubic",
                cubic_coeff_a=-0.75,
                coordinate_transformation_mode="pytorch_half_pixel",
            ),
            dtype=x.dtype,
            shape=(x.shape[0], x.shape[1], x.shape[2] * factor, x.shape[3] * factor),
        )
        return self.srcnn.restore(resized)


MODELS = (
    ZooModel(
        name="srcnn",
        build=lambda: unit_scale(Srcnn(factor=2), seed=1, gain=2**0.5),
        inputs={"x": normal("batch", 3, "height", "width")},
        outputs=("y",),
        cases=(
            dict(batch=1, height=128, width=128),
            dict(batch=1, height=61, width=96),
            dict(batch=2, height=33, width=17),
        ),
        trace=dict(batch=2, height=37, width=53),
    ),
    ZooModel(
        name="srcnn_scale",
        build=lambda: unit_scale(SrcnnScale(factor=0), seed=2, gain=2**0.5),
        inputs={"x": normal("batch", 3, "height", "width"), "scale": scalar("scale")},
        outputs=("y",),
        cases=(
            dict(batch=1, height=128, width=128, scale=2),
            dict(batch=2, height=31, width=48, scale=3),
            dict(batch=1, height=50, width=41, scale=1),
        ),
        trace=dict(batch=2, height=37, width=53, scale=3),
        spellings=both_exporters | {"scales": lambda module: (SrcnnScaleDirect(module), "dynamo")},
    ),
)
