# SPDX-License-Identifier: Apache-2.0
"""The zoo's PyTorch modules by name: bench.zoo.modules.resnet50() builds one, at the same weights as
its ONNX files. What `ferry bench --torch bench.zoo.modules:resnet50` imports."""

from .registry import MODELS


def __getattr__(name: str):
    if name not in MODELS:
        raise AttributeError(f"the zoo has no model '{name}'; it has {', '.join(MODELS)}")
    return MODELS[name].build
