# SPDX-License-Identifier: Apache-2.0
"""Random graphs, each run in every way, compared.

    python -m tests.differential.run --graphs 1000 --seed 0 --jobs 2 [--no-peers] [--minutes M] [--kernels]

Exit status 1 when Ferry refused a graph, or differs from its own reference, or two peers agree against it.
"""

import argparse
import collections
import dataclasses
import multiprocessing
import multiprocessing.connection
import os
import statistics
import sys
import time
import traceback

from . import elements as el


@dataclasses.dataclass
class Tally:
    graphs: int = 0
    nodes: list[int] = dataclasses.field(default_factory=list)
    runs: int = 0
    comparisons: int = 0
    worst: float = 0.0
    ops: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    types: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    fired: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    kernels: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    peers: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    rejected: list[str] = dataclasses.field(default_factory=list)
    differences: list[str] = dataclasses.field(default_factory=list)
    outvoted: collections.Counter = dataclasses.field(default_factory=collections.Counter)  # peers, by operator
    explained: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    disputes: list[str] = dataclasses.field(default_factory=list)  # with one peer, where no vote decides

    def add(self, other: "Tally") -> None:
        for field in dataclasses.fields(self):
            mine, theirs = getattr(self, field.name), getattr(other, field.name)
            if field.name == "worst":
                self.worst = max(mine, theirs)
            elif isinstance(mine, collections.Counter):
                mine.update(theirs)
            else:
                setattr(self, field.name, mine + theirs)


def one(seed: int, peers: bool) -> Tally:
    from .builder import Refused
    from .check import check
    from .generate import graph

    tally = Tally(graphs=1)
    try:
        case = graph(seed)
    except Refused as refused:
        op = refused.model.graph.node[0].op_type
        tally.rejected.append(f"graph {seed} node {op}: {refused.error}")
        return tally
    except Exception:  # noqa: BLE001  (a defect of the generator must not pass for a good run)
        tally.rejected.append(f"graph {seed} generator: {traceback.format_exc(limit=-3)}")
        return tally
    outcome = check(case, peers=("onnxruntime", "onnx") if peers else ())
    tally.nodes = [case.nodes]
    tally.runs, tally.comparisons, tally.worst = len(case.runs), outcome.comparisons, outcome.worst
    tally.ops.update(case.ops)
    tally.types.update(case.types)
    tally.fired.update(outcome.fired)
    tally.kernels.update(outcome.kernels)
    for finding in outcome.findings:
        (tally.rejected if finding.what == "refused" else tally.differences).append(str(finding))
    for peer, text in outcome.peers.items():
        tally.peers[f"{peer} {text.split(':')[0]}"] += 1
        if text != "agrees":
            count_votes(case, peer, tally)
    return tally


def count_votes(case, peer: str, tally: Tally) -> None:
    from .explained import why
    from .vote import vote

    for ballot in vote(case, peer):
        op = ballot.node.op_type
        values = case.runs[0].values
        shapes = [values[name].shape if name else () for name in ballot.node.input]
        if reason := why(peer, ballot.node, shapes, values[next(filter(None, ballot.node.output))].element):
            tally.explained[f"{peer} {op}: {reason}"] += 1
            continue
        text = f"graph {case.seed} [{peer}; the other {ballot.other}] {op} '{ballot.node.name}': {ballot.detail}"
        if ballot.other == "agrees":
            tally.outvoted[f"{peer}: {op}"] += 1
        elif ballot.other == "differs":
            tally.differences.append(text)
        else:
            tally.disputes.append(text)


def some(seeds: list[int], peers: bool) -> Tally:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    tally = Tally()
    for seed in seeds:
        tally.add(one(seed, peers))
    return tally


def worker(seeds: list[int], peers: bool, pipe) -> None:
    pipe.send(some(seeds, peers))
    pipe.close()


