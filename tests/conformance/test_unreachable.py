# SPDX-License-Identifier: Apache-2.0
"""Proofs for the tests of the suite that no right implementation passes, or only by chance
(docs/conformance.md)."""

import functools
import warnings

import numpy as np
import onnx
import pytest
from onnx.backend.test.loader import load_model_tests
from onnx.backend.test.runner import Runner

import ferry.backend

BERNOULLI = ["test_bernoulli", "test_bernoulli_double", "test_bernoulli_seed"]
DFT = ["test_dft_inverse", "test_dft_inverse_opset19"]


@functools.cache
def cases():
    warnings.simplefilter("ignore")
    return {case.name: case for case in load_model_tests(kind="node")}


def recorded(name):
    inputs, outputs = cases()[name].data_sets[0]
    return inputs, outputs[0]


@pytest.mark.parametrize("name", BERNOULLI + [f"{name}_expanded" for name in BERNOULLI])
def test_bernoulli_was_drawn_from_the_generator_of_its_input(name):
    (x,), want = recorded(name)
    # The suite seeds NumPy once, draws the input, and goes on drawing the output: ...
    generator = np.random.RandomState(0)
    drawn = generator.uniform(0.0, 1.0, 10)
    assert np.array_equal(drawn.astype(x.dtype), x)
    assert np.array_equal(generator.binomial(1, p=x).astype(want.dtype), want)
    # ... a state that the model does not hold. It names the seed 0, or none at all, ...
    nodes = [n for n in cases()[name].model.graph.node if n.op_type.startswith(("Bernoulli", "RandomUniform"))]
    seeds = [a.f for n in nodes for a in n.attribute if a.name == "seed"]
    assert len(nodes) == 1 and seeds == ([0.0] if "seed" in name else [])
    # ... and a generator of seed 0, which the reference evaluator takes, gives another result.
    assert not np.array_equal(np.random.RandomState(0).binomial(1, p=x).astype(want.dtype), want)


@pytest.mark.parametrize("name", DFT)
def test_dft_inverse_records_rounding_errors(name):
    inputs, want = recorded(name)
    x = inputs[0][..., 0].astype(np.float64) + 1j * inputs[0][..., 1]
    exact = np.fft.ifft(x, axis=1)
    exact = np.stack([exact.real, exact.imag], -1)
    # The sum that defines it agrees with float64 FFT; so it is the record that is off, ...
    n = np.arange(10)
    by_definition = np.einsum("kn,bnl->bkl", np.exp(2j * np.pi * np.outer(n, n) / 10), x) / 10
    assert np.abs(by_definition - (exact[..., 0] + 1j * exact[..., 1])).max() < 1e-13
    case = cases()[name]
    allowed = case.atol + case.rtol * np.abs(want.astype(np.float64))
    off = np.abs(exact - want) > allowed
    # ... by float32 noise where the result is 0, beyond the suite's absolute tolerance, ...
    assert off.any() and np.abs(exact[off]).max() < 1e-13
    # ... and Ferry's result is the exact one within float32 noise of its own, which decides the test.
    got = ferry.backend.prepare(case.model).run(inputs)[0]
    np.testing.assert_allclose(got, exact, rtol=1e-6, atol=1e-8 * np.abs(x).sum(axis=1).max())


def test_loop16_seq_none_cannot_be_compared():
    case = cases()["test_loop16_seq_none"]
    inputs, want = case.data_sets[0]
    # The runner takes the length of every element of a sequence; the first has none: even the
    # recorded output fails against itself.
    with pytest.raises(TypeError, match="Unable to compare"):
        Runner.assert_similar_outputs(want, want, case.rtol, case.atol)
    got = ferry.backend.prepare(case.model).run(inputs)
    assert len(got) == 1 and len(got[0]) == len(want[0])
    for a, b in zip(got[0], want[0]):
        assert a.dtype == b.dtype and np.array_equal(a, b)


@pytest.mark.parametrize("mode", ["linear", "cubic"])
def test_resize_align_corners_was_recorded_for_a_length_that_is_none(mode):
    name = f"test_resize_downsample_scales_{mode}_align_corners"
    inputs, want = recorded(name)
    # The schema divides by the length of the resized tensor less 1, and names the fractional target length apart: ...
    text = onnx.defs.get_schema("Resize").attributes["coordinate_transformation_mode"].description
    assert "x_original = x_resized * (length_original - 1) / (length_resized - 1)" in text
    assert "`length_resized` as the length of the resized tensor" in text and "`output_width`" in text
    # ... the record's last element would be the input's last one, but was taken where the fractional length puts it.
    x, scales = inputs[0], inputs[-1]
    length, resized = x.shape[-1], want.shape[-1]
    target = np.float64(scales[-1]) * length
    assert resized < target
    corner = (resized - 1) * (length - 1) / (resized - 1)
    recorded_at = (resized - 1) * (length - 1) / (target - 1)
    assert corner == length - 1 and recorded_at < length - 1
    if mode == "linear":
        np.testing.assert_allclose(want[0, 0, 0, -1], x[0, 0, 0, 0] + recorded_at, rtol=1e-6)
    assert not np.isclose(want[0, 0, 0, -1], x[0, 0, 0, -1])
    # PyTorch, whose option this is, aligns the corners as the schema says, and so does Ferry.
    got = ferry.backend.prepare(cases()[name].model).run(inputs)[0]
    torch = pytest.importorskip("torch")
    form = {"linear": "bilinear", "cubic": "bicubic"}[mode]
    scaled = torch.nn.functional.interpolate(torch.tensor(x), scale_factor=tuple(map(float, scales[2:])), mode=form, align_corners=True)
    np.testing.assert_allclose(got, scaled.numpy(), rtol=1e-5)
