# SPDX-License-Identifier: Apache-2.0
"""Quantized operators and QDQ patterns."""

import numpy as np
from onnx import TensorProto as P

from . import elements as el
from .builder import Builder, Reject, Value
from .movement import axis_of
from .network import scaled, window
from .templates import template

EIGHT = (el.I8, el.U8)


def scale_of(b: Builder, element: int, shape=(), low: float = 0.01, high: float = 0.1) -> Value:
    if element == P.FLOAT8E8M0:
        return b.const(np.exp2(b.g.integers(-6, -2, shape)), element)
    if b.r.random() < 0.4:
        value = b.const(np.exp2(b.g.integers(-7, -3, shape)), element)
    else:
        value = b.const(b.g.uniform(low, high, shape), element)
    return value


def zero_point(b: Builder, element: int, shape=()) -> Value:
    if element in el.INTS or element in el.NIBBLES:
        low, high = {el.I8: (-20, 20), el.U8: (100, 150), el.I16: (-99, 99), el.U16: (20000, 40000), P.INT4: (-2, 2), P.UINT4: (5, 9), P.INT2: (-1, 1),
                     P.UINT2: (1, 2)}.get(element, (0, 0))
        return b.const(b.g.integers(low, high + 1, shape), element)
    return b.const(np.zeros(shape), element)


