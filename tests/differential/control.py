# SPDX-License-Identifier: Apache-2.0
"""If, Loop, Scan, SequenceMap, with bodies that capture outer values; sequences and optionals."""

import numpy as np
from onnx import helper

from . import elements as el
from .builder import Builder, Reject, Value, to_tensor
from .elementwise import add_unary
from .templates import template

# What bodies are made of: shapes stay as they are, values stay in bounds.
BOUNDED = ("Tanh", "Sigmoid", "Softsign", "Relu", "Neg", "Abs")


def step(b: Builder, x: Value) -> Value:
    """A node or two that keep the shape and type."""
    if not el.is_float(x.element):
        return b.one("Add", x, b.leaf(x.element, (), 0, 3, constant=True)) if x.element in el.INTS else b.one("Identity", x)
    way = b.r.random()
    if way < 0.4:
        x = b.one("Mul", x, b.leaf(x.element, x.shape[-1:], -0.9, 0.9, constant=True))
    elif way < 0.6:
        outer = [v for v in b.outer.visible() if v.element == x.element and v.kind == "tensor" and v.shape == x.shape] if b.outer else []
        if outer:
            x = b.one("Add", x, b.r.choice(outer))
    elif way < 0.75 and x.rank >= 2:
        x = b.one("MatMul", x, b.leaf(x.element, (x.shape[-1], x.shape[-1]), -0.5, 0.5, constant=True))
    return add_unary(b, b.r.choice(BOUNDED), x)


def inner(b: Builder) -> Builder:
    child = Builder(b.r.random(), b.dynamic, outer=b)
    child.focus_type = b.focus_type
    return child


def placeholder(child: Builder, like: Value, data=None) -> Value:
    """An input of a body, with a value that it may have."""
    data = like.data if data is None else data
    shadows = like.shadows if data is like.data else [data] * len(like.shadows)
    value = Value(child.fresh("b"), like.element, data, list(shadows), like.kind)
    child.values.append(value)
    return value


def body(child: Builder, inputs: list[Value], outputs: list[Value], typed: bool = True):
    infos = [helper.make_value_info(v.name, v.type_proto([None] * v.rank if v.kind == "tensor" else None)) for v in inputs]
    results = [helper.make_value_info(v.name, v.type_proto([None] * v.rank if v.kind == "tensor" else None)) for v in outputs]
    return helper.make_graph(child.nodes, child.fresh("body"), infos, results, [to_tensor(v.data, v.element, v.name) for v in child.initializers])


def captured(*children: Builder) -> list[Value]:
    found = {}
    for child in children:
        own = {o for n in child.nodes for o in n.output} | {v.name for v in child.initializers}
        for name, value in child.captured.items():
            if name not in own:
                found[name] = value
    return list(found.values())


def used(child: Builder, value: Value) -> Value:
    """A body's output is a value that a node of the body made."""
    return value if any(value.name in n.output for n in child.nodes) else child.one("Identity", value)


@template(1.2)
def if_(b: Builder) -> None:
    x = b.pick((*el.FLOATS, el.I64, el.I32), (0, 4))
    condition = b.leaf(el.BOOL, (), constant=b.r.random() < 0.2)
    branches = []
    for _ in range(2):
        child = inner(b)
        y = x
        for _ in range(b.r.randint(1, 3)):
            y = step(child, y)
        branches.append((child, used(child, y)))
    graphs = [body(c, [], [y]) for c, y in branches]
    b.node("If", [condition], 1, captured=captured(*[c for c, _ in branches]), then_branch=graphs[0], else_branch=graphs[1])


@template(1.2)
def loop(b: Builder) -> None:
    x = b.pick((*el.FLOATS, el.I64), (0, 3))
    stacks = b.r.random() < 0.6
    # Without a turn, what is known of the stacked dims depends on what else the graph says.
    least = 1 if stacks else 0
    count = b.leaf(el.I64, (), 0, 4, constant=b.r.random() < 0.4, make=lambda s, g: np.asarray(g.integers(least, 5, s)))
    child = inner(b)
    i = placeholder(child, count, np.array(0, np.int64))
    go = placeholder(child, b.leaf(el.BOOL, (), constant=True), np.array(True))
    carried = placeholder(child, x)
    y = carried
    for _ in range(b.r.randint(1, 3)):
        y = step(child, y)
    if b.r.random() < 0.3 and el.is_float(y.element):
        y = child.one("Add", y, child.one("Cast", i, to=y.element))
        y = child.one("Tanh", y)
    y = used(child, y)
    scans = [child.one(b.r.choice(["Neg", "Identity", "Abs"]), y)] if stacks else []
    if b.r.random() < 0.3:
        keep = child.one("Less", i, child.const(np.array(b.r.randint(0, 3))))
    else:
        keep = child.one("Identity", go)
    graph = body(child, [i, go, carried], [keep, y, *scans])
    b.node("Loop", [count, b.leaf(el.BOOL, (), constant=b.r.random() < 0.5, make=lambda s, g: np.array(True)) if b.r.random() < 0.4 else None, x], 1 + len(scans), captured=captured(child), body=graph)


