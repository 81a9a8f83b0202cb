# SPDX-License-Identifier: Apache-2.0
"""Builder: makes a graph node by node, with the value of everything in it.

Each node is evaluated as it is added, as a model of its own on Ferry's reference kernels: on the values
of the graph, and on shadows of them, which differ by a few roundings everywhere. What the shadows say:
  * how far rounding may move each element of each value: the tolerance of a comparison (see spread)
  * that a node stands at a discontinuity (its integers, booleans or shape differ): it is left out
"""

import dataclasses
import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper

import ferry

from . import elements as el

# Perturbation of shadows, in rounding units of the type.
AMPLITUDE = {el.F32: 8.0, el.F64: 8.0, el.F16: 2.0, el.BF16: 2.0, onnx.TensorProto.COMPLEX64: 8.0, onnx.TensorProto.COMPLEX128: 8.0}
SHADOWS = 2
MOST_ELEMENTS = 6000
WIDEST = 500_000  # where a template is about large values

# Operators that move, select or compare and round nothing: their results are exact functions of the inputs.
EXACT_OPS = frozenset("""
    Abs And ArgMax ArgMin BitCast BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor Cast CastLike Ceil CenterCropPad Clip Col2Im0 Compress Concat
    ConcatFromSequence Constant ConstantOfShape DepthToSpace Equal Expand EyeLike Flatten Floor Gather GatherElements
    GatherND GlobalMaxPool Greater GreaterOrEqual Hardmax Identity IsInf IsNaN Less LessOrEqual Max MaxPool MaxUnpool Min Neg
    NonMaxSuppression NonZero Not OneHot Optional OptionalGetElement OptionalHasElement Or Pad QuantizeLinear Range
    ReduceMax ReduceMin Relu Reshape ReverseSequence Round ScatterElements ScatterND SequenceAt SequenceConstruct
    SequenceEmpty SequenceErase SequenceInsert SequenceLength Shape Sign Size Slice SpaceToDepth Split SplitToSequence
    Squeeze StringConcat StringNormalizer StringSplit TensorScatter ThresholdedRelu0 Tile TopK Transpose Trilu Unique Unsqueeze
    Where Xor Dropout ImageDecoder ZipMap CastMap DictVectorizer MaxRoiPool RegexFullMatch TfIdfVectorizer LabelEncoder Mod0""".split())

# Of these, those that jump: a value must stand clear of the jump by several times what rounding moves it.
JUMPS = frozenset("Ceil Floor Hardmax Mod Round Sign Shrink ThresholdedRelu TopK MaxPool QuantizeLinear Unique".split())
CLEARANCE = 8.0


class Reject(Exception):
    """This node does not fit here; another is tried."""


class Refused(Exception):
    """Ferry did not run a legal node: a defect, whatever else the graph holds."""

    def __init__(self, model: onnx.ModelProto, inputs: dict[str, Any], error: Exception):
        super().__init__(str(error))
        self.model, self.inputs, self.error = model, inputs, error


@dataclasses.dataclass
class Value:
    name: str
    element: int  # of the tensor, of the sequence's tensors, or of the map's values
    data: Any  # an array, a list of arrays (sequence), a dict (map), or None (an absent optional)
    shadows: list[Any]
    kind: str = "tensor"  # "sequence", "optional", "optional sequence", "map", "map sequence"
    dims: tuple | None = None  # as declared, of graph inputs
    make: Callable | None = None  # (shape, generator) -> array, of graph inputs
    constant: bool = False
    fixed: bool = False  # not a measured number: shadows hold it as it is
    uses: int = 0

    @property
    def shape(self) -> tuple[int, ...]:
        return () if isinstance(self.data, list) else np.shape(self.data)

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def is_exact(self) -> bool:
        return all(same(self.data, s) for s in self.shadows)

    def type_proto(self, dims: Sequence | None = None) -> onnx.TypeProto:
        tensor = helper.make_tensor_type_proto(self.element, dims)
        if self.kind.startswith("map"):
            keys = self.data[0] if isinstance(self.data, list) else self.data
            tensor = helper.make_map_type_proto(el.STRING if isinstance(next(iter(keys)), str) else el.I64, tensor)
        if self.kind.endswith("sequence"):
            tensor = helper.make_sequence_type_proto(tensor)
        return helper.make_optional_type_proto(tensor) if self.kind.startswith("optional") else tensor


