# SPDX-License-Identifier: Apache-2.0
"""What exporters write and the passes and the planner recognise, in their usual and unusual spellings."""

import numpy as np

from . import elements as el
from .builder import WIDEST, Builder, Reject, Value
from .elementwise import add_unary, partner, relu6
from .movement import axis_of
from .network import add_batch_norm, add_conv, image, scaled, window
from .templates import template


def activation(b: Builder, x: Value) -> Value:
    way = b.r.choice(["Relu", "relu6", "Sigmoid", "silu", "hardswish", "LeakyRelu", "gelu", "Tanh", "mish", "Elu", "PRelu", "HardSwish", "none", "none"])
    if way == "none":
        return x
    if way == "relu6":
        return relu6(b, x)
    if way == "silu":
        return b.one("Mul", x, b.one("Sigmoid", x))
    if way == "hardswish":
        return b.one("Mul", x, b.one("HardSigmoid", x, alpha=1 / 6, beta=0.5))
    if way == "gelu":
        return gelu(b, x)
    if way == "mish":
        return b.one("Mul", x, b.one("Tanh", b.one("Softplus", x)))
    if way == "PRelu":
        return b.one("PRelu", x, b.leaf(x.element, (x.shape[1], *[1] * (x.rank - 2)), 0, 0.5, constant=True)) if x.rank > 1 else x
    return add_unary(b, way, x)


@template(7)
def conv_block(b: Builder) -> None:
    x = None
    for _ in range(b.r.randint(1, 3)):
        transposed = b.r.random() < 0.12
        y = add_conv(b, x, transposed, types=(el.F32,) if b.r.random() < 0.8 else el.FLOATS)
        way = b.r.random()
        if way < 0.4:
            y = add_batch_norm(b, y)
        elif way < 0.5:
            y = b.one("Mul", y, b.leaf(y.element, (y.shape[1], *[1] * (y.rank - 2)), 0.5, 1.5, constant=True))
        elif way < 0.6:
            y = b.one("Add", y, b.leaf(y.element, (1, y.shape[1], *[1] * (y.rank - 2)), constant=True))
        if x is not None and x.shape == y.shape and b.r.random() < 0.6:
            y = b.one("Add", *((x, y) if b.r.random() < 0.5 else (y, x)))
        x = activation(b, y)


@template(1.5)
def residual(b: Builder) -> None:
    x = image(b, (el.F32,), 2)
    c = x.shape[1]
    hidden = b.r.choice([4, 8, 16])
    one = lambda v, m: b.one("Conv", v, scaled(b, v.element, (m, v.shape[1], 1, 1), v.shape[1]), b.leaf(v.element, (m,), constant=True))
    y = activation(b, one(x, hidden))
    y = activation(b, b.one("Conv", y, scaled(b, y.element, (hidden, 1, 3, 3), 9), group=hidden, pads=[1, 1, 1, 1]))
    if b.r.random() < 0.5:  # squeeze and excite
        s = b.one("GlobalAveragePool", y) if b.r.random() < 0.5 else b.one("ReduceMean", y, b.const(np.array([2, 3])), keepdims=1)
        s = activation(b, one(s, 2))
        y = b.one("Mul", y, b.one(b.r.choice(["Sigmoid", "HardSigmoid"]), one(s, hidden)))
    y = one(y, c)
    b.one("Add", y, x)


@template(1)
def wide_block(b: Builder) -> None:
    """A value too wide for the cache between layers that run in strips of rows."""
    b.most_elements, usual = WIDEST, b.most_elements
    try:
        wide_layers(b)
    finally:
        b.most_elements = usual


