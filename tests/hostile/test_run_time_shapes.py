# SPDX-License-Identifier: Apache-2.0
"""Shapes that only symbols describe and that turn out not to fit when inputs come: an error of the same code from
every kernel, and never a read outside a tensor."""

import numpy as np
import pytest
from onnx import helper

import ferry
from tests.hostile.case import F32, info, model

node = helper.make_node
W = ("w", np.ones((8, 4), np.float32))
THIN, FULL, WIDE = (("w", np.ones(dims, np.float32)) for dims in ((4, 8, 1, 1), (4, 8, 3, 3), (32, 32, 3, 3)))
PICTURE = ["N", "C", "H", "W"]
LSTM = {"hidden_size": 8}

CASES = {
    "matmul_short": ([node("MatMul", ["x0", "x1"], ["y"])], [["A", "B"], ["C", "D"]], [(2, 1000), (5, 4)], []),
    "matmul_long": ([node("MatMul", ["x0", "x1"], ["y"])], [["A", "B"], ["C", "D"]], [(2, 5), (1000, 4)], []),
    "matmul_batches": ([node("MatMul", ["x0", "x1"], ["y"])], [["X", "A", "B"], ["Y", "C", "D"]],
                       [(2, 3, 5), (3, 5, 4)], []),
    "weights_short": ([node("MatMul", ["x0", "w"], ["y"])], [["A", "B"]], [(2, 5)], [W]),
    "weights_long": ([node("MatMul", ["x0", "w"], ["y"])], [["A", "B"]], [(2, 5000)], [W]),
    "weights_and_residual": ([node("MatMul", ["x0", "w"], ["t"]), node("Add", ["t", "x1"], ["y"])],
                             [["A", "B"], ["A", 4]], [(2, 5), (2, 4)], [W]),
    "gemm": ([node("Gemm", ["x0", "w"], ["y"])], [["A", "B"]], [(2, 5)], [W]),
    "gemm_bias": ([node("Gemm", ["x0", "x1", "x2"], ["y"])], [["A", "B"], ["C", "D"], ["E"]], [(2, 5), (5, 4), (40,)], []),
    "add_short": ([node("Add", ["x0", "x1"], ["y"])], [[5], ["B"]], [(5,), (3,)], []),
    "add_long": ([node("Add", ["x0", "x1"], ["y"])], [[5], ["B"]], [(5,), (7,)], []),
    "add_unknown": ([node("Add", ["x0", "x1"], ["y"])], [["A"], ["B"]], [(20000,), (5,)], []),
    "add_to_nothing": ([node("Add", ["x0", "x1"], ["y"])], [[0], ["B"]], [(0,), (7,)], []),
    "chain": ([node("Add", ["x0", "x1"], ["t"]), node("Mul", ["t", "x2"], ["y"])], [[5], ["B"], ["C"]],
              [(5,), (5,), (2,)], []),
    "chain_of_rows": ([node("Add", ["x0", "x1"], ["t"]), node("Mul", ["t", "x2"], ["y"])],
                      [["A", "D"], ["B", "D"], [5, 4]], [(5, 4), (2, 4), (5, 4)], []),
    "conv_pointwise": ([node("Conv", ["x0", "w"], ["y"])], [PICTURE], [(1, 3, 9, 9)], [THIN]),
    "conv_direct": ([node("Conv", ["x0", "w"], ["y"])], [PICTURE], [(1, 3, 9, 9)], [FULL]),
    "conv_winograd": ([node("Conv", ["x0", "w"], ["y"])], [["N", "C", 9, 9]], [(1, 3, 9, 9)], [WIDE]),
    "conv_transpose": ([node("ConvTranspose", ["x0", "w"], ["y"])], [PICTURE], [(1, 3, 9, 9)], [FULL]),
    "layer_norm": ([node("LayerNormalization", ["x0", "x1"], ["y"])], [["N", "C"], ["D"]], [(2, 8), (3,)], []),
    "batch_norm": ([node("BatchNormalization", [f"x{i}" for i in range(5)], ["y"])], [["N", "C", "W"], *[["D"]] * 4],
                   [(2, 8, 5), *[(3,)] * 4], []),
    "instance_norm_of_a_row": ([node("InstanceNormalization", ["x0", "x1", "x2"], ["y"])], [None, ["C"], ["D"]],
                               [(5,), (5,), (5,)], []),
    "lstm_weights": ([node("LSTM", ["x0", "x1", "x2"], ["y"], **LSTM)], [["T", "N", "I"], ["1", "G", "J"], ["1", "G", "H"]],
                     [(2, 3, 4), (1, 32, 9), (1, 32, 8)], []),
    "concat": ([node("Concat", ["x0", "x1"], ["y"], axis=0)], [["A", "B"], ["C", "D"]], [(2, 3), (2, 4)], []),
}


@pytest.mark.parametrize("options", [{}, {"optimize": False}, {"isa": "scalar"}, {"reference_kernels": True}], ids=str)
@pytest.mark.parametrize("name", CASES)
def test_mismatch(name, options):
    nodes, types, dims, constants = CASES[name]
    infos = [info(f"x{i}", F32, shape) for i, shape in enumerate(types)]
    session = ferry.Session(model(nodes, infos, initializers=constants), threads=1, **options)
    inputs = {f"x{i}": np.ones(shape, np.float32) for i, shape in enumerate(dims)}
    with pytest.raises(ferry.ShapeMismatch) as error:
        session.run(inputs)
    assert any(str(size) in str(error.value) for shape in dims for size in shape)


@pytest.mark.parametrize(("op", "channels"), [("Conv", 8), ("ConvTranspose", 4)])
def test_a_bias_of_the_wrong_size_is_found_when_the_model_is_read(op, channels):
    bias = ("b", np.ones(1, np.float32))
    made = model([node(op, ["x0", "w", "b"], ["y"], "layer")], [info("x0", F32, ["N", channels, "H", "W"])],
                 initializers=[FULL, bias])
    with pytest.raises(ferry.ShapeMismatch, match=r"'layer'.*the bias is f32\[1\], wanted is \["):
        ferry.Model(made)
