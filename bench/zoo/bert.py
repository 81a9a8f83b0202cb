# SPDX-License-Identifier: Apache-2.0
"""BERT base (Devlin et al. 2018): dynamic batch and length, with a padding mask."""

from torch import Tensor, nn
from transformers import BertConfig, BertModel

from .model import ZooModel, ids, right_padding
from .unit_scale import unit_scale

VOCABULARY = 30522


class BertBase(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = BertModel(BertConfig(vocab_size=VOCABULARY))

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor
    ) -> tuple[Tensor, Tensor]:
        out = self.net(
            input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
        )
        return out.last_hidden_state, out.pooler_output


MODELS = (
    ZooModel(
        name="bert_base",
        build=lambda: unit_scale(BertBase(), seed=9),
        inputs={
            "input_ids": ids(VOCABULARY, "batch", "length"),
            "attention_mask": right_padding("batch", "length"),
            "token_type_ids": ids(2, "batch", "length"),
        },
        outputs=("last_hidden_state", "pooler_output"),
        cases=(dict(batch=1, length=128), dict(batch=3, length=37), dict(batch=2, length=9)),
        trace=dict(batch=2, length=23),
    ),
)
