# SPDX-License-Identifier: Apache-2.0
"""Writes models of com.microsoft operators and of old opsets with onnxruntime's results as files.

The layout is that of dump_suite.py, so the same runner reads it. Cases that the installed
onnxruntime refuses are listed and left out.

  python tests/conformance/dump_runtime_ops.py --out build/suite/runtime
"""

import argparse
import pathlib

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

MS = "com.microsoft"
rng = np.random.default_rng(5)


def f32(*shape):
    return rng.standard_normal(shape).astype(np.float32)


def u8(*shape):
    return rng.integers(0, 256, shape).astype(np.uint8)


def i8(*shape):
    return rng.integers(-128, 128, shape).astype(np.int8)


class Case:
    """One node: inputs are arrays (fed), Const(array) (initializers) or None (absent)."""

    def __init__(self, name, op, inputs, outputs=1, opset=20, domain=MS, tolerance=(1e-4, 1e-5), sized=False, **attrs):
        self.name, self.op, self.inputs, self.outputs = name, op, inputs, outputs
        self.opset, self.domain, self.tolerance, self.attrs = opset, domain, tolerance, attrs
        self.sized = sized  # needs inputs of known sizes

    def model(self, sizes_known=True):
        names, infos, weights = [], [], []
        for i, value in enumerate(self.inputs):
            if value is None:
                names.append("")
                continue
            names.append(f"x{i}")
            if isinstance(value, Const):
                weights.append(value.proto(f"x{i}"))
                continue
            dtype = TensorProto.STRING if value.dtype.kind == "U" else helper.np_dtype_to_tensor_dtype(value.dtype)
            shape = value.shape if sizes_known else [None] * value.ndim
            infos.append(helper.make_tensor_value_info(f"x{i}", dtype, shape))
        wanted = self.outputs if isinstance(self.outputs, list) else list(range(self.outputs))
        outs = [f"y{i}" if i in wanted else "" for i in range(max(wanted) + 1)]
        node = helper.make_node(self.op, names, outs, name="n", domain=self.domain, **self.attrs)
        results = [onnx.ValueInfoProto(name=o) for o in outs if o]
        graph = helper.make_graph([node], self.name, infos, results, weights)
        imports = [helper.make_opsetid("", self.opset), helper.make_opsetid(MS, 1)]
        return helper.make_model(graph, opset_imports=imports, ir_version=8)

    def feeds(self):
        return {
            f"x{i}": v
            for i, v in enumerate(self.inputs)
            if v is not None and not isinstance(v, Const)
        }


class Const:
    """An initializer; of `dtype` where numpy has no such type."""

    def __init__(self, array, dtype=None):
        self.array, self.dtype = array, dtype

    def proto(self, name):
        if self.dtype is None:
            return numpy_helper.from_array(self.array, name)
        return helper.make_tensor(name, self.dtype, self.array.shape, self.array.ravel())