def same(a: Any, b: Any) -> bool:
    """Bit for bit, shapes and types included."""
    if isinstance(a, (list, tuple)):
        return isinstance(b, (list, tuple)) and len(a) == len(b) and all(map(same, a, b))
    if a is None or b is None:
        return a is b
    if a is b:
        return True
    if isinstance(a, dict):
        return isinstance(b, dict) and list(a) == list(b) and same(list(a.values()), list(b.values()))
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    return bool((a == b).all()) if a.dtype == object else a.tobytes() == b.tobytes()


def spread(value: Value) -> Any:
    """Per element, how far a few roundings everywhere moved it; for a sequence a list."""
    if isinstance(value.data, list):
        return [_spread(d, [s[i] for s in value.shadows]) for i, d in enumerate(value.data)]
    return _spread(value.data, value.shadows)


def _spread(data: Any, shadows: list[Any]) -> Any:
    if data is None or isinstance(data, dict) or np.asarray(data).dtype.kind in "OSUb":
        return None
    wide = np.complex128 if np.iscomplexobj(data) else np.float64
    base = np.asarray(data).astype(wide)
    moved = [np.abs(np.asarray(s).astype(wide) - base) for s in shadows]
    return np.max(moved, axis=0) if moved else np.zeros(base.shape)


def perturb(data: Any, element: int, generator: np.random.Generator, times: float = 1.0) -> Any:
    if element not in AMPLITUDE or data is None or isinstance(data, dict):
        return data
    if isinstance(data, list):
        return [perturb(d, element, generator, times) for d in data]
    array = np.asarray(data)
    signs = generator.choice(np.array([-1.0, 1.0]), array.shape)
    factor = 1 + times * AMPLITUDE[element] * el.UNIT[element] * signs
    wide = np.complex128 if element in el.COMPLEX else np.float64
    with np.errstate(all="ignore"):
        return (array.astype(wide) * factor).astype(array.dtype)


