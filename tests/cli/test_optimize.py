# SPDX-License-Identifier: Apache-2.0
"""`ferry optimize`, and what `ferry check` forgives."""

import onnx
from onnx import helper

from tests.cli import models


def test_levels(ferry, tmp_path):
    model, out = models.matmul(tmp_path / "m.onnx"), tmp_path / "o.onnx"
    for level in ("none", "basic", "all"):
        report = ferry("optimize", model, "-o", out, "--level", level, "--json").json
        assert report["nodes_before"] == report["nodes_after"] == 1
        assert bool(report["passes"]) == (level != "none")
        onnx.checker.check_model(out, full_check=True)
        assert ferry("info", out, "--json").json["outputs"] == ferry("info", model, "--json").json["outputs"]
    assert "1 node before, 1 after" in ferry("optimize", model, "-o", out).out


def test_opsets(ferry, fails, tmp_path):
    model, out = models.matmul(tmp_path / "m.onnx"), tmp_path / "o.onnx"
    ferry("optimize", model, "-o", out, "--level", "none", "--opset", "9")
    assert onnx.load(out).opset_import[0].version == 9
    fails("optimize", model, "-o", out, "--opset", "99", words=["InvalidArgument", "opset 99"])
    fails("optimize", model, "-o", tmp_path / "no/o.onnx", words=["IoError"])
    assert ferry("optimize", model, "-o", out, "--level", "some").code == 2


def test_options_of_the_other_verbs(ferry, tmp_path):
    model, out = models.matmul(tmp_path / "m.onnx"), tmp_path / "o.onnx"
    off = (["fold_constants,merge_duplicates"], ["fold_constants", "--passes-off", "merge_duplicates"])
    reports = [ferry("optimize", model, "--output", out, "--json", "--passes-off", *words).json for words in off]
    names = [{p["name"] for p in report["passes"]} for report in reports]
    assert names[0] == names[1] and not names[0] & {"fold_constants", "merge_duplicates"}
    assert ferry("optimize", model, "--out", out).code == 0


def test_external_data(ferry, tmp_path):
    model, out = models.matmul(tmp_path / "m.onnx"), tmp_path / "o.onnx"
    ferry("optimize", model, "-o", out, "--external-data")
    assert (tmp_path / "o.onnx.data").exists()
    assert ferry("check", out).code == 0


def test_check_is_strict(ferry, fails, tmp_path):
    path = tmp_path / "m.onnx"
    x, y = (helper.make_tensor_value_info(n, 1, [2]) for n in "xy")
    nodes = [helper.make_node("Relu", ["t"], ["y"]), helper.make_node("Neg", ["x"], ["t"])]
    graph = helper.make_graph(nodes, "g", [x], [y])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9), path)
    fails("check", path, words=["InvalidModel", "out of order", "loading forgives that", "--lenient"])
    nodes[0].op_type = "Unheard"
    broken = helper.make_graph(nodes, "g", [x], [y])
    onnx.save(helper.make_model(broken, opset_imports=[helper.make_opsetid("", 20)], ir_version=9), tmp_path / "b.onnx")
    assert "--lenient" not in fails("check", tmp_path / "b.onnx", words=["Unheard"])
    assert ferry("check", path, "--lenient").code == 0
    (tmp_path / "no.onnx").write_bytes(b"no model")
    assert "forgives" not in fails("check", tmp_path / "no.onnx", words=["InvalidModel"])
    assert ferry("info", path).code == 0


def test_operators_and_values(ferry, tmp_path):
    operators = {op["name"]: op for op in ferry("info", "--operators", "--json").json}
    assert operators["Conv"]["versions"] == [1, 11, 22] and operators["Conv"]["kernels"]
    assert operators["com.microsoft.FastGelu"]["rewritten"]
    assert "Conv" in ferry("info", "--operators").out
    values = ferry("info", models.matmul(tmp_path / "m.onnx"), "--json").json["values"]
    assert {"name": "x", "type": "f32[N,8]", "dtype": "f32", "dims": ["N", 8]} in values
    assert ferry("info").code == 2
