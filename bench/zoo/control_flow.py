# SPDX-License-Identifier: Apache-2.0
"""Two scripted modules that keep their control flow: a loop whose trip count is an input (ONNX
Loop), and a branch on the data (ONNX If).

For the exporter that does not script, torch's `cond` says the branch, and a model of its own says
the loop as `scan`: a Scan of no steps is not portable, a Loop of none is."""

import torch
from torch import Tensor, nn
from torch._higher_order_ops.scan import scan

from .model import ZooModel, normal, scalar
from .unit_scale import unit_scale

WIDTH = 64


class Recurrence(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell = nn.Linear(WIDTH, WIDTH)
        self.readout = nn.Linear(WIDTH, 8)

    def forward(self, x: Tensor, steps: Tensor) -> tuple[Tensor, Tensor]:
        state = torch.zeros_like(x)
        total = torch.zeros([x.size(0), 8], dtype=x.dtype)
        for i in range(int(steps)):
            state = torch.tanh(self.cell(state) + x)
            total = total + self.readout(state) / (i + 1)
        return state, total


class RecurrenceAsScan(nn.Module):
    def __init__(self, module: Recurrence):
        super().__init__()
        self.module = module

    def forward(self, x: Tensor, steps: Tensor) -> tuple[Tensor, Tensor]:
        count = steps.item()
        torch._check(count >= 1)
        weights = 1 / torch.arange(1, count + 1).to(x.dtype)

        def step(carry: tuple[Tensor, Tensor], weight: Tensor):
            state = torch.tanh(self.module.cell(carry[0]) + x)
            total = carry[1] + self.module.readout(state) * weight
            return (state, total), state.clone()

        carry, _ = scan(step, (torch.zeros_like(x), x.new_zeros([x.size(0), 8])), weights)
        return carry


class Branch(nn.Module):
    def __init__(self):
        super().__init__()
        self.shallow = nn.Linear(WIDTH, 8)
        self.hidden = nn.Linear(WIDTH, WIDTH)
        self.deep = nn.Linear(WIDTH, 8)

    def forward(self, x: Tensor) -> Tensor:
        if bool(x.mean() > 0):
            y = self.shallow(x)
        else:
            y = self.deep(torch.relu(self.hidden(x)))
        return torch.softmax(y, dim=-1)


class BranchAsCond(nn.Module):
    def __init__(self, module: Branch):
        super().__init__()
        self.module = module

    def forward(self, x: Tensor) -> Tensor:
        def shallow(x: Tensor) -> Tensor:
            return self.module.shallow(x)

        def deep(x: Tensor) -> Tensor:
            return self.module.deep(torch.relu(self.module.hidden(x)))

        return torch.softmax(torch.cond(x.mean() > 0, shallow, deep, (x,)), dim=-1)


def scripted(module: nn.Module) -> tuple[nn.Module, str]:
    return torch.jit.script(module), "torchscript"


MODELS = (
    ZooModel(
        name="loop",
        build=lambda: unit_scale(Recurrence(), seed=13),
        inputs={"x": normal("batch", WIDTH), "steps": scalar("steps")},
        outputs=("state", "total"),
        cases=(dict(batch=4, steps=32), dict(batch=1, steps=5), dict(batch=7, steps=0)),
        trace=dict(batch=3, steps=5),
        spellings={"torchscript": scripted},
        timed="torchscript",
    ),
    ZooModel(
        name="scan",
        build=lambda: unit_scale(Recurrence(), seed=13),
        inputs={"x": normal("batch", WIDTH), "steps": scalar("steps")},
        outputs=("state", "total"),
        cases=(dict(batch=4, steps=32), dict(batch=1, steps=5), dict(batch=7, steps=1)),
        trace=dict(batch=3, steps=5),
        spellings={"dynamo": lambda module: (RecurrenceAsScan(module), "dynamo")},
    ),
    ZooModel(
        name="branch",
        build=lambda: unit_scale(Branch(), seed=14),
        inputs={"x": normal("batch", WIDTH, mean="mean")},
        outputs=("y",),
        cases=(dict(batch=4, mean=0.5), dict(batch=4, mean=-0.5), dict(batch=9, mean=-0.25)),
        trace=dict(batch=3, mean=0.5),
        spellings={
            "torchscript": scripted,
            "dynamo": lambda module: (BranchAsCond(module), "dynamo"),
        },
        timed="torchscript",
    ),
)