def contrib_cases():
    x = f32(2, 3, 8)
    yield Case("gelu", "Gelu", [x])
    yield Case("bias_gelu", "BiasGelu", [x, f32(8)])
    yield Case("fast_gelu", "FastGelu", [x])
    yield Case("fast_gelu_bias", "FastGelu", [x, f32(8)])
    yield Case("quick_gelu", "QuickGelu", [x], alpha=1.5)
    yield Case("quick_gelu_default", "QuickGelu", [x])
    yield Case("fused_matmul", "FusedMatMul", [f32(2, 3, 4), f32(2, 3, 5)], transA=1, alpha=0.5)
    yield Case("fused_matmul_b", "FusedMatMul", [f32(2, 4, 3), f32(2, 5, 3)], transB=1)
    yield Case("fused_matmul_batch", "FusedMatMul", [f32(4, 2, 3), f32(2, 3, 5)], transBatchA=1)
    yield Case("fused_matmul_batch_swap", "FusedMatMul", [f32(3, 2, 4), f32(2, 3, 5)], transBatchA=1, transA=1)
    yield Case("fused_gemm", "FusedGemm", [f32(2, 3), f32(3, 4), f32(4)], activation="Relu")
    yield Case(
        "fused_gemm_leaky", "FusedGemm", [f32(2, 3), f32(3, 4), f32(4)], activation="LeakyRelu", activation_alpha=0.3
    )
    yield Case("fused_conv", "FusedConv", [f32(1, 2, 5, 5), f32(3, 2, 3, 3), f32(3)], activation="Relu")
    yield Case(
        "fused_conv_sum",
        "FusedConv",
        [f32(1, 2, 5, 5), f32(3, 2, 3, 3), f32(3), f32(1, 3, 3, 3)],
        activation="Relu",
    )
    z = f32(1, 3, 3, 3)
    for name, params in (("Clip", [-0.2, 0.5]), ("HardSigmoid", [0.3, 0.4]), ("LeakyRelu", [0.3])):
        conv = dict(activation=name, activation_params=params)
        yield Case(f"fused_conv_{name.lower()}", "FusedConv", [f32(1, 2, 5, 5), f32(3, 2, 3, 3), f32(3)], **conv)
        yield Case(f"fused_conv_sum_{name.lower()}", "FusedConv", [f32(1, 2, 5, 5), f32(3, 2, 3, 3), f32(3), z], **conv)
    for name in ("ScaledTanh", "ParametricSoftplus"):
        gemm = dict(activation=name, activation_alpha=0.3, activation_beta=0.7)
        yield Case(f"fused_gemm_{name.lower()}", "FusedGemm", [f32(2, 3), f32(3, 4), f32(4)], **gemm)
    yield Case("simplified_layer_norm_inverse", "SimplifiedLayerNormalization", [x, f32(8)], outputs=2, domain="", epsilon=0.1)
    yield Case("simplified_layer_norm", "SimplifiedLayerNormalization", [x, f32(8)], domain="", epsilon=1e-5)
    yield Case("skip_layer_norm", "SkipLayerNormalization", [x, f32(2, 3, 8), f32(8), f32(8), f32(8)])
    yield Case("skip_layer_norm_sum", "SkipLayerNormalization", [x, f32(2, 3, 8), f32(8), f32(8)], outputs=[0, 3])
    yield Case("skip_simplified", "SkipSimplifiedLayerNormalization", [x, f32(2, 3, 8), f32(8)], outputs=[0, 3])
    ids = rng.integers(0, 6, (2, 3)).astype(np.int32)
    kinds = rng.integers(0, 2, (2, 3)).astype(np.int32)
    tables = [f32(6, 8), f32(5, 8), f32(2, 8), f32(8), f32(8)]
    mask = np.array([[1, 1, 0], [1, 1, 1]], np.int32)
    yield Case("embed_mask", "EmbedLayerNormalization", [ids, kinds, *tables, mask], outputs=2)
    yield Case("embed_sum", "EmbedLayerNormalization", [ids, None, *tables[:2], None, *tables[3:]], outputs=[0, 2])
    yield Case("embed_index_of_no_mask", "EmbedLayerNormalization", [ids, kinds, *tables], outputs=2)
    scale, zero = Const(np.array(0.02, np.float32)), Const(np.array(3, np.uint8))
    small = [Const(u8(*t.shape)) for t in tables]
    quantized = [ids, kinds, *small, mask, *[scale] * 5, *[zero] * 5]
    yield Case("embed_quantized", "QEmbedLayerNormalization", quantized, outputs=2)
    yield from attention_cases()
    yield from quantized_cases()
    yield from blockwise_cases()
    yield from channels_last_cases()
    yield from moe_cases()
    yield from quantized_moe_cases()
    yield from renamed_cases()
    yield from gated_cases()
    yield from hashing_cases()
    yield from word_cases()


def attention_cases():
    x = f32(2, 3, 8)
    weights, bias = f32(8, 24) * 0.3, f32(24)
    yield Case("attention", "Attention", [x, weights, bias], num_heads=2)
    yield Case("attention_causal", "Attention", [x, weights, bias], num_heads=2, unidirectional=1)
    mask = np.array([[1, 1, 0], [1, 1, 1]], np.int32)
    ends, bounds = np.array([2, 3], np.int32), np.array([2, 3, 0, 1], np.int32)
    for name, lengths in (("ends", ends), ("bounds", bounds)):
        yield Case(f"attention_{name}", "Attention", [x, weights, bias, lengths], num_heads=2)
        yield Case(f"attention_{name}_causal", "Attention", [x, weights, bias, lengths], num_heads=2, unidirectional=1)
    small = [Const(v) for v in (i8(8, 24), f32(24), np.array(0.02, np.float32), np.array(0.02, np.float32))]
    zeros = [Const(np.array(128, np.uint8)), Const(np.array(0, np.int8))]
    tokens = dict(num_heads=2, tolerance=(1e-3, 1e-3))
    yield Case("attention_quantized", "QAttention", [u8(2, 3, 8), *small, ends, *zeros], **tokens)
    past = f32(2, 2, 2, 4, 4)
    yield Case("attention_quantized_past", "QAttention", [u8(2, 3, 8), *small, None, *zeros, past], outputs=2, unidirectional=1, **tokens)
    yield Case("attention_mask", "Attention", [x, weights, bias, mask], num_heads=2)
    mask3 = rng.integers(0, 2, (2, 3, 3)).astype(np.int32)
    mask3[:, :, 0] = 1
    yield Case("attention_mask_3d", "Attention", [x, weights, bias, mask3], num_heads=2)
    past = f32(2, 2, 2, 4, 4)
    yield Case("attention_past", "Attention", [x, weights, bias, None, past], outputs=2, num_heads=2, unidirectional=1)
    q, k, v = f32(2, 3, 8), f32(2, 5, 8), f32(2, 5, 8)
    yield Case("mha", "MultiHeadAttention", [q, k, v], num_heads=2)
    yield Case("mha_bias", "MultiHeadAttention", [q, k, v, f32(24)], num_heads=2, sized=True)
    mask5 = np.array([[1, 1, 0, 1, 0], [1, 1, 1, 1, 1]], np.int32)
    ready = [f32(2, 2, 5, 4), f32(2, 2, 5, 4)]
    yield Case("mha_cross_bias", "MultiHeadAttention", [q, *ready, f32(24)], num_heads=2, sized=True)
    yield Case("mha_ends", "MultiHeadAttention", [q, k, v, None, np.array([4, 5], np.int32)], num_heads=2)
    yield Case("mha_one_query", "MultiHeadAttention", [f32(2, 1, 8), k, v], num_heads=2, unidirectional=1, sized=True)
    yield Case("mha_mask", "MultiHeadAttention", [q, k, v, None, mask5], num_heads=2)
    yield Case("mha_scores", "MultiHeadAttention", [q, k, v, None, None, f32(1, 2, 3, 5)], num_heads=2)
    yield Case("mha_cross", "MultiHeadAttention", [q, f32(2, 2, 5, 4), f32(2, 2, 5, 4)], num_heads=2, scale=0.7)
    yield Case(
        "mha_past",
        "MultiHeadAttention",
        [f32(2, 3, 8), f32(2, 3, 8), f32(2, 3, 8), None, None, None, f32(2, 2, 4, 4), f32(2, 2, 4, 4)],
        outputs=3,
        num_heads=2,
    )
    yield from group_query_cases()
    cos, sin = f32(6, 2), f32(6, 2)
    positions = np.array([[0, 1, 2], [3, 4, 5]], np.int64)
    yield Case("rotary", "RotaryEmbedding", [f32(2, 2, 3, 4), positions, cos, sin])
    yield Case("rotary_heads", "RotaryEmbedding", [f32(2, 3, 8), positions, cos, sin], num_heads=2, rotary_embedding_dim=4)
    yield Case("rotary_heads_of_cache", "RotaryEmbedding", [f32(2, 3, 8), positions, cos, sin], sized=True)
    first = np.array([2], np.int64)
    yield Case("rotary_offset", "RotaryEmbedding", [f32(2, 2, 3, 4), first, cos, sin])
    yield Case("rotary_offset_heads", "RotaryEmbedding", [f32(2, 3, 8), first, cos, sin], num_heads=2)
    yield Case("rotary_interleaved", "RotaryEmbedding", [f32(2, 2, 3, 4), positions, cos, sin], interleaved=1)


