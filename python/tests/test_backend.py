# SPDX-License-Identifier: Apache-2.0
"""ferry.backend: a backend of the onnx package."""

import ferry
import ferry.backend
import models
import numpy as np
import onnx
import onnx.backend.test.runner
import pytest
from onnx import helper, numpy_helper

X = np.array([[-3, -1], [0, 2]], np.float32)
Y = [[0, 0], [1, 3]]


@pytest.fixture()
def model():
    return onnx.load_from_string(models.add_relu())


def test_models(model):
    np.testing.assert_array_equal(ferry.backend.prepare(model).run([X])[0], Y)
    np.testing.assert_array_equal(ferry.backend.run_model(model, [X]).y, Y)
    np.testing.assert_array_equal(ferry.backend.run_model(model, {"x": X}, "CPU", threads=1)[0], Y)
    np.testing.assert_array_equal(ferry.backend.run_model(model, [numpy_helper.from_array(X)])[0], Y)
    assert ferry.backend.is_compatible(model)


def test_nodes():
    node = helper.make_node("Relu", ["x"], ["y"])
    np.testing.assert_array_equal(ferry.backend.run_node(node, [X])[0], np.maximum(X, 0))
    np.testing.assert_array_equal(ferry.backend.run_node(node, [X], opset_version=13).y, np.maximum(X, 0))


def test_devices(model):
    assert ferry.backend.supports_device("CPU") and not ferry.backend.supports_device("CUDA")
    with pytest.raises(ferry.InvalidArgument, match="CUDA"):
        ferry.backend.prepare(model, "CUDA:0")
    model.graph.node[0].op_type = "Unheard"
    assert not ferry.backend.is_compatible(model)


def test_the_runner_of_onnx():
    runner = onnx.backend.test.runner.Runner(ferry.backend, __name__)
    runner.include(r"^test_relu_cpu$").include(r"^test_add_bcast_cpu$")
    cases = runner.test_cases["OnnxBackendNodeModelTest"]
    result = onnx.backend.test.runner.unittest.TestResult()
    for name in ("test_relu_cpu", "test_add_bcast_cpu"):
        cases(name).run(result)
    assert result.testsRun == 2 and result.wasSuccessful() and not result.skipped, result
