# SPDX-License-Identifier: Apache-2.0
"""Vision models that mix patches: shifted windows, pooling, perceptrons, reduced attention."""

import torch
from torch import Tensor, nn
from transformers import (
    PoolFormerConfig,
    PoolFormerForImageClassification,
    SegformerConfig,
    SegformerForSemanticSegmentation,
    SwinConfig,
    SwinForImageClassification,
)

from bench.zoo.model import ZooModel, normal

from .scale import dynamo_only, seeded


class Logits(nn.Module):
    def __init__(self, net: nn.Module):
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x).logits


def swin() -> nn.Module:
    config = SwinConfig(
        image_size=224, embed_dim=64, depths=[2, 2, 4, 2], num_heads=[2, 4, 8, 16], num_labels=100
    )
    return Logits(SwinForImageClassification(config))


def poolformer() -> nn.Module:
    config = PoolFormerConfig(depths=[2, 2, 4, 2], layer_scale_init_value=0.3, num_labels=100)
    return Logits(PoolFormerForImageClassification(config))


def segformer() -> nn.Module:
    config = SegformerConfig(decoder_hidden_size=128, num_labels=21)
    return Logits(SegformerForSemanticSegmentation(config))


class MixerBlock(nn.Module):
    def __init__(self, patches: int, channels: int):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.tokens = nn.Sequential(
            nn.Linear(patches, 2 * patches), nn.GELU(), nn.Linear(2 * patches, patches)
        )
        self.channels = nn.Sequential(
            nn.Linear(channels, 4 * channels), nn.GELU(), nn.Linear(4 * channels, channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.tokens(self.norm1(x).transpose(1, 2)).transpose(1, 2)
        return x + self.channels(self.norm2(x))


class Mixer(nn.Module):
    """MLP-Mixer (Tolstikhin et al. 2021)."""

    def __init__(self, patches: int = 196, channels: int = 256, depth: int = 6):
        super().__init__()
        self.stem = nn.Conv2d(3, channels, 16, 16)
        self.blocks = nn.Sequential(*(MixerBlock(patches, channels) for _ in range(depth)))
        self.norm = nn.LayerNorm(channels)
        self.head = nn.Linear(channels, 100)

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks(self.stem(x).flatten(2).transpose(1, 2))
        return self.head(self.norm(x).mean(1))


def model(name: str, make, seed: int) -> ZooModel:
    return ZooModel(
        name=name,
        build=lambda: seeded(make, seed),
        inputs={"x": normal("batch", 3, 224, 224)},
        outputs=("y",),
        cases=(dict(batch=1), dict(batch=3)),
        trace=dict(batch=2),
        spellings=dynamo_only,
    )


MODELS = (
    model("swin", swin, 201),
    model("poolformer", poolformer, 202),
    model("segformer", segformer, 203),
    model("mlp_mixer", Mixer, 204),
)
