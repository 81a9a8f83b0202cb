# SPDX-License-Identifier: Apache-2.0
"""Models over time: waveforms, features, sequences and video."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import Wav2Vec2Config, Wav2Vec2Model

from bench.zoo.model import ZooModel, normal
from bench.zoo.unit_scale import gather_statistics

from .scale import dynamo_only, seeded


class Wave2Vec(nn.Module):
    def __init__(self):
        super().__init__()
        config = Wav2Vec2Config(
            hidden_size=256, num_hidden_layers=3, num_attention_heads=4, intermediate_size=1024,
            conv_dim=(256,) * 7, num_conv_pos_embeddings=64, num_conv_pos_embedding_groups=16,
        )  # fmt: skip
        self.net = Wav2Vec2Model(config)

    def forward(self, wave: Tensor) -> Tensor:
        return self.net(wave).last_hidden_state


class Dilated(nn.Module):
    """A gated residual layer of WaveNet (van den Oord et al. 2016)."""

    def __init__(self, width: int, dilation: int):
        super().__init__()
        self.pad = dilation
        self.conv = nn.Conv1d(width, 2 * width, 2, dilation=dilation)
        self.out = nn.Conv1d(width, 2 * width, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        a, b = self.conv(F.pad(x, (self.pad, 0))).chunk(2, dim=1)
        res, skip = self.out(torch.tanh(a) * torch.sigmoid(b)).chunk(2, dim=1)
        return x + 0.5 * res, skip


class WaveNet(nn.Module):
    def __init__(self, width: int = 48):
        super().__init__()
        self.first = nn.Conv1d(1, width, 1)
        self.layers = nn.ModuleList(Dilated(width, 1 << (i % 6)) for i in range(12))
        self.head = nn.Sequential(
            nn.ReLU(), nn.Conv1d(width, width, 1), nn.ReLU(), nn.Conv1d(width, 256, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        x, total = self.first(x), 0
        for layer in self.layers:
            x, skip = layer(x)
            total = total + skip
        return self.head(total / 4)


class ConformerBlock(nn.Module):
    """Gulati et al. 2020, its attention by scaled_dot_product_attention."""

    def __init__(self, width: int, heads: int, kernel: int):
        super().__init__()

        def feed_forward() -> nn.Sequential:
            return nn.Sequential(
                nn.LayerNorm(width),
                nn.Linear(width, 4 * width),
                nn.SiLU(),
                nn.Linear(4 * width, width),
            )

        self.before, self.after = feed_forward(), feed_forward()
        self.norm = nn.LayerNorm(width)
        self.qkv, self.project = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.heads = heads
        self.conv_norm = nn.LayerNorm(width)
        self.gate = nn.Conv1d(width, 2 * width, 1)
        self.depthwise = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)
        self.batch_norm = nn.BatchNorm1d(width)
        self.point = nn.Conv1d(width, width, 1)
        self.last = nn.LayerNorm(width)

    def attend(self, x: Tensor) -> Tensor:
        n, t, c = x.shape
        q, k, v = self.qkv(x).view(n, t, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v)
        return self.project(y.transpose(1, 2).reshape(n, t, c))

    def convolve(self, x: Tensor) -> Tensor:
        y = F.glu(self.gate(self.conv_norm(x).transpose(1, 2)), dim=1)
        return self.point(F.silu(self.batch_norm(self.depthwise(y)))).transpose(1, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = x + 0.5 * self.before(x)
        x = x + self.attend(self.norm(x))
        x = x + self.convolve(x)
        return self.last(x + 0.5 * self.after(x))


class Conformer(nn.Module):
    def __init__(self, width: int = 144, depth: int = 4):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(1, 32, 3, 2), nn.ReLU(), nn.Conv2d(32, 32, 3, 2), nn.ReLU()
        )
        self.project = nn.Linear(32 * 19, width)
        self.blocks = nn.Sequential(*(ConformerBlock(width, 4, 31) for _ in range(depth)))

    def forward(self, x: Tensor) -> Tensor:
        y = self.stem(x.unsqueeze(1))
        return self.blocks(self.project(y.transpose(1, 2).flatten(2)))


class GruTagger(nn.Module):
    def __init__(self, width: int = 128):
        super().__init__()
        self.gru = nn.GRU(40, width, 2, batch_first=True, bidirectional=True)
        self.head = nn.Linear(2 * width, 30)

    def forward(self, x: Tensor) -> Tensor:
        return F.log_softmax(self.head(self.gru(x)[0]), -1)


class Block3d(nn.Module):
    def __init__(self, cin: int, cout: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv3d(cin, cout, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm3d(cout)
        self.conv2 = nn.Conv3d(cout, cout, (1, 3, 3), 1, (0, 1, 1), bias=False)
        self.conv3 = nn.Conv3d(cout, cout, (3, 1, 1), 1, (1, 0, 0), bias=False)
        self.norm2 = nn.BatchNorm3d(cout)
        self.shortcut = None
        if stride > 1 or cin != cout:
            self.shortcut = nn.Sequential(
                nn.Conv3d(cin, cout, 1, stride, bias=False), nn.BatchNorm3d(cout)
            )

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm2(self.conv3(self.conv2(F.relu(self.norm1(self.conv1(x))))))
        return F.relu(y + (x if self.shortcut is None else self.shortcut(x)))


class Video(nn.Module):
    """A residual network over frames, its second convolutions split (Tran et al. 2017)."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv3d(3, 32, (3, 7, 7), (1, 2, 2), (1, 3, 3), bias=False),
            nn.BatchNorm3d(32),
            nn.ReLU(),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)),
        )
        self.blocks = nn.Sequential(Block3d(32, 32, 1), Block3d(32, 64, 2), Block3d(64, 128, 2))
        self.head = nn.Sequential(nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(128, 100))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.blocks(self.stem(x)))