@template(1.5)
def quantize(b: Builder) -> None:
    """QuantizeLinear in each of its forms, and back."""
    x = b.pick(el.allowed("QuantizeLinear", "T1"), (0, 4), lambda v: el.is_float(v.element) or v.element == el.I32)
    target = b.element([t for t in el.allowed("QuantizeLinear", "T3") if t != el.F32])
    kind = b.r.choice(["tensor", "axis", "block"])
    scale_type = x.element if el.is_float(x.element) else el.F32
    if kind != "tensor" and (not x.rank or 0 in x.shape):
        raise Reject("rank")
    extra: dict = {}
    shape: tuple = ()
    if kind == "axis":
        axis = axis_of(b, x.rank)
        shape, extra = (x.shape[axis],), {"axis": axis}
    elif kind == "block":
        axis = axis_of(b, x.rank)
        block = b.r.choice([d for d in range(1, x.shape[axis] + 1) if x.shape[axis] % d == 0])
        shape = tuple(d // block if i == axis % x.rank else d for i, d in enumerate(x.shape))
        extra = {"axis": axis, "block_size": block}
    fits = {"low": 0.05, "high": 0.2} if target in EIGHT else {"low": 0.3, "high": 1.0}
    scale = scale_of(b, scale_type, shape, **fits)
    zero = zero_point(b, target, shape)
    if b.r.random() < 0.2:
        zero = None
        extra["output_dtype"] = target
    if target in el.TINY_FLOATS[:4] and b.r.random() < 0.3:
        extra["saturate"] = b.r.randint(0, 1)
    q = b.one("QuantizeLinear", x, scale, zero, **extra)
    extra.pop("output_dtype", None)
    extra.pop("saturate", None)
    b.one("DequantizeLinear", q, scale, zero, **extra)


@template(0.8)
def dequantize_weights(b: Builder) -> None:
    """Integer weights in front of a product, as weight-only quantization writes them."""
    x = b.pick((el.F32,), (2, 3), lambda v: 0 not in v.shape)
    k, n = x.shape[-1], b.r.choice([1, 4, 16, 17])
    source = b.r.choice([el.I8, el.U8, P.INT4, P.UINT4])
    w = b.leaf(source, (k, n), -7, 7, constant=True)
    if b.r.random() < 0.5 or k == 1:
        axis = b.r.randint(0, 1)
        scale, zero, extra = scale_of(b, el.F32, (w.shape[axis],)), zero_point(b, source, (w.shape[axis],)), {"axis": axis}
    else:
        block = b.r.choice([d for d in range(1, k + 1) if k % d == 0])
        scale, zero, extra = scale_of(b, el.F32, (k // block, n)), zero_point(b, source, (k // block, n)), {"axis": 0, "block_size": block}
    b.one("MatMul", x, b.one("DequantizeLinear", w, scale, zero if b.r.random() < 0.7 else None, **extra))


def fake_quantize(b: Builder, x: Value, element: int) -> Value:
    scale, zero = scale_of(b, el.F32), zero_point(b, element)
    q = b.one("QuantizeLinear", x, scale, zero)
    return b.one("DequantizeLinear", q, scale, zero)


@template(1.2)
def qdq_layer(b: Builder) -> None:
    """DequantizeLinear, a layer, QuantizeLinear, as static quantization writes them."""
    activation = b.r.choice(EIGHT)
    if b.r.random() < 0.5:
        c, m = b.r.choice([1, 2, 4, 8]), b.r.choice([1, 4, 8])
        x = fake_quantize(b, b.leaf(el.F32, (1, c, b.r.randint(4, 8), b.r.randint(4, 8)), constant=False), activation)
        w = window(b, 2, x.shape[2:])
        weights = b.leaf(el.I8, (m, c, *w["kernel_shape"]), -50, 50, constant=True)
        dw = b.one("DequantizeLinear", weights, scale_of(b, el.F32, (m,), 0.002, 0.01), b.const(np.zeros(m), el.I8), axis=0)
        y = b.one("Conv", x, dw, b.leaf(el.F32, (m,), constant=True) if b.r.random() < 0.6 else None, **w)
    else:
        x = fake_quantize(b, b.leaf(el.F32, (b.r.randint(1, 4), b.r.choice([4, 8, 16])), constant=False), activation)
        n = b.r.choice([1, 4, 8])
        weights = b.leaf(el.I8, (x.shape[1], n), -50, 50, constant=True)
        dw = b.one("DequantizeLinear", weights, scale_of(b, el.F32, (n,), 0.002, 0.01), b.const(np.zeros(n), el.I8), axis=1)
        y = b.one("MatMul", x, dw)
    if b.r.random() < 0.5:
        y = b.one("Relu", y)
    fake_quantize(b, y, activation)


@template(1)
def integer_products(b: Builder) -> None:
    op = b.r.choice(["MatMulInteger", "ConvInteger", "QLinearMatMul", "QLinearConv"])
    ta, tb, ty = b.r.choice(EIGHT), b.r.choice(EIGHT), b.r.choice(EIGHT)
    full = lambda t, shape, **k: b.leaf(t, shape, -100 if t == el.I8 else 0, 100 if t == el.I8 else 200, **k)
    some = lambda t, shape=(): zero_point(b, t, shape) if b.r.random() < 0.8 else None
    if "MatMul" in op:
        batch = b.r.choice([(), (), (2,), (2, 3)])
        m, k, n = b.r.randint(1, 5), b.r.randint(1, 9), b.r.choice([1, 3, 8, 17])
        x, w = full(ta, (*batch, m, k)), full(tb, b.r.choice([(k, n), (*batch, k, n)]), constant=True)
        if op == "MatMulInteger":
            b.one(op, x, w, some(ta), some(tb, b.r.choice([(), (n,)]) if w.rank == 2 else ()))
            return
        if b.r.random() < 0.25:
            raise Reject("float types of scales")
        b.one(op, x, scale_of(b, el.F32), zero_point(b, ta), w, scale_of(b, el.F32), zero_point(b, tb), scale_of(b, el.F32, low=0.5, high=2), zero_point(b, ty))
        return
    c, m = b.r.choice([1, 2, 4]), b.r.choice([1, 2, 4])
    group = b.r.choice([1, c]) if m % c == 0 else 1
    x = full(ta, (b.r.randint(1, 2), c, b.r.randint(4, 8), b.r.randint(4, 8)))
    attributes = window(b, 2, x.shape[2:])
    w = full(tb, (m, c // group, *attributes["kernel_shape"]), constant=True)
    if op == "ConvInteger":
        b.one(op, x, w, some(ta), some(tb), group=group, **attributes)
        return
    wide = b.r.random() < 0.5
    ws, wz = scale_of(b, el.F32, (m,) if wide else ()), zero_point(b, tb, (m,) if wide else ())
    if wide and tb == el.I8:
        wz = b.const(np.zeros(m), tb)
    bias = b.leaf(el.I32, (m,), -500, 500, constant=True) if b.r.random() < 0.5 else None
    b.one(op, x, scale_of(b, el.F32), zero_point(b, ta), w, ws, wz, scale_of(b, el.F32, low=0.5, high=2), zero_point(b, ty), bias, group=group, **attributes)


@template(0.5)
def dynamic_quantize(b: Builder) -> None:
    x = b.pick((el.F32,), (2, 3), lambda v: 0 not in v.shape)
    q, scale, zero = b.node("DynamicQuantizeLinear", [x], 3)
    n = b.r.choice([1, 4, 16])
    w = b.leaf(el.I8, (x.shape[-1], n), -99, 99, constant=True)
    y = b.one("MatMulInteger", q, w, zero)
    b.one("Mul", b.one("Cast", y, to=el.F32), b.one("Mul", scale, b.const(0.01, el.F32)))
