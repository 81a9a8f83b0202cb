# SPDX-License-Identifier: Apache-2.0
"""Builds these models into the form of the zoo's (see bench.zoo.build):

    python -m bench.models_more.build [--only names] [--out build/models_more]
"""

import argparse
import gc
import hashlib
import sys
import time
from importlib.metadata import version
from pathlib import Path

import torch

from bench.zoo import build as zoo

from . import scale
from .registry import MODELS, SOURCES


def fingerprint(name: str) -> str:
    digest = hashlib.sha256()
    for source in (SOURCES[name], scale.__file__, zoo.__file__):
        digest.update(Path(source).read_bytes())
    for package in ("torch", "transformers", "onnx", "onnxscript"):
        digest.update(f"{package}=={version(package)}".encode())
    return digest.hexdigest()


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.models_more.build", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=MODELS, default=list(MODELS))
    parser.add_argument("--out", type=Path, default=Path("build/models_more"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    for name in options.only:
        folder, key = options.out / name, fingerprint(name)
        if zoo.is_current(folder, key):
            print(f"{name:<22}up to date", flush=True)
            continue
        start = time.monotonic()
        meta = zoo.build(MODELS[name], folder, key)
        print(f"{zoo.summary(meta)}  ({time.monotonic() - start:.0f} s)", flush=True)
        for spelling, reason in meta["failures"].items():
            print(f"    not exported as {spelling}: {reason.splitlines()[0][:160]}", flush=True)
        gc.collect()
    return 0


if __name__ == "__main__":
    sys.exit(main())
