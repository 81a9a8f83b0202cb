# SPDX-License-Identifier: Apache-2.0
"""More cases of bench.ops: convolutions and pools of every kind, recurrent nets, attention, integers and
quantized arithmetic, half precision, and the tiny tensors of shape arithmetic."""

from collections.abc import Iterator

import numpy as np

from .op_cases import BOOL, F32, I64, TOKENS, Case, f32, flags, i64, ints, positive, rng

U8, I8, I32, F16, F64 = 2, 3, 6, 10, 11


def f16(*shape: int) -> np.ndarray:
    return f32(*shape).astype(np.float16)


def bytes_of(dtype: type, *shape: int) -> np.ndarray:
    info = np.iinfo(dtype)
    return rng().integers(info.min, info.max + 1, shape).astype(dtype)


def convolutions() -> Iterator[Case]:
    def conv(name: str, x: tuple, w: tuple, torch_name: str, **attributes):
        pads = attributes.get("pads", [0] * 2 * (len(x) - 2))
        half = len(pads) // 2
        keys = {"stride": attributes.get("strides", 1), "padding": pads[:half],
                "dilation": attributes.get("dilations", 1), "groups": attributes.get("group", 1)}
        attributes.setdefault("kernel_shape", list(w[2:]))
        op = "ConvTranspose" if "transpose" in torch_name else "Conv"
        channels = w[1] * keys["groups"] if op == "ConvTranspose" else w[0]
        return Case(f"{op} {name}", op, [f32(*x), f32(*w) * 0.1, f32(channels)],
                    lambda t, a, b, v: getattr(t.nn.functional, torch_name)(a, b, v, **keys),
                    attributes, constants=(1, 2))

    yield conv("3x3", (1, 64, 56, 56), (64, 64, 3, 3), "conv2d", pads=[1, 1, 1, 1])
    yield conv("1x1", (1, 256, 28, 28), (256, 256, 1, 1), "conv2d")
    yield conv("7x7 stem", (1, 3, 224, 224), (64, 3, 7, 7), "conv2d", pads=[3] * 4, strides=[2, 2])
    yield conv("grouped", (1, 128, 28, 28), (128, 4, 3, 3), "conv2d", pads=[1] * 4, group=32)
    yield conv("depthwise", (1, 144, 56, 56), (144, 1, 3, 3), "conv2d", pads=[1] * 4, group=144)
    yield conv("dilated", (1, 64, 48, 48), (64, 64, 3, 3), "conv2d", pads=[4] * 4, dilations=[4, 4])
    yield conv("1-D", (1, 80, 1500), (256, 80, 3), "conv1d", pads=[1, 1])
    yield conv("1-D depthwise", (1, 256, 1500), (256, 1, 31), "conv1d", pads=[15, 15], group=256)
    yield conv("3-D", (1, 16, 12, 40, 40), (32, 16, 3, 3, 3), "conv3d", pads=[1] * 6)
    yield conv("2x2 s2", (1, 64, 64, 64), (64, 32, 2, 2), "conv_transpose2d", strides=[2, 2])
    yield conv("4x4 s2", (1, 64, 32, 32), (64, 64, 4, 4), "conv_transpose2d", strides=[2, 2],
               pads=[1] * 4)
    yield conv("grouped", (1, 64, 32, 32), (64, 8, 3, 3), "conv_transpose2d", group=8, pads=[1] * 4)
    yield conv("dilated", (1, 32, 32, 32), (32, 32, 3, 3), "conv_transpose2d", dilations=[2, 2])
    yield conv("1-D", (1, 128, 256), (128, 64, 16), "conv_transpose1d", strides=[8], pads=[4, 4])
    offsets = f32(1, 18, 40, 40)
    yield Case("DeformConv", "DeformConv",
               [f32(1, 32, 40, 40), f32(32, 32, 3, 3) * 0.1, offsets, f32(32)], None,
               {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}, constants=(1, 3))
    yield Case("Col2Im", "Col2Im", [f32(1, 64 * 9, 3136), ints(56, 56), ints(3, 3)],
               lambda t, a, *_: t.nn.functional.fold(a, 56, 3, padding=1), {"pads": [1] * 4},
               constants=(1, 2))


