# SPDX-License-Identifier: Apache-2.0
"""Small ONNX models, made on the spot."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

F32 = TensorProto.FLOAT


def save(path, nodes, inputs, outputs, constants=(), opsets=(("", 17),)):
    """inputs, outputs: (name, type, shape); constants: name to array."""
    graph = helper.make_graph(
        nodes, "test",
        [helper.make_tensor_value_info(*value) for value in inputs],
        [helper.make_tensor_value_info(*value) for value in outputs],
        [numpy_helper.from_array(array, name) for name, array in dict(constants).items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid(*o) for o in opsets],
                              ir_version=8, producer_name="tests")
    onnx.save(model, path)
    return path


def add_relu(path, shape=("N", 2)):
    """y = relu(x + 1); the sum is named "sum"."""
    return save(path, [helper.make_node("Add", ["x", "one"], ["sum"], name="add"),
                       helper.make_node("Relu", ["sum"], ["y"], name="relu")],
                [("x", F32, shape)], [("y", F32, shape)], {"one": np.float32([1])})


def add_two(path, a=("N", 2), b=("N", 2)):
    return save(path, [helper.make_node("Add", ["a", "b"], ["c"], name="add")],
                [("a", F32, a), ("b", F32, b)], [("c", F32, None)])


def picture(path, channels=3, layout="nchw", dtype=F32):
    """output = input."""
    shape = [1, channels, "H", "W"] if layout == "nchw" else [1, "H", "W", channels]
    return save(path, [helper.make_node("Identity", ["image"], ["output"], name="same")],
                [("image", dtype, shape)], [("output", dtype, shape)])


def matmul(path, k=8, n=4):
    return save(path, [helper.make_node("MatMul", ["x", "w"], ["y"], name="product")],
                [("x", F32, ["N", k])], [("y", F32, ["N", n])],
                {"w": np.arange(k * n, dtype=np.float32).reshape(k, n)})


def embedding(path, rows, width, count=3):
    return save(path, [helper.make_node("Gather", ["table", "ids"], ["y"], name="lookup")],
                [("ids", TensorProto.INT64, [count])], [("y", F32, [count, width])],
                {"table": np.zeros((rows, width), np.float32)})


def attention(path):
    """y [2, 6, 5, 4] of 6 heads: 5 queries of width 8, T keys, values of width 4."""
    return save(path, [helper.make_node("Attention", ["q", "k", "v"], ["y"], name="attention")],
                [("q", F32, [2, 6, 5, 8]), ("k", F32, [2, 6, "T", 8]), ("v", F32, [2, 6, "T", 4])],
                [("y", F32, [2, 6, 5, 4])], opsets=(("", 23),))


def unknown_ops(path):
    return save(path, [helper.make_node("Nonsense", ["x"], ["a"], name="first", domain="com.example"),
                       helper.make_node("Rubbish", ["a"], ["y"], name="second", domain="com.example")],
                [("x", F32, [2])], [("y", F32, [2])], opsets=(("", 17), ("com.example", 1)))
