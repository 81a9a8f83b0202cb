# SPDX-License-Identifier: Apache-2.0
"""What users give by mistake: every error names the file, node or tensor, what was seen and what was wanted."""

import numpy as np
import pytest
from onnx import TensorProto, TypeProto, helper

import ferry
from tests.hostile.case import F32, I64, info, model

node = helper.make_node
X = [info("x", F32, ["N", 3])]
GOOD = model([node("Relu", ["x"], ["y"], "relu")], X)
TWO = model([node("Add", ["a", "b"], ["y"], "sum")], [info("a", F32, ["N", 3]), info("b", F32, ["N", 3])])
F = np.float32

FILES = {
    "truncated": (GOOD[:-9], "InvalidModel", ["bad.onnx", "damaged ONNX model", "at byte"]),
    "garbage": (bytes(range(255, 0, -1)) * 9, "InvalidModel", ["bad.onnx", "not an ONNX model"]),
    "text": (b"hello, this is a text\n", "InvalidModel", ["bad.onnx", "text file"]),
    "empty": (b"", "InvalidModel", ["bad.onnx", "the file is empty"]),
    "cycle": (model([node("Add", ["x", "b"], ["a"], "first"), node("Relu", ["a"], ["b"], "second"),
                     node("Relu", ["a"], ["y"], "third")], X), "InvalidModel", ["bad.onnx", "cycle", "first"]),
    "duplicate name": (model([node("Relu", ["x"], ["y"], "one"), node("Neg", ["x"], ["y"], "two")], X), "InvalidModel",
                       ["bad.onnx", "'y'", "two"]),
    "dangling input": (model([node("Add", ["x", "nothing"], ["y"], "sum")], X), "InvalidModel",
                       ["bad.onnx", "'sum'", "'nothing'"]),
    "attribute of the wrong kind": (model([node("Softmax", ["x"], ["y"], "soft", axis="one")], X), "InvalidModel",
                                    ["bad.onnx", "'soft'", "'axis'", "a string", "an integer"]),
    "attribute out of range": (model([node("Softmax", ["x"], ["y"], "soft", axis=5)], X), "InvalidModel",
                               ["bad.onnx", "'soft'", "axis 5", "2"]),
    "unknown operators": (model([node("Nonsense", ["x"], ["a"], "n1"), node("Rubbish", ["a"], ["y"], "n2")], X),
                          "UnsupportedOp", ["bad.onnx", "Nonsense", "Rubbish"]),
    "unknown domain": (model([node("Relu", ["x"], ["y"], "n", domain="com.nobody")], X), "UnsupportedOp",
                       ["bad.onnx", "com.nobody"]),
    "too new an opset": (model([node("Relu", ["x"], ["y"], "n")], X, opset=999), "UnsupportedOp", ["bad.onnx", "999", "28"]),
    "a sequence of nothing": (
        model([node("SequenceMap", ["x", "s"], ["y"], "map", body=helper.make_graph(
            [node("Identity", ["b"], ["c"])], "each", [info("a", F32, ["N"]), info("b", F32, ["N"])], [info("c", F32, ["N"])]))],
            [helper.make_tensor_sequence_value_info("x", F32, ["N"]),
             helper.make_value_info("s", TypeProto(sequence_type=TypeProto.Sequence()))]),
        "InvalidModel", ["bad.onnx", "'map'", "input 1", "no type"]),
    "data of the wrong size": (model([node("Identity", ["w"], ["y"])], initializers=[
        TensorProto(name="w", data_type=F32, dims=[1000], raw_data=b"1234")]), "InvalidModel",
        ["bad.onnx", "'w'", "4 bytes", "4000"]),
}


@pytest.mark.parametrize("name", FILES)
def test_file(name, tmp_path):
    content, code, words = FILES[name]
    path = tmp_path / "bad.onnx"
    path.write_bytes(content)
    with pytest.raises(getattr(ferry, code)) as error:
        ferry.Model(path)
    for word in words:
        assert word in str(error.value)


