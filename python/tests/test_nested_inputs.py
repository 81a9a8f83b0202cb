# SPDX-License-Identifier: Apache-2.0
"""Sequences and optionals as inputs: elements of different sizes, and elements that the model does not want."""

import ferry
import numpy as np
import pytest
from onnx import TensorProto, helper

WAYS = [{}, {"optimize": False}, {"optimize": False, "reference_kernels": True}]


def tensor(dims, element=TensorProto.FLOAT):
    return helper.make_tensor_type_proto(element, dims)


def session(nodes, inputs, outputs, **options):
    infos = [helper.make_value_info(name, kind) for name, kind in inputs]
    graph = helper.make_graph(nodes, "g", infos, [helper.make_empty_tensor_value_info(o) for o in outputs])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)], ir_version=10)
    return ferry.Session(model.SerializeToString(), threads=1, **options)


def two_elements(dims, **options):
    nodes = [helper.make_node("Constant", [], ["i"], value_int=0), helper.make_node("Constant", [], ["j"], value_int=1),
             helper.make_node("SequenceAt", ["s", "i"], ["a"]), helper.make_node("SequenceAt", ["s", "j"], ["b"]),
             helper.make_node("Add", ["a", "b"], ["c"]), helper.make_node("Relu", ["c"], ["y"]),
             helper.make_node("Shape", ["b"], ["size"])]
    return session(nodes, [("s", helper.make_sequence_type_proto(tensor(dims)))], ["y", "size"], **options)


def ones(*shape):
    return np.ones(shape, np.float32)


@pytest.mark.parametrize("options", WAYS)
@pytest.mark.parametrize("dims", [[None, 3], ["n", 3], None])
@pytest.mark.parametrize("rows", [(2, 2), (2, 1), (1, 4)])
def test_elements_differ_in_size(options, dims, rows):
    """Neither an unknown size nor one with a name is the same for all elements."""
    a, b = (np.arange(3 * n, dtype=np.float32).reshape(n, 3) for n in rows)
    made = two_elements(dims, **options).run({"s": [a, b]})
    np.testing.assert_array_equal(made["y"], a + b)
    assert made["size"].tolist() == [rows[1], 3]


@pytest.mark.parametrize("options", WAYS)
@pytest.mark.parametrize(("given", "error", "words"), [
    ([ones(2, 3), ones(2, 2)], ferry.ShapeMismatch, "input 's': element 1: f32[2,2] given, axis 1: size 2, the model wants 3"),
    ([ones(3)], ferry.ShapeMismatch, "input 's': element 0: f32[3] given, the model wants f32[?,3]"),
    ([np.ones((2, 3), np.int64)] * 2, ferry.InvalidArgument, "input 's': element 0: i64[2,3] given, the model wants f32[?,3]"),
    ([ones(2, 3), None], ferry.InvalidArgument, "input 's': element 1: none given, the model wants f32[?,3]"),
    (ones(2, 3), ferry.InvalidArgument, "input 's': f32[2,3] given, the model wants seq(f32[?,3])"),
])
def test_elements_that_the_model_does_not_want(options, given, error, words):
    with pytest.raises(error) as caught:
        two_elements([None, 3], **options).run({"s": given})
    assert words in str(caught.value)


@pytest.mark.parametrize("options", WAYS)
def test_optionals(options):
    nodes = [helper.make_node("OptionalGetElement", ["o"], ["e"]), helper.make_node("Relu", ["e"], ["y"]),
             helper.make_node("Add", ["x", "x"], ["z"])]
    made = session(nodes, [("o", helper.make_optional_type_proto(tensor(["n", 3]))), ("x", tensor(["n"]))], ["y", "z"], **options)
    assert made.run({"o": ones(4, 3), "x": ones(4)})["y"].shape == (4, 3)
    with pytest.raises(ferry.ShapeMismatch, match="input 'x' is f32\\[2\\]: axis 0 has size 2, but 'n' is already 4"):
        made.run({"o": ones(4, 3), "x": ones(2)})
    with pytest.raises(ferry.ShapeMismatch, match="input 'o': f32\\[4,2\\] given, axis 1: size 2, the model wants 3"):
        made.run({"o": ones(4, 2), "x": ones(4)})
    with pytest.raises(ferry.InvalidArgument, match="input 'o': f64\\[4,3\\] given"):
        made.run({"o": np.ones((4, 3)), "x": ones(4)})


@pytest.mark.parametrize("options", WAYS)
def test_two_optionals_of_one_name(options):
    """A size that only optionals name is found when their values come up."""
    kind = helper.make_optional_type_proto(tensor(["n"]))
    nodes = [helper.make_node("OptionalGetElement", ["o"], ["a"]), helper.make_node("OptionalGetElement", ["p"], ["b"]),
             helper.make_node("Add", ["a", "b"], ["y"])]
    made = session(nodes, [("o", kind), ("p", kind)], ["y"], **options)
    assert made.run({"o": ones(4), "p": ones(4)})["y"].tolist() == [2] * 4
    with pytest.raises(ferry.ShapeMismatch, match="'b' is f32\\[3\\], but 'n' is already 4"):
        made.run({"o": ones(4), "p": ones(3)})
