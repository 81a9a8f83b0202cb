# SPDX-License-Identifier: Apache-2.0
"""Weights lie anywhere in a model file: where they begin decides no bit and is read by every face."""

import ferry
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper


def save(path, shift):
    """Large weights of several kinds; `shift` bytes of text move all of them."""
    random = np.random.default_rng(0)
    w = random.standard_normal((64, 32, 3, 3)).astype(np.float32)
    b = random.standard_normal((64, 512)).astype(np.float32)
    table = random.standard_normal((5000, 64)).astype(np.float16)
    nodes = [helper.make_node("Conv", ["x", "w"], ["a"], pads=[1] * 4),
             helper.make_node("GlobalAveragePool", ["a"], ["p"]), helper.make_node("Flatten", ["p"], ["f"]),
             helper.make_node("Gather", ["table", "i"], ["g"]), helper.make_node("Cast", ["g"], ["h"], to=TensorProto.FLOAT),
             helper.make_node("Add", ["f", "h"], ["s"]), helper.make_node("MatMul", ["s", "b"], ["y"])]
    graph = helper.make_graph(
        nodes, "n" * (1 + shift),
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 32, 8, 8]),
         helper.make_tensor_value_info("i", TensorProto.INT64, ["n"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 512])],
        [numpy_helper.from_array(a, name) for a, name in ((w, "w"), (b, "b"), (table, "table"))])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10), path)
    return str(path)


def feed():
    return {"x": np.linspace(-1, 1, 2 * 32 * 64, dtype=np.float32).reshape(2, 32, 8, 8), "i": np.array([4999, 17])}


@pytest.mark.parametrize("options", [{}, {"prefer": "memory"}, {"reference_kernels": True}, {"optimize": False}])
def test_every_beginning_gives_the_same_bits(options, tmp_path):
    results = [ferry.Session(save(tmp_path / f"{shift}.onnx", shift), threads=1, **options).run(feed())["y"]
               for shift in range(4)]
    for y in results[1:]:
        np.testing.assert_array_equal(y, results[0])


def test_constants_can_be_asked_for(tmp_path):
    for shift in range(4):
        session = ferry.Session(save(tmp_path / f"{shift}.onnx", shift), threads=1)
        wanted = onnx.load(tmp_path / f"{shift}.onnx").graph.initializer[2]
        asked = session.run(feed(), ["table", "y"])
        np.testing.assert_array_equal(asked["table"], numpy_helper.to_array(wanted))


def test_bytes_and_optimised_models(tmp_path):
    for shift in range(4):
        path = save(tmp_path / f"{shift}.onnx", shift)
        y = ferry.Session(path, threads=1, accuracy="exact").run(feed())["y"]
        again = ferry.Session(open(path, "rb").read(), threads=1, accuracy="exact").run(feed())["y"]
        np.testing.assert_array_equal(again, y)
        ferry.Model(path).optimize(tmp_path / "optimised.onnx")
        written = ferry.Session(str(tmp_path / "optimised.onnx"), threads=1, accuracy="exact").run(feed())["y"]
        np.testing.assert_allclose(written, y, rtol=1e-5, atol=1e-5)
