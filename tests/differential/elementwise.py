# SPDX-License-Identifier: Apache-2.0
"""Elementwise operators, comparisons, casts."""

import numpy as np
from onnx import TensorProto as P

from . import elements as el
from .builder import Builder, Reject, Value
from .templates import template

# Where each function of one float is defined and smooth enough: (low, high).
UNARY = {
    "Abs": (-1e9, 1e9), "Acos": (-0.9, 0.9), "Acosh": (1.2, 1e3), "Asin": (-0.9, 0.9), "Asinh": (-1e3, 1e3), "Atan": (-1e3, 1e3),
    "Atanh": (-0.9, 0.9), "Ceil": (-1e5, 1e5), "Celu": (-50, 1e3), "Cos": (-50, 50), "Cosh": (-6, 6), "Elu": (-50, 1e3), "Erf": (-10, 10),
    "Exp": (-20, 6), "Floor": (-1e5, 1e5), "Gelu": (-50, 1e3), "HardSigmoid": (-1e3, 1e3), "HardSwish": (-1e3, 1e3), "Identity": (-1e9, 1e9),
    "LeakyRelu": (-1e3, 1e3), "Log": (0.05, 1e6), "Mish": (-30, 1e3), "Neg": (-1e9, 1e9), "Reciprocal": (0.1, 1e3), "Relu": (-1e9, 1e9),
    "Round": (-1e5, 1e5), "Selu": (-50, 1e3), "Shrink": (-1e3, 1e3), "Sigmoid": (-50, 50), "Sign": (-1e9, 1e9), "Sin": (-50, 50), "Sinh": (-6, 6),
    "Softplus": (-50, 50), "Softsign": (-1e3, 1e3), "Sqrt": (0.01, 1e6), "Swish": (-50, 50), "Tan": (-1.2, 1.2), "Tanh": (-50, 50),
    "ThresholdedRelu": (-1e3, 1e3),
}
COMMON = ("Relu", "Sigmoid", "Tanh", "Abs", "Neg", "Exp", "Sqrt", "Erf", "Gelu", "HardSwish", "LeakyRelu", "HardSigmoid", "Floor", "Swish", "Elu")
ALPHA = {"Celu": ("alpha",), "Elu": ("alpha",), "LeakyRelu": ("alpha",), "ThresholdedRelu": ("alpha",), "HardSigmoid": ("alpha", "beta"),
         "Selu": ("alpha", "gamma"), "Shrink": ("bias", "lambd"), "Swish": ("alpha",)}


def bring_into(b: Builder, x: Value, low: float, high: float) -> Value:
    """x, or x squashed into [low, high]."""
    if not el.is_float(x.element) or not np.size(x.data):
        return x
    data = np.asarray(x.data).astype(np.float64)
    if data.min() >= low and data.max() <= high:
        return x
    if b.r.random() < 0.3:
        return b.leaf(x.element, x.shape, max(low, -4), min(high, 4))
    low, high = max(low, -4.0), min(high, 4.0)
    squashed = b.one("Sigmoid" if b.r.random() < 0.5 else "HardSigmoid", x)
    scaled = b.one("Mul", squashed, b.const(high - low, x.element))
    return b.one("Add", scaled, b.const(low, x.element))


def unary_attributes(b: Builder, op: str) -> dict:
    given = {}
    for key in ALPHA.get(op, ()):
        if b.r.random() < 0.6:
            given[key] = b.r.choice([0.1, 0.2, 0.5, 1.0, 1.5])
    if op == "Gelu" and b.r.random() < 0.5:
        given["approximate"] = b.r.choice(["tanh", "none"])
    return given


def add_unary(b: Builder, op: str, x: Value) -> Value:
    low, high = UNARY[op]
    return b.one(op, bring_into(b, x, low, high), **unary_attributes(b, op))


@template(4)
def unary_common(b: Builder) -> None:
    op = b.r.choice(COMMON)
    add_unary(b, op, b.pick(el.allowed(op, "T")))


@template(3)
def unary(b: Builder) -> None:
    op = b.r.choice(list(UNARY))
    variable = {"Identity": "V"}.get(op, "T")
    add_unary(b, op, b.pick(el.allowed(op, variable), (0, 6)))


@template(0.6)
def predicates(b: Builder) -> None:
    op = b.r.choice(["IsNaN", "IsInf"])
    types = el.allowed(op, "T1")
    x = b.pick(types, (0, 6))
    if op == "IsInf" and b.r.random() < 0.5:
        b.one(op, x, detect_negative=b.r.randint(0, 1), detect_positive=b.r.randint(0, 1))
    else:
        b.one(op, x)


