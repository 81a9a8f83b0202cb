# SPDX-License-Identifier: Apache-2.0
"""Operators of com.microsoft, compared with onnxruntime; by their definition where it refuses or errs."""

import ferry
import numpy as np
import onnxruntime as ort
import pytest

from dump_runtime_ops import Case, Const, contrib_cases, f32, rng, u8

CASES = {case.name: case for case in contrib_cases()}


def expected(case):
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    session = ort.InferenceSession(case.model().SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, case.feeds())


def run(case, sizes_known=True):
    session = ferry.Session(case.model(sizes_known).SerializeToString(), threads=1)
    return list(session.run(case.feeds()).values())


@pytest.mark.parametrize("sizes_known", [True, False], ids=["known", "unknown"])
@pytest.mark.parametrize("name", CASES)
def test_agrees(name, sizes_known):
    case = CASES[name]
    if case.sized and not sizes_known:
        pytest.skip("needs sizes")
    wanted = expected(case)
    results = run(case, sizes_known)
    assert len(results) == len(wanted)
    relative, absolute = case.tolerance
    for got, want in zip(results, wanted):
        if want.dtype == object:
            assert got.shape == want.shape and got.tolist() == want.tolist()
            continue
        assert got.dtype == want.dtype
        np.testing.assert_allclose(np.asarray(got, np.float64), np.asarray(want, np.float64), relative, absolute)


@pytest.mark.parametrize("sizes_known", [True, False], ids=["known", "unknown"])
def test_sum_without_a_zero_point_has_the_type_of_the_input(sizes_known):
    """As declared by QLinearAdd; onnxruntime wants the zero point."""
    x, scale = np.array([-100, -5, 5, 100], np.int8), np.array(0.05, np.float32)
    case = Case("sum", "QLinearAdd", [x, scale, None, x, scale, None, scale * 2])
    (y,) = run(case, sizes_known)
    assert y.dtype == np.int8
    assert y.tolist() == x.tolist()