class Builder:
    def __init__(self, seed: Any, dynamic: dict[int, str] | None = None, outer: "Builder | None" = None):
        self.r = random.Random(f"graph {seed}")
        self.g = np.random.default_rng([int(self.r.random() * 2**32)])
        self.dynamic = dynamic or {}
        self.outer = outer
        self.values: list[Value] = []
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[Value] = []
        self.inputs: list[Value] = []
        self.captured: dict[str, Value] = {}
        self.counter = outer.counter if outer else [0]
        self.focus_type: int | None = None
        self.most_elements = MOST_ELEMENTS

    def fresh(self, stem: str) -> str:
        self.counter[0] += 1
        return f"{stem}{self.counter[0]}"

    # ---- leaves ----

    def leaf(self, element: int, shape: Sequence[int], low: float = -2.0, high: float = 2.0, constant: bool | None = None,
             make: Callable | None = None) -> Value:
        """A graph input or an initializer with values of [low, high]; `make` draws others."""
        drawn = make or (lambda s, g: draw(element, s, low, high, g))

        def make(s, g):
            data = np.asarray(drawn(s, g))
            return data if data.dtype == el.dtype(element) else el.as_array(data, element)

        data = make(tuple(shape), self.g)
        if constant is None:
            constant = self.r.random() < 0.4 and not self.dynamic
        root = self
        while not constant and root.outer:
            root = root.outer
        value = Value(root.fresh("w" if constant else "x"), element, data, [data] * SHADOWS, make=make, constant=constant)
        if constant:
            if self.r.random() < 0.2:
                tensor = to_tensor(data, element, value.name + "_value")
                self.nodes.append(helper.make_node("Constant", [], [value.name], name=self.fresh("node"), value=tensor))
            else:
                self.initializers.append(value)
        else:
            value.dims = tuple(self.dynamic.get(d, d) for d in shape)
            root.inputs.append(value)
            if root is not self:
                self.captured[value.name] = value
                root.values.append(value)
        self.values.append(value)
        return value

    def const(self, array: Any, element: int = el.I64) -> Value:
        """An initializer of these values (a Constant now and then)."""
        array = el.as_array(array, element)
        value = self.leaf(element, array.shape, constant=True, make=lambda s, g: array)
        value.fixed = True
        return value

    def map_leaf(self, key: int, element: int, least: int = -3) -> Value:
        """A graph input that is a map, of one to four keys; whole numbers, and numbers as texts."""

        def make(shape, g):
            count = int(g.integers(1, 5))
            words = ["a", "ferry", "", "12", "Ünï"]
            keys = [words[i] for i in g.permutation(5)[:count]] if key == el.STRING else [int(i) for i in g.permutation(9)[:count] + least]
            numbers = [int(n) for n in g.integers(-9, 10, count)]
            return dict(zip(keys, [str(n) if element == el.STRING else n if element == el.I64 else n / 4 for n in numbers]))

        data = make((), self.g)
        value = Value(self.fresh("x"), element, data, [data] * SHADOWS, "map", make=make, fixed=True)
        self.inputs.append(value)
        self.values.append(value)
        return value

    def sequence_leaf(self, element: int, width: int) -> Value:
        """A graph input of one to four matrices of the width, whose rows are declared by a name, or not at all."""

        def make(shape, g):
            return [draw(element, (int(g.integers(1, 4)), width), -2.0, 2.0, g) for _ in range(int(g.integers(1, 5)))]

        data = make((), self.g)
        value = Value(self.fresh("x"), element, data, [data] * SHADOWS, "sequence", self.r.choice([("rows", width), (None, width), None]), make)
        self.inputs.append(value)
        self.values.append(value)
        return value

    def scalar_or_vector(self, numbers: Sequence[int]) -> Value:
        return self.const(np.array(numbers, np.int64))

    # ---- choosing ----

    def visible(self) -> list[Value]:
        found, b = list(self.values), self.outer
        while b:
            found += b.values
            b = b.outer
        return found

    def element(self, types: Sequence[int]) -> int:
        """One of the types; the graph's favourite, or float, more often than others."""
        types = tuple(types)
        if self.focus_type in types and self.r.random() < 0.7:
            return self.focus_type
        if el.F32 in types and self.r.random() < 0.6:
            return el.F32
        return self.r.choice(types)

    def pick(self, types: Sequence[int], rank: tuple[int, int] = (0, 5), where: Callable[[Value], bool] | None = None,
             shape: Sequence[int] | None = None, kind: str = "tensor", low: float = -2.0, high: float = 2.0,
             fresh: float = 0.25) -> Value:
        """A value of one of the types and of such a rank that satisfies `where`; a new leaf if there is none."""
        fits = []
        for v in self.visible():
            if v.kind != kind or v.element not in types or not rank[0] <= v.rank <= rank[1]:
                continue
            if shape is not None and v.shape != tuple(shape):
                continue
            if where is None or where(v):
                fits.append(v)
        if fits and self.r.random() > fresh:
            # What is new and what nothing uses yet comes first: graphs grow deep, not wide.
            weights = [(8.0 if v.uses == 0 else 1.0) * (0.1 if v.constant else 1.0) * (1 + i) for i, v in enumerate(fits)]
            return self.r.choices(fits, weights)[0]
        if kind != "tensor":
            raise Reject(f"no {kind}")
        element = self.element(types)
        if shape is None:
            for _ in range(8):
                shape = self.shape(rank)
                value = self.leaf(element, shape, low, high)
                if where is None or where(value):
                    return value
                self.drop(value)
            raise Reject("no such leaf")
        return self.leaf(element, shape, low, high)

    def drop(self, value: Value) -> None:
        for owner in (self.values, self.initializers, self.inputs):
            for i, v in enumerate(owner):
                if v is value:
                    del owner[i]
                    break
        self.nodes = [n for n in self.nodes if value.name not in n.output]

    def shape(self, rank: tuple[int, int] = (0, 5), zero: float = 0.015) -> tuple[int, ...]:
        n = self.r.choice([d for d in (0, 1, 2, 2, 3, 3, 3, 4, 4, 4, 5, 6) if rank[0] <= d <= rank[1]] or [rank[0]])
        sizes = [1, 2, 3, 4, 5, 7, 8, 16, 17] if n <= 2 else [1, 2, 3, 4, 5, 8] if n <= 4 else [1, 2, 3]
        return tuple(0 if self.r.random() < zero else self.r.choice(sizes) for _ in range(n))

    # ---- nodes ----

    def use(self, value: Value) -> None:
        value.uses += 1
        if self.outer and not any(v is value for v in self.values):
            self.captured[value.name] = value
            self.outer.use(value)

    def node(self, op: str, inputs: Sequence[Value | None], n_out: int = 1, domain: str = "", skip_out: Sequence[int] = (),
             captured: Sequence[Value] = (), loose: bool = False, **attributes) -> list[Value]:
        """Adds a node and evaluates it. Raises Reject where its result is no fit for a graph that is compared.

        loose  results may have large relative spread (differences of near values)
        """
        names = [v.name if v else "" for v in inputs]
        while names and not names[-1]:
            names.pop()
        outputs = ["" if i in skip_out else self.fresh("y") for i in range(n_out)]
        node = helper.make_node(op, names, outputs, name=self.fresh("node"), domain=domain, **attributes)
        given = {v.name: v for v in [*inputs, *captured] if v}
        exact = op in EXACT_OPS
        results, shadows = evaluate(node, list(given.values()), exact, self.g)
        made = []
        for i, output in enumerate(outputs):
            if not output:
                continue
            kind, element = results[i][1], results[i][2]
            value = Value(output, element, results[i][0], [s[i] for s in shadows], kind)
            if not exact:
                value.shadows = [perturb(s, element, self.g) for s in value.shadows]
            cancelled_inside(node, value, inputs)
            fit(value, loose, self.most_elements)
            made.append(value)
        for v in given.values():
            self.use(v)
        self.nodes.append(node)
        self.values += made
        return made

    def one(self, op: str, *inputs: Value | None, **kwargs) -> Value:
        return self.node(op, inputs, **kwargs)[0]