def partner(b: Builder, x: Value, low: float = -2.0, high: float = 2.0) -> Value:
    """A value of x's type that broadcasts with x: of its shape, of fewer dims, with dims of 1, or larger."""
    same_shape = [v for v in b.visible() if v.element == x.element and v.shape == x.shape and v is not x and v.kind == "tensor"]
    if same_shape and b.r.random() < 0.4:
        return b.r.choice(same_shape)
    shape = list(x.shape)
    way = b.r.random()
    if way < 0.25:
        shape = []
    elif way < 0.45:
        shape = shape[b.r.randint(0, len(shape)):]
    elif way < 0.75:
        shape = [d if b.r.random() < 0.5 else 1 for d in shape]
        shape = shape[b.r.randint(0, len(shape)) if b.r.random() < 0.3 else 0:]
    elif way < 0.85 and len(shape) < 5:
        shape = [b.r.choice([1, 2, 3]), *shape]
    elif way < 0.92:
        shape = [b.r.choice([2, 3, 4]) if d == 1 else d for d in shape]
    return b.leaf(x.element, shape, low, high)


def in_order(b: Builder, x: Value, y: Value) -> tuple[Value, Value]:
    return (y, x) if b.r.random() < 0.4 else (x, y)


@template(7)
def arithmetic(b: Builder) -> None:
    op = b.r.choice(["Add", "Mul", "Sub", "Add", "Mul", "Sub", "Div", "Max", "Min"])
    x = b.pick(el.allowed(op, "T"), (0, 6))
    if op != "Div":
        b.one(op, *in_order(b, x, partner(b, x)))
        return
    y = partner(b, x, 0.5, 2.0)
    values = np.asarray(y.data).astype(np.float64)
    if values.size and np.abs(values).min() < 0.2:
        y = b.leaf(x.element, y.shape, 0.5 if el.is_float(x.element) else 1, 3 if el.is_float(x.element) else 7)
    b.one(op, x, y)


@template(1)
def several(b: Builder) -> None:
    op = b.r.choice(["Sum", "Max", "Min", "Mean"])
    x = b.pick(el.allowed(op, "T"))
    others = [partner(b, x) for _ in range(b.r.randint(0, 3))]
    b.one(op, x, *[o for o in others if broadcasts([x, *others])])


def broadcasts(values: list[Value]) -> bool:
    try:
        np.broadcast_shapes(*[v.shape for v in values])
        return True
    except ValueError:
        raise Reject("shapes") from None


@template(0.8)
def power(b: Builder) -> None:
    bases, exponents = el.allowed("Pow", "T"), el.allowed("Pow", "T1")
    x = b.pick(bases)
    if el.is_float(x.element):
        x = bring_into(b, x, 0.1, 8)
    if el.is_float(x.element) and b.r.random() < 0.5:
        y = b.const(b.r.choice([2, 3, 0.5, 2.0, -1.0, 1.0, 0.0]), b.r.choice([el.F32, x.element]))
    else:
        y = b.leaf(b.element(exponents), b.r.choice([(), x.shape]), 0, 3)
        if not el.is_float(x.element) and el.is_float(y.element) and np.any(np.less(x.data, 0)):
            raise Reject("no integer is a fractional power of a negative one")
    b.one("Pow", x, y)


@template(0.8)
def modulo(b: Builder) -> None:
    x = b.pick(el.allowed("Mod", "T"))
    floats = el.is_float(x.element)
    y = b.leaf(x.element, b.r.choice([(), x.shape]), 0.75 if floats else 1, 3 if floats else 7)
    if not floats and x.element in el.SIGNED and b.r.random() < 0.5:
        y = b.one("Neg", y)
    b.one("Mod", x, y, fmod=1 if floats else b.r.randint(0, 1))


@template(1)
def compare(b: Builder) -> None:
    op = b.r.choice(["Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"])
    x = b.pick(el.allowed(op, "T"), (0, 6))
    b.one(op, *in_order(b, x, partner(b, x)))


@template(0.7)
def logical(b: Builder) -> None:
    x = b.pick([el.BOOL])
    if b.r.random() < 0.3:
        b.one("Not", x)
    else:
        b.one(b.r.choice(["And", "Or", "Xor"]), *in_order(b, x, partner(b, x)))


@template(0.6)
def bits(b: Builder) -> None:
    op = b.r.choice(["BitwiseAnd", "BitwiseOr", "BitwiseXor", "BitwiseNot", "BitShift"])
    x = b.pick(el.allowed(op, "T"))
    if op == "BitwiseNot":
        b.one(op, x)
    elif op == "BitShift":
        b.one(op, x, b.leaf(x.element, b.r.choice([(), x.shape]), 0, 7), direction=b.r.choice(["LEFT", "RIGHT"]))
    else:
        b.one(op, *in_order(b, x, partner(b, x)))


@template(1.5)
def where(b: Builder) -> None:
    x = b.pick(el.allowed("Where", "T"), (0, 6))
    y = partner(b, x)
    shape = list(x.shape)
    condition = b.pick([el.BOOL], shape=shape) if b.r.random() < 0.6 else b.leaf(el.BOOL, [d if b.r.random() < 0.6 else 1 for d in shape])
    broadcasts([x, y, condition])
    b.one("Where", condition, *in_order(b, x, y))


