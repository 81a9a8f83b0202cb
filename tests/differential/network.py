# SPDX-License-Identifier: Apache-2.0
"""Operators of networks: convolutions, pools, products, reductions, normalizations, resizes, recurrent ones."""

import numpy as np

from . import elements as el
from .builder import Builder, Reject, Value
from .movement import axis_of, some_axes
from .templates import template


def image(b: Builder, types, spatial: int, channels: int | None = None, least: int = 1) -> Value:
    """A value [n, c, ...] of that many spatial dims."""
    where = lambda v: 0 not in v.shape and (channels is None or v.shape[1] == channels) and all(d >= least for d in v.shape[2:])
    fits = [v for v in b.visible() if v.kind == "tensor" and v.element in types and v.rank == spatial + 2 and where(v)]
    if fits and b.r.random() < 0.75:
        return b.pick(types, (spatial + 2, spatial + 2), where, fresh=0.0)
    size = {0: 9, 1: 20, 2: 11, 3: 5}.get(spatial, 3)
    c = channels or b.r.choice([1, 2, 3, 4, 6, 8, 16])
    return b.leaf(b.element(types), (b.r.choice([1, 1, 2, 3]), c, *[b.r.randint(min(least, size), size) for _ in range(spatial)]))


def window(b: Builder, spatial: int, sizes: tuple[int, ...], strides: bool = True, dilations: bool = True) -> dict:
    kernel = [b.r.choice([1, 3, 3, 3, 2, 5, 4]) for _ in range(spatial)] if b.r.random() < 0.4 else [b.r.choice([1, 3, 3, 3, 5, 2, 7 if spatial < 3 else 3])] * spatial
    made = {"kernel_shape": kernel}
    if strides and b.r.random() < 0.5:
        made["strides"] = [b.r.choice([1, 2, 2, 3])] * spatial if b.r.random() < 0.7 else [b.r.choice([1, 2, 3]) for _ in range(spatial)]
    if dilations and b.r.random() < 0.25:
        made["dilations"] = [b.r.choice([1, 2, 3]) for _ in range(spatial)]
    way = b.r.random()
    if way < 0.55:
        made["pads"] = [k // 2 for k in kernel] * 2
    elif way < 0.7:
        made["pads"] = [b.r.randint(0, k - 1) for k in kernel * 2]
    elif way < 0.9:
        made["auto_pad"] = b.r.choice(["SAME_UPPER", "SAME_LOWER", "VALID"])
    pads = made.get("pads", [0] * 2 * spatial)
    for i, n in enumerate(sizes):
        reach = (kernel[i] - 1) * made.get("dilations", [1] * spatial)[i] + 1
        if n + pads[i] + pads[i + spatial] < reach and not made.get("auto_pad", "").startswith("SAME"):
            raise Reject("window larger than the image")
    if made.get("auto_pad", "").startswith("SAME") and "dilations" in made:
        del made["dilations"]
    return made


def scaled(b: Builder, element: int, shape, fan: int, constant: bool | None = True) -> Value:
    bound = 1.5 / max(fan, 1) ** 0.5
    return b.leaf(element, shape, -bound, bound, constant=constant if b.r.random() < 0.92 else None)


def add_conv(b: Builder, x: Value | None = None, transposed: bool = False, types=None, depthwise: float = 0.2) -> Value:
    op = "ConvTranspose" if transposed else "Conv"
    types = types or el.allowed(op, "T")
    spatial = x.rank - 2 if x else b.r.choice([1, 2, 2, 2, 2, 2, 3])
    x = x or image(b, types, spatial)
    c = x.shape[1]
    w = window(b, spatial, x.shape[2:])
    groups = c if b.r.random() < depthwise else b.r.choice([g for g in range(1, c + 1) if c % g == 0]) if b.r.random() < 0.3 else 1
    m = groups * b.r.choice([1, 1, 2, 3]) if groups > 1 else b.r.choice([1, 2, 3, 4, 8, 16, 17, 32])
    kernel = w["kernel_shape"]
    fan = c // groups * int(np.prod(kernel))
    shape = (c, m // groups, *kernel) if transposed else (m, c // groups, *kernel)
    bias = scaled(b, x.element, (m,), 1) if b.r.random() < 0.6 else None
    if transposed and b.r.random() < 0.3 and "strides" in w:
        w["output_padding"] = [b.r.randint(0, s - 1) for s in w["strides"]]
    if transposed and "auto_pad" not in w:
        reach = [(k - 1) * d + 1 for k, d in zip(kernel, w.get("dilations", [1] * spatial))]
        least = [s * (n - 1) + e for s, n, e in zip(w.get("strides", [1] * spatial), x.shape[2:], reach)]
        if any(m - p <= 0 for m, p in zip(least, np.add(*np.split(np.array(w.get("pads", [0] * 2 * spatial)), 2)))):
            raise Reject("pads cut everything")
    if groups > 1 or b.r.random() < 0.1:
        w["group"] = groups
    if b.r.random() < 0.3:
        del w["kernel_shape"]
    return b.one(op, x, scaled(b, x.element, shape, fan), bias, **w)


@template(6)
def conv(b: Builder) -> None:
    add_conv(b)


@template(1.5)
def conv_transpose(b: Builder) -> None:
    add_conv(b, transposed=True)


@template(0.4)
def deform_conv(b: Builder) -> None:
    element = b.element(el.allowed("DeformConv", "T"))
    c, k, m, n = b.r.choice([1, 2, 4]), b.r.choice([1, 2, 3]), b.r.choice([2, 4]), b.r.randint(3, 6)
    group = b.r.choice([1, c])
    x = b.leaf(element, (1, c, n, n))
    offset_group = b.r.choice([1, c])
    offset = b.leaf(element, (1, offset_group * k * k * 2, n - k + 1, n - k + 1), make=lambda s, g: el.as_array(g.integers(-1, 2, s) + 0.37, element))
    bias = b.leaf(element, (m * group,)) if b.r.random() < 0.5 else None
    mask = b.leaf(element, (1, offset_group * k * k, n - k + 1, n - k + 1), 0, 1) if b.r.random() < 0.5 else None
    b.one("DeformConv", x, scaled(b, element, (m * group, c // group, k, k), c * k * k), offset, bias, mask, group=group, offset_group=offset_group)


@template(2.5)
def pool(b: Builder) -> None:
    op = b.r.choice(["MaxPool", "MaxPool", "AveragePool", "AveragePool", "LpPool"])
    types = el.allowed(op, "T")
    spatial = b.r.choice([1, 2, 2, 2, 3])
    x = image(b, types, spatial, least=2)
    w = window(b, spatial, x.shape[2:])
    if "auto_pad" not in w and b.r.random() < 0.3:
        w["ceil_mode"] = 1
    if "pads" in w:  # a pad must be smaller than the kernel, and no window may lie in the padding alone
        w["pads"] = [min(p, (w["kernel_shape"] * 2)[i] // 2) for i, p in enumerate(w["pads"])]
        for i, n in enumerate(x.shape[2:]):
            if n + w["pads"][i] + w["pads"][i + spatial] < (w["kernel_shape"][i] - 1) * w.get("dilations", [1] * spatial)[i] + 1:
                raise Reject("window larger than the image")
    if op == "AveragePool" and b.r.random() < 0.5:
        w["count_include_pad"] = 1
    if op == "LpPool":
        w["p"] = b.r.choice([1, 2, 3])
    if op == "MaxPool" and b.r.random() < 0.25 and x.element in (el.F32, el.F64):
        extra = {"storage_order": b.r.randint(0, 1)} if b.r.random() < 0.3 else {}
        b.node(op, [x], 2, **w, **extra)
        return
    b.one(op, x, **w)


@template(0.8)
def global_pool(b: Builder) -> None:
    op = b.r.choice(["GlobalAveragePool", "GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool"])
    x = image(b, el.allowed(op, "T"), b.r.choice([1, 2, 2, 3]))
    b.one(op, x, **({"p": b.r.choice([1, 2, 3])} if op == "GlobalLpPool" else {}))


@template(0.3)
def unpool(b: Builder) -> None:
    x = b.leaf(b.r.choice([el.F32, el.F64]), (b.r.randint(1, 2), b.r.randint(1, 3), 6, 6))
    y, index = b.node("MaxPool", [x], 2, kernel_shape=[2, 2], strides=[2, 2])
    shape = b.const(np.array(x.shape)) if b.r.random() < 0.4 else None
    b.one("MaxUnpool", y, index, shape, kernel_shape=[2, 2], strides=[2, 2])


@template(2.5)
def resize(b: Builder) -> None:
    types = el.allowed("Resize", "T1")
    mode = b.r.choice(["nearest", "linear", "linear", "cubic"])
    floats = [t for t in types if t in el.FLOATS]
    x = image(b, [t for t in types if t != el.STRING] if mode == "nearest" else floats, b.r.choice([1, 2, 2, 2, 3]))
    if x.element not in (*el.FLOATS, *el.INTS) and mode != "nearest":
        raise Reject("type")
    extra = {"mode": mode}
    frame = b.r.choice(["half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel", "half_pixel_symmetric"])
    if b.r.random() < 0.85:
        extra["coordinate_transformation_mode"] = frame
    if mode == "nearest":
        extra["nearest_mode"] = b.r.choice(["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"])
    if mode == "cubic" and b.r.random() < 0.5:
        extra["cubic_coeff_a"] = -0.5
    if mode == "cubic" and b.r.random() < 0.4:
        extra["exclude_outside"] = 1
    only = x.shape[2:]
    subset = b.r.random() < 0.3
    lead = [] if subset else [1] * 2
    if subset:
        extra["axes"] = list(range(2, x.rank))
    antialias = mode != "nearest" and b.r.random() < 0.2
    if antialias:
        extra["antialias"] = 1
    if b.r.random() < 0.5:
        scales = np.array([*lead, *[b.r.choice([2, 2, 0.5, 1, 1.5, 3, 0.75]) for _ in only]], np.float32)
        if any(int(d * s) < 1 for d, s in zip(only, scales[len(lead):])):
            raise Reject("empty")
        b.one("Resize", x, None, b.const(scales, el.F32), **extra)
        return
    sizes = [b.r.choice([d, 2 * d, 3 * d, max(d // 2, 1), b.r.randint(1, 12)]) for d in only]
    if subset and b.r.random() < 0.5:
        extra["keep_aspect_ratio_policy"] = b.r.choice(["not_larger", "not_smaller"])
    b.one("Resize", x, None, None, b.const(np.array([*([] if subset else x.shape[:2]), *sizes])), **extra)


@template(0.5)
def crop_resize(b: Builder) -> None:
    x = image(b, (el.F32,), 2, least=2)
    roi = np.array([0, 0, 0.13, 0.21, 1, 1, 0.83, 0.94], np.float32)
    b.one("Resize", x, b.const(roi, el.F32), None, b.const(np.array([*x.shape[:2], b.r.randint(1, 6), b.r.randint(1, 6)])),
          coordinate_transformation_mode="tf_crop_and_resize", mode=b.r.choice(["linear", "nearest"]), extrapolation_value=0.5)


# ---- products ----


@template(5)
def matmul(b: Builder) -> None:
    x = b.pick(el.allowed("MatMul", "T"), (1, 5))
    k = x.shape[-1]
    way = b.r.random()
    if way < 0.5:
        y = scaled(b, x.element, (k, b.r.choice([1, 2, 3, 8, 16, 17, 33])), k)
    elif way < 0.65:
        y = scaled(b, x.element, (k,), k, None)
    else:
        batch = [d if b.r.random() < 0.6 else 1 for d in x.shape[:-2]]
        batch = batch[b.r.randint(0, len(batch)):] if b.r.random() < 0.3 else batch
        if b.r.random() < 0.15 and x.rank < 4:
            batch = [2, *([1] * (x.rank - 2))]
        y = scaled(b, x.element, (*batch, k, b.r.choice([1, 2, 4, 5, 16])), k, None)
    z = b.one("MatMul", x, y)
    if z.rank and b.r.random() < 0.4:
        b.one("Add", *((z, v) if b.r.random() < 0.7 else (v, z)) if (v := b.leaf(x.element, z.shape[-1:], constant=True)) else ())


@template(2)
def gemm(b: Builder) -> None:
    x = b.pick(el.allowed("Gemm", "T"), (2, 2))
    ta, tb = b.r.random() < 0.3, b.r.random() < 0.5
    m, k = x.shape[::-1] if ta else x.shape
    n = b.r.choice([1, 2, 3, 8, 16, 17, 40])
    w = scaled(b, x.element, (n, k) if tb else (k, n), k)
    c = b.leaf(x.element, b.r.choice([(), (1,), (n,), (m, n), (m, 1), (1, n)])) if b.r.random() < 0.75 else None
    extra = {}
    if ta:
        extra["transA"] = 1
    if tb:
        extra["transB"] = 1
    if b.r.random() < 0.3:
        extra["alpha"] = b.r.choice([0.5, 2.0, -1.0] if el.is_float(x.element) else [2.0, 1.0])
    if c and b.r.random() < 0.3:
        extra["beta"] = b.r.choice([0.5, 0.0, 2.0] if el.is_float(x.element) else [2.0, 0.0])
    b.one("Gemm", x, w, c, **extra)


@template(0.8)
def einsum(b: Builder) -> None:
    element = b.element(el.allowed("Einsum", "T"))
    text = b.r.choice(["ij,jk->ik", "bij,bjk->bik", "bhqd,bhkd->bhqk", "bhqk,bhkd->bhqd", "ij->ji", "ii->i", "ij->", "ij->i", "i,j->ij", "...ij,...jk->...ik",
                       "bij,jk->bik", "ij,ij->ij", "abc,cd,de->abe", "bqhd,bkhd->bhqk", "ii", "ij,kj", "b...,b...->..."])
    sizes: dict[str, int] = {}
    operands = []
    for part in text.split("->")[0].split(","):
        letters = part.replace("...", "YZ" if "..." in part else "")
        shape = [sizes.setdefault(c, b.r.choice([1, 2, 3, 4, 5])) for c in letters]
        operands.append(b.pick([element], shape=shape, fresh=0.3))
    b.one("Einsum", *operands, equation=text)


_EXPONENTS = {el.F16: 14, el.BF16: 120, el.F32: 120, el.F64: 1000}


def multipliable(x) -> bool:
    """Whether no product of some of the elements leaves the type, in whatever order they are multiplied."""
    if x.element not in _EXPONENTS:
        return True
    values = np.abs(np.asarray(x.data).astype(np.float64))
    logs = np.log2(values[values > 0])
    return max(logs[logs > 0].sum(), -logs[logs < 0].sum()) < _EXPONENTS[x.element]


@template(3)
def reduction(b: Builder) -> None:
    op = b.r.choice(["ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceMean", "ReduceSum", "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp",
                     "ReduceProd", "ReduceSumSquare"])
    empty = op in ("ReduceSum", "ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceProd")
    x = b.pick(el.allowed(op, "T"), (0, 6), lambda v: empty or 0 not in v.shape)
    if op in ("ReduceLogSum", "ReduceL2", "ReduceLogSumExp") and not el.is_float(x.element):
        x = b.leaf(x.element, x.shape, 1, 9)
    if op == "ReduceLogSum" and el.is_float(x.element):
        x = b.leaf(x.element, x.shape, 0.2, 2)
    if op == "ReduceProd" and not el.is_float(x.element):
        x = b.leaf(x.element, x.shape, 1, 2)
    if op == "ReduceProd" and not multipliable(x):
        x = b.leaf(x.element, x.shape[-1:], 0.5, 1.5)
    extra = {"keepdims": b.r.randint(0, 1)}
    axes = None
    if x.rank and b.r.random() < 0.85:
        axes = b.const(np.array(some_axes(b, x.rank), np.int64))
    elif b.r.random() < 0.3:
        extra["noop_with_empty_axes"] = 1
    b.one(op, x, axes, **extra)


@template(1)
def arg(b: Builder) -> None:
    op = b.r.choice(["ArgMax", "ArgMin"])
    x = b.pick(el.allowed(op, "T"), (1, 5), lambda v: 0 not in v.shape)
    b.one(op, x, axis=axis_of(b, x.rank), keepdims=b.r.randint(0, 1), select_last_index=b.r.randint(0, 1))


@template(0.8)
def cumulative(b: Builder) -> None:
    op = b.r.choice(["CumSum", "CumSum", "CumProd"])
    x = b.pick(el.allowed(op, "T"), (1, 4))
    kind = b.element((el.I64, el.I32))
    if op == "CumProd" and not multipliable(x):
        raise Reject("overflows")
    b.one(op, x, b.const(np.array(axis_of(b, x.rank)), kind), exclusive=b.r.randint(0, 1), reverse=b.r.randint(0, 1))


@template(2)
def softmax(b: Builder) -> None:
    op = b.r.choice(["Softmax", "Softmax", "LogSoftmax", "Hardmax"])
    x = b.pick(el.allowed(op, "T"), (1, 5))
    b.one(op, x, **({} if b.r.random() < 0.2 else {"axis": axis_of(b, x.rank)}))


# ---- normalizations ----


@template(3)
def normalization(b: Builder) -> None:
    kind = b.r.choice(["BatchNormalization", "BatchNormalization", "LayerNormalization", "LayerNormalization", "InstanceNormalization", "GroupNormalization",
                       "RMSNormalization", "LRN", "LpNormalization", "MeanVarianceNormalization"])
    types = el.allowed(kind, "T")
    if kind in ("LayerNormalization", "RMSNormalization"):
        x = b.pick(types, (1, 5), lambda v: 0 not in v.shape)
        axis = axis_of(b, x.rank)
        shape = x.shape[axis:]
        gain = b.leaf(x.element, shape, 0.5, 1.5, constant=True)
        extra = {"axis": axis, "epsilon": b.r.choice([1e-5, 1e-3, 0.1])}
        if kind == "RMSNormalization":
            b.one(kind, x, gain, **extra)
            return
        bias = b.leaf(x.element, shape, constant=True) if b.r.random() < 0.7 else None
        b.node(kind, [x, gain, bias], b.r.choice([1, 1, 1, 3]), **extra)
        return
    if kind == "LpNormalization":
        x = b.pick(types, (1, 4), lambda v: 0 not in v.shape)
        b.one(kind, x, axis=axis_of(b, x.rank), p=b.r.choice([1, 2]))
        return
    x = image(b, types, b.r.choice([1, 2, 2, 3]) if kind != "MeanVarianceNormalization" else 2)
    c = x.shape[1]
    vector = lambda low, high: b.leaf(x.element, (c,), low, high, constant=True)
    if kind == "BatchNormalization":
        add_batch_norm(b, x)
    elif kind == "InstanceNormalization":
        b.one(kind, x, vector(0.5, 1.5), vector(-1, 1), epsilon=1e-2)
    elif kind == "GroupNormalization":
        b.one(kind, x, vector(0.5, 1.5), vector(-1, 1), epsilon=1e-2, num_groups=b.r.choice([g for g in range(1, c + 1) if c % g == 0]))
    elif kind == "LRN":
        b.one(kind, x, size=b.r.choice([1, 3, 5, 2]), alpha=0.3, beta=b.r.choice([0.75, 0.5]), bias=1.5)
    else:
        b.one(kind, x, **({"axes": [1, 2, 3]} if b.r.random() < 0.3 else {}))


def add_batch_norm(b: Builder, x: Value) -> Value:
    t1, t2 = x.element, x.element
    c = x.shape[1] if x.rank > 1 else 1
    make = lambda low, high, t: b.leaf(t, (c,), low, high, constant=True if b.r.random() < 0.95 else None)
    extra = {"epsilon": 1e-3} if b.r.random() < 0.5 else {}
    return b.one("BatchNormalization", x, make(0.5, 1.5, t1), make(-1, 1, t1), make(-1, 1, t2), make(0.5, 2, t2), **extra)


@template(0.3)
def batch_norm_training(b: Builder) -> None:
    x = image(b, el.allowed("BatchNormalization", "T"), 2)
    if np.size(x.data) // x.shape[1] < 4:
        raise Reject("too few for a variance")
    vectors = [b.leaf(x.element, (x.shape[1],), 0.5, 1.5) for _ in range(4)]
    b.node("BatchNormalization", [x, *vectors], 3, training_mode=1, epsilon=1e-2)


@template(0.8)
def recurrent(b: Builder) -> None:
    op = b.r.choice(["RNN", "GRU", "LSTM"])
    element = b.element(el.allowed(op, "T"))
    seq, batch, inputs, hidden = b.r.randint(1, 4), b.r.randint(1, 3), b.r.randint(1, 5), b.r.randint(1, 6)
    direction = b.r.choice(["forward", "reverse", "bidirectional"])
    dirs, gates = 2 if direction == "bidirectional" else 1, {"RNN": 1, "GRU": 3, "LSTM": 4}[op]
    batchwise = b.r.random() < 0.2
    lead = (batch, dirs) if batchwise else (dirs, batch)
    x = b.pick([element], shape=(batch, seq, inputs) if batchwise else (seq, batch, inputs))
    w, r = scaled(b, element, (dirs, gates * hidden, inputs), inputs), scaled(b, element, (dirs, gates * hidden, hidden), hidden)
    bias = b.leaf(element, (dirs, 2 * gates * hidden), constant=True) if b.r.random() < 0.7 else None
    lens = b.leaf(el.I32, (batch,), 1, seq, make=lambda s, g: g.integers(1, seq + 1, s).astype(np.int32)) if b.r.random() < 0.3 else None
    state = lambda: b.leaf(element, (*lead, hidden), -1, 1) if b.r.random() < 0.5 else None
    given = [x, w, r, bias, lens, state()]
    extra = {"hidden_size": hidden}
    if direction != "forward":
        extra["direction"] = direction
    if batchwise:
        extra["layout"] = 1
    if op == "GRU" and b.r.random() < 0.5:
        extra["linear_before_reset"] = 1
    if op == "LSTM":
        given.append(state())
        if b.r.random() < 0.3:
            given.append(b.leaf(element, (dirs, 3 * hidden), -0.5, 0.5, constant=True))
        if b.r.random() < 0.2:
            extra["input_forget"] = 1
    if b.r.random() < 0.2:
        extra["clip"] = 1.5
    if b.r.random() < 0.3:
        names = {"RNN": ["Relu"], "GRU": ["HardSigmoid", "Softsign"], "LSTM": ["Sigmoid", "Tanh", "Softsign"]}[op]
        extra["activations"] = names * dirs
        if op == "GRU" and b.r.random() < 0.5:
            extra["activation_alpha"] = [0.25] * dirs
            extra["activation_beta"] = [0.4] * dirs
    b.node(op, given, 3 if op == "LSTM" else 2, skip_out=b.r.choice([(), (), (0,), (1,)]), **extra)
