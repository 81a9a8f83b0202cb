# SPDX-License-Identifier: Apache-2.0
"""Small models for the tests, as bytes."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def tensor(name, element, shape):
    return helper.make_tensor_value_info(name, element, shape)


def model(nodes, inputs, outputs, initializers=(), opset=21, **fields):
    graph = helper.make_graph(list(nodes), "graph", list(inputs), list(outputs),
                              [numpy_helper.from_array(array, name) for name, array in initializers])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10, **fields)
    onnx.checker.check_model(made)
    return made.SerializeToString()


def unary(op="Relu", element=TensorProto.FLOAT, shape=("N", 3), to=None, **attributes):
    """y = op(x)"""
    return model([helper.make_node(op, ["x"], ["y"], **attributes)], [tensor("x", element, shape)],
                 [tensor("y", element if to is None else to, shape)])


def add_relu():
    """sum = x + one; y = relu(sum)"""
    return model([helper.make_node("Add", ["x", "one"], ["sum"]), helper.make_node("Relu", ["sum"], ["y"])],
                 [tensor("x", TensorProto.FLOAT, ["N", 2])], [tensor("y", TensorProto.FLOAT, ["N", 2])],
                 [("one", np.float32(1))], producer_name="tests")


def add_mul():
    """s = a + b, p = a * b, for a and b f32[N]"""
    return model([helper.make_node("Add", ["a", "b"], ["s"]), helper.make_node("Mul", ["a", "b"], ["p"])],
                 [tensor("a", TensorProto.FLOAT, ["N"]), tensor("b", TensorProto.FLOAT, ["N"])],
                 [tensor("s", TensorProto.FLOAT, ["N"]), tensor("p", TensorProto.FLOAT, ["N"])])


def matmuls(count=8, size=64):
    """y = x times `count` random matrices"""
    random = np.random.default_rng(7)
    weights = [(f"w{i}", (random.standard_normal((size, size)) / 8).astype(np.float32)) for i in range(count)]
    names = ["x", *(f"v{i}" for i in range(count - 1)), "y"]
    nodes = [helper.make_node("MatMul", [names[i], f"w{i}"], [names[i + 1]]) for i in range(count)]
    return model(nodes, [tensor("x", TensorProto.FLOAT, ["N", size])],
                 [tensor("y", TensorProto.FLOAT, ["N", size])], weights)


def long_loop(count=2_000_000_000):
    """A loop that takes minutes: y = x + count"""
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["again"]), helper.make_node("Add", ["v", "one"], ["next"])],
        "body", [tensor("i", TensorProto.INT64, []), tensor("go", TensorProto.BOOL, []),
                 tensor("v", TensorProto.FLOAT, [4])],
        [tensor("again", TensorProto.BOOL, []), tensor("next", TensorProto.FLOAT, [4])],
        [numpy_helper.from_array(np.float32(1), "one")])
    return model([helper.make_node("Loop", ["count", "", "x"], ["y"], body=body)],
                 [tensor("x", TensorProto.FLOAT, [4])], [tensor("y", TensorProto.FLOAT, [4])],
                 [("count", np.int64(count))])