def pools() -> Iterator[Case]:
    x = f32(1, 64, 56, 56)
    yield Case("AveragePool ceil", "AveragePool", [x],
               lambda t, a: t.nn.functional.avg_pool2d(a, 3, 2, ceil_mode=True),
               {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1})
    yield Case("AveragePool exclude pad", "AveragePool", [x],
               lambda t, a: t.nn.functional.avg_pool2d(a, 3, 1, 1, count_include_pad=False),
               {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]})
    yield Case("MaxPool indices", "MaxPool", [x],
               lambda t, a: t.nn.functional.max_pool2d(a, 2, return_indices=True),
               {"kernel_shape": [2, 2], "strides": [2, 2]}, outputs=2, output_kinds=[F32, I64])
    yield Case("MaxPool 1-D", "MaxPool", [f32(1, 256, 1500)],
               lambda t, a: t.nn.functional.max_pool1d(a, 2), {"kernel_shape": [2], "strides": [2]})
    yield Case("MaxPool 3-D", "MaxPool", [f32(1, 16, 16, 56, 56)],
               lambda t, a: t.nn.functional.max_pool3d(a, 2),
               {"kernel_shape": [2, 2, 2], "strides": [2, 2, 2]})
    yield Case("AveragePool 3-D", "AveragePool", [f32(1, 16, 16, 56, 56)],
               lambda t, a: t.nn.functional.avg_pool3d(a, 2),
               {"kernel_shape": [2, 2, 2], "strides": [2, 2, 2]})
    yield Case("GlobalAveragePool 3-D", "GlobalAveragePool", [f32(1, 64, 8, 28, 28)],
               lambda t, a: a.mean((2, 3, 4), True))
    yield Case("LpPool", "LpPool", [x], lambda t, a: t.nn.functional.lp_pool2d(a, 2, 3, 2),
               {"kernel_shape": [3, 3], "strides": [2, 2]})
    rows, columns = np.meshgrid(np.arange(28), np.arange(28), indexing="ij")
    at = (rows * 2 * 56 + columns * 2)[None, None] + np.arange(64)[None, :, None, None] * 3136
    yield Case("MaxUnpool", "MaxUnpool", [f32(1, 64, 28, 28), at],
               lambda t, a, i: t.nn.functional.max_unpool2d(a, i % 3136, 2),
               {"kernel_shape": [2, 2], "strides": [2, 2]})


