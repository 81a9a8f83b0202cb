# SPDX-License-Identifier: Apache-2.0
"""GPT-2 small (Radford et al. 2019) with past keys and values: any batch, step and past length."""

from torch import Tensor, nn
from transformers import DynamicCache, GPT2Config, GPT2LMHeadModel

from .model import ZooModel, ids, left_padding, normal
from .unit_scale import unit_scale

VOCABULARY, LAYERS, HEADS, HEAD_SIZE = 50257, 12, 12, 64


class Gpt2(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = GPT2LMHeadModel(GPT2Config(vocab_size=VOCABULARY))

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, *past: Tensor
    ) -> tuple[Tensor, ...]:
        cache = DynamicCache(list(zip(past[0::2], past[1::2])))
        out = self.net(
            input_ids=input_ids,
            attention_mask=attention_mask,
            past_key_values=cache,
            use_cache=True,
        )
        present = [
            tensor for layer in out.past_key_values.layers for tensor in (layer.keys, layer.values)
        ]
        return out.logits, *present


def cache_names(prefix: str) -> list[str]:
    return [f"{prefix}_{part}_{layer}" for layer in range(LAYERS) for part in ("key", "value")]


def case(batch: int, step: int, past: int) -> dict[str, int]:
    return dict(batch=batch, step=step, past=past, total=past + step)


MODELS = (
    ZooModel(
        name="gpt2",
        build=lambda: unit_scale(Gpt2(), seed=10),
        inputs={
            "input_ids": ids(VOCABULARY, "batch", "step"),
            "attention_mask": left_padding("batch", "total", limit="past"),
            **{name: normal("batch", HEADS, "past", HEAD_SIZE) for name in cache_names("past")},
        },
        outputs=("logits", *cache_names("present")),
        cases=(case(1, 1, 64), case(3, 4, 19), case(1, 16, 0)),
        trace=case(2, 5, 11),
    ),
)
