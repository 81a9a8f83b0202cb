# SPDX-License-Identifier: Apache-2.0
"""`ferry bench`: the report, peers, profile and roof. What they contain, not how fast anything is."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from tests.cli import models
from tests.cli.conftest import FERRY


@pytest.fixture
def model(tmp_path):
    return models.matmul(tmp_path / "m.onnx")


def test_bench(ferry, model):
    report = ferry("bench", model, "--seconds", "0.1", "--threads", "1,2", "--json").json
    assert [result["threads"] for result in report["results"]] == [1, 2]
    report = ferry("bench", model, "--seconds", "0.1", "--threads", "0", "--tuning-ms", "50", "--json").json
    assert report["results"][0]["threads_reason"].startswith(("measured", "cost model", "the only CPU"))
    for result in report["results"]:
        latency = result["latency"]
        assert 0 < latency["min_ms"] <= latency["p50_ms"] <= latency["p90_ms"] <= latency["p99_ms"]
        assert result["load_ms"] > 0 and result["memory"]["peak_bytes"] > 0
    done = ferry("bench", model, "--seconds", "0.1", "--profile")
    assert done.code == 0 and "p50" in done.out and "product" in done.out
    assert "\r" not in done.err


def test_bench_profile(ferry, model, tmp_path):
    trace = tmp_path / "trace.json"
    report = ferry("bench", model, "--seconds", "0.1", "--threads", "1", "--dim", "N=64",
                   "--profile", "--trace", trace, "--json").json
    result = report["results"][0]
    assert result["roof"]["gflops"] > 0 and result["of_roof"] > 0
    [step] = result["steps"]
    assert step["node"] == "product" and step["share"] == 1
    assert step["flops"] == 2 * 64 * 8 * 4
    assert step["bytes"] >= 4 * (64 * 8 + 64 * 4)
    events = json.loads(trace.read_text())["traceEvents"]
    [event] = [event for event in events if event["ph"] == "X"]
    assert event["name"] == "MatMul product" and event["dur"] > 0
    assert event["args"]["kernel"] == step["kernel"]


def test_a_lookup_counts_what_it_reads(ferry, tmp_path):
    table = models.embedding(tmp_path / "m.onnx", rows=5000, width=8)
    report = ferry("bench", table, "--seconds", "0.1", "--threads", "1", "--profile", "--json").json
    [step] = report["results"][0]["steps"]
    assert step["bytes"] == 3 * 8 + 2 * 3 * 8 * 4


def test_roofline(ferry):
    [roof] = ferry("bench", "--roofline", "--threads", "1", "--json").json
    assert roof["gflops"] > 0 and roof["memory"][-1]["level"] == "DRAM"
    assert all(level["read_gbs"] > 0 and level["copy_gbs"] > 0 for level in roof["memory"])
    assert "GF/s" in ferry("bench", "--roofline", "--threads", "1").out


def test_roofline_takes_no_model(ferry, model):
    for option in ([model], ["--profile"], ["--dim", "N=1"]):
        done = ferry("bench", "--roofline", *option)
        assert done.code == 2 and "--roofline: measures the machine, without a model; leave out" in done.err


@pytest.mark.parametrize("option", [["--torch", "a:b"], ["--python", "python3"]])
def test_options_of_peers_want_a_peer(ferry, model, option):
    done = ferry("bench", model, *option)
    assert done.code == 2 and f"{option[0]} requires --vs" in done.err


@pytest.mark.parametrize("seconds", ["nan", "-1", "inf", "3601", "x", ""])
def test_seconds_are_a_number(ferry, model, seconds):
    done = ferry("bench", model, f"--seconds={seconds}")
    assert done.code == 2 and "--seconds" in done.err


def test_results_outlive_files_that_cannot_be_written(ferry, model, tmp_path):
    for option in ("--markdown", "--trace", "--plot"):
        # What is known before is said before.
        done = ferry("bench", model, "--threads", "1", option, tmp_path / "none" / "a.svg")
        assert done.code == 1 and "none/a.svg: cannot be written: No such file" in done.err and done.out == ""
    for option in ("--markdown", "--trace"):
        done = ferry("bench", model, "--threads", "1", option, tmp_path)
        assert done.code == 1 and "Is a directory" in done.err and done.out == ""
        done = ferry("bench", model, "--seconds", "0", "--threads", "1", option, "/dev/full")
        assert done.code == 1 and "/dev/full: cannot be written: No space" in done.err and "p50" in done.out
    done = ferry("bench", model, "--vs", "onnxruntime", env={"TMPDIR": str(tmp_path / "none")})
    assert done.code == 1 and "no temporary folder can be made" in done.err and "TMPDIR" in done.err
    assert ferry("bench", model, "--seconds", "0", env={"TMPDIR": str(tmp_path / "none")}).code == 0


def test_a_trace_has_a_process_for_each_number_of_threads(ferry, model, tmp_path):
    trace = tmp_path / "trace.json"
    assert ferry("bench", model, "--seconds", "0", "--threads", "1,2", "--trace", trace).code == 0
    names = [event["args"]["name"] for event in json.loads(trace.read_text())["traceEvents"] if event["ph"] == "M"]
    assert names == [f"{model}, 1 thread", f"{model}, 2 threads"]


def test_json_is_all_that_is_printed(ferry, model, tmp_path):
    table = tmp_path / "table.md"
    report = ferry("bench", model, "--seconds", "0", "--tuning-ms", "1", "--markdown", table, "--json").json
    assert report["results"][0]["threads_reason"] in table.read_text()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("peer", [False, True])
def test_a_signal_leaves_nothing_behind(model, tmp_path, number, peer):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    words = [FERRY, "bench", model, "--seconds", "600"]
    if peer:
        (tmp_path / "python").write_text("#!/bin/sh\nexec sleep 600\n")
        (tmp_path / "python").chmod(0o755)
        words += ["--vs", "onnxruntime", "--python", tmp_path / "python"]
    with subprocess.Popen([str(word) for word in words], env={**os.environ, "TMPDIR": str(scratch)},
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
                          preexec_fn=lambda: signal.signal(number, signal.SIG_DFL)) as process:
        made = "inputs.npz" if peer else ""
        end = time.monotonic() + 60
        while not any((folder / made).exists() for folder in scratch.iterdir()) and time.monotonic() < end:
            time.sleep(0.02)
        process.send_signal(number)
        assert process.wait(60) == -number
    assert list(scratch.iterdir()) == []


def test_a_chart_is_an_svg(ferry, model, tmp_path):
    done = ferry("bench", model, "--plot", tmp_path / "p.png")
    assert done.code == 2 and "p.png' is no .svg file" in done.err
    assert not (tmp_path / "p.png").exists()


def test_bench_needs_a_model(ferry):
    done = ferry("bench")
    assert done.code == 2 and "MODEL" in done.err


def test_bench_against_peers(ferry, model, tmp_path):
    pytest.importorskip("onnxruntime")
    table, plot = tmp_path / "table.md", tmp_path / "plot.svg"
    report = ferry("bench", model, "--seconds", "0.2", "--threads", "1", "--vs",
                   "onnxruntime,torch", "--python", sys.executable, "--markdown", table, "--plot",
                   plot, "--json").json
    result = report["results"][0]
    runs, eager, compiled = result["peers"]
    assert runs["name"] == "onnxruntime" and runs["right"] and runs["error"] < 1e-5
    assert runs["speedup"] > 0 and runs["rounds"] >= 1 and runs["latency"]["runs"] > 0
    assert runs["memory"]["peak_bytes"] > runs["memory"]["before_bytes"] > 0
    assert result["best_peer"]["name"] == "onnxruntime"
    for peer in (eager, compiled):  # no --torch: a row that says so, not an error
        assert "--torch" in peer["failure"]
    assert table.read_text().count("| onnxruntime") == 1
    assert "not measured: torch" in table.read_text()
    assert plot.read_text().startswith("<svg") and "ferry, 1 thr" in plot.read_text()


def test_a_peer_whose_outputs_differ_is_no_best_peer(ferry, tmp_path):
    pytest.importorskip("torch")
    path = models.matmul(tmp_path / "matmul.onnx")
    (tmp_path / "wrong.py").write_text(
        "import torch\ndef make():\n    m = torch.nn.Linear(8, 4)\n    return m\n")
    result = ferry("bench", path, "--seconds", "0.1", "--threads", "1", "--vs", "torch",
                   "--torch", "wrong:make", "--python", sys.executable, "--json",
                   env={"PYTHONPATH": str(tmp_path), "TORCHDYNAMO_DISABLE": "1"}).json["results"][0]
    assert [peer["right"] for peer in result["peers"]] == [False, False]
    assert "best_peer" not in result


def test_a_missing_peer_is_told(fails, model, tmp_path):
    (tmp_path / "python").write_text(f"#!/bin/sh\nexec {sys.executable} -S -I \"$@\"\n")
    (tmp_path / "python").chmod(0o755)
    fails("bench", model, "--vs", "onnxruntime", "--python", tmp_path / "python",
          words=["onnxruntime: not installed", "pip install"])
    fails("bench", model, "--vs", "onnxruntime", "--python", tmp_path / "absent",
          words=["absent", "cannot be started", "--python"])


def test_a_peer_that_dies_is_told(fails, model, tmp_path):
    (tmp_path / "python").write_text("#!/bin/sh\nkill -9 $$\n")
    (tmp_path / "python").chmod(0o755)
    fails("bench", model, "--vs", "onnxruntime", "--python", tmp_path / "python",
          words=["died of signal 9"])
