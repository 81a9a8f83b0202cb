# SPDX-License-Identifier: Apache-2.0
"""What one zoo model is: how to build it, what it is fed, and at which shapes it is recorded."""

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

# Symbol -> value; what a case binds besides dims is read by its input specs.
Case = Mapping[str, int | float]
Dim = int | str


@dataclass(frozen=True)
class Input:
    """A shape of numbers and symbols, and the rule that fills it."""

    shape: tuple[Dim, ...]
    fill: Callable[[tuple[int, ...], Case, torch.Generator], Tensor]

    def make(self, case: Case, rng: torch.Generator) -> Tensor:
        shape = tuple(int(case[d]) if isinstance(d, str) else d for d in self.shape)
        return self.fill(shape, case, rng)

    def dynamic_axes(self) -> dict[int, str]:
        return {i: d for i, d in enumerate(self.shape) if isinstance(d, str)}


def normal(*shape: Dim, mean: str | None = None) -> Input:
    """Unit normal values, shifted by the case's value of `mean` if that is given."""
    return Input(
        shape, lambda s, case, rng: torch.randn(s, generator=rng) + (case[mean] if mean else 0.0)
    )


def ids(high: int, *shape: Dim) -> Input:
    """int64 in [0, high)."""
    return Input(shape, lambda s, case, rng: torch.randint(0, high, s, generator=rng))


def scalar(symbol: str) -> Input:
    """An int64 of rank 0 that holds the case's value of `symbol`."""
    return Input((), lambda s, case, rng: torch.tensor(int(case[symbol])))


def right_padding(batch: Dim, length: Dim) -> Input:
    """int64 attention mask: row i lacks its last 3 * i places, and never its first."""

    def fill(shape, case, rng):
        rows, columns = shape
        kept = (columns - 3 * torch.arange(rows)).clamp(min=1)
        return (torch.arange(columns) < kept[:, None]).to(torch.int64)

    return Input((batch, length), fill)


def left_padding(batch: Dim, length: Dim, limit: str) -> Input:
    """int64 attention mask: row i lacks its first min(i, case[limit]) places."""

    def fill(shape, case, rng):
        rows, columns = shape
        skipped = torch.arange(rows).clamp(max=int(case[limit]))
        return (torch.arange(columns) >= skipped[:, None]).to(torch.int64)

    return Input((batch, length), fill)


@dataclass(frozen=True)
class ZooModel:
    name: str
    build: Callable[[], nn.Module]  # seeded, at unit scale, in eval mode
    inputs: Mapping[str, Input]
    outputs: tuple[str, ...]
    cases: tuple[Case, ...] = ({}, {})  # the first is the one that is timed
    # The sizes to export at, distinct and above 1; None: those of the first case.
    trace: Case | None = None
    # Outputs whose channels differ in unit.
    channel_axis: Mapping[str, int] = field(default_factory=dict)
    # By file name: a function of the built module that gives (module, "dynamo" | "torchscript").
    spellings: Mapping[str, Callable[[nn.Module], tuple[nn.Module, str]]] = field(
        default_factory=lambda: dict(both_exporters)
    )
    timed: str = "dynamo"  # the file that peers are compared on

    def make_inputs(self, case: Case, index: int) -> dict[str, Tensor]:
        rng = torch.Generator().manual_seed(zlib.crc32(self.name.encode()) + index)
        return {name: spec.make(case, rng) for name, spec in self.inputs.items()}

    def dynamic_axes(self) -> dict[str, dict[int, str]]:
        return {name: spec.dynamic_axes() for name, spec in self.inputs.items()}


both_exporters = {
    "dynamo": lambda module: (module, "dynamo"),
    "torchscript": lambda module: (module, "torchscript"),
}