def group_query_cases():
    op = "GroupQueryAttention"
    heads = dict(num_heads=4, kv_num_heads=2)
    total = lambda n: np.array(n, np.int32)  # noqa: E731
    last = lambda *n: np.array(n, np.int32)  # noqa: E731
    cos, sin = f32(16, 8), f32(16, 8)
    empty = [f32(2, 2, 0, 16), f32(2, 2, 0, 16)]
    prompt = [f32(2, 3, 64), f32(2, 3, 32), f32(2, 3, 32)]
    yield Case("gqa_prompt", op, [*prompt, *empty, last(2, 2), total(3)], outputs=3, **heads)
    yield Case("gqa_rotary", op, [*prompt, *empty, last(2, 2), total(3), cos, sin], outputs=3, do_rotary=1, sized=True, **heads)
    yield Case("gqa_packed", op, [f32(2, 3, 128), None, None, *empty, last(2, 2), total(3)], outputs=3, **heads)
    step = [f32(2, 1, 64), f32(2, 1, 32), f32(2, 1, 32)]
    past = [f32(2, 2, 4, 16), f32(2, 2, 4, 16)]
    yield Case("gqa_step", op, [*step, *past, last(4, 4), total(5), cos, sin], outputs=3, do_rotary=1, sized=True, **heads)
    yield Case("gqa_window", op, [*step, *past, last(4, 4), total(5)], outputs=3, local_window_size=2, **heads)
    yield Case("gqa_scale", op, [*step, *past, last(4, 4), total(5)], outputs=3, scale=0.2, **heads)
    scores = f32(1, 4, 1, 5)
    rest = [None, None, None]
    yield Case("gqa_bias", op, [*step, *past, last(4, 4), total(5), *rest, scores], outputs=3, **heads)
    yield Case("gqa_sink", op, [*step, *past, last(4, 4), total(5), *rest, None, f32(4)], outputs=3, **heads)
    yield Case("gqa_bias_sink", op, [*step, *past, last(4, 4), total(5), *rest, scores, f32(4)], outputs=3, **heads)
    yield Case("gqa_smooth", op, [*prompt, *empty, last(2, 2), total(3)], outputs=3, smooth_softmax=1, **heads)
    yield Case("gqa_both_ways", op, [*prompt, *empty, last(2, 2), total(3)], outputs=3, causal=0, **heads)
    room = [np.pad(x, [(0, 0), (0, 0), (0, 4), (0, 0)]) for x in past]
    yield Case("gqa_room", op, [*step, *room, last(4, 4), total(5), *rest, scores, f32(4)], outputs=3, **heads)
    interleaved = dict(do_rotary=1, rotary_interleaved=1, sized=True)
    yield Case("gqa_interleaved", op, [*step, *past, last(4, 4), total(5), cos, sin], outputs=3, **interleaved, **heads)