def cancelled_inside(node: onnx.NodeProto, value: Value, inputs: Sequence[Value | None]) -> None:
    """Widens the shadows where terms cancel within one node, so that moving its inputs does not show what rounding loses."""
    if value.kind != "tensor" or value.element not in AMPLITUDE or value.element in el.COMPLEX:
        return
    if node.op_type.endswith("Window"):  # cosines that cancel at the ends, 1 in all, whatever the size
        magnitude = 1.0
    elif node.op_type in ("DFT", "STFT"):  # what is zero but for the rounding of sines loses a share of what the others are
        y = value.data.astype(np.float64)
        magnitude = np.abs(y).max(tuple(range(1, y.ndim)), keepdims=True, initial=0)
    elif value.is_exact:
        return
    elif node.op_type == "Gelu":  # x / 2 (1 + erf(...)): below zero the sum cancels, and loses what x has
        magnitude = np.abs(inputs[0].data.astype(np.float64))
    elif node.op_type == "LayerNormalization":  # the mean is rounded as one number; two elements become +-1, however they move
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        x = inputs[0].data.astype(np.float64)
        axes = tuple(range(attributes.get("axis", -1) % x.ndim, x.ndim))
        deviation = np.sqrt(x.var(axes, keepdims=True) + attributes.get("epsilon", 1e-5))
        magnitude = np.abs(x).max(axes, keepdims=True, initial=0) / deviation * np.abs(inputs[1].data.astype(np.float64)).max(initial=0)
    elif node.op_type in ("Conv", "ConvTranspose"):
        return as_far_as_neighbours(value)
    elif any(a.name == "prob_mod" for a in node.attribute):  # of FlexAttention: the probabilities may cancel in a body of any kind
        magnitude = np.abs(inputs[2].data.astype(np.float64)).max(initial=0)
    elif any(a.HasField("g") for a in node.attribute) or node.op_type in ("LogSoftmax", "SoftmaxCrossEntropyLoss"):
        magnitude = 1 / AMPLITUDE[value.element]  # one rounding of a number near 1: of a sum in a body, or under a logarithm
    else:
        return
    amount = AMPLITUDE[value.element] * el.UNIT[value.element] * magnitude
    value.shadows = [(s.astype(np.float64) + sign * amount).astype(s.dtype) for s, sign in zip(value.shadows, (1, -1))]


