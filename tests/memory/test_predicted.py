# SPDX-License-Identifier: Apache-2.0
"""The memory that `ferry info` predicts is the memory that a run takes."""

import json
import os
import shutil
import subprocess

import ferry
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

ALLOWED = 0.03
FERRY = os.environ.get("FERRY") or shutil.which("ferry")
WORDS = {"floordiv": lambda a, b: a // b, "ceildiv": lambda a, b: -(-a // b), "mod": lambda a, b: a % b,
         "min": min, "max": max, "broadcast": max, "select_equal": lambda a, b, c, d: c if a == b else d}


class Net:
    """Collects nodes and weights of a small model."""

    def __init__(self, **inputs):
        self.inputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in inputs.items()]
        self.nodes, self.weights = [], []
        self.random = np.random.default_rng(0)

    def add(self, op, *inputs, **attributes):
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [name], **attributes))
        return name

    def weight(self, *shape):
        name = f"w{len(self.weights)}"
        scale = 1 / np.sqrt(max(1, np.prod(shape[1:])))
        self.weights.append(numpy_helper.from_array((self.random.standard_normal(shape) * scale).astype(np.float32), name))
        return name

    def conv(self, x, from_, to, kernel=3, stride=1):
        y = self.add("Conv", x, self.weight(to, from_, kernel, kernel), pads=[kernel // 2] * 4, strides=[stride] * 2)
        return self.add("Relu", y)

    def save(self, path, y, shape):
        output = helper.make_tensor_value_info(y, TensorProto.FLOAT, shape)
        graph = helper.make_graph(self.nodes, "net", self.inputs, [output], self.weights)
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10), path)
        return str(path)


def residual(path):
    net = Net(x=["b", 3, "h", "w"])
    y = net.conv("x", 3, 32)
    for _ in range(3):
        y = net.add("Add", y, net.conv(net.conv(y, 32, 64), 64, 32))
    return net.save(path, net.add("GlobalAveragePool", y), ["b", 32, 1, 1])


def encoder_decoder(path):
    net = Net(x=["b", 3, 128, "w"])
    a = net.conv("x", 3, 16)
    b = net.conv(a, 16, 32, stride=2)
    c = net.conv(b, 32, 64, stride=2)
    up = net.conv(net.add("ConvTranspose", c, net.weight(64, 32, 2, 2), strides=[2, 2]), 32, 32)
    y = net.conv(up, 32, 8)
    return net.save(path, net.add("GlobalMaxPool", y), ["b", 8, 1, 1])


def dense(path):
    net = Net(x=["b", 16, 40, 40])
    y = "x"
    for i in range(4):
        y = net.add("Concat", y, net.conv(y, 16 * (i + 1), 16), axis=1)
    return net.save(path, net.add("GlobalAveragePool", y), ["b", 80, 1, 1])


def perceptrons(path):
    net = Net(x=["n", 256])
    y = "x"
    for _ in range(3):
        wide = net.add("Sigmoid", net.add("MatMul", y, net.weight(256, 1024)))
        y = net.add("Add", y, net.add("MatMul", wide, net.weight(1024, 256)))
    return net.save(path, net.add("MatMul", y, net.weight(256, 10)), ["n", 10])


CASES = {
    "residual": (residual, [(1, 3, 96, 96), (2, 3, 64, 130), (1, 3, 33, 57)]),
    "encoder_decoder": (encoder_decoder, [(1, 3, 128, 128), (2, 3, 128, 40), (1, 3, 128, 300)]),
    "dense": (dense, [(1, 16, 40, 40), (5, 16, 40, 40)]),
    "perceptrons": (perceptrons, [(500, 256), (64, 256), (2000, 256)]),
}


def sizes_of(session, shape):
    return {name: size for name, size in zip(session.inputs[0].shape, shape) if isinstance(name, str)}


@pytest.mark.parametrize("prefer", ["speed", "memory"])
@pytest.mark.parametrize("name", CASES)
def test_a_run_takes_what_the_formula_says(name, prefer, tmp_path):
    make, shapes = CASES[name]
    path = make(tmp_path / "net.onnx")
    for shape in shapes:
        session = ferry.Session(path, threads=1, prefer=prefer)
        loaded = session.report()
        sizes = sizes_of(session, shape)
        formula = eval(loaded.memory_formula, {"__builtins__": {}}, WORDS | sizes)
        outputs = session.run({"x": np.ones(shape, np.float32)})
        ran = session.report()
        assert abs(ran.arena_bytes / formula - 1) <= ALLOWED, (loaded.memory_formula, sizes)
        predicted = loaded.used_bytes + formula + ran.scratch_bytes + sum(y.nbytes for y in outputs.values())
        measured = max(ran.peak_bytes, ran.used_bytes)
        assert measured == pytest.approx(predicted, rel=ALLOWED) or measured == loaded.peak_bytes


@pytest.mark.skipif(FERRY is None, reason="the ferry command is not built")
@pytest.mark.parametrize("name", CASES)
def test_info_tells_the_arena_of_a_shape(name, tmp_path):
    make, shapes = CASES[name]
    path = make(tmp_path / "net.onnx")
    session = ferry.Session(path, threads=1)
    dims = ",".join(f"{symbol}={size}" for symbol, size in sizes_of(session, shapes[0]).items())
    told = subprocess.run([FERRY, "info", path, "--json", "--dim", dims], capture_output=True, text=True, check=True)
    session.run({"x": np.ones(shapes[0], np.float32)})
    assert json.loads(told.stdout)["costs"]["arena_bytes"] == session.report().arena_bytes