def quantized_cases():
    scale = lambda v: np.array(v, np.float32)  # noqa: E731
    a = [u8(2, 3, 4), scale(0.02), np.array(128, np.uint8)]
    b = [u8(3, 4), scale(0.03), np.array(100, np.uint8)]
    y = [scale(0.05), np.array(120, np.uint8)]
    # onnxruntime rounds sums in fixed point, so a result may be one step away.
    step = dict(tolerance=(0, 1))
    yield Case("qlinear_add", "QLinearAdd", [*a, *b, *y], **step)
    yield Case("qlinear_mul", "QLinearMul", [*a, *b, *y], **step)
    yield Case("qlinear_sigmoid", "QLinearSigmoid", [*a, scale(1 / 256), np.array(0, np.uint8)], **step)
    yield Case("qlinear_leaky_relu", "QLinearLeakyRelu", [*a, *y], alpha=0.1, **step)
    image = [u8(1, 2, 6, 6), scale(0.02), np.array(128, np.uint8)]
    yield Case("qlinear_average_pool", "QLinearAveragePool", [*image, *y], kernel_shape=[2, 2], strides=[2, 2], **step)
    yield Case("qlinear_global_pool", "QLinearGlobalAveragePool", [*image, *y], **step)
    yield Case("qlinear_concat", "QLinearConcat", [*y, *a, u8(2, 3, 4), scale(0.04), np.array(7, np.uint8)], axis=1, **step)
    softmax = Case("qlinear_softmax", "QLinearSoftmax", [*a, scale(1 / 256), np.array(0, np.uint8)], axis=-1, **step)
    softmax.attrs["opset"] = 13  # an attribute of the operator
    yield softmax
    condition = rng.integers(0, 2, (2, 3, 4)).astype(bool)
    yield Case(
        "qlinear_where",
        "QLinearWhere",
        [condition, a[0], *[Const(v) for v in a[1:]], u8(2, 3, 4), *[Const(v) for v in (b[1], b[2])], *[Const(v) for v in y]],
        **step,
    )
    gemm = [u8(2, 4), scale(0.02), np.array(128, np.uint8), u8(4, 3), scale(0.03), np.array(100, np.uint8)]
    acc = rng.integers(-500, 500, (3,)).astype(np.int32)
    yield Case("qgemm", "QGemm", [*gemm, acc, *y], **step)
    yield Case("qgemm_float", "QGemm", [*gemm, acc])
    yield Case("qgemm_alpha", "QGemm", [*gemm, acc, *y], alpha=0.5, **step)
    yield Case("qgemm_float_alpha", "QGemm", [*gemm, acc], alpha=0.5)
    small = [i8(2, 3, 4), scale(0.02), np.array(3, np.int8)]
    yield Case("qlinear_sigmoid_i8", "QLinearSigmoid", [*small, scale(1 / 128), None], **step)
    yield Case("qlinear_leaky_relu_i8", "QLinearLeakyRelu", [*small, scale(0.05), None], **step)
    flat = dict(channels_last=1, **step)
    yield Case("qlinear_global_pool_last", "QLinearGlobalAveragePool", [u8(1, 6, 5, 2), *image[1:], *y], **flat)
    lstm = [f32(3, 2, 4), Const(i8(1, 4, 32)), Const(i8(1, 8, 32)), f32(1, 64), None, None, None, None]
    for name, scales in (("", f32(1)), ("_columns", f32(1, 32))):
        scales = Const((np.abs(scales) * 0.005 + 0.001).astype(np.float32))
        kernel = [scales, Const(np.zeros(scales.array.shape, np.int8))]
        # onnxruntime rounds x and h to 8 bits.
        yield Case(f"quantized_lstm{name}", "DynamicQuantizeLSTM", [*lstm, *kernel, *kernel], outputs=3, hidden_size=8, tolerance=(0, 0.03))
    yield Case("dynamic_quantize_matmul", "DynamicQuantizeMatMul", [f32(2, 4), i8(4, 3), scale([0.02]), None, f32(3)])
    yield Case(
        "matmul_integer_to_float",
        "MatMulIntegerToFloat",
        [u8(2, 4), i8(4, 3), scale([0.02]), scale([0.03]), np.array([128], np.uint8), np.array([1], np.int8), f32(3)],
    )
    yield Case("quantize", "QuantizeLinear", [f32(2, 3), scale(0.01), np.array(1000, np.uint16)])
    yield Case("dequantize", "DequantizeLinear", [u8(2, 3).astype(np.uint16), scale(0.01), np.array(9, np.uint16)])