def wide_layers(b: Builder) -> None:
    side = lambda: b.r.randint(28, 44)
    x = b.leaf(el.F32, (b.r.choice([1, 1, 2]), b.r.choice([3, 8, 12, 16]), side(), side()))
    wide = b.r.choice([72, 96, 100])
    one = lambda v, m: b.one("Conv", v, scaled(b, v.element, (m, v.shape[1], 1, 1), v.shape[1]), b.leaf(v.element, (m,), constant=True))
    y = x
    if x.shape[1] == 3:
        w = window(b, 2, y.shape[2:])
        y = activation(b, b.one("Conv", y, scaled(b, el.F32, (wide, 3, *w["kernel_shape"]), 27), **w))
    elif b.r.random() < 0.8:
        y = activation(b, one(y, wide))
    if b.r.random() < 0.85:
        w = window(b, 2, y.shape[2:])
        m = y.shape[1] * b.r.choice([1, 1, 1, 2])
        y = activation(b, b.one("Conv", y, scaled(b, y.element, (m, 1, *w["kernel_shape"]), 9), group=y.shape[1], **w))
    if b.r.random() < 0.4:  # squeeze and excite
        s = activation(b, one(b.one("GlobalAveragePool", y), 4))
        gate = b.one("Sigmoid", one(s, y.shape[1]))
        y = b.one("Mul", *((y, gate) if b.r.random() < 0.5 else (gate, y)))
    y = one(y, x.shape[1] if b.r.random() < 0.6 else 8)
    if y.shape == x.shape:
        b.one("Add", *((y, x) if b.r.random() < 0.5 else (x, y)))
    else:
        activation(b, y)


@template(1.5)
def pad_conv(b: Builder) -> None:
    x = image(b, (el.F32, el.F64), 2)
    pads = [0, 0, b.r.randint(0, 2), b.r.randint(0, 2), 0, 0, b.r.randint(0, 2), b.r.randint(0, 2)]
    x = b.one("Pad", x, b.const(np.array(pads)), b.const(np.array(b.r.choice([0, 0, 0, 1])), x.element), mode="constant")
    add_conv(b, x)