def video() -> nn.Module:
    return gather_statistics(seeded(Video, 506), (2, 3, 8, 112, 112), 506)


MODELS = (
    ZooModel(
        name="wav2vec2",
        build=lambda: seeded(Wave2Vec, 501),
        inputs={"wave": normal("batch", "samples")},
        outputs=("hidden",),
        cases=(dict(batch=1, samples=16000), dict(batch=2, samples=5000)),
        trace=dict(batch=2, samples=4000),
        spellings=dynamo_only,
    ),
    ZooModel(
        name="wavenet",
        build=lambda: seeded(WaveNet, 502),
        inputs={"x": normal("batch", 1, "samples")},
        outputs=("y",),
        cases=(dict(batch=1, samples=4000), dict(batch=2, samples=333)),
        trace=dict(batch=2, samples=400),
        spellings=dynamo_only,
    ),
    ZooModel(
        name="conformer",
        build=lambda: gather_statistics(seeded(Conformer, 503), (2, 300, 80), 503),
        inputs={"x": normal("batch", "frames", 80)},
        outputs=("y",),
        cases=(dict(batch=1, frames=400), dict(batch=2, frames=121)),
        trace=dict(batch=2, frames=200),
        spellings=dynamo_only,
    ),
    ZooModel(
        name="gru_tagger",
        build=lambda: seeded(GruTagger, 504),
        inputs={"x": normal("batch", "length", 40)},
        outputs=("y",),
        cases=(dict(batch=1, length=100), dict(batch=3, length=17)),
        trace=dict(batch=2, length=23),
        spellings=dynamo_only,
    ),
    ZooModel(
        name="video_resnet",
        build=video,
        inputs={"x": normal("batch", 3, 8, 112, 112)},
        outputs=("y",),
        cases=(dict(batch=1), dict(batch=2)),
        trace=dict(batch=2),
        spellings=dynamo_only,
    ),
)
