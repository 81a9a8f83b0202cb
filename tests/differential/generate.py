# SPDX-License-Identifier: Apache-2.0
"""graph(seed): the same random legal graph each time, with inputs, expected values and how far rounding moves them."""

import dataclasses
import random

import numpy as np
import onnx
from onnx import helper

from . import elements as el
from .builder import SHADOWS, Builder, Refused, Reject, Value, opset_imports, to_tensor
from .replay import Case, Run, all_nodes, ops_of, replay
from .templates import TEMPLATES
from . import attention, control, elementwise, misc, movement, network, patterns, quantization  # noqa: F401  (they register templates)


def graph(seed: int, most: int = 24) -> Case:
    r = random.Random(f"case {seed}")
    dynamic = {}
    if r.random() < 0.35:
        for size, symbol in r.sample([(2, "n"), (3, "m"), (5, "k"), (4, "h")], r.randint(1, 2)):
            dynamic[size] = symbol
    b = Builder(seed, dynamic)
    b.focus_type = r.choice([el.F32] * 7 + [el.F16, el.BF16, el.F64, None])
    target = r.choice([6, 10, 12, 14, 18, most])
    weights = [w for w, _ in TEMPLATES]
    for _ in range(target * 4):
        if len(b.nodes) >= target:
            break
        template = r.choices(TEMPLATES, weights)[0][1]
        attempt(b, template)
    return finish(b, seed)


def attempt(b: Builder, template) -> bool:
    """Runs a template; leaves the graph as it was when the template does not fit."""
    marks = [len(list_) for list_ in (b.values, b.nodes, b.initializers, b.inputs)]
    uses = [(v, v.uses) for v in b.visible()]
    try:
        template(b)
        return True
    except Reject:
        for list_, mark in zip((b.values, b.nodes, b.initializers, b.inputs), marks):
            del list_[mark:]
        for v, n in uses:
            v.uses = n
        return False


def outputs_of(b: Builder) -> list[Value]:
    made = {o for n in b.nodes if n.op_type != "Constant" for o in n.output}
    chosen = [v for v in b.values if v.name in made and (v.uses == 0 or b.r.random() < 0.08)]
    return chosen or [v for v in b.values if v.name in made][-1:]


def finish(b: Builder, seed: int) -> Case:
    outputs = outputs_of(b)
    declared = []
    for v in outputs:
        dims = [None] * v.rank if v.kind == "tensor" and b.r.random() < 0.7 else None
        if dims is not None and not b.dynamic and b.r.random() < 0.3:
            dims = list(v.shape)
        declared.append(helper.make_value_info(v.name, v.type_proto(dims)))
    inputs = [helper.make_value_info(v.name, v.type_proto(v.dims)) for v in b.inputs]
    body = helper.make_graph(b.nodes, f"graph{seed}", inputs, declared, [to_tensor(v.data, v.element, v.name) for v in b.initializers])
    opset = choose_opset(b, body)
    model = helper.make_model(body, opset_imports=imports_used(body, opset), ir_version=10 if opset <= 22 else 13)
    first = Run({v.name: v.data for v in b.inputs}, {v.name: v for v in b.values})
    case = Case(seed, model, [first], ops_of(body), {v.element for v in b.values})
    for scale in (2, 0.5, 3):
        if b.dynamic and len(case.runs) < 3:
            again = other_sizes(b, case, scale)
            if again:
                case.runs.append(again)
    return case


def imports_used(body: onnx.GraphProto, opset: int) -> list[onnx.OperatorSetIdProto]:
    used = {""} | {n.domain for n in all_nodes(body)}
    return [i for i in opset_imports(opset) if i.domain in used]


def choose_opset(b: Builder, body: onnx.GraphProto) -> int:
    """An opset at which every node is legal and means what it means at the newest one."""
    newest = el.newest_opset()
    lowest = 18
    elements = {v.name: (v.element, v.kind) for v in b.values}
    for n in all_nodes(body):
        if n.domain == "":
            lowest = max(lowest, lowest_opset_of(n, elements))
    return b.r.choice([v for v in (18, 19, 20, 21, 22, 23, 24, 25, newest) if v >= lowest] or [newest])


# Operators whose meaning changed without a change of form: not below this opset.
_MEANS_SINCE = {"GroupNormalization": 21, "Attention": 25, "Resize": 19, "Cast": 24, "CastLike": 24, "QuantizeLinear": 24, "DequantizeLinear": 24,
                "AveragePool": 22, "LpPool": 22, "MaxPool": 22, "Round": 22, "TopK": 24, "Pad": 25}


def lowest_opset_of(node: onnx.NodeProto, elements: dict) -> int:
    newest = el.newest_opset()
    lowest = _MEANS_SINCE.get(node.op_type, 18)
    if any(name not in elements for name in [*node.input, *node.output] if name) or node.op_type in ("If", "Loop", "Scan"):
        return max(lowest, 25) if node.op_type in ("If", "Loop", "Scan") else newest
    while lowest < newest and not legal_at(node, elements, lowest):
        lowest += 1
    return lowest


def legal_at(node: onnx.NodeProto, elements: dict, opset: int) -> bool:
    try:
        s = el.schema(node.op_type, node.domain, opset)
    except onnx.defs.SchemaError:
        return False
    if any(a.name not in s.attributes for a in node.attribute):
        return False
    for formals, names in ((s.inputs, node.input), (s.outputs, node.output)):
        if len(names) > len(formals) and not (formals and formals[-1].option == onnx.defs.OpSchema.FormalParameterOption.Variadic):
            return False
        for i, name in enumerate(names):
            if name and elements[name][1] == "tensor" and elements[name][0] not in el.allowed(node.op_type, formals[min(i, len(formals) - 1)].type_str, node.domain, opset):
                return False
            if name and elements[name][1] != "tensor" and opset < 25:
                return False
    return True


def other_sizes(b: Builder, case: Case, scale: float) -> Run | None:
    """Values under other sizes of the named dims; None where the graph is not made for them."""
    sizes = {size: max(1, int(size * scale)) for size in b.dynamic}
    values: dict[str, Value] = {}
    g = np.random.default_rng([case.seed, int(scale * 10)])
    for v in b.values:
        if v.make is None or v.constant:
            if v.constant:
                values[v.name] = v
            continue
        shape = tuple(sizes.get(d, d) for d in v.shape)
        try:
            data = v.make(shape, g)
        except ValueError:
            return None
        if v.kind in ("tensor", "optional") and np.shape(data) != shape:
            return None
        values[v.name] = dataclasses.replace(v, data=data, shadows=[data] * SHADOWS)
    inputs = {v.name: values[v.name].data for v in b.inputs}
    try:
        replay(b.nodes, values, g)
    except (Reject, Refused, KeyError):
        return None
    return Run(inputs, values)