def external(tmp_path, location):
    tensor = TensorProto(name="w", data_type=F32, dims=[4], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value=location)
    path = tmp_path / "in" / "bad.onnx"
    path.parent.mkdir()
    (tmp_path / "outside.bin").write_bytes(bytes(16))
    path.write_bytes(model([node("Identity", ["w"], ["y"])], initializers=[tensor]))
    return path


@pytest.mark.parametrize(("location", "code"), [
    ("none.bin", "IoError"), ("../outside.bin", "InvalidModel"), ("/etc/hostname", "InvalidModel")])
def test_external_data(location, code, tmp_path):
    with pytest.raises(getattr(ferry, code)) as error:
        ferry.Model(external(tmp_path, location))
    for word in ("bad.onnx", "'w'", location.removeprefix("../")):
        assert word in str(error.value)


INPUTS = {
    "a name the model lacks": (GOOD, {"z": np.zeros((2, 3), F)}, "InvalidArgument", ["'x'"]),
    "one name too many": (GOOD, {"x": np.zeros((2, 3), F), "z": np.zeros(1, F)}, "InvalidArgument", ["'z'", "'x'"]),
    "another element type": (GOOD, {"x": np.zeros((2, 3))}, "InvalidArgument", ["'x'", "f64", "f32"]),
    "another rank": (GOOD, {"x": np.zeros(3, F)}, "ShapeMismatch", ["'x'", "f32[3]", "rank 1", "f32[N,3]", "rank 2"]),
    "another dim": (GOOD, {"x": np.zeros((2, 4), F)}, "ShapeMismatch", ["'x'", "f32[2,4]", "axis 1", "4", "3"]),
    "contradicting symbols": (TWO, {"a": np.zeros((2, 3), F), "b": np.zeros((3, 3), F)}, "ShapeMismatch",
                              ["'b'", "axis 0", "3", "'N'", "2", "earlier axis"]),
    "an index outside": (model([node("Gather", ["x", "i"], ["y"], "pick", axis=1)], [*X, info("i", I64, [1])]),
                         {"x": np.zeros((2, 3), F), "i": np.array([7])}, "InvalidArgument", ["'pick'", "7", "3"]),
}


@pytest.mark.parametrize("name", INPUTS)
def test_inputs(name):
    made, inputs, code, words = INPUTS[name]
    session = ferry.Session(made)
    with pytest.raises(getattr(ferry, code)) as error:
        session.run(inputs)
    for word in words:
        assert word in str(error.value)


def test_what_is_legal():
    session = ferry.Session(GOOD)
    assert session.run({"x": np.zeros((0, 3), F)})["y"].shape == (0, 3)
    assert np.isnan(session.run({"x": np.full((1, 3), np.nan, F)})["y"]).all()


def test_more_memory_than_the_budget():
    session = ferry.Session(model([node("MatMul", ["a", "b"], ["y"], "product")],
                                  [info("a", F32, ["N", 1]), info("b", F32, [1, "M"])]), memory_limit=1 << 20)
    big = {"a": np.zeros((1000, 1), F), "b": np.zeros((1, 1000), F)}
    with pytest.raises(ferry.OutOfMemory, match="4000000 bytes wanted.*of the budget of 1048576"):
        session.run(big)
    assert session.run({"a": big["a"][:3], "b": big["b"]})["y"].shape == (3, 1000)


def test_tables_that_an_operator_makes_count_too():
    """Those of Pad: eight bytes for each element of an axis."""
    session = ferry.Session(model([node("Pad", ["x", "p"], ["y"], "pad")], [info("x", TensorProto.INT8, ["N"]), info("p", I64, [2])]),
                            memory_limit=1 << 20)
    one = np.ones(1, np.int8)
    with pytest.raises(ferry.OutOfMemory, match="'pad'.*4000008 bytes wanted"):
        session.run({"x": one, "p": np.array([0, 500_000])})
    assert session.run({"x": one, "p": np.array([1, 2])})["y"].tolist() == [0, 1, 0, 0]
