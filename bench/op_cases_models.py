# SPDX-License-Identifier: Apache-2.0
"""Cases of bench.ops at the sizes between a model's large layers: odd rows, short rows, batches, heads, windows, and
functions of f64."""

from collections.abc import Iterator

import numpy as np

from .op_cases import BOOL, F32, I64, Case, f32, flags, i64, ints, positive


def rows() -> Iterator[Case]:
    """Normalisations and sums of rows."""
    for n, d in ((3136, 32), (3136, 96), (197, 768), (1500, 512), (49, 1024), (50, 257)):
        yield Case(f"LayerNormalization {n}x{d}", "LayerNormalization", [f32(2, n, d), positive(d), f32(d)],
                   lambda t, a, w, v, d=d: t.nn.functional.layer_norm(a, (d,), w, v), {"axis": -1})
    for shape in ((12, 197, 197), (1, 1000), (64, 10), (8, 1, 1500), (256, 3, 64, 64), (4, 100, 7), (16, 50257)):
        yield Case(f"Softmax {'x'.join(map(str, shape))}", "Softmax", [f32(*shape)], lambda t, a: t.softmax(a, -1))
    for shape, axes in (((8, 197, 768), [1]), ((32, 7, 7, 512), [1, 2]), ((64, 49, 96), [2]), ((4, 333, 77), [1]),
                        ((20000, 3), [1]), ((3, 20000), [0]), ((8, 1000), [0, 1])):
        for op, call in {"ReduceMean": lambda t, a, _, d: a.mean(d), "ReduceMax": lambda t, a, _, d: a.amax(d)}.items():
            yield Case(f"{op} {'x'.join(map(str, shape))} over {axes}", op, [f32(*shape), ints(*axes)],
                       lambda t, a, _, c=call, d=tuple(axes): c(t, a, _, d), {"keepdims": 1}, constants=(1,))
    yield Case("ReduceL2 embeddings", "ReduceL2", [f32(64, 512), ints(1)],
               lambda t, a, _: t.linalg.vector_norm(a, 2, 1, True), {"keepdims": 1}, constants=(1,))
    yield Case("ArgMax vocabulary", "ArgMax", [f32(16, 50257)], lambda t, a: a.argmax(-1), {"axis": -1, "keepdims": 0},
               output_kinds=[I64])
    yield Case("ArgMax classes", "ArgMax", [f32(4, 21, 65, 65)], lambda t, a: a.argmax(1), {"axis": 1, "keepdims": 0},
               output_kinds=[I64])
    yield Case("InstanceNormalization small", "InstanceNormalization", [f32(4, 32, 33, 33), positive(32), f32(32)],
               lambda t, a, w, v: t.nn.functional.instance_norm(a, weight=w, bias=v))
    yield Case("GroupNormalization 1-D", "GroupNormalization", [f32(2, 512, 999), positive(512), f32(512)],
               lambda t, a, w, v: t.nn.functional.group_norm(a, 32, w, v), {"num_groups": 32})
    yield Case("BatchNormalization 2-D", "BatchNormalization",
               [f32(256, 512), positive(512), f32(512), f32(512), positive(512)],
               lambda t, a, w, v, m, q: t.nn.functional.batch_norm(a, m, q, w, v))
    yield Case("BatchNormalization batch 8", "BatchNormalization",
               [f32(8, 64, 27, 27), positive(64), f32(64), f32(64), positive(64)],
               lambda t, a, w, v, m, q: t.nn.functional.batch_norm(a, m, q, w, v))


