# SPDX-License-Identifier: Apache-2.0
"""Elementwise functions are as near the truth as docs/accuracy.md says."""

import functools
import os
import subprocess
from pathlib import Path

import mpmath
import numpy as np
import pytest
from onnx import TensorProto, helper

import ferry

SWEEP = Path("build/release/tests/tools/ulp_sweep")


def sweep(*arguments):
    """The lines of ulp_sweep that tell of errors beyond the limit."""
    done = subprocess.run([SWEEP, *map(str, arguments)], capture_output=True, text=True)
    lines = done.stdout.splitlines()
    assert len(lines) > 80, done.stdout + done.stderr
    assert (done.returncode == 0) == all(", 0 beyond" in line for line in lines)
    return [line for line in lines if ", 0 beyond" not in line]


def test_floats_are_within_two_units():
    assert sweep("--step", 65537, "--isa", "all") == []


@pytest.mark.parametrize("element", ["float16", "bfloat16"])
def test_all_numbers_of_16_bits_are_within_one_unit(element):
    assert sweep("--type", element, "--isa", "all") == []


@pytest.mark.long
def test_all_floats_are_within_two_units():
    assert sweep("--step", 1, "--isa", "all", "--threads", os.cpu_count()) == []


# ---- double ----

m = mpmath.mp


def single(x):
    return m.mpf(float(np.float32(x)))


def sigmoid(x):
    return 1 / (1 + m.exp(-x))


DOUBLE = {
    "Exp": m.exp, "Sqrt": m.sqrt, "Reciprocal": lambda x: 1 / x, "Sin": m.sin, "Cos": m.cos, "Tan": m.tan,
    "Atan": m.atan, "Sinh": m.sinh, "Cosh": m.cosh, "Tanh": m.tanh, "Asinh": m.asinh, "Erf": m.erf,
    "Asin": m.asin, "Acos": m.acos, "Atanh": m.atanh, "Acosh": m.acosh, "Log": m.log,
    "Sigmoid": sigmoid, "Softplus": lambda x: m.log1p(m.exp(x)), "Softsign": lambda x: x / (1 + abs(x)),
    "HardSwish": lambda x: x * min(1, max(0, x * single(1 / 6) + m.mpf(0.5))),
    "Elu": lambda x: m.expm1(x) if x < 0 else x,
    "Selu": lambda x: single(1.05070102) * (single(1.67326319) * m.expm1(x) if x < 0 else x),
    "Celu": lambda x: m.expm1(x) if x < 0 else x,
    "Gelu": lambda x: x * m.erfc(-x / m.sqrt(2)) / 2 if abs(x) < 100 else max(x, 0),
    "Gelu tanh": lambda x: x * sigmoid(2 * m.sqrt(2 / m.pi) * (x + m.mpf("0.044715") * x ** 3)),
    "Mish": lambda x: x * m.tanh(m.log1p(m.exp(x))),
    "Swish": lambda x: x * sigmoid(x),
    "Elu 0.3": lambda x: single(0.3) * m.expm1(x) if x < 0 else x,
    "Celu 1.7": lambda x: single(1.7) * m.expm1(x / single(1.7)) if x < 0 else x,
    "Swish 1.7": lambda x: x * sigmoid(single(1.7) * x),
    "HardSigmoid": lambda x: min(1, max(0, single(0.2) * x + m.mpf(0.5))),
}
DOMAIN = {"Sqrt": (0, None), "Log": (0, None), "Asin": (-1, 1), "Acos": (-1, 1), "Atanh": (-1, 1), "Acosh": (1, None)}


@functools.cache
def session(op, element, inputs=1, isa=None, **attributes):
    names = ["x", "y"][:inputs]
    node = helper.make_node(op, names, ["z"], **attributes)
    graph = helper.make_graph([node], "graph", [helper.make_tensor_value_info(n, element, ["N"]) for n in names],
                              [helper.make_tensor_value_info("z", element, ["N"])])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 24)], ir_version=10)
    return ferry.Session(model.SerializeToString(), threads=1, accuracy="exact", isa=isa)


