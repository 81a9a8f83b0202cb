# SPDX-License-Identifier: Apache-2.0
"""Seeded weights that keep activations near unit scale, where errors mean what they mean in use."""

import math

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

# Mean of BatchNorm's bias. ReLU of a value centred at 0 keeps half of its error's power and a third
# of its variance: relative error grows 1.2x per layer, to 1e-5 after 50. Centred at 1, 1.06x.
NORM_BIAS = 1.0


def fan_in(module: nn.Module) -> int | None:
    """Terms summed into one output of a layer; None for layers that do not sum."""
    if isinstance(module, (nn.ConvTranspose1d, nn.ConvTranspose2d)):
        overlap = math.prod(k // s for k, s in zip(module.kernel_size, module.stride))
        return module.in_channels // module.groups * overlap
    if isinstance(module, (nn.Conv1d, nn.Conv2d, nn.Linear)):
        return module.weight[0].numel()
    if type(module).__name__ == "Conv1D":  # transformers' transposed Linear
        return module.weight.shape[0]
    return None


@torch.no_grad()
def unit_scale(module: nn.Module, seed: int, gain: float = 1.0) -> nn.Module:
    """Redraws every parameter of `module` in order; `gain` is for convolutions and linears only.

    Filters of Conv2d sum to zero: what ReLU leaves is mostly mean, and deep random filters pass on
    little else; each BatchNorm would subtract nearly equal numbers, and float32 lose digits."""
    rng = torch.Generator().manual_seed(seed)
    for layer in module.modules():
        n = fan_in(layer)
        if n is not None:
            layer.weight.normal_(0, gain / math.sqrt(n), generator=rng)
            if isinstance(layer, nn.Conv2d) and layer.in_channels > layer.groups:
                layer.weight -= layer.weight.mean((1, 2, 3), keepdim=True)
        elif isinstance(layer, nn.Embedding):
            layer.weight.normal_(0, 1 / math.sqrt(layer.embedding_dim), generator=rng)
        elif isinstance(layer, nn.LSTM):
            for name, parameter in layer.named_parameters(recurse=False):
                std = 0.1 if name.startswith("bias") else 1 / math.sqrt(parameter.shape[-1])
                parameter.normal_(0, std, generator=rng)
        elif isinstance(layer, (_BatchNorm, nn.LayerNorm)):
            layer.weight.fill_(1)
        if isinstance(getattr(layer, "bias", None), nn.Parameter):
            layer.bias.normal_(
                NORM_BIAS if isinstance(layer, _BatchNorm) else 0, 0.1, generator=rng
            )
    return module.eval()


@torch.no_grad()
def gather_statistics(
    module: nn.Module, shape: tuple[int, ...], seed: int, batches: int = 3
) -> nn.Module:
    """Sets BatchNorm's statistics to the mean over a few random batches; dropout stays off."""
    rng = torch.Generator().manual_seed(seed)
    norms = [layer for layer in module.eval().modules() if isinstance(layer, _BatchNorm)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
        norm.train()
    for _ in range(batches):
        module(torch.randn(shape, generator=rng))
    return module.eval()
