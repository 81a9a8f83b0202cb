# SPDX-License-Identifier: Apache-2.0
"""Ferry as a backend of the onnx package:

    import ferry.backend
    ferry.backend.prepare(model).run([x])

    runner = onnx.backend.test.runner.Runner(ferry.backend, __name__)
"""

from collections import namedtuple
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnx.backend.base import Backend, BackendRep

import ferry


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


def _named_tuple(names: Sequence[str], values: Sequence[Any]) -> tuple:
    return namedtuple("Outputs", names, rename=True)(*values)


class FerryRep(BackendRep):
    """A model made ready to run: `session` is the ferry.Session."""

    def __init__(self, session: ferry.Session):
        self.session = session

    def run(self, inputs: Any, **kwargs: Any) -> tuple[Any, ...]:
        """Runs with a list in model order, a dict by name, or one array."""
        if isinstance(inputs, dict):
            given = {name: _as_input(value) for name, value in inputs.items()}
        elif isinstance(inputs, (list, tuple)):
            given = [_as_input(value) for value in inputs]
        else:
            given = [_as_input(inputs)]
        results = self.session.run(given)
        names = [info.name for info in self.session.outputs]
        return _named_tuple(names, [results[name] for name in names])


class FerryBackend(Backend):
    """onnx.backend.base.Backend on the CPU."""

    @classmethod
    def is_compatible(cls, model: onnx.ModelProto, device: str = "CPU", **kwargs: Any) -> bool:
        """Whether the model loads. Malformed models count as compatible: prepare says what is wrong."""
        if not cls.supports_device(device):
            return False
        try:
            ferry.Model(model.SerializeToString())
        except (ferry.UnsupportedOp, ferry.UnsupportedType):
            return False
        except ferry.Error:
            return True
        return True

    @classmethod
    def prepare(cls, model: onnx.ModelProto | bytes | str, device: str = "CPU", **kwargs: Any) -> FerryRep:
        """A model message, its bytes or a path; keyword arguments are those of ferry.Session."""
        if not cls.supports_device(device):
            raise ferry.InvalidArgument(f"the device '{device}' is not available; wanted 'CPU'")
        if isinstance(model, onnx.ModelProto):
            model = model.SerializeToString()
        return FerryRep(ferry.Session(model, **kwargs))

    @classmethod
    def run_model(cls, model: onnx.ModelProto, inputs: Any, device: str = "CPU", **kwargs: Any) -> tuple:
        return cls.prepare(model, device, **kwargs).run(inputs)

    @classmethod
    def run_node(cls, node: onnx.NodeProto, inputs: Any, device: str = "CPU",
                 outputs_info: Sequence[tuple[np.dtype, tuple[int, ...]]] | None = None,
                 **kwargs: Any) -> tuple:
        """Runs one node as a model; `opset_version` (newest by default) is the opset of its domain."""
        opset = kwargs.pop("opset_version", None) or onnx.defs.onnx_opset_version()
        names = [name for name in node.input if name]
        arrays = [_as_input(value) for value in (inputs.values() if isinstance(inputs, dict) else inputs)]
        infos = [helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.asarray(a).dtype),
                                               np.shape(a)) for name, a in zip(names, arrays)]
        results = [helper.make_empty_tensor_value_info(name) for name in node.output if name]
        domains = [helper.make_opsetid(node.domain, opset)]
        if node.domain:
            domains.append(helper.make_opsetid("", onnx.defs.onnx_opset_version()))
        graph = helper.make_graph([node], "node", infos, results)
        model = onnx.shape_inference.infer_shapes(helper.make_model(graph, opset_imports=domains))
        return cls.run_model(model, dict(zip(names, arrays)), device, **kwargs)

    @classmethod
    def supports_device(cls, device: str) -> bool:
        return device.split(":")[0].upper() == "CPU"


is_compatible = FerryBackend.is_compatible
prepare = FerryBackend.prepare
run_model = FerryBackend.run_model
run_node = FerryBackend.run_node
supports_device = FerryBackend.supports_device
