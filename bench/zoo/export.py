# SPDX-License-Identifier: Apache-2.0
"""PyTorch module to ONNX file with either of torch's exporters, at the exporter's own defaults."""

import contextlib
import io
import logging
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from .model import ZooModel


def dynamic_shapes(model: ZooModel) -> tuple | None:
    """The names of dynamic axes, nested as the forward's arguments are: past keys and values arrive as one *args."""
    axes = list(model.dynamic_axes().values())
    if not any(axes):
        return None
    return tuple(axes)


def export(model: ZooModel, module: nn.Module, exporter: str, inputs: dict[str, Tensor], path: Path) -> None:
    """Writes `path` (and its weights file, if the exporter makes one); raises whatever the exporter raises."""
    names = dict(input_names=list(model.inputs), output_names=list(model.outputs))
    args = tuple(inputs.values())
    quiet = contextlib.redirect_stdout(io.StringIO())
    with warnings.catch_warnings(), quiet, torch.no_grad():
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        if exporter == "dynamo":
            torch.onnx.export(module, args, path, dynamo=True, dynamic_shapes=dynamic_shapes(model), **names)
        else:
            axes = {name: axes for name, axes in model.dynamic_axes().items() if axes}
            torch.onnx.export(module, args, path, dynamo=False, dynamic_axes=axes, **names)