def as_far_as_neighbours(value: Value) -> None:
    """Moves results of a convolution, zeros too, as far as the furthest of their channel: transforms mix what lies within seven pixels."""
    y = value.data.astype(np.float64)
    if not y.size:
        return
    moved = np.max([np.abs(s.astype(np.float64) - y) for s in value.shadows], axis=0)
    least = moved.max(tuple(range(2, y.ndim)), keepdims=True)
    still = np.all([s == value.data for s in value.shadows], axis=0)
    least = np.where(still, np.maximum(least, AMPLITUDE[value.element] * el.UNIT[value.element] * np.abs(y).mean()), least)
    value.shadows = [np.where(moved < least, y + sign * least, s.astype(np.float64)).astype(s.dtype)
                     for s, sign in zip(value.shadows, (1, -1))]


def draw(element: int, shape: Sequence[int], low: float, high: float, g: np.random.Generator) -> np.ndarray:
    if element == el.STRING:
        words = np.array(["", "a", "ferry", "Ünï", "two words", "x,y", "12", "-3.5", "UPPER", "\U0001f6a2"], dtype=object)
        return words[g.integers(0, len(words), shape)] if len(shape) else np.array(words[g.integers(0, len(words))], dtype=object)
    if element == el.BOOL:
        return np.asarray(g.random(shape) < 0.5)
    if element in el.INTS or element in el.NIBBLES:
        wide = max(abs(low), abs(high)) <= 2.0
        bottom, top = (-9, 9) if wide else (low, high)
        if element in el.UNSIGNED:
            bottom = max(bottom, 0)
        return el.as_array(g.integers(int(bottom), int(top) + 1, shape), element)
    if element in el.COMPLEX:
        return el.as_array(g.uniform(low, high, shape) + 1j * g.uniform(low, high, shape), element)
    numbers = g.uniform(low, high, shape)
    if element in el.TINY_FLOATS:
        return el.as_array(numbers, element)
    if g.random() < 0.25:  # numbers with few bits: ties, equal values, exact sums
        numbers = np.clip(np.round(numbers * 4) / 4, low, high)
    return el.as_array(numbers, element)


def to_tensor(data: Any, element: int, name: str) -> onnx.TensorProto:
    if element == el.STRING:
        flat = [s.encode() for s in np.asarray(data).ravel().tolist()]
        return helper.make_tensor(name, element, np.shape(data), flat)
    return onnx.numpy_helper.from_array(np.asarray(data), name)


