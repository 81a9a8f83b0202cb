# SPDX-License-Identifier: Apache-2.0
"""Shrinks a failing graph to a few nodes, and writes it as a regression test.

    python -m tests.differential.reduce --seed 1023 [--way fast] [--name NAME]

Without --name it prints the nodes; with it the case goes to tests/differential/cases/NAME.onnx and .npz,
which tests/differential/test_cases.py runs.
"""

import argparse
import copy
import sys
from pathlib import Path

import onnx
from onnx import helper

from . import engines
from .builder import Refused, Reject, Value
from .check import Finding, Outcome, check, run_way, threads
from .generate import graph
from .replay import Case, Run, captured_names, save

CASES = Path(__file__).parent / "cases"


def options_of(way: str) -> dict | None:
    names = engines.pass_names()
    if way.startswith("only "):
        return {"threads": 1, "passes_off": [n for n in names if n != way[5:]]}
    if way.startswith("without "):
        return {"threads": 1, "passes_off": [way[8:]]}
    return {"reference": engines.REFERENCE, **engines.WAYS}.get(way)


def fails(case: Case, finding: Finding) -> bool:
    """Whether the case still has a finding of that kind in that way."""
    outcome = Outcome()
    data = case.model.SerializeToString()
    if finding.way == "2 threads":
        made = run_way(case, data, "fast", engines.FAST, outcome)
        if made:
            threads(case, data, made[1], outcome)
    elif finding.way in engines.PEERS:
        peer = engines.PEERS[finding.way](case.model, case.runs[0].inputs)
        from .compare import difference

        return peer.values is not None and any(difference(v, case.runs[0].values[n]) for n, v in peer.values.items())
    else:
        base = run_way(case, data, "reference", engines.REFERENCE, outcome, exactly=True)
        if finding.way != "reference" and base is None:
            return False
        if finding.way != "reference":
            run_way(case, data, finding.way, options_of(finding.way), outcome)
    return any(f.way == finding.way and f.what == finding.what for f in outcome.findings)


def build(case: Case, nodes: list[onnx.NodeProto], outputs: list[str], static: bool = False) -> Case | None:
    """The case with only these nodes; what they need from others becomes an input, with the value it had."""
    first = case.runs[0].values
    old_inputs = {i.name: i for i in case.model.graph.input}
    initializers = {t.name: t for t in case.model.graph.initializer}
    made = {o for n in nodes for o in n.output}
    needed = dict.fromkeys(name for n in nodes for name in [*n.input, *captured_names(n)] if name and name not in made)
    if any(o not in made for o in outputs):
        return None
    inputs = []
    for name in needed:
        if name in initializers:
            continue
        v: Value = first[name]
        if v.kind not in ("tensor", "sequence") or v.data is None:
            return None
        info = old_inputs.get(name)
        if info is None or static:
            dims = list(v.shape) if static or len(case.runs) == 1 else [None] * v.rank
            info = helper.make_value_info(name, v.type_proto(dims if v.kind == "tensor" else None))
        inputs.append(info)
    results = [helper.make_value_info(o, first[o].type_proto([None] * first[o].rank if first[o].kind == "tensor" else None)) for o in outputs]
    body = helper.make_graph(nodes, "reduced", inputs, results, [initializers[n] for n in needed if n in initializers])
    model = helper.make_model(body, opset_imports=case.model.opset_import, ir_version=case.model.ir_version)
    runs = [Run({i.name: r.values[i.name].data for i in inputs}, r.values) for r in case.runs]
    return Case(case.seed, model, runs, case.ops, case.types)


def live(nodes: list[onnx.NodeProto], outputs: list[str]) -> list[onnx.NodeProto]:
    wanted, kept = set(outputs), []
    for n in reversed(nodes):
        if any(o in wanted for o in n.output):
            kept.append(n)
            wanted |= {i for i in [*n.input, *captured_names(n)] if i}
    return kept[::-1]


def size(case: Case) -> tuple[int, int]:
    return len(case.model.graph.node), len(case.model.graph.output)


def reduce(case: Case, finding: Finding) -> Case:
    """A smaller case that fails in the same way."""
    best = case
    if finding.run and len(case.runs) > 1:
        alone = Case(case.seed, case.model, [case.runs[finding.run]], case.ops, case.types)
        best = alone if fails(alone, finding) else best

    def attempt(nodes: list[onnx.NodeProto], outputs: list[str], static: bool = False) -> bool:
        nonlocal best
        smaller = build(best, live(nodes, outputs), outputs, static)
        try:
            if smaller is None or size(smaller) >= size(best) and not static:
                return False
            if fails(smaller, finding):
                best = smaller
                return True
        except (Reject, Refused):
            pass
        return False

    outputs = lambda: [o.name for o in best.model.graph.output]
    for name in outputs():
        if len(outputs()) > 1 and attempt(list(best.model.graph.node), [name]):
            break
    changed = True
    while changed:
        changed = False
        for n in list(best.model.graph.node):  # the output moves towards the inputs
            for o in n.output:
                if o and [o] != outputs() and attempt(list(best.model.graph.node), [o]):
                    changed = True
        for n in list(best.model.graph.node):  # a node gives way to its value
            if n.op_type != "Constant" and len(best.model.graph.node) > 1:
                changed |= attempt([m for m in best.model.graph.node if m.name != n.name], outputs())
        for o in list(outputs()):
            if len(outputs()) > 1:
                changed |= attempt(list(best.model.graph.node), [x for x in outputs() if x != o])
    attempt(list(best.model.graph.node), outputs(), static=True)
    return best


def describe(case: Case) -> str:
    values = case.runs[0].values
    lines = []
    for n in case.model.graph.node:
        attributes = ", ".join(f"{a.name}={helper.get_attribute_value(a) if not a.HasField('g') and not a.HasField('t') else '...'}" for a in n.attribute)
        kind = lambda name: f"{name}{'' if name not in values or values[name].kind != 'tensor' else list(values[name].shape)}"
        element = next((values[o].element for o in n.output if o in values), 0)
        lines.append(f"  {', '.join(map(kind, n.output))} = {n.op_type}({', '.join(map(kind, n.input))}) {attributes}  # {element}")
    lines.append(f"  inputs {[i.name for i in case.model.graph.input]}, constants {[t.name for t in case.model.graph.initializer]}, runs {len(case.runs)}, opset {case.model.opset_import[0].version}")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, required=True, nargs="+")
    parser.add_argument("--way", default="")
    parser.add_argument("--name", default="", help="write the case under this name")
    parser.add_argument("--keep", default="", help="write the case to this path, without an extension")
    args = parser.parse_args()
    for seed in args.seed:
        case = graph(seed)
        outcome = check(case, peers=(args.way,) if args.way in engines.PEERS else ())
        findings = [f for f in outcome.findings if not args.way or f.way == args.way]
        if args.way in engines.PEERS:
            findings = [Finding(seed, args.way, "differs", outcome.peers[args.way])] if outcome.peers[args.way].startswith("differs") else []
        if not findings:
            print(f"graph {seed}: nothing found")
            continue
        smaller = reduce(copy.copy(case), findings[0])
        print(findings[0])
        print(describe(smaller))
        if args.name or args.keep:
            save(smaller, CASES / args.name if args.name else Path(args.keep))
    return 0


if __name__ == "__main__":
    sys.exit(main())
