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
