# SPDX-License-Identifier: Apache-2.0
"""Attention and its relatives: the operators, and what exporters spell."""

import numpy as np

from . import elements as el
from .builder import Builder, Value
from .control import body, captured, inner, placeholder, step, used
from .network import scaled
from .patterns import flip, linear
from .templates import template

PREVIEW = "ai.onnx.preview"


def heads(b: Builder, x: Value, count: int) -> Value:
    n, s, width = x.shape
    y = b.one("Reshape", x, b.const(np.array(b.r.choice([[0, 0, count, width // count], [n, s, count, width // count], [0, -1, count, width // count]]))))
    return b.one("Transpose", y, perm=[0, 2, 1, 3])


@template(2.5)
def spelled_attention(b: Builder) -> None:
    count, size = b.r.choice([1, 2, 4]), b.r.choice([2, 4, 8])
    width = count * size
    element = b.element((el.F32, el.F32, el.F32, el.F64, el.F16))
    x = b.pick([element], (3, 3), lambda v: v.shape[2] == width and 0 not in v.shape, shape=None, fresh=0.2) if any(
        v.element == element and v.rank == 3 and v.shape[2] == width for v in b.visible()) else b.leaf(element, (b.r.choice([1, 2]), b.r.choice([1, 3, 5, 8]), width), constant=False)
    n, s = x.shape[0], x.shape[1]
    cross = b.r.random() < 0.2
    memory = b.leaf(element, (n, b.r.choice([2, 6]), width), constant=False) if cross else x
    if not cross and b.r.random() < 0.25:  # one product for all three
        q, k, v = b.node("Split", [linear(b, x, 3 * width)], 3, axis=-1, num_outputs=3)
    else:
        q, k, v = linear(b, x, width), linear(b, memory, width), linear(b, memory, width)
    q, k, v = (heads(b, t, count) for t in (q, k, v))
    factor = size**-0.5
    way = b.r.choice(["after", "after", "div", "both", "query", "none"])
    if way == "both":
        q, k = b.one("Mul", q, b.const(factor**0.5, element)), b.one("Mul", k, b.const(factor**0.5, element))
    if way == "query":
        q = b.one("Mul", q, b.const(factor, element))
    scores = b.one("MatMul", q, b.one("Transpose", k, perm=[0, 1, 3, 2]))
    if way == "after":
        scores = b.one("Mul", scores, b.const(factor, element))
    if way == "div":
        scores = b.one("Div", scores, b.const(1 / factor, element))
    keys = memory.shape[1]
    mask = b.r.choice(["none", "none", "add", "where", "causal"])
    if mask == "add":
        shape = b.r.choice([(s, keys), (1, 1, s, keys), (n, 1, 1, keys), (n, count, s, keys), (1, 1, 1, keys)])
        scores = b.one("Add", *flip(b, scores, b.leaf(element, shape, -3, 0, constant=False if b.r.random() < 0.7 else True)))
    elif mask == "where":
        condition = b.leaf(el.BOOL, b.r.choice([(s, keys), (n, 1, 1, keys)]))
        scores = b.one("Where", condition, scores, b.const(b.r.choice([-1000.0, -30000.0]), element))
    elif mask == "causal":
        scores = b.one("Add", scores, b.const(np.triu(np.full((s, keys), -1000.0), 1), element))
    y = b.one("Transpose", b.one("MatMul", b.one("Softmax", scores, axis=-1), v), perm=[0, 2, 1, 3])
    y = b.one("Reshape", y, b.const(np.array(b.r.choice([[0, 0, width], [n, s, width], [0, -1, width]]))))
    if b.r.random() < 0.5:
        y = linear(b, y, width)
        b.one("Add", *flip(b, y, x))


@template(1.5)
def attention(b: Builder) -> None:
    types = [t for t in el.allowed("Attention", "T1") if t in el.FLOATS]
    element = b.element(types)
    n, queries, size, groups = b.r.choice([1, 2]), b.r.choice([1, 2, 5]), b.r.choice([2, 4, 8]), b.r.choice([1, 1, 2])
    kv_heads = b.r.choice([1, 2])
    q_heads, keys, v_size = kv_heads * groups, b.r.choice([1, 3, 6]), b.r.choice([size, size, 3])
    flat = b.r.random() < 0.4
    extra: dict = {}
    if flat:
        shapes = [(n, queries, q_heads * size), (n, keys, kv_heads * size), (n, keys, kv_heads * v_size)]
        extra = {"q_num_heads": q_heads, "kv_num_heads": kv_heads}
    else:
        shapes = [(n, q_heads, queries, size), (n, kv_heads, keys, size), (n, kv_heads, keys, v_size)]
    q, k, v = (b.leaf(element, s, -1.5, 1.5, constant=False) for s in shapes)
    past = b.r.random() < 0.3
    total = keys + (2 if past else 0)
    pasts = [b.leaf(element, (n, kv_heads, 2, d), constant=False) for d in (size, v_size)] if past else [None, None]
    mask = None
    if b.r.random() < 0.5:
        shape = b.r.choice([(queries, total), (1, 1, queries, total), (n, 1, queries, total), (n, q_heads, queries, total)])
        if b.r.random() < 0.4:
            mask = b.leaf(el.BOOL, shape, make=lambda s, g: (g.random(s) < 0.7) | (np.arange(s[-1]) == 0))
        else:
            mask = b.leaf(element, shape, -2, 2)
    if b.r.random() < 0.35 and (mask is None or mask.element != el.BOOL):
        extra["is_causal"] = 1
    if b.r.random() < 0.4:
        extra["scale"] = 0.3
    if b.r.random() < 0.25:
        extra["softcap"] = 2.0
    outputs = 3 if past else 1
    b.node("Attention", [q, k, v, mask, *pasts], outputs, **extra)


@template(0.7)
def flex_attention(b: Builder) -> None:
    element = b.element(el.allowed("FlexAttention", "T1", PREVIEW))
    n, queries, keys, size, v_size = b.r.choice([1, 2]), b.r.choice([1, 2, 5]), b.r.choice([1, 3, 6]), b.r.choice([2, 4, 8]), b.r.choice([3, 4])
    kv_heads = b.r.choice([1, 2])
    q_heads = kv_heads * b.r.choice([1, 1, 2])
    shapes = [(n, q_heads, queries, size), (n, kv_heads, keys, size), (n, kv_heads, keys, v_size)]
    q, k, v = (b.leaf(element, s, -1.5, 1.5, constant=False) for s in shapes)
    inside = el.F64 if element == el.F64 else el.F32
    extra: dict = {"scale": 0.3} if b.r.random() < 0.4 else {}
    children = []
    for name in ("score_mod", "prob_mod"):
        if b.r.random() < 0.5:
            child = inner(b)
            given = placeholder(child, b.leaf(inside, (), constant=True), b.g.uniform(-1, 1, (n, q_heads, queries, keys)).astype(el.dtype(inside)))
            extra[name] = body(child, [given], [used(child, step(child, given))])
            children.append(child)
    b.node("FlexAttention", [q, k, v], 1, PREVIEW, captured=captured(*children), **extra)


@template(0.7)
def rotary(b: Builder) -> None:
    element = b.element(el.allowed("RotaryEmbedding", "T"))
    n, s, count, size = b.r.choice([1, 2]), b.r.choice([1, 3, 5]), b.r.choice([1, 2]), b.r.choice([2, 4, 8])
    extra: dict = {"interleaved": b.r.randint(0, 1)}
    rotated = size
    if size > 2 and b.r.random() < 0.3:
        rotated = extra["rotary_embedding_dim"] = size // 2
    if b.r.random() < 0.5:
        x = b.pick([element], shape=(n, count, s, size))
    else:
        x = b.pick([element], shape=(n, s, count * size))
        extra["num_heads"] = count
    if b.r.random() < 0.5:
        ids = b.leaf(el.I64, (n, s), constant=True if b.dynamic else None, make=lambda shape, g: g.integers(0, 8, shape))
        tables = [b.leaf(element, (8, rotated // 2), -1, 1) for _ in range(2)]
    else:
        ids, tables = None, [b.leaf(element, (n, s, rotated // 2), -1, 1) for _ in range(2)]
    b.one("RotaryEmbedding", x, *tables, ids, **extra)


@template(0.7)
def linear_attention(b: Builder) -> None:
    element = b.element((el.F32, el.F32, el.F16, el.BF16))
    n, length, count, size = b.r.choice([1, 2]), b.r.choice([1, 3]), b.r.choice([1, 2]), b.r.choice([2, 4])
    rule = b.r.choice(["linear", "gated", "delta", "gated_delta"])
    q, k, v = (b.leaf(element, (n, length, count * size), -0.7, 0.7, constant=False) for _ in range(3))
    decay = b.leaf(element, (n, length, b.r.choice([count, count * size])), -1, -0.1) if "gated" in rule else None
    beta = b.leaf(element, (n, length, b.r.choice([1, count])), 0, 1) if "delta" in rule else None
    past = b.leaf(element, (n, count, size, size), -0.5, 0.5) if b.r.random() < 0.4 else None
    b.node("LinearAttention", [q, k, v, past, decay, beta], 2, update_rule=rule, q_num_heads=count, kv_num_heads=count)


@template(0.6)
def causal_conv(b: Builder) -> None:
    element = b.element(el.allowed("CausalConvWithState", "T"))
    n, c, s, k = b.r.choice([1, 2]), b.r.choice([1, 4]), b.r.choice([1, 3, 6]), b.r.choice([2, 3, 4])
    x = b.leaf(element, (n, c, s))
    state = b.leaf(element, (n, c, k - 1)) if b.r.random() < 0.5 else None
    extra = {"activation": b.r.choice(["none", "silu", "swish"])} if b.r.random() < 0.6 else {}
    b.node("CausalConvWithState", [x, scaled(b, element, (c, 1, k), k), b.leaf(element, (c,)) if b.r.random() < 0.5 else None, state], 2, **extra)


@template(0.5)
def swiglu(b: Builder) -> None:
    x = b.pick(el.allowed("SwiGLU", "T"), (1, 4))
    names = el.schema("SwiGLU").attributes
    extra = {"alpha": b.r.choice([1.0, 1.7])} if "alpha" in names and b.r.random() < 0.4 else {}
    if len(el.schema("SwiGLU").inputs) == 1:
        if x.shape[-1] % 2:
            x = b.one("Concat", x, x, axis=-1)
        b.one("SwiGLU", x, **extra)
    else:
        b.one("SwiGLU", x, b.pick([x.element], shape=x.shape), **extra)