def fit(value: Value, loose: bool, most: int) -> None:
    """Raises Reject when a result cannot be compared, or would spoil what is computed from it."""
    data = value.data if isinstance(value.data, list) else [value.data]
    for i, d in enumerate(data):
        shadows = [s[i] if isinstance(value.data, list) else s for s in value.shadows]
        if d is None:
            continue
        if isinstance(d, dict):
            if not all(same(d, s) for s in shadows):
                raise Reject("rounding in a map")
            continue
        d = np.asarray(d)
        if d.size > most:
            raise Reject("too large")
        if d.ndim > 8:
            raise Reject("rank")
        if any(np.shape(s) != d.shape for s in shadows):
            raise Reject("shape at a discontinuity")
        if value.element not in el.LARGEST:
            if not all(same(d, s) for s in shadows):
                raise Reject("discontinuity")
            continue
        if not d.size:
            continue
        wide = d.astype(np.complex128)
        if not np.isfinite(wide).all():
            raise Reject("not finite")
        largest = np.abs(wide).max()
        if largest > el.LARGEST[value.element]:
            raise Reject("large")
        worst = max(np.abs(s.astype(np.complex128) - wide).max() for s in shadows)
        limit = 0.25 if value.element in (el.F16, el.BF16) else 0.02
        if worst > limit * largest and not loose or not np.isfinite(worst):
            raise Reject("ill-conditioned")


# ---- evaluation of one node ----


def node_model(node: onnx.NodeProto, given: Sequence[Value], opset: int | None = None) -> onnx.ModelProto:
    """The node as a model: every input of it is an input, of known rank and unknown dims."""
    infos = []
    for v in given:
        dims = [None] * v.rank if v.kind == "tensor" else None
        infos.append(helper.make_value_info(v.name, v.type_proto(dims)))
    outputs = [helper.make_empty_tensor_value_info(o) for o in node.output if o]
    graph = helper.make_graph([node], "node", infos, outputs)
    return helper.make_model(graph, opset_imports=opset_imports(opset), ir_version=13)


def opset_imports(opset: int | None = None) -> list[onnx.OperatorSetIdProto]:
    return [helper.make_opsetid("", opset or el.newest_opset()), helper.make_opsetid("ai.onnx.ml", el.newest_opset("ai.onnx.ml")),
            helper.make_opsetid("ai.onnx.preview.training", 1), helper.make_opsetid("ai.onnx.preview", 1),
            helper.make_opsetid("com.microsoft", 1)]


_KIND = {"seq": "sequence", "optional": "optional", "map": "map"}


def evaluate(node: onnx.NodeProto, given: list[Value], exact: bool, g: np.random.Generator) -> tuple[list, list]:
    """(data, kind, element) per output, and the outputs of each shadow."""
    model = node_model(node, given)
    inputs = {v.name: v.data for v in given}
    try:
        session = ferry.Session(model.SerializeToString(), threads=1, accuracy="exact", optimize=False, reference_kernels=True)
        results = session.run(inputs)
    except ferry.Error as error:
        raise Refused(model, inputs, error) from error
    types = {info.name: info.type for info in session.outputs}
    table = []
    for output in node.output:
        if not output:
            table.append((None, "", 0))
            continue
        kind, element = parse_type(types[output], results[output])
        table.append((results[output], kind, element))
    shadows = []
    times = long_sum(node, given)
    for k in range(SHADOWS):
        moved = {v.name: v.shadows[k] if exact or v.fixed else perturb(v.shadows[k], v.element, g, times) for v in given}
        still = all(same(moved[n], inputs[n]) for n in moved)
        if still:
            made = results
        else:
            try:
                made = session.run(moved)
            except ferry.Error as error:
                raise Reject("shadow refused") from error
        shadows.append([made[o] if o else None for o in node.output])
        if not still or has_halves(node):
            stands_clear(node, session, given, k, results)
    return table, shadows


def long_sum(node: onnx.NodeProto, given: list[Value]) -> float:
    """How much more than its terms' perturbations the running sum of K terms may lose.

    The rounding of partial sums of K random terms adds up to unit * K * term / sqrt(6), four times that for the
    worst of thousands of elements; perturbed terms to AMPLITUDE * unit * sqrt(2 K) * term.
    """
    shapes = {v.name: v.shape for v in given}
    if node.op_type not in ("Conv", "ConvTranspose", "MatMul", "Gemm") or len(node.input) < 2:
        return 1.0
    shape = shapes[node.input[1]]
    if node.op_type == "Conv":
        k = int(np.prod(shape[1:]))
    elif node.op_type == "ConvTranspose":
        k = shape[0] * int(np.prod(shape[2:]))
    else:
        k = max(shape[-2:], default=1)
    return max(1.0, 1.63 * k**0.5 / (AMPLITUDE[el.F32] * 2**0.5))


