# SPDX-License-Identifier: Apache-2.0
"""`ferry info` and `ferry check`."""

import pytest

from tests.cli import models


@pytest.fixture
def model(tmp_path):
    return models.matmul(tmp_path / "m.onnx")


def test_info_tells_types_sizes_and_costs(ferry, model):
    report = ferry("info", model, "--dim", "N=3", "--json").json
    assert report["inputs"] == [{"name": "x", "type": "f32[N,8]", "dtype": "f32", "dims": ["N", 8]}]
    assert report["ops"] == {"MatMul": 1} and report["opsets"] == {"": 17}
    assert report["parameters"] == 32 and report["parameter_bytes"] == 128
    assert report["costs"]["flops"] == 2 * 3 * 8 * 4 and report["costs"]["sizes"] == {"N": 3}
    assert report["producer"] == "tests"
    text = ferry("info", model, "--kernels", "--passes").out
    assert "f32[N,8]" in text and "1 MatMul" in text and "kernels" in text and "passes" in text


def test_operators_are_of_no_model(ferry, model):
    done = ferry("info", "--operators", model)
    assert done.code == 2 and "those of a model: ferry info MODEL; leave out MODEL" in done.err
    done = ferry("info", model, "--node", "product", "--kernels")
    assert done.code == 2 and "--node: shows nodes of the model as it is in the file; leave out --kernels" in done.err


def test_info_counts_both_products_of_attention(ferry, tmp_path):
    model = models.attention(tmp_path / "a.onnx")
    products = 2 * (2 * 6 * 7 * 5) * (8 + 4)  # batch, heads, queries and keys times both widths
    assert ferry("info", model, "--dim", "T=7", "--json").json["costs"]["flops"] == products


def test_info_by_shape(ferry, fails, model):
    assert ferry("info", model, "--shape", "x=5x8", "--json").json["costs"]["sizes"] == {"N": 5}
    fails("info", model, "--shape", "x=5x9", words=["ShapeMismatch"])
    fails("info", model, "--shape", "q=5x8", words=["'q'", "'x'"])
    fails("info", model, "--shape", "x=5x8", "--dim", "N=4", words=["ShapeMismatch", "'N'"])
    assert ferry("info", model, "--shape", "x=5xlots").code == 2


def test_info_of_one_node(ferry, fails, model):
    for name in ("product", "y"):
        text = ferry("info", model, "--node", name).out
        assert "MatMul" in text and "f32[8,4]  constant" in text
    fails("info", model, "--node", "absent", words=["InvalidArgument", "absent"])


def test_check_lists_every_node(ferry, model):
    report = ferry("check", model, "--json").json
    assert report["ok"] and report["nodes"] == 1
    assert report["fast"] + report["view"] + report["reference"] == len(report["kernels"])
    done = ferry("check", model)
    assert done.code == 0 and "product" in done.out and "OK: 1 node" in done.out
    report = ferry("check", model, "--reference-kernels", "--json").json
    assert report["fast"] == 0 and report["kernels"][0]["speed"] == "reference"


def test_info_of_a_cached_program(ferry, fails, model, tmp_path):
    folder = tmp_path / "cache"
    for state in ("written", "hit"):
        report = ferry("info", model, "--cache", folder, "--json").json
        assert report["cache"]["state"] == state and report["source_bytes"] == 128
    text = ferry("info", model, "--dim", "N=3", "--cache", folder, "--verify-cache", "--cache-limit", "1M").out
    assert "cache       hit" in text and "times their constants" in text
    assert ferry("info", model, "--json").json["cache"]["state"] == "off"
    assert ferry("info", model, "--cache", folder, "--cache-limit", "lots").code == 2


def test_a_cache_of_no_use_is_told(ferry, model):
    words = ["--cache", model, "--dim", "N=1"]
    reason = f"unused: {model}: cannot be opened as a folder"
    assert f"cache       {reason}" in ferry("info", model, *words).out
    assert f"cache {reason}" in ferry("run", model, *words).out
    assert f"cache {reason}" in ferry("check", model, *words[:2]).out
    assert f"cache {reason}" in ferry("bench", model, *words, "--seconds", "0").out
    for verb in ("run", "check"):
        assert ferry(verb, model, *words[:2], "--json").json["cache"]["state"] == "unused"


def test_bytes_have_units(ferry, fails, model):
    limits = ["--memory-limit", "1MiB", "--max-fold-bytes", "64M", "--max-fold-bytes-per-value", "0"]
    assert ferry("info", model, *limits, "--limit", "max_file_bytes=1KiB,max_rank=2").code == 0
    fails("info", model, "--limit", "max_file_bytes=0.1k", words=["LimitExceeded", "the limit is 100", "max_file_bytes"])
    done = ferry("info", model, "--limit", "max_nodes=1k")
    assert done.code == 2 and "'1k' is no size; wanted an integer" in done.err
