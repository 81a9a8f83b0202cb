# SPDX-License-Identifier: Apache-2.0
"""Puts the example's folder on the path and names the engines that are installed."""

import importlib.util
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

for package in ("torch", "skimage", "PIL", "onnx"):
    pytest.importorskip(package)


def engine_or_skip(name: str) -> str:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:  # a mere folder of that name has no origin
        pytest.skip(f"{name} is not installed")
    return name


@pytest.fixture(params=["torch", "onnxruntime", "ferry"])
def engine(request: pytest.FixtureRequest) -> str:
    return engine_or_skip(request.param)


@pytest.fixture(params=["onnxruntime", "ferry"])
def onnx_engine(request: pytest.FixtureRequest) -> str:
    """An engine that runs ONNX files."""
    return engine_or_skip(request.param)
