# SPDX-License-Identifier: Apache-2.0
"""The classic super-resolution deployment tutorial, step by step.

A checkpoint from another training framework, whose keys differ from the module's, is renamed on
load; the model is exported at opset 11 as `input`/`output` for 1x3x256x256; OpenCV reads the
picture as BGR, the network works on 0..255, and the result is clipped and truncated to bytes.

    python tutorial.py --image face.png --output face_sr.png
    python tutorial.py --checkpoint their.pth --image face.png --output face_sr.png --engine ferry

Without --checkpoint, the trained srcnn.pt is first rewritten into that other form.
"""

import argparse
import sys
import tempfile
import warnings
from pathlib import Path

import cv2
import numpy as np
import torch
from engines import ENGINES, Run, open_engine
from model import CHECKPOINT, SRCNN

SIDE = 256
PREFIX = "generator."


class CheckpointMismatch(Exception):
    """The checkpoint does not fit the module; the message lists all that differs."""


def read_checkpoint(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a checkpoint, also of one that wraps them in `state_dict`."""
    content = torch.load(path, map_location="cpu", weights_only=True)
    return content.get("state_dict", content)


def list_mismatches(
    seen: dict[str, torch.Tensor], wanted: dict[str, torch.Tensor], old_names: dict[str, str]
) -> list[str]:
    problems = [f"missing: {key} {list(wanted[key].shape)}" for key in wanted if key not in seen]
    for key, tensor in seen.items():
        if key not in wanted:
            problems.append(f"unexpected: {old_names[key]} {list(tensor.shape)}")
        elif tensor.shape != wanted[key].shape:
            shapes = f"{list(tensor.shape)}, wanted {list(wanted[key].shape)}"
            problems.append(f"shape: {old_names[key]} is {shapes}")
    return problems


def load_renamed(module: torch.nn.Module, path: Path, prefix: str = PREFIX) -> dict[str, str]:
    """Loads a checkpoint whose keys carry a prefix that the module's lack.

    Returns the renaming, new name to old. Raises CheckpointMismatch, with the whole list, when keys
    or shapes differ after it; the module is then unchanged.
    """
    renaming: dict[str, str] = {}
    tensors: dict[str, torch.Tensor] = {}
    for old, tensor in read_checkpoint(path).items():
        new = old.removeprefix(prefix)
        if new in renaming:
            raise CheckpointMismatch(f"{path}: both {renaming[new]} and {old} would become {new}")
        renaming[new] = old
        tensors[new] = tensor
    problems = list_mismatches(tensors, module.state_dict(), renaming)
    if problems:
        name = type(module).__name__
        raise CheckpointMismatch("\n  ".join([f"{path} does not fit {name}:", *problems]))
    module.load_state_dict(tensors)
    return renaming


def write_foreign_checkpoint(path: Path, source: Path = CHECKPOINT) -> None:
    """srcnn.pt as another framework would have saved it: prefixed keys, BGR, levels 0..255.

    The network is positively homogeneous apart from its biases, so f(255 x) = 255 f(x) once these
    are 255 times larger.
    """
    tensors = torch.load(source, map_location="cpu", weights_only=True)
    tensors["conv1.weight"] = tensors["conv1.weight"].flip(1)
    tensors["conv3.weight"] = tensors["conv3.weight"].flip(0)
    tensors["conv3.bias"] = tensors["conv3.bias"].flip(0)
    for key in tensors:
        if key.endswith(".bias"):
            tensors[key] = tensors[key] * 255
    torch.save({"state_dict": {PREFIX + key: tensor for key, tensor in tensors.items()}}, path)


def export_classic(module: torch.nn.Module, path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the old exporter is the subject here
        torch.onnx.export(
            module,
            (torch.randn(1, 3, SIDE, SIDE),),
            str(path),
            dynamo=False,
            opset_version=11,
            input_names=["input"],
            output_names=["output"],
        )


def read_bgr(path: Path) -> np.ndarray:
    """uint8 [256, 256, 3], BGR."""
    pixels = cv2.imread(str(path))
    if pixels is None:
        raise OSError(f"{path} is not a picture that OpenCV reads")
    if pixels.shape[:2] != (SIDE, SIDE):
        height, width = pixels.shape[:2]
        raise ValueError(f"{path} is {width}x{height}, wanted {SIDE}x{SIDE}")
    return pixels


def upscale(run: Run, pixels: np.ndarray) -> np.ndarray:
    """BGR bytes in, BGR bytes three times as large out; fractions are cut off."""
    x = np.expand_dims(np.transpose(pixels, (2, 0, 1)).astype(np.float32), 0)
    y = np.clip(np.squeeze(run(x), 0), 0, 255)
    return np.ascontiguousarray(np.transpose(y, (1, 2, 0)).astype(np.uint8))


def run_module(module: torch.nn.Module) -> Run:
    def run(x: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return module(torch.from_numpy(x)).numpy()

    return run


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--image", type=Path, required=True, help=f"{SIDE}x{SIDE} pixels")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--onnx", type=Path, help="keep the exported model here")
    parser.add_argument("--engine", choices=ENGINES, default="ferry")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = options.checkpoint or Path(folder, "foreign.pth")
        if not options.checkpoint:
            write_foreign_checkpoint(checkpoint)
        module = SRCNN().eval()
        try:
            renaming = load_renamed(module, checkpoint)
            pixels = read_bgr(options.image)
        except (CheckpointMismatch, OSError, ValueError) as error:
            print(error, file=sys.stderr)
            return 1
        for new, old in renaming.items():
            print(f"{old} -> {new}")
        model = options.onnx or Path(folder, "srcnn_classic.onnx")
        export_classic(module, model)
        by_torch = options.engine == "torch"
        run = run_module(module) if by_torch else open_engine(options.engine, model)
        result = upscale(run, pixels)
    cv2.imwrite(str(options.output), result)
    print(f"wrote {options.output} ({result.shape[1]}x{result.shape[0]}) by {options.engine}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