def products() -> Iterator[Case]:
    """Matrix products as layers and attention have them; weights are part of the model."""
    for m, k, n in ((1, 768, 3072), (1, 1280, 1000), (8, 512, 512), (7, 99, 101), (197, 768, 768), (64, 3, 128),
                    (1024, 64, 64), (256, 256, 1)):
        yield Case(f"MatMul {m}x{k}x{n}", "MatMul", [f32(m, k), f32(k, n)], lambda t, a, b: a @ b, constants=(1,))
        yield Case(f"Gemm {m}x{k}x{n}", "Gemm", [f32(m, k), f32(n, k), f32(n)],
                   lambda t, a, b, c: t.nn.functional.linear(a, b, c), {"transB": 1}, constants=(1, 2))
    for name, a, b in (("scores", (1, 12, 197, 64), (1, 12, 64, 197)), ("values", (1, 12, 197, 197), (1, 12, 197, 64)),
                       ("step", (1, 12, 1, 64), (1, 12, 64, 257)), ("windows", (64, 3, 49, 32), (64, 3, 32, 49)),
                       ("batched vectors", (512, 1, 64), (512, 64, 16)), ("shared left", (256, 197), (8, 197, 96)),
                       ("tiny matrices", (4096, 3, 3), (4096, 3, 3)), ("two dynamic", (333, 77), (77, 55))):
        yield Case(f"MatMul {name}", "MatMul", [f32(*a), f32(*b)], lambda t, p, q: p @ q)
    for equation, shapes in {"bnd,md->bnm": ((2, 100, 64), (50, 64)), "bhwc,hkc->bhwk": ((64, 7, 7, 32), (7, 7, 32)),
                             "nchw,kc->nkhw": ((1, 64, 40, 40), (100, 64)), "bld,bsd->bls": ((4, 64, 128),) * 2,
                             "bqc,bchw->bqhw": ((1, 100, 256), (1, 256, 32, 32))}.items():
        yield Case(f"Einsum {equation}", "Einsum", [f32(*s) for s in shapes],
                   lambda t, a, b, e=equation: t.einsum(e, a, b), {"equation": equation})


