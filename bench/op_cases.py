# SPDX-License-Identifier: Apache-2.0
"""The cases of bench.ops: operators at shapes that exported models have, each with what PyTorch calls
the same thing."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from onnx import TensorProto

BOOL, I64, F32 = TensorProto.BOOL, TensorProto.INT64, TensorProto.FLOAT


@dataclass
class Case:
    name: str
    op: str
    inputs: list[np.ndarray | None]
    torch: Callable | None = None  # torch(torch, *inputs as tensors)
    attributes: dict = field(default_factory=dict)
    constants: tuple[int, ...] = ()  # inputs that are part of the model
    outputs: int = 1
    output_kinds: list[int] | None = None  # default: the type of input `like`
    like: int = 0
    opset: int = 21

    def __post_init__(self):
        self.inputs = [None if a is None else np.asarray(a) for a in self.inputs]


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def f32(*shape: int) -> np.ndarray:
    return rng().standard_normal(shape).astype(np.float32)


def positive(*shape: int) -> np.ndarray:
    return np.abs(f32(*shape)) + 0.1


def i64(high: int, *shape: int) -> np.ndarray:
    return rng().integers(0, high, shape)


def flags(*shape: int) -> np.ndarray:
    return rng().random(shape) < 0.5


def ints(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


BIG = (1, 64, 112, 112)  # 3.2 MB of fp32
TOKENS = (1, 12, 256, 256)


def elementwise() -> Iterator[Case]:
    x, y = f32(*BIG), positive(*BIG)
    binary = {"Add": "add", "Sub": "sub", "Mul": "mul", "Div": "div", "Max": "maximum",
              "Min": "minimum"}
    for op, name in binary.items():
        yield Case(f"{op} f32", op, [x, y], lambda t, a, b, n=name: getattr(t, n)(a, b))
    yield Case("Add f32 per channel", "Add", [x, f32(64, 1, 1)], lambda t, a, b: a + b)
    yield Case("Add f32 last axis", "Add", [f32(1, 512, 768), f32(768)], lambda t, a, b: a + b)
    yield Case("Add f32 outer", "Add", [f32(512, 1), f32(1, 768)], lambda t, a, b: a + b)
    yield Case("Mul f32 gate", "Mul", [x, f32(1, 64, 1, 1)], lambda t, a, b: a * b)
    yield Case("Pow f32", "Pow", [y, np.float32(2.5)], lambda t, a, b: t.pow(a, 2.5), constants=(1,))
    yield Case("Pow f32 square", "Pow", [x, np.float32(2)], lambda t, a, b: a * a, constants=(1,))
    for dtype in (np.int64, np.int32, np.float64):
        a, b = (i64(100, *TOKENS) + 1).astype(dtype), (i64(90, *TOKENS) + 1).astype(dtype)
        for op in ("Add", "Sub", "Mul", "Div", "Max", "Min"):
            torch_name = binary[op]
            if op == "Div" and dtype is not np.float64:
                call = lambda t, p, q: t.div(p, q, rounding_mode="trunc")  # noqa: E731
            else:
                call = lambda t, p, q, n=torch_name: getattr(t, n)(p, q)  # noqa: E731
            yield Case(f"{op} {np.dtype(dtype).name}", op, [a, b], call)
        yield Case(f"Add {np.dtype(dtype).name} scalar", "Add", [a, b.ravel()[:1]], lambda t, p, q: p + q)
        yield Case(f"Mod {np.dtype(dtype).name}", "Mod", [a, b], lambda t, p, q: t.fmod(p, q),
                   {"fmod": 1})
    for op, name in {"Equal": "eq", "Less": "lt", "LessOrEqual": "le", "Greater": "gt",
                     "GreaterOrEqual": "ge"}.items():
        yield Case(f"{op} f32", op, [x, y], lambda t, a, b, n=name: getattr(t, n)(a, b),
                   output_kinds=[BOOL])
    a, b = i64(9, *TOKENS), i64(9, *TOKENS) // 2
    yield Case("Equal i64", "Equal", [a, b], lambda t, p, q: p == q, output_kinds=[BOOL])
    yield Case("Less i64 scalar", "Less", [a, ints(4)], lambda t, p, q: p < q, output_kinds=[BOOL])
    yield Case("Greater i64 outer", "LessOrEqual", [i64(9, 1, 1024), i64(9, 1024, 1)],
               lambda t, p, q: p <= q, output_kinds=[BOOL])
    p, q = flags(*TOKENS), flags(*TOKENS)
    for op, name in {"And": "logical_and", "Or": "logical_or", "Xor": "logical_xor"}.items():
        yield Case(op, op, [p, q], lambda t, a, b, n=name: getattr(t, n)(a, b))
    yield Case("And broadcast", "And", [p, flags(1, 1, 1, 256)], lambda t, a, b: a & b)
    yield Case("Not", "Not", [p], lambda t, a: ~a)
    yield Case("IsNaN", "IsNaN", [x], lambda t, a: t.isnan(a), output_kinds=[BOOL])
    yield Case("IsInf", "IsInf", [x], lambda t, a: t.isinf(a), output_kinds=[BOOL])
    unary = {"Abs": "abs", "Neg": "neg", "Sqrt": "sqrt", "Exp": "exp", "Log": "log", "Sin": "sin",
             "Cos": "cos", "Tanh": "tanh", "Sigmoid": "sigmoid", "Erf": "erf", "Floor": "floor",
             "Ceil": "ceil", "Round": "round", "Reciprocal": "reciprocal", "Sign": "sign",
             "Relu": "relu"}
    for op, name in unary.items():
        yield Case(f"{op} f32", op, [y if op in ("Sqrt", "Log") else x],
                   lambda t, a, n=name: getattr(t, n)(a))
    functional = {"Elu": "elu", "Softplus": "softplus", "HardSwish": "hardswish", "Mish": "mish",
                  "LeakyRelu": "leaky_relu", "Gelu": "gelu", "HardSigmoid": None, "Selu": "selu",
                  "Softsign": "softsign"}
    for op, name in functional.items():
        call = (lambda t, a, n=name: getattr(t.nn.functional, n)(a)) if name else None
        yield Case(f"{op} f32", op, [x], call)
    yield Case("PRelu f32", "PRelu", [x, positive(64, 1, 1)],
               lambda t, a, b: t.nn.functional.prelu(a, b.reshape(64)))
    yield Case("Clip f32", "Clip", [x, np.float32(0), np.float32(6)],
               lambda t, a, b, c: t.clamp(a, 0, 6), constants=(1, 2))
    yield Case("Clip i64", "Clip", [a, np.int64(1), np.int64(6)],
               lambda t, a, b, c: t.clamp(a, 1, 6), constants=(1, 2))
    for op in ("Abs", "Neg", "Sign"):
        yield Case(f"{op} i64", op, [a - 4], lambda t, v, n=op.lower(): getattr(t, n)(v))
    yield Case("Exp f64", "Exp", [x.astype(np.float64)[:, :16]], lambda t, a: t.exp(a))
    yield Case("Sqrt f64", "Sqrt", [y.astype(np.float64)[:, :16]], lambda t, a: t.sqrt(a))


def choose() -> Iterator[Case]:
    x, mask = f32(*TOKENS), flags(*TOKENS)
    yield Case("Where f32", "Where", [mask, x, x], lambda t, c, a, b: t.where(c, a, b), like=1)
    yield Case("Where f32 scalar", "Where", [flags(1, 1, 256, 256), x, np.float32(-1e9)],
               lambda t, c, a, b: t.where(c, a, b), like=1, constants=(2,))
    yield Case("Where i64", "Where", [mask, i64(9, *TOKENS), np.int64(0)],
               lambda t, c, a, b: t.where(c, a, b), like=1)
    yield Case("Where f64", "Where", [mask, x.astype(np.float64), x.astype(np.float64)],
               lambda t, c, a, b: t.where(c, a, b), like=1)
    kinds = {"f32": np.float32, "f64": np.float64, "f16": np.float16, "i32": np.int32,
             "i64": np.int64, "u8": np.uint8, "i8": np.int8, "bool": np.bool_}
    pairs = [("f32", "f16"), ("f16", "f32"), ("f32", "f64"), ("f64", "f32"), ("f32", "i64"),
             ("i64", "f32"), ("f32", "i32"), ("i32", "f32"), ("i64", "i32"), ("i32", "i64"),
             ("bool", "f32"), ("f32", "bool"), ("i64", "bool"), ("bool", "i64"), ("u8", "f32"),
             ("f32", "u8"), ("i8", "f32")]
    values = i64(100, *TOKENS)
    import torch

    for a, b in pairs:
        kind = {"f32": 1, "u8": 2, "i8": 3, "i32": 6, "i64": 7, "bool": 9, "f16": 10, "f64": 11}[b]
        target = torch.from_numpy(np.zeros(1, kinds[b])).dtype
        yield Case(f"Cast {a} {b}", "Cast", [values.astype(kinds[a])],
                   lambda t, v, d=target: v.to(d), {"to": kind}, output_kinds=[kind])


def movers() -> Iterator[Case]:
    x, t4 = f32(*BIG), f32(*TOKENS)
    def unshuffle(t, a):
        return t.nn.functional.pixel_unshuffle(a, 2)

    yield Case("DepthToSpace CRD", "DepthToSpace", [f32(1, 48, 128, 128)],
               lambda t, a: t.nn.functional.pixel_shuffle(a, 4), {"blocksize": 4, "mode": "CRD"})
    yield Case("DepthToSpace DCR", "DepthToSpace", [f32(1, 48, 128, 128)], None, {"blocksize": 4})
    yield Case("SpaceToDepth", "SpaceToDepth", [f32(1, 12, 256, 256)], unshuffle, {"blocksize": 2})
    yield Case("Transpose 0231", "Transpose", [x], lambda t, a: a.permute(0, 2, 3, 1).contiguous(),
               {"perm": [0, 2, 3, 1]})
    yield Case("Transpose heads", "Transpose", [f32(1, 256, 12, 64)],
               lambda t, a: a.permute(0, 2, 1, 3).contiguous(), {"perm": [0, 2, 1, 3]})
    yield Case("Transpose 2-D", "Transpose", [f32(1024, 768)], lambda t, a: a.t().contiguous(),
               {"perm": [1, 0]})
    yield Case("Transpose i64", "Transpose", [i64(9, 512, 512)], lambda t, a: a.t().contiguous(),
               {"perm": [1, 0]})
    yield Case("Concat axis 1", "Concat", [x, x], lambda t, a, b: t.cat((a, b), 1), {"axis": 1})
    yield Case("Concat last", "Concat", [t4, t4], lambda t, a, b: t.cat((a, b), 3), {"axis": 3})
    yield Case("Split axis 1", "Split", [x],
               lambda t, a: [p.clone() for p in t.split(a, 32, 1)],
               {"axis": 1, "num_outputs": 2}, outputs=2, output_kinds=[F32, F32])
    yield Case("Slice step 2", "Slice", [x, ints(0, 0), ints(112, 112), ints(2, 3), ints(2, 2)],
               lambda t, a, *_: a[:, :, ::2, ::2].contiguous(), constants=(1, 2, 3, 4))
    yield Case("Slice reverse", "Slice", [x, ints(-1), ints(-1000), ints(3), ints(-1)],
               lambda t, a, *_: t.flip(a, [3]), constants=(1, 2, 3, 4))
    yield Case("Slice rows", "Slice", [x, ints(1), ints(63), ints(1)],
               lambda t, a, *_: a[:, 1:63].clone(), constants=(1, 2, 3))
    for mode, name in {"constant": "constant", "reflect": "reflect", "edge": "replicate"}.items():
        yield Case(f"Pad {mode}", "Pad", [x, ints(0, 0, 3, 3, 0, 0, 3, 3)],
                   lambda t, a, _, m=name: t.nn.functional.pad(a, (3, 3, 3, 3), m),
                   {"mode": mode}, constants=(1,))
    yield Case("Tile", "Tile", [f32(1, 64, 56, 56), ints(1, 1, 2, 2)],
               lambda t, a, _: t.tile(a, (1, 1, 2, 2)), constants=(1,))
    yield Case("Tile rows", "Tile", [f32(1, 768), ints(512, 1)],
               lambda t, a, _: t.tile(a, (512, 1)), constants=(1,))
    yield Case("Expand heads", "Expand", [f32(1, 4, 1, 256, 64), ints(1, 4, 4, 256, 64)],
               lambda t, a, _: a.expand(1, 4, 4, 256, 64).contiguous(), constants=(1,))
    yield Case("Expand last", "Expand", [f32(1, 12, 256, 1), ints(*TOKENS)],
               lambda t, a, _: a.expand(*TOKENS).contiguous(), constants=(1,))
    yield Case("Gather rows", "Gather", [f32(30000, 256), i64(30000, 1, 512)],
               lambda t, a, i: a[i])
    yield Case("Gather last", "Gather", [f32(512, 1024), i64(1024, 256)],
               lambda t, a, i: t.index_select(a, 1, i), {"axis": 1})
    yield Case("GatherElements 1", "GatherElements", [f32(512, 1024), i64(1024, 512, 256)],
               lambda t, a, i: t.gather(a, 1, i), {"axis": 1})
    yield Case("GatherElements 0", "GatherElements", [f32(1024, 512), i64(1024, 256, 512)],
               lambda t, a, i: t.gather(a, 0, i), {"axis": 0})
    yield Case("GatherND points", "GatherND", [f32(512, 1024), i64(512, 65536, 2)],
               lambda t, a, i: a[i[:, 0], i[:, 1]])
    yield Case("GatherND rows", "GatherND", [f32(64, 64, 128), i64(64, 2048, 2)],
               lambda t, a, i: a[i[:, 0], i[:, 1]])
    rows = rng().permutation(4096)[:2048].reshape(-1, 1)
    yield Case("ScatterND rows", "ScatterND", [f32(4096, 128), rows, f32(2048, 128)],
               lambda t, a, i, u: a.clone().index_put_((i[:, 0],), u))
    yield Case("ScatterND add", "ScatterND", [f32(4096, 128), rows, f32(2048, 128)],
               lambda t, a, i, u: a.clone().index_put_((i[:, 0],), u, accumulate=True),
               {"reduction": "add"})
    spots = np.argsort(rng().random((512, 1024)), axis=1)[:, :512].copy()
    yield Case("ScatterElements 1", "ScatterElements", [f32(512, 1024), spots, f32(512, 512)],
               lambda t, a, i, u: t.scatter(a, 1, i, u), {"axis": 1})
    yield Case("ScatterElements add", "ScatterElements", [f32(512, 1024), spots, f32(512, 512)],
               lambda t, a, i, u: t.scatter_add(a, 1, i, u), {"axis": 1, "reduction": "add"})
    yield Case("OneHot", "OneHot", [i64(256, 2048), np.int64(256), np.float32([0, 1])],
               lambda t, i, d, v: t.nn.functional.one_hot(i, 256).float(), {"axis": -1},
               constants=(1, 2), like=2)
    yield Case("OneHot axis 1", "OneHot", [i64(32, 1, 128, 128), np.int64(32), np.float32([0, 1])],
               lambda t, i, d, v: t.nn.functional.one_hot(i, 32).permute(0, 3, 1, 2).float()
               .contiguous(), {"axis": 1}, constants=(1, 2), like=2, outputs=1)
    yield Case("Trilu lower", "Trilu", [t4], lambda t, a: t.tril(a), {"upper": 0})
    yield Case("Trilu upper bool", "Trilu", [flags(1024, 1024)], lambda t, a: t.triu(a))
    yield Case("Range", "Range", [np.int64(0), np.int64(500000), np.int64(1)],
               lambda t, a, b, c: t.arange(0, 500000))
    yield Case("ConstantOfShape", "ConstantOfShape", [ints(512, 1024)],
               lambda t, s: t.zeros(512, 1024), output_kinds=[F32])
    yield Case("ReverseSequence", "ReverseSequence", [f32(64, 32, 256), np.full(32, 50)],
               None, {"batch_axis": 1, "time_axis": 0})
    yield Case("NonZero", "NonZero", [flags(512, 512)], lambda t, a: a.nonzero().T.contiguous(), output_kinds=[I64])
    yield Case("Compress", "Compress", [f32(4096, 128), flags(4096)], lambda t, a, c: a[c],
               {"axis": 0})
    yield Case("EyeLike", "EyeLike", [f32(1024, 1024)], lambda t, a: t.eye(1024))


def order() -> Iterator[Case]:
    x = f32(64, 4096)
    yield Case("TopK last 50", "TopK", [x, ints(50)], lambda t, a, k: t.topk(a, 50),
               {"axis": -1}, constants=(1,), outputs=2, output_kinds=[F32, I64])
    yield Case("TopK detector", "TopK", [f32(1, 8400), ints(300)], lambda t, a, k: t.topk(a, 300),
               {"axis": -1}, constants=(1,), outputs=2, output_kinds=[F32, I64])
    yield Case("TopK vocabulary", "TopK", [f32(1, 50257), ints(50)], lambda t, a, k: t.topk(a, 50),
               {"axis": -1}, constants=(1,), outputs=2, output_kinds=[F32, I64])
    yield Case("TopK axis 0", "TopK", [f32(1024, 128), ints(5)], lambda t, a, k: t.topk(a, 5, 0),
               {"axis": 0}, constants=(1,), outputs=2, output_kinds=[F32, I64])
    yield Case("TopK full sort", "TopK", [f32(16, 4096), ints(4096)], lambda t, a, k: t.sort(a, 1),
               {"axis": -1, "largest": 0}, constants=(1,), outputs=2, output_kinds=[F32, I64])
    for op in ("ArgMax", "ArgMin"):
        name = op.lower()
        yield Case(f"{op} last", op, [x], lambda t, a, n=name: getattr(t, n)(a, -1, True),
                   {"axis": -1}, output_kinds=[I64])
        yield Case(f"{op} axis 1", op, [f32(1, 21, 256, 256)],
                   lambda t, a, n=name: getattr(t, n)(a, 1, True), {"axis": 1}, output_kinds=[I64])
    yield Case("CumSum last", "CumSum", [f32(512, 1024), np.int64(1)],
               lambda t, a, _: t.cumsum(a, 1), constants=(1,))
    yield Case("CumSum axis 0", "CumSum", [f32(512, 1024), np.int64(0)],
               lambda t, a, _: t.cumsum(a, 0), constants=(1,))
    yield Case("CumSum i64", "CumSum", [i64(2, 64, 4096), np.int64(1)],
               lambda t, a, _: t.cumsum(a, 1), constants=(1,))
    centres = rng().random((1, 2000, 2)).astype(np.float32) * 600
    sizes = rng().random((1, 2000, 2)).astype(np.float32) * 60 + 5
    boxes = np.concatenate([centres - sizes / 2, centres + sizes / 2], -1)
    scores = rng().random((1, 8, 2000)).astype(np.float32)
    yield Case("NonMaxSuppression", "NonMaxSuppression",
               [boxes, scores, ints(100), np.float32([0.5]), np.float32([0.25])],
               None, constants=(2, 3, 4), output_kinds=[I64])
    yield Case("Unique", "Unique", [i64(5000, 50000)], lambda t, a: t.unique(a), outputs=1)


def images() -> Iterator[Case]:
    x = f32(1, 32, 128, 128)
    sizes = ints(1, 32, 256, 256)
    for mode, coordinate, name, corners in (
            ("nearest", "asymmetric", "nearest", None), ("linear", "half_pixel", "bilinear", False),
            ("linear", "align_corners", "bilinear", True), ("cubic", "half_pixel", "bicubic", False)):
        def call(t, a, *_, n=name, c=corners):
            return t.nn.functional.interpolate(a, size=(256, 256), mode=n, align_corners=c)
        extra = {"nearest_mode": "floor"} if mode == "nearest" else {}
        extra |= {"cubic_coeff_a": -0.75} if mode == "cubic" else {}
        yield Case(f"Resize {mode} {coordinate}", "Resize", [x, None, None, sizes], call,
                   {"mode": mode, "coordinate_transformation_mode": coordinate, **extra},
                   constants=(3,))
    def down(t, a, *_):
        return t.nn.functional.interpolate(a, size=(50, 50), mode="bilinear", antialias=True)
    yield Case("Resize linear antialias", "Resize", [f32(1, 3, 256, 256), None, None,
                                                     ints(1, 3, 50, 50)],
               down, {"mode": "linear", "antialias": 1}, constants=(3,))
    yield Case("Resize linear down", "Resize", [f32(1, 3, 512, 512), None, None,
                                                ints(1, 3, 224, 224)],
               lambda t, a, *_: t.nn.functional.interpolate(a, size=(224, 224), mode="bilinear"),
               {"mode": "linear"}, constants=(3,))
    yield Case("Resize nearest x2", "Resize", [f32(1, 128, 40, 40), None, None,
                                               ints(1, 128, 80, 80)],
               lambda t, a, *_: t.nn.functional.interpolate(a, scale_factor=2),
               {"mode": "nearest", "coordinate_transformation_mode": "asymmetric",
                "nearest_mode": "floor"}, constants=(3,))
    grid = (rng().random((1, 96, 96, 2)).astype(np.float32) * 2.2 - 1.1)
    for mode, name in {"linear": "bilinear", "nearest": "nearest", "cubic": "bicubic"}.items():
        yield Case(f"GridSample {mode}", "GridSample", [x, grid],
                   lambda t, a, g, n=name: t.nn.functional.grid_sample(a, g, n, align_corners=False),
                   {"mode": mode})
    yield Case("GridSample border", "GridSample", [x, grid],
               lambda t, a, g: t.nn.functional.grid_sample(a, g, "bilinear", "border", True),
               {"mode": "linear", "padding_mode": "border", "align_corners": 1})
    rois = np.concatenate([rng().random((64, 2)) * 60, 60 + rng().random((64, 2)) * 60], 1)
    yield Case("RoiAlign", "RoiAlign", [x, rois.astype(np.float32), np.zeros(64, np.int64)], None,
               {"output_height": 7, "output_width": 7, "sampling_ratio": 2})
    pools = {"MaxPool": "max_pool2d", "AveragePool": "avg_pool2d"}
    for op, name in pools.items():
        yield Case(f"{op} 3x3 s2", op, [f32(*BIG)],
                   lambda t, a, n=name: getattr(t.nn.functional, n)(a, 3, 2, 1),
                   {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1],
                    **({"count_include_pad": 1} if op == "AveragePool" else {})})
        yield Case(f"{op} 2x2", op, [f32(*BIG)],
                   lambda t, a, n=name: getattr(t.nn.functional, n)(a, 2),
                   {"kernel_shape": [2, 2], "strides": [2, 2]})
    yield Case("MaxPool 5x5 s1", "MaxPool", [f32(1, 128, 20, 20)],
               lambda t, a: t.nn.functional.max_pool2d(a, 5, 1, 2),
               {"kernel_shape": [5, 5], "pads": [2, 2, 2, 2]})
    yield Case("GlobalAveragePool", "GlobalAveragePool", [f32(1, 1280, 14, 14)],
               lambda t, a: a.mean((2, 3), True))
    yield Case("GlobalMaxPool", "GlobalMaxPool", [f32(1, 1280, 14, 14)],
               lambda t, a: a.amax((2, 3), True))


def norms() -> Iterator[Case]:
    x = f32(1, 64, 112, 112)
    s, b = positive(64), f32(64)
    yield Case("InstanceNormalization", "InstanceNormalization", [x, s, b],
               lambda t, a, w, v: t.nn.functional.instance_norm(a, weight=w, bias=v))
    yield Case("GroupNormalization", "GroupNormalization", [x, s, b],
               lambda t, a, w, v: t.nn.functional.group_norm(a, 8, w, v), {"num_groups": 8})
    yield Case("BatchNormalization", "BatchNormalization", [x, s, b, f32(64), positive(64)],
               lambda t, a, w, v, m, q: t.nn.functional.batch_norm(a, m, q, w, v))
    yield Case("LayerNormalization", "LayerNormalization", [f32(1, 512, 768), positive(768), f32(768)],
               lambda t, a, w, v: t.nn.functional.layer_norm(a, (768,), w, v), {"axis": -1})
    yield Case("LpNormalization", "LpNormalization", [f32(512, 768)],
               lambda t, a: t.nn.functional.normalize(a), {"axis": -1})
    yield Case("Softmax last", "Softmax", [f32(*TOKENS)], lambda t, a: t.softmax(a, -1))
    yield Case("Softmax axis 1", "Softmax", [f32(1, 21, 256, 256)], lambda t, a: t.softmax(a, 1),
               {"axis": 1})
    yield Case("LogSoftmax", "LogSoftmax", [f32(512, 1024)], lambda t, a: t.log_softmax(a, -1))
    yield Case("LRN", "LRN", [f32(1, 64, 56, 56)],
               lambda t, a: t.nn.functional.local_response_norm(a, 5), {"size": 5})


def reductions() -> Iterator[Case]:
    x = f32(16, 64, 56, 56)
    patterns = {"last": [3], "first": [0], "channels": [1], "space": [2, 3], "batch+space": [0, 2, 3],
                "all": [0, 1, 2, 3]}
    calls = {"ReduceSum": lambda t, a, d: a.sum(d), "ReduceMean": lambda t, a, d: a.mean(d),
             "ReduceMax": lambda t, a, d: a.amax(d), "ReduceL2": lambda t, a, d: t.linalg.vector_norm(a, 2, d)}
    for op, call in calls.items():
        for name, axes in patterns.items():
            yield Case(f"{op} {name}", op, [x, ints(*axes)],
                       lambda t, a, _, c=call, d=tuple(axes): c(t, a, d), {"keepdims": 0},
                       constants=(1,))
    for op in ("ReduceMin", "ReduceProd", "ReduceLogSumExp", "ReduceSumSquare", "ReduceL1"):
        yield Case(f"{op} last", op, [x, ints(3)], None, {"keepdims": 0}, constants=(1,))
    yield Case("ReduceLogSumExp rows", "ReduceLogSumExp", [f32(512, 1024), ints(1)],
               lambda t, a, _: t.logsumexp(a, 1), {"keepdims": 0}, constants=(1,))
    yield Case("ReduceSum i64", "ReduceSum", [i64(9, 512, 1024), ints(1)],
               lambda t, a, _: a.sum(1), {"keepdims": 0}, constants=(1,))
    yield Case("ReduceMax i64", "ReduceMax", [i64(9, 512, 1024), ints(1)],
               lambda t, a, _: a.amax(1), {"keepdims": 0}, constants=(1,))
    yield Case("ReduceMean f64", "ReduceMean", [f32(512, 1024).astype(np.float64), ints(1)],
               lambda t, a, _: a.mean(1), {"keepdims": 0}, constants=(1,))


def algebra() -> Iterator[Case]:
    cases = {"bhqd,bhkd->bhqk": ((1, 8, 256, 64), (1, 8, 256, 64)),
             "bhqk,bhkd->bhqd": ((1, 8, 256, 256), (1, 8, 256, 64)),
             "bqhd,bkhd->bhqk": ((1, 256, 8, 64), (1, 256, 8, 64)),
             "ij,jk->ik": ((256, 512), (512, 256)), "bi,bj->bij": ((64, 128), (64, 128)),
             "bcn,cd->bdn": ((1, 64, 4096), (64, 64)), "bij,bij->b": ((64, 128, 128),) * 2}
    for equation, shapes in cases.items():
        yield Case(f"Einsum {equation}", "Einsum", [f32(*s) for s in shapes],
                   lambda t, a, b, e=equation: t.einsum(e, a, b), {"equation": equation})
    yield Case("MatMul f64", "MatMul", [f32(256, 256).astype(np.float64)] * 2,
               lambda t, a, b: a @ b)
    yield Case("MatMul i32", "MatMul", [i64(9, 256, 256).astype(np.int32)] * 2,
               lambda t, a, b: a @ b)
    yield Case("Gemm f64", "Gemm", [f32(256, 256).astype(np.float64)] * 3,
               lambda t, a, b, c: t.addmm(c, a, b))
    signal = f32(8, 512, 1)
    yield Case("DFT 512", "DFT", [signal, None, np.int64(1)],
               lambda t, a, *_: t.view_as_real(t.fft.fft(a[..., 0])), constants=(2,), opset=20)
    yield Case("DFT 400", "DFT", [f32(98, 400, 1), None, np.int64(1)],
               lambda t, a, *_: t.view_as_real(t.fft.rfft(a[..., 0])), {"onesided": 1},
               constants=(2,), opset=20)
    yield Case("DFT columns", "DFT", [f32(1, 128, 256, 2), None, np.int64(1)],
               lambda t, a, *_: t.view_as_real(t.fft.fft(t.view_as_complex(a), dim=1)),
               constants=(2,), opset=20)
    window = np.hanning(400).astype(np.float32)
    yield Case("STFT", "STFT", [f32(1, 16000, 1), np.int64(160), window, np.int64(400)],
               lambda t, a, h, w, n: t.view_as_real(t.stft(
                   a[..., 0], 400, 160, window=w, center=False, return_complex=True)),
               constants=(1, 2, 3))
    yield Case("QuantizeLinear", "QuantizeLinear", [f32(*BIG), np.float32(0.02), np.uint8(128)],
               None, constants=(1, 2), like=2)
    yield Case("DequantizeLinear", "DequantizeLinear",
               [i64(255, *BIG).astype(np.uint8), np.float32(0.02), np.uint8(128)], None,
               constants=(1, 2), like=1)


def all_cases() -> Iterator[Case]:
    for family in (elementwise, choose, movers, order, images, norms, reductions, algebra):
        yield from family()
