# SPDX-License-Identifier: Apache-2.0
"""One operator at a time beside onnxruntime and PyTorch, on the same values and shapes.

    python -m bench.ops [--only REGEX] [--threads 1] [--seconds 0.3] [--above 1.2] [--json FILE]

Engines take turns in one process; outputs are compared before; the fast quarter of the runs counts. The ratio is Ferry's time by the faster
peer's: 1.2 is the bar. --above prints only what is slower than that.
"""

import argparse
import json
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain

import numpy as np
import onnx
from onnx import helper, numpy_helper

from .op_cases import Case, all_cases
from .op_cases_models import cases_of_models
from .op_cases_more import more_cases

Run = Callable[[], object]

SPINNING = 0.05  # s: how long the other engines' threads go on spinning after a run


def make_model(case: Case) -> bytes:
    """A model of one node; the case's constants are initializers."""
    names = [f"i{i}" for i in range(len(case.inputs))]
    used = [n if a is not None else "" for n, a in zip(names, case.inputs)]
    kinds = [helper.np_dtype_to_tensor_dtype(a.dtype) if a is not None else 0 for a in case.inputs]
    constants = [numpy_helper.from_array(a, n) for i, (a, n) in enumerate(zip(case.inputs, names))
                 if a is not None and i in case.constants]
    infos = [helper.make_tensor_value_info(n, k, a.shape)
             for i, (a, n, k) in enumerate(zip(case.inputs, names, kinds))
             if a is not None and i not in case.constants]
    outputs = [f"o{i}" for i in range(case.outputs)]
    node = helper.make_node(case.op, used, outputs, name="node", **case.attributes)
    graph = helper.make_graph([node], "op", infos,
                              [onnx.ValueInfoProto(name=name) for name in outputs], constants)
    for value, kind in zip(graph.output, case.output_kinds or [None] * case.outputs):
        kind = kind if kind is not None else kinds[case.like]
        value.type.tensor_type.elem_type = kind
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", case.opset)], ir_version=10)
    return model.SerializeToString()


def feed_of(case: Case) -> dict[str, np.ndarray]:
    return {f"i{i}": a for i, a in enumerate(case.inputs)
            if a is not None and i not in case.constants}


def open_ferry(case: Case, model: bytes, threads: int) -> Run:
    import ferry

    session, feed = ferry.Session(model, threads=threads), feed_of(case)
    return lambda: list(session.run(feed).values())


def open_onnxruntime(case: Case, model: bytes, threads: int) -> Run:
    import onnxruntime as ort

    ort.disable_telemetry_events()
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4
    session = ort.InferenceSession(model, options, ["CPUExecutionProvider"])
    feed = feed_of(case)
    return lambda: session.run(None, feed)


def open_torch(case: Case, threads: int) -> Run | None:
    if case.torch is None:
        return None
    import torch

    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    tensors = [torch.from_numpy(a) if a is not None else None for a in case.inputs]
    return lambda: case.torch(torch, *tensors)


def kernel_of(model: bytes) -> str:
    import ferry

    steps = ferry.Session(model, threads=1).report().steps
    return " + ".join(dict.fromkeys(step.kernel for step in steps))


def time_once(run: Run, seconds: float) -> float:
    """The lower quartile of the runs that fit into `seconds`, at least four of short ones, after one that
    is not counted: what disturbs only adds time."""
    run()
    times, stop = [], time.perf_counter() + seconds
    while not times or time.perf_counter() < (stop if len(times) >= 4 else stop + 0.2):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 4]


def difference(seen: list, wanted: list) -> float:
    worst = 0.0
    for a, b in zip(seen, wanted):
        a, b = np.asarray(a), np.asarray(b)
        if a.shape != b.shape:
            return float("inf")
        if b.size:
            a, b = a.astype(np.float64), b.astype(np.float64)
            scale = max(float(np.abs(b[np.isfinite(b)]).max(initial=0)), 1e-30)
            with np.errstate(invalid="ignore"):
                gap = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0, np.abs(a - b))
            worst = max(worst, float(gap.max()) / scale)
    return worst


@dataclass
class Row:
    name: str
    kernel: str
    ms: dict[str, float]
    error: float | None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        peers = [v for k, v in self.ms.items() if k != "ferry"]
        return self.ms["ferry"] / min(peers) if peers and "ferry" in self.ms else None


def measure(case: Case, threads: int, seconds: float) -> Row:
    model = make_model(case)
    runs: dict[str, Run] = {}
    notes = []
    for name, make in (("ferry", lambda: open_ferry(case, model, threads)),
                       ("onnxruntime", lambda: open_onnxruntime(case, model, threads)),
                       ("torch", lambda: open_torch(case, threads))):
        try:
            run = make()
            if run is not None:
                run()
                runs[name] = run
        except Exception as error:  # an engine that cannot is a note in its row
            notes.append(f"{name}: {str(error).splitlines()[0][:80]}")
    if "ferry" not in runs:
        return Row(case.name, "", {}, None, "; ".join(notes))
    error = None
    if "onnxruntime" in runs:
        error = difference(runs["ferry"](), runs["onnxruntime"]())
    rounds = 4
    samples: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            if threads > 1:
                time.sleep(SPINNING)
            samples[name].append(time_once(run, seconds / rounds))
    ms = {name: 1e3 * min(values) for name, values in samples.items()}
    return Row(case.name, kernel_of(model), ms, error, "; ".join(notes))


def cells(row: Row) -> list[str]:
    ms = [f"{row.ms[n]:.3f}" if n in row.ms else "-" for n in ("ferry", "onnxruntime", "torch")]
    ratio = f"{row.ratio:.2f}" if row.ratio is not None else "-"
    error = f"{row.error:.0e}" if row.error else "0" if row.error == 0 else "-"
    return [row.name, *ms, ratio, row.kernel, error, row.note]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="a regular expression over the names of the cases")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=0.3, help="per engine and case")
    parser.add_argument("--above", type=float, default=0.0, help="print only ratios above this")
    parser.add_argument("--json", help="write every figure to this file")
    options = parser.parse_args()
    rows = []
    head = ["case", "ferry ms", "ort ms", "torch ms", "ratio", "kernel", "error", ""]
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for case in chain(all_cases(), more_cases(), cases_of_models()):
        if not re.search(options.only, case.name):
            continue
        row = measure(case, options.threads, options.seconds)
        rows.append(row)
        if row.ratio is None or row.ratio >= options.above or (row.error or 0) > 1e-3:
            print(f"| {' | '.join(cells(row))} |", flush=True)
    slow = [row for row in rows if row.ratio is not None and row.ratio > 1.2]
    wrong = [row for row in rows if row.error is not None and row.error > 1e-3]
    print(f"\n{len(rows)} cases, {len(slow)} slower than 1.2 x the faster peer, {len(wrong)} differ")
    if options.json:
        with open(options.json, "w") as file:
            json.dump([dict(vars(row), ratio=row.ratio) for row in rows], file, indent=1)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