def movements() -> Iterator[Case]:
    """Transposes, parts and joins at odd sizes."""
    for shape, perm in (((8, 197, 3, 12, 64), (2, 0, 3, 1, 4)), ((1, 8, 7, 8, 7, 96), (0, 1, 3, 2, 4, 5)),
                        ((12, 197, 64), (0, 2, 1)), ((1, 64, 55, 55), (0, 2, 3, 1)), ((1, 55, 55, 64), (0, 3, 1, 2)),
                        ((4, 3, 224, 224), (0, 2, 3, 1)), ((2, 116, 2, 28, 28), (0, 2, 1, 3, 4)), ((100, 7, 3), (2, 1, 0)),
                        ((1, 333, 81), (0, 2, 1)), ((30, 40, 50), (1, 2, 0)), ((1, 2, 58, 28, 28), (0, 2, 1, 3, 4))):
        yield Case(f"Transpose {'x'.join(map(str, shape))} {perm}", "Transpose", [f32(*shape)],
                   lambda t, a, p=perm: a.permute(p).contiguous(), {"perm": list(perm)})
    yield Case("Concat rotary halves", "Concat", [f32(1, 12, 256, 32)] * 2, lambda t, a, b: t.cat((a, b), -1), {"axis": -1})
    yield Case("Concat channels odd", "Concat", [f32(2, 24, 27, 27), f32(2, 17, 27, 27), f32(2, 3, 27, 27)],
               lambda t, *a: t.cat(a, 1), {"axis": 1})
    yield Case("Concat cache", "Concat", [f32(1, 12, 255, 64), f32(1, 12, 1, 64)], lambda t, a, b: t.cat((a, b), 2),
               {"axis": 2})
    yield Case("Concat columns", "Concat", [f32(8400, 4), f32(8400, 80)], lambda t, a, b: t.cat((a, b), 1), {"axis": 1})
    yield Case("Concat token", "Concat", [f32(8, 1, 768), f32(8, 196, 768)], lambda t, a, b: t.cat((a, b), 1), {"axis": 1})
    yield Case("Split qkv", "Split", [f32(1, 197, 2304)], lambda t, a: [p.clone() for p in a.split(768, -1)],
               {"axis": -1, "num_outputs": 3}, outputs=3, output_kinds=[F32] * 3)
    yield Case("Split columns", "Split", [f32(8400, 84), ints(4, 80)],
               lambda t, a, _: [p.clone() for p in a.split((4, 80), -1)], {"axis": -1}, constants=(1,), outputs=2,
               output_kinds=[F32] * 2)
    yield Case("Slice half", "Slice", [f32(1, 12, 256, 64), ints(32), ints(64), ints(3)],
               lambda t, a, *_: a[..., 32:].clone(), constants=(1, 2, 3))
    yield Case("Slice even columns", "Slice", [f32(1, 12, 256, 64), ints(0), ints(64), ints(3), ints(2)],
               lambda t, a, *_: a[..., ::2].clone(), constants=(1, 2, 3, 4))
    yield Case("Slice window", "Slice", [f32(1, 64, 57, 57), ints(1, 1), ints(57, 57), ints(2, 3)],
               lambda t, a, *_: a[:, :, 1:, 1:].clone(), constants=(1, 2, 3))
    yield Case("Slice flip rows", "Slice", [f32(1, 64, 56, 56), ints(-1), ints(-1000), ints(2), ints(-1)],
               lambda t, a, *_: t.flip(a, [2]), constants=(1, 2, 3, 4))
    yield Case("Slice patches", "Slice", [f32(1, 3, 640, 640), ints(1), ints(640), ints(2), ints(2)],
               lambda t, a, *_: a[:, :, 1::2].clone(), constants=(1, 2, 3, 4))
    yield Case("Pad window", "Pad", [f32(1, 50, 50, 96), ints(0, 0, 0, 0, 0, 6, 6, 0)],
               lambda t, a, _: t.nn.functional.pad(a, (0, 0, 0, 6, 0, 6)), constants=(1,))
    yield Case("Pad 1-D reflect", "Pad", [f32(1, 1, 16000), ints(0, 0, 200, 0, 0, 200)],
               lambda t, a, _: t.nn.functional.pad(a, (200, 200), "reflect"), {"mode": "reflect"}, constants=(1,))
    yield Case("Pad odd", "Pad", [f32(4, 32, 27, 27), ints(0, 0, 0, 1, 0, 0, 1, 0)],
               lambda t, a, _: t.nn.functional.pad(a, (1, 0, 0, 1)), constants=(1,))
    yield Case("Expand mask", "Expand", [f32(1, 1, 1, 197), ints(1, 12, 197, 197)],
               lambda t, a, _: a.expand(1, 12, 197, 197).contiguous(), constants=(1,))
    yield Case("Expand columns", "Expand", [f32(197, 1), ints(197, 197)], lambda t, a, _: a.expand(197, 197).contiguous(),
               constants=(1,))
    yield Case("Tile batch", "Tile", [f32(1, 49, 96), ints(64, 1, 1)], lambda t, a, _: t.tile(a, (64, 1, 1)), constants=(1,))
    yield Case("Tile columns", "Tile", [f32(1000, 3), ints(1, 5)], lambda t, a, _: t.tile(a, (1, 5)), constants=(1,))
    yield Case("Gather bias table", "Gather", [f32(169, 3), i64(169, 2401)], lambda t, a, i: a[i])
    yield Case("Gather one token", "Gather", [f32(8, 197, 768), np.int64(0)], lambda t, a, i: a[:, i].clone(), {"axis": 1},
               constants=(1,))
    yield Case("Gather last short", "Gather", [f32(1, 8400, 84), ints(0, 1, 2, 3)],
               lambda t, a, i: a.index_select(2, i), {"axis": 2}, constants=(1,))
    yield Case("Gather channels", "Gather", [f32(1, 64, 56, 56), i64(64, 32)], lambda t, a, i: a.index_select(1, i),
               {"axis": 1})
    yield Case("GatherElements boxes", "GatherElements", [f32(1, 8400, 4), np.repeat(i64(8400, 1, 300, 1), 4, 2)],
               lambda t, a, i: a.gather(1, i), {"axis": 1})
    yield Case("GatherElements relative", "GatherElements", [f32(12, 128, 512), i64(512, 12, 128, 128)],
               lambda t, a, i: a.gather(2, i), {"axis": 2})
    yield Case("Where mask", "Where", [flags(1, 1, 197, 197), f32(1, 12, 197, 197), np.float32(-65504)],
               lambda t, c, a, b: t.where(c, a, b), like=1, constants=(2,))
    yield Case("Where rows", "Where", [flags(256, 1), f32(256, 768), f32(768)], lambda t, c, a, b: t.where(c, a, b), like=1)
    yield Case("Where constants", "Where", [flags(512, 512), np.float32(0), np.float32(-1e9)],
               lambda t, c, a, b: t.where(c, a, b), like=1, constants=(1, 2))
    yield Case("Trilu mask", "Trilu", [f32(1, 1, 257, 257)], lambda t, a: t.triu(a, 1), {"upper": 1})
    yield Case("ConstantOfShape small", "ConstantOfShape", [ints(12, 197, 64)], lambda t, s: t.zeros(12, 197, 64),
               output_kinds=[F32])
    yield Case("Cast mask", "Cast", [i64(2, 1, 1, 197, 197)], lambda t, a: a.float(), {"to": 1}, output_kinds=[F32])
    yield Case("Cast image", "Cast", [i64(255, 1, 3, 224, 224).astype(np.uint8)], lambda t, a: a.float(), {"to": 1},
               output_kinds=[F32])


