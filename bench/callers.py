# SPDX-License-Identifier: Apache-2.0
"""Several callers at once, beside other engines with the same arrangement.

    python -m bench.callers net.onnx [--case case_0.npz] [--threads 2] [--seconds 2] [--callers 2] [--vs onnxruntime,openvino]

Runs per second of: one session and one caller; as many sessions as callers, each in a thread of its own; one session shared
by 16 callers; and two sessions in series, whose time is compared with the sum of both alone. Every session may use --threads.
The engines take turns, five each; medians; the ratio is to the fastest of the others. OpenVINO computes in f32. Inputs come from a case of the zoo; without one they are random, free sizes 1.
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
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda inputs: session.run(None, inputs)


def open_openvino(path, threads):
    import openvino

    options = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32", "NUM_STREAMS": 1}
    model = openvino.Core().compile_model(path, "CPU", options)
    requests = threading.local()

    def run(inputs):
        if not hasattr(requests, "of_thread"):
            requests.of_thread = model.create_infer_request()
        return requests.of_thread.infer(inputs)

    return run


PEERS = {"onnxruntime": open_onnxruntime, "openvino": open_openvino}
ROUNDS = 5


def case_inputs(path):
    case = np.load(path)
    return {name.removeprefix("in."): case[name] for name in case.files if name.startswith("in.")}


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


def seconds_per_round(calls, inputs, seconds):
    """Of all calls one after the other."""
    times, end = [], time.perf_counter() + seconds
    while not times or time.perf_counter() < end:
        start = time.perf_counter()
        for run in calls:
            run(inputs)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def in_turns(measures):
    """The median of each measure, taken in turns."""
    taken = [[measure() for measure in measures] for _ in range(ROUNDS)]
    return [statistics.median(column) for column in zip(*taken)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--case", help="an .npz file whose arrays in.NAME are the inputs")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--callers", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=2, help="per engine and line")
    parser.add_argument("--vs", default="onnxruntime", help=f"of {','.join(PEERS)}")
    options = parser.parse_args()
    engines = {"ferry": open_ferry, **{name: PEERS[name] for name in options.vs.split(",")}}
    inputs = case_inputs(options.case) if options.case else random_inputs(options.model)
    part = options.seconds / ROUNDS
    sessions = [[make(options.model, options.threads) for _ in range(options.callers)] for make in engines.values()]
    print(f"{'runs per second':28}" + "".join(f"{name:>13}" for name in engines) + f"{'ratio':>8}")
    for label, pick in [("one caller", lambda s: s[:1]), (f"{options.callers} sessions", lambda s: s),
                        ("16 callers, one session", lambda s: s[:1] * 16)]:
        rates = in_turns([lambda s=s: rate(pick(s), inputs, part) for s in sessions])
        print(f"{label:28}" + "".join(f"{r:13.1f}" for r in rates) + f"{rates[0] / max(rates[1:]):8.2f}")
    for name, s in zip(engines, sessions):
        series, *alone = in_turns([lambda calls=calls: seconds_per_round(calls, inputs, part / 2) for calls in (s, *([run] for run in s))])
        print(f"{name}: {len(s)} sessions in series take {series / sum(alone):.3f} of the sum")


if __name__ == "__main__":
    main()
