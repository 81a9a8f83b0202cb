# SPDX-License-Identifier: Apache-2.0
"""Operators that move, cut, join and select."""

import numpy as np
from onnx import TensorProto as P

from . import elements as el
from .builder import Builder, Reject, Value
from .templates import template


def axis_of(b: Builder, rank: int) -> int:
    axis = b.r.randrange(rank)
    return axis - rank if b.r.random() < 0.3 else axis


def some_axes(b: Builder, rank: int, least: int = 1) -> list[int]:
    axes = b.r.sample(range(rank), b.r.randint(min(least, rank), rank))
    return [a - rank if b.r.random() < 0.25 else a for a in axes]


@template(2)
def transpose(b: Builder) -> None:
    x = b.pick(el.allowed("Transpose", "T"), (0, 6))
    if b.r.random() < 0.2 or not x.rank:
        b.one("Transpose", x)
        return
    perm = list(range(x.rank))
    if x.rank == 4 and b.r.random() < 0.6:
        perm = b.r.choice([[0, 2, 3, 1], [0, 3, 1, 2], [0, 2, 1, 3], [0, 1, 3, 2]])
    else:
        b.r.shuffle(perm)
    b.one("Transpose", x, perm=perm)


def factors(b: Builder, n: int, parts: int) -> list[int]:
    shape = [1] * parts
    for p in (2, 2, 2, 2, 2, 2, 3, 3, 3, 5, 5, 7, 17, 13, 11):
        if n % p == 0 and n:
            n //= p
            shape[b.r.randrange(parts)] *= p
    shape[b.r.randrange(parts)] *= n
    return shape


@template(2.5)
def reshape(b: Builder) -> None:
    x = b.pick(el.allowed("Reshape", "T"), (0, 6))
    n = int(np.size(x.data))
    if b.dynamic and x.rank and b.r.random() < 0.6:  # keeps what may vary
        keep = b.r.randint(1, x.rank)
        rest = x.shape[keep:]
        target = [0] * keep + ([] if keep == x.rank else [int(np.prod(rest))])
        if 0 in rest:
            raise Reject("zero")
    else:
        target = factors(b, n, b.r.randint(1, 5))
        if n and b.r.random() < 0.4:
            target[b.r.randrange(len(target))] = -1
        elif n and x.rank and target[0] == x.shape[0] and b.r.random() < 0.5:
            target[0] = 0
    if 0 in x.shape and n == 0 and target.count(0):
        if b.r.random() < 0.5:
            b.one("Reshape", x, b.const(np.array([d for d in target], np.int64)), allowzero=1)
            return
        raise Reject("zero")
    b.one("Reshape", x, b.const(np.array(target, np.int64)))


@template(1)
def flatten(b: Builder) -> None:
    x = b.pick(el.allowed("Flatten", "T"), (0, 6))
    b.one("Flatten", x, axis=b.r.randint(-x.rank, x.rank))


@template(1.2)
def squeeze(b: Builder) -> None:
    if b.r.random() < 0.5:
        x = b.pick(el.allowed("Squeeze", "T"), (1, 6), lambda v: 1 in v.shape, fresh=0.1)
        ones = [i for i, d in enumerate(x.shape) if d == 1]
        if b.r.random() < 0.2:
            b.one("Squeeze", x)
            return
        axes = b.r.sample(ones, b.r.randint(1, len(ones)))
        b.one("Squeeze", x, b.const(np.array([a - x.rank if b.r.random() < 0.3 else a for a in axes])))
        return
    x = b.pick(el.allowed("Unsqueeze", "T"), (0, 4))
    count = b.r.randint(1, 2)
    axes = b.r.sample(range(x.rank + count), count)
    b.one("Unsqueeze", x, b.const(np.array([a - x.rank - count if b.r.random() < 0.3 else a for a in axes])))


