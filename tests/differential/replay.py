# SPDX-License-Identifier: Apache-2.0
"""Values and spreads of a whole model on given inputs, node by node; cases kept as files."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from . import elements as el
from .builder import EXACT_OPS, SHADOWS, WIDEST, Value, cancelled_inside, evaluate, fit, perturb


@dataclasses.dataclass
class Run:
    inputs: dict[str, Any]
    values: dict[str, Value]  # of every value of the graph


@dataclasses.dataclass
class Case:
    """A graph and one or more sets of inputs, each with the value and the spread of every output."""

    seed: int
    model: onnx.ModelProto
    runs: list[Run]
    ops: set[str]
    types: set[int]

    @property
    def nodes(self) -> int:
        return len(self.model.graph.node)


def all_nodes(body: onnx.GraphProto):
    for n in body.node:
        yield n
        for a in n.attribute:
            if a.HasField("g"):
                yield from all_nodes(a.g)


def ops_of(body: onnx.GraphProto) -> set[str]:
    return {(n.domain + "." if n.domain else "") + n.op_type for n in all_nodes(body)}


def captured_names(node: onnx.NodeProto) -> list[str]:
    """Names of outer values that the bodies of a node use."""
    found: dict[str, None] = {}
    for a in node.attribute:
        if a.HasField("g"):
            own = {i.name for i in a.g.input} | {t.name for t in a.g.initializer}
            for n in a.g.node:
                for name in [*n.input, *captured_names(n)]:
                    if name and name not in own:
                        found[name] = None
                own |= set(n.output)
            for o in a.g.output:
                if o.name not in own:
                    found[o.name] = None
    return list(found)


def replay(nodes: list[onnx.NodeProto], values: dict[str, Value], g: np.random.Generator) -> None:
    """Adds the value of every output of the nodes to `values`. Raises Reject and Refused."""
    for node in nodes:
        if all(o in values for o in node.output if o):
            continue
        if node.op_type == "Constant":
            data = onnx.helper.get_attribute_value(node.attribute[0])
            values[node.output[0]] = known(node.output[0], data)
            continue
        names = dict.fromkeys([*node.input, *captured_names(node)])
        exact = node.op_type in EXACT_OPS
        results, shadows = evaluate(node, [values[n] for n in names if n], exact, g)
        for i, output in enumerate(node.output):
            if output:
                made = Value(output, results[i][2], results[i][0], [s[i] for s in shadows], results[i][1])
                if not exact:
                    made.shadows = [perturb(s, made.element, g) for s in made.shadows]
                cancelled_inside(node, made, [values[n] if n else None for n in node.input])
                fit(made, True, WIDEST)
                values[output] = made


def known(name: str, tensor: onnx.TensorProto) -> Value:
    data = onnx.numpy_helper.to_array(tensor)
    if tensor.data_type == el.STRING:
        data = np.array([s.decode() if isinstance(s, bytes) else s for s in data.ravel()], object).reshape(data.shape)
    return Value(name, tensor.data_type, data, [data] * SHADOWS, constant=True, fixed=True)


def kind_of(declared: onnx.TypeProto) -> tuple[str, int]:
    """Kind and element of a value of that type."""
    kind = declared.WhichOneof("value")
    if kind == "tensor_type":
        return "tensor", declared.tensor_type.elem_type
    if kind == "map_type":
        return "map", declared.map_type.value_type.tensor_type.elem_type
    inner, element = kind_of(getattr(declared, kind).elem_type)
    outer = kind.removesuffix("_type")
    return (outer if inner == "tensor" else f"map {outer}" if inner == "map" else f"{outer} {inner}"), element


def case_of(model: onnx.ModelProto, inputs: list[dict[str, Any]], seed: int = 0) -> Case:
    """A case from a model and inputs."""
    runs = []
    types: set[int] = set()
    for given in inputs:
        values = {t.name: known(t.name, t) for t in model.graph.initializer}
        for info in model.graph.input:
            kind, element = kind_of(info.type)
            data = given[info.name]
            values[info.name] = Value(info.name, element, data, [data] * SHADOWS, kind)
        replay(list(model.graph.node), values, np.random.default_rng(seed))
        types |= {v.element for v in values.values()}
        runs.append(Run(given, values))
    return Case(seed, model, runs, ops_of(model.graph), types)


def parts(data: Any) -> dict[str, np.ndarray]:
    """Arrays by their place in an input: "" is the tensor, "/2" an element of a sequence, "/keys" and "/values" those of a map."""
    if data is None:
        return {"/none": np.array(0)}
    if isinstance(data, dict):
        return {"/keys": np.array(list(data)), "/values": np.array(list(data.values()))}
    if isinstance(data, list):
        inner = {f"/{i}{place}": part for i, d in enumerate(data) for place, part in parts(d).items()}
        return {"/count": np.array(len(data)), **inner}
    array = np.asarray(data)
    if array.dtype == object:
        return {"": array.astype(str)}
    small = array.dtype.kind == "V" or array.dtype.isbuiltin != 1
    return {"": array.view(np.uint8 if array.dtype.itemsize == 1 else np.uint16) if small else array}


def whole(arrays: dict[str, np.ndarray], element: int) -> Any:
    """What `parts` took apart."""
    if "/none" in arrays:
        return None
    if "/keys" in arrays:
        return dict(zip(arrays["/keys"].tolist(), arrays["/values"].tolist(), strict=True))
    if "/count" in arrays:
        return [whole({place.removeprefix(f"/{i}"): a for place, a in arrays.items() if place == f"/{i}" or place.startswith(f"/{i}/")}, element)
                for i in range(int(arrays["/count"]))]
    wanted = el.dtype(element)
    return arrays[""].astype(object) if wanted == object else arrays[""] if wanted == arrays[""].dtype else arrays[""].view(wanted)


def save(case: Case, stem: Path) -> None:
    """STEM.onnx and STEM.npz (parts of inputs as 'RUN/NAME/...'; types that NumPy lacks as bytes)."""
    onnx.save(case.model, stem.with_suffix(".onnx"))
    arrays = {f"{i}/{name}{place}": part for i, run in enumerate(case.runs) for name, data in run.inputs.items() for place, part in parts(data).items()}
    np.savez_compressed(stem.with_suffix(".npz"), **arrays)


def load(stem: Path) -> Case:
    model = onnx.load(stem.with_suffix(".onnx"))
    runs: dict[str, dict[str, Any]] = {}
    with np.load(stem.with_suffix(".npz")) as arrays:
        for number in sorted({key.split("/", 1)[0] for key in arrays.files}, key=int):
            for info in model.graph.input:
                prefix = f"{number}/{info.name}"
                mine = {key.removeprefix(prefix): arrays[key] for key in arrays.files if key == prefix or key.startswith(f"{prefix}/")}
                runs.setdefault(number, {})[info.name] = whole(mine, kind_of(info.type)[1])
    return case_of(model, list(runs.values()) or [{}])
