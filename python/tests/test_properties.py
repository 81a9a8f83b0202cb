# SPDX-License-Identifier: Apache-2.0
"""Properties of the interface that hold for every shape, type and layout, beside NumPy."""

import ferry
import ferry.compat.onnxruntime as ort
import models
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from onnx import TensorProto, helper

settings.register_profile("ferry", deadline=None, derandomize=True, max_examples=60,
                          suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ferry")

ELEMENTS = {
    np.dtype(np.float32): TensorProto.FLOAT, np.dtype(np.float64): TensorProto.DOUBLE,
    np.dtype(np.int32): TensorProto.INT32, np.dtype(np.int64): TensorProto.INT64,
    np.dtype(np.uint8): TensorProto.UINT8, np.dtype(np.int8): TensorProto.INT8,
}
BINARY = {"Add": np.add, "Sub": np.subtract, "Mul": np.multiply}
SESSIONS = {}


def dims(prefix, rank):
    return [f"{prefix}{i}" for i in range(rank)]


def once(key, make):
    """A session or a model of that key, made on first use."""
    if key not in SESSIONS:
        SESSIONS[key] = make()
    return SESSIONS[key]


def binary_model(op, element, ranks):
    return models.model([helper.make_node(op, ["a", "b"], ["y"])],
                        [models.tensor("a", element, dims("a", ranks[0])), models.tensor("b", element, dims("b", ranks[1]))],
                        [models.tensor("y", element, dims("y", max(ranks)))])


def binary(op, dtype, ranks):
    return once((op, dtype, ranks), lambda: ferry.Session(binary_model(op, ELEMENTS[dtype], ranks), threads=1))


def reduction(rank, axes):
    def make():
        node = helper.make_node("ReduceSum", ["x", "axes"], ["y"], keepdims=0)
        return ferry.Session(models.model([node], [models.tensor("x", TensorProto.FLOAT, dims("d", rank))],
                                          [models.tensor("y", TensorProto.FLOAT, dims("y", rank - len(axes)))],
                                          [("axes", np.int64(axes))]), threads=1)
    return once(("ReduceSum", rank, axes), make)


def relu(rank):
    return once(("Relu", rank), lambda: ferry.Session(models.unary("Relu", shape=dims("d", rank)), threads=1))


@st.composite
def views(draw, x):
    """The same values in another layout: Fortran, strided, reversed, read-only, misaligned."""
    form = draw(st.sampled_from(["plain", "fortran", "strided", "reversed", "readonly", "misaligned", "swapped"]))
    if form == "fortran":
        return np.asfortranarray(x)
    if form == "strided" and x.ndim:
        wide = np.zeros((*x.shape[:-1], 2 * x.shape[-1]), x.dtype)
        wide[..., ::2] = x
        return wide[..., ::2]
    if form == "reversed" and x.ndim:
        axis = draw(st.integers(0, x.ndim - 1))
        return np.flip(np.flip(x, axis).copy(), axis)
    if form == "readonly":
        frozen = x.copy()
        frozen.flags.writeable = False
        return frozen
    if form == "misaligned":
        memory = np.zeros(x.nbytes + 1, np.uint8)[1:].view(x.dtype).reshape(x.shape)
        memory[...] = x
        return memory
    if form == "swapped":
        return x.astype(x.dtype.newbyteorder())
    return x


@st.composite
def arrays(draw, dtype, shape):
    values = {"f": st.integers(-1000, 1000).map(lambda i: i / 8), "i": st.integers(-100, 100), "u": st.integers(0, 200)}
    x = draw(hnp.arrays(dtype, shape, elements=values[np.dtype(dtype).kind], fill=st.just(1)))
    return draw(views(x))


@st.composite
def pairs(draw):
    """Two arrays of one type that broadcast."""
    dtype = draw(st.sampled_from(list(ELEMENTS)))
    shapes = draw(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=4, min_side=0, max_side=6)).input_shapes
    return [draw(arrays(dtype, s)) for s in shapes]


@given(pairs(), st.sampled_from(sorted(BINARY)))
def test_arithmetic_broadcasts_like_numpy(ab, op):
    a, b = ab
    dtype = a.dtype.newbyteorder("=")
    with np.errstate(all="ignore"):
        wanted = BINARY[op](a, b)
    y = binary(op, np.dtype(dtype), (a.ndim, b.ndim)).run({"a": a, "b": b})["y"]
    assert y.dtype == dtype and y.flags.c_contiguous and y.flags.writeable
    np.testing.assert_array_equal(y, wanted)


@given(st.data())
def test_sums_over_any_axes(data):
    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=5, min_side=0, max_side=6))
    axes = tuple(data.draw(st.lists(st.integers(0, len(shape) - 1), min_size=1, max_size=len(shape), unique=True)))
    x = data.draw(arrays(np.float32, shape))
    y = reduction(len(shape), axes).run([x])["y"]
    np.testing.assert_allclose(y, x.astype(np.float64).sum(axes), rtol=1e-5, atol=1e-3)
    assert y.shape == x.sum(axes).shape


@given(st.data())
def test_products_of_matrices(data):
    m, k, n = (data.draw(st.integers(0, 40)) for _ in range(3))
    a, b = data.draw(arrays(np.float32, (m, k))), data.draw(arrays(np.float32, (k, n)))
    y = binary("MatMul", np.dtype(np.float32), (2, 2)).run({"a": a, "b": b})["y"]
    np.testing.assert_allclose(y, a.astype(np.float64) @ b.astype(np.float64), rtol=1e-5, atol=1e-2)


