# SPDX-License-Identifier: Apache-2.0
"""Seeded modules near unit scale, for layers that the zoo does not have."""

import math
from collections.abc import Callable

import torch
from torch import nn

from bench.zoo.unit_scale import unit_scale


dynamo_only = {"dynamo": lambda module: (module, "dynamo")}


@torch.no_grad()
def seeded(make: Callable[[], nn.Module], seed: int, gain: float = 1.0) -> nn.Module:
    """What `make` gives, its weights redrawn; parameters that are of no known layer keep their own
    initial values, drawn from the same seed."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        module = make()
    unit_scale(module, seed, gain)
    rng = torch.Generator().manual_seed(seed + 1)
    for layer in module.modules():
        if isinstance(layer, nn.Conv3d):
            layer.weight.normal_(0, 1 / math.sqrt(layer.weight[0].numel()), generator=rng)
        elif isinstance(layer, nn.GRU):
            for name, parameter in layer.named_parameters(recurse=False):
                std = 0.1 if name.startswith("bias") else 1 / math.sqrt(parameter.shape[-1])
                parameter.normal_(0, std, generator=rng)
    return module.eval()
