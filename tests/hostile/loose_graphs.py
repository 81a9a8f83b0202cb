# SPDX-License-Identifier: Apache-2.0
"""Random graphs of tests/differential whose models say little: dims have names of their own or none, and what shapes, axes and
pads are made of comes with the run. Then sizes and numbers are changed until they do not fit.

    python -m tests.hostile.loose_graphs COUNT [SEED]     says what is wrong with which seed

Fast kernels must end as reference kernels do: in a result of the same type, dims and, roughly, numbers (tests/differential
compares them closely), or in none; never in an internal error. Rewrites may know a result, or drop a node, without a look at what
is wrong with it, so graphs as written are compared in full, and rewritten ones where the reference has a result.
"""

import argparse
import random
import re
import sys

import numpy as np
import onnx
from onnx import helper, numpy_helper

import ferry
from tests.differential import generate
from tests.hostile import random_nodes

REFERENCE = {"reference_kernels": True, "optimize": False, "accuracy": "exact"}
AS_WRITTEN = {"optimize": False}
WAYS = [{}, {}, AS_WRITTEN, AS_WRITTEN, {"prefer": "memory"}, {"isa": "scalar"}]
EXTREMES = (0, 1, -1, 2, -2, 7, 100, 2**31 - 1, -2**31, 2**63 - 1, -2**63)
RUNS = 10
MOST_ELEMENTS = 200_000
RANDOM_OPS = {"RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Bernoulli", "Multinomial"}
LOOK_AT_DIMS = {"Shape", "Size"}  # they need not know what is in their input
STRING = onnx.TensorProto.STRING


def loosen(case, r):
    """(model, inputs) that say less and compute the same."""
    model, given = onnx.ModelProto(), dict(case.runs[0].inputs)
    model.CopyFrom(case.model)
    graph = model.graph
    names = (f"s{i}" for i in range(10_000))
    for info in graph.input:
        if info.type.WhichOneof("value") == "tensor_type":
            if r.random() < 0.12:
                info.type.tensor_type.ClearField("shape")
            for dim in info.type.tensor_type.shape.dim:
                how = r.random()
                if how < 0.85:
                    dim.Clear()
                if how < 0.75:
                    dim.dim_param = next(names)
    kept, share = [], r.choice((0, 0.2, 0.7))
    for tensor in graph.initializer:
        numbers = tensor.data_type in (onnx.TensorProto.INT32, onnx.TensorProto.INT64) and np.prod(tensor.dims) <= 16
        if tensor.data_type == STRING or r.random() >= (0.5 if numbers else share):
            kept.append(tensor)
            continue
        given[tensor.name] = numpy_helper.to_array(tensor)
        dims = [next(names) if r.random() < 0.5 else d for d in tensor.dims]
        graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, dims))
    del graph.initializer[:], graph.value_info[:]
    graph.initializer.extend(kept)
    for info in graph.output:
        if info.type.WhichOneof("value") == "tensor_type":
            info.type.tensor_type.ClearField("shape")
    return model, given


def resized(array, dims):
    if not np.prod(dims) or not array.size:
        return np.full(dims, "x" if array.dtype == object else np.ones((), np.float32).astype(array.dtype), array.dtype)
    return np.ascontiguousarray(np.resize(array, dims))


