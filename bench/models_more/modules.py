# SPDX-License-Identifier: Apache-2.0
"""The PyTorch modules by name, as bench.zoo.modules gives the zoo's."""

from .registry import MODELS


def __getattr__(name: str):
    if name not in MODELS:
        raise AttributeError(f"there is no model '{name}'; there are {', '.join(MODELS)}")
    return MODELS[name].build
