# SPDX-License-Identifier: Apache-2.0
"""Ferry's inference is never weaker than onnx.shape_inference."""

from pathlib import Path

import compare_inference
import numpy as np
import onnx
import pytest
import suite
from onnx import TensorProto, helper, numpy_helper

import ferry

ZOO = Path(__file__).parents[2] / "build/zoo"
# Sizes that are computed from an input, a trip count that is one.
DATA_DEPENDENT = {"srcnn_scale", "scan"}


def test_suite():
    weaker = {}
    for case in suite.cases():
        if case.kind == "light":
            continue
        lines, _ = compare_inference.compare(onnx.load_from_string(case.model))
        if lines:
            weaker[case.name] = lines
    assert weaker == {}


@pytest.mark.long
@pytest.mark.skipif(not ZOO.exists(), reason="the zoo is not built")
def test_zoo():
    for path in compare_inference.zoo_models(ZOO):
        model = onnx.load(path, load_external_data=False)
        lines, counts = compare_inference.compare(model, str(path))
        assert lines == [], path
        assert counts["unknown"] == 0 or path.parent.name in DATA_DEPENDENT, path


def test_contents_that_are_known_in_part():
    """Sizes of which an input gives two: the others are known, through what joins and picks them."""
    nodes = [helper.make_node("Shape", ["x"], ["lead"], end=2),
             helper.make_node("Concat", ["lead", "two"], ["sizes"], axis=0),
             helper.make_node("Resize", ["x", "", "", "sizes"], ["resized"], mode="nearest"),
             helper.make_node("Cast", ["sizes"], ["narrow"], to=TensorProto.INT32),
             helper.make_node("Cast", ["narrow"], ["wide"], to=TensorProto.INT64),
             helper.make_node("Gather", ["wide", "picks"], ["picked"], axis=0),
             helper.make_node("ConstantOfShape", ["picked"], ["zeros"]),
             helper.make_node("Reshape", ["zeros", "picked"], ["reshaped"]),
             helper.make_node("Expand", ["row", "sizes"], ["expanded"]),
             helper.make_node("Tile", ["row4", "sizes"], ["tiled"])]
    constants = {"picks": np.array([1, 3, 0]),
                 "row": np.zeros((5, 1), np.float32), "row4": np.zeros((2, 2, 2, 2), np.float32)}
    names = ["resized", "zeros", "reshaped", "expanded", "tiled"]
    graph = helper.make_graph(
        nodes, "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, "H", "W"]),
         helper.make_tensor_value_info("two", TensorProto.INT64, [2])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names],
        [numpy_helper.from_array(array, name) for name, array in constants.items()])
    model = ferry.Model(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)],
                                          ir_version=10).SerializeToString())
    shapes = {v.name: v.shape for v in model.values}

    def known(name):
        return [d if compare_inference.is_expression(d) else None for d in shapes[name]]

    assert known("resized") == ["N", 3, None, None]
    assert known("zeros") == [3, None, "N"] and known("reshaped") == [3, None, "N"]
    assert known("expanded") == ["N", 3, 5, None]
    assert known("tiled") == ["2*N", 6, None, None]


# Inputs that must agree, of which each knows something else: node, shapes of the inputs (None: no rank).
AGREEING = [
    ("LinearAttention", {"q_num_heads": 2, "kv_num_heads": 2, "update_rule": "linear"}, 2,
     [["a", "b", "c"], ["d", 3, "e"], ["f", "g", 8], [2, 2, 4, "h"]]),
    ("LinearAttention", {"q_num_heads": 2, "kv_num_heads": 2, "update_rule": "linear"}, 2, [None, ["d", 3, "e"], [2, "g", 8]]),
    ("CausalConvWithState", {}, 2, [["a", "b", "c"], [4, 1, 3], ["d"], [2, "e", "f"]]),
    ("CausalConvWithState", {}, 2, [None, [4, 1, 3]]),
    ("Attention", {}, 1, [["a", "b", 2, "c"], None, [2, "d", "e", 8]]),
    ("Attention", {"q_num_heads": 2, "kv_num_heads": 2}, 3,
     [[2, 1, 8], ["a", 3, "b"], ["c", 3, 8], None, ["e", 2, 2, 4], ["f", 2, 2, 4]]),
    ("GridSample", {}, 1, [[2, 3, "a", "b"], ["c", 4, "d", 2]]),
    ("RoiAlign", {}, 1, [[1, 3, 8, 8], ["a", 4], [5]]),
    ("BatchNormalization", {"training_mode": 1}, 3, [["a", "b", 2], ["c"], [4], ["d"], ["e"]]),
    ("NegativeLogLikelihoodLoss", {"reduction": "none"}, 1, [[2, 5, "a"], ["b", 3]]),
    ("ConvTranspose", {"kernel_shape": [3, 3]}, 1, [[1, 2, 4, 4], [2, 2, "a", "b"]]),
    ("SwiGLU", {}, 1, [["a", 3], [2, "b"]]),
]


@pytest.mark.parametrize(("op", "attributes", "outputs", "shapes"), AGREEING)
def test_inputs_that_must_agree(op, attributes, outputs, shapes):
    wide = {("RoiAlign", 2), ("NegativeLogLikelihoodLoss", 1)}
    inputs = [helper.make_tensor_value_info(f"x{i}", TensorProto.INT64 if (op, i) in wide else TensorProto.FLOAT, shape)
              for i, shape in enumerate(shapes) if (op, i) != ("Attention", 3)]
    names = ["" if (op, i) == ("Attention", 3) else f"x{i}" for i in range(len(shapes))]
    made = [helper.make_tensor_value_info(f"y{i}", TensorProto.FLOAT, None) for i in range(outputs)]
    graph = helper.make_graph([helper.make_node(op, names, [y.name for y in made], **attributes)], "g", inputs, made)
    lines, counts = compare_inference.compare(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 28)], ir_version=13))
    assert lines == [] and counts["values"] == outputs
