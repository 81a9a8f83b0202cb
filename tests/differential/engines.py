# SPDX-License-Identifier: Apache-2.0
"""Ferry in every way that it can run a graph, and its peers."""

import copy
import functools
from typing import Any

import numpy as np
import onnx

import ferry

from . import elements as el

REFERENCE = {"reference_kernels": True, "optimize": False, "threads": 1, "accuracy": "exact"}
FAST = {"threads": 1}
# What must agree with the reference. The first is what users run.
WAYS = {
    "fast": FAST,
    "rewritten, reference kernels": {"reference_kernels": True, "threads": 1, "accuracy": "exact"},
    "as written, fast kernels": {"optimize": False, "threads": 1},
    "exact": {"threads": 1, "accuracy": "exact"},
    "avx2": {"threads": 1, "isa": "avx2"},
    "scalar": {"threads": 1, "isa": "scalar"},
    "memory": {"threads": 1, "prefer": "memory"},
    "nothing folded": {"threads": 1, "max_fold_bytes": 1},
}


@functools.cache
def pass_names() -> tuple[str, ...]:
    """Every rewrite, from the report of a session of any model."""
    info = onnx.helper.make_tensor_value_info("x", 1, [1])
    out = onnx.helper.make_tensor_value_info("y", 1, [1])
    body = onnx.helper.make_graph([onnx.helper.make_node("Relu", ["x"], ["y"])], "g", [info], [out])
    model = onnx.helper.make_model(body, opset_imports=[onnx.helper.make_opsetid("", 21)], ir_version=10)
    return tuple(dict.fromkeys(p.name for p in ferry.Session(model.SerializeToString()).report().passes))


def session(model: bytes, options: dict) -> ferry.Session:
    return ferry.Session(model, **options)


class Peer:
    """A peer's result, or why it has none."""

    def __init__(self, values: dict[str, Any] | None, why: str = ""):
        self.values, self.why = values, why


def as_declared(data: Any, text: str) -> Any:
    """onnxruntime hands out floats of 8 bits as their bytes."""
    element = el.of_text(text)
    return data.view(el.dtype(element)) if element in el.TINY_FLOATS and getattr(data, "dtype", None) == np.uint8 else data


def onnxruntime_run(model: onnx.ModelProto, inputs: dict[str, Any]) -> Peer:
    import onnxruntime

    onnxruntime.set_default_logger_severity(4)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    try:
        peer = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        made = peer.run(None, copy.deepcopy(inputs))  # BatchNormalization in training writes into its running mean
        return Peer({o.name: as_declared(v, o.type) for o, v in zip(peer.get_outputs(), made)})
    except Exception as error:  # noqa: BLE001  (a peer may refuse in any way)
        return Peer(None, str(error).splitlines()[0][:200] if str(error) else type(error).__name__)


def onnx_reference_run(model: onnx.ModelProto, inputs: dict[str, Any]) -> Peer:
    from onnx.reference import ReferenceEvaluator

    try:
        with np.errstate(all="ignore"):
            made = ReferenceEvaluator(model).run(None, copy.deepcopy(inputs))  # it writes into some
        return Peer({o.name: v for o, v in zip(model.graph.output, made)})
    except Exception as error:  # noqa: BLE001
        return Peer(None, f"{type(error).__name__}: {error}"[:200])


PEERS = {"onnxruntime": onnxruntime_run, "onnx": onnx_reference_run}
