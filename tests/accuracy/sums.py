# SPDX-License-Identifier: Apache-2.0
"""How far sums of products may be from the truth: errors in units of K eps sum|a||b|.

    python -m tests.accuracy.sums [--cases 2000] [--seed 0] [--family NAME]

Random cases of each family run with accuracy `exact` and `fast`, and are compared with the same
sums in double precision. Printed per family is the largest c of |got - wanted| <= c K eps S, where
eps is 2^-23, K the number of terms, and S the sum of the terms' magnitudes (SCALES says what stands
for it where a result is more than a sum). docs/accuracy.md has the table.
"""

import argparse

import ferry
import numpy as np
import torch
from onnx import TensorProto, helper, numpy_helper
from torch.nn import functional

EPS = 2.0 ** -23
# Products below the smallest normal number may vanish.
TINY = 2.0 ** -125

# The constant that results are held to, in both modes; docs/accuracy.md has what was seen.
LIMIT = 1.0


def session(op, inputs, constants, accuracy, opset=21, **attributes):
    """A one-node model; `constants` are inputs by name whose values the model holds."""
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT if a.dtype == np.float32 else TensorProto.INT64,
                                            a.shape)
              for n, a in inputs.items() if n not in constants]
    graph = helper.make_graph([helper.make_node(op, list(inputs), ["y"], **attributes)], "g", values,
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
                              [numpy_helper.from_array(inputs[n], n) for n in constants])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)
    return ferry.Session(made.SerializeToString(), accuracy=accuracy, threads=1)


def compute(op, inputs, constants, accuracy, **attributes):
    made = session(op, inputs, constants, accuracy, **attributes)
    fed = {n: a for n, a in inputs.items() if n not in constants}
    # What folds leaves nothing to feed.
    return made.run({v.name: fed[v.name] for v in made.inputs})["y"]


def draw(random, shape, kind):
    """Values of one magnitude, of magnitudes 1e-6 to 1e6, or that cancel to almost nothing."""
    x = random.standard_normal(shape)
    if kind == "scaled":
        x = x * 10.0 ** random.uniform(-6, 6, shape)
    elif kind == "cancelling":
        flat = x.reshape(-1)
        half = flat.size // 2
        flat[half:2 * half] = -flat[:half][::-1] * (1 + 1e-6 * random.standard_normal(half))
        random.shuffle(flat)
        x = x + 1e3 * (np.arange(x.size).reshape(shape) % 2 * 2 - 1)
    return x.astype(np.float32)


def pick_k(random, most):
    """Every small K, tails around vector widths, and a few large ones."""
    return int(random.choice([random.integers(1, 40), random.integers(40, 600),
                              np.exp(random.uniform(0, np.log(most)))], p=[0.5, 0.35, 0.15]))


def units(got, wanted, k, scale, extra=0.0):
    """The largest error in units of K eps scale."""
    assert got.shape == wanted.shape, (got.shape, wanted.shape)
    assert np.isfinite(got).all()
    error = np.abs(got.astype(np.float64) - wanted)
    return float(np.max(error / (k * EPS * scale + extra + TINY), initial=0.0))