def blockwise_cases():
    close = dict(tolerance=(1e-3, 1e-3))
    for bits in (2, 4, 8):
        for k, n, block in ((64, 6, 16), (40, 5, 32), (96, 3, 32)):
            count = -(-k // block)
            b, scales = Const(u8(n, count, block * bits // 8)), Const(np.abs(f32(n, count)) * np.float32(0.1))
            packed = Const(u8(n, -(-count * bits // 8)))
            real = Const(np.abs(f32(n, count)))
            shape = dict(K=k, N=n, bits=bits, block_size=block, **close)
            name = f"matmul_{bits}_bits_{k}"
            yield Case(name, "MatMulNBits", [f32(2, 3, k), b, scales], **shape)
            yield Case(f"{name}_zeros", "MatMulNBits", [f32(2, 3, k), b, scales, packed], **shape)
            if bits < 8:  # which onnxruntime refuses
                yield Case(f"{name}_real_zeros", "MatMulNBits", [f32(2, 3, k), b, scales, real, None, f32(n)], **shape)
    order = Const(rng.integers(0, 4, 64).astype(np.int32))
    blocks = [Const(u8(6, 4, 8)), Const(np.abs(f32(24)) * np.float32(0.1))]
    shape = dict(K=64, N=6, bits=4, block_size=16, **close)
    yield Case("matmul_4_bits_groups", "MatMulNBits", [f32(3, 64), *blocks, None, order], **shape)
    for kind in (0, 1):
        blocks = [Const(u8(6 * 64 // 2)), Const(np.abs(f32(24)))]
        yield Case(f"matmul_bnb4_{kind}", "MatMulBnb4", [f32(2, 3, 64), *blocks], K=64, N=6, block_size=16, quant_type=kind, **close)
    rows = rng.integers(0, 8, (2, 3)).astype(np.int64)
    for bits, bytes_ in ((4, u8(8, 16)), (8, u8(8, 32))):
        scales, zeros = Const(np.abs(f32(8, 2))), Const(u8(8, 2 * bits // 8))
        table = dict(block_size=16, bits=bits, quantize_axis=1)
        yield Case(f"gather_{bits}_bits", "GatherBlockQuantized", [Const(bytes_), rows, scales], **table)
        yield Case(f"gather_{bits}_bits_zeros", "GatherBlockQuantized", [Const(bytes_), rows, scales, zeros], **table)
    for name, dtype, low in (("i4", TensorProto.INT4, -8), ("u4", TensorProto.UINT4, 0)):
        nibbles = Const(rng.integers(low, low + 16, (32, 8)), dtype)
        zeros = Const(rng.integers(low, low + 16, (2, 8)), dtype)
        table = [nibbles, rows, Const(np.abs(f32(2, 8)))]
        axes = dict(block_size=16, quantize_axis=0, gather_axis=1)
        yield Case(f"gather_{name}", "GatherBlockQuantized", table, **axes)
        yield Case(f"gather_{name}_zeros", "GatherBlockQuantized", [*table, zeros], **axes)


def channels_last_cases():
    scale = lambda v: Const(np.array(v, np.float32))  # noqa: E731
    zero = lambda v: Const(np.array(v, np.uint8))  # noqa: E731
    weights = [Const(u8(4, 3, 3, 3)), scale(0.02), zero(1), scale(0.1), zero(100)]
    last = dict(pads=[1, 1, 1, 1], strides=[2, 1], tolerance=(0, 1))
    yield Case("qlinear_conv_last", "QLinearConv", [u8(1, 5, 6, 3), scale(0.02), zero(3), *weights], channels_last=1, **last)
    yield Case("qlinear_conv_first", "QLinearConv", [u8(1, 3, 5, 6), scale(0.02), zero(3), *weights], **last)
    yield Case("max_pool_last", "NhwcMaxPool", [u8(1, 5, 6, 3)], kernel_shape=[2, 2])


def moe_cases():
    x, router = f32(2, 2, 8), f32(4, 5)
    bent = [f32(5, 16, 8), f32(5, 16), f32(5, 8, 16), f32(5, 8)]
    close = dict(tolerance=(1e-3, 1e-3))
    for name in ("relu", "gelu", "silu", "identity"):
        yield Case(f"moe_{name}", "MoE", [x, router, *bent], activation_type=name, k=2, **close)
    bare = [bent[0], None, bent[2]]
    yield Case("moe_of_rows", "MoE", [f32(4, 8), router, *bare], normalize_routing_weights=1, k=3, **close)
    pairs = dict(activation_type="swiglu", swiglu_fusion=1, k=2, **close)
    gated = [f32(5, 32, 8), f32(5, 32), *bent[2:]]
    yield Case("moe_swiglu", "MoE", [x, router, *gated], **pairs)
    limits = dict(activation_alpha=1.702, activation_beta=1.0, swiglu_limit=1.0)
    yield Case("moe_swiglu_limit", "MoE", [x, router, *gated], **limits, **pairs)


def quantized_moe_cases():
    x, router = f32(6, 32), f32(6, 5)
    close = dict(tolerance=(2e-3, 2e-2))
    for bits in (2, 4, 8):
        # onnxruntime rounds activations to 8 bits where weights are blocks of 8 bits.
        close["tolerance"] = (2e-3, 5e-2 if bits == 8 else 2e-2)
        small = lambda *shape: Const(((np.abs(f32(*shape)) * 0.32 + 0.16) / 2**bits).astype(np.float32))  # noqa: E731
        up, down = Const(u8(5, 64, 32 * bits // 8)), Const(u8(5, 32, 64 * bits // 8))
        plain = dict(expert_weight_bits=bits, k=2, **close)
        rows = [x, router, up, small(5, 64), f32(5, 64), down, small(5, 32), f32(5, 32)]
        yield Case(f"qmoe_{bits}", "QMoE", rows, activation_type="silu", **plain)
        yield Case(f"qmoe_{bits}_normal", "QMoE", rows, activation_type="gelu", normalize_routing_weights=1, **plain)
        blocks = [x, router, up, small(5, 64, 2), None, down, small(5, 32, 4), None]
        yield Case(f"qmoe_{bits}_blocks", "QMoE", blocks, block_size=16, activation_type="relu", **plain)
        zeros = [None] * 3 + [Const(u8(5, 64, 2 * bits // 8 or 1)), Const(u8(5, 32, 4 * bits // 8))]
        yield Case(f"qmoe_{bits}_zeros", "QMoE", [*blocks, *zeros], block_size=16, activation_type="identity", **plain)
        yield Case(f"qmoe_{bits}_row_zeros", "QMoE", [*rows, None, None, None, Const(u8(5, 64 * bits // 8)), Const(u8(5, 32 * bits // 8))],
                   activation_type="relu", **plain)
    pairs = dict(activation_type="swiglu", swiglu_fusion=1, k=2, activation_alpha=1.702, activation_beta=1.0, swiglu_limit=3.0)
    small = lambda *shape: Const((np.abs(f32(*shape)) * 0.02 + 0.01).astype(np.float32))  # noqa: E731
    gated = [x, router, Const(u8(5, 64, 16)), small(5, 64), f32(5, 64), Const(u8(5, 32, 16)), small(5, 32), f32(5, 32)]
    yield Case("qmoe_swiglu", "QMoE", gated, **pairs, **close)
    yield Case("qmoe_router_weights", "QMoE", [*gated, *[None] * 6, np.abs(f32(6, 5))], **pairs, **close)
    yield Case("qmoe_tokens", "QMoE", [f32(2, 3, 32), *gated[1:]], **pairs, **close)


def gated_cases():
    a, b = f32(2, 3, 4), f32(2, 3, 4)
    yield Case("attention_gate", "LinearAttentionGate", [a, f32(4), f32(4), b], outputs=2)
    yield Case("attention_gate_decay", "LinearAttentionGate", [a, f32(4), f32(4)])
    for name in ("silu", "swish", "sigmoid"):
        yield Case(f"gated_norm_{name}", "GatedRMSNorm", [f32(2, 3, 8), f32(8), f32(2, 3, 8)], activation=name)
    yield Case("gated_norm_heads", "GatedRMSNorm", [f32(2, 3, 8), f32(4), f32(2, 3, 8)], epsilon=0.1)
    yield Case("gated_norm_f16", "GatedRMSNorm", [f32(3, 8).astype(np.float16), f32(8).astype(np.float16), f32(3, 8).astype(np.float16)], tolerance=(2e-3, 2e-3))
    heads = dict(q_num_heads=4, kv_num_heads=2, outputs=2)
    q, k, v, state = f32(2, 3, 32), f32(2, 3, 16) * 0.3, f32(2, 3, 8), f32(2, 2, 8, 4)
    decay, beta = -np.abs(f32(2, 3, 2)), np.abs(f32(2, 3, 2)) * np.float32(0.5)
    yield Case("linear_attention", "LinearAttention", [q, k, v], update_rule="linear", **heads)
    yield Case("linear_attention_scale", "LinearAttention", [q, k, v, state], update_rule="linear", scale=0.3, chunk_size=2, **heads)
    yield Case("linear_attention_gated", "LinearAttention", [q, k, v, state, decay], update_rule="gated", **heads)
    yield Case("linear_attention_gated_keys", "LinearAttention", [q, k, v, state, -np.abs(f32(2, 3, 16))], update_rule="gated", **heads)
    yield Case("linear_attention_delta", "LinearAttention", [q, k, v, state, None, beta], update_rule="delta", **heads)
    yield Case("linear_attention_default", "LinearAttention", [q, k, v, state, decay, beta], **heads)
    x, w, held = f32(2, 4, 5), f32(4, 1, 3), f32(2, 4, 2)
    yield Case("causal_conv", "CausalConvWithState", [x, w], outputs=2)
    for name in ("none", "silu", "swish"):
        yield Case(f"causal_conv_{name}", "CausalConvWithState", [x, w, f32(4), held], outputs=2, activation=name)
    turned = [x.transpose(0, 2, 1).copy(), w, f32(4), held.transpose(0, 2, 1).copy()]
    yield Case("causal_conv_last", "CausalConvWithState", turned, outputs=2, channels_last=1, activation="silu")
    yield Case("causal_conv_last_stateless", "CausalConvWithState", turned[:2], outputs=2, channels_last=1)


def hashing_cases():
    numbers = rng.integers(-(2**31), 2**31, (2, 3))
    for dtype in (np.int32, np.uint32, np.int64, np.uint64, np.float32, np.float64):
        x = numbers.astype(dtype)
        yield Case(f"murmur_{x.dtype.name}", "MurmurHash3", [x], tolerance=(0, 0))
        yield Case(f"murmur_{x.dtype.name}_signed", "MurmurHash3", [x], positive=0, seed=7, tolerance=(0, 0))
    ids = np.array([[1, 2, 3, 1, 2, 9, 1, 2], [0, 1, 0, 1, 0, 1, 1, 0]], np.int64)
    for n in (1, 2, 3, 5, 9):
        yield Case(f"repeats_{n}", "NGramRepeatBlock", [ids, f32(2, 10)], ngram_size=n, tolerance=(0, 0))
    for shape in ((3, 3), (2, 5, 5), (2, 2, 1, 1), (1, 8, 8)):
        name = "x".join(map(str, shape))
        yield Case(f"inverse_{name}", "Inverse", [f32(*shape)], tolerance=(1e-3, 1e-3))
    yield Case("inverse_f64", "Inverse", [f32(2, 4, 4).astype(np.float64)])
    yield Case("inverse_f16", "Inverse", [(np.eye(3) * 2 + f32(3, 3) * 0.3).astype(np.float16)], tolerance=(1e-2, 1e-2))
    # Zeros where the first pivots would be.
    yield Case("inverse_swapped", "Inverse", [np.array([[0, 0, 2], [1, 0, 0], [0, 4, 1]], np.float32)])


def word_cases():
    texts = np.array(["the quick, brown fox", "", "a bb ccc", "été ñandú 漢字", "x1 y22"])
    marked = dict(mark=1, pad_value="#")
    bare = dict(mark=0, pad_value="")
    for name, attrs in (("words", dict(tokenexp="[a-zA-Z0-9_]+")), ("one", dict(tokenexp=".")), ("longest", dict(tokenexp="a|the|the quick|b+")),
                        ("spaces", dict(separators=[" "])), ("signs", dict(separators=[", ", "[0-9]", " "])), ("characters", dict(separators=[""]))):
        # onnxruntime refuses characters of two characters.
        for least in (1,) if name in ("one", "characters") else (1, 2):
            yield Case(f"tokens_{name}_{least}", "Tokenizer", [texts], mincharnum=least, **marked, **attrs)
        yield Case(f"tokens_{name}_rows", "Tokenizer", [texts[:4].reshape(2, 2)], mincharnum=1, **bare, **attrs)


def renamed_cases():
    x = f32(2, 3, 4)
    yield Case("range_of_two", "Range", [np.array(0, np.float32), np.array(5, np.float32)])
    yield Case("range", "Range", [np.array(0, np.int64), np.array(5, np.int64), np.array(2, np.int64)])
    fill = np.array([0.5], np.float32)
    yield Case("pad", "Pad", [f32(2, 3), np.array([0, 1, 1, 0], np.int64), fill])
    yield Case("pad_row", "Pad", [f32(2, 3), np.array([[0, 1, 1, 0]], np.int64), fill])
    for dtype in (np.int32, np.int64):
        index = np.array([[0, 1], [1, -1]], dtype)
        yield Case(f"gather_nd_{index.dtype.name}", "GatherND", [x, index])
    for axis in (-2, 1):
        yield Case(f"expand_dims_{axis}", "ExpandDims", [x, Const(np.array(axis, np.int32))])
        yield Case(f"expand_dims_computed_{axis}", "ExpandDims", [x, np.array(axis, np.int32)])
    yield Case("unique", "Unique", [np.array([3, 1, 3, 2, 1, 3], np.float32)], outputs=3)
    for metric in ("euclidean", "sqeuclidean"):
        yield Case(f"cdist_{metric}", "CDist", [f32(3, 4), f32(5, 4)], metric=metric)
    rois = np.array([[0, 0, 1, 1], [0.2, 0.3, 0.9, 0.7], [-0.1, 0, 1.2, 0.5], [0.9, 0.8, 0.1, 0.2]], np.float32)
    images = np.array([0, 1, 1, 0], np.int32)
    for size in ((3, 4), (1, 2), (5, 1)):
        crops = [f32(2, 3, 6, 7), rois, images, np.array(size, np.int32)]
        yield Case(f"crop_{size[0]}_{size[1]}", "CropAndResize", crops, mode="bilinear", extrapolation_value=7.0)
    pads = Const(np.array([0, 1, 1, 0], np.int64))
    yield Case("conv_transpose_pads", "ConvTransposeWithDynamicPads", [f32(1, 2, 4, 4), f32(2, 3, 3, 3), pads, f32(3)])


def old_cases():
    """Operators of old opsets, as far as onnxruntime still has kernels for them."""
    old = dict(domain="")
    x = f32(2, 3, 4)
    for opset in (7, 9, 11, 12):
        for op in ("Softmax", "LogSoftmax", "Hardmax"):
            for axis in (0, 1, 2) if opset < 11 else (0, 1, -1):
                yield Case(f"{op.lower()}_{opset}_axis_{axis % 3}", op, [x], opset=opset, axis=axis, **old)
    image = f32(1, 2, 6, 6)
    for opset in (7, 8, 10, 11, 12):
        for op in ("MaxPool", "AveragePool"):
            for pad in ("SAME_UPPER", "SAME_LOWER", "VALID"):
                yield Case(
                    f"{op.lower()}_{opset}_{pad.lower()}", op, [image], opset=opset, kernel_shape=[3, 3],
                    strides=[2, 2], auto_pad=pad, **old,
                )
    for mode in ("nearest", "linear"):
        for size in ([1, 1, 2, 3], [1, 1, 0.5, 0.5], [1, 1, 1.5, 0.6]):
            factor = np.array(size, np.float32)
            tag = f"{mode}_{'_'.join(str(s) for s in size[2:])}".replace(".", "p")
            yield Case(f"resize_10_{tag}", "Resize", [image, Const(factor)], opset=10, mode=mode, **old)
            if min(size) >= 1:
                yield Case(f"upsample_9_{tag}", "Upsample", [image, Const(factor)], opset=9, mode=mode, **old)
                yield Case(f"upsample_7_{tag}", "Upsample", [image], opset=7, mode=mode, scales=[float(s) for s in size], **old)
    factor = np.array([1, 1, 1.7, 0.6], np.float32)
    for nearest in ("floor", "round_prefer_floor"):
        yield Case(
            f"resize_11_half_pixel_for_nn_{nearest}", "Resize", [image, Const(np.array([], np.float32)), Const(factor)],
            opset=11, mode="nearest", coordinate_transformation_mode="tf_half_pixel_for_nn", nearest_mode=nearest, **old,
        )
    yield Case("clip_6", "Clip", [x], opset=6, min=-0.5, **old)
    yield Case("clip_10", "Clip", [np.array([np.inf, -np.inf, 1], np.float32)], opset=10, **old)
    yield Case("dropout_7", "Dropout", [x], outputs=1, opset=7, ratio=0.3, **old)
    yield Case("dropout_10", "Dropout", [x], outputs=2, opset=10, ratio=0.3, **old)
    norm = [f32(2, 3, 4), f32(3), f32(3), f32(3), np.abs(f32(3))]
    yield Case("batch_norm_7", "BatchNormalization", norm, opset=7, **old)
    yield Case("batch_norm_9", "BatchNormalization", norm, opset=9, epsilon=1e-3, **old)
    yield Case("topk_9", "TopK", [x], outputs=2, opset=9, k=2, axis=1, **old)
    yield Case("slice_9", "Slice", [x], opset=9, starts=[1, -3], ends=[100, -1], axes=[1, 2], **old)
    yield Case("pad_10", "Pad", [x], opset=10, pads=[0, 1, 2, 1, 0, 0], value=3.0, **old)
    yield Case("pad_10_reflect", "Pad", [x], opset=10, pads=[0, 1, 2, 1, 0, 0], mode="reflect", **old)
    yield Case("split_11", "Split", [x], outputs=2, opset=11, axis=2, split=[1, 3], **old)
    yield Case("split_11_equal", "Split", [x], outputs=2, opset=11, axis=2, **old)
    for op in ("ReduceSum", "ReduceMean", "ReduceMax", "ReduceL2", "ReduceLogSumExp"):
        yield Case(f"{op.lower()}_11", op, [x], opset=11, axes=[0, -1], **old)
        yield Case(f"{op.lower()}_11_all", op, [x], opset=11, keepdims=0, **old)
    yield Case("prelu_7", "PRelu", [f32(2, 3, 4), f32(3, 1)], opset=7, **old)
    yield Case("gemm_7", "Gemm", [f32(2, 3), f32(3, 4), f32(4)], opset=7, alpha=0.5, **old)
    rois = np.array([[0, 0, 3, 3], [1, 1, 5, 4]], np.float32)
    batch = np.array([0, 0], np.int64)
    yield Case("roi_align_10", "RoiAlign", [image, rois, batch], opset=10, output_height=2, output_width=2, **old)
    grid = (rng.random((1, 3, 3, 2)) * 2 - 1).astype(np.float32)
    for mode in ("bilinear", "bicubic", "nearest"):
        yield Case(f"grid_sample_16_{mode}", "GridSample", [image, grid], opset=16, mode=mode, **old)
    index = np.array([[0, 2], [1, 0]], np.int64)
    yield Case("scatter_9", "Scatter", [f32(3, 3), index, f32(2, 2)], opset=9, axis=0, **old)
    hot = [np.array([0, 2, 1], np.int64), np.array([3], np.int64), np.array([0, 1], np.float32)]
    yield Case("one_hot_9", "OneHot", hot, opset=9, **old)
    for op, gates in (("RNN", 1), ("GRU", 3), ("LSTM", 4)):
        yield Case(f"{op.lower()}_7", op, [f32(3, 2, 4), f32(1, gates * 5, 4), f32(1, gates * 5, 5)], outputs=2, opset=7, hidden_size=5, **old)
    yield Case("mvn_9", "MeanVarianceNormalization", [f32(2, 2, 3, 3)], opset=9, **old)
    group = [f32(2, 4, 3), f32(2), f32(2)]
    yield Case("group_norm_18", "GroupNormalization", group, opset=18, num_groups=2, **old)
    yield Case("squeeze_11", "Squeeze", [f32(1, 3, 1)], opset=11, axes=[0, -1], **old)
    yield Case("unsqueeze_11", "Unsqueeze", [x], opset=11, axes=[0, 4], **old)
    yield Case("cast_9", "Cast", [x], opset=9, to=TensorProto.INT32, **old)
    signal = f32(1, 8, 1)
    yield Case("dft_17", "DFT", [signal], opset=17, axis=1, onesided=1, **old)


def write(case, directory):
    model = case.model()
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    feeds = case.feeds()
    outputs = session.run(None, feeds)
    data = directory / "test_data_set_0"
    data.mkdir(parents=True, exist_ok=True)
    onnx.save(model, directory / "model.onnx")
    (directory / "tolerance.txt").write_text("{} {}\n".format(*case.tolerance))
    for j, (name, array) in enumerate(feeds.items()):
        (data / f"input_{j}.pb").write_bytes(numpy_helper.from_array(array, name).SerializeToString())
    for j, array in enumerate(outputs):
        (data / f"output_{j}.pb").write_bytes(numpy_helper.from_array(array).SerializeToString())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", default="build/suite/runtime", type=pathlib.Path)
    args = parser.parse_args()
    for group, cases in (("contrib", contrib_cases()), ("old", old_cases())):
        written = 0
        for case in cases:
            try:
                write(case, args.out / group / case.name)
                written += 1
            except Exception as error:  # noqa: BLE001: whatever onnxruntime raises
                print(f"left out {group}/{case.name}: {str(error).splitlines()[0][:200]}")
        print(f"{group}: {written}")


if __name__ == "__main__":
    main()
