# SPDX-License-Identifier: Apache-2.0
"""What a call and a step cost besides their arithmetic.

    python -m bench.overhead [--json]

One Add of 8 floats is a call with nothing in it; chains of Softmax of 8 floats, which are not fused, differ by steps alone.
From C++ (`ferry bench`) and from Python, with the number of threads left to Ferry and with 1 and 2. Medians in microseconds.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time

import numpy as np
import onnx
from onnx import TensorProto, helper

import ferry

SHORT, LONG = 20, 220


def write_model(path, nodes, inputs):
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [8]) for name in inputs]
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [8])
    graph = helper.make_graph(nodes, "overhead", values, [y])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10), path)


def write_chain(path, length):
    names = ["x", *(f"h{i}" for i in range(length - 1)), "y"]
    write_model(path, [helper.make_node("Softmax", [a], [b]) for a, b in zip(names, names[1:])], ["x"])


def from_cpp(path, threads):
    binary = os.environ.get("FERRY", "ferry")
    command = [binary, "bench", path, "--threads", str(threads), "--seconds", "1", "--json"]
    result = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return result["results"][0]["latency"]["p50_ms"] * 1e3


def from_python(path, threads):
    session = ferry.Session(path, threads=threads)
    inputs = {v.name: np.ones(8, np.float32) for v in session.inputs}
    seconds = []
    for _ in range(20000):
        start = time.perf_counter()
        session.run(inputs)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[10000:]) * 1e6


def measure(folder):
    add, short, long = (os.path.join(folder, name) for name in ("add.onnx", "short.onnx", "long.onnx"))
    write_model(add, [helper.make_node("Add", ["a", "b"], ["y"])], ["a", "b"])
    write_chain(short, SHORT)
    write_chain(long, LONG)
    rows = []
    for threads in (0, 1, 2):
        step = (from_cpp(long, threads) - from_cpp(short, threads)) / (LONG - SHORT)
        rows.append({"threads": threads, "call_us": from_cpp(add, threads), "step_us": step,
                     "python_call_us": from_python(add, threads)})
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(folder)
    if options.json:
        print(json.dumps(rows))
        return
    print("threads  call C++  call Python  step C++   (us; 0 threads: chosen)")
    for row in rows:
        print(f"{row['threads']:7}  {row['call_us']:8.2f}  {row['python_call_us']:11.2f}  {row['step_us']:8.3f}")


if __name__ == "__main__":
    main()
