# SPDX-License-Identifier: Apache-2.0
"""Ferry as a backend of the onnx package:

    import ferry.backend
    ferry.backend.prepare(model).run([x])

    runner = onnx.backend.test.runner.Runner(ferry.backend, __name__)
"""

import os
from collections import namedtuple
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnx.backend.base import Backend, BackendRep

import ferry
from ferry import arguments as given


def _as_input(value: Any) -> Any:
    """Arrays from what test suites hold: messages of onnx, scalars, lists."""
    if isinstance(value, onnx.TensorProto):
        return numpy_helper.to_array(value)
    if isinstance(value, onnx.SequenceProto):
        return numpy_helper.to_list(value)
    if isinstance(value, onnx.OptionalProto):
        return numpy_helper.to_optional(value)
    if isinstance(value, list):
        return [_as_input(item) for item in value]
    return value


def _as_inputs(inputs: Any) -> dict[str, Any] | list[Any]:
    """From a list in model order, a dict by name, or one array."""
    if isinstance(inputs, dict):
        return {name: _as_input(value) for name, value in inputs.items()}
    return [_as_input(value) for value in (inputs if isinstance(inputs, (list, tuple)) else [inputs])]


def _as_source(model: Any) -> Any:
    if isinstance(model, onnx.ModelProto):
        return model.SerializeToString()
    given.instance("model", model, str | bytes | os.PathLike, "an onnx.ModelProto, its bytes or a path")
    return model


def _value_info(name: str, value: Any) -> onnx.ValueInfoProto:
    array = np.asarray(value)
    try:
        element = helper.np_dtype_to_tensor_dtype(array.dtype)
    except (KeyError, ValueError):
        given.refuse(f"input {name!r}", value, f"an array of a type that ONNX has, which {array.dtype} is not")
    return helper.make_tensor_value_info(name, element, array.shape)


def _named_tuple(names: Sequence[str], values: Sequence[Any]) -> tuple:
    return namedtuple("Outputs", names, rename=True)(*values)


class FerryRep(BackendRep):
    """A model made ready to run: `session` is the ferry.Session."""

    def __init__(self, session: ferry.Session):
        self.session = session

    def run(self, inputs: Any, **kwargs: Any) -> tuple[Any, ...]:
        """Runs with a list in model order, a dict by name, or one array."""
        results = self.session.run(_as_inputs(inputs))
        names = [info.name for info in self.session.outputs]
        return _named_tuple(names, [results[name] for name in names])


class FerryBackend(Backend):
    """onnx.backend.base.Backend on the CPU."""

    @classmethod
    def is_compatible(cls, model: onnx.ModelProto | bytes | str, device: str = "CPU", **kwargs: Any) -> bool:
        """Whether the model loads. Malformed models count as compatible: prepare says what is wrong."""
        if not cls.supports_device(device):
            return False
        source = _as_source(model)
        try:
            ferry.Model(source)
        except (ferry.UnsupportedOp, ferry.UnsupportedType):
            return False
        except ferry.Error:
            return True
        return True

    @classmethod
    def prepare(cls, model: onnx.ModelProto | bytes | str, device: str = "CPU", **kwargs: Any) -> FerryRep:
        """A model message, its bytes or a path; keyword arguments are those of ferry.Session."""
        if not cls.supports_device(device):
            raise ferry.InvalidArgument(f"the device {device!r} is not available; wanted 'CPU'")
        return FerryRep(ferry.Session(_as_source(model), **kwargs))

    @classmethod
    def run_model(cls, model: onnx.ModelProto | bytes | str, inputs: Any, device: str = "CPU", **kwargs: Any) -> tuple:
        return cls.prepare(model, device, **kwargs).run(inputs)

    @classmethod
    def run_node(cls, node: onnx.NodeProto, inputs: Any, device: str = "CPU",
                 outputs_info: Sequence[tuple[np.dtype, tuple[int, ...]]] | None = None,
                 **kwargs: Any) -> tuple:
        """Runs one node as a model; `opset_version` (newest by default) is the opset of its domain."""
        given.instance("node", node, onnx.NodeProto, "an onnx.NodeProto")
        newest = onnx.defs.onnx_opset_version()
        opset = kwargs.pop("opset_version", None)
        opset = newest if opset is None else given.count("opset_version", opset)
        names = [name for name in node.input if name]
        arrays = _as_inputs(inputs)
        if isinstance(arrays, dict):
            arrays = list(arrays.values())
        if len(arrays) != len(names):
            raise ferry.InvalidArgument(f"{len(arrays)} inputs are given; the node has {len(names)}: {names}")
        infos = [_value_info(name, array) for name, array in zip(names, arrays)]
        results = [helper.make_empty_tensor_value_info(name) for name in node.output if name]
        domains = [helper.make_opsetid(node.domain, opset)]
        if node.domain:
            domains.append(helper.make_opsetid("", newest))
        graph = helper.make_graph([node], "node", infos, results)
        model = onnx.shape_inference.infer_shapes(helper.make_model(graph, opset_imports=domains))
        return cls.run_model(model, dict(zip(names, arrays)), device, **kwargs)

    @classmethod
    def supports_device(cls, device: str) -> bool:
        return isinstance(device, str) and device.split(":")[0].upper() == "CPU"


is_compatible = FerryBackend.is_compatible
prepare = FerryBackend.prepare
run_model = FerryBackend.run_model
run_node = FerryBackend.run_node
supports_device = FerryBackend.supports_device