@given(st.data())
def test_inputs_are_left_as_they_were(data):
    x = data.draw(arrays(np.float32, data.draw(hnp.array_shapes(max_dims=4, min_side=0, max_side=6))))
    before = x.copy()
    first = relu(x.ndim).run([x])["y"]
    kept = first.copy()
    relu(x.ndim).run([np.ones_like(before)])
    np.testing.assert_array_equal(x, before)
    np.testing.assert_array_equal(first, kept)  # results own their memory


@given(st.data())
def test_out_is_where_results_go(data):
    a = data.draw(arrays(np.float32, data.draw(hnp.array_shapes(max_dims=3, min_side=0, max_side=8))))
    out = np.full(a.shape, 7, np.float32)
    results = relu(a.ndim).run([a], out={"y": out})
    assert results["y"] is out
    np.testing.assert_array_equal(out, np.maximum(a, 0))


@given(st.integers(1, 60), st.integers(-20, 20), st.integers(0, 2 ** 32 - 1))
def test_out_may_lie_in_the_memory_of_an_input(count, shift, seed):
    memory = np.random.default_rng(seed).standard_normal(count + 2 * 20).astype(np.float32)
    x, out = memory[20:20 + count], memory[20 + shift:20 + shift + count]
    wanted = x[::-1].copy()
    reverse = once("reverse", lambda: ferry.Session(models.model(
        [helper.make_node("Slice", ["x", "from", "to", "axes", "step"], ["y"])],
        [models.tensor("x", TensorProto.FLOAT, ["N"])], [models.tensor("y", TensorProto.FLOAT, ["N"])],
        [("from", np.int64([-1])), ("to", np.int64([-2 ** 62])), ("axes", np.int64([0])), ("step", np.int64([-1]))]),
        threads=1))
    assert reverse.run([x], out={"y": out})["y"] is out
    np.testing.assert_array_equal(out, wanted)


@given(st.integers(-8, 8))
def test_outs_may_not_share_memory(shift):
    session = once("add_mul", lambda: ferry.Session(models.add_mul(), threads=1))
    memory = np.zeros(32, np.float32)
    s, p = memory[8:16], memory[8 + shift:16 + shift]
    fed = {"a": np.arange(8, dtype=np.float32), "b": np.ones(8, np.float32)}
    if abs(shift) == 8:
        session.run(fed, out={"s": s, "p": p})
        np.testing.assert_array_equal(p, fed["a"])
    else:
        with pytest.raises(ferry.InvalidArgument, match="overlap"):
            session.run(fed, out={"s": s, "p": p})


@given(st.data())
def test_an_array_of_another_type_is_refused(data):
    wanted, given_type = (data.draw(st.sampled_from(list(ELEMENTS))) for _ in range(2))
    session = binary("Add", wanted, (1, 1))
    fed = {"a": np.ones(3, wanted), "b": np.ones(3, given_type)}
    if wanted == given_type:
        assert session.run(fed)["y"].dtype == wanted
    else:
        with pytest.raises(ferry.InvalidArgument, match="input 'b'"):
            session.run(fed)


@given(hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4), st.integers(0, 4))
def test_an_array_of_another_rank_is_refused(shape, rank):
    x = np.zeros(shape, np.float32)
    if len(shape) == rank:
        assert relu(rank).run([x])["y"].shape == shape
    else:
        with pytest.raises(ferry.ShapeMismatch, match="input 'x'"):
            relu(rank).run([x])


@given(hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=5),
       hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=5))
def test_shapes_that_do_not_broadcast_are_refused(one, other):
    session = binary("Add", np.dtype(np.float32), (len(one), len(other)))
    fed = {"a": np.zeros(one, np.float32), "b": np.zeros(other, np.float32)}
    try:
        wanted = np.broadcast_shapes(one, other)
    except ValueError:
        with pytest.raises(ferry.ShapeMismatch):
            session.run(fed)
    else:
        assert session.run(fed)["y"].shape == wanted


@given(st.one_of(st.none(), st.text(max_size=5), st.integers(), st.lists(st.text(max_size=3), max_size=3),
                 st.dictionaries(st.text(max_size=3), st.integers(), max_size=3)))
def test_whatever_is_given_for_an_input_ends_in_a_typed_error(value):
    try:
        result = relu(1).run({"x": value})
    except ferry.Error:
        return
    assert result["y"].dtype == np.float32


@given(st.binary(max_size=200))
def test_bytes_that_are_no_model_are_refused(data):
    with pytest.raises(ferry.Error):
        ferry.Session(data)


@given(pairs())
def test_the_other_interface_gives_the_same(ab):
    a, b = ab
    dtype = np.dtype(a.dtype.newbyteorder("="))
    ranks = (a.ndim, b.ndim)
    session = once(("ort", dtype, ranks), lambda: ort.InferenceSession(binary_model("Add", ELEMENTS[dtype], ranks)))
    (y,) = session.run(None, {"a": a, "b": b})
    np.testing.assert_array_equal(y, binary("Add", dtype, ranks).run({"a": a, "b": b})["y"])
    np.testing.assert_array_equal(session.run(["y"], {"a": a, "b": b})[0], y)
