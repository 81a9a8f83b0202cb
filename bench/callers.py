# SPDX-License-Identifier: Apache-2.0
"""Several callers at once, beside onnxruntime with the same arrangement.

    python -m bench.callers net.onnx [--threads 2] [--seconds 2] [--callers 2]

Runs per second of: one session and one caller; as many sessions as callers, each in a thread of its own; one session shared
by 16 callers; and two sessions in series, whose time is compared with the sum of both alone. Every session may use --threads.
"""

import argparse
import statistics
import threading
import time

import numpy as np

import ferry


def open_ferry(path, threads):
    session = ferry.Session(path, threads=threads)
    return session.run


def open_onnxruntime(path, threads):
    import onnxruntime

    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda inputs: session.run(None, inputs)


def random_inputs(path):
    random = np.random.default_rng(0)
    feed = {}
    for v in ferry.Session(path, threads=1).inputs:
        shape = [d if isinstance(d, int) else 1 for d in v.shape]
        kind = np.dtype(v.dtype)
        feed[v.name] = (random.standard_normal(shape) if kind.kind == "f" else np.zeros(shape)).astype(kind)
    return feed


def rate(runs, inputs, seconds):
    """Runs per second of all callers together."""
    counts, stop = [0] * len(runs), threading.Event()

    def call(i):
        while not stop.is_set():
            runs[i](inputs)
            counts[i] += 1

    for run in dict.fromkeys(runs):
        for _ in range(3):
            run(inputs)
    callers = [threading.Thread(target=call, args=(i,)) for i in range(len(runs))]
    start = time.perf_counter()
    for caller in callers:
        caller.start()
    time.sleep(seconds)
    stop.set()
    for caller in callers:
        caller.join()
    return sum(counts) / (time.perf_counter() - start)


def median_seconds(calls, inputs, seconds):
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        for run in calls:
            run(inputs)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--callers", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=2)
    options = parser.parse_args()
    inputs = random_inputs(options.model)
    print(f"{'runs per second':28}{'ferry':>10}{'onnxruntime':>13}{'ratio':>8}")
    engines = [open_ferry, open_onnxruntime]
    sessions = [[make(options.model, options.threads) for _ in range(options.callers)] for make in engines]
    for label, pick in [("one caller", lambda s: s[:1]), (f"{options.callers} sessions", lambda s: s),
                        ("16 callers, one session", lambda s: s[:1] * 16)]:
        rates = [rate(pick(s), inputs, options.seconds) for s in sessions]
        print(f"{label:28}{rates[0]:10.1f}{rates[1]:13.1f}{rates[0] / rates[1]:8.2f}")
    for name, s in zip(("ferry", "onnxruntime"), sessions):
        alone = sum(median_seconds([run], inputs, options.seconds / 2) for run in s)
        series = median_seconds(s, inputs, options.seconds)
        print(f"{name}: {len(s)} sessions in series take {series / alone:.3f} of the sum")


if __name__ == "__main__":
    main()
