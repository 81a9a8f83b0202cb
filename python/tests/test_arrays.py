# SPDX-License-Identifier: Apache-2.0
"""Arrays in and out: element types, layouts, other libraries' tensors, strings, sequences."""

import ctypes
import struct

import ferry
import ml_dtypes
import models
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from onnx import TensorProto, helper

IDENTITY_TYPES = {
    TensorProto.FLOAT: np.float32, TensorProto.DOUBLE: np.float64, TensorProto.FLOAT16: np.float16,
    TensorProto.INT8: np.int8, TensorProto.UINT8: np.uint8, TensorProto.INT16: np.int16,
    TensorProto.UINT16: np.uint16, TensorProto.INT32: np.int32, TensorProto.UINT32: np.uint32,
    TensorProto.INT64: np.int64, TensorProto.UINT64: np.uint64, TensorProto.BOOL: np.bool_,
    TensorProto.COMPLEX64: np.complex64, TensorProto.COMPLEX128: np.complex128,
    TensorProto.BFLOAT16: ml_dtypes.bfloat16, TensorProto.FLOAT8E4M3FN: ml_dtypes.float8_e4m3fn,
    TensorProto.FLOAT8E5M2: ml_dtypes.float8_e5m2, TensorProto.FLOAT8E4M3FNUZ: ml_dtypes.float8_e4m3fnuz,
    TensorProto.FLOAT8E5M2FNUZ: ml_dtypes.float8_e5m2fnuz, TensorProto.INT4: ml_dtypes.int4,
    TensorProto.UINT4: ml_dtypes.uint4,
}
SESSIONS = {}


def identity(element, rank):
    """y = x of any shape of that rank"""
    if (element, rank) not in SESSIONS:
        shape = [f"d{i}" for i in range(rank)]
        SESSIONS[element, rank] = ferry.Session(models.unary("Identity", element, shape), threads=1)
    return SESSIONS[element, rank]


@pytest.mark.parametrize("element", IDENTITY_TYPES)
@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 5), (0,), (2, 0, 3)])
def test_every_element_type_comes_back(element, shape):
    dtype = np.dtype(IDENTITY_TYPES[element])
    count = int(np.prod(shape))
    x = (np.arange(count) % 7).astype(np.float32).astype(dtype).reshape(shape)
    y = identity(element, len(shape)).run({"x": x})["y"]
    assert y.dtype == dtype and y.shape == shape
    assert y.tobytes() == x.tobytes()


def test_negative_packed_values():
    x = np.array([-8, -1, 0, 7, -3], ml_dtypes.int4)
    np.testing.assert_array_equal(identity(TensorProto.INT4, 1).run([x])["y"], x)


@pytest.mark.parametrize("element, integer, real", [
    (TensorProto.BFLOAT16, np.uint16, ml_dtypes.bfloat16),
    (TensorProto.FLOAT8E5M2, np.uint8, ml_dtypes.float8_e5m2)])
def test_integers_stand_for_bits(element, integer, real):
    x = np.array([1.5, -2, 0], real)
    y = identity(element, 1).run([x.view(integer)])["y"]
    assert y.dtype == real
    np.testing.assert_array_equal(y, x)


@st.composite
def layouts(draw):
    """An array of any numeric type and shape, contiguous or not, and in any byte order."""
    element = draw(st.sampled_from(sorted(e for e in IDENTITY_TYPES if e < TensorProto.BFLOAT16)))
    dtype = np.dtype(IDENTITY_TYPES[element])
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=5))
    # Bytes, not values: every bit pattern must survive. Booleans have two.
    count = int(np.prod(shape)) * dtype.itemsize
    data = np.frombuffer(draw(st.binary(min_size=count, max_size=count)), np.uint8)
    x = (data & 1).view(np.bool_).reshape(shape) if dtype == np.bool_ else data.view(dtype).reshape(shape)
    for axis in range(x.ndim):
        step = draw(st.sampled_from([1, 1, 2, -1, -2]))
        x = x[(slice(None),) * axis + (slice(None, None, step),)]
    if x.ndim:
        x = x.transpose(draw(st.permutations(range(x.ndim))))
    form = draw(st.sampled_from(["as is", "fortran", "swapped", "broadcast", "misaligned"]))
    if form == "fortran":
        x = np.asfortranarray(x)
    elif form == "swapped":
        x = x.astype(x.dtype.newbyteorder())
    elif form == "broadcast":
        x = np.broadcast_to(x, (2, *x.shape))
    elif form == "misaligned":
        raw = np.zeros(x.nbytes + 1, np.uint8)
        view = np.frombuffer(raw, x.dtype, count=x.size, offset=1).reshape(x.shape)
        view[...] = x
        x = view
    return element, x