def run(graphs: int, seed: int, jobs: int, peers: bool, progress=None, minutes: float = 0) -> Tally:
    """Shares the graphs among processes; one that dies is run again graph by graph, to name the graph, and then without peers,
    whose process it is too.

    With `minutes`, no new graphs are begun after that time.
    """
    from . import check, generate, vote  # noqa: F401  (once, not in every process)

    context = multiprocessing.get_context("fork")
    seeds = list(range(seed, seed + graphs))
    waiting = [(seeds[i : i + 20], peers) for i in range(0, len(seeds), 20)][::-1]
    running: dict = {}
    total = Tally()
    began = time.monotonic()
    while waiting or running:
        if minutes and time.monotonic() - began > 60 * minutes:
            waiting.clear()
        while waiting and len(running) < jobs:
            chunk, with_peers = waiting.pop()
            mine, theirs = context.Pipe(duplex=False)
            process = context.Process(target=worker, args=(chunk, with_peers, theirs), daemon=True)
            process.start()
            theirs.close()
            running[mine] = (process, chunk, with_peers)
        for pipe in multiprocessing.connection.wait(list(running), timeout=1.0):
            process, chunk, with_peers = running.pop(pipe)
            try:
                part = pipe.recv()
            except EOFError:
                part = Tally()
                process.join()
                if len(chunk) > 1:
                    waiting += [([s], with_peers) for s in chunk]
                elif with_peers:
                    waiting.append((chunk, False))
                    part.peers["a peer died"] += 1
                else:
                    part.rejected.append(f"graph {chunk[0]}: the process died, exit code {process.exitcode}")
            process.join()
            total.add(part)
            if progress:
                progress(total, part)
    return total


def missing_operators(total: Tally) -> list[str]:
    """Of the standard, apart from Gradient, which no node can be without the graph around it."""
    import onnx

    named = {(s.domain + "." if s.domain else "") + s.name for s in onnx.defs.get_all_schemas() if not s.deprecated}
    return sorted(named - set(total.ops) - {"ai.onnx.preview.training.Gradient"})


def missing_passes(total: Tally) -> list[str]:
    from .engines import pass_names

    return sorted(set(pass_names()) - set(total.fired))


def report(total: Tally) -> str:
    lines = [
        f"graphs {total.graphs}, runs {total.runs}, median nodes {statistics.median(total.nodes or [0])}, values compared {total.comparisons}",
        f"operators {len(total.ops)}, element types {len(total.types)}: {' '.join(sorted(el.name(t) for t in total.types if t))}",
        "rarest operators: " + ", ".join(f"{o} {n}" for o, n in sorted(total.ops.items(), key=lambda i: i[1])[:12]),
        "passes fired: " + ", ".join(f"{p} {n}" for p, n in total.fired.most_common()),
        "never: " + (", ".join(missing_operators(total) + missing_passes(total)) or "nothing"),
        "peers: " + ", ".join(f"{p} {n}" for p, n in sorted(total.peers.items())),
        "peers outvoted: " + ", ".join(f"{p} {n}" for p, n in total.outvoted.most_common()),
        *(f"explained: {text} ({n})" for text, n in total.explained.most_common()),
        f"largest error, as a share of its tolerance: {total.worst:.2f}",
        f"rejected {len(total.rejected)}, differences {len(total.differences)}, disputes with one peer {len(total.disputes)}",
    ]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--graphs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0, help="the first graph's number")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    parser.add_argument("--no-peers", action="store_true", help="only Ferry against its own reference")
    parser.add_argument("--minutes", type=float, default=0, help="begin no new graphs after this time")
    parser.add_argument("--kernels", action="store_true", help="print how often each kernel ran")
    args = parser.parse_args()
    began = time.monotonic()

    def progress(total: Tally, part: Tally) -> None:
        for text in part.rejected + part.differences + part.disputes:
            print(text, flush=True)

    total = run(args.graphs, args.seed, args.jobs, not args.no_peers, progress, args.minutes)
    if args.kernels:
        print("\n".join(f"{n:7d}  {k}" for k, n in total.kernels.most_common()))
    print(report(total))
    print(f"{time.monotonic() - began:.0f} s")
    return 1 if total.rejected or total.differences else 0


if __name__ == "__main__":
    sys.exit(main())
