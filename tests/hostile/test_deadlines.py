# SPDX-License-Identifier: Apache-2.0
"""A run that may be stopped works in slices: they change no bit, and what was stopped leaves nothing behind."""

import io
import re

import numpy as np
import pytest
from onnx import helper
from PIL import Image

import ferry
from tests.hostile import deadlines
from tests.hostile.case import info, model

# Steps that look for the deadline inside of one row, one column or one product.
SLICED = re.compile(
    "MatMul thin|MatMulInteger|NonMaxSuppression|Resize shrinking|ArgMax|CumSum.*|TopK.*|Unique of rows|NonZero|Compress|GatherND|"
    "ScatterND|EyeLike|CenterCropPad|Softmax axis 0|ImageDecoder .*|.* of (one|two) rows?|.* of three columns|.* wide|.* deep|"
    "Unique in order|MaxUnpool|MaxRoiPool of one region|.* of large computed weights|SplitToSequence|SequenceMap"
)


def pictures():
    """One of each kind, large enough that a decoder works on it in parts."""
    rng = np.random.default_rng(5)
    noise = rng.integers(0, 256, (90, 130, 4), np.uint8).repeat(8, 0).repeat(8, 1)
    rgb, rgba, grey = Image.fromarray(noise[..., :3]), Image.fromarray(noise), Image.fromarray(noise[..., 0])
    deep = Image.fromarray(rng.integers(0, 65536, (720, 1040)).astype(np.uint16))
    palette, bits = rgb.quantize(64), grey.convert("1")
    one_strip = {"tiffinfo": {278: 720}}
    for picture in (rgb, rgba, grey, deep, palette, bits):
        yield picture, "PNG", {}
        yield picture, "TIFF", one_strip
        yield picture, "TIFF", one_strip | {"compression": "tiff_lzw"}
        yield picture, "TIFF", one_strip | {"compression": "tiff_adobe_deflate"}
    for picture in (rgb, grey, rgb.convert("CMYK")):
        yield picture, "JPEG", {}
        yield picture, "JPEG", {"progressive": True}
        yield picture, "TIFF", one_strip | {"compression": "jpeg"}
    for picture in (rgb, rgba):
        yield picture, "WEBP", {}
        yield picture, "WEBP", {"lossless": True}
    for picture in (rgb, grey):
        yield picture, "JPEG2000", {}
        yield picture, "JPEG2000", {"tile_size": (128, 128), "irreversible": True}
    for picture in (rgb, rgba, grey, palette, bits):
        yield picture, "BMP", {}
    for picture in (rgb, grey, bits):
        yield picture, "PPM", {}


@pytest.mark.parametrize("format", ["RGB", "BGR", "Grayscale"])
def test_a_deadline_changes_no_pixel(format):
    node = helper.make_node("ImageDecoder", ["x"], ["y"], pixel_format=format)
    session = ferry.Session(model([node], [info("x", 2, [None])], opset=20))
    for picture, kind, options in pictures():
        out = io.BytesIO()
        picture.save(out, kind, **options)
        given = {"x": np.frombuffer(out.getvalue(), np.uint8)}
        whole, parts = session.run(given)["y"], session.run(given, timeout=600)["y"]
        assert whole.shape[:2] == (720, 1040), (picture.mode, kind, options)
        assert np.array_equal(whole, parts), (picture.mode, kind, options)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "BMP", "PPM"])
def test_a_cut_picture_is_refused_with_a_deadline_too(kind):
    node = helper.make_node("ImageDecoder", ["x"], ["y"])
    session = ferry.Session(model([node], [info("x", 2, [None])], opset=20))
    encoded = deadlines.encoded(kind, side=1000)
    for part in (encoded[: len(encoded) * 2 // 3], encoded[:200]):
        whole, parts = session.run({"x": part})["y"], session.run({"x": part}, timeout=600)["y"]
        assert np.array_equal(whole, parts)


@pytest.fixture(scope="module")
def cases():
    return {name: (made, given) for name, made, given in deadlines.cases() if SLICED.fullmatch(name)}


def same(a, b):
    if isinstance(a, list):
        return len(a) == len(b) and all(np.array_equal(x, y) for x, y in zip(a, b))
    return np.array_equal(a, b, equal_nan=True)


@pytest.mark.long
def test_slices_change_no_bit(cases):
    for name, (made, given) in cases.items():
        session = ferry.Session(made, threads=1)
        whole = session.run(given)
        sliced = session.run(given, timeout=600)
        for output in whole:
            assert same(whole[output], sliced[output]), name


@pytest.mark.long
def test_stopped_runs_leave_the_session_usable(cases):
    for name in ("TopK", "NonMaxSuppression", "CumSum of one row"):
        made, given = cases[name]
        session = ferry.Session(made, threads=2)
        wanted = session.run(given)
        stopped = 0
        for milliseconds in (1, 3, 9, 27):
            try:
                session.run(given, timeout=milliseconds / 1e3)
            except ferry.DeadlineExceeded:
                stopped += 1
        assert stopped > 0, name
        again = session.run(given)
        assert all(np.array_equal(wanted[o], again[o]) for o in wanted), name


def texts_session():
    nodes = [helper.make_node("Identity", ["x"], ["y"])]
    return ferry.Session(model(nodes, [info("x", 8, [None])]))


def test_the_conversion_of_texts_counts():
    session, texts = texts_session(), np.array(["word", "A\u00e9", b"bytes"] * 10_000, object)
    with pytest.raises(ferry.DeadlineExceeded):
        session.run({"x": texts}, timeout=1e-9)
    cancel = ferry.Cancel()
    cancel.set()
    with pytest.raises(ferry.Cancelled):
        session.run({"x": texts}, cancel=cancel)
    wanted = [t.decode() if isinstance(t, bytes) else t for t in texts]
    assert session.run({"x": texts}, timeout=600)["y"].tolist() == wanted
