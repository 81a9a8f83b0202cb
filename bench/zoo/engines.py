# SPDX-License-Identifier: Apache-2.0
"""The engines a zoo file can be run on: open(path, threads, accuracy) gives a function from named
arrays to named arrays. Each is imported when it is first opened."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

Arrays = dict[str, np.ndarray]
Run = Callable[[Arrays], Arrays]


def open_onnxruntime(path: Path, threads: int, accuracy: str) -> Run:
    """`accuracy` is ignored: onnxruntime has one."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return lambda inputs: dict(zip(names, session.run(names, inputs)))


def open_ferry(path: Path, threads: int, accuracy: str) -> Run:
    import ferry

    return ferry.Session(str(path), threads=threads, accuracy=accuracy).run


ENGINES: dict[str, Callable[[Path, int, str], Run]] = {
    "ferry": open_ferry,
    "onnxruntime": open_onnxruntime,
}
