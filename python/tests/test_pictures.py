# SPDX-License-Identifier: Apache-2.0
"""ferry.read_picture, decode_picture and write_picture: the options of the command, against NumPy."""

import ferry
import numpy as np
import pytest
from PIL import Image

PIXELS = np.random.default_rng(0).integers(0, 256, (9, 13, 3), np.uint8)


@pytest.fixture
def path(tmp_path):
    Image.fromarray(PIXELS).save(tmp_path / "in.png")
    return tmp_path / "in.png"


def test_a_picture_and_what_is_known_of_it(path):
    picture = ferry.read_picture(path)
    assert (picture.width, picture.height, picture.format, picture.notes) == (13, 9, "PNG", [])
    assert picture.tensor.dtype == np.float32 and picture.tensor.shape == (1, 3, 9, 13)
    np.testing.assert_array_equal(picture.tensor[0].transpose(1, 2, 0), np.float32(PIXELS) / np.float32(255))
    for same in (str(path), bytes(path)):
        np.testing.assert_array_equal(ferry.read_picture(same).tensor, picture.tensor)
    for data in (path.read_bytes(), bytearray(path.read_bytes()), memoryview(path.read_bytes())):
        np.testing.assert_array_equal(ferry.decode_picture(data).tensor, picture.tensor)


def test_conversions_are_told(tmp_path):
    Image.fromarray(PIXELS[..., 0]).save(tmp_path / "grey.png")
    assert ferry.read_picture(tmp_path / "grey.png").notes == ["grey repeated into three channels"]
    assert "opaque" in ferry.read_picture(tmp_path / "grey.png", channels=4).notes[-1]
    picture = np.float32([[[[np.nan, 2], [-1, 1]]]])
    assert ferry.write_picture(tmp_path / "out.png", picture) == ["1 values were NaN and became 0"]
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "out.png")), [[0, 255], [0, 255]])


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
@pytest.mark.parametrize("options", [
    {}, {"order": "bgr"}, {"range": "0-255"}, {"mean": 0.5, "std": 0.25},
    {"mean": [0.4, 0.5, 0.6], "std": np.float32([0.2, 0.3, 0.2])}, {"range": "0-255", "rounding": "down"}])
def test_options_mean_what_they_say_and_undo_themselves(path, tmp_path, layout, options):
    reading = {key: value for key, value in options.items() if key != "rounding"}
    picture = ferry.read_picture(path, layout=layout, **reading).tensor
    wanted = PIXELS[..., ::-1] if options.get("order") == "bgr" else PIXELS
    wanted = np.float32(wanted) / np.float32(1 if options.get("range") == "0-255" else 255)
    wanted = (wanted - np.float32(options.get("mean", 0))) / np.float32(options.get("std", 1))
    got = picture[0].transpose(1, 2, 0) if layout == "nchw" else picture[0]
    np.testing.assert_array_equal(got, wanted)
    assert ferry.write_picture(tmp_path / "out.png", picture, layout=layout, **options) == []
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "out.png")), PIXELS)


def test_samples_as_they_are(path, tmp_path):
    picture = ferry.read_picture(path, layout="nhwc", dtype=np.uint8).tensor
    np.testing.assert_array_equal(picture[0], PIXELS)
    assert ferry.read_picture(path, dtype="uint8", channels=1).tensor.dtype == np.uint8
    for shape in ((9, 13), (9, 13, 1), (1, 9, 13, 4)):
        samples = np.resize(PIXELS, shape)
        ferry.write_picture(tmp_path / "out.png", samples, "nhwc")
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "out.png")), samples.reshape(
            (9, 13) if shape[-1] in (1, 13) else (9, 13, 4)))


@pytest.mark.parametrize("options, words", [
    ({"range": "unit"}, r"range is 'unit' \(str\); wanted '0-1' or '0-255'"),
    ({"layout": "hwc"}, r"layout is 'hwc' \(str\); wanted 'nchw' or 'nhwc'"),
    ({"order": 5}, r"order is 5 \(int\)"),
    ({"channels": 2}, "channels is 2, wanted 1, 3 or 4"),
    ({"mean": [1, 2]}, "mean has 2 numbers, the picture has 3 channels; wanted one number, or one for each"),
    ({"std": [1, 2, 3], "channels": 1}, "std has 3 numbers, the picture has 1 channel"),
    ({"std": 0}, "std not 0"), ({"mean": float("nan")}, "wanted finite numbers"),
    ({"mean": "x"}, r"mean is 'x' \(str\); wanted a number"), ({"mean": [[1, 2, 3]]}, "mean is of type list"),
    ({"mean": []}, "a list of 1 to 4"),
    ({"dtype": np.float64}, "dtype is of type type; wanted numpy.float32 or numpy.uint8"),
    ({"dtype": None}, "dtype is None"), ({"dtype": "no"}, "dtype is 'no'"),
    ({"dtype": np.uint8, "mean": 1}, "mean and std are for f32")])
def test_wrong_options(path, options, words):
    with pytest.raises(ferry.InvalidArgument, match=words):
        ferry.read_picture(path, **options)


def test_wrong_files_and_arrays(path, tmp_path):
    with pytest.raises(ferry.IoError, match="none.png"):
        ferry.read_picture(tmp_path / "none.png")
    with pytest.raises(ferry.InvalidArgument, match="data is 'x' .*; wanted the bytes of a picture file"):
        ferry.decode_picture("x")
    with pytest.raises(ferry.InvalidArgument):
        ferry.decode_picture(path.read_bytes()[:40])
    for shape in ((3,), (2, 3, 4, 4), (1, 5, 4, 4), (1, 3, 0, 4), (1, 1, 3, 4, 4)):
        with pytest.raises(ferry.ShapeMismatch):
            ferry.write_picture(tmp_path / "out.png", np.zeros(shape, np.float32))
    with pytest.raises(ferry.InvalidArgument, match="mean has 3 numbers, the picture has 1 channel"):
        ferry.write_picture(tmp_path / "out.png", np.zeros((4, 4), np.float32), mean=[1, 2, 3])
    with pytest.raises(ferry.UnsupportedType):
        ferry.write_picture(tmp_path / "out.png", np.zeros((4, 4)))
    assert not (tmp_path / "out.png").exists()
