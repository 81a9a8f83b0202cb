# SPDX-License-Identifier: Apache-2.0
"""The same model behind one call, whatever computes it: torch, onnxruntime or ferry."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
MODEL = HERE / "srcnn.onnx"
ENGINES = ("ferry", "onnxruntime", "torch")

Run = Callable[[np.ndarray], np.ndarray]


def open_torch(threads: int) -> Run:
    import torch
    from model import load_srcnn

    if threads:
        torch.set_num_threads(threads)
    model = load_srcnn()

    def run(x: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return model(torch.from_numpy(x)).numpy()

    return run


def open_onnxruntime(model: Path, threads: int) -> Run:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(model), options, ["CPUExecutionProvider"])
    return lambda x: session.run(["output"], {"input": x})[0]


def open_ferry(model: Path, threads: int) -> Run:
    import ferry

    session = ferry.Session(str(model), **({"threads": threads} if threads else {}))
    return lambda x: session.run({"input": x})["output"]


def open_engine(name: str, model: Path = MODEL, threads: int = 0) -> Run:
    """input to output by the named engine; threads = 0 leaves the number to it.

    `torch` runs the checkpoint srcnn.pt, the others the ONNX file `model`.
    """
    if name == "torch":
        return open_torch(threads)
    if name == "onnxruntime":
        return open_onnxruntime(model, threads)
    if name == "ferry":
        return open_ferry(model, threads)
    raise ValueError(f"engine '{name}' is none of {', '.join(ENGINES)}")
