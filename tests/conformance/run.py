# SPDX-License-Identifier: Apache-2.0
"""What ./dev conformance runs: the ONNX backend test suite against Ferry, nothing excluded.

    python tests/conformance/run.py [--write] [--match WORD]

Every CPU test of the installed onnx package runs through `ferry.backend` at the suite's own
tolerances, in parallel. Prints the total and the failures by operator. tests/conformance/passing.txt
lists what passed; exit status 1 when one of them no longer does. --write updates the list.
"""

import argparse
import collections
import concurrent.futures
import os
import sys
import unittest
import warnings
from pathlib import Path

PASSING = Path(__file__).parent / "passing.txt"
# Model files that the suite would download; they are not part of the installed package.
CATEGORIES = ("NodeModel", "SimpleModel", "PyTorchConvertedModel", "PyTorchOperatorModel", "RealModel")


def suite() -> dict[str, unittest.TestCase]:
    from onnx.backend.test.runner import Runner

    import ferry.backend

    warnings.simplefilter("ignore")
    cases = {}
    for case in Runner(ferry.backend, __name__).test_cases.values():
        for name in dir(case):
            if name.startswith("test_") and name.endswith("_cpu"):
                cases[name.removesuffix("_cpu")] = case(name)
    return cases


def run_share(share: int, shares: int, match: str) -> list[tuple[str, str]]:
    """(name, "" or the first line of the failure) of every `shares`-th test."""
    out = []
    names = sorted(cases := suite())
    for name in names[share::shares]:
        if match not in name:
            continue
        result = unittest.TestResult()
        cases[name].run(result)
        problems = result.failures + result.errors
        why = problems[0][1].strip().splitlines()[-1][:200] if problems else ""
        if result.skipped:
            why = f"skipped: {result.skipped[0][1]}"
        out.append((name, why))
    return out


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write the list of passing tests")
    parser.add_argument("--match", default="", help="only tests whose name holds this word")
    parser.add_argument("--failures", action="store_true", help="print every failure with its reason")
    args = parser.parse_args()
    shares = os.cpu_count() or 2
    results: dict[str, str] = {}
    with concurrent.futures.ProcessPoolExecutor(shares) as pool:
        for part in pool.map(run_share, range(shares), [shares] * shares, [args.match] * shares):
            results.update(part)
    passed = sorted(n for n, why in results.items() if not why)
    failed = {n: why for n, why in sorted(results.items()) if why}
    if args.failures:
        for name, why in failed.items():
            print(f"{name}: {why}")
    reasons = collections.Counter(why.split(":")[0][:60] for why in failed.values())
    for reason, count in reasons.most_common(12):
        print(f"{count:5d}  {reason}")
    rate = 100 * len(passed) / max(len(results), 1)
    print(f"{len(passed)} of {len(results)} pass ({rate:.1f} %)")
    before = set(PASSING.read_text().split()) if PASSING.exists() else set()
    lost = sorted(n for n in before if n in failed)
    for name in lost:
        print(f"no longer passes: {name}: {failed[name]}")
    if args.write:
        PASSING.write_text("".join(f"{n}\n" for n in passed))
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