@template(1.5)
def concat(b: Builder) -> None:
    x = b.pick(el.allowed("Concat", "T"), (1, 6))
    axis = axis_of(b, x.rank)
    parts = [x]
    for _ in range(b.r.randint(0, 3)):
        shape = list(x.shape)
        shape[axis] = b.r.choice([1, 2, 3, x.shape[axis], 0 if b.r.random() < 0.1 else 4])
        fits = [v for v in b.visible() if v.element == x.element and v.kind == "tensor" and v.rank == x.rank
                and all(p == q for i, (p, q) in enumerate(zip(v.shape, x.shape)) if i != axis % x.rank)]
        parts.append(b.r.choice(fits) if fits and b.r.random() < 0.6 else b.leaf(x.element, shape))
    b.r.shuffle(parts)
    b.one("Concat", *parts, axis=axis)


@template(1.5)
def split(b: Builder) -> None:
    x = b.pick(el.allowed("Split", "T"), (1, 6))
    axis = axis_of(b, x.rank)
    n = x.shape[axis]
    attributes = {"axis": axis} if axis or b.r.random() < 0.5 else {}
    if b.r.random() < 0.5:
        count = b.r.randint(1, min(4, max(n, 1)))
        per = -(-n // count)
        if n and per * (count - 1) >= n or not n:
            raise Reject("empty part")
        b.node("Split", [x], count, num_outputs=count, **attributes)
        return
    cuts = sorted(b.r.randint(0, n) for _ in range(b.r.randint(0, 3)))
    sizes = np.diff([0, *cuts, n])
    b.node("Split", [x, b.const(sizes)], len(sizes), **attributes)


@template(2.2)
def slice_(b: Builder) -> None:
    x = b.pick(el.allowed("Slice", "T"), (1, 6))
    axes = some_axes(b, x.rank)
    starts, ends, steps = [], [], []
    for a in axes:
        n = x.shape[a]
        step = b.r.choice([1, 1, 1, 2, 3, -1, -2])
        far = b.r.choice([2**31 - 1, 2**63 - 1, n, n + 3])
        low, high = b.r.randint(0, max(n - 1, 0)), b.r.randint(0, n)
        if step > 0:
            start, end = b.r.choice([(0, far), (low, far), (min(low, high), max(low, high)), (0, -1), (-2, far)])
        else:
            start, end = b.r.choice([(far, -far - 1), (-1, -(2**63)), (max(low, high), min(low, high)), (n - 1, -n - 1)])
        starts.append(start), ends.append(max(end, -(2**63))), steps.append(step)
    kind = b.element((el.I64, el.I32)) if all(abs(v) < 2**31 for v in starts + ends) else el.I64
    plain = axes == list(range(len(axes)))
    b.one("Slice", x, b.const(np.array(starts), kind), b.const(np.array(ends), kind),
          None if plain and all(s == 1 for s in steps) and b.r.random() < 0.5 else b.const(np.array(axes), kind),
          b.const(np.array(steps), kind) if any(s != 1 for s in steps) or b.r.random() < 0.3 else None)


@template(1.5)
def pad(b: Builder) -> None:
    x = b.pick(el.allowed("Pad", "T"), (1, 5))
    mode = b.r.choice(["constant", "constant", "reflect", "edge", "wrap"])
    axes = some_axes(b, x.rank)
    begin, end = [], []
    for a in axes:
        n = x.shape[a]
        most = {"constant": 3, "reflect": max(n - 1, 0), "edge": 3 if n else 0, "wrap": n}[mode]
        least = -1 if mode == "constant" and n > 2 else 0
        begin.append(b.r.randint(least, min(most, 3)))
        end.append(b.r.randint(least, min(most, 3)))
    value = None
    if mode == "constant" and b.r.random() < 0.5:
        value = b.leaf(x.element, (), 0 if x.element in (el.BF16,) else -2, 2)
    if sorted(a % x.rank for a in axes) == list(range(x.rank)) and axes == sorted(axes) and min(axes) >= 0 and b.r.random() < 0.5:
        b.one("Pad", x, b.const(np.array(begin + end)), value, mode=mode)
    else:
        kind = b.element((el.I64, el.I32))
        b.one("Pad", x, b.const(np.array(begin + end)), value, b.const(np.array(axes), kind), mode=mode)


@template(1.5)
def gather(b: Builder) -> None:
    op = b.r.choice(["Gather", "Gather", "GatherElements", "GatherND"])
    x = b.pick(el.allowed(op, "T"), (1, 5), lambda v: 0 not in v.shape)
    axis = axis_of(b, x.rank)
    n = x.shape[axis]
    kind = b.element((el.I64, el.I32))
    if op == "Gather":
        b.one(op, x, indices(b, kind, b.shape((0, 2)), n), axis=axis)
    elif op == "GatherElements":
        shape = [b.r.randint(1, d) for d in x.shape]
        shape[axis] = b.r.choice([1, 2, 3, n])
        b.one(op, x, indices(b, kind, shape, n), axis=axis)
    else:
        batch = b.r.randint(0, x.rank - 1)
        depth = b.r.randint(1, x.rank - batch)
        lead = (*x.shape[:batch], *b.shape((0, 1), 0)) if batch else b.shape((0, 2))
        bounds = np.array(x.shape[batch : batch + depth])
        make = lambda s, g: g.integers(-bounds, bounds, (*s[:-1], depth)).astype(np.int64)
        b.one(op, x, b.leaf(el.I64, (*lead, depth), constant=True if b.dynamic else None, make=make), batch_dims=batch)


def indices(b: Builder, kind: int, shape, n: int) -> Value:
    low = -n if b.r.random() < 0.5 else 0
    return b.leaf(kind, shape, constant=True if b.dynamic else None, make=lambda s, g: el.as_array(g.integers(low, max(n, 1), s), kind))


@template(1.2)
def scatter(b: Builder) -> None:
    op = b.r.choice(["ScatterElements", "ScatterND"])
    x = b.pick(el.allowed(op, "T"), (1, 4), lambda v: 0 not in v.shape)
    numeric = x.element in (*el.FLOATS, *el.INTS)
    reduction = b.r.choice(["none", "add", "mul", "max", "min"]) if numeric else "none"
    if op == "ScatterElements":
        axis = axis_of(b, x.rank)
        n = x.shape[axis]
        shape = [b.r.randint(1, d) for d in x.shape]
        if reduction != "none":
            index = indices(b, b.element((el.I64, el.I32)), shape, n)
        else:
            order = np.argsort(b.g.random(shape if shape[axis] == n else [n if i == axis % x.rank else d for i, d in enumerate(shape)]), axis=axis)
            index = b.const(np.take(order, range(shape[axis]), axis=axis))
        b.one(op, x, index, b.leaf(x.element, shape), axis=axis, reduction=reduction)
        return
    depth = b.r.randint(1, x.rank)
    total = int(np.prod(x.shape[:depth]))
    count = b.r.randint(1, min(total, 6))
    chosen = b.g.choice(total, count, replace=reduction != "none")
    index = np.stack(np.unravel_index(chosen, x.shape[:depth]), -1)
    b.one(op, x, b.const(index), b.leaf(x.element, (count, *x.shape[depth:])), reduction=reduction)


@template(0.8)
def expand(b: Builder) -> None:
    x = b.pick(el.allowed("Expand", "T"), (0, 4))
    target = [b.r.choice([1, 2, 3]) if d == 1 else b.r.choice([1, d]) for d in x.shape]
    if b.r.random() < 0.4:
        target = [b.r.choice([1, 2]), *target]
    elif target and b.r.random() < 0.2:
        target = target[1:]
    b.one("Expand", x, b.const(np.array(target, np.int64)))


@template(0.7)
def tile(b: Builder) -> None:
    x = b.pick(el.allowed("Tile", "T"), (0, 4))
    b.one("Tile", x, b.const(np.array([b.r.choice([1, 1, 2, 3, 0 if b.r.random() < 0.1 else 1]) for _ in range(x.rank)], np.int64)))


@template(0.6)
def depth_space(b: Builder) -> None:
    block = b.r.choice([1, 2, 3])
    if b.r.random() < 0.5:
        x = b.leaf(b.element(el.allowed("DepthToSpace", "T")), (b.r.randint(1, 2), block * block * b.r.randint(1, 3), b.r.randint(1, 4), b.r.randint(1, 4)))
        b.one("DepthToSpace", x, blocksize=block, mode=b.r.choice(["DCR", "CRD"]))
    else:
        x = b.leaf(b.element(el.allowed("SpaceToDepth", "T")), (b.r.randint(1, 2), b.r.randint(1, 3), block * b.r.randint(1, 3), block * b.r.randint(1, 3)))
        b.one("SpaceToDepth", x, blocksize=block)


@template(0.8)
def shape_of(b: Builder) -> None:
    kind = b.r.random()
    x = b.pick(el.ALL if kind > 0.3 else el.FLOATS, (0, 6))
    if kind < 0.3:
        b.one("Size", x)
        return
    extra = {}
    if b.r.random() < 0.4:
        extra = {"start": b.r.randint(-x.rank, x.rank)}
        if b.r.random() < 0.6:
            extra["end"] = b.r.randint(-x.rank, x.rank)
    s = b.one("Shape", x, **extra)
    if x.rank and not extra and b.r.random() < 0.7:  # what exporters write: a reshape by its own shape
        first = b.one("Gather", s, b.const(np.array(0)))
        parts = b.one("Concat", b.one("Unsqueeze", first, b.const(np.array([0]))), b.const(np.array([-1])), axis=0)
        if 0 not in x.shape:
            b.one("Reshape", x, parts)


@template(2)
def same_shape_twice(b: Builder) -> None:
    """Two values of one shape, each reshaped by what it says of itself."""
    x = b.pick(el.FLOATS, (2, 4), lambda v: 0 not in v.shape)
    for value in (x, b.one("Relu", x)):
        first = b.one("Gather", b.one("Shape", value), b.const(np.array([0])), axis=0)
        b.one("Reshape", value, b.one("Concat", first, b.const(np.array([-1])), axis=0))


@template(1)
def same_sizes_twice(b: Builder) -> None:
    """What two values of one shape say of themselves, put to uses that need numbers."""
    x = b.pick(el.FLOATS, (1, 3), lambda v: 0 not in v.shape)
    for value in (x, b.one("Neg", x)):
        size = b.one("Shape", value)
        way = b.r.randint(0, 2)
        if way == 0:
            b.one("Add", value, b.one("Expand", b.const(0.5, x.element), size))
        elif way == 1:
            b.one("Expand", value, b.one("Concat", b.const(np.array([2])), size, axis=0))
        else:
            rows = b.one("Gather", size, b.const(np.array(0)), axis=0)
            b.one("Range", b.const(np.array(0)), b.one("Mul", rows, b.const(np.array(2))), b.const(np.array(1)))


@template(0.6)
def constant_of_shape(b: Builder) -> None:
    import onnx

    shape = b.shape((0, 4))
    element = b.element(el.allowed("ConstantOfShape", "T2"))
    given = {}
    if element != el.F32 or b.r.random() < 0.5:
        given["value"] = onnx.numpy_helper.from_array(el.as_array(np.array([1 if element in (P.FLOAT8E8M0,) else b.r.choice([0, 1])]), element))
    b.one("ConstantOfShape", b.const(np.array(shape, np.int64)), **given)


@template(0.5)
def range_(b: Builder) -> None:
    element = b.element(el.allowed("Range", "T"))
    start, delta, n = b.r.randint(-3, 3), b.r.choice([1, 2, -1, 3]), b.r.randint(0, 8)
    b.one("Range", *[b.leaf(element, (), make=lambda s, g, v=v: el.as_array(v, element), constant=True if b.dynamic else None) for v in (start, start + delta * n, delta)])


@template(0.6)
def one_hot(b: Builder) -> None:
    depth = b.r.randint(1, 6)
    t1, t2, t3 = (b.element(el.allowed("OneHot", t)) for t in ("T1", "T2", "T3"))
    index = b.leaf(t1, b.shape((0, 3)), make=lambda s, g: el.as_array(g.integers(-depth if t1 not in el.UNSIGNED else 0, depth + 1, s), t1))
    d = b.const(np.array(depth) if b.r.random() < 0.5 else np.array([depth]), t2)
    b.one("OneHot", index, d, b.leaf(t3, (2,)), axis=b.r.randint(-index.rank - 1, index.rank))


@template(0.6)
def select(b: Builder) -> None:
    op = b.r.choice(["Compress", "NonZero", "Unique", "TopK", "TopK"])
    x = b.pick(el.allowed(op, "T"), (1, 4), lambda v: 0 not in v.shape)
    if op == "NonZero":
        b.one(op, x)
    elif op == "Compress":
        axis = axis_of(b, x.rank) if b.r.random() < 0.7 else None
        n = x.shape[axis] if axis is not None else int(np.size(x.data))
        c = b.leaf(el.BOOL, (b.r.randint(1, n),))
        b.one(op, x, c, **({} if axis is None else {"axis": axis}))
    elif op == "Unique":
        if x.element == el.STRING:
            raise Reject("order of texts")
        skip = b.r.choice([(), (1,), (1, 2, 3), (2,)])
        extra = {"axis": axis_of(b, x.rank)} if b.r.random() < 0.5 else {}
        b.node(op, [x], 4, skip_out=skip, sorted=b.r.randint(0, 1), **extra)
    else:
        axis = axis_of(b, x.rank)
        k = b.const(np.array([b.r.randint(0 if b.r.random() < 0.1 else 1, x.shape[axis])]))
        b.node(op, [x, k], 2, axis=axis, largest=b.r.randint(0, 1), sorted=1)


@template(0.8)
def trilu(b: Builder) -> None:
    x = b.pick(el.allowed("Trilu", "T"), (2, 4))
    b.one("Trilu", x, b.const(np.array(b.r.randint(-3, 3))) if b.r.random() < 0.5 else None, upper=b.r.randint(0, 1))


@template(0.3)
def eye_like(b: Builder) -> None:
    x = b.pick(el.allowed("EyeLike", "T1"), (2, 2))
    b.one("EyeLike", x, k=b.r.randint(-2, 2), dtype=b.element(el.allowed("EyeLike", "T2")))


@template(0.4)
def reverse_sequence(b: Builder) -> None:
    x = b.pick(el.allowed("ReverseSequence", "T"), (2, 4), lambda v: 0 not in v.shape)
    time, batch = b.r.choice([(0, 1), (1, 0)])
    n = x.shape[time]
    b.one("ReverseSequence", x, b.leaf(el.I64, (x.shape[batch],), 1, n, constant=True if b.dynamic else None, make=lambda s, g: g.integers(1, n + 1, s)), time_axis=time, batch_axis=batch)


@template(0.4)
def crop_pad(b: Builder) -> None:
    x = b.pick(el.allowed("CenterCropPad", "T"), (1, 4), lambda v: 0 not in v.shape)
    axes = sorted(b.r.sample(range(x.rank), b.r.randint(1, x.rank)))
    extra = {} if len(axes) == x.rank and b.r.random() < 0.5 else {"axes": axes}
    b.one("CenterCropPad", x, b.const(np.array([b.r.randint(1, 6) for _ in axes])), **extra)


@template(0.4)
def tensor_scatter(b: Builder) -> None:
    element = b.element(el.allowed("TensorScatter", "T"))
    n, length = b.r.randint(1, 3), b.r.randint(2, 6)
    new = b.r.randint(1, length)
    circular = b.r.random() < 0.5
    past = b.leaf(element, (n, 2, length, 3))
    write = b.leaf(el.I64, (n,), constant=True, make=lambda s, g: g.integers(0, (length if circular else length - new + 1), s))
    b.one("TensorScatter", past, b.leaf(element, (n, 2, new, 3)), write if b.r.random() < 0.8 else None, mode="circular" if circular else "linear")
