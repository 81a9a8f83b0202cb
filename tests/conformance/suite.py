# SPDX-License-Identifier: Apache-2.0
"""The backend tests of the installed onnx package as plain data, kept in build/ once made."""

import dataclasses
import functools
import os
import pickle
import warnings
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

ROOT = Path(__file__).parents[2]
KINDS = ("node", "simple", "pytorch-converted", "pytorch-operator")


@dataclasses.dataclass
class Case:
    name: str
    kind: str
    model: bytes
    inputs: list  # of the first data set: arrays, lists of them, None
    outputs: list
    rtol: float
    atol: float


def plain(value):
    if isinstance(value, onnx.TensorProto):
        return numpy_helper.to_array(value)
    if isinstance(value, onnx.SequenceProto):
        return [plain(v) for v in numpy_helper.to_list(value)]
    if isinstance(value, onnx.OptionalProto):
        return plain(numpy_helper.to_optional(value))
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value


def from_files(case, kind):
    """A test whose data lies in files beside its model."""
    folder = Path(case.model_dir)
    model = onnx.load(folder / "model.onnx")
    data = folder / "test_data_set_0"

    def values(stem, infos):
        out = []
        for j, info in enumerate(infos):
            path = data / f"{stem}_{j}.pb"
            if not path.exists():
                break
            which = info.type.WhichOneof("value")
            proto = {"sequence_type": onnx.SequenceProto, "optional_type": onnx.OptionalProto}.get(
                which, onnx.TensorProto)()
            proto.ParseFromString(path.read_bytes())
            out.append(plain(proto))
        return out

    initializers = {t.name for t in model.graph.initializer}
    inputs = [i for i in model.graph.input if i.name not in initializers]
    return Case(case.name, kind, model.SerializeToString(), values("input", inputs),
                values("output", model.graph.output), case.rtol, case.atol)


def light():
    """The networks whose weights are generated, as the package's own runner feeds them."""
    root = Path(onnx.__file__).parent / "backend/test/data/light"
    for path in sorted(root.glob("*.onnx")):
        model = onnx.load(path)
        initializers = {t.name for t in model.graph.initializer}
        inputs = []
        for info in model.graph.input:
            if info.name in initializers:
                continue
            dims = [d.dim_value or 1 for d in info.type.tensor_type.shape.dim]
            size = int(np.prod(dims))
            inputs.append((np.arange(size) / size).reshape(dims).astype(np.float32))
        output = onnx.TensorProto()
        output.ParseFromString(path.with_name(path.stem + "_output_0.pb").read_bytes())
        yield Case(f"test_{path.stem}", "light", model.SerializeToString(), inputs, [plain(output)], 1e-3, 1e-5)


def make():
    from onnx.backend.test.loader import load_model_tests

    warnings.simplefilter("ignore")
    made = []
    for kind in KINDS:
        for case in load_model_tests(kind=kind):
            if case.model is None:
                made.append(from_files(case, kind))
                continue
            inputs, outputs = case.data_sets[0]
            made.append(Case(case.name, kind, case.model.SerializeToString(), plain(inputs), plain(outputs),
                             case.rtol, case.atol))
    made.extend(light())
    return made


@functools.cache
def cases() -> list[Case]:
    cache = ROOT / "build" / f"suite-{onnx.__version__}.pickle"
    try:
        fields = pickle.loads(cache.read_bytes())
    except (OSError, pickle.UnpicklingError, EOFError):
        fields = [tuple(getattr(c, f.name) for f in dataclasses.fields(Case)) for c in make()]
        cache.parent.mkdir(exist_ok=True)
        partial = cache.with_suffix(f".{os.getpid()}")
        partial.write_bytes(pickle.dumps(fields))
        partial.replace(cache)
    return [Case(*f) for f in fields]


def equal(a, b) -> bool:
    """The same values bit for bit, as far as NumPy tells; NaN equals NaN."""
    if a is None or b is None:
        return a is None and b is None
    if isinstance(a, dict) or isinstance(b, dict):
        return isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys() and all(
            equal(a[k], b[k]) for k in a)
    if isinstance(a, list) or isinstance(b, list):
        return isinstance(a, list) and isinstance(b, list) and len(a) == len(b) and all(map(equal, a, b))
    a, b = np.asarray(a), np.asarray(b)
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    if a.dtype == object or a.dtype.kind in "OUS":
        return bool(np.array_equal(a, b))
    return a.tobytes() == b.tobytes()
