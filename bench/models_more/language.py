# SPDX-License-Identifier: Apache-2.0
"""Text models beside BERT and GPT-2: relative positions, grouped queries, caches, a state space."""

import torch
from torch import Tensor, nn
from transformers import (
    BartConfig,
    DebertaV2Config,
    DebertaV2Model,
    DynamicCache,
    EncoderDecoderCache,
    LlamaConfig,
    LlamaForCausalLM,
    MambaConfig,
    MambaForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
    T5Config,
)
from transformers.models.bart.modeling_bart import BartDecoder
from transformers.models.t5.modeling_t5 import T5EncoderModel, T5ForConditionalGeneration

from bench.zoo.model import ZooModel, ids, left_padding, normal, right_padding

from .scale import dynamo_only, seeded

VOCABULARY = 8000


class Encoder(nn.Module):
    """Any encoder of the library: ids and a mask to hidden states."""

    def __init__(self, net: nn.Module):
        super().__init__()
        self.net = net

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return self.net(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state


def t5_config() -> T5Config:
    return T5Config(
        vocab_size=VOCABULARY, d_model=512, d_kv=64, d_ff=1024, num_layers=4, num_heads=8,
        feed_forward_proj="gated-gelu", decoder_start_token_id=0,
    )  # fmt: skip


@torch.no_grad()
def t5(make, seed: int) -> nn.Module:
    """T5 divides no scores: its queries are that much smaller."""
    module = seeded(make, seed)
    for name, parameter in module.named_parameters():
        if name.endswith(".q.weight"):
            parameter /= 8
    return module


def t5_encoder() -> nn.Module:
    return Encoder(T5EncoderModel(t5_config()))


def deberta() -> nn.Module:
    config = DebertaV2Config(
        vocab_size=VOCABULARY, hidden_size=384, num_hidden_layers=4, num_attention_heads=6,
        intermediate_size=1536, relative_attention=True, position_buckets=64,
        pos_att_type=["p2c", "c2p"], norm_rel_ebd="layer_norm", share_att_key=True,
        position_biased_input=False, type_vocab_size=0, max_position_embeddings=512,
    )  # fmt: skip
    return Encoder(DebertaV2Model(config))


class T5Step(nn.Module):
    """One step of T5's decoder: new ids, the encoder's states, cached keys and values."""

    LAYERS = 4

    def __init__(self):
        super().__init__()
        net = T5ForConditionalGeneration(t5_config())
        self.decoder, self.head = net.decoder, net.lm_head

    def forward(self, input_ids: Tensor, hidden: Tensor, *past: Tensor) -> tuple[Tensor, ...]:
        pairs = list(zip(past[0::2], past[1::2]))
        own, cross = pairs[: self.LAYERS], pairs[self.LAYERS :]
        cache = EncoderDecoderCache(DynamicCache(own), DynamicCache(cross))
        for layer in range(self.LAYERS):
            cache.is_updated[layer] = True
        out = self.decoder(
            input_ids=input_ids, encoder_hidden_states=hidden, past_key_values=cache, use_cache=True
        )
        layers = out.past_key_values.self_attention_cache.layers
        present = [tensor for layer in layers for tensor in (layer.keys, layer.values)]
        return self.head(out.last_hidden_state), *present


class BartStep(nn.Module):
    """BART's decoder over a whole prefix, without a cache."""

    def __init__(self):
        super().__init__()
        config = BartConfig(
            vocab_size=VOCABULARY, d_model=512, decoder_layers=4, decoder_attention_heads=8,
            decoder_ffn_dim=2048, max_position_embeddings=256,
        )  # fmt: skip
        self.net = BartDecoder(config)

    def forward(self, input_ids: Tensor, hidden: Tensor, mask: Tensor) -> Tensor:
        return self.net(
            input_ids=input_ids,
            encoder_hidden_states=hidden,
            encoder_attention_mask=mask,
            use_cache=False,
        ).last_hidden_state


LAYERS, GROUPS, HEAD_SIZE = 4, 2, 64


def decoder_sizes() -> dict:
    return dict(
        vocab_size=VOCABULARY, hidden_size=512, intermediate_size=1408, num_hidden_layers=LAYERS,
        num_attention_heads=8, num_key_value_heads=GROUPS, head_dim=HEAD_SIZE,
        max_position_embeddings=512,
    )  # fmt: skip


class Decoder(nn.Module):
    """A causal decoder with grouped queries and its cache."""

    def __init__(self, net: nn.Module):
        super().__init__()
        self.net = net

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
        layers = out.past_key_values.layers
        present = [tensor for layer in layers for tensor in (layer.keys, layer.values)]
        return out.logits, *present


def llama() -> nn.Module:
    return Decoder(LlamaForCausalLM(LlamaConfig(**decoder_sizes())))


def qwen() -> nn.Module:
    return Decoder(Qwen3ForCausalLM(Qwen3Config(**decoder_sizes())))


class Mamba(nn.Module):
    """The library's own spelling: the selective scan as a loop over a fixed length."""

    def __init__(self):
        super().__init__()
        config = MambaConfig(
            vocab_size=VOCABULARY, hidden_size=256, num_hidden_layers=2, use_cache=False
        )
        self.net = MambaForCausalLM(config)

    def forward(self, input_ids: Tensor) -> Tensor:
        return self.net(input_ids, use_cache=False).logits


class Cumulative(nn.Module):
    """A diagonal state space, its scan spelled with cumulative sums of logarithms of decay."""

    def __init__(self, width: int = 256, states: int = 8, depth: int = 3):
        super().__init__()
        self.embed = nn.Embedding(VOCABULARY, width)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(depth))
        self.inner = nn.ModuleList(nn.Linear(width, 2 * width) for _ in range(depth))
        self.steps = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        self.reads = nn.ModuleList(nn.Linear(width, 2 * states) for _ in range(depth))
        self.outer = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        self.states = states

    def scan(self, x: Tensor, step: Tensor, read: Tensor) -> Tensor:
        b, c = read.chunk(2, dim=-1)
        decay = -0.02 * step.unsqueeze(-1) * torch.arange(1, self.states + 1)
        total = decay.cumsum(1)
        held = (torch.exp(-total) * (step * x).unsqueeze(-1) * b.unsqueeze(2)).cumsum(1)
        return (torch.exp(total) * held * c.unsqueeze(2)).sum(-1)

    def forward(self, input_ids: Tensor) -> Tensor:
        x = self.embed(input_ids)
        for norm, inner, steps, reads, outer in zip(
            self.norms, self.inner, self.steps, self.reads, self.outer
        ):
            value, gate = inner(norm(x)).chunk(2, dim=-1)
            value = nn.functional.silu(value)
            y = self.scan(value, torch.sigmoid(steps(value)), reads(value))
            x = x + outer(y * nn.functional.silu(gate) / 8)
        return x