def broadcasts() -> Iterator[Case]:
    """Sums and products whose operands repeat."""
    pairs = {"bias": ((8, 197, 768), (768,)), "scores and mask": ((1, 12, 197, 197), (1, 1, 1, 197)),
             "scores and bias": ((64, 3, 49, 49), (1, 3, 49, 49)), "positions": ((8, 197, 768), (1, 197, 768)),
             "channel of batch": ((8, 64, 27, 27), (8, 64, 1, 1)), "channels last": ((4, 27, 27, 64), (4, 1, 1, 64)),
             "column": ((512, 333), (512, 1)), "scalar": ((4, 33, 65, 65), ()), "short rows": ((8400, 4), (8400, 1)),
             "three": ((20000, 3), (3,)), "anchors": ((8400, 1, 2), (1, 9, 2)), "small": ((1, 197), (1, 197))}
    for name, (a, b) in pairs.items():
        yield Case(f"Add {name}", "Add", [f32(*a), f32(*b)], lambda t, p, q: p + q)
        yield Case(f"Mul {name}", "Mul", [f32(*a), f32(*b)], lambda t, p, q: p * q)
    yield Case("Div scalar", "Div", [f32(8, 197, 768), np.float32(8)], lambda t, p, q: p / q, constants=(1,))
    yield Case("Sub scalar left", "Sub", [np.float32(1), f32(1, 1, 197, 197)], lambda t, p, q: 1 - q, constants=(0,))
    yield Case("Pow cube", "Pow", [f32(197, 3072), np.float32(3)], lambda t, p, q: p.pow(3), constants=(1,))
    yield Case("Pow half", "Pow", [positive(197, 768), np.float32(0.5)], lambda t, p, q: p.pow(0.5), constants=(1,))
    yield Case("Equal i64 mask", "Equal", [i64(3, 64, 512), np.int64(1)], lambda t, p, q: p == q, output_kinds=[BOOL])
    yield Case("Greater f32 scalar", "Greater", [f32(8400, 80), np.float32(0.25)], lambda t, p, q: p > q,
               output_kinds=[BOOL], constants=(1,))
    yield Case("Not equal rows", "Equal", [i64(9, 8, 1, 128), i64(9, 8, 128, 1)], lambda t, p, q: p == q,
               output_kinds=[BOOL])
    for op, name in {"Sigmoid": "sigmoid", "Tanh": "tanh", "Exp": "exp", "Erf": "erf", "Sqrt": "sqrt", "Relu": "relu",
                     "Log": "log"}.items():
        yield Case(f"{op} small", op, [positive(1, 64, 9, 9)], lambda t, a, n=name: getattr(t, n)(a))


