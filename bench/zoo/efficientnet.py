# SPDX-License-Identifier: Apache-2.0
"""EfficientNet-B0 (Tan & Le 2019) as transformers writes it, with an average pool of 1280x1280;
`plain` replaces that by the global one."""

import copy

from torch import Tensor, nn
from transformers import EfficientNetConfig, EfficientNetForImageClassification

from .model import ZooModel, both_exporters, normal
from .unit_scale import gather_statistics, unit_scale


class EfficientnetB0(nn.Module):
    def __init__(self):
        super().__init__()
        config = EfficientNetConfig(
            image_size=224,
            width_coefficient=1.0,
            depth_coefficient=1.0,
            hidden_dim=1280,
            dropout_rate=0.2,
            num_labels=1000,
        )
        self.net = EfficientNetForImageClassification(config)

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x).logits


def with_global_pool(module: EfficientnetB0) -> EfficientnetB0:
    module = copy.deepcopy(module)
    module.net.efficientnet.pooler = nn.AdaptiveAvgPool2d(1)
    return module


MODELS = (
    ZooModel(
        name="efficientnet_b0",
        build=lambda: gather_statistics(
            unit_scale(EfficientnetB0(), seed=5), (8, 3, 224, 224), seed=5
        ),
        inputs={"x": normal(1, 3, 224, 224)},
        outputs=("logits",),
        spellings=both_exporters
        | {
            "plain": lambda module: (with_global_pool(module), "dynamo"),
            "plain_torchscript": lambda module: (with_global_pool(module), "torchscript"),
        },
        timed="plain",
    ),
)
