# SPDX-License-Identifier: Apache-2.0
"""Every limit of docs/limits.md: on by default or set, from Python and from the command, met and not met."""

import json
import pathlib

import numpy as np
import onnx
import pytest
from onnx import helper

import ferry
from tests.cli.conftest import ferry as run_ferry  # noqa: F401  (a fixture)
from tests.hostile import graphs
from tests.hostile.case import F32, array, info, model

node = helper.make_node
ROOT = pathlib.Path(__file__).resolve().parents[2]
X = [info("x", F32, [2])]


def chain(count):
    return model([node("Neg", [f"v{i}" if i else "x"], [f"v{i + 1}"]) for i in range(count)], X, [f"v{count}"])


def function_of(count):
    body = [node("Neg", [f"v{i}" if i else "a"], [f"v{i + 1}" if i + 1 < count else "b"]) for i in range(count)]
    function = helper.make_function("my", "F", ["a"], ["b"], body, [helper.make_opsetid("", 21)])
    return model([node("F", ["x"], ["y"], domain="my")], X, functions=[function], opsets={"": 21, "my": 1})


def constant(rank):
    return model([node("Identity", ["w"], ["y"])], initializers=[("w", np.ones([1] * rank, np.float32))])


NESTED = graphs.nested_ifs(12, graphs.constant("c", np.array(True)))
# limit: a model, the largest value that refuses it, the smallest that takes it, words of the message
CASES = {
    "max_file_bytes": (chain(1), len(chain(1)) - 1, len(chain(1)), str(len(chain(1)))),
    "max_message_depth": (NESTED, 20, 60, "nested more than 20 deep"),
    "max_graph_depth": (NESTED, 12, 13, "nested more than 12 deep"),
    "max_nodes": (chain(9), 8, 9, "more than 8 nodes"),
    "max_values": (chain(9), 10, 40, "more than 10 names"),
    "max_rank": (constant(7), 6, 7, "6"),
}


@pytest.mark.parametrize("limit", CASES)
def test_limit(limit, run_ferry, tmp_path):  # noqa: F811
    made, refuses, takes, words = CASES[limit]
    with pytest.raises(ferry.LimitExceeded, match=f"{words}.*{limit}"):
        ferry.Model(made, limits={limit: refuses})
    ferry.Model(made, limits={limit: takes})
    ferry.Model(made)
    path = tmp_path / "m.onnx"
    path.write_bytes(made)
    done = run_ferry("info", path, "--limit", f"{limit}={refuses}")
    assert done.code == 1 and "LimitExceeded" in done.err and words in done.err and f"({limit})" in done.err and "m.onnx" in done.err
    assert run_ferry("info", path, "--limit", f"{limit}={takes}").code == 0


def test_growth_by_functions(run_ferry, tmp_path):  # noqa: F811
    made = onnx.load_from_string(function_of(50))
    del made.graph.node[:]
    made.graph.node.extend(node("F", [f"v{i}" if i else "x"], [f"v{i + 1}"], domain="my") for i in range(9))
    made.graph.output[0].name = "v9"
    text = made.SerializeToString()
    with pytest.raises(ferry.LimitExceeded, match="inlining functions makes over 118 nodes of the 59 in the file"):
        ferry.Model(text, limits={"max_inline_growth": 2, "max_inline_extra_nodes": 0})
    ferry.Model(text, limits={"max_inline_growth": 2, "max_inline_extra_nodes": 1000})
    ferry.Model(text, limits={"max_inline_growth": 20, "max_inline_extra_nodes": 0})
    ferry.Model(text)
    path = tmp_path / "m.onnx"
    path.write_bytes(text)
    done = run_ferry("info", path, "--limit", "max_inline_growth=2,max_inline_extra_nodes=0")
    assert done.code == 1 and "(max_inline_growth, max_inline_extra_nodes)" in done.err
    assert run_ferry("info", path, "--limit", "max_inline_growth=20", "--limit", "max_inline_extra_nodes=0").code == 0


def test_unknown_limits_and_wrong_values(run_ferry, tmp_path):  # noqa: F811
    with pytest.raises(ferry.InvalidArgument, match="'max_joy'.*max_nodes"):
        ferry.Model(chain(1), limits={"max_joy": 1})
    with pytest.raises(ferry.InvalidArgument, match="max_rank"):
        ferry.Model(chain(1), limits={"max_rank": 2**40})
    path = tmp_path / "m.onnx"
    path.write_bytes(chain(1))
    for words in ("max_joy=1", "max_nodes", "max_nodes=-1", "max_nodes=many"):
        assert run_ferry("info", path, "--limit", words).code == 2


def test_memory_of_loading_and_of_the_session(run_ferry, tmp_path):  # noqa: F811
    sparse = onnx.SparseTensorProto(dims=[1 << 20])
    sparse.values.CopyFrom(onnx.numpy_helper.from_array(array([1], np.float32), "w"))
    sparse.indices.CopyFrom(onnx.numpy_helper.from_array(array([5])))
    made = model([node("Identity", ["w"], ["y"])], sparse=[sparse])
    with pytest.raises(ferry.OutOfMemory, match="'w'.*4194304 bytes wanted.*of the budget of 1048576"):
        ferry.Model(made, memory_limit=1 << 20)
    path = tmp_path / "m.onnx"
    path.write_bytes(made)
    assert "OutOfMemory" in run_ferry("run", path, "--memory-limit", "1M").err
    assert run_ferry("run", path, "--memory-limit", "64M").code == 0
    large = model([node("ConstantOfShape", ["n"], ["y"])], [info("n", onnx.TensorProto.INT64, [1])])
    with pytest.raises(ferry.OutOfMemory, match="of the budget of 1048576"):
        ferry.Session(large, memory_limit=1 << 20).run({"n": array([1 << 20])})


@pytest.mark.parametrize("limits", [{"max_fold_bytes_per_value": 1000}, {"max_fold_bytes": 1000}])
def test_folding(limits, run_ferry, tmp_path):  # noqa: F811
    made = model([node("Exp", ["w"], ["y"], "exp")], initializers=[("w", np.zeros(1000, np.float32))])
    folded, kept = ferry.Session(made), ferry.Session(made, **limits)
    assert [s.op for s in kept.report().steps] == ["Exp"] and folded.report().steps == []
    assert np.array_equal(kept.run({})["y"], folded.run({})["y"])
    path = tmp_path / "m.onnx"
    path.write_bytes(made)
    option = [f"--{name.replace('_', '-')}={value}" for name, value in limits.items()]
    steps = [json.loads(run_ferry("info", path, "--json", *words).out)["steps"] for words in ([], option)]
    assert steps == [0, 1] and run_ferry("run", path, *option).code == 0


def test_every_limit_is_documented():
    text = (ROOT / "docs/limits.md").read_text()
    header = (ROOT / "include/ferry/limits.h").read_text()
    fields = [line.split("=")[0].split()[-1] for line in header.splitlines() if line.startswith("  uint") and "=" in line]
    assert len(fields) == 8
    for name in [*fields, "max_fold_bytes", "max_fold_bytes_per_value", "memory_limit"]:
        assert f"`{name}`" in text, name
