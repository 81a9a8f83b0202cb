# SPDX-License-Identifier: Apache-2.0
"""What ./dev conformance runs: the ONNX backend test suite against Ferry, nothing excluded.

    python tests/conformance/run.py [--peers] [--write] [--failures] [--no-docs] [--match WORD]

Every CPU test of the installed onnx package runs through `ferry.backend` at the suite's own
tolerances, in parallel. Prints the total, and rewrites docs/operators.md (not with --match).
tests/conformance/passing.txt lists what passed; exit status 1 when one of them no longer does.
"""

import argparse
import collections
import concurrent.futures
import dataclasses
import os
import sys
import unittest
import warnings
from pathlib import Path

PASSING = Path(__file__).parent / "passing.txt"
OPERATORS = Path(__file__).parents[2] / "docs/operators.md"


@dataclasses.dataclass
class Outcome:
    why: str  # "" when it passed, else the last line of the failure
    ops: list[str]  # of the model's nodes, those in bodies too
    steps: list[tuple[str, str]]  # operator and kernel of what ran


class Recorder:
    """A backend that notes the model that it was given and, for Ferry, the kernels chosen."""

    def __init__(self, backend):
        self.backend, self.ops, self.steps = backend, set(), []

    def note(self, nodes):
        for node in nodes:
            domain = "" if node.domain in ("", "ai.onnx") else node.domain + "."
            self.ops.add(domain + node.op_type)
            for attribute in node.attribute:
                for body in [attribute.g, *attribute.graphs]:
                    self.note(body.node)

    def prepare(self, model, device="CPU", **kwargs):
        self.note(model.graph.node)
        for function in model.functions:
            self.note(function.node)
        rep = self.backend.prepare(model, device)
        if hasattr(rep, "session"):
            self.steps += [(s.op, s.kernel) for s in rep.session.report().steps]
        return rep

    def is_compatible(self, model, device="CPU", **kwargs):
        return self.backend.is_compatible(model, device)

    def supports_device(self, device):
        return self.backend.supports_device(device)


def backend_named(name: str):
    if name == "ferry":
        import ferry.backend

        return ferry.backend
    import peers

    return peers.PEERS[name]


def run_share(name: str, share: int, shares: int, match: str) -> dict[str, Outcome]:
    """The outcomes of every `shares`-th test."""
    from onnx.backend.test.runner import Runner

    warnings.simplefilter("ignore")
    recorder = Recorder(backend_named(name))
    tests = {}
    for case in Runner(recorder, __name__).test_cases.values():
        for method in dir(case):
            if method.startswith("test_") and method.endswith("_cpu"):
                tests[method.removesuffix("_cpu")] = case(method)
    outcomes = {}
    for test in sorted(tests)[share::shares]:
        if match not in test:
            continue
        recorder.ops, recorder.steps = set(), []
        result = unittest.TestResult()
        tests[test].run(result)
        problems = result.failures + result.errors
        why = problems[0][1].strip().splitlines()[-1][:200] if problems else ""
        if result.skipped:
            why = f"skipped: {result.skipped[0][1]}"
        outcomes[test] = Outcome(why, sorted(recorder.ops), recorder.steps)
    return outcomes


def run_apart(name: str, match: str, shares: int) -> dict[str, Outcome]:
    """One process per share."""
    outcomes = {}
    with concurrent.futures.ProcessPoolExecutor(shares) as pool:
        for part in pool.map(run_share, [name] * shares, range(shares), [shares] * shares, [match] * shares):
            outcomes.update(part)
    return outcomes


def summary(name: str, outcomes: dict[str, Outcome]) -> str:
    passed = sum(not o.why for o in outcomes.values())
    return f"{name}: {passed:,} of {len(outcomes):,} pass ({100 * passed / max(len(outcomes), 1):.1f} %)"


def operator_rows(outcomes: dict[str, Outcome]):
    """One row per operator of the registry: name, versions, types, tests, kernels."""
    import ferry

    total, passed = collections.Counter(), collections.Counter()
    kernels = collections.defaultdict(set)
    for outcome in outcomes.values():
        for op in outcome.ops:
            total[op] += 1
            passed[op] += not outcome.why
        for op, kernel in outcome.steps:
            kernels[op].add(kernel)
    for info in ferry._native.operators():
        name = info["name"]
        if name.startswith("ferry."):
            continue
        ran = kernels[name]
        if info["rewritten"]:
            kind = "rewritten"
        elif info["kernels"]:
            kind = "fast: " + ", ".join(k.replace("_", " ") for k in info["kernels"])
        else:
            kind = "view" if ran == {"view"} else "reference"
        versions = ", ".join(map(str, info["versions"])) or "-"
        tests = f"{passed[name]} of {total[name]}" if total[name] else "-"
        yield name, versions, " ".join(info["types"]) or "-", tests, kind


HEAD = """# Operators

Made by `./dev conformance`, from the registry of operators and a run of the ONNX backend suite of onnx {version}.

**{total}** The tests that no right implementation passes are proven in [conformance.md](conformance.md).

- *versions*: those of the standard that the importer reads; all become the newest.
- *types*: element types of the first input. f8... are the 8-bit floats, u4 i4 u2 i2 f4e2m1 packed ones.
- *tests*: of the suite's tests with the operator in their model, those that pass.
- *kernel*: `fast` where a kernel written for speed exists for common types and shapes (elsewhere the reference
  kernel runs; `ferry check` says which, and why), `view` where nothing is copied, `rewritten` where the importer
  replaces the operator by others, else `reference`.

| operator | versions | types | tests | kernel |
|---|---|---|---|---|
"""


def write_operators(outcomes: dict[str, Outcome]) -> None:
    import onnx

    text = HEAD.format(version=onnx.__version__, total=summary("Ferry", outcomes) + ".")
    text += "".join("| " + " | ".join(row) + " |\n" for row in operator_rows(outcomes))
    OPERATORS.write_text(text)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", action="store_true", help="run onnxruntime and OpenVINO too")
    parser.add_argument("--no-docs", action="store_true", help="leave docs/operators.md as it is")
    parser.add_argument("--write", action="store_true", help="write the list of passing tests")
    parser.add_argument("--match", default="", help="only tests whose name holds this word")
    parser.add_argument("--failures", action="store_true", help="print every failure with its reason")
    args = parser.parse_args()
    shares = os.cpu_count() or 2
    outcomes = run_apart("ferry", args.match, shares)
    failed = {name: o.why for name, o in sorted(outcomes.items()) if o.why}
    if args.failures:
        for name, why in failed.items():
            print(f"{name}: {why}")
    print(summary("ferry", outcomes))
    before = set(PASSING.read_text().split()) if PASSING.exists() else set()
    lost = sorted(before & failed.keys())
    for name in lost:
        print(f"no longer passes: {name}: {failed[name]}")
    if args.write:
        PASSING.write_text("".join(f"{name}\n" for name, o in sorted(outcomes.items()) if not o.why))
    if not args.match and not args.no_docs:
        write_operators(outcomes)
    if args.peers:
        import peers

        for name in peers.PEERS:
            print(summary(f"{name} {peers.version(name)}", run_apart(name, args.match, shares)), flush=True)
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
