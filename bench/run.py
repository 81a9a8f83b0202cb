# SPDX-License-Identifier: Apache-2.0
"""What ./dev bench runs: builds the zoo, proves parity with PyTorch, measures it beside other engines.

    python bench/run.py [--only NAME ...] [--vs ENGINE ...] [--threads N ...] [--seconds S] [--no-parity]

Every model goes through `ferry bench --vs` (one process per engine, rounds in turns). Writes peers.md,
peers.json and peers.svg, and zoo.md and zoo.json for parity, to bench/results/, and prints the tables.
The first run builds the models, which takes minutes and about 4 GB under build/zoo.
"""

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "results"
ZOO = ROOT / "build" / "zoo"
ENGINES = ("onnxruntime", "openvino-f32", "ncnn", "torch", "torch-compile", "openvino")


def find_ferry() -> str:
    built = ROOT / "build" / "release" / "cli" / "ferry"
    return os.environ.get("FERRY") or (str(built) if built.exists() else shutil.which("ferry") or "")


def plain_inputs(case: Path, folder: str) -> str:
    """The recorded inputs under the names that the model gives them."""
    path = f"{folder}/inputs.npz"
    with np.load(case) as file:
        np.savez(path, **{k[3:]: file[k] for k in file.files if k.startswith("in.")})
    return path


def bench_model(options: argparse.Namespace, meta: dict, threads: int) -> dict:
    """One result of `ferry bench --json`, or {"failure": why}."""
    folder = ZOO / meta["name"]
    with tempfile.TemporaryDirectory() as temporary:
        command = [
            find_ferry(), "bench", str(folder / f"{meta['timed']}.onnx"), "--json",
            "--input", plain_inputs(folder / meta["cases"][0]["file"], temporary),
            "--threads", str(threads), "--seconds", str(options.seconds),
            "--python", sys.executable, "--torch", f"bench.zoo.modules:{meta['name']}",
            "--vs", ",".join(options.vs),
        ]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return dict(model=meta["name"], threads=threads, failure=done.stderr.strip())
    return dict(model=meta["name"], **json.loads(done.stdout)["results"][0])


def peer(row: dict, name: str) -> dict:
    return next((p for p in row.get("peers", []) if p["name"] == name), {"failure": "not asked for"})


def milliseconds(p: dict) -> str:
    if "failure" in p:
        return "cannot"
    mark = "" if p["right"] else " (wrong)" if p["precision"] == "f32" else f" ({p['precision']})"
    return f"{p['latency']['p50_ms']:.3g}{mark}"