@settings(max_examples=300, deadline=None)
@given(layouts())
def test_any_layout_comes_back(case):
    element, x = case
    before = x.tobytes()
    y = identity(element, x.ndim).run({"x": x})["y"]
    assert y.shape == x.shape and y.dtype == x.dtype.newbyteorder("=")
    assert y.flags.c_contiguous and y.flags.writeable
    assert y.tobytes() == x.astype(x.dtype.newbyteorder("="), copy=False).tobytes()
    assert x.tobytes() == before
    assert not np.shares_memory(x, y)


@settings(max_examples=50, deadline=None)
@given(hnp.arrays(np.float32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9),
                  elements=st.floats(-1e6, 1e6, width=32)))
def test_add_is_numpys(x):
    session = SESSIONS.setdefault("add", ferry.Session(models.model(
        [helper.make_node("Add", ["x", "x"], ["y"])], [models.tensor("x", TensorProto.FLOAT, ["A", "B"])],
        [models.tensor("y", TensorProto.FLOAT, ["A", "B"])]), accuracy="exact"))
    np.testing.assert_array_equal(session.run([x])["y"], x + x)


def test_plain_python_values_take_the_models_type():
    session = identity(TensorProto.FLOAT16, 1)
    assert session.run({"x": [1, 2.5]})["y"].dtype == np.float16
    assert identity(TensorProto.INT64, 0).run({"x": 7})["y"] == 7
    assert identity(TensorProto.BOOL, 0).run({"x": True})["y"].dtype == np.bool_
    assert identity(TensorProto.FLOAT, 0).run({"x": np.float32(2)})["y"] == 2
    with pytest.raises(ferry.InvalidArgument):
        identity(TensorProto.FLOAT, 0).run({"x": np.float64(2)})


def test_inputs_are_not_copied():
    """A run with a large input allocates no copy of it: the output alone is counted."""
    session = ferry.Session(models.unary("Relu", shape=("N",)), threads=1)
    x = np.ones(1 << 20, np.float32)
    session.run([x])
    assert session.report().peak_bytes < 2 * x.nbytes + (1 << 16)


@pytest.mark.parametrize("make", [lambda t: t, lambda t: t.T, lambda t: t[::2], lambda t: t[:0]])
def test_torch_tensors(make):
    torch = pytest.importorskip("torch")
    t = make(torch.arange(12, dtype=torch.float32).reshape(4, 3))
    y = identity(TensorProto.FLOAT, 2).run({"x": t})["y"]
    np.testing.assert_array_equal(y, t.numpy())
    assert torch.from_dlpack(y).shape == t.shape


def test_torch_bfloat16():
    torch = pytest.importorskip("torch")
    y = identity(TensorProto.BFLOAT16, 1).run({"x": torch.tensor([1.5, -2.0], dtype=torch.bfloat16)})["y"]
    np.testing.assert_array_equal(y.astype(np.float32), [1.5, -2])


