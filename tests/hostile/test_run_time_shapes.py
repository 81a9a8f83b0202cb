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
PARTS = ("sizes", np.array([2, 3, 4]))
THIN, FULL, WIDE = (("w", np.ones(dims, np.float32)) for dims in ((4, 8, 1, 1), (4, 8, 3, 3), (32, 32, 3, 3)))
PICTURE = ["N", "C", "H", "W"]
LSTM = {"hidden_size": 8}


def computed(last):
    """`last` reads what was computed, and what it makes is computed with."""
    return [node("Softmax", ["x0"], ["a"]), node("Softmax", ["x1"], ["b"]), last, node("Softmax", ["t"], ["y"])]


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
    "concat_in_place_short": (computed(node("Concat", ["a", "b"], ["t"], axis=0)), [[4, "A"], [4, "B"]], [(4, 3), (4, 2)], []),
    "concat_in_place_long": (computed(node("Concat", ["a", "b"], ["t"], axis=0)), [[4, "A"], [4, "B"]], [(4, 3), (4, 5)], []),
    "concat_rows_in_place": ([node("Relu", ["x0"], ["a"]), node("Relu", ["x1"], ["b"]), node("Concat", ["a", "b"], ["t"], axis=1),
                              node("Softmax", ["t"], ["y"])], [["A", 4], ["B", 4]], [(5, 4), (3, 4)], []),
    "split_with_a_part_that_nobody_wants": (computed(node("Split", ["a", "sizes"], ["t", "", "u"], axis=0)), [["A", 4], ["B"]],
                                            [(10, 4), (2,)], [PARTS]),
    "conv_given_bias": ([node("Conv", ["x0", "w", "x1"], ["y"])], [PICTURE, ["B"]], [(1, 8, 9, 9), (3,)], [FULL]),
    "conv_given_bias_of_nothing": ([node("Conv", ["x0", "w", "x1"], ["y"])], [PICTURE, ["B"]], [(1, 8, 9, 9), (0,)], [FULL]),
    "conv_given_weights_and_bias": ([node("Conv", ["x0", "x2", "x1"], ["y"])], [PICTURE, ["B"], [4, 8, 3, 3]],
                                    [(1, 8, 9, 9), (7,), (4, 8, 3, 3)], []),
    "conv_transpose_given_bias": ([node("ConvTranspose", ["x0", "w", "x1"], ["y"])], [PICTURE, ["B"]], [(1, 4, 9, 9), (3,)], [FULL]),
    "batch_norm_of_one_channel": ([node("BatchNormalization", ["x0", *["s"] * 4], ["y"])], [["N", "C", "W"]], [(2, 1, 3)],
                                  [("s", np.ones(8, np.float32))]),
    "split_into_one": ([node("Split", ["x0", "one"], ["t"]), node("Softmax", ["t"], ["y"])], [["N"]], [(4,)], [("one", np.array([3]))]),
    "split_into_given_one": ([node("Cast", ["x1"], ["i"], to=7), node("Split", ["x0", "i"], ["t"]), node("Softmax", ["t"], ["y"])],
                             [["N"], [1]], [(4,), (1,)], []),
    "slope_in_half": ([node("Cast", ["x0"], ["a"], to=10), node("Cast", ["x1"], ["b"], to=10), node("PRelu", ["a", "b"], ["y"])],
                      [["N", "A"], ["B"]], [(4, 1), (8,)], []),
    "attention_past": ([node("Attention", ["x0", "x0", "x0", "", "x1", "x2"], ["y", "k", "v"])],
                       [[1, 2, "L", 8], [1, 2, "P", 8], [1, 2, "Q", 8]], [(1, 2, 6, 8), (1, 2, 3, 8), (1, 2, 4, 8)], []),
}


@pytest.mark.parametrize("options", [{}, {"optimize": False}, {"isa": "scalar"}, {"reference_kernels": True}], ids=str)
@pytest.mark.parametrize("name", CASES)
def test_mismatch(name, options):
    nodes, types, dims, constants = CASES[name]
    infos = [info(f"x{i}", F32, shape) for i, shape in enumerate(types)]
    session = ferry.Session(model(nodes, infos, initializers=constants, opset=23), threads=1, **options)
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
