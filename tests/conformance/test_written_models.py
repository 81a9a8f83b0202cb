# SPDX-License-Identifier: Apache-2.0
"""Where onnxruntime runs a model, it runs what Ferry writes of it, to the same result."""

import ml_dtypes
import numpy as np
import onnx
import onnxruntime
import pytest
import suite
from onnx import numpy_helper, parser

import ferry

LEVELS = ("none", "basic", "all")
RANDOM = np.random.default_rng(0)
onnxruntime.set_default_logger_severity(4)


def run(model: bytes, inputs: list) -> list:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    # NumPy has no type for what onnxruntime holds of 4-bit integers.
    names = [o.name for o in session.get_outputs() if "int4" not in o.type]
    feeds = {i.name: v if isinstance(v, list) else np.asarray(v) for i, v in zip(session.get_inputs(), inputs)}
    return session.run(names, feeds)


def close(a, b) -> bool:
    if isinstance(a, list):
        return len(a) == len(b) and all(map(close, a, b))
    if a is None or a.dtype.kind not in "fc":
        return suite.equal(a, b)
    return a.shape == b.shape and a.dtype == b.dtype and np.allclose(a, b, 1e-3, 1e-4, equal_nan=True)


def floats(*shape):
    return RANDOM.standard_normal(shape).astype(np.float32)


def parse(text: str, opset: int = 17, functions: str = "", **constants) -> onnx.ModelProto:
    """A model in ONNX's textual syntax, whose values called as `constants` are initializers."""
    domains = f'"": {opset}, "com.microsoft": 1, "local": 1'
    model = parser.parse_model(f'<ir_version: 10, opset_import: [{domains}]>\n{text}\n{functions}')
    model.graph.initializer.extend(numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items())
    return model


FUNCTION = """
<domain: "local", opset_import: ["": 11]>
Scores (a, b) => (c) {
  [product] t = Mul (a, b)
  [scores] c = Softmax <axis = 1> (t)
}
"""

ATTENTION = """
encoder (float[B,S,16] x) => (float[B,S,16] y) {
  [q0] q0 = MatMul (x, wq)
  [q1] q1 = Add (q0, bias)
  [k0] k0 = MatMul (x, wk)
  [v0] v0 = MatMul (x, wv)
  [q2] q2 = Reshape (q1, heads)
  [k2] k2 = Reshape (k0, heads)
  [v2] v2 = Reshape (v0, heads)
  [q] q = Transpose <perm = [0, 2, 1, 3]> (q2)
  [kt] kt = Transpose <perm = [0, 2, 3, 1]> (k2)
  [v] v = Transpose <perm = [0, 2, 1, 3]> (v2)
  [qs] qs = Mul (q, scale)
  [ks] ks = Mul (kt, scale)
  [s] s = MatMul (qs, ks)
  [p] p = Softmax <axis = -1> (s)
  [m] m = MatMul (p, v)
  [m2] m2 = Transpose <perm = [0, 2, 1, 3]> (m)
  [m3] m3 = Reshape (m2, rows)
  [o] o = MatMul (m3, wo)
  [z] z = com.microsoft.SkipLayerNormalization <epsilon = 1e-5> (o, x, gamma, beta)
  [h] h = MatMul (z, w1)
  [g] g = com.microsoft.BiasGelu (h, b1)
  [y] y = MatMul (g, w2)
}
"""


def attention():
    weights = {name: floats(16, 16) * 0.3 for name in ("wq", "wk", "wv", "wo")}
    return parse(ATTENTION, **weights, bias=floats(16), scale=np.float32(0.7), gamma=floats(16), beta=floats(16),
                 w1=floats(16, 32) * 0.3, b1=floats(32), w2=floats(32, 16) * 0.3,
                 heads=np.array([0, 0, 4, 4]), rows=np.array([0, 0, 16]))


