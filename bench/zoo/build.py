# SPDX-License-Identifier: Apache-2.0
"""Builds the zoo: python -m bench.zoo.build [--only names] [--out build/zoo]

For each model: one .onnx per spelling, case_<k>.npz with inputs (in.*), PyTorch's float32 outputs
(out.*) and float64 outputs (ref64.*), and meta.json, written last. A model whose sources and
versions are unchanged is skipped."""

import argparse
import ast
import gc
import hashlib
import json
import shutil
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from . import export as exporters
from . import model as specs
from . import unit_scale
from .model import ZooModel
from .parity import relative_error
from .registry import MODELS, SOURCES


def fingerprint(name: str) -> str:
    """Of the code that makes the model, layout and comments aside, and of what it runs on."""
    digest = hashlib.sha256()
    for source in (
        SOURCES[name],
        specs.__file__,
        unit_scale.__file__,
        exporters.__file__,
        __file__,
    ):
        digest.update(ast.dump(ast.parse(Path(source).read_text())).encode())
    for package in ("torch", "transformers", "onnx", "onnxscript"):
        digest.update(f"{package}=={version(package)}".encode())
    return digest.hexdigest()


def is_current(folder: Path, key: str) -> bool:
    try:
        meta = json.loads((folder / "meta.json").read_text())
    except (OSError, ValueError):
        return False
    return meta.get("key") == key and all((folder / file).is_file() for file in meta["files"])


def as_tuple(outputs) -> tuple[Tensor, ...]:
    return (outputs,) if isinstance(outputs, Tensor) else tuple(outputs)


def widen(tensor: Tensor) -> Tensor:
    return tensor.double() if tensor.is_floating_point() else tensor


@torch.no_grad()
def evaluate(
    module: nn.Module, inputs: dict[str, Tensor], names: tuple[str, ...]
) -> dict[str, np.ndarray]:
    outputs = as_tuple(module(*inputs.values()))
    assert len(outputs) == len(names), f"{len(outputs)} outputs, {len(names)} names"
    return {name: tensor.contiguous().numpy() for name, tensor in zip(names, outputs)}


def export_spellings(
    model: ZooModel, module: nn.Module, folder: Path
) -> tuple[list[str], dict[str, str]]:
    """The spellings written and, for the others, why not."""
    trace = model.trace if model.trace is not None else model.cases[0]
    written, failures = [], {}
    for spelling, spell in model.spellings.items():
        path = folder / f"{spelling}.onnx"
        try:
            variant, exporter = spell(module)
            exporters.export(model, variant, exporter, model.make_inputs(trace, index=-1), path)
            written.append(spelling)
        except Exception as error:  # exporters raise every kind; the reason belongs into the record
            failures[spelling] = f"{type(error).__name__}: {error}"[:4000]
            for left in folder.glob(f"{spelling}.onnx*"):
                left.unlink()
        gc.collect()
    return written, failures


def record_cases(model: ZooModel, module: nn.Module, folder: Path) -> list[dict]:
    """Runs every case in float32, then in float64 (which leaves `module` in float64)."""
    inputs = [model.make_inputs(case, index) for index, case in enumerate(model.cases)]
    narrow = [evaluate(module, one, model.outputs) for one in inputs]
    module.double()
    wide = [
        evaluate(module, {n: widen(t) for n, t in one.items()}, model.outputs) for one in inputs
    ]
    records = []
    for index, case in enumerate(model.cases):
        arrays = {f"in.{name}": tensor.numpy() for name, tensor in inputs[index].items()}
        arrays |= {f"out.{name}": array for name, array in narrow[index].items()}
        arrays |= {f"ref64.{name}": array for name, array in wide[index].items()}
        file = f"case_{index}.npz"
        np.savez(folder / file, **arrays)
        error = {
            n: relative_error(a, wide[index][n], model.channel_axis.get(n))
            for n, a in narrow[index].items()
        }
        records.append(
            dict(
                file=file,
                symbols=dict(case),
                shapes={name: list(tensor.shape) for name, tensor in inputs[index].items()},
                output_shapes={name: list(array.shape) for name, array in narrow[index].items()},
                output_std={name: float(array.std()) for name, array in narrow[index].items()},
                float32_error=error,
            )
        )
    return records


def build(model: ZooModel, folder: Path, key: str) -> dict:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    module = model.build()
    parameters = sum(p.numel() for p in module.parameters())
    written, failures = export_spellings(model, module, folder)
    cases = record_cases(model, module, folder)
    meta = dict(
        name=model.name,
        key=key,
        versions={
            package: version(package) for package in ("torch", "transformers", "onnx", "onnxscript")
        },
        parameters=parameters,
        inputs=list(model.inputs),
        outputs=list(model.outputs),
        dynamic_axes={name: axes for name, axes in model.dynamic_axes().items() if axes},
        channel_axis=dict(model.channel_axis),
        spellings=written,
        timed=model.timed,
        failures=failures,
        cases=cases,
        files=sorted(file.name for file in folder.iterdir()),
    )
    (folder / "meta.json").write_text(json.dumps(meta, indent=1) + "\n")
    return meta


def summary(meta: dict) -> str:
    worst = max(error for case in meta["cases"] for error in case["float32_error"].values())
    stds = [std for case in meta["cases"] for std in case["output_std"].values()]
    size, std = meta["parameters"] / 1e6, f"{min(stds):.3g}..{max(stds):.3g}"
    spellings = " ".join(meta["spellings"])
    return f"{meta['name']:<22}{size:>8.2f} M  std {std}  fp32 error {worst:.1e}  {spellings}"


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.zoo.build", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=MODELS, default=list(MODELS))
    parser.add_argument("--out", type=Path, default=Path("build/zoo"))
    parser.add_argument("--force", action="store_true", help="rebuild what is up to date")
    options = parser.parse_args()
    torch.set_num_threads(1)
    for name in options.only:
        folder, key = options.out / name, fingerprint(name)
        if not options.force and is_current(folder, key):
            print(f"{name:<22}up to date", flush=True)
            continue
        start = time.monotonic()
        meta = build(MODELS[name], folder, key)
        print(f"{summary(meta)}  ({time.monotonic() - start:.0f} s)", flush=True)
        for spelling, reason in meta["failures"].items():
            print(f"    not exported as {spelling}: {reason.splitlines()[0][:160]}", flush=True)
        gc.collect()
    return 0


if __name__ == "__main__":
    sys.exit(main())
