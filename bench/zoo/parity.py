# SPDX-License-Identifier: Apache-2.0
"""Runs an engine over the zoo, against PyTorch's recorded outputs, and times it beside onnxruntime.

    python -m bench.zoo.parity [--engine ferry | onnxruntime] [--only names] [--time all]

An error is max|y - reference| / max|reference| over one output of one case; over one channel at a
time where channels have their own units. Correctness is measured in accuracy `exact` at 1 and 2
threads, speed in `fast`, with both engines interleaved in one process. The exit status is 1 if any
file fails, is less exact than --limit, or (Ferry only) has other bits with other thread counts."""

import argparse
import gc
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import numpy as np

from .engines import ENGINES, Arrays, Run

THREADS = (1, 2)


def relative_error(seen: np.ndarray, wanted: np.ndarray, channel_axis: int | None = None) -> float:
    """Largest difference over largest reference, per channel if given; inf where NaNs differ."""
    if wanted.size == 0:
        return 0.0
    axes = None
    if channel_axis is not None:
        axes = tuple(i for i in range(wanted.ndim) if i != channel_axis)
    seen, wanted = seen.astype(np.float64), wanted.astype(np.float64)
    same = (seen == wanted) | (np.isnan(seen) & np.isnan(wanted))
    with np.errstate(invalid="ignore", divide="ignore"):
        difference = np.where(same, 0.0, np.abs(seen - wanted)).max(axis=axes)
        scale = np.where(np.isfinite(wanted), np.abs(wanted), 0.0).max(axis=axes)
        ratio = np.where(difference == 0, 0.0, difference / scale)
    return float(np.nan_to_num(ratio, nan=np.inf, posinf=np.inf).max())


def check_form(seen: Arrays, wanted: Arrays) -> None:
    for name, array in wanted.items():
        if name not in seen:
            raise ValueError(f"output '{name}' is missing; the engine gave {sorted(seen)}")
        form, reference = (seen[name].dtype, seen[name].shape), (array.dtype, array.shape)
        if form != reference:
            raise ValueError(f"output '{name}' is {form}, PyTorch's is {reference}")


def load_case(path: Path) -> dict[str, Arrays]:
    """Arrays by their role: in, out, ref64."""
    roles: dict[str, Arrays] = {"in": {}, "out": {}, "ref64": {}}
    with np.load(path) as file:
        for key in file.files:
            role, name = key.split(".", 1)
            roles[role][name] = file[key]
    return roles


def check_parity(engine: str, folder: Path, meta: dict, spelling: str) -> dict:
    """Errors per output over all cases, and whether every thread count gives the same bits."""
    row: dict = dict(errors={}, errors64={}, output_std={}, same_bits=True)
    single: list[Arrays] = []
    for threads in THREADS:
        run = ENGINES[engine](folder / f"{spelling}.onnx", threads, "exact")
        for index, record in enumerate(meta["cases"]):
            case = load_case(folder / record["file"])
            seen = run(case["in"])
            check_form(seen, case["out"])
            for name, wanted in case["out"].items():
                axis = meta["channel_axis"].get(name)
                for key, reference in (("errors", wanted), ("errors64", case["ref64"][name])):
                    error = relative_error(seen[name], reference, axis)
                    row[key][name] = max(row[key].get(name, 0.0), error)
            if threads == THREADS[0]:
                single.append({name: np.array(array) for name, array in seen.items()})
            else:
                pairs = [(array, seen[name]) for name, array in single[index].items()]
                row["same_bits"] &= all(a.tobytes() == b.tobytes() for a, b in pairs)
        del run
        gc.collect()
    first = meta["cases"][0]["output_std"]
    row["output_std"] = {name: first[name] for name in meta["outputs"]}
    return row


def time_once(run: Run, inputs: Arrays, seconds: float) -> float:
    """Median of the runs that fit into `seconds`, at least two, after one that is not counted."""
    run(inputs)
    times, stop = [], time.perf_counter() + seconds
    while len(times) < 2 or time.perf_counter() < stop:
        start = time.perf_counter()
        run(inputs)
        times.append(time.perf_counter() - start)
    return median(times)


def time_engines(
    options: argparse.Namespace, path: Path, inputs: Arrays, threads: int
) -> dict[str, float]:
    """Milliseconds per engine: median over rounds in which every engine has its turn."""
    engines = dict.fromkeys([options.engine, "onnxruntime"])
    runs = {engine: ENGINES[engine](path, threads, "fast") for engine in engines}
    samples: dict[str, list[float]] = {engine: [] for engine in engines}
    for _ in range(options.rounds):
        for engine, run in runs.items():
            samples[engine].append(time_once(run, inputs, options.seconds / options.rounds))
            time.sleep(0.02)  # lets the other engine's threads stop spinning
    return {engine: 1e3 * median(values) for engine, values in samples.items()}