@template(1)
def scan(b: Builder) -> None:
    element = b.element(el.FLOATS)
    xs = b.pick([element], (2, 4), lambda v: v.shape[0] > 0)
    axis = b.r.randrange(xs.rank) if xs.rank < 4 else 0
    if xs.shape[axis] == 0:
        raise Reject("nothing to scan")
    shape = tuple(d for i, d in enumerate(xs.shape) if i != axis)
    state = b.pick([element], shape=shape, fresh=0.5)
    child = inner(b)
    carried = placeholder(child, state)
    part = placeholder(child, xs, np.take(xs.data, 0, axis))
    y = child.one("Tanh", child.one("Add", carried, part))
    z = used(child, step(child, y))
    graph = body(child, [carried, part], [y, z])
    extra = {}
    if axis:
        extra["scan_input_axes"] = [axis]
    if b.r.random() < 0.3:
        extra["scan_input_directions"] = [1]
    if b.r.random() < 0.3:
        extra["scan_output_directions"] = [1]
    if b.r.random() < 0.3:
        extra["scan_output_axes"] = [b.r.randint(0, len(shape))]
    b.node("Scan", [state, xs], 2, captured=captured(child), body=graph, num_scan_inputs=1, **extra)


@template(0.8)
def sequences(b: Builder) -> None:
    x = b.pick((*el.FLOATS, el.I64, el.I32, el.STRING, el.BOOL), (1, 3))
    items = [x, *[b.leaf(x.element, x.shape) for _ in range(b.r.randint(0, 2))]]
    s = b.one("SequenceConstruct", *items)
    n = len(items)
    if b.r.random() < 0.4:
        where = b.const(np.array(b.r.randint(-n, n))) if b.r.random() < 0.7 else None
        s, n = b.one("SequenceInsert", s, b.leaf(x.element, x.shape), where), n + 1
    if b.r.random() < 0.3 and n > 1:
        s, n = b.one("SequenceErase", s, b.const(np.array(b.r.randint(-n, n - 1))) if b.r.random() < 0.7 else None), n - 1
    way = b.r.choice(["at", "concat", "length", "map", "none", "stack"])
    if way == "at":
        b.one("SequenceAt", s, b.const(np.array(b.r.randint(-n, n - 1))))
    elif way == "concat":
        b.one("ConcatFromSequence", s, axis=b.r.randint(-x.rank, x.rank - 1))
    elif way == "stack":
        b.one("ConcatFromSequence", s, axis=b.r.randint(-x.rank - 1, x.rank), new_axis=1)
    elif way == "length":
        b.one("SequenceLength", s)
    elif way == "map" and el.is_float(x.element):
        child = inner(b)
        item = placeholder(child, x)
        y = used(child, step(child, item))
        b.node("SequenceMap", [s], 1, captured=captured(child), body=body(child, [item], [y]))


@template(0.4)
def split_to_sequence(b: Builder) -> None:
    x = b.pick(el.allowed("SplitToSequence", "T"), (1, 3), lambda v: 0 not in v.shape)
    axis = b.r.randint(-x.rank, x.rank - 1)
    n = x.shape[axis]
    way = b.r.random()
    if way < 0.4:
        s = b.one("SplitToSequence", x, axis=axis, keepdims=b.r.randint(0, 1))
    elif way < 0.7:
        s = b.one("SplitToSequence", x, b.const(np.array(b.r.randint(1, n))), axis=axis)
    else:
        cut = b.r.randint(0, n)
        s = b.one("SplitToSequence", x, b.const(np.array([cut, n - cut])), axis=axis)
    b.one("SequenceLength", s)
    b.one("SequenceAt", s, b.const(np.array(0)))


@template(0.2)
def empty_sequence(b: Builder) -> None:
    x = b.pick((*el.FLOATS, el.I64, el.STRING), (0, 3))
    s = b.one("SequenceEmpty", dtype=x.element)
    s = b.one("SequenceInsert", s, x)
    b.one("SequenceAt", s, b.const(np.array(0)))


@template(0.3)
def optionals(b: Builder) -> None:
    x = b.pick((*el.FLOATS, el.I64, el.STRING), (0, 3))
    if b.r.random() < 0.3:
        x = b.one("SequenceConstruct", x)
    o = b.one("Optional", x)
    b.one("OptionalHasElement", o)
    b.one("OptionalGetElement", o)


@template(0.4)
def given_sequence(b: Builder) -> None:
    """A sequence as an input of the graph: its elements differ in size."""
    s = b.sequence_leaf(b.element((*el.FLOATS, el.I64, el.STRING)), b.r.choice([1, 3, 4]))
    at = lambda: b.one("SequenceAt", s, b.const(np.array(b.r.randint(-len(s.data), len(s.data) - 1))))
    way = b.r.choice(["add", "add", "concat", "map", "shapes"])
    if way == "concat":
        b.one("ConcatFromSequence", s, axis=b.r.choice([0, -2]))
    elif s.element == el.STRING or way == "shapes":
        b.one("Size", at())
        b.one("Expand", b.const(0.5, el.F32), b.one("Shape", at()))
    elif way == "map" and el.is_float(s.element):
        child = inner(b)
        item = placeholder(child, s, s.data[0])
        item.kind = "tensor"
        y = b.node("SequenceMap", [s], 1, body=body(child, [item], [used(child, child.one("Tanh", item))]))[0]
        b.one("ConcatFromSequence", y, axis=0)
    else:
        x, y = at(), at()
        if x.shape[0] != y.shape[0] and 1 not in (x.shape[0], y.shape[0]):
            raise Reject("no broadcast")
        b.one("Neg", b.one("Add", x, y))


@template(0.3)
def given_optional(b: Builder) -> None:
    o = b.leaf(b.element((*el.FLOATS, el.I64)), b.shape((1, 3)), constant=False)
    o.kind = "optional"
    x = b.one("OptionalGetElement", o)
    b.one("Abs", x)
    b.one("Add", x, b.leaf(o.element, o.shape))
    if b.r.random() < 0.5:
        b.one("OptionalHasElement", o)
