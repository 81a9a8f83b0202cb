# SPDX-License-Identifier: Apache-2.0
"""What ./dev bench runs: builds the zoo, then measures parity and time beside onnxruntime.

    python bench/run.py [--only NAME ...] [other arguments of bench.zoo.parity]

Writes bench/results/zoo.md and zoo.json and prints the table. The first run builds the models, which
takes minutes and about 4 GB under build/zoo.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def names_after_only(arguments: list[str]) -> list[str]:
    if "--only" not in arguments:
        return []
    rest = arguments[arguments.index("--only") + 1 :]
    names = []
    for word in rest:
        if word.startswith("-"):
            break
        names.append(word)
    return ["--only", *names]


def main() -> int:
    arguments = sys.argv[1:]
    results = ROOT / "bench" / "results"
    results.mkdir(exist_ok=True)
    build = [sys.executable, "-m", "bench.zoo.build", *names_after_only(arguments)]
    if subprocess.run(build, cwd=ROOT, check=False).returncode != 0:
        return 1
    measure = [sys.executable, "-m", "bench.zoo.parity", "--markdown", str(results / "zoo.md"),
               "--json", str(results / "zoo.json"), *arguments]
    return subprocess.run(measure, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