def networks() -> Iterator[Case]:
    steps, size, hidden = 64, 128, 128
    x = f32(steps, 1, size)
    for op, gates in (("LSTM", 4), ("GRU", 3), ("RNN", 1)):
        for direction, count in (("forward", 1), ("bidirectional", 2)):
            w, r = f32(count, gates * hidden, size) * 0.1, f32(count, gates * hidden, hidden) * 0.1
            extra = {"linear_before_reset": 1} if op == "GRU" else {}
            yield Case(f"{op} {direction}", op, [x, w, r, f32(count, 2 * gates * hidden) * 0.1], None,
                       {"hidden_size": hidden, "direction": direction, **extra}, constants=(1, 2, 3))
    q = f32(1, 8, 256, 64)
    yield Case("Attention", "Attention", [q, q, q],
               lambda t, a, b, c: t.nn.functional.scaled_dot_product_attention(a, b, c), opset=23)
    yield Case("Attention causal", "Attention", [q, q, q],
               lambda t, a, b, c: t.nn.functional.scaled_dot_product_attention(a, b, c, is_causal=True),
               {"is_causal": 1}, opset=23)
    yield Case("Attention mask", "Attention", [q, q, q, f32(256, 256)],
               lambda t, a, b, c, m: t.nn.functional.scaled_dot_product_attention(a, b, c, m), opset=23)
    kv = f32(1, 2, 256, 64)
    yield Case("Attention grouped", "Attention", [q, kv, kv],
               lambda t, a, b, c: t.nn.functional.scaled_dot_product_attention(
                   a, b, c, enable_gqa=True), opset=23)
    angle = f32(256, 32)

    def rotate(t, a, c, s, *_):
        u, v = a[..., :32], a[..., 32:]
        return t.cat((u * c - v * s, u * s + v * c), -1)
    yield Case("RotaryEmbedding", "RotaryEmbedding",
               [q, np.cos(angle), np.sin(angle), np.arange(256)[None]], rotate, opset=23)
    yield Case("RMSNormalization", "RMSNormalization", [f32(1, 512, 768), positive(768)],
               lambda t, a, w: t.nn.functional.rms_norm(a, (768,), w), {"axis": -1}, opset=23)
    yield Case("MeanVarianceNormalization", "MeanVarianceNormalization", [f32(1, 64, 56, 56)], None,
               {"axes": [0, 2, 3]})
    yield Case("LayerNormalization small", "LayerNormalization", [f32(1, 3136, 96), positive(96), f32(96)],
               lambda t, a, w, v: t.nn.functional.layer_norm(a, (96,), w, v), {"axis": -1})
    yield Case("Softmax inner", "Softmax", [f32(8, 64, 49, 49)], lambda t, a: t.softmax(a, 2),
               {"axis": 2})
    yield Case("Softmax rows of 49", "Softmax", [f32(64, 3, 49, 49)], lambda t, a: t.softmax(a, -1))
    yield Case("Hardmax", "Hardmax", [f32(512, 1024)], None, {"axis": -1})
    yield Case("AffineGrid", "AffineGrid", [f32(1, 2, 3), ints(1, 3, 128, 128)],
               lambda t, a, _: t.nn.functional.affine_grid(a, (1, 3, 128, 128), align_corners=False),
               constants=(1,), opset=20)
    yield Case("Det", "Det", [f32(256, 4, 4)], lambda t, a: t.linalg.det(a))
    yield Case("MelWeightMatrix", "MelWeightMatrix",
               [np.int64(80), np.int64(400), np.int64(16000), np.float32(0), np.float32(8000)], None,
               output_kinds=[F32])