def doubles(low, high):
    """Numbers of every sign and of many magnitudes within [low, high]."""
    random = np.random.default_rng(3)
    x = np.concatenate([np.exp2(random.uniform(-40, 10, 150)), np.exp2(random.uniform(-1020, 1020, 30)),
                        random.uniform(0, 40, 120)])
    x = np.concatenate([x, -x])
    return x[(x >= (-np.inf if low is None else low)) & (x <= (np.inf if high is None else high))]


@pytest.mark.parametrize("name", DOUBLE)
def test_doubles_are_within_two_units(name):
    op, _, attribute = name.partition(" ")
    attributes = {"approximate": attribute} if attribute == "tanh" else {"alpha": float(attribute)} if attribute else {}
    x = doubles(*DOMAIN.get(name, (None, None)))
    got = [session(op, TensorProto.DOUBLE, isa=isa, **attributes).run([x])["z"] for isa in ("scalar", None)]
    top = m.mpf(2) ** 1024
    with mpmath.workdps(60):
        for a, *seen in zip(x, *got):
            # Digits enough for what cancels.
            with mpmath.workdps(700 if op in ("Sin", "Cos", "Tan", "Gelu", "Mish") else 60):
                want = DOUBLE[name](m.mpf(float(a)))
            if abs(want) >= top:
                assert np.isinf(seen).all()
                continue
            unit = m.mpf(float(np.spacing(abs(float(want)))))
            for y in seen:
                assert abs(m.mpf(float(y)) - want) <= 2 * unit, f"{name}({a!r}) is {y!r}, wanted {m.nstr(want, 20)}"


# ---- special values of two operands ----

SPECIAL = [0.0, 1.0, 2.0, 3.0, 0.5, 1.5, 2.5, 1e-45, 1e-38, 3.4e38, 16777216.0, 16777217.0, 1e10, np.inf]
BINARY = {"Pow": np.power, "Div": np.divide, "Mod": np.fmod}


@pytest.mark.parametrize("element", [TensorProto.FLOAT, TensorProto.DOUBLE])
@pytest.mark.parametrize("op", BINARY)
def test_special_values_are_those_of_c(op, element):
    dtype = helper.tensor_dtype_to_np_dtype(element)
    values = np.array([*SPECIAL, *(-v for v in SPECIAL), np.nan], dtype)
    x, y = (a.ravel() for a in np.meshgrid(values, values))
    got = session(op, element, 2, **{"fmod": 1} if op == "Mod" else {}).run([x, y])["z"]
    with np.errstate(all="ignore"):
        want = BINARY[op](x, y)
    close = np.abs(got - want) <= 2 * np.spacing(np.abs(want)) if op == "Pow" else got == want
    same = close | (got == want) & (np.signbit(got) == np.signbit(want)) | np.isnan(got) & np.isnan(want)
    assert same.all(), [(a, b, g, w) for a, b, g, w in zip(x[~same], y[~same], got[~same], want[~same])][:5]


# Factors beyond what the kernels multiply by, or of the other sign.
@pytest.mark.parametrize("op,alpha", [("Celu", -2.0), ("Celu", 1e-38), ("Elu", 1e35), ("Elu", -1.5), ("Elu", 0.0),
                                      ("Swish", 1e-38), ("Swish", 0.0), ("Swish", 1e35), ("Selu", 1e-35)])
def test_factors_of_any_size(op, alpha):
    x = np.float32([-3e38, -1e10, -50, -1.5, -1e-3, -1e-30, 0, 1e-30, 0.25, 2, 90, 1e10, 3e38])
    got = session(op, TensorProto.FLOAT, alpha=alpha).run([x])["z"]
    d, a = x.astype(np.float64), float(np.float32(alpha))
    with np.errstate(all="ignore"):
        want = {"Celu": lambda: np.where(d > 0, d, a * np.expm1(d / a)), "Elu": lambda: np.where(d < 0, a * np.expm1(d), d),
                "Swish": lambda: d * np.where(a * d < 0, np.exp(-np.abs(a * d)), 1) / (1 + np.exp(-np.abs(a * d))),
                "Selu": lambda: float(np.float32(1.05070102)) * np.where(d > 0, d, a * np.expm1(d))}[op]()
        np.testing.assert_allclose(got, want.astype(np.float32), rtol=3e-7, atol=0)
