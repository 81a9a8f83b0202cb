# SPDX-License-Identifier: Apache-2.0
"""`ferry run --image`: pictures of all kinds in, pictures out, compared with Pillow."""

import pathlib

import numpy as np
import pytest
from onnx import TensorProto, helper
from PIL import Image

from tests.cli import models

TESTDATA = pathlib.Path(__file__).resolve().parents[2] / "src" / "codec" / "testdata"


def pixels(height=9, width=13, channels=3, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)


@pytest.fixture
def through(ferry, tmp_path):
    """Sends a picture through a model that changes nothing; (pixels, what was printed)."""

    def call(path, *options, **model):
        onnx = models.picture(tmp_path / "same.onnx", **model)
        out = tmp_path / "out.png"
        done = ferry("run", onnx, "--image", path, "-o", out, *options)
        assert done.code == 0, done.err
        return np.asarray(Image.open(out)), done.out

    return call


@pytest.mark.parametrize("extension", ["png", "bmp", "ppm", "tif"])
def test_colour_comes_back_unchanged(through, tmp_path, extension):
    path = tmp_path / f"in.{extension}"
    Image.fromarray(pixels()).save(path)
    back, said = through(path)
    np.testing.assert_array_equal(back, pixels())
    assert "13x9" in said and "nchw, rgb, range 0-1" in said and "wrote" in said


@pytest.mark.parametrize("options", [
    ["--order", "bgr"], ["--range", "0-255"], ["--mean", "0.4,0.5,0.6", "--std", "0.2,0.3,0.2"],
    ["--range", "0-255", "--rounding", "down"]])
@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
def test_options_undo_themselves(through, tmp_path, options, layout):
    Image.fromarray(pixels()).save(tmp_path / "in.png")
    back, said = through(tmp_path / "in.png", *options, layout=layout)
    np.testing.assert_array_equal(back, pixels())
    assert layout in said


def test_bytes_go_in_as_they_are(through, tmp_path):
    Image.fromarray(pixels()).save(tmp_path / "in.png")
    back, said = through(tmp_path / "in.png", layout="nhwc", dtype=TensorProto.UINT8)
    np.testing.assert_array_equal(back, pixels())
    assert "samples 0-255" in said


def test_the_model_chooses_the_channels(through, tmp_path):
    Image.fromarray(pixels()).save(tmp_path / "in.png")
    grey, said = through(tmp_path / "in.png", channels=1)
    np.testing.assert_array_equal(grey, np.asarray(Image.fromarray(pixels()).convert("L")))
    assert "grey" in said
    alpha, _ = through(tmp_path / "in.png", channels=4)
    np.testing.assert_array_equal(alpha[..., :3], pixels())
    assert (alpha[..., 3] == 255).all()


def test_grey_becomes_colour(through, tmp_path):
    grey = pixels(channels=1)[..., 0]
    Image.fromarray(grey).save(tmp_path / "in.png")
    back, said = through(tmp_path / "in.png")
    np.testing.assert_array_equal(back, np.stack([grey] * 3, -1))
    assert "grey" in said


def test_alpha_is_dropped_and_said(through, tmp_path):
    Image.fromarray(pixels(channels=4)).save(tmp_path / "in.png")
    back, said = through(tmp_path / "in.png")
    np.testing.assert_array_equal(back, pixels(channels=4)[..., :3])
    assert "alpha" in said


def test_sixteen_bits_become_eight(through, tmp_path):
    wide = np.arange(9 * 13, dtype=np.uint16).reshape(9, 13) * 500
    Image.fromarray(wide).save(tmp_path / "in.png")
    back, said = through(tmp_path / "in.png")
    np.testing.assert_array_equal(back[..., 0], np.rint(wide / 257))
    assert "16" in said


def test_palettes(through, tmp_path):
    image = Image.fromarray(pixels()).quantize(16)
    image.save(tmp_path / "in.png")
    back, said = through(tmp_path / "in.png")
    np.testing.assert_array_equal(back, np.asarray(image.convert("RGB")))
    assert "palette" in said


def test_exif_rotation_is_applied(through, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels()).save(tmp_path / "in.png", exif=exif)
    back, said = through(tmp_path / "in.png")
    np.testing.assert_array_equal(back, np.rot90(pixels(), -1))
    assert "9x13" in said


@pytest.mark.parametrize(("name", "word"), [
    ("cmyk.jpg", "CMYK"), ("animated.webp", "frame"), ("grey2_interlaced.png", ""),
    ("rgba16_interlaced.png", "16"), ("turned.jpg", ""), ("ycc_tiled.jp2", ""), ("rle8.bmp", "")])