def gemm(random, accuracy, kind):
    k = pick_k(random, 20000)
    most = max(1, min(70, 200000 // k))
    m, n = (int(v) for v in random.integers(1, most + 1, 2))
    constants = [v for v in ("b",) if random.random() < 0.6]
    if random.random() < 0.4:
        ta, tb = (int(v) for v in random.integers(0, 2, 2))
        a = draw(random, (k, m) if ta else (m, k), kind)
        b = draw(random, (n, k) if tb else (k, n), kind)
        got = compute("Gemm", {"a": a, "b": b}, constants, accuracy, transA=ta, transB=tb)
        a, b = (a.T if ta else a), (b.T if tb else b)
    else:
        batch = tuple(int(v) for v in random.integers(1, 4, random.integers(0, 2)))
        a, b = draw(random, (*batch, m, k), kind), draw(random, (k, n), kind)
        got = compute("MatMul", {"a": a, "b": b}, constants, accuracy)
    a, b = a.astype(np.float64), b.astype(np.float64)
    return units(got, a @ b, k, np.abs(a) @ np.abs(b))


def neighbourhood(x, reach):
    """Each element of an image replaced by the largest magnitude within `reach` rows and columns of it."""
    return functional.max_pool2d(x.abs(), [2 * r + 1 for r in reach], 1, reach)


def tile_reach(kernel, strides, dilations):
    """How many rows and columns apart the inputs lie that a Winograd tile may mix: 8 of them along each axis that the
    kernel has an extent along, twice as many pixels with a stride of 2. None for layers that are always direct."""
    axes = [a for a in (0, 1) if kernel[a] > 1]
    square = kernel == [3, 3] and strides[0] == strides[1]
    line = len(axes) == 1 and kernel[axes[0]] <= 7 and strides[1 - axes[0]] == 1
    if not (square or line) or any(strides[a] > 2 for a in axes):
        return None
    if any(strides[a] == 2 and (dilations[a] > 1 or kernel[a] % 2 == 0) for a in axes):
        return None
    return [(15 if strides[a] == 2 else 7 * dilations[a]) if a in axes else 0 for a in (0, 1)]


def convolution(random, accuracy, kind, groups=1, channels=None, kernel=None, attributes=None, near=None):
    c, out = channels
    h, w = (int(v) for v in random.integers(1, 24, 2))
    kh, kw = kernel
    attributes = attributes or {}
    dilation, stride = attributes.get("dilations", [1, 1]), attributes.get("strides", [1, 1])
    pad = [int(v) for v in random.integers(0, 3, 2)]
    h, w = max(h, dilation[0] * (kh - 1) + 1), max(w, dilation[1] * (kw - 1) + 1)
    x = draw(random, (int(random.integers(1, 3)), c, h, w), kind)
    weight = draw(random, (out, c // groups, kh, kw), kind)
    got = compute("Conv", {"x": x, "w": weight}, ["w"], accuracy, group=groups, pads=pad * 2, **attributes)
    x, weight = torch.from_numpy(x).double(), torch.from_numpy(weight).double()

    def true(x, weight):
        return functional.conv2d(x, weight, stride=stride, padding=pad, dilation=dilation, groups=groups)
    if near:  # padding may stand beside a large value: take the neighbourhood in the padded image
        padded = functional.pad(x, (pad[1], pad[1], pad[0], pad[0]))
        scale = functional.conv2d(neighbourhood(padded, near), weight.abs(), stride=stride, dilation=dilation, groups=groups)
    else:
        scale = true(x.abs(), weight.abs())
    k = c // groups * kh * kw
    return units(got, true(x, weight).numpy(), k, scale.numpy())


def conv(random, accuracy, kind):
    kernel = [int(v) for v in random.choice([1, 2, 3, 5, 7], 2)]
    k = pick_k(random, 20000)
    groups = int(random.choice([1, 1, 2, 3]))
    c = max(1, min(512, k // (kernel[0] * kernel[1]))) * groups
    out = int(random.integers(1, 40)) * groups
    attributes = {"strides": [int(v) for v in random.integers(1, 4, 2)],
                  "dilations": [int(v) for v in random.choice([1, 1, 2], 2)]}
    # What Winograd may compute is a family of its own.
    if tile_reach(kernel, attributes["strides"], attributes["dilations"]):
        attributes["strides"] = [3, 3]
    return convolution(random, accuracy, kind, groups, (c, out), kernel, attributes)


def depthwise(random, accuracy, kind):
    c = int(random.integers(1, 80))
    kernel = [int(v) for v in random.choice([1, 2, 3, 5, 7], 2)]
    attributes = {"strides": [int(v) for v in random.integers(1, 3, 2)],
                  "dilations": [int(v) for v in random.choice([1, 1, 2], 2)]}
    return convolution(random, accuracy, kind, c, (c, c * int(random.integers(1, 3))), kernel, attributes)


def winograd(random, accuracy, kind):
    groups = int(random.choice([1, 1, 2]))
    c, out = (int(v) * groups for v in random.integers(9, 130, 2))
    length = int(random.integers(2, 8))
    kernel = [[3, 3], [3, 3], [1, length], [length, 1]][int(random.integers(4))]
    stride, dilation = (int(v) for v in random.choice([[1, 1], [1, 1], [2, 1], [1, 2]]))
    if stride == 2 and kernel != [3, 3]:
        kernel = [k | 1 for k in kernel]
    # A line has no stride across it.
    attributes = {"strides": [stride if k > 1 else 1 for k in kernel], "dilations": [dilation, dilation]}
    near = tile_reach(kernel, attributes["strides"], attributes["dilations"]) if accuracy == "fast" else None
    return convolution(random, accuracy, kind, groups, (c, out), kernel, attributes, near)


def transposed(random, accuracy, kind):
    groups = int(random.choice([1, 1, 2]))
    c, out = (int(v) * groups for v in random.integers(1, 60, 2))
    kernel = [int(v) for v in random.choice([1, 2, 3, 4, 5], 2)]
    strides = [int(v) for v in random.integers(1, 4, 2)]
    h, w = (int(v) for v in random.integers(2, 14, 2))
    x, weight = draw(random, (1, c, h, w), kind), draw(random, (c, out // groups, *kernel), kind)
    got = compute("ConvTranspose", {"x": x, "w": weight}, ["w"], accuracy, group=groups, strides=strides)
    x, weight = torch.from_numpy(x).double(), torch.from_numpy(weight).double()

    def true(x, weight):
        return functional.conv_transpose2d(x, weight, stride=strides, groups=groups).numpy()
    k = c // groups * -(-kernel[0] // strides[0]) * -(-kernel[1] // strides[1])
    return units(got, true(x, weight), k, true(x.abs(), weight.abs()))


def reduced_input(random, kind):
    """An input, the axes that are summed over, and the number of terms."""
    k = pick_k(random, 20000)
    others = [int(v) for v in random.integers(1, 6, 2)]
    shape, axis = [(others[0], others[1], k), (others[0], k, others[1]), (k, others[0], others[1])][
        random.integers(0, 3)], None
    axis = shape.index(k)
    return draw(random, shape, kind), axis, k


def reduce(random, accuracy, kind):
    op = str(random.choice(["ReduceSum", "ReduceMean", "ReduceL2", "ReduceSumSquare", "ReduceL1", "ReduceLogSumExp"]))
    x, axis, k = reduced_input(random, kind)
    if op == "ReduceLogSumExp":
        x = np.clip(x, -300, 300)
    got = compute(op, {"x": x, "axes": np.int64([axis])}, ["axes"], accuracy, keepdims=1)
    x = x.astype(np.float64)

    def total(v):
        return v.sum(axis, keepdims=True)
    if op == "ReduceSum":
        return units(got, total(x), k, total(np.abs(x)))
    if op == "ReduceMean":
        return units(got, total(x) / k, k, total(np.abs(x)) / k)
    if op == "ReduceL1":
        return units(got, total(np.abs(x)), k, total(np.abs(x)))
    if op == "ReduceSumSquare":
        return units(got, total(x * x), k, total(x * x))
    if op == "ReduceL2":
        return units(got, np.sqrt(total(x * x)), k, np.sqrt(total(x * x)))
    top = x.max(axis, keepdims=True)
    y = top + np.log(total(np.exp(x - top)))
    return units(got, y, k, 1.0, EPS * (np.abs(y) + np.abs(top)))


def softmax(random, accuracy, kind):
    x, axis, k = reduced_input(random, kind)
    x = np.clip(x, -1e3, 1e3)
    op = str(random.choice(["Softmax", "LogSoftmax"]))
    got = compute(op, {"x": x}, [], accuracy, axis=axis)
    x = x.astype(np.float64)
    top = x.max(axis, keepdims=True)
    total = np.exp(x - top).sum(axis, keepdims=True)
    if op == "LogSoftmax":
        y = x - top - np.log(total)
        return units(got, y, k, 1.0, EPS * (np.abs(y) + np.abs(x - top)))
    y = np.exp(x - top) / total
    return units(got, y, k, y, EPS * y * np.abs(x - top))


def layer_norm(random, accuracy, kind):
    k = pick_k(random, 20000)
    x = draw(random, (int(random.integers(1, 9)), k), kind)
    x = (x + np.float32(random.choice([0, 0, 1, 1e3]))).astype(np.float32)
    weight, bias = draw(random, (k,), "plain"), draw(random, (k,), "plain")
    got = compute("LayerNormalization", {"x": x, "w": weight, "b": bias}, ["w", "b"], accuracy, axis=-1)
    x, weight, bias = (v.astype(np.float64) for v in (x, weight, bias))
    mean = x.mean(1, keepdims=True)
    deviation = np.sqrt(((x - mean) ** 2).mean(1, keepdims=True) + float(np.float32(1e-5)))
    y = (x - mean) / deviation * weight + bias
    moved = np.abs(x).mean(1, keepdims=True) / deviation
    # The mean's error is k eps mean|x|; it moves the differences, and the deviation a little.
    scale = np.abs(weight) * (moved + np.abs(x) / deviation + np.abs(x - mean) / deviation * (1 + moved)) + np.abs(bias)
    return units(got, y, k, scale)


FAMILIES = {f.__name__: f for f in (gemm, conv, depthwise, winograd, transposed, reduce, softmax, layer_norm)}
KINDS = ("plain", "scaled", "cancelling")


def worst(family, accuracy, cases, seed):
    """The largest c of so many random cases, and the number of the case."""
    found = (0.0, -1)
    for case in range(cases):
        random = np.random.default_rng([seed, case, list(FAMILIES).index(family)])
        found = max(found, (FAMILIES[family](random, accuracy, KINDS[case % 3]), case))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--family", choices=list(FAMILIES))
    options = parser.parse_args()
    torch.set_num_threads(1)
    print("| family | exact: largest c | fast: largest c |\n|---|---|---|")
    for family in [options.family] if options.family else FAMILIES:
        found = [worst(family, a, options.cases, options.seed) for a in ("exact", "fast")]
        print(f"| {family} | " + " | ".join(f"{c:.3f} (case {n})" for c, n in found) + " |", flush=True)


if __name__ == "__main__":
    main()
