# SPDX-License-Identifier: Apache-2.0
"""Writes the seeds of the fuzz targets: node models of the onnx package's backend suite and the hostile corpus.

    python -m tests.fuzz.make_seeds build/fuzz/seeds          one folder per target
    python -m tests.fuzz.make_seeds build/fuzz/short short    one model per set of operators, for a quick replay

Seeds of `run` begin with the bytes that its inputs take, those of `upgrade` with two opset versions.
"""

import argparse
import hashlib
import pathlib
import random
import struct
import warnings

import numpy as np
from onnx.backend.test.loader import load_model_tests

from tests.hostile.make_corpus import all_cases

TARGETS = ("wire", "import", "upgrade", "optimize", "run", "infer", "kernels", "api")
LARGEST = 2048  # bytes of a model; larger ones only make fuzzing slower
CONTENTS = 512  # bytes of inputs that a seed carries


def write(folder, data):
    (folder / hashlib.sha1(data).hexdigest()[:16]).write_bytes(data)


def contents(case):
    arrays = [v for v in case.data_sets[0][0] if isinstance(v, np.ndarray) and v.dtype.kind in "fiub"] if case.data_sets else []
    return b"".join(a.tobytes() for a in arrays)[:CONTENTS]


def smallest_of_each(cases):
    """One case per set of operators."""
    chosen = {}
    for case in sorted(cases, key=lambda c: c.model.ByteSize()):
        chosen.setdefault(frozenset((n.domain, n.op_type) for n in case.model.graph.node), case)
    return chosen.values()


def main(folder, extent):
    short = extent == "short"
    folders = {name: pathlib.Path(folder) / name for name in TARGETS}
    for path in folders.values():
        path.mkdir(parents=True, exist_ok=True)

    def add(model, values=b"", opset=28):
        for name in ("wire", "import", "optimize"):
            write(folders[name], model)
        write(folders["upgrade"], bytes([opset % 30, 5]) + model)
        write(folders["run"], b"\1" + struct.pack("<H", len(values)) + values + model)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        suite = load_model_tests(kind="node")
    suite = [case for case in suite if case.model is not None]
    for case in smallest_of_each(suite) if short else suite:
        opsets = {o.domain: o.version for o in case.model.opset_import}
        model = case.model.SerializeToString()
        if len(model) <= LARGEST:
            add(model, contents(case), opsets.get("", 28))
    for i, case in enumerate(all_cases().values()):
        if len(case.model) <= LARGEST and (not short or i % 4 == 0):
            add(case.model, b"".join(v.tobytes() for v in case.inputs.values() if v.dtype.kind in "fiub")[:CONTENTS], 21)
    # Targets that read numbers, not models: noise of several lengths.
    noise = random.Random(7)
    for name in ("infer", "kernels", "api"):
        for i in range(100 if short else 400):
            write(folders[name], noise.randbytes(16 + i))
    for name, path in folders.items():
        sizes = [p.stat().st_size for p in path.iterdir()]
        print(f"{name:9} {len(sizes)} seeds, {sum(sizes)} bytes")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", help="made when it is missing")
    parser.add_argument("extent", nargs="?", choices=("all", "short"), default="all")
    main(**vars(parser.parse_args()))
