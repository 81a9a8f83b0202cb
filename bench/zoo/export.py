# SPDX-License-Identifier: Apache-2.0
"""PyTorch module to ONNX file with either of torch's exporters, at the exporter's own defaults."""

import contextlib
import inspect
import io
import logging
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from .model import ZooModel


def dynamic_shapes(model: ZooModel, module: nn.Module) -> tuple | None:
    """Names of dynamic axes, one entry per parameter of forward; a final *args is one parameter."""
    axes = list(model.dynamic_axes().values())
    if not any(axes):
        return None
    parameters = list(inspect.signature(module.forward).parameters.values())
    if parameters[-1].kind is inspect.Parameter.VAR_POSITIONAL:
        single = len(parameters) - 1
        return (*axes[:single], tuple(axes[single:]))
    return tuple(axes)


def export(
    model: ZooModel, module: nn.Module, exporter: str, inputs: dict[str, Tensor], path: Path
) -> None:
    """Writes `path`, and its weights file if there is one; raises whatever the exporter raises."""
    names = dict(input_names=list(model.inputs), output_names=list(model.outputs))
    args = tuple(inputs.values())
    quiet = contextlib.redirect_stdout(io.StringIO())
    with warnings.catch_warnings(), quiet, torch.no_grad():
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        if exporter == "dynamo":
            torch.onnx.export(
                module,
                args,
                path,
                dynamo=True,
                dynamic_shapes=dynamic_shapes(model, module),
                **names,
            )
        else:
            axes = {name: axes for name, axes in model.dynamic_axes().items() if axes}
            torch.onnx.export(module, args, path, dynamo=False, dynamic_axes=axes, **names)