def text(high: int = VOCABULARY) -> dict:
    return {
        "input_ids": ids(high, "batch", "length"),
        "attention_mask": right_padding("batch", "length"),
    }


def encoder_model(name: str, make, seed: int, build=seeded) -> ZooModel:
    return ZooModel(
        name=name,
        build=lambda: build(make, seed),
        inputs=text(),
        outputs=("hidden",),
        cases=(dict(batch=1, length=128), dict(batch=3, length=37)),
        trace=dict(batch=2, length=23),
        spellings=dynamo_only,
    )


def cache_names(prefix: str, layers: int = LAYERS) -> list[str]:
    return [f"{prefix}_{part}_{layer}" for layer in range(layers) for part in ("key", "value")]


def step_case(batch: int, step: int, past: int) -> dict[str, int]:
    return dict(batch=batch, step=step, past=past, total=past + step, source=29)


def decoder_model(name: str, make, seed: int) -> ZooModel:
    return ZooModel(
        name=name,
        build=lambda: seeded(make, seed),
        inputs={
            "input_ids": ids(VOCABULARY, "batch", "step"),
            "attention_mask": left_padding("batch", "total", limit="past"),
            **{n: normal("batch", GROUPS, "past", HEAD_SIZE) for n in cache_names("past")},
        },
        outputs=("logits", *cache_names("present")),
        cases=(step_case(1, 1, 128), step_case(3, 4, 19), step_case(1, 64, 1)),
        trace=step_case(2, 5, 11),
        spellings=dynamo_only,
    )


MODELS = (
    encoder_model("t5_encoder", t5_encoder, 301, t5),
    encoder_model("deberta", deberta, 302),
    ZooModel(
        name="t5_step",
        build=lambda: t5(T5Step, 303),
        inputs={
            "input_ids": ids(VOCABULARY, "batch", "step"),
            "hidden": normal("batch", "source", 512),
            **{n: normal("batch", 8, "past", 64) for n in cache_names("past")},
            **{n: normal("batch", 8, "source", 64) for n in cache_names("cross")},
        },
        outputs=("logits", *cache_names("present")),
        cases=(step_case(1, 1, 40), step_case(2, 3, 7)),
        trace=step_case(2, 5, 11),
        spellings=dynamo_only,
    ),
    ZooModel(
        name="bart_decoder",
        build=lambda: seeded(BartStep, 304),
        inputs={
            "input_ids": ids(VOCABULARY, "batch", "step"),
            "hidden": normal("batch", "source", 512),
            "mask": right_padding("batch", "source"),
        },
        outputs=("y",),
        cases=(step_case(1, 32, 1), step_case(2, 5, 1)),
        trace=step_case(2, 7, 1),
        spellings=dynamo_only,
    ),
    decoder_model("llama", llama, 305),
    decoder_model("qwen", qwen, 306),
    ZooModel(
        name="mamba",
        build=lambda: seeded(Mamba, 307),
        inputs={"input_ids": ids(VOCABULARY, "batch", 32)},
        outputs=("logits",),
        cases=(dict(batch=1), dict(batch=3)),
        trace=dict(batch=2),
        spellings=dynamo_only,
    ),
    ZooModel(
        name="state_space",
        build=lambda: seeded(Cumulative, 308),
        inputs={"input_ids": ids(VOCABULARY, "batch", "length")},
        outputs=("hidden",),
        cases=(dict(batch=1, length=128), dict(batch=2, length=17)),
        trace=dict(batch=2, length=23),
        spellings=dynamo_only,
    ),
)
