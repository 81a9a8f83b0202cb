# SPDX-License-Identifier: Apache-2.0
"""PSNR on the held-out pictures against Pillow's BICUBIC; fails when the gain is too small.

    python evaluate.py                         PyTorch runs the checkpoint
    python evaluate.py --engine ferry          Ferry runs srcnn.onnx
    python evaluate.py --engine onnxruntime    so does onnxruntime

Exit code: 0 when the average gain is at least --min-gain dB, else 1.
"""

import argparse
import json
import sys

import numpy as np
from engines import ENGINES, Run, open_engine
from pictures import (
    HELD_OUT,
    crop_to_scale,
    enlarge,
    load_rgb,
    psnr,
    shrink,
    to_input,
    to_picture,
)


def measure(run: Run, name: str) -> tuple[float, float]:
    """PSNR in dB of BICUBIC and of the model for one picture."""
    original = crop_to_scale(load_rgb(name))
    low = shrink(original)
    return psnr(enlarge(low), original), psnr(to_picture(run(to_input(low))), original)


def evaluate(run: Run, show: bool = True) -> dict[str, tuple[float, float]]:
    """(bicubic, model) in dB for every held-out picture."""
    figures = {name: measure(run, name) for name in HELD_OUT}
    if show:
        print(f"{'held-out picture':20} {'bicubic':>10} {'model':>10} {'gain':>10}")
        average = tuple(np.mean(list(figures.values()), axis=0))
        for name, (before, after) in {**figures, "average": average}.items():
            print(f"{name:20} {before:7.3f} dB {after:7.3f} dB {after - before:+7.3f} dB")
    return figures


def average_gain(figures: dict[str, tuple[float, float]]) -> float:
    return float(np.mean([after - before for before, after in figures.values()]))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", choices=ENGINES, default="torch")
    parser.add_argument("--threads", type=int, default=0, help="0: the engine's own choice")
    parser.add_argument("--min-gain", type=float, default=0.5, metavar="DB")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")
    options = parser.parse_args()
    figures = evaluate(open_engine(options.engine, threads=options.threads), show=not options.json)
    gain = average_gain(figures)
    if options.json:
        pictures = {name: dict(zip(("bicubic", "model"), pair)) for name, pair in figures.items()}
        print(json.dumps({"engine": options.engine, "pictures": pictures, "average_gain": gain}))
    if gain < options.min_gain:
        print(
            f"average gain {gain:.3f} dB is below the wanted {options.min_gain} dB", file=sys.stderr
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
