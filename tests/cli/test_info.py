# SPDX-License-Identifier: Apache-2.0
"""`ferry info`, `ferry check` and `ferry bench`."""

import sys

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


def test_bench(ferry, model):
    report = ferry("bench", model, "--seconds", "0.1", "--threads", "1,2", "--profile", "--json").json
    assert [result["threads"] for result in report["results"]] == [1, 2]
    for result in report["results"]:
        latency = result["latency"]
        assert 0 < latency["min_ms"] <= latency["p50_ms"] <= latency["p90_ms"] <= latency["p99_ms"]
        assert result["load_ms"] > 0 and result["memory"]["process_peak_bytes"] > 0
        assert [step["node"] for step in result["steps"]] == ["product"]
    done = ferry("bench", model, "--seconds", "0.1", "--profile")
    assert done.code == 0 and "p50" in done.out and "product" in done.out
    assert "\r" not in done.err


def test_bench_against_onnxruntime(ferry, model):
    pytest.importorskip("onnxruntime")
    report = ferry("bench", model, "--seconds", "0.2", "--threads", "1", "--vs", "onnxruntime",
                   "--python", sys.executable, "--json").json
    peer = report["results"][0]["peer"]
    assert peer["ratio"] > 0 and peer["rounds"] >= 1 and peer["latency"]["runs"] > 0


def test_a_missing_peer_is_told(fails, model, tmp_path):
    (tmp_path / "python").write_text(f"#!/bin/sh\nexec {sys.executable} -S -I \"$@\"\n")
    (tmp_path / "python").chmod(0o755)
    for python in (tmp_path / "python", tmp_path / "absent"):
        fails("bench", model, "--vs", "onnxruntime", "--python", python,
              words=["onnxruntime is not importable", "pip install"])