def integers() -> Iterator[Case]:
    a = i64(1000, *TOKENS)
    yield Case("Mod i64 python", "Mod", [a, np.int64(7)], lambda t, p, q: p % q)
    yield Case("Mod i32", "Mod", [a.astype(np.int32), np.int32(7)], lambda t, p, q: p % q)
    yield Case("BitShift", "BitShift", [a.astype(np.uint64), np.uint64(3)], None, {"direction": "RIGHT"})
    yield Case("BitwiseAnd i32", "BitwiseAnd", [a.astype(np.int32), np.int32(255)],
               lambda t, p, q: p & q)
    yield Case("BitwiseOr i64", "BitwiseOr", [a, a], lambda t, p, q: p | q)
    yield Case("Pow i64", "Pow", [i64(9, *TOKENS), np.int64(2)], lambda t, p, q: p.pow(2))
    yield Case("Where bool", "Where", [flags(*TOKENS), flags(*TOKENS), flags(*TOKENS)],
               lambda t, c, p, q: t.where(c, p, q))
    yield Case("Equal bool", "Equal", [flags(*TOKENS), flags(*TOKENS)], lambda t, p, q: p == q)
    yield Case("Equal i32", "Equal", [a.astype(np.int32), np.int32(4)], lambda t, p, q: p == q,
               output_kinds=[BOOL])
    yield Case("ArgMax i64", "ArgMax", [i64(9, 512, 1024)], lambda t, p: p.argmax(-1, True),
               {"axis": -1})
    yield Case("TopK i64", "TopK", [i64(10 ** 6, 16, 4096), ints(10)], lambda t, p, k: t.topk(p, 10),
               {"axis": -1}, constants=(1,), outputs=2)
    yield Case("ReduceSum i64 rows", "ReduceSum", [i64(9, 512, 1024), ints(0)], lambda t, p, _: p.sum(0),
               {"keepdims": 0}, constants=(1,))
    yield Case("ReduceProd i64", "ReduceProd", [i64(3, 512, 64), ints(1)], lambda t, p, _: p.prod(1),
               {"keepdims": 0}, constants=(1,))
    yield Case("ReduceMin i32", "ReduceMin", [a.astype(np.int32), ints(3)], lambda t, p, _: p.amin(3),
               {"keepdims": 0}, constants=(1,))
    yield Case("ReduceSum i32 all", "ReduceSum", [a.astype(np.int32)], lambda t, p: p.sum(), {"keepdims": 0})
    yield Case("ReduceMax bool-like u8", "ReduceMax", [bytes_of(np.uint8, 512, 1024), ints(1)],
               lambda t, p, _: p.amax(1), {"keepdims": 0}, constants=(1,))
    yield Case("ReduceMean apart", "ReduceMean", [f32(16, 32, 32, 64), ints(0, 2)],
               lambda t, p, _: p.mean((0, 2)), {"keepdims": 0}, constants=(1,))
    yield Case("CumSum i32 mask", "CumSum", [flags(8, 4096).astype(np.int32), np.int64(1)],
               lambda t, p, _: t.cumsum(p, 1), constants=(1,))
    yield Case("CumProd", "CumProd", [positive(64, 1024), np.int64(1)], lambda t, p, _: t.cumprod(p, 1),
               constants=(1,), opset=26)
    yield Case("Gather i64 table", "Gather", [i64(9, 32, 4096), i64(4096, 4096)], lambda t, p, i: p[:, i],
               {"axis": 1})
    yield Case("Concat i64", "Concat", [i64(9, 64, 256), i64(9, 64, 256)], lambda t, p, q: t.cat((p, q), 1),
               {"axis": 1})
    yield Case("Expand i64", "Expand", [i64(9, 1, 1024), ints(512, 1024)],
               lambda t, p, _: p.expand(512, 1024).contiguous(), constants=(1,))
    yield Case("Expand bool", "Expand", [flags(1, 1, 256, 256), ints(*TOKENS)],
               lambda t, p, _: p.expand(*TOKENS).contiguous(), constants=(1,))
    yield Case("ConstantOfShape i64", "ConstantOfShape", [ints(512, 1024)],
               lambda t, s: t.zeros(512, 1024), output_kinds=[F32])
    yield Case("Range f32", "Range", [np.float32(0), np.float32(500000), np.float32(1)],
               lambda t, *_: t.arange(0.0, 500000.0))
    yield Case("Unique all outputs", "Unique", [i64(500, 20000)],
               lambda t, p: t.unique(p, return_inverse=True, return_counts=True), outputs=4)
    yield Case("NonZero rank 1", "NonZero", [flags(100000)], lambda t, p: p.nonzero().T.contiguous(),
               output_kinds=[I64])
    yield Case("NonZero i64", "NonZero", [i64(2, 256, 256)], lambda t, p: p.nonzero().T.contiguous())
    yield Case("ScatterND cache", "ScatterND", [f32(1, 8, 512, 64)[0], i64(8, 8, 1), f32(8, 512, 64)],
               lambda t, p, i, u: p.clone().index_put_((i[:, 0],), u))
    yield Case("ScatterND points", "ScatterND", [f32(512, 512), i64(512, 65536, 2), f32(65536)],
               lambda t, p, i, u: p.clone().index_put_((i[:, 0], i[:, 1]), u))
    yield Case("ScatterElements 0", "ScatterElements", [f32(512, 512), i64(512, 256, 512), f32(256, 512)],
               lambda t, p, i, u: t.scatter(p, 0, i, u), {"axis": 0})
    yield Case("ScatterElements i64", "ScatterElements", [i64(9, 512, 512), i64(512, 512, 128),
                                                          i64(9, 512, 128)],
               lambda t, p, i, u: t.scatter(p, 1, i, u), {"axis": 1})
    yield Case("Sum of three", "Sum", [f32(*TOKENS)] * 3, lambda t, p, q, r: p + q + r)
    yield Case("Mean of two", "Mean", [f32(*TOKENS)] * 2, lambda t, p, q: (p + q) / 2)
    yield Case("Max of three", "Max", [f32(*TOKENS)] * 3, lambda t, p, q, r: t.maximum(t.maximum(p, q), r))
    for op in ("Atan", "Tan", "Asin", "Acos", "Sinh", "Cosh", "Asinh", "Acosh", "Atanh"):
        x = np.tanh(f32(1, 12, 256, 256)) if op != "Acosh" else positive(1, 12, 256, 256) + 1
        yield Case(f"{op} f32", op, [x], lambda t, p, n=op.lower(): getattr(t, n)(p))


