# SPDX-License-Identifier: Apache-2.0
"""Memory stays what the largest shape needs, however many shapes come before it."""

import pathlib
import subprocess
import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.memory import dynamic_shapes

ALLOWED = 1.02
PYTHON = 1 << 20  # what the interpreter itself may grow by, where the model is small


def convolutions():
    """Three convolutions over images of any size."""
    random = np.random.default_rng(0)
    weights = [("w0", (64, 3, 9, 9)), ("w1", (32, 64, 1, 1)), ("w2", (3, 32, 5, 5))]
    nodes = [helper.make_node("Conv", ["x", "w0"], ["a"], pads=[4] * 4), helper.make_node("Relu", ["a"], ["b"]),
             helper.make_node("Conv", ["b", "w1"], ["c"]), helper.make_node("Relu", ["c"], ["d"]),
             helper.make_node("Conv", ["d", "w2"], ["y"], pads=[2] * 4)]
    shape = ["batch", 3, "height", "width"]
    graph = helper.make_graph(nodes, "convolutions", [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
                              [numpy_helper.from_array(random.standard_normal(s).astype(np.float32), n) for n, s in weights])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def small_images(random, largest, model):
    h, w = (160, 160) if largest else 8 + random.integers(153, size=2)
    return {"x": (np.float32, (1, 3, h, w))}


def resident(path, shapes):
    code = ("import sys; from tests.memory import dynamic_shapes, test_dynamic_shapes as t; "
            "print(dynamic_shapes.resident_after(sys.argv[1], t.small_images, int(sys.argv[2])))")
    done = subprocess.run([sys.executable, "-c", code, str(path), str(shapes)], capture_output=True, text=True, check=True)
    return int(done.stdout)


def test_a_hundred_shapes_need_what_the_largest_needs(tmp_path):
    path = tmp_path / "convolutions.onnx"
    onnx.save(convolutions(), path)
    alone, after = resident(path, 0), resident(path, 100)
    assert after <= ALLOWED * alone + PYTHON, f"{alone} bytes after the largest shape, {after} after all"


@pytest.mark.long
@pytest.mark.parametrize("name", dynamic_shapes.CASES)
def test_a_thousand_shapes_of_the_zoo(name):
    if not (dynamic_shapes.ZOO / dynamic_shapes.CASES[name][0]).exists():
        pytest.skip("the zoo is not built: ./dev bench")
    alone, after = dynamic_shapes.growth(name, 1000)
    assert after <= ALLOWED * alone, f"{alone} bytes after the largest shape, {after} after all"


@pytest.mark.long
def test_layouts_take_less_than_a_millisecond():
    tool = pathlib.Path("build/release/tests/tools/layout_times")
    paths = [dynamic_shapes.ZOO / path for path, _ in dynamic_shapes.CASES.values()]
    paths = [str(p) for p in paths if p.exists()]
    if not paths or not tool.exists():
        pytest.skip("the zoo or the tool is not built")
    done = subprocess.run([tool, *paths], capture_output=True, text=True, check=True)
    for line in done.stdout.splitlines():
        assert float(line.split("median ")[1].split()[0]) < 1000, line
