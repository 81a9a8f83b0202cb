# SPDX-License-Identifier: Apache-2.0
"""The demo: checks the model, runs it, proves parity, times it and shows the result.

    python demo.py [--ferry build/cli/ferry] [--out demo]

Needs the `ferry` command and Python package, numpy and Pillow; PyTorch is not needed, its output is
recorded. onnxruntime is timed side by side when it is installed. Exit code: 0 when all passed.
"""

import argparse
import importlib.util
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from engines import HERE, MODEL, Run, open_engine
from PIL import Image, ImageDraw, ImageFont
from pictures import enlarge, to_input, to_picture

MAX_LEVELS = 1  # of 255; float sums in another order round differently at ties
MAX_FLOAT = 1e-3  # in 0..1, a quarter of a level
REST = 0.02  # seconds until the other engine's waiting threads have left the cores
MARGIN = 30  # pixels above the triptych, for its labels
GAP = 4  # pixels between its panels


def say(title: str) -> None:
    print(f"\n{title}", flush=True)


def call(command: list[str]) -> bool:
    """Runs a command line, shows it and what it prints, and returns whether it succeeded."""
    print(f"  $ {' '.join(command)}", flush=True)
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        print(f"  {error}")
        return False
    for line in (done.stdout + done.stderr).splitlines():
        print(f"  {line}")
    if done.returncode != 0:
        print(f"  exit code {done.returncode}")
    return done.returncode == 0


def compare_pixels(result: Image.Image, expected: Image.Image) -> bool:
    if result.size != expected.size:
        print(f"  pixels   {result.size} is not the recorded {expected.size}")
        return False
    levels = np.abs(np.asarray(result, np.int16) - np.asarray(expected, np.int16))
    worst, count = int(levels.max()), int(np.count_nonzero(levels))
    print(f"  pixels   largest difference {worst} of 255 (allowed {MAX_LEVELS}), "
          f"{count} of {levels.size} values differ")
    return worst <= MAX_LEVELS


def compare_floats(run: Run) -> bool:
    with np.load(HERE / "recorded.npz") as recorded:
        x, wanted = recorded["input"], recorded["output"]
    output = run(x)
    if output.shape != wanted.shape:
        print(f"  floats   shape {output.shape} is not the recorded {wanted.shape}")
        return False
    worst = float(np.abs(output - wanted).max())
    print(f"  floats   largest difference {worst:.2e} (allowed {MAX_FLOAT:.0e}), "
          f"shape {output.shape}")
    return worst <= MAX_FLOAT  # false for NaN


def time_engines(engines: dict[str, Run], x: np.ndarray, rounds: int) -> dict[str, float]:
    """Median milliseconds per run, the engines taking turns so that a busy moment hits them all."""
    samples: dict[str, list[float]] = {name: [] for name in engines}
    for _ in range(rounds):
        for name, run in engines.items():
            time.sleep(REST)
            run(x)
            started = time.perf_counter()
            run(x)
            samples[name].append((time.perf_counter() - started) * 1e3)
    for name, values in samples.items():
        print(f"  {name:12} median {statistics.median(values):7.2f} ms"
              f"   fastest {min(values):7.2f} ms   of {rounds} runs, in turns")
    return {name: statistics.median(values) for name, values in samples.items()}


def compare_times(engine: str, run: Run, x: np.ndarray, threads: int, rounds: int) -> None:
    engines = {engine: run}
    if engine != "onnxruntime":
        if importlib.util.find_spec("onnxruntime"):
            engines["onnxruntime"] = open_engine("onnxruntime", threads=threads)
        else:
            print("  onnxruntime is not installed; pip install onnxruntime to see it beside Ferry")
    medians = time_engines(engines, x, rounds)
    if len(medians) == 2:
        print(f"  {engine} takes {medians[engine] / medians['onnxruntime']:.2f} x the time of "
              f"onnxruntime, {threads} threads each")


def draw_triptych(picture: Image.Image, result: Image.Image, name: str) -> Image.Image:
    """The input by nearest neighbour, by bicubic and by the model, side by side with labels."""
    panels = (
        ("nearest neighbour", enlarge(picture, Image.Resampling.NEAREST)),
        ("bicubic", enlarge(picture)),
        (name, result),
    )
    width, height = result.size
    total = len(panels) * (width + GAP) - GAP
    sheet = Image.new("RGB", (total, height + MARGIN), "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=18)
    for index, (label, panel) in enumerate(panels):
        left = index * (width + GAP)
        sheet.paste(panel, (left, MARGIN))
        draw.text((left + width / 2, MARGIN / 2), label, fill="black", font=font, anchor="mm")
    return sheet


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ferry", default="ferry", help="the ferry command")
    parser.add_argument("--out", type=Path, default=Path("demo"), help="folder for the pictures")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--engine", choices=("ferry", "onnxruntime"), default="ferry",
                        help="onnxruntime: a rehearsal without Ferry and its two commands")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    source, upscaled = HERE / "input.png", options.out / "output.png"
    triptych = options.out / "triptych.png"
    picture = Image.open(source).convert("RGB")
    with_ferry = options.engine == "ferry"
    passed = []

    run = open_engine(options.engine, threads=options.threads)
    if with_ferry:
        say("1. Is the model supported?")
        passed.append(call([options.ferry, "check", str(MODEL)]))
    say(f"2. Run it on {source.name}, {picture.width}x{picture.height}")
    if with_ferry:
        upscaled.unlink(missing_ok=True)
        passed.append(call([options.ferry, "run", str(MODEL), "--image", str(source),
                            "--output", str(upscaled)]))
        if not upscaled.exists():
            print(f"  no {upscaled} to go on with")
            return 1
    else:
        to_picture(run(to_input(picture))).save(upscaled)
    result = Image.open(upscaled).convert("RGB")
    print(f"  wrote {upscaled}, {result.width}x{result.height}")
    say("3. Is it what PyTorch computed? (recorded: expected.png, recorded.npz)")
    passed.append(compare_pixels(result, Image.open(HERE / "expected.png").convert("RGB")))
    passed.append(compare_floats(run))
    say(f"4. Time, input {picture.width}x{picture.height}")
    compare_times(options.engine, run, to_input(picture), options.threads, options.rounds)
    say("5. See it")
    draw_triptych(picture, result, "Ferry" if with_ferry else options.engine).save(triptych)
    print(f"  {triptych.resolve()}: nearest neighbour | bicubic | SRCNN by {options.engine}")
    print("\nAll checks passed." if all(passed) else "\nA check FAILED; see above.")
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
