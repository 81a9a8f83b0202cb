# SPDX-License-Identifier: Apache-2.0
"""Resident memory after many shapes, beside that after the largest alone.

    python -m tests.memory.dynamic_shapes [--shapes 1000] [--only srcnn]

Each model of the zoo with dynamic dims runs in two processes: the largest shape three times, and
random shapes ending with the largest. Printed is the resident memory of both.
"""

import argparse
import gc
import pathlib
import subprocess
import sys

import ferry
import numpy as np

ZOO = pathlib.Path("build/zoo")


def images(random, largest, model):
    b, h, w = (2, 320, 320) if largest else (1 + random.integers(2), 16 + random.integers(305), 16 + random.integers(305))
    return {"x": (np.float32, (b, 3, h, w))}


def scaled_images(random, largest, model):
    b, h, w = (1, 96, 96) if largest else (1, 8 + random.integers(89), 8 + random.integers(89))
    return {"x": (np.float32, (b, 3, h, w)), "scale": 4 if largest else 1 + random.integers(4)}


def tokens(random, largest, model):
    b, n = (2, 64) if largest else (1 + random.integers(2), 1 + random.integers(64))
    return {v.name: (np.int64, (b, n)) for v in model.inputs}


def step_of_text(random, largest, model):
    b, past, step = (2, 64, 16) if largest else (1 + random.integers(2), random.integers(65), 1 + random.integers(16))
    sizes = {"batch": b, "past": past, "step": step, "total": past + step}
    return {v.name: (v.dtype, tuple(sizes.get(d, d) for d in v.shape)) for v in model.inputs}


def rows(random, largest, model):
    fed = {"x": (np.float32, (256 if largest else 1 + random.integers(256), 64))}
    if len(model.inputs) > 1:
        fed["steps"] = 12 if largest else random.integers(13)
    return fed


CASES = {
    "srcnn": ("srcnn/torchscript.onnx", images),
    "srcnn_scale": ("srcnn_scale/torchscript.onnx", scaled_images),
    "lstm_tagger": ("lstm_tagger/torchscript.onnx", tokens),
    "bert_base": ("bert_base/torchscript.onnx", tokens),
    "gpt2": ("gpt2/torchscript.onnx", step_of_text),
    "branch": ("branch/torchscript.onnx", rows),
    "loop": ("loop/torchscript.onnx", rows),
    "scan": ("scan/dynamo.onnx", rows),
}


def resident_bytes():
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


class Feeder:
    """Inputs in memory that is touched once, so that only the engine's changes."""

    def __init__(self):
        self.memory = {}

    def feed(self, specs):
        return {name: self.array(name, *spec) if isinstance(spec, tuple) else np.int64(spec)
                for name, spec in specs.items()}

    def array(self, name, dtype, shape):
        count = int(np.prod(shape))
        if name not in self.memory or self.memory[name].size < count:
            self.memory[name] = np.ones(count, dtype)
        return self.memory[name][:count].reshape(shape)


def resident_after(path, draw, shapes, threads=1):
    """Bytes after so many random shapes and then, three times, the largest."""
    random = np.random.default_rng(0)
    session, feeder = ferry.Session(path, threads=threads), Feeder()
    feeder.feed(draw(random, True, session))
    for i in range(shapes + 3):
        session.run(feeder.feed(draw(random, i >= shapes, session)))
    gc.collect()
    return resident_bytes()


def child(name, shapes, threads=1):
    code = ("from tests.memory.dynamic_shapes import *\n"
            f"path, draw = CASES[{name!r}]\nprint(resident_after(ZOO / path, draw, {shapes}, {threads}))")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return int(done.stdout)


def growth(name, shapes, threads=1):
    """Resident memory after the largest shape alone, and after all."""
    return child(name, 0, threads), child(name, shapes, threads)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shapes", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", choices=list(CASES))
    options = parser.parse_args()
    print(f"| model | largest shape alone, MiB | after {options.shapes} shapes, MiB | growth |\n|---|---|---|---|")
    for name in [options.only] if options.only else CASES:
        if not (ZOO / CASES[name][0]).exists():
            continue
        alone, after = growth(name, options.shapes, options.threads)
        print(f"| {name} | {alone / 2**20:.1f} | {after / 2**20:.1f} | {100 * (after / alone - 1):+.1f} % |", flush=True)


if __name__ == "__main__":
    main()