def times(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def speedup(row: dict, name: str) -> float | None:
    if name == "best":
        return row["best_peer"]["speedup"] if "best_peer" in row else None
    p = peer(row, name)
    return p["speedup"] if p.get("right") else None


def megabytes(memory: dict) -> str:
    return f"{max(0, memory['peak_bytes'] - memory['before_bytes']) / 1e6:.0f}"


def smallest_memory(row: dict) -> str:
    peers = [(p["memory"]["peak_bytes"] - p["memory"]["before_bytes"], p["name"])
             for p in row["peers"] if "failure" not in p]
    return "" if not peers else f"{max(0, min(peers)[0]) / 1e6:.0f} ({min(peers)[1]})"


def load_of(row: dict, name: str) -> str:
    value = peer(row, name).get("load_ms")
    return "" if value is None else f"{value:.0f}"


def cells(row: dict, engines: tuple[str, ...]) -> list[str]:
    if "failure" in row:
        return [row["model"], "cannot: " + row["failure"][:100]]
    share = f"{row['of_roof'] * 100:.0f} %" if "of_roof" in row else ""
    spread = f"{row['latency']['p10_ms']:.3g}-{row['latency']['p90_ms']:.3g}"
    line = [row["model"], f"{row['latency']['p50_ms']:.3g}", spread, share]
    line += [milliseconds(peer(row, name)) for name in engines]
    line += [times(speedup(row, "onnxruntime")), times(speedup(row, "best"))]
    return line + [f"{row['load_ms']:.0f}", load_of(row, "onnxruntime"), megabytes(row["memory"]),
                   smallest_memory(row)]


def geometric_mean(values: list[float]) -> float | None:
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


def markdown(lines: list[list[str]]) -> str:
    width = len(lines[0])
    padded = [lines[0], ["---"] * width] + [line + [""] * (width - len(line)) for line in lines[1:]]
    return "\n".join(f"| {' | '.join(line)} |" for line in padded)


def table(rows: list[dict], engines: tuple[str, ...]) -> str:
    head = ["model", "ferry ms", "p10-p90", "of roof", *engines, "x onnxruntime", "x best f32 peer",
            "load ms", "ort load ms", "peak MB", "smallest peer MB"]
    lines = [head] + [cells(row, engines) for row in rows]
    means = ["geometric mean"] + [""] * (3 + len(engines))
    for name in ("onnxruntime", "best"):
        values = [speedup(row, name) for row in rows if "failure" not in row]
        means.append(times(geometric_mean([v for v in values if v is not None])))
    return markdown(lines + [means])


def failures(rows: list[dict]) -> str:
    lines = []
    for row in rows:
        for p in row.get("peers", []):
            if "failure" in p:
                lines.append(f"- {row['model']}, {p['name']}: {p['failure']}")
            elif p["wrong"] or (not p["right"] and p["precision"] == "f32"):
                reason = p["wrong"] or f"relative error {p['error']:.1e}"
                lines.append(f"- {row['model']}, {p['name']}: other outputs ({reason})")
    return "\n".join(lines)


def report(rows: list[dict], engines: tuple[str, ...]) -> str:
    text = ["# Ferry beside other engines", "",
            "Milliseconds, median of rounds in turns, batch 1, warm. `x` is the peer's time by Ferry's: "
            "above 1 Ferry is the faster. Memory is the process's peak beyond what it held before the "
            "engine was loaded.", ""]
    for threads in sorted({row["threads"] for row in rows}):
        chosen = [row for row in rows if row["threads"] == threads]
        roof = next((row["roof"] for row in chosen if "roof" in row), None)
        text += [f"## {threads} thread{'s' * (threads > 1)}", ""]
        if roof:
            dram = roof["memory"][-1]["read_gbs"]
            text += [f"{roof['cpu']}, {roof['isa']}; roof {roof['gflops']:.0f} GF/s fp32, "
                     f"{dram:.1f} GB/s from DRAM, measured in the same run.", ""]
        text += [table(chosen, engines), ""]
        if why := failures(chosen):
            text += ["Not measured, or not comparable:", "", why, ""]
    return "\n".join(text)


def plot(rows: list[dict], path: Path) -> None:
    """Speed-up over each peer, one group of bars per model and thread count."""
    try:
        import matplotlib

        matplotlib.use("Agg")
        from matplotlib import pyplot
    except ImportError:
        print("no plot: matplotlib is not installed (tools/requirements-bench.txt)", file=sys.stderr)
        return
    counts = sorted({row["threads"] for row in rows if "failure" not in row})
    figure, axes = pyplot.subplots(len(counts), 1, figsize=(12, 4 * len(counts)), squeeze=False)
    names = [name for name in ENGINES if name != "openvino"]
    for axis, threads in zip(axes[:, 0], counts):
        chosen = [row for row in rows if row["threads"] == threads and "failure" not in row]
        for index, name in enumerate(names):
            heights = [speedup(row, name) or 0 for row in chosen]
            places = [i + (index - (len(names) - 1) / 2) * 0.15 for i in range(len(chosen))]
            axis.bar(places, heights, 0.15, label=name)
        axis.axhline(1, color="black", linewidth=1)
        axis.set_xticks(range(len(chosen)), [row["model"] for row in chosen], rotation=20, ha="right")
        axis.set_ylabel("time of the peer / time of Ferry")
        axis.set_title(f"{threads} thread{'s' * (threads > 1)}; above 1 Ferry is the faster")
        axis.set_yscale("log", base=2)
    axes[0, 0].legend(ncols=len(names))
    figure.tight_layout()
    figure.savefig(path)


def measure(options: argparse.Namespace) -> list[dict]:
    rows = []
    for path in sorted(ZOO.glob("*/meta.json")):
        meta = json.loads(path.read_text())
        if options.only and meta["name"] not in options.only:
            continue
        for threads in options.threads:
            row = bench_model(options, meta, threads)
            rows.append(row)
            print(f"{threads} thr: " + "  ".join(cells(row, ENGINES)), file=sys.stderr, flush=True)
    return rows


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", metavar="NAME", help="models of the zoo")
    parser.add_argument("--vs", nargs="+", metavar="ENGINE",
                        default=["onnxruntime", "openvino", "ncnn", "torch"])
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--seconds", type=float, default=2, help="per engine, model and thread count")
    parser.add_argument("--no-parity", action="store_true", help="only time")
    parser.add_argument("--no-build", action="store_true", help="take build/zoo as it is")
    return parser.parse_args()


def main() -> int:
    options = parse_options()
    if not find_ferry():
        print("bench: the ferry command is not built; run ./dev build", file=sys.stderr)
        return 1
    RESULTS.mkdir(exist_ok=True)
    only = ["--only", *options.only] if options.only else []
    if not options.no_build:
        build = [sys.executable, "-m", "bench.zoo.build", *only]
        if subprocess.run(build, cwd=ROOT, check=False).returncode != 0:
            return 1
    code = 0
    if not options.no_parity:
        parity = [sys.executable, "-m", "bench.zoo.parity", "--time", "none",
                  "--markdown", str(RESULTS / "zoo.md"), "--json", str(RESULTS / "zoo.json"), *only]
        code = subprocess.run(parity, cwd=ROOT, check=False).returncode
    rows = measure(options)
    if not rows:
        print("bench: no model of that name in build/zoo", file=sys.stderr)
        return 1
    text = report(rows, ENGINES)
    (RESULTS / "peers.md").write_text(text + "\n")
    (RESULTS / "peers.json").write_text(json.dumps(rows, indent=1) + "\n")
    plot(rows, RESULTS / "peers.svg")
    print(text)
    return code or int(any("failure" in row for row in rows))


if __name__ == "__main__":
    sys.exit(main())