def changed(given, r):
    """The inputs with one to three sizes or numbers changed."""
    inputs = dict(given)
    names = [n for n, v in given.items() if isinstance(v, np.ndarray)]
    for name in r.choices(names, k=r.choice((1, 1, 1, 2, 3))) if names else ():
        array = inputs[name]
        if array.dtype.kind in "iu" and array.dtype.isbuiltin == 1 and array.size and r.random() < 0.5:
            array = array.copy()
            at, range_ = r.randrange(array.size), np.iinfo(array.dtype)
            number = int(array.flat[at]) + r.choice((-1, 1, 2, -3)) if r.random() < 0.6 else r.choice(EXTREMES)
            array.flat[at] = min(max(number, range_.min), range_.max)
        elif array.ndim:
            dims = list(array.shape)
            axis = r.randrange(len(dims))
            dims[axis] = max(0, r.choice((dims[axis] - 1, dims[axis] + 1, 1, 0, 2 * dims[axis], dims[axis] // 2)))
            if np.prod(dims) < MOST_ELEMENTS:
                array = resized(array, dims)
        inputs[name] = array
    return inputs


def live_nodes(graph):
    """Names of nodes that read all of their inputs, and whose results the outputs need to know."""
    makers = {name: node for node in graph.node for name in node.output}
    live, todo = {}, [o.name for o in graph.output]
    while todo:
        node = makers.get(todo.pop())
        if node is None or node.name in live:
            continue
        live[node.name] = not any(a.name == "beta" and a.f == 0 for a in node.attribute)  # Gemm, of its third
        if node.op_type not in LOOK_AT_DIMS:
            todo += [*node.input, *(n for a in node.attribute if a.HasField("g") for inner in a.g.node for n in inner.input)]
    return {name for name, reads_all in live.items() if reads_all}


def alike(got, want):
    if isinstance(want, (list, tuple)):
        return isinstance(got, (list, tuple)) and len(got) == len(want) and all(map(alike, got, want))
    if want is None or isinstance(want, dict):
        return type(got) is type(want)
    got, want = np.asarray(got), np.asarray(want)
    if got.shape != want.shape or got.dtype != want.dtype:
        return False
    if want.dtype.kind not in "fc":  # roundings may move an integer
        return True
    with np.errstate(all="ignore"):
        scale = np.abs(want[np.isfinite(want)]).max(initial=1e-3)
        near = (np.abs(got - want) <= 0.02 * scale) | (got == want) | ~np.isfinite(want)
    return bool(near.mean() > 0.97 if near.size > 30 else near.all())


def attempt(action):
    try:
        return "Ok", action()
    except ferry.Error as error:
        return type(error).__name__, str(error)


def difference(fast, reference, live, in_full):
    """What is wrong with two ends, or None."""
    if "Internal" in (fast[0], reference[0]):
        return "an internal error"
    if reference[0] != "Ok":
        failed = re.match(r"node '([^']*)'", reference[1])
        must_fail = in_full and (failed is None or failed[1] in live)
        return "ends in a result" if fast[0] == "Ok" and must_fail else None
    if fast[0] != "Ok":
        return "ends in no result"
    wrong = [name for name, value in reference[1].items() if not alike(fast[1][name], value)]
    return f"differs in {wrong}" if wrong else None


def finding(seed, _):
    r = random.Random(f"loose {seed}")
    case = generate.graph(seed)
    if case.ops & RANDOM_OPS:
        return None
    model, given = loosen(case, r)
    way = r.choice(WAYS)
    content, live = model.SerializeToString(), live_nodes(model.graph)
    made = [attempt(lambda options=options: ferry.Session(content, threads=1, memory_limit=256 << 20, **options))
            for options in (way, REFERENCE)]
    if "Ok" not in (made[0][0], made[1][0]):
        return None
    if made[0][0] != made[1][0]:
        return [way, *made]
    for number in range(RUNS):
        inputs = given if number in (0, RUNS // 2) else changed(given, r)
        ends = [attempt(lambda session=session: session.run(inputs, timeout=10)) for _, session in made]
        if what := difference(*ends, live, way == AS_WRITTEN):
            return [way, number, what, *(end if end[0] != "Ok" else "Ok" for end in ends)]
    return None


def main(count, first=0):
    found = []
    random_nodes.search(range(first, first + count),
                        lambda seed, what: (found.append(seed), print(seed, what, flush=True)), finding)
    print(f"{count} graphs, {len(found)} findings")
    return bool(found)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("count", type=int, help="graphs to look at")
    parser.add_argument("first", type=int, nargs="?", default=0, help="seed of the first")
    sys.exit(main(**vars(parser.parse_args())))
