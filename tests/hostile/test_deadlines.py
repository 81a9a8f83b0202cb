# SPDX-License-Identifier: Apache-2.0
"""A run that may be stopped works in slices: they change no bit, and what was stopped leaves nothing behind."""

import io
import re
from pathlib import Path

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
    "Unique in order|Adam|Momentum|SwiGLU|ZipMap of classes|Trilu|MaxUnpool|MaxRoiPool of one region|.* of large computed weights|SplitToSequence|SequenceMap"
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


# Rewritten to other operators when a model is read, of which each has a case; or without work to be late with.
OTHERS = set(
    "Affine CastMap ConstantFill Crop DictVectorizer DynamicSlice Gradient ImageScaler Optional OptionalGetElement OptionalHasElement "
    "ParametricSoftplus Scale ScaledTanh SequenceEmpty SimplifiedLayerNormalization TreeEnsemble BiasSoftmax Constant ConvTransposeWithDynamicPads "
    "DynamicQuantizeLSTM ExpandDims GatherBlockQuantized NhwcMaxPool QEmbedLayerNormalization TransposeMatMul SequenceLength".split())


@pytest.mark.long
def test_every_operator_has_a_case():
    page = (Path(__file__).parents[2] / "docs" / "operators.md").read_text()
    operators = {name.rsplit(".", 1)[-1] for name in re.findall(r"^\| ([A-Za-z0-9.]+) \|", page, re.M)} - {"operator"}
    # Of a model's bytes a kind is a word by itself.
    made = b"".join(made for _, made, _ in deadlines.cases())
    assert len(operators) > 200
    missing = {name for name in operators if not re.search(rb"(?<![A-Za-z])" + name.encode() + rb"(?![A-Za-z0-9])", made)}
    assert missing <= OTHERS, sorted(missing - OTHERS)


def test_conversions_count():
    """Packed, strided and mapped values take time on their way in and out."""
    import ml_dtypes

    rng = np.random.default_rng(4)
    packed = rng.integers(-8, 8, (3, 1001, 257)).astype(ml_dtypes.int4)
    numbers = rng.random((1, 700, 900), np.float32)
    made = model([helper.make_node("Identity", ["x"], ["y"]), helper.make_node("Identity", ["n"], ["m"])],
                 [info("x", 22, [None] * 3), info("n", 1, [None] * 3)], ["y", "m"], opset=23)
    session = ferry.Session(made)
    for strided in (numbers.transpose(2, 0, 1), numbers[:, ::2, ::-3], numbers.astype(">f4"), numbers[:, :0]):
        for timeout in ({}, {"timeout": 600}):
            out = session.run({"x": packed, "n": strided}, **timeout)
            assert np.array_equal(out["y"].astype(int), packed.astype(int))
            assert np.array_equal(out["m"], strided)
        with pytest.raises(ferry.DeadlineExceeded):
            session.run({"x": packed, "n": strided}, timeout=1e-9)
    node = helper.make_node("ZipMap", ["x"], ["y"], domain="ai.onnx.ml", classlabels_int64s=list(range(200)))
    session = ferry.Session(model([node], [info("x", 1, [None, 200])], opsets={"": 21, "ai.onnx.ml": 3}))
    x = rng.random((300, 200), np.float32)
    maps = session.run({"x": x}, timeout=600)["y"]
    assert [list(m.values()) for m in maps] == x.tolist()


def test_a_picture_fits_into_what_is_left():
    encoded = deadlines.encoded("PNG", side=2000)
    node = helper.make_node("ImageDecoder", ["x"], ["y"])
    made = model([node], [info("x", 2, [None])])
    with pytest.raises(ferry.OutOfMemory, match="memory left"):
        ferry.Session(made, memory_limit=40 << 20).run({"x": encoded})
    assert ferry.Session(made, memory_limit=64 << 20).run({"x": encoded})["y"].shape == (2000, 2000, 3)


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
