# SPDX-License-Identifier: Apache-2.0
"""Writes what follows from the checkpoint: ONNX file, shipped picture, PyTorch's own results.

    python export.py

    srcnn.onnx      the model, height and width dynamic, weights inside
    input.png       the picture of the demo: a held-out photograph, shrunk
    expected.png    PyTorch's output for it
    recorded.npz    a detail of it (`input`) and PyTorch's output (`output`), both float32
"""

import numpy as np
import onnx
import torch
from engines import HERE, MODEL, open_engine
from model import load_srcnn
from PIL import Image
from pictures import HELD_OUT, SCALE, load_rgb, shrink, to_input, to_picture

INPUT = HERE / "input.png"
EXPECTED = HERE / "expected.png"
RECORDED = HERE / "recorded.npz"
DETAIL = (57, 24, 81, 44)  # left, top, right, bottom in input.png: the eyes

# What the exporter writes about the machine it ran on.
LOCAL_METADATA = "pkg.torch.onnx.stack_trace"


def export_onnx(model: torch.nn.Module) -> None:
    dims = {2: torch.export.Dim("height", min=1), 3: torch.export.Dim("width", min=1)}
    torch.onnx.export(
        model,
        (torch.rand(1, 3, 16, 20),),
        str(MODEL),
        dynamo=True,
        external_data=False,
        input_names=["input"],
        output_names=["output"],
        dynamic_shapes=(dims,),
        verbose=False,
    )
    proto = onnx.load(MODEL)
    for node in proto.graph.node:
        kept = [entry for entry in node.metadata_props if entry.key != LOCAL_METADATA]
        del node.metadata_props[:]
        node.metadata_props.extend(kept)
    onnx.checker.check_model(proto, full_check=True)
    onnx.save(proto, MODEL)


def make_input() -> Image.Image:
    """The upper two thirds of the first held-out picture, 170 x 113 pixels after shrinking."""
    original = load_rgb(HELD_OUT[0])
    return shrink(original.crop((0, 0, 170 * SCALE, 113 * SCALE)))


def record(model: torch.nn.Module) -> None:
    picture = make_input()
    detail = to_input(picture.crop(DETAIL))
    with torch.no_grad():
        expected = model(torch.from_numpy(to_input(picture))).numpy()
        output = model(torch.from_numpy(detail)).numpy()
    picture.save(INPUT, optimize=True)
    to_picture(expected).save(EXPECTED, optimize=True)
    np.savez_compressed(RECORDED, input=detail, output=output)


def compare(model: torch.nn.Module) -> float:
    """The largest difference between onnxruntime on the file and PyTorch, over several sizes."""
    run = open_engine("onnxruntime", MODEL)
    dice = np.random.default_rng(1)
    worst = 0.0
    for height, width in ((1, 1), (1, 7), (16, 20), (33, 12)):
        x = dice.random((1, 3, height, width), dtype=np.float32)
        with torch.no_grad():
            wanted = model(torch.from_numpy(x)).numpy()
        worst = max(worst, float(np.abs(run(x) - wanted).max()))
    return worst


def main() -> None:
    torch.set_num_threads(2)
    model = load_srcnn()
    export_onnx(model)
    record(model)
    for path in (MODEL, INPUT, EXPECTED, RECORDED):
        print(f"wrote {path} ({path.stat().st_size} bytes)")
    print(f"onnxruntime differs from PyTorch by at most {compare(model):.2e}")


if __name__ == "__main__":
    main()