def test_unusual_files(through, name, word):
    back, said = through(TESTDATA / name)
    assert back.ndim == 3 and back.shape[2] == 3
    assert word.lower() in said.lower()


@pytest.mark.parametrize("cut", [0, 4, 40, -30])
def test_broken_files(fails, tmp_path, cut):
    Image.fromarray(pixels(64, 64)).save(tmp_path / "in.png")
    whole = (tmp_path / "in.png").read_bytes()
    (tmp_path / "in.png").write_bytes(whole[:cut])
    model = models.picture(tmp_path / "m.onnx")
    fails("run", model, "--image", tmp_path / "in.png", "-o", tmp_path / "o.png", words=["in.png"])
    assert not (tmp_path / "o.png").exists()


def test_mean_and_std_are_told(through, tmp_path):
    Image.fromarray(pixels()).save(tmp_path / "in.png")
    _, said = through(tmp_path / "in.png", "--mean", "0.4,0.5,0.6", "--std", "0.25")
    assert said.count("range 0-1, mean 0.4,0.5,0.6, std 0.25") == 2


def test_mean_and_std_fit_the_channels(fails, tmp_path):
    Image.fromarray(pixels()).save(tmp_path / "in.png")
    model, image = models.picture(tmp_path / "m.onnx"), ("--image", tmp_path / "in.png")
    fails("run", model, *image, "--mean", "1,2",
          words=["input 'image' (f32[1,3,H,W]) has 3 channels, --mean gives 2 numbers; wanted one, or 3"])
    grey = models.save(tmp_path / "g.onnx", [helper.make_node("ReduceMean", ["image"], ["grey"], axes=[1])],
                       [("image", models.F32, [1, 3, "H", "W"])], [("grey", models.F32, [1, 1, "H", "W"])])
    fails("run", grey, *image, "--std", "1,2,3", "-o", tmp_path / "out.png",
          words=["output 'grey' (f32[1,1,9,13]) has 1 channel, --std gives 3 numbers; wanted one"])
    fails("run", model, *image, "--std", "0", words=["std not 0"])


def test_an_input_is_a_picture_or_a_file(ferry, tmp_path):
    Image.fromarray(pixels()).save(tmp_path / "in.png")
    np.save(tmp_path / "x.npy", np.zeros((1, 3, 9, 13), np.float32))
    model, image = models.picture(tmp_path / "m.onnx"), ("--image", tmp_path / "in.png")
    for choice in ((), ("--image-input", "image")):
        done = ferry("run", model, *image, *choice, "-i", f"image={tmp_path / 'x.npy'}")
        assert done.code == 2 and "in.png: input 'image' is given twice" in done.err
    shape = [1, 3, "H", "W"]
    both = models.save(tmp_path / "b.onnx", [helper.make_node("Add", ["a", "b"], ["c"])],
                       [("a", models.F32, shape), ("b", models.F32, shape)], [("c", models.F32, shape)])
    done = ferry("run", both, *image, "-i", f"a={tmp_path / 'x.npy'}")
    assert done.code == 0 and "input 'b': " in done.out, done.err


@pytest.mark.parametrize("option, words", [
    (["--mean", "1"], "--mean: is for pictures"), (["--layout", "nhwc"], "--layout: is for pictures"),
    (["--rounding", "down"], "no picture is written"), (["--image-input", "x"], "--image-input requires --image")])
def test_options_of_pictures_want_a_picture(ferry, tmp_path, option, words):
    model = models.add_relu(tmp_path / "m.onnx")
    for verb in ("run", "bench"):
        done = ferry(verb, model, *option)
        assert done.code == 2 and words in done.err, done.err


def test_what_cannot_be(fails, ferry, tmp_path):
    Image.fromarray(pixels()).save(tmp_path / "in.png")
    model = models.picture(tmp_path / "m.onnx")
    image = ("--image", tmp_path / "in.png")
    fails("run", model, "--image", tmp_path / "none.png", words=["IoError", "none.png"])
    fails("run", model, "--image", model, words=["InvalidArgument"])
    fails("run", models.matmul(tmp_path / "p.onnx"), *image, words=["no input takes a picture"])
    fails("run", model, *image, "-o", tmp_path / "out.gif", words=["gif"])
    fails("run", model, *image, "-o", tmp_path / "none" / "out.png", words=["IoError"])
    assert ferry("run", model, "-i", tmp_path / "in.png").code == 2
