# SPDX-License-Identifier: Apache-2.0
"""Where a peer disagrees with Ferry's reference: which node, and who is outvoted."""

import dataclasses

import numpy as np
import onnx
from onnx import helper

from . import engines
from .builder import Value, node_model, opset_imports, to_tensor
from .compare import measured
from .generate import lowest_opset_of
from .replay import Case, captured_names


# Nothing to compare: constants, and random numbers, which differ between libraries.
UNVOTED = ("Constant", "RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Bernoulli", "Multinomial")


@dataclasses.dataclass
class Ballot:
    node: onnx.NodeProto
    against: str  # the peer that differs from Ferry
    other: str  # "agrees" (the peer is outvoted), "differs" (Ferry is), "apart" (three results), "refused"
    detail: str


def vote(case: Case, peer: str) -> list[Ballot]:
    """Every node whose result by `peer`, from Ferry's inputs of it, is not Ferry's."""
    values = case.runs[0].values
    other = next(p for p in engines.PEERS if p != peer)
    found = []
    for node in case.model.graph.node:
        if node.op_type in UNVOTED:
            continue
        model, inputs = alone(case, node, values)
        made = engines.PEERS[peer](model, inputs)
        wrong = compare(made, node, values)
        if not wrong:
            continue
        second = engines.PEERS[other](model, inputs)
        if second.values is None:
            word = "refused"
        elif not compare(second, node, values):
            word = "agrees"
        else:
            word = "differs" if alike(made, second, node, values) else "apart"
        found.append(Ballot(node, peer, word, wrong))
    return found


def alone(case: Case, node: onnx.NodeProto, values: dict[str, Value]) -> tuple[onnx.ModelProto, dict]:
    names = dict.fromkeys(n for n in [*node.input, *captured_names(node)] if n)
    given = [values[n] for n in names]
    model = node_model(node, given)
    kept = [o for o in node.output if o]
    del model.graph.output[:]
    model.graph.output.extend(helper.make_value_info(o, values[o].type_proto([None] * values[o].rank if values[o].kind == "tensor" else None)) for o in kept)
    # The oldest opset of the same meaning: peers know those better.
    newest = case.model.opset_import[0].version
    opset = newest if node.domain else min(newest, lowest_opset_of(node, {n: (v.element, v.kind) for n, v in values.items()}))
    del model.opset_import[:]
    model.opset_import.extend(i for i in opset_imports(opset) if i.domain in ("", node.domain))
    model.ir_version = 10
    for v in given:  # what must be constant for some
        if v.constant:
            model.graph.initializer.append(to_tensor(v.data, v.element, v.name))
            infos = [i for i in model.graph.input if i.name != v.name]
            del model.graph.input[:]
            model.graph.input.extend(infos)
    return model, {v.name: v.data for v in given if not v.constant}


def compare(made: engines.Peer, node: onnx.NodeProto, values: dict[str, Value]) -> str:
    if made.values is None:
        return ""
    for name, got in made.values.items():
        wrong = measured(got, values[name], 30.0)[0]
        if wrong:
            return f"output {list(node.output).index(name)} is {wrong}"
    return ""


def alike(a: engines.Peer, b: engines.Peer, node: onnx.NodeProto, values: dict[str, Value]) -> bool:
    for name, got in a.values.items():
        theirs = Value(name, values[name].element, b.values[name], values[name].shadows, values[name].kind)
        if np.shape(theirs.data) != np.shape(values[name].data):
            if np.shape(theirs.data) != np.shape(got) or not np.array_equal(theirs.data, got):
                return False
            continue
        if measured(got, dataclasses.replace(theirs, shadows=[theirs.data] * 2), 1e4)[0]:
            return False
    return True
