# SPDX-License-Identifier: Apache-2.0
"""A tagger: embedding, two bidirectional LSTM layers, one row of tag scores per token."""

from torch import Tensor, nn

from .model import ZooModel, ids
from .unit_scale import unit_scale

VOCABULARY, TAGS = 5000, 17


class LstmTagger(nn.Module):
    def __init__(self, width: int = 128):
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, width)
        self.lstm = nn.LSTM(width, width, num_layers=2, bidirectional=True, batch_first=True)
        self.classifier = nn.Linear(2 * width, TAGS)

    def forward(self, tokens: Tensor) -> Tensor:
        hidden, _ = self.lstm(self.embedding(tokens))
        return self.classifier(hidden)


MODELS = (
    ZooModel(
        name="lstm_tagger",
        build=lambda: unit_scale(LstmTagger(), seed=12),
        inputs={"tokens": ids(VOCABULARY, "batch", "length")},
        outputs=("scores",),
        cases=(dict(batch=1, length=64), dict(batch=3, length=17), dict(batch=2, length=1)),
        trace=dict(batch=2, length=11),
    ),
)