@template(1.2)
def clip(b: Builder) -> None:
    x = b.pick(el.allowed("Clip", "T"))
    low, high = (0, 1) if b.r.random() < 0.3 else (0, 6) if b.r.random() < 0.3 else (-1.25, 1.25)
    bound = (lambda v: b.const(np.array(v), x.element)) if b.r.random() < 0.8 else (lambda v: b.leaf(x.element, (), v, v))
    b.one("Clip", x, bound(low) if b.r.random() < 0.8 else None, bound(high) if b.r.random() < 0.8 else None)


@template(1)
def prelu(b: Builder) -> None:
    x = b.pick(el.allowed("PRelu", "T"), (0, 5))
    kind = b.r.random()
    shape = () if kind < 0.2 or not x.rank else (1,) if kind < 0.4 else x.shape if kind < 0.5 else (x.shape[1], *[1] * (x.rank - 2)) if x.rank > 1 else x.shape
    b.one("PRelu", x, b.leaf(x.element, shape, 0, 0.5, constant=True if b.r.random() < 0.7 else None))


_NUMERIC = (*el.FLOATS, *el.INTS, el.BOOL)


@template(1.8)
def cast(b: Builder) -> None:
    sources, targets = el.allowed("Cast", "T1"), el.allowed("Cast", "T2")
    x = b.pick([t for t in sources if t != el.STRING] if b.r.random() < 0.8 else [el.STRING])
    simple = x.element in el.COMPLEX or b.r.random() < 0.75
    target = b.element([t for t in (_NUMERIC if simple else targets) if t in targets])
    if x.element == el.STRING:
        target = b.element([*el.FLOATS[:3], el.I64, el.I32, el.U8])
        numbers = lambda s, g: el.as_array(np.array([str(v) for v in g.integers(0, 99, s).ravel()], object).reshape(s), el.STRING)
        x = b.leaf(el.STRING, x.shape, make=numbers)
    data = np.asarray(x.data)
    if x.element in el.COMPLEX or target in el.COMPLEX and x.element == el.STRING:
        raise Reject("complex")
    if target == el.STRING and not (x.element in el.INTS or x.element == el.BOOL):
        raise Reject("text of floats differs between libraries")
    if (target in el.INTS or target in el.NIBBLES) and x.element != el.STRING and data.size:
        wide = data.astype(np.float64)
        bound = 7 if target == P.UINT4 or target == P.INT4 else 1 if target in el.NIBBLES else 100
        low = 0 if target in (*el.UNSIGNED, P.UINT4, P.UINT2) else -1 if target == P.INT2 else -bound
        if wide.min() < low or wide.max() > bound:
            if x.element not in _NUMERIC or x.element == el.BOOL:
                raise Reject("range")
            x = b.one("Clip", x, b.const(low if x.element not in el.UNSIGNED else 0, x.element), b.const(bound, x.element))
    if target == P.FLOAT8E8M0 and data.size and not (data.astype(np.float64) > 1e-3).all():
        raise Reject("e8m0 has no sign and no zero")
    extra = {}
    if target in el.TINY_FLOATS and target not in (P.FLOAT4E2M1, P.FLOAT8E8M0) and b.r.random() < 0.3:
        extra["saturate"] = b.r.randint(0, 1)
    if b.r.random() < 0.2:
        b.one("CastLike", x, b.leaf(target, b.r.choice([(), (2,)])), **extra)
    else:
        b.one("Cast", x, to=target, **extra)


@template(0.3)
def bit_cast(b: Builder) -> None:
    groups = [(el.F32, el.I32, el.U32), (el.F64, el.I64, el.U64), (el.F16, el.I16, el.U16, el.BF16), (el.I8, el.U8)]
    group = b.r.choice(groups)
    x = b.pick(group, fresh=0.5)
    target = b.r.choice([t for t in group if t != x.element])
    if el.is_float(target):  # only patterns that are numbers
        x = b.one("BitCast", b.leaf(target, x.shape), to=b.r.choice([t for t in group if not el.is_float(t)]))
    b.one("BitCast", x, to=target)


@template(3)
def chain(b: Builder) -> None:
    """A run of elementwise nodes: what the planner groups."""
    x = b.pick(el.FLOATS, (1, 5))
    for _ in range(b.r.randint(2, 6)):
        if b.r.random() < 0.5:
            x = add_unary(b, b.r.choice(["Relu", "Sigmoid", "Tanh", "Abs", "Neg", "HardSwish", "LeakyRelu", "Elu", "Softplus"]), x) if b.r.random() < 0.85 else relu6(b, x)
        else:
            x = b.one(b.r.choice(["Add", "Mul", "Sub", "Max", "Min"]), *in_order(b, x, partner(b, x)))


def relu6(b: Builder, x: Value) -> Value:
    return b.one("Clip", x, b.const(0, x.element), b.const(6, x.element))