X = floats(2, 3)
GRAPHS = {
    "functions": (parse("g (float[2,3,4] x) => (float[2,3,4] y) {\n [n] u = local.Scores (x, x)\n"
                        " [m] y = local.Scores (u, x) }", 11, FUNCTION), [floats(2, 3, 4)]),
    "old softmax": (parse("g (float[2,3,4] x) => (float[2,3,4] y) { [n] y = Softmax <axis = 1> (x) }", 11),
                    [floats(2, 3, 4)]),
    "group norm": (parse("g (float[2,4,5] x) => (float[2,4,5] y) {\n"
                         " [n] y = GroupNormalization <num_groups = 2> (x, s, s) }", 18, s=floats(2)),
                   [floats(2, 4, 5)]),
    "einsum": (parse('g (float[2,3,4] a, float[2,5,4] b) => (float[2,3,5] y) {\n'
                     ' [n] y = Einsum <equation = "bij,bkj->bik"> (a, b) }'), [floats(2, 3, 4), floats(2, 5, 4)]),
    "attention": (attention(), [floats(2, 5, 16)]),
    "while": (parse("""g (float[3] x, float[3] s, float limit, int64 m, bool c) => (float[3] y) {
      y = Loop (m, c, s) <body = b (int64 i, bool go, float[3] before) => (bool goes, float[3] after) {
        [n] after = Add (before, x)
        [sum] sum = ReduceSum <keepdims = 0> (after)
        goes = Less (sum, limit)
      }> }"""), [np.ones(3, np.float32), np.zeros(3, np.float32), np.float32(7), np.int64(4), np.bool_(True)]),
    "for": (parse("""g (float[3] x, int64 m) => (float[n,3] y) {
      y = Loop (m) <body = b (int64 i, bool go) => (bool goes, float[3] element) {
        f = Cast <to = 1> (i)
        element = Mul (f, x)
        goes = Identity (go)
      }> }"""), [X[0], np.int64(3)]),
    "if": (parse("""g (bool c, float[2,3] x) => (float[2,3] y, float[2,3] again) {
      y = If (c) <then_branch = t () => (float[2,3] r) { [a] a = Neg (x) [n] r = Neg (a) },
                  else_branch = e () => (float[2,3] r) { r = Identity (x) }>
      again = Identity (y) }"""), [np.bool_(False), X]),
    "if of a constant": (parse("""g (bool c, float x) => (float y) {
      y = If (c) <then_branch = t () => (float r) { r = Constant <value_float = 2.5> () },
                  else_branch = e () => (float r) { r = Neg (x) }> }"""), [np.bool_(True), np.float32(1)]),
    "scan": (parse("""g (float[3] s, float[4,3] x) => (float[3] last, float[4,3] sums) {
      last, sums = Scan <num_scan_inputs = 1, body = b (float[3] before, float[3] e) => (float[3] after, float[3] o) {
        after = Add (before, e)
        o = Identity (after)
      }> (s, x) }"""), [X[0], floats(4, 3)]),
    # p ends before q begins: were they said to be of one size, they would share memory.
    "sizes of no name": (parse("""g (seq(float[N]) a, seq(float[M]) b, bool c) => (float y) {
      y = If (c) <else_branch = e () => (float s) { s = Constant <value_float = 2.5> () },
                  then_branch = t () => (float r) {
        first = Constant <value_int = 0> ()
        p = SequenceAt (a, first)
        sum = ReduceSum <keepdims = 0> (p)
        last = Cast <to = 7> (sum)
        q = SequenceAt (b, last)
        r = ReduceSum <keepdims = 0> (q) }> }"""), [[np.zeros(2, np.float32)], [X.reshape(6)], np.bool_(True)]),
    "folded int4": (parse("g (float[1] x) => (int4[3,2] z, float[1] y) {\n z = Transpose (w)\n y = Neg (x) }", 21,
                          w=np.arange(6).reshape(2, 3).astype(ml_dtypes.int4)), [np.ones(1, np.float32)]),
    "an input is an output": (parse("g (float[2,3] x) => (float[2,3] y, float[2,3] z) {\n"
                                    " y = Identity (x)\n z = Identity (x) }"), [X]),
}


def check(model: bytes, inputs: list, wanted: list, **options):
    again = ferry.Model(model).optimize(**options)
    onnx.checker.check_model(again, full_check=True)
    assert close(wanted, run(again, inputs)), options


# The textual syntax has no word for an absent last input.
GRAPHS["for"][0].graph.node[0].input.append("")


@pytest.mark.parametrize("name", GRAPHS)
def test_written_model_runs(name):
    model, inputs = GRAPHS[name]
    model = model.SerializeToString()
    wanted = run(model, inputs)
    for level in LEVELS:
        check(model, inputs, wanted, level=level)


# Each takes x of 1x3x4 and, some, the constant a: -1.
AXES = ("Unsqueeze (x, a)", "ReduceSum (x, a)", "ReduceMean <axes = [-1, -3]> (x)", "Softmax <axis = -1> (x)",
        "Flatten <axis = -1> (x)", "Concat <axis = -1> (x, x)", "Slice (x, zero, a, a)", "Gather <axis = -2> (x, zero)",
        "LpNormalization <axis = -2> (x)", "Squeeze (x, first)")


@pytest.mark.parametrize("node", AXES)
def test_axes_count_from_the_front(node):
    model = parse(f"g (float[1,3,4] x) => (float y) {{ y = {node} }}", 13, a=np.array([-1]), zero=np.array([0]),
                  first=np.array([-3]))
    model.graph.output[0].type.tensor_type.ClearField("shape")
    model = model.SerializeToString()
    inputs = [floats(1, 3, 4)]
    wanted = run(model, inputs)
    for opset in (7, 8, 9, 10, 11):
        check(model, inputs, wanted, level="none", opset=opset)
        again = onnx.load_from_string(ferry.Model(model).optimize(level="none", opset=opset))
        axes = [np.ravel(onnx.helper.get_attribute_value(a)) for n in again.graph.node for a in n.attribute
                if a.name in ("axis", "axes")]
        assert opset == 11 or all((a >= 0).all() for a in axes)


@pytest.mark.long
@pytest.mark.parametrize("level", LEVELS)
def test_written_suite_runs(level):
    bad, ran = {}, 0
    for case in suite.cases():
        try:
            wanted = run(case.model, case.inputs)
        except Exception:  # noqa: BLE001: onnxruntime's are of many kinds
            continue
        ran += 1
        try:
            got = run(ferry.Model(case.model).optimize(level=level), case.inputs)
        except Exception as error:  # noqa: BLE001
            bad[case.name] = str(error)
            continue
        if not close(wanted, got):
            bad[case.name] = "computes something else"
    assert bad == {} and ran > 1000