def windows() -> Iterator[Case]:
    """Pools and sampling at odd sizes and in batches."""
    for op, name in {"MaxPool": "max_pool2d", "AveragePool": "avg_pool2d"}.items():
        for k, s, p, shape in ((3, 2, 1, (8, 32, 57, 57)), (3, 1, 1, (1, 192, 28, 28)), (2, 2, 0, (4, 32, 33, 33)),
                               (3, 2, 0, (1, 96, 55, 55)), (7, 1, 0, (1, 512, 7, 7)), (13, 1, 6, (1, 64, 20, 20)),
                               (9, 1, 4, (1, 64, 20, 20))):
            extra = {"count_include_pad": 1} if op == "AveragePool" else {}
            yield Case(f"{op} {k}x{k} s{s} p{p} {'x'.join(map(str, shape))}", op, [f32(*shape)],
                       lambda t, a, n=name, k=k, s=s, p=p: getattr(t.nn.functional, n)(a, k, s, p),
                       {"kernel_shape": [k, k], "strides": [s, s], "pads": [p] * 4, **extra})
    yield Case("AveragePool 1-D", "AveragePool", [f32(2, 256, 999)], lambda t, a: t.nn.functional.avg_pool1d(a, 2),
               {"kernel_shape": [2], "strides": [2]})
    yield Case("GlobalAveragePool batch 8", "GlobalAveragePool", [f32(8, 512, 7, 7)], lambda t, a: a.mean((2, 3), True))
    scaled = {"nearest": {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
              "linear": {"coordinate_transformation_mode": "half_pixel"}}
    for mode, extra in scaled.items():
        name = "bilinear" if mode == "linear" else mode
        for shape, size in (((1, 256, 20, 20), (40, 40)), ((1, 21, 65, 65), (513, 513)), ((4, 3, 64, 64), (96, 96)),
                            ((1, 64, 13, 13), (26, 26)), ((1, 128, 1, 1), (33, 33)), ((1, 64, 7, 9), (35, 45))):
            yield Case(f"Resize {mode} {'x'.join(map(str, shape))} to {size[0]}x{size[1]}", "Resize",
                       [f32(*shape), None, None, ints(*shape[:2], *size)],
                       lambda t, a, *_, n=name, s=size: t.nn.functional.interpolate(a, s, mode=n), {"mode": mode, **extra},
                       constants=(3,))
    for shape, points in (((1, 64, 32, 32), (32, 32)), ((8, 32, 20, 20), (300, 4)), ((2, 3, 224, 224), (224, 224))):
        y, x = np.meshgrid(np.linspace(-1, 1, points[0]), np.linspace(-1, 1, points[1]), indexing="ij")
        grid = np.stack([x * 0.9 + y * 0.1, y * 0.9 - x * 0.1], -1)[None].repeat(shape[0], 0).astype(np.float32)
        yield Case(f"GridSample warp {'x'.join(map(str, shape))}", "GridSample", [f32(*shape), grid],
                   lambda t, a, g: t.nn.functional.grid_sample(a, g, align_corners=False), {"mode": "linear"})


def doubles() -> Iterator[Case]:
    x = f32(64, 2048).astype(np.float64)
    for op, name in {"Sin": "sin", "Cos": "cos", "Tanh": "tanh", "Erf": "erf", "Sigmoid": "sigmoid", "Tan": "tan",
                     "Atan": "atan", "Sinh": "sinh", "Cosh": "cosh", "Asinh": "asinh", "Floor": "floor", "Round": "round",
                     "Reciprocal": "reciprocal", "Asin": "asin", "Acos": "acos", "Atanh": "atanh", "Acosh": "acosh"}.items():
        values = np.tanh(x) if op in ("Asin", "Acos", "Atanh") else np.abs(x) + 1 if op == "Acosh" else x
        yield Case(f"{op} f64", op, [values], lambda t, a, n=name: getattr(t, n)(a))
    for op, name in {"Softplus": "softplus", "Elu": "elu", "Gelu": "gelu", "LeakyRelu": "leaky_relu", "Mish": "mish", "Swish": "silu",
                     "HardSwish": "hardswish", "Softsign": "softsign", "Selu": "selu", "Celu": "celu", "Relu": "relu"}.items():
        yield Case(f"{op} f64", op, [x], lambda t, a, n=name: getattr(t.nn.functional, n)(a), opset=24 if op == "Swish" else 22)
    yield Case("Gelu tanh f64", "Gelu", [x], lambda t, a: t.nn.functional.gelu(a, approximate="tanh"), {"approximate": "tanh"})
    yield Case("HardSigmoid f64", "HardSigmoid", [x], lambda t, a: t.nn.functional.hardsigmoid(a), {"alpha": 1 / 6})
    yield Case("ThresholdedRelu f64", "ThresholdedRelu", [x], lambda t, a: t.nn.functional.threshold(a, 1, 0))
    yield Case("Shrink f64", "Shrink", [x], lambda t, a: t.nn.functional.hardshrink(a))
    yield Case("Clip f64", "Clip", [x, np.float64(-1), np.float64(1)], lambda t, a, *_: a.clamp(-1, 1), constants=(1, 2))
    planes = x.reshape(4, 32, 32, 32)
    slopes = np.linspace(0.1, 0.9, 32)
    yield Case("PRelu f64", "PRelu", [planes, slopes.reshape(32, 1, 1)], lambda t, a, s: t.nn.functional.prelu(a, s.reshape(32)))
    yield Case("Pow f64", "Pow", [np.abs(x), np.float64(2.5)], lambda t, a, b: a.pow(2.5), constants=(1,))
    for op, name in {"Softmax": "softmax", "LogSoftmax": "log_softmax"}.items():
        yield Case(f"{op} f64", op, [x], lambda t, a, n=name: getattr(a, n)(-1))
        yield Case(f"{op} f64 of 50", op, [x[:, :1600].reshape(2048, 50)], lambda t, a, n=name: getattr(a, n)(-1))
        yield Case(f"{op} f64 of channels", op, [planes], lambda t, a, n=name: getattr(a, n)(1), {"axis": 1})
    yield Case("LayerNormalization f64", "LayerNormalization", [x, x[0], x[1]],
               lambda t, a, w, v: t.nn.functional.layer_norm(a, (2048,), w, v))
    yield Case("RMSNormalization f64", "RMSNormalization", [x, x[0]],
               lambda t, a, w: t.nn.functional.rms_norm(a, (2048,), w, 1e-5), opset=23)
    yield Case("InstanceNormalization f64", "InstanceNormalization", [planes, slopes, slopes],
               lambda t, a, w, v: t.nn.functional.instance_norm(a, weight=w, bias=v))
    yield Case("GroupNormalization f64", "GroupNormalization", [planes, slopes, slopes],
               lambda t, a, w, v: t.nn.functional.group_norm(a, 8, w, v), {"num_groups": 8})
    yield Case("BatchNormalization f64", "BatchNormalization", [planes, slopes, slopes, slopes, slopes],
               lambda t, a, w, v, m, s: t.nn.functional.batch_norm(a, m, s, w, v))
    yield Case("LpNormalization f64", "LpNormalization", [x], lambda t, a: t.nn.functional.normalize(a, dim=-1), {"axis": -1})


def cases_of_models() -> Iterator[Case]:
    for family in (rows, products, movements, broadcasts, windows, doubles):
        yield from family()
