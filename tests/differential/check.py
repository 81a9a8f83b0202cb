# SPDX-License-Identifier: Apache-2.0
"""Runs one case in every way and says what differs."""

import dataclasses
from typing import Any

import ferry

from . import engines
from .builder import same
from .compare import measured
from .replay import Case, Run

# Winograd transforms multiply rounding errors of a convolution; exact arithmetic uses none.
WINOGRAD = 30.0


@dataclasses.dataclass
class Finding:
    seed: int
    way: str  # "fast", "avx2", "onnxruntime", ...
    what: str  # "refused" or "differs"
    detail: str
    run: int = 0

    def __str__(self) -> str:
        return f"graph {self.seed} run {self.run} [{self.way}] {self.what}: {self.detail}"


@dataclasses.dataclass
class Outcome:
    findings: list[Finding] = dataclasses.field(default_factory=list)
    fired: set[str] = dataclasses.field(default_factory=set)
    peers: dict[str, str] = dataclasses.field(default_factory=dict)  # agreed, differed, or why it refused
    worst: float = 0.0
    comparisons: int = 0
    kernels: set[str] = dataclasses.field(default_factory=set)


def check(case: Case, ways: dict[str, dict] | None = None, each_pass: bool = True, peers: tuple[str, ...] = ("onnxruntime", "onnx")) -> Outcome:
    outcome = Outcome()
    bytes_ = case.model.SerializeToString()
    base = run_way(case, bytes_, "reference", engines.REFERENCE, outcome, exactly=True)
    if base is None:
        return outcome
    for way, options in (ways or engines.WAYS).items():
        made = run_way(case, bytes_, way, options, outcome)
        if way in ("fast", "nothing folded") and made is not None:
            note_report(made[0].report(), outcome)
        if way == "fast" and made is not None:
            threads(case, bytes_, made[1], outcome)
    if each_pass:
        passes(case, bytes_, outcome)
    for peer in peers:
        ask_peer(case, peer, outcome)
    return outcome


def note_report(report: Any, outcome: Outcome) -> None:
    outcome.fired |= {p.name for p in report.passes if p.changes}
    outcome.kernels |= {f"{s.op}: {s.kernel}" for s in report.steps}


def run_way(case: Case, model: bytes, way: str, options: dict, outcome: Outcome, exactly: bool = False):
    """(session, results of each run), or None after a refusal; differences go into the outcome."""
    at = 0
    try:
        session = engines.session(model, options)
        results = []
        for at, run in enumerate(case.runs):
            results.append(session.run(run.inputs))
    except (ferry.Error, ValueError, RuntimeError, MemoryError) as error:
        outcome.findings.append(Finding(case.seed, way, "refused", f"{type(error).__name__}: {error}", at))
        return None
    widen = WINOGRAD if options.get("accuracy", "fast") == "fast" and "Conv" in case.ops else 1.0
    for at, (run, result) in enumerate(zip(case.runs, results)):
        wrong = compare_run(run, result, outcome, exactly, widen)
        if wrong:
            outcome.findings.append(Finding(case.seed, way, "differs", wrong, at))
    return session, results


def compare_run(run: Run, result: dict, outcome: Outcome, exactly: bool = False, widen: float = 1.0) -> str:
    for name, got in result.items():
        want = run.values[name]
        outcome.comparisons += 1
        if exactly:
            if not same(got, want.data):
                return f"'{name}' is not bit for bit what its nodes compute one by one: {measured(got, want)[0] or 'rounding'}"
            continue
        wrong, share = measured(got, want, widen)
        if wrong:
            return f"'{name}' is {wrong}"
        outcome.worst = max(outcome.worst, share)
    return ""


def threads(case: Case, model: bytes, expected: list[dict], outcome: Outcome) -> None:
    """Two threads, twice with the same session: bit for bit what one thread computes."""
    try:
        session = engines.session(model, {"threads": 2})
        for at in [*range(len(case.runs)), 0]:
            made = session.run(case.runs[at].inputs)
            wrong = [n for n in made if not same(made[n], expected[at][n])]
            if wrong:
                outcome.findings.append(Finding(case.seed, "2 threads", "differs", f"'{wrong[0]}' has other bits than with 1 thread or in the first run", at))
                return
    except ferry.Error as error:
        outcome.findings.append(Finding(case.seed, "2 threads", "refused", str(error)))


def passes(case: Case, model: bytes, outcome: Outcome) -> None:
    """Each pass that changed something: alone, and left out."""
    names = engines.pass_names()
    for name in sorted(outcome.fired):
        run_way(case, model, f"only {name}", {"threads": 1, "passes_off": [n for n in names if n != name]}, outcome)
        run_way(case, model, f"without {name}", {"threads": 1, "passes_off": [name]}, outcome)


def ask_peer(case: Case, peer: str, outcome: Outcome) -> None:
    run = case.runs[0]
    made = engines.PEERS[peer](case.model, run.inputs)
    if made.values is None:
        outcome.peers[peer] = f"refused: {made.why}"
        return
    for name, got in made.values.items():
        wrong = measured(got, run.values[name], WINOGRAD)[0]
        if wrong:
            outcome.peers[peer] = f"differs: '{name}' is {wrong}"
            return
    outcome.peers[peer] = "agrees"