def weights(*shape: int) -> np.ndarray:
    """Of 7 bits: onnxruntime's AVX2 kernels saturate the sum of two products of 8 bits."""
    return bytes_of(np.int8, *shape) // 2


def quantized() -> Iterator[Case]:
    x, w = bytes_of(np.uint8, 128, 768), weights(768, 768)
    yield Case("MatMulInteger", "MatMulInteger", [x, w, np.uint8(128), np.int8(0)], None,
               constants=(1, 3), output_kinds=[I32])
    yield Case("MatMulInteger vector", "MatMulInteger", [x[:1], w, np.uint8(128), np.int8(0)], None,
               constants=(1, 3), output_kinds=[I32])
    yield Case("DynamicQuantizeLinear", "DynamicQuantizeLinear", [f32(512, 768)], None, outputs=3,
               output_kinds=[U8, F32, U8])
    s = np.float32(0.02)
    yield Case("QLinearMatMul", "QLinearMatMul",
               [x, s, np.uint8(128), w, s, np.int8(0), np.float32(2), np.uint8(128)], None,
               constants=tuple(range(1, 8)))
    image, kernel = bytes_of(np.uint8, 1, 64, 56, 56), weights(64, 64, 3, 3)
    conv = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
    yield Case("ConvInteger", "ConvInteger", [image, kernel, np.uint8(128)], None, conv, constants=(1, 2),
               output_kinds=[I32])
    rest = [s, np.uint8(128), kernel, np.full(64, 0.02, np.float32), np.zeros(64, np.int8), np.float32(2),
            np.uint8(128), np.arange(64, dtype=np.int32)]
    yield Case("QLinearConv 3x3", "QLinearConv", [image, *rest], None, conv, constants=tuple(range(1, 9)))
    one = [*rest]
    one[2] = kernel[:, :, :1, :1].copy()
    yield Case("QLinearConv 1x1", "QLinearConv", [image, *one], None, {"kernel_shape": [1, 1]},
               constants=tuple(range(1, 9)))
    deep = [*rest]
    deep[2] = kernel[:, :1].copy()
    yield Case("QLinearConv depthwise", "QLinearConv", [image, *deep], None, {**conv, "group": 64},
               constants=tuple(range(1, 9)))
    yield Case("QuantizeLinear per channel", "QuantizeLinear",
               [f32(1, 64, 56, 56), np.full(64, 0.02, np.float32), np.zeros(64, np.int8)], None, {"axis": 1},
               constants=(1, 2), like=2)
    yield Case("DequantizeLinear weights", "DequantizeLinear",
               [w, np.full(768, 0.02, np.float32), np.zeros(768, np.int8)], None, {"axis": 1},
               constants=(1, 2), like=1)
    yield Case("DequantizeLinear i32", "DequantizeLinear", [i64(900, 512, 768).astype(np.int32), s], None,
               constants=(1,), like=1)


