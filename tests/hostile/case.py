# SPDX-License-Identifier: Apache-2.0
"""What a hostile case is: files, what to do with them, and how that may end."""

import dataclasses
import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

F32, I32, I64, BOOL, STRING = (TensorProto.FLOAT, TensorProto.INT32, TensorProto.INT64, TensorProto.BOOL,
                               TensorProto.STRING)
# Codes that size bombs may end with: the budget, or a size that no integer holds.
TOO_BIG = ("OutOfMemory", "LimitExceeded", "ShapeMismatch", "InvalidModel", "InvalidArgument")
# A wrong node: found when the file is read, or when the values are known.
REFUSED = ("InvalidModel", "InvalidArgument", "ShapeMismatch", "UnsupportedType", "UnsupportedOp", "LimitExceeded")


@dataclasses.dataclass
class Case:
    name: str
    model: bytes
    expect: tuple  # names of codes; "Ok" where a result is right
    words: tuple = ()  # that an error must hold
    files: dict = dataclasses.field(default_factory=dict)  # beside the model: content, or a callable(path)
    inputs: dict = dataclasses.field(default_factory=dict)
    timeout: float = 0.2
    from_bytes: bool = False

    def write(self, folder: pathlib.Path) -> None:
        """The model's folder is <folder>/<name>/in; what lies in <folder>/<name> is outside it."""
        home = folder / self.name / "in"
        home.mkdir(parents=True)
        (home / "model.onnx").write_bytes(self.model)
        (home.parent / "outside.bin").write_bytes(bytes(64))
        for name, content in self.files.items():
            path = home / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if callable(content):
                content(path)
            else:
                path.write_bytes(content)
        if self.inputs:
            np.savez(home / "inputs.npz", **self.inputs)


def array(values, dtype=np.int64):
    return np.array(values, dtype)


def info(name, element, shape=None):
    return helper.make_tensor_value_info(name, element, shape)


def element_of(value):
    return helper.np_dtype_to_tensor_dtype(value.dtype) if value.dtype.kind not in "OU" else STRING


def model(nodes, inputs=(), outputs=("y",), initializers=(), functions=(), opset=21, opsets=None, sparse=()):
    """Bytes of a model; outputs are names, of unknown type, or value infos."""
    graph = onnx.GraphProto(name="g")
    graph.node.extend(nodes)
    graph.input.extend(inputs)
    for output in outputs:
        graph.output.append(onnx.ValueInfoProto(name=output) if isinstance(output, str) else output)
    for item in initializers:
        graph.initializer.append(item if isinstance(item, TensorProto) else numpy_helper.from_array(item[1], item[0]))
    graph.sparse_initializer.extend(sparse)
    made = onnx.ModelProto(ir_version=10, graph=graph)
    for domain, version in (opsets or {"": opset}).items():
        made.opset_import.append(helper.make_opsetid(domain, version))
    made.functions.extend(functions)
    return made.SerializeToString()


def op(name, kind, values, expect, *, outputs=1, domain="", opset=21, words=(), timeout=0.2, **attributes):
    """Cases with one node: its inputs are constants in the first, and given by the caller in the second."""
    names = [f"x{i}" if v is not None else "" for i, v in enumerate(values)]
    results = [f"y{i}" for i in range(outputs)]
    node = helper.make_node(kind, names, results, "node", domain=domain, **attributes)
    opsets = {"": opset} | ({domain: 5 if domain == "ai.onnx.ml" else 1} if domain else {})
    given = {n: v for n, v in zip(names, values) if v is not None}
    common = {"words": words, "timeout": timeout}
    yield Case(name, model([node], (), results, list(given.items()), opsets=opsets), expect, **common)
    if given:
        infos = [info(n, element_of(v), [None] * v.ndim) for n, v in given.items()]
        yield Case(name + "_fed", model([node], infos, results, opsets=opsets), expect, inputs=given, **common)


# The wire format by hand, for what protobuf itself refuses to write.

def wire(field, kind, payload=b""):
    return varint(field << 3 | kind) + payload


def varint(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def message(field, payload):
    return wire(field, 2, varint(len(payload)) + payload)
