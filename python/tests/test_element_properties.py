# SPDX-License-Identifier: Apache-2.0
"""Properties of the interface that hold for every element type, name and option."""

import pickle
import string

import ferry
import ml_dtypes
import models
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from onnx import TensorProto, helper
from test_properties import dims, once, views

settings.load_profile("ferry")

NUMPY = {
    TensorProto.FLOAT: np.float32, TensorProto.DOUBLE: np.float64, TensorProto.FLOAT16: np.float16,
    TensorProto.INT8: np.int8, TensorProto.INT16: np.int16, TensorProto.INT32: np.int32, TensorProto.INT64: np.int64,
    TensorProto.UINT8: np.uint8, TensorProto.UINT16: np.uint16, TensorProto.UINT32: np.uint32,
    TensorProto.UINT64: np.uint64, TensorProto.BOOL: np.bool_, TensorProto.COMPLEX64: np.complex64,
    TensorProto.COMPLEX128: np.complex128, TensorProto.BFLOAT16: ml_dtypes.bfloat16,
    TensorProto.FLOAT8E4M3FN: ml_dtypes.float8_e4m3fn, TensorProto.FLOAT8E5M2: ml_dtypes.float8_e5m2,
}
SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)


def transposed(element, rank):
    """y = x with its axes the other way round."""
    def make():
        node = helper.make_node("Transpose", ["x"], ["y"], **{"perm": list(range(rank))[::-1]} if rank else {})
        return ferry.Session(models.model([node], [models.tensor("x", element, dims("d", rank))],
                                          [models.tensor("y", element, dims("y", rank))], opset=23), threads=1)
    return once(("Transpose", element, rank), make)


@st.composite
def any_bits(draw, element, shape):
    """An array of that type whose elements are any bits: NaN, infinities, subnormals, negative zero."""
    dtype = np.dtype(NUMPY[element])
    count = int(np.prod(shape, dtype=np.int64))
    raw = np.frombuffer(draw(st.binary(min_size=count * dtype.itemsize, max_size=count * dtype.itemsize)), np.uint8)
    if dtype == np.bool_:
        raw = raw & 1
    return raw.copy().view(dtype).reshape(shape)


def bits(x):
    return np.ascontiguousarray(x).reshape(-1).view(np.uint8)


@given(st.sampled_from(sorted(NUMPY)), SHAPES, st.data())
def test_any_bits_of_any_type_come_back(element, shape, data):
    x = data.draw(any_bits(element, shape))
    given_array = data.draw(views(x)) if x.dtype.kind in "fiuc" else x
    y = transposed(element, len(shape)).run([given_array])["y"]
    assert y.dtype == x.dtype and y.shape == shape[::-1]
    np.testing.assert_array_equal(bits(y), bits(x.T))


@given(hnp.arrays(object, SHAPES, elements=st.text(max_size=6), fill=st.nothing()))
def test_any_text_comes_back(x):
    y = transposed(TensorProto.STRING, x.ndim).run([x])["y"]
    assert y.dtype == object and y.shape == x.T.shape
    assert y.tolist() == x.T.tolist()


@given(SHAPES, st.sampled_from([TensorProto.FLOAT, TensorProto.INT64, TensorProto.UINT8, TensorProto.FLOAT16]), st.data())
def test_results_are_shared_by_dlpack(shape, element, data):
    x = data.draw(any_bits(element, shape))
    y = transposed(element, len(shape)).run([x])["y"]
    shared = np.from_dlpack(y)
    np.testing.assert_array_equal(bits(shared), bits(y))


NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=8)


@given(NAMES, NAMES, NAMES)
def test_any_names(x, y, other):
    if len({x, y, other}) < 3:
        return
    session = ferry.Session(models.model([helper.make_node("Neg", [x], [y])], [models.tensor(x, TensorProto.FLOAT, ["N"])],
                                         [models.tensor(y, TensorProto.FLOAT, ["N"])]), threads=1)
    assert [i.name for i in session.inputs] == [x] and [o.name for o in session.outputs] == [y]
    fed = np.float32([1, -2])
    assert session.run({x: fed}, [y])[y].tolist() == [-1, 2]
    with pytest.raises(ferry.InvalidArgument):
        session.run({other: fed})
    with pytest.raises(ferry.InvalidArgument):
        session.run({x: fed}, [other])


@given(threads=st.integers(0, 3), accuracy=st.sampled_from(["fast", "exact"]), optimize=st.booleans(),
       isa=st.sampled_from([None, "scalar"]), reference_kernels=st.booleans(), prefer=st.sampled_from(["speed", "memory"]),
       max_fold_bytes=st.integers(0, 1 << 30), x=hnp.arrays(np.float32, st.tuples(st.integers(0, 9), st.just(2)),
                                                            elements=st.integers(-8, 8)))
def test_options_change_no_result_and_are_pickled(x, **options):
    session = ferry.Session(models.add_relu(), **options)
    wanted = np.maximum(x + 1, 0)
    np.testing.assert_array_equal(session.run([x])["y"], wanted)
    copy = pickle.loads(pickle.dumps(session))
    np.testing.assert_array_equal(copy.run({"x": x})["y"], wanted)
    assert repr(copy) == repr(session)


WORDS = st.text(string.ascii_lowercase, max_size=6)


@given(st.one_of(
    st.fixed_dictionaries({"accuracy": WORDS}), st.fixed_dictionaries({"isa": WORDS.filter(len)}),
    st.fixed_dictionaries({"prefer": WORDS}), st.fixed_dictionaries({"threads": st.integers(-2 ** 31, -1)}),
    st.fixed_dictionaries({"passes_off": st.lists(WORDS, min_size=1, max_size=2)}),
    st.dictionaries(st.sampled_from(["memory_limit", "max_fold_bytes", "max_fold_bytes_per_value"]),
                    st.integers(-2 ** 63, -1), min_size=1)))
def test_options_that_mean_nothing_are_refused(options):
    known = {"fast", "exact", "scalar", "avx2", "avx512", "speed", "memory"}
    if known & {v for v in options.values() if isinstance(v, str)}:
        return
    with pytest.raises(ferry.InvalidArgument):
        ferry.Session(models.add_relu(), **options)