def has_halves(node: onnx.NodeProto) -> bool:
    """Sums of these are whole numbers, scales powers of two: halves are common, and peers add the zero point before they round."""
    return node.op_type.startswith("QLinear")


def stands_clear(node: onnx.NodeProto, session: ferry.Session, given: list[Value], k: int, results: dict) -> None:
    """Raises Reject when moving the inputs a little further, or the other way, changes what may not change gradually."""
    if node.op_type == "Unique" and any(nearly_meet(v, k) for v in given):
        raise Reject("near a jump")
    steps = [o for o in node.output if o and (node.op_type in JUMPS or not isinstance(results[o], (list, type(None))) and np.asarray(results[o]).dtype.kind not in "fcV")]
    if not steps:
        return
    # Of two equal values either must be the larger one once: the first shadow also counts mirrored.
    for shadow, times in ((k, CLEARANCE), *([(0, -CLEARANCE)] if k == 0 else [])):
        try:
            made = session.run({v.name: moved_further(v, v.shadows[shadow], times, has_halves(node)) for v in given})
        except ferry.Error as error:
            raise Reject("shadow refused") from error
        for o in steps:
            gradual = node.op_type in ("Shrink", "ThresholdedRelu", "TopK", "MaxPool", "Mod", "Unique") and results[o].dtype.kind in "fV"
            if gradual:
                zero = np.asarray(results[o] == 0) != np.asarray(made[o] == 0) if made[o].shape == results[o].shape else np.ones(1)
                if zero.any():
                    raise Reject("near a jump")
            elif not same(made[o], results[o]):
                raise Reject("near a jump")


def nearly_meet(v: Value, shadow: int) -> bool:
    """Whether two different elements are as near to each other as they may move: rounding could make them one."""
    if v.is_exact or v.element not in el.UNIT or v.element in el.COMPLEX:
        return False
    wide = v.data.astype(np.float64).ravel()
    moves = CLEARANCE * (np.abs(v.shadows[shadow].astype(np.float64).ravel() - wide) + el.UNIT[v.element] * np.abs(wide))
    order = np.argsort(wide)
    gaps = np.diff(wide[order])
    return bool(((gaps > 0) & (gaps <= moves[order][1:] + moves[order][:-1])).any())


def moved_further(v: Value, shadow: Any, times: float, exact_too: bool = False) -> Any:
    """The value, `times` as far from where it is as the shadow; other kinds than real numbers stay."""
    if v.kind != "tensor" or v.element not in el.UNIT or v.element in el.COMPLEX:
        return v.data
    wide = v.data.astype(np.float64)
    further = wide + times * (shadow.astype(np.float64) - wide)
    if exact_too or not v.is_exact:
        further *= 1 + times * el.UNIT[v.element] * np.random.default_rng(list(v.shape)).uniform(-1, 1, v.shape)
    return further.astype(v.data.dtype)


def parse_type(text: Any, data: Any) -> tuple[str, int]:
    """Kind and element type of an output, from what the session says of it."""
    text = str(text)
    kinds = []
    while "(" in text and text.split("(")[0] in _KIND:
        kinds.append(_KIND[text.split("(")[0]])
        text = text.split("(", 1)[1].rstrip(")")
    kind = " ".join(kinds[::-1] if "map" in kinds else kinds) or "tensor"
    from ferry import types as names

    stem = text.split(",")[-1].split("[")[0].strip() if "map" in kinds else text.split("[")[0].strip()
    numbers = [i for i, row in enumerate(names._TABLE) if row[0] == stem]
    if not numbers:
        raise Reject(f"type {text}")
    return kind, numbers[0]
