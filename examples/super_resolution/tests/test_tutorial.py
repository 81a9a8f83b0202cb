# SPDX-License-Identifier: Apache-2.0
"""The classic tutorial, against the same steps in PyTorch and OpenCV."""

import numpy as np
import onnx
import pytest
import torch

cv2 = pytest.importorskip("cv2")

from engines import open_engine  # noqa: E402
from model import SRCNN, load_srcnn  # noqa: E402
from pictures import load_rgb  # noqa: E402
from tutorial import (  # noqa: E402
    SIDE,
    CheckpointMismatch,
    export_classic,
    load_renamed,
    read_bgr,
    upscale,
    write_foreign_checkpoint,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("tutorial")


@pytest.fixture(scope="module")
def checkpoint(folder):
    path = folder / "foreign.pth"
    write_foreign_checkpoint(path)
    return path


@pytest.fixture(scope="module")
def module(checkpoint):
    torch.set_num_threads(2)
    module = SRCNN().eval()
    load_renamed(module, checkpoint)
    return module


@pytest.fixture(scope="module")
def classic(folder, module):
    path = folder / "classic.onnx"
    export_classic(module, path)
    return path


@pytest.fixture(scope="module")
def face(folder):
    path = folder / "face.png"
    load_rgb("astronaut.png").crop((128, 0, 128 + SIDE, SIDE)).save(path)
    return path


def upscale_by_hand(module, path):
    """The tutorial's own steps, spelt out in PyTorch and OpenCV."""
    image = cv2.imread(str(path)).astype(np.float32)
    image = np.expand_dims(np.transpose(image, [2, 0, 1]), 0)
    with torch.no_grad():
        output = module(torch.from_numpy(image)).numpy()
    output = np.clip(np.squeeze(output, 0), 0, 255)
    return np.transpose(output, [1, 2, 0]).astype(np.uint8)


def test_exported_form(classic):
    proto = onnx.load(classic)
    onnx.checker.check_model(proto, full_check=True)
    assert [(entry.domain, entry.version) for entry in proto.opset_import] == [("", 11)]

    def shape(value):
        return value.name, [dim.dim_value for dim in value.type.tensor_type.shape.dim]

    assert [shape(v) for v in proto.graph.input] == [("input", [1, 3, 256, 256])]
    assert [shape(v) for v in proto.graph.output] == [("output", [1, 3, 768, 768])]


def test_pixels_equal_pytorch_and_opencv(classic, module, face, onnx_engine, tmp_path):
    result = upscale(open_engine(onnx_engine, classic, threads=2), read_bgr(face))
    assert cv2.imwrite(str(tmp_path / "sr.png"), result)
    seen = cv2.imread(str(tmp_path / "sr.png")).astype(np.int16)
    levels = np.abs(seen - upscale_by_hand(module, face))
    assert seen.shape == (768, 768, 3)
    assert levels.max() <= 1
    # Truncation turns a last-bit difference into a level wherever a value is next to an integer.
    assert np.mean(levels > 0) < 2e-3


def test_foreign_form_is_the_same_network(module):
    """BGR on 0..255 gives what srcnn.pt gives for RGB on 0..1."""
    x = torch.rand(1, 3, 12, 15)
    with torch.no_grad():
        wanted = load_srcnn()(x)
        seen = module(x.flip(1) * 255).flip(1) / 255
    torch.testing.assert_close(seen, wanted, rtol=0, atol=1e-5)


def test_load_reports_the_renaming(checkpoint):
    renaming = load_renamed(SRCNN(), checkpoint)
    assert renaming["conv1.weight"] == "generator.conv1.weight"
    assert len(renaming) == 6


def test_load_accepts_a_bare_checkpoint_of_the_same_names(tmp_path):
    torch.save(SRCNN().state_dict(), tmp_path / "bare.pth")
    assert load_renamed(SRCNN(), tmp_path / "bare.pth")["conv3.bias"] == "conv3.bias"


def test_load_lists_every_mismatch_and_changes_nothing(checkpoint, tmp_path):
    content = torch.load(checkpoint, weights_only=True)
    tensors = content["state_dict"]
    tensors["generator.conv9.bias"] = torch.zeros(5)
    tensors["generator.conv2.weight"] = torch.zeros(32, 64, 3, 3)
    del tensors["generator.conv3.bias"]
    torch.save(content, tmp_path / "wrong.pth")
    module = SRCNN()
    before = {key: tensor.clone() for key, tensor in module.state_dict().items()}
    with pytest.raises(CheckpointMismatch) as caught:
        load_renamed(module, tmp_path / "wrong.pth")
    message = str(caught.value)
    assert "wrong.pth does not fit SRCNN" in message
    assert "missing: conv3.bias [3]" in message
    assert "unexpected: generator.conv9.bias [5]" in message
    assert "shape: generator.conv2.weight is [32, 64, 3, 3], wanted [32, 64, 1, 1]" in message
    assert message.count("\n") == 3
    for key, tensor in module.state_dict().items():
        assert torch.equal(tensor, before[key])


def test_load_refuses_two_keys_that_become_one(tmp_path):
    tensors = dict(SRCNN().state_dict())
    tensors["generator.conv1.bias"] = tensors["conv1.bias"]
    torch.save(tensors, tmp_path / "twice.pth")
    with pytest.raises(CheckpointMismatch, match="both conv1.bias and generator.conv1.bias"):
        load_renamed(SRCNN(), tmp_path / "twice.pth")


def test_read_bgr_says_what_is_wrong(tmp_path):
    with pytest.raises(OSError, match="not a picture"):
        read_bgr(tmp_path / "absent.png")
    cv2.imwrite(str(tmp_path / "small.png"), np.zeros((8, 10, 3), np.uint8))
    with pytest.raises(ValueError, match="is 10x8, wanted 256x256"):
        read_bgr(tmp_path / "small.png")


def test_read_bgr_is_blue_first(tmp_path):
    pixels = np.zeros((SIDE, SIDE, 3), np.uint8)
    pixels[..., 0] = 200
    cv2.imwrite(str(tmp_path / "blue.png"), pixels)
    assert read_bgr(tmp_path / "blue.png")[0, 0].tolist() == [200, 0, 0]


def test_upscale_truncates_and_clips():
    values = np.array([-3, 0.999, 1.5, 254.99, 255.5, 300], np.float32)
    result = upscale(lambda x: np.broadcast_to(values, (1, 3, 1, 6)), np.zeros((1, 2, 3), np.uint8))
    assert result[0, :, 0].tolist() == [0, 0, 1, 254, 255, 255]
