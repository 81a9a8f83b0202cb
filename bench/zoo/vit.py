# SPDX-License-Identifier: Apache-2.0
"""ViT-B/16 (Dosovitskiy et al. 2020) at 224x224, with transformers' default attention."""

import torch
from torch import Tensor, nn
from transformers import ViTConfig, ViTForImageClassification

from .model import ZooModel, normal
from .unit_scale import unit_scale


class VitB16(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = ViTForImageClassification(ViTConfig(num_labels=1000))

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x).logits


def build() -> nn.Module:
    module = unit_scale(VitB16(), seed=8)
    embeddings = module.net.vit.embeddings
    rng = torch.Generator().manual_seed(8)
    with torch.no_grad():
        embeddings.cls_token.normal_(generator=rng)
        embeddings.position_embeddings.normal_(0, 0.5, generator=rng)
    return module


MODELS = (
    ZooModel(
        name="vit_b16", build=build, inputs={"x": normal(1, 3, 224, 224)}, outputs=("logits",)
    ),
)