def halves() -> Iterator[Case]:
    x = f16(*TOKENS)
    for op, name in {"Add": "add", "Mul": "mul", "Sub": "sub", "Div": "div"}.items():
        yield Case(f"{op} f16", op, [x, np.abs(x) + np.float16(0.5)],
                   lambda t, p, q, n=name: getattr(t, n)(p, q))
    for op, name in {"Relu": "relu", "Sigmoid": "sigmoid", "Tanh": "tanh", "Sqrt": "sqrt", "Erf": "erf"}.items():
        yield Case(f"{op} f16", op, [np.abs(x) if op == "Sqrt" else x], lambda t, p, n=name: getattr(t, n)(p))
    yield Case("Where f16", "Where", [flags(*TOKENS), x, x], lambda t, c, p, q: t.where(c, p, q), like=1)
    yield Case("Transpose f16", "Transpose", [x], lambda t, p: p.permute(0, 2, 1, 3).contiguous(),
               {"perm": [0, 2, 1, 3]})
    yield Case("Softmax f16", "Softmax", [x], lambda t, p: t.softmax(p, -1))
    yield Case("LayerNormalization f16", "LayerNormalization", [f16(1, 512, 768), f16(768), f16(768)],
               lambda t, p, w, v: t.nn.functional.layer_norm(p, (768,), w, v), {"axis": -1})
    yield Case("MatMul f16", "MatMul", [f16(128, 768), f16(768, 768)], lambda t, p, q: p @ q, constants=(1,))
    yield Case("Conv f16", "Conv", [f16(1, 64, 28, 28), f16(64, 64, 3, 3), f16(64)],
               lambda t, p, w, v: t.nn.functional.conv2d(p, w, v, padding=1),
               {"kernel_shape": [3, 3], "pads": [1] * 4}, constants=(1, 2))
    yield Case("ReduceMean f16", "ReduceMean", [f16(512, 768), ints(1)], lambda t, p, _: p.mean(1),
               {"keepdims": 0}, constants=(1,))
    yield Case("Gather f16", "Gather", [f16(30000, 256), i64(30000, 1, 512)], lambda t, p, i: p[i])


def tiny() -> Iterator[Case]:
    """What decoders and detectors do between their large steps; the time is that of a call."""
    v = ints(1, 2, 3, 4)
    yield Case("tiny Add i64", "Add", [v, v], lambda t, p, q: p + q)
    yield Case("tiny Gather i64", "Gather", [v, np.int64(1)], lambda t, p, i: p[i])
    yield Case("tiny Concat i64", "Concat", [v, v], lambda t, p, q: t.cat((p, q)), {"axis": 0})
    yield Case("tiny Cast", "Cast", [v], lambda t, p: p.float(), {"to": 1}, output_kinds=[F32])
    yield Case("tiny Slice", "Slice", [v, ints(1), ints(3)], lambda t, p, a, b: p[1:3].clone(), constants=(1, 2))
    yield Case("tiny Unsqueeze", "Unsqueeze", [v, ints(0)], lambda t, p, _: p[None].clone(), constants=(1,))
    yield Case("tiny Equal", "Equal", [v, v], lambda t, p, q: p == q, output_kinds=[BOOL])
    yield Case("tiny Where i64", "Where", [flags(4), v, v], lambda t, c, p, q: t.where(c, p, q), like=1)
    yield Case("tiny ReduceProd i64", "ReduceProd", [v], lambda t, p: p.prod(), {"keepdims": 0})
    yield Case("tiny ReduceMax i64", "ReduceMax", [v], lambda t, p: p.max(), {"keepdims": 0})
    yield Case("tiny Range", "Range", [np.int64(0), np.int64(8), np.int64(1)], lambda t, *_: t.arange(8))
    yield Case("tiny Expand", "Expand", [ints(7), ints(1, 4)], lambda t, p, s: p.expand(1, 4).clone(), constants=(1,))
    yield Case("tiny Add f32", "Add", [f32(8), f32(8)], lambda t, p, q: p + q)
    yield Case("tiny MatMul", "MatMul", [f32(4, 8), f32(8, 4)], lambda t, p, q: p @ q)
    yield Case("tiny Softmax", "Softmax", [f32(1, 8)], lambda t, p: t.softmax(p, -1))
    yield Case("tiny ScatterND", "ScatterND", [f32(16), ints(3)[:, None], f32(1)], None)
    yield Case("tiny NonZero", "NonZero", [flags(8)], lambda t, p: p.nonzero(), output_kinds=[I64])


def more_cases() -> Iterator[Case]:
    for family in (convolutions, pools, networks, integers, quantized, halves, tiny):
        yield from family()
