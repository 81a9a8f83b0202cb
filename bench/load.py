# SPDX-License-Identifier: Apache-2.0
"""From a model file to a session: time and memory, beside onnxruntime, and from the program cache.

    python -m bench.load MODEL.onnx ... [--threads 1,2] [--rounds 5]

Each figure comes from fresh processes that take turns; the model file is in the page cache. Printed are
the medians of the rounds: milliseconds to the session, milliseconds of the first run after it, and
the peak of resident memory above what the process held before, also as a multiple of the packed
weights.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

WAYS = ("onnxruntime", "ferry", "ferry cached")


def status_bytes(key):
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) * 1024
    raise KeyError(key)


def zeros(name, shape, dtype):
    import numpy as np
    sizes = [d if isinstance(d, int) and d > 0 else 1 if i == 0 else 16 for i, d in enumerate(shape)]
    return np.zeros(sizes, dtype)


def with_onnxruntime(path, threads):
    import onnxruntime as ort
    ort.disable_telemetry_events()
    ort.set_default_logger_severity(3)
    kinds = {"tensor(float)": "float32", "tensor(int64)": "int64", "tensor(int32)": "int32", "tensor(bool)": "bool"}

    def load():
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def run(session):
        session.run(None, {i.name: zeros(i.name, i.shape, kinds[i.type]) for i in session.get_inputs()})

    return load, run, lambda session: {}


def with_ferry(path, threads, cache):
    import ferry

    def load():
        return ferry.Session(path, threads=threads, cache=cache)

    def run(session):
        session.run({i.name: zeros(i.name, i.shape, i.dtype) for i in session.inputs if not i.optional})

    def more(session):
        report = session.report()
        return {"packed": report.packed_bytes, "source": report.source_bytes, "cache": report.cache,
                "session_ms": report.load_milliseconds}

    return load, run, more


def measure(way, path, threads, cache):
    load, run, more = (with_onnxruntime(path, threads) if way == "onnxruntime"
                       else with_ferry(path, threads, cache if way == "ferry cached" else "off"))
    before = status_bytes("VmRSS")
    start = time.perf_counter()
    session = load()
    loaded = time.perf_counter()
    peak = status_bytes("VmHWM") - before
    run(session)
    ran = time.perf_counter()
    return {"load_ms": (loaded - start) * 1e3, "first_run_ms": (ran - loaded) * 1e3, "peak": peak, **more(session)}


def in_a_process(*arguments):
    done = subprocess.run([sys.executable, "-m", "bench.load", "--measure", json.dumps(arguments)],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout)


def report(path, threads, rounds):
    results = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as cache:
        written = in_a_process("ferry cached", path, threads, cache)
        for _ in range(rounds):
            for way in WAYS:
                results[way].append(in_a_process(way, path, threads, cache))
    made = results["ferry"][0]
    assert all(r["cache"] == "hit" for r in results["ferry cached"]), results["ferry cached"]
    mb = made["packed"] / 1e6
    print(f"\n{path}, {threads} threads: packed {mb:.1f} MB, {made['packed'] / max(made['source'], 1):.2f} times "
          f"their constants; session and cache file written in {written['load_ms']:.1f} ms")

    def middle(way, key):
        return statistics.median(r[key] for r in results[way])

    for way in WAYS:
        load, peak = middle(way, "load_ms"), middle(way, "peak")
        line = f"  {way:13} load {load:8.1f} ms  first run {middle(way, 'first_run_ms'):8.1f} ms  " \
               f"peak {peak / 1e6:7.1f} MB ({peak / max(made['packed'], 1):.2f} x packed)"
        if way != "onnxruntime":
            line += f"  {middle('onnxruntime', 'load_ms') / load:6.1f} x as fast as onnxruntime"
            line += f"  session {middle(way, 'session_ms'):.1f} ms"
        if way == "ferry cached":
            line += f"  {load / mb * 100:.1f} ms per 100 MB"
        print(line, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*")
    parser.add_argument("--threads", default="1")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        print(json.dumps(measure(*json.loads(args.measure))))
        return
    for path in args.models:
        for threads in args.threads.split(","):
            report(os.fspath(path), int(threads), args.rounds)


if __name__ == "__main__":
    main()
