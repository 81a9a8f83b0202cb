# SPDX-License-Identifier: Apache-2.0
"""SRCNN with the enlargement inside the model: bicubic x3, then 9-1-5 convolutions.

    input   [n, 3, h, w]    float32, RGB in 0..1
    output  [n, 3, 3h, 3w]  float32, RGB, about 0..1; the picture's writer clamps it
"""

from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

SCALE = 3
CHECKPOINT = Path(__file__).with_name("srcnn.pt")


class SRCNN(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 9, padding=4)
        self.conv2 = nn.Conv2d(64, 32, 1)
        self.conv3 = nn.Conv2d(32, 3, 5, padding=2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.interpolate(x, scale_factor=SCALE, mode="bicubic", align_corners=False)
        x = functional.relu(self.conv1(x))
        x = functional.relu(self.conv2(x))
        return self.conv3(x)


def load_srcnn(path: Path = CHECKPOINT) -> SRCNN:
    """The trained model, ready for inference."""
    model = SRCNN()
    model.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return model.eval()
