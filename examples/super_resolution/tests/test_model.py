# SPDX-License-Identifier: Apache-2.0
"""The checkpoint, the ONNX file made from it and the recorded results agree."""

import numpy as np
import onnx
import pytest
import torch
from engines import HERE, MODEL, open_engine
from export import make_input
from model import SRCNN, load_srcnn
from PIL import Image
from pictures import to_input, to_picture
from train import pass_through


@pytest.fixture(scope="module")
def model():
    torch.set_num_threads(2)
    return load_srcnn()


def run_torch(model, x):
    with torch.no_grad():
        return model(torch.from_numpy(x)).numpy()


def test_architecture():
    shapes = {key: tuple(tensor.shape) for key, tensor in SRCNN().state_dict().items()}
    assert shapes == {
        "conv1.weight": (64, 3, 9, 9),
        "conv1.bias": (64,),
        "conv2.weight": (32, 64, 1, 1),
        "conv2.bias": (32,),
        "conv3.weight": (3, 32, 5, 5),
        "conv3.bias": (3,),
    }


def test_fresh_network_passes_the_bicubic_picture_through():
    torch.manual_seed(1)
    model = SRCNN().eval()
    pass_through(model)
    x = torch.rand(1, 3, 9, 11)
    bicubic = torch.nn.functional.interpolate(x, scale_factor=3, mode="bicubic")
    with torch.no_grad():
        assert (model(x) - bicubic.clamp(min=0)).abs().max() < 0.05


def test_onnx_file_is_self_contained_and_dynamic():
    proto = onnx.load(MODEL, load_external_data=False)
    onnx.checker.check_model(proto, full_check=True)
    assert all(t.data_location != onnx.TensorProto.EXTERNAL for t in proto.graph.initializer)
    ops = [node.op_type for node in proto.graph.node]
    assert ops == ["Resize", "Conv", "Relu", "Conv", "Relu", "Conv"]
    dims = proto.graph.input[0].type.tensor_type.shape.dim
    assert [d.dim_param or d.dim_value for d in dims] == [1, 3, "height", "width"]
    assert [value.name for value in proto.graph.output] == ["output"]


def test_onnx_file_names_no_local_path():
    content = MODEL.read_bytes()
    assert b".py" not in content
    assert str(HERE.parent).encode() not in content


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (17, 23), (64, 40)])
def test_onnx_file_computes_what_torch_does(model, onnx_engine, size):
    x = np.random.default_rng(3).random((1, 3, *size), dtype=np.float32)
    y = open_engine(onnx_engine, threads=2)(x)
    assert y.shape == (1, 3, 3 * size[0], 3 * size[1])
    np.testing.assert_allclose(y, run_torch(model, x), rtol=0, atol=1e-4)


def test_shipped_picture_comes_from_the_held_out_side():
    with Image.open(HERE / "input.png") as shipped:
        assert shipped.size == (170, 113)
        assert np.array_equal(np.asarray(shipped.convert("RGB")), np.asarray(make_input()))


def test_recorded_results(engine):
    run = open_engine(engine, threads=2)
    with Image.open(HERE / "input.png") as shipped, Image.open(HERE / "expected.png") as expected:
        result = np.asarray(to_picture(run(to_input(shipped))), np.int16)
        levels = np.abs(result - np.asarray(expected.convert("RGB"), np.int16))
    assert levels.max() <= 1
    assert np.mean(levels > 0) < 1e-3
    with np.load(HERE / "recorded.npz") as recorded:
        np.testing.assert_allclose(run(recorded["input"]), recorded["output"], rtol=0, atol=1e-3)
