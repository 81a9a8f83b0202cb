# SPDX-License-Identifier: Apache-2.0
"""The encoder of Whisper base (Radford et al. 2022) on 30 s of mel features."""

from torch import Tensor, nn
from transformers import WhisperConfig
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from .model import ZooModel, normal
from .unit_scale import unit_scale


class WhisperBaseEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        config = WhisperConfig(
            d_model=512, encoder_layers=6, encoder_attention_heads=8, encoder_ffn_dim=2048
        )
        self.net = WhisperEncoder(config)

    def forward(self, features: Tensor) -> Tensor:
        return self.net(features).last_hidden_state


def build() -> nn.Module:
    module = WhisperBaseEncoder()
    sinusoids = module.net.embed_positions.weight.detach().clone()
    unit_scale(module, seed=11)
    module.net.embed_positions.weight.data.copy_(sinusoids)
    return module


MODELS = (
    ZooModel(
        name="whisper_base_encoder",
        build=build,
        inputs={"features": normal(1, 80, 3000)},
        outputs=("hidden",),
    ),
)