def measure(options: argparse.Namespace) -> Iterator[dict]:
    for path in sorted(options.out.glob("*/meta.json")):
        meta = json.loads(path.read_text())
        if options.only and meta["name"] not in options.only:
            continue
        for spelling in meta["spellings"]:
            if options.spellings and spelling not in options.spellings:
                continue
            yield measure_file(options, path.parent, meta, spelling)
        for spelling, reason in meta["failures"].items():
            yield dict(model=meta["name"], spelling=spelling, failure=f"not exported: {reason}")


def measure_file(options: argparse.Namespace, folder: Path, meta: dict, spelling: str) -> dict:
    row = dict(model=meta["name"], spelling=spelling, cases=len(meta["cases"]), failure="")
    timed = options.time == "all" or (options.time == "timed" and spelling == meta["timed"])
    try:
        row |= check_parity(options.engine, folder, meta, spelling)
        if timed:
            inputs = load_case(folder / meta["cases"][0]["file"])["in"]
            file = folder / f"{spelling}.onnx"
            row["ms"] = {n: time_engines(options, file, inputs, n) for n in THREADS}
    except Exception as error:  # one file's failure is its row
        row["failure"] = f"{type(error).__name__}: {error}"
    gc.collect()
    return row


def passes(row: dict, engine: str, limit: float) -> bool:
    if row["failure"]:
        return False
    return max(row["errors"].values()) <= limit and (row["same_bits"] or engine != "ferry")


def per_output(values: dict[str, float], form: str) -> str:
    """One number per output; the range if there are more than three."""
    numbers = list(values.values())
    if len(numbers) > 3:
        return f"{min(numbers):{form}}..{max(numbers):{form}}"
    return " ".join(f"{number:{form}}" for number in numbers)


def cells(row: dict, engine: str) -> list[str]:
    head = [row["model"], row["spelling"]]
    if row["failure"]:
        return head + [row["failure"].splitlines()[0][:90]]
    same_bits = "yes" if row["same_bits"] else "no"
    line = head + [str(row["cases"]), per_output(row["errors"], ".1e"), same_bits]
    line.append(per_output(row["output_std"], ".2g"))
    for times in row.get("ms", {}).values():
        line += [f"{ms:.2f}" for ms in times.values()]
        if len(times) > 1:
            line.append(f"{times['onnxruntime'] / times[engine]:.2f}")
    return line


def table(rows: list[dict], engine: str) -> str:
    """The ratio is above 1 where the engine is faster than onnxruntime."""
    heads = ["model", "file", "cases", "max error", "same bits", "output std"]
    for n in THREADS:
        heads += [f"{name} ms, {n} thr" for name in dict.fromkeys([engine, "onnxruntime"])]
        heads += [f"ratio, {n} thr"] if engine != "onnxruntime" else []
    lines = [heads, ["---"] * len(heads)] + [cells(row, engine) for row in rows]
    padded = [line + [""] * (len(heads) - len(line)) for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in padded)


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.zoo.parity",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--engine", choices=ENGINES, default="ferry")
    parser.add_argument(
        "--out", type=Path, default=Path("build/zoo"), help="the folder that bench.zoo.build wrote"
    )
    parser.add_argument("--only", nargs="+", metavar="NAME")
    parser.add_argument("--spellings", nargs="+", metavar="NAME")
    parser.add_argument(
        "--time",
        choices=("timed", "all", "none"),
        default="timed",
        help="one file per model, every file, or none",
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--seconds", type=float, default=1.5, help="per engine, file and thread count"
    )
    parser.add_argument("--limit", type=float, default=1e-5)
    parser.add_argument("--markdown", type=Path, help="also write the table to this file")
    parser.add_argument("--json", type=Path, help="also write every figure to this file")
    return parser.parse_args()


def main() -> int:
    options = parse_options()
    rows = []
    for row in measure(options):
        rows.append(row)
        print("  ".join(cells(row, options.engine)), file=sys.stderr, flush=True)
    text = table(rows, options.engine)
    print(text)
    if options.markdown:
        options.markdown.write_text(text + "\n")
    if options.json:
        options.json.write_text(json.dumps(dict(engine=options.engine, rows=rows), indent=1) + "\n")
    failed = [row for row in rows if not passes(row, options.engine, options.limit)]
    print(f"{len(rows) - len(failed)} of {len(rows)} files pass at {options.limit:g}")
    for row in failed:
        print(f"  not {row['model']}/{row['spelling']}")
    return 1 if failed or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