class Packed:
    """Eight elements of one byte in all that say they are `bits` wide, as a producer of packed integers would hand out."""

    def __init__(self, code, bits):
        self.data, self.shape = ctypes.create_string_buffer(8), (ctypes.c_int64 * 1)(8)
        fields = struct.pack("@PiiiBBHPPQ", ctypes.addressof(self.data), 1, 0, 1, code, bits, 1, ctypes.addressof(self.shape), 0, 0)
        self.managed = ctypes.create_string_buffer(fields + bytes(16))

    def __dlpack__(self, **_):
        new = ctypes.pythonapi.PyCapsule_New
        new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
        return new(ctypes.addressof(self.managed), b"dltensor", None)

    def __dlpack_device__(self):
        return 1, 0


@pytest.mark.parametrize(("code", "bits"), [(0, 4), (1, 4), (0, 2), (0, 128), (2, 4), (4, 8), (6, 1), (10, 4)])
def test_dlpack_of_other_widths(code, bits):
    with pytest.raises(ferry.InvalidArgument, match="element type is not supported"):
        identity(TensorProto.INT64, 1).run({"x": Packed(code, bits)})


@pytest.mark.parametrize("x", [
    np.array(["a", "", "grün", "日本"], object), np.array(["a", "bc"]), np.array([b"a", b"bc"]),
    np.array([["x"], ["y"]], object).T, np.array("one", object), np.array([], object), ["p", "q"]])
def test_strings(x):
    y = identity(TensorProto.STRING, np.ndim(x)).run({"x": x})["y"]
    assert y.dtype == object and y.shape == np.shape(x)
    want = [i.decode() if isinstance(i, bytes) else i for i in np.asarray(x, object).ravel().tolist()]
    assert y.ravel().tolist() == want


def test_bytes_that_are_no_text():
    y = identity(TensorProto.STRING, 1).run({"x": np.array([b"\xff\x00"], object)})["y"]
    assert y[0].encode("utf-8", "surrogateescape") == b"\xff\x00"
    np.testing.assert_array_equal(identity(TensorProto.STRING, 1).run({"x": y})["y"], y)


def test_elements_that_are_no_strings():
    with pytest.raises(ferry.InvalidArgument, match="element of type int"):
        identity(TensorProto.STRING, 1).run({"x": np.array([1], object)})


def _sequence_model():
    value = helper.make_tensor_sequence_value_info("s", TensorProto.FLOAT, [None])
    return models.model(
        [helper.make_node("SequenceInsert", ["s", "x"], ["t"]), helper.make_node("SequenceAt", ["t", "zero"], ["y"])],
        [value, models.tensor("x", TensorProto.FLOAT, ["N"])],
        [helper.make_tensor_sequence_value_info("t", TensorProto.FLOAT, [None]),
         models.tensor("y", TensorProto.FLOAT, [None])], [("zero", np.int64(0))])


def test_plain_python_values_lose_nothing():
    for element, good, bad in [
            (TensorProto.INT8, [[3, 4.0], [True, -1]], [[3.5], [300], ["3"], "3", [float("nan")], [None]]),
            (TensorProto.BOOL, [[True, 0], [1.0]], [[0.5], [2], ["a"]]),
            (TensorProto.FLOAT, [[1, 2.5], [1e400]], [["1"], "1", [b"1"]])]:
        session = ferry.Session(models.unary("Identity", element, ["N"]))
        for x in good:
            np.testing.assert_array_equal(session.run({"x": x})["y"], x)
        for x in bad:
            with pytest.raises(ferry.InvalidArgument, match="input 'x'"):
                session.run({"x": x})


def test_sequences_are_lists():
    try:
        session = ferry.Session(_sequence_model())
    except ferry.UnsupportedOp as error:
        pytest.skip(str(error))
    assert session.inputs[0].dtype is None and session.inputs[0].type.startswith("seq(")
    x = np.float32([1, 2])
    results = session.run({"s": [np.float32([5]), [6, 7]], "x": x})
    assert [item.tolist() for item in results["t"]] == [[5], [6, 7], [1, 2]]
    assert results["y"].tolist() == [5]
    assert [item.tolist() for item in session.run({"s": [], "x": x})["t"]] == [[1, 2]]