@template(1.5)
def channel_ops(b: Builder) -> None:
    """Concat, Split, shuffles between convolutions: layout must follow."""
    x = add_conv(b, types=(el.F32,))
    if x.rank != 4:
        raise Reject("2-D only")
    way = b.r.choice(["concat", "split", "shuffle", "resize", "slice", "flatten", "transposes", "pool"])
    if way == "concat":
        y = b.one("Concat", x, b.leaf(x.element, (x.shape[0], b.r.choice([1, 3, 4]), *x.shape[2:])), activation(b, x), axis=b.r.choice([1, -3]))
    elif way == "split" and x.shape[1] > 1:
        first = b.r.randint(1, x.shape[1] - 1)
        parts = b.node("Split", [x, b.const(np.array([first, x.shape[1] - first]))], 2, axis=1)
        y = b.one("Concat", activation(b, parts[1]), parts[0], axis=1)
    elif way == "shuffle" and x.shape[1] % 2 == 0:
        n, c, h, w = x.shape
        y = b.one("Reshape", x, b.const(np.array([n, 2, c // 2, h, w])))
        y = b.one("Transpose", y, perm=[0, 2, 1, 3, 4])
        y = b.one("Reshape", y, b.const(np.array([n, -1, h, w])))
    elif way == "resize":
        y = b.one("Resize", x, None, b.const(np.array([1, 1, 2, 2]), el.F32), mode="nearest", nearest_mode="floor", coordinate_transformation_mode="asymmetric")
    elif way == "slice":
        y = b.one("Slice", x, b.const(np.array([0, 0])), b.const(np.array([10**9, 10**9])), b.const(np.array([2, 3])), b.const(np.array([b.r.choice([1, 2, 2]), 2])))
    elif way == "flatten":
        y = b.one("Flatten", activation(b, x))
        b.one("Gemm", y, scaled(b, y.element, (y.shape[1], 5), y.shape[1]))
        return
    elif way == "transposes":
        y = b.one("Transpose", x, perm=[0, 2, 3, 1])
        y = activation(b, b.one("Add", y, b.leaf(y.element, y.shape[-1:], constant=True)))
        if b.r.random() < 0.5:
            y = b.node("LayerNormalization", [y, b.leaf(y.element, y.shape[-1:], 0.5, 1.5, constant=True)], 1, axis=-1, epsilon=1e-2)[0]
        y = b.one("Transpose", y, perm=[0, 3, 1, 2])
    else:
        y = b.one(b.r.choice(["MaxPool", "AveragePool"]), x, kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[b.r.choice([1, 2])] * 2)
    add_conv(b, y)


def gelu(b: Builder, x: Value) -> Value:
    c = lambda v: b.const(np.array(v), x.element)
    way = b.r.randint(0, 4)
    if way == 0:
        half = b.one("Mul", x, c(0.5))
        return b.one("Mul", half, b.one("Add", b.one("Erf", b.one("Div", x, c(2**0.5))), c(1)))
    if way == 1:
        e = b.one("Add", c(1), b.one("Erf", b.one("Mul", x, c(2**-0.5))))
        return b.one("Mul", b.one("Mul", x, e), c(0.5))
    if way == 2:
        cube = b.one("Pow", x, b.const(np.array(3), el.F32)) if b.r.random() < 0.5 else b.one("Mul", x, b.one("Mul", x, x))
        inner = b.one("Mul", b.one("Add", x, b.one("Mul", cube, c(0.044715))), c(0.7978845608))
        return b.one("Mul", b.one("Mul", x, c(0.5)), b.one("Add", b.one("Tanh", inner), c(1)))
    if way == 3:
        return b.one("Mul", x, b.one("Sigmoid", b.one("Mul", x, c(1.702))))
    return b.one("Gelu", x, approximate=b.r.choice(["none", "tanh"]))


def layer_norm(b: Builder, x: Value) -> Value:
    """The mean and variance spelled out, in one of several ways."""
    axes = [-1] if x.rank < 3 or b.r.random() < 0.8 else [-2, -1]
    mean = lambda v: b.one("ReduceMean", v, b.const(np.array(axes)), keepdims=1)
    c = lambda v: b.const(np.array(v), x.element)
    d = b.one("Sub", x, mean(x))
    square = b.one("Pow", d, b.const(np.array(2), b.r.choice([el.F32, x.element]))) if b.r.random() < 0.6 else b.one("Mul", d, d)
    var = b.one("Add", mean(square), c(b.r.choice([1e-2, 1e-3])))
    if b.r.random() < 0.7:
        y = b.one("Div", d, b.one("Sqrt", var))
    else:
        y = b.one("Mul", d, b.one("Reciprocal", b.one("Sqrt", var)))
    shape = x.shape[x.rank + axes[0]:]
    if b.r.random() < 0.8:
        y = b.one("Mul", *flip(b, y, b.leaf(x.element, b.r.choice([shape, shape, ()]), 0.5, 1.5, constant=True)))
    if b.r.random() < 0.7:
        y = b.one("Add", *flip(b, y, b.leaf(x.element, shape, constant=True)))
    return y


def rms_norm(b: Builder, x: Value) -> Value:
    square = b.one("Pow", x, b.const(np.array(2), x.element)) if b.r.random() < 0.6 else b.one("Mul", x, x)
    var = b.one("Add", b.one("ReduceMean", square, b.const(np.array([-1])), keepdims=1), b.const(np.array(1e-2), x.element))
    root = b.one("Sqrt", var)
    y = b.one("Mul", x, b.one("Reciprocal", root)) if b.r.random() < 0.5 else b.one("Div", x, root)
    return b.one("Mul", *flip(b, y, b.leaf(x.element, x.shape[-1:], 0.5, 1.5, constant=True)))


def flip(b: Builder, x: Value, y: Value) -> tuple[Value, Value]:
    return (x, y) if b.r.random() < 0.6 else (y, x)


def tokens(b: Builder, types=(el.F32, el.F32, el.F16, el.BF16, el.F64)) -> Value:
    where = lambda v: 0 not in v.shape and v.shape[-1] > 1
    return b.pick(types, (2, 4), where)


@template(3)
def spelled_norm(b: Builder) -> None:
    x = tokens(b)
    layer_norm(b, x) if b.r.random() < 0.6 else rms_norm(b, x)


@template(1)
def spelled_group_norm(b: Builder) -> None:
    """Groups by a Reshape around InstanceNormalization, as exporters wrote them before opset 21."""
    x = image(b, (el.F32, el.F32, el.F64, el.F16), b.r.choice([1, 2, 2]))
    c = x.shape[1]
    groups = b.r.choice([g for g in range(1, c + 1) if c % g == 0])
    per_group = lambda low: b.leaf(x.element, (groups,), low, low + 1, constant=True)
    scale, bias = (b.const(np.ones(groups), x.element), b.const(np.zeros(groups), x.element)) if b.r.random() < 0.6 else (per_group(0.5), per_group(-0.5))
    y = b.one("InstanceNormalization", b.one("Reshape", x, b.const(np.array([0, groups, -1]))), scale, bias, epsilon=1e-2)
    y = b.one("Reshape", y, b.one("Shape", x))
    shape = (c, *[1] * (x.rank - 2))
    if b.r.random() < 0.8:
        y = b.one("Mul", *flip(b, y, b.leaf(x.element, b.r.choice([shape, (1, *shape), ()]), 0.5, 1.5, constant=True)))
    if b.r.random() < 0.8:
        b.one("Add", *flip(b, y, b.leaf(x.element, shape, constant=True)))


@template(1)
def upscaling(b: Builder) -> None:
    """A transposed convolution to few channels whose output is a multiple of its input."""
    x = image(b, (el.F32,), 2)
    stride, channels = b.r.choice([2, 2, 3, 4]), b.r.choice([1, 2, 3])
    pads = [b.r.randint(0, 2) for _ in range(4)]
    extra = [b.r.choice([0, 0, 1]), b.r.choice([0, 0, 1])]
    kernel = [stride + pads[a] + pads[2 + a] - extra[a] for a in range(2)]
    weights = scaled(b, x.element, (x.shape[1], channels, *kernel), x.shape[1] * kernel[0] * kernel[1])
    bias = b.leaf(x.element, (channels,), constant=True) if b.r.random() < 0.6 else None
    activation(b, b.one("ConvTranspose", x, weights, bias, strides=[stride, stride], pads=pads, output_padding=extra))


@template(2)
def spelled_activation(b: Builder) -> None:
    activation(b, b.pick(el.FLOATS, (2, 4), lambda v: 0 not in v.shape))


@template(1)
def spelled_softmax(b: Builder) -> None:
    x = tokens(b)
    axis = b.const(np.array([-1]))
    e = b.one("Exp", b.one("Sub", x, b.one("ReduceMax", x, axis, keepdims=1)))
    b.one("Div", e, b.one("ReduceSum", e, axis, keepdims=1))


@template(3)
def feed_forward(b: Builder) -> None:
    x = tokens(b)
    width = x.shape[-1]
    hidden = b.r.choice([4, 8, 16, 31])
    y = linear(b, layer_norm(b, x) if b.r.random() < 0.4 else x, hidden)
    y = linear(b, gelu(b, y) if b.r.random() < 0.7 else activation(b, y), width)
    if y.shape == x.shape:
        b.one("Add", *flip(b, x, y))


def linear(b: Builder, x: Value, n: int) -> Value:
    if b.r.random() < 0.15:
        w = b.one("Transpose", scaled(b, x.element, (n, x.shape[-1]), x.shape[-1]), perm=[1, 0])
    else:
        w = scaled(b, x.element, (x.shape[-1], n), x.shape[-1])
    y = b.one("MatMul", x, w)
    return b.one("Add", *flip(b, y, b.leaf(x.element, (n,), constant=True))) if b.r.random() < 0.8 else y


@template(1)
def rewritable(b: Builder) -> None:
    """Pairs that undo each other, copies of a node, dead weight: what clean-up passes look for."""
    x = b.pick(el.FLOATS, (2, 4), lambda v: 0 not in v.shape)
    way = b.r.randint(0, 6)
    if way == 0:
        perm = b.r.sample(range(x.rank), x.rank)
        y = add_unary(b, "Tanh", b.one("Transpose", x, perm=perm))
        b.one("Transpose", y, perm=[int(i) for i in np.argsort(perm)])
    elif way == 1:
        y, z = b.one("Sigmoid", x), b.one("Sigmoid", x)
        b.one("Add", y, z)
    elif way == 2:
        y = b.one("Mul", x, b.const(1, x.element))
        b.one("Add", y, b.const(np.zeros(x.shape[-1:]), x.element))
    elif way == 3:
        y = b.one("Cast", b.one("Cast", x, to=el.F64), to=x.element)
        b.one("Identity", y)
    elif way == 4:
        b.one("Reshape", b.one("Reshape", x, b.const(np.array([-1]))), b.const(np.array(x.shape)))
    elif way == 5:
        a, c = b.leaf(x.element, (), constant=True), b.leaf(x.element, (), constant=True)
        b.one("Add", x, b.one("Add", a, c))
    else:
        y = b.one("Concat", x, x, axis=axis_of(b, x.rank))
        b.one("Slice", y, b.const(np.array([0])), b.const(np.array([x.shape[0]])), b.const(np.array([0])))
        b.one("Relu", b.one("Relu", x))
