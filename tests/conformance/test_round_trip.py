# SPDX-License-Identifier: Apache-2.0
"""Every model of the suite, written again, is accepted by onnx.checker and computes the same."""

import collections

import onnx
import pytest
import suite

import ferry

# Random by nature: without a seed two runs differ.
RANDOM = {"test_bernoulli", "test_bernoulli_double", "test_bernoulli_expanded", "test_bernoulli_double_expanded"}
# onnx.checker refuses the model of the suite itself.
REFUSED = {"test_mvn"}


def trouble(case, again) -> str:
    """What is wrong with the bytes `again` that were written of a case's model; "" for nothing."""
    if case.name not in REFUSED:
        try:
            onnx.checker.check_model(again, full_check=True)
        except Exception as error:  # noqa: BLE001: the checker's are of many kinds
            return f"onnx.checker: {error}"
    if case.name in RANDOM:
        return ""
    wanted, got = (ferry.Session(m, threads=1, optimize=False).run(case.inputs) for m in (case.model, again))
    if list(wanted) != list(got):
        return f"outputs {list(wanted)} became {list(got)}"
    return "" if all(suite.equal(wanted[k], got[k]) for k in wanted) else "computes something else"


def share(index, shares):
    return [case for case in suite.cases() if case.kind != "light"][index::shares]


@pytest.mark.parametrize("index", range(4))
def test_level_none(index):
    bad = {}
    for case in share(index, 4):
        why = trouble(case, ferry.Model(case.model).optimize(level="none"))
        if why:
            bad[case.name] = why
    assert bad == {}


def test_attributes_that_other_readers_miss():
    text = """<ir_version: 10, opset_import: ["" : 22, "ai.onnx.ml" : 5]>
        g (float[N,1] x) => (float[N,1] y) {
            y = ai.onnx.ml.TreeEnsemble <nodes_featureids = [0], nodes_splits = float[1] {0.5}, nodes_modes = uint8[1] {0},
                nodes_truenodeids = [0], nodes_falsenodeids = [1], nodes_trueleafs = [1], nodes_falseleafs = [1],
                leaf_targetids = [0, 0], leaf_weights = float[2] {1, 2}, tree_roots = [0], n_targets = 1> (x) }"""
    again = ferry.Model(onnx.parser.parse_model(text).SerializeToString()).optimize(level="none")
    (node,) = onnx.load_from_string(again).graph.node
    assert [a.i for a in node.attribute if a.name == "n_targets"] == [1]


@pytest.mark.long
def test_level_none_light():
    for case in suite.cases():
        if case.kind == "light":
            assert trouble(case, ferry.Model(case.model).optimize(level="none")) == "", case.name


@pytest.mark.long
@pytest.mark.parametrize("opset", [7, 9, 11, 13, 15, 17, 18, 19, 21, 23, 25, 28])
def test_lower_opsets(opset):
    bad, results = {}, collections.Counter()
    for case in share(0, 1):
        model = ferry.Model(case.model)
        try:
            again = model.optimize(level="none", opset=opset)
        except ferry.InvalidArgument as error:
            assert "needs opset" in str(error) and str(error).startswith("node "), error
            results["refused"] += 1
            continue
        results["written"] += 1
        assert ferry.Model(again).metadata.opsets[""] == opset
        why = trouble(case, again)
        if why:
            bad[case.name] = why
    print(opset, dict(results))
    assert bad == {} and results["written"] > 0
    # The newest opset has words for everything.
    assert opset < 28 or results["refused"] == 0