@pytest.mark.parametrize("real_zeros", [False, True])
@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize("bits", [2, 4, 8])
def test_blocks_as_defined(bits, grouped, real_zeros):
    """onnxruntime refuses real zero points of 8 bits and ignores integers beside g_idx."""
    k, n, block = 40, 3, 16
    a, b, scales = f32(2, k), u8(n, 3, block * bits // 8), np.abs(f32(n, 3))
    zeros = f32(n, 3) if real_zeros else u8(n, -(-3 * bits // 8))
    group = rng.integers(0, 3, k).astype(np.int32) if grouped else np.arange(k) // block
    inputs = [a, Const(b), Const(scales), Const(zeros), Const(group) if grouped else None]
    (y,) = run(Case("blocks", "MatMulNBits", inputs, K=k, N=n, bits=bits, block_size=block))

    def unpacked(x, columns):
        parts = [x >> shift & (1 << bits) - 1 for shift in range(0, 8, bits)]
        return np.stack(parts, -1).reshape(n, -1)[:, :columns].astype(np.float64)

    zero = zeros if real_zeros else unpacked(zeros, 3)
    weights = (unpacked(b, k) - zero[:, group]) * scales[:, group]
    np.testing.assert_allclose(y, a @ weights.T, 1e-4, 1e-4)


def test_gates_that_onnxruntime_refuses():
    """Interleaved, one behind the other and as a third layer: the same experts."""
    experts, size, inner = 3, 4, 6
    x, router = f32(5, size), f32(5, experts)
    gate, value, down = f32(experts, inner, size), f32(experts, inner, size), f32(experts, size, inner)
    settings = dict(activation_type="swiglu", k=2)
    pairs = np.stack([gate, value], 2).reshape(experts, 2 * inner, size)
    (wanted,) = run(Case("pairs", "MoE", [x, router, pairs, None, down], swiglu_fusion=1, **settings))
    halves = np.concatenate([gate, value], 1)
    (y,) = run(Case("halves", "MoE", [x, router, halves, None, down], swiglu_fusion=2, **settings))
    np.testing.assert_allclose(y, wanted, 1e-4, 1e-5)
    (y,) = run(Case("layers", "MoE", [x, router, gate, None, down, None, value], **settings))
    np.testing.assert_allclose(y, wanted, 1e-4, 1e-5)


def group_normalized(x, groups, gamma, beta, epsilon=1e-5):
    """Of [n, h, w, c], in f64."""
    n, h, w, c = x.shape
    parts = x.astype(np.float64).reshape(n, h * w, groups, c // groups)
    mean, var = parts.mean((1, 3), keepdims=True), parts.var((1, 3), keepdims=True)
    return ((parts - mean) / np.sqrt(var + epsilon)).reshape(x.shape) * gamma + beta


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("channels_last", [0, 1])
@pytest.mark.parametrize("activation", [0, 1])
def test_group_norm_as_defined(dtype, channels_last, activation):
    x, gamma, beta = f32(2, 5, 7, 12).astype(dtype), f32(12), f32(12)
    given = x if channels_last else x.transpose(0, 3, 1, 2).copy()
    settings = dict(groups=3, activation=activation, channels_last=channels_last)
    wanted = group_normalized(x, 3, gamma, beta)
    if activation:
        wanted = wanted / (1 + np.exp(-wanted))
    (y,) = run(Case("norm", "GroupNorm", [given, Const(gamma), Const(beta)], **settings))
    assert y.dtype == dtype
    tolerance = 1e-5 if dtype == np.float32 else 1e-2
    np.testing.assert_allclose(y if channels_last else y.transpose(0, 2, 3, 1), wanted, tolerance, tolerance)


@pytest.mark.parametrize("skip_shape", [(2, 5, 7, 12), (2, 1, 1, 12), (2, 12)])
@pytest.mark.parametrize("biased", [False, True])
def test_skip_group_norm_as_defined(skip_shape, biased):
    x, gamma, beta, skip, bias = f32(2, 5, 7, 12), f32(12), f32(12), f32(*skip_shape), f32(12)
    added = x + (skip[:, None, None] if skip.ndim == 2 else skip) + (bias if biased else 0)
    inputs = [x, Const(gamma), Const(beta), skip, bias if biased else None]
    y, total = run(Case("norm", "SkipGroupNorm", inputs, outputs=2, groups=4, activation=0, epsilon=1e-3))
    np.testing.assert_allclose(total, added, 1e-6, 1e-6)
    np.testing.assert_allclose(y, group_normalized(added, 4, gamma, beta, 1e-3), 1e-5, 1e-5)


def test_channels_last_convolution_with_a_sum():
    """NhwcFusedConv adds what has the layout of its result."""
    x, w, b = f32(2, 6, 5, 4), f32(8, 4, 3, 3), f32(8)
    z = f32(2, 6, 5, 8)
    settings = dict(pads=[1, 1, 1, 1])
    (plain,) = run(Case("conv", "NhwcConv", [x, Const(w), Const(b)], **settings))
    (y,) = run(Case("conv", "NhwcFusedConv", [x, Const(w), Const(b), z], activation="Relu", **settings))
    np.testing.assert_allclose(y, np.maximum(plain + z, 0), 1e-5, 1e-5)


def test_gemm_fast_gelu_as_defined():
    x, w, b = f32(2, 3, 5), f32(5, 4), f32(4)
    v = (x @ w + b).astype(np.float64)
    (y,) = run(Case("gelu", "GemmFastGelu", [x, Const(w), Const(b)]))
    np.testing.assert_allclose(y, v / 2 * (1 + np.tanh(0.7978845608 * (v + 0.044715 * v**3))), 1e-4, 1e-5)


@pytest.mark.parametrize("both", [0, 1])
@pytest.mark.parametrize("lengths", [(5, 5), (60, 60), (3, 200)])
def test_relative_positions_as_t5_has_them(both, lengths):
    torch = pytest.importorskip("torch")
    from transformers.models.t5.modeling_t5 import T5Attention

    buckets, heads = 16, 3
    table = f32(buckets, heads)
    rows = np.arange(lengths[0])[:, None]
    apart = np.arange(lengths[1])[None, :] - rows
    # Without a direction the operator takes distances on both sides, T5 those of what came before.
    given = apart if both else -np.abs(apart)
    bucket = T5Attention._relative_position_bucket(torch.tensor(given), bool(both), buckets, 40).numpy()
    inputs = [Const(table.T.reshape(buckets, heads).copy()), *(np.array([n], np.int64) for n in lengths)]
    (y,) = run(Case("bias", "RelativePositionBias", inputs, is_bidirectional=both, max_distance=40))
    np.testing.assert_array_equal(y, table[bucket].transpose(2, 0, 1)[None])
