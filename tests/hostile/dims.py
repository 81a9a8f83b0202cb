# SPDX-License-Identifier: Apache-2.0
"""Hostile dims: names that mean nothing, sizes that are computed from sizes until no formula or integer holds them."""

import numpy as np
from onnx import helper

from .case import F32, I64, REFUSED, TOO_BIG, Case, array, info, model

node = helper.make_node
LONG = ("DeadlineExceeded", *TOO_BIG)
ANY = ("Ok", *LONG, "UnsupportedType", "UnsupportedOp")


def fed(name, nodes, dims, expect, outputs=("y",), shape=(2, 3), initializers=(), **fields):
    return Case("dims_" + name, model(nodes, [info("x", F32, dims)], outputs, initializers, **fields), expect,
                inputs={"x": np.zeros(shape, np.float32)})


def name_cases():
    relu = [node("Relu", ["x"], ["y"])]
    for name, dims in (("empty", ["", ""]), ("of_a_megabyte", ["N" * 10**6, "M"]), ("formula", ["N*N+1", "-M"]), ("number", ["2", "-3"]),
                       ("control", ["\x1b[2J\n", "%s%n"]), ("same", ["N", "N"])):
        yield fed("named_" + name, relu, dims, ANY)
    yield fed("lie_in_value_info", [node("Relu", ["x"], ["t"]), node("Neg", ["t"], ["y"])], ["N", "M"], ANY, outputs=[info("y", F32, [7, 7, 7])])
    lie = onnx_with_value_info([node("Relu", ["x"], ["t"]), node("Neg", ["t"], ["y"])], info("t", F32, [9]))
    yield Case("dims_lie_inside", lie, ANY, inputs={"x": np.zeros((2, 3), np.float32)})
    typed = onnx_with_value_info([node("Relu", ["x"], ["t"]), node("Neg", ["t"], ["y"])], info("t", I64, [2, 3]))
    yield Case("dims_type_lies_inside", typed, ANY, inputs={"x": np.zeros((2, 3), np.float32)})


def onnx_with_value_info(nodes, *infos):
    graph = helper.make_graph(nodes, "g", [info("x", F32, ["N", "M"])], [info("y", F32, None)], value_info=infos)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10).SerializeToString()


def formula_cases():
    one = ("one", array([1]))
    flat = ("flat", array([-1, 1]))
    wide = ("wide", array([1, -1]))
    # N, N^2, N^4, ...: the degree doubles with every product.
    nodes = [node("Reshape", ["x", "flat"], ["v0"])]
    for i in range(70):
        nodes += [node("Reshape", [f"v{i}", "wide"], [f"w{i}"]), node("MatMul", [f"v{i}", f"w{i}"], [f"p{i}"]),
                  node("Reshape", [f"p{i}", "flat"], [f"v{i + 1}"])]
    yield fed("squared_70_times", nodes, ["N"], ANY, ["v70"], (1,), [flat, wide])
    yield fed("squared_70_times_of_2", nodes, ["N"], LONG, ["v70"], (2,), [flat, wide])
    # (N + M) (N + M) ...: the terms multiply.
    nodes = [node("Shape", ["x"], ["s"]), node("ReduceSum", ["s", "zero"], ["t0"], keepdims=1), node("Add", ["t0", "s"], ["a"])]
    for i in range(64):
        nodes.append(node("Mul", [f"t{i}", "a"], [f"t{i + 1}"]))
    nodes += [node("ReduceProd", ["t64", "zero"], ["n"], keepdims=1), node("Abs", ["n"], ["m"]), node("Min", ["m", "one"], ["k"]),
              node("ConstantOfShape", ["k"], ["y"])]
    yield fed("terms_multiply", nodes, ["N", "M"], ANY, initializers=[one, ("zero", array([0]))])
    many = [f"x{i}" for i in range(2000)]
    joined = [node("Concat", many, ["c"], axis=0), node("Shape", ["c"], ["y"])]
    yield Case("dims_sum_of_2000", model(joined, [info(n, F32, [f"N{i}"]) for i, n in enumerate(many)]), ANY,
               inputs={n: np.zeros(1, np.float32) for n in many})
    yield fed("concat_with_itself_62_times", [node("Concat", [f"v{i}" if i else "x"] * 2, [f"v{i + 1}"], axis=0) for i in range(62)],
              ["N"], TOO_BIG, ["v62"], (1,))
    pads = ("pads", array([0, 2**61]))
    nodes = [node("Pad", [f"v{i}" if i else "x", "pads"], [f"v{i + 1}"]) for i in range(8)]
    yield fed("pads_add_up", nodes, ["N"], TOO_BIG, ["v8"], (1,), [pads])
    nodes = [node("Tile", [f"v{i}" if i else "x", "ten"], [f"v{i + 1}"]) for i in range(19)]
    yield fed("tiles_multiply", nodes, ["N"], TOO_BIG, ["v19"], (1,), [("ten", array([10]))])
    nodes = [node("Resize", [f"v{i}" if i else "x", "", "scale"], [f"v{i + 1}"]) for i in range(30)]
    yield fed("scales_multiply", nodes, ["N"], TOO_BIG, ["v30"], (2,), [("scale", np.float32([8]))])
    nodes = [node("Upsample", [f"v{i}" if i else "x", "scale"], [f"v{i + 1}"]) for i in range(30)]
    yield fed("shrinks_to_nothing", nodes, ["N", "M"], ANY, ["v30"], (2, 3), [("scale", np.float32([0.5, 1.0]))], opset=9)
    conv = [node("ConvTranspose", [f"v{i}" if i else "x", "w"], [f"v{i + 1}"], strides=[64]) for i in range(12)]
    yield fed("strides_multiply", conv, ["B", 1, "N"], TOO_BIG, ["v12"], (1, 1, 2), [("w", np.zeros((1, 1, 2), np.float32))])


def arithmetic_cases():
    """Sizes that integer arithmetic makes of a shape."""
    low, high = -2**63, 2**63 - 1
    for name, kind, number, expect in (
            ("divided_by_0", "Div", 0, ANY), ("divided_by_minus_1", "Div", -1, REFUSED), ("modulo_0", "Mod", 0, ANY), ("times_highest", "Mul", high, TOO_BIG),
            ("times_lowest", "Mul", low, ANY), ("plus_highest", "Add", high, ANY), ("minus_lowest", "Sub", low, ANY), ("less_itself", "Sub", 2, ANY),
            ("power_63", "Pow", 63, TOO_BIG), ("power_minus_1", "Pow", -1, ANY), ("equal", "Max", 2**40, TOO_BIG), ("least", "Min", -5, REFUSED)):
        nodes = [node("Shape", ["x"], ["s"]), node(kind, ["s", "k"], ["n"]), node("ConstantOfShape", ["n"], ["y"])]
        for way, dims in (("", ["N", "M"]), ("_fixed", [2, 3])):
            yield fed(name + way, nodes, dims, expect, initializers=[("k", array([number]))])
    nodes = [node("Shape", ["x"], ["s"]), node("Div", ["k", "s"], ["n"]), node("Div", ["n", "zero"], ["u"]), node("Add", ["u", "n"], ["v"]),
             node("ConstantOfShape", ["v"], ["y"])]
    yield fed("quotients_of_lowest", nodes, ["N", "M"], ANY, initializers=[("k", array([low])), ("zero", array([0]))])
    nodes = [node("Shape", ["x"], ["s"]), node("Range", ["zero", "high", "d"], ["r"]), node("Shape", ["r"], ["t"]), node("ConstantOfShape", ["t"], ["y"]),
             node("ReduceProd", ["s"], ["d"], keepdims=0)]
    yield fed("range_by_a_dim", nodes, ["N", "M"], TOO_BIG, initializers=[("zero", array(0)), ("high", array(high))])
    nodes = [node("Shape", ["x"], ["s"]), node("Slice", ["s", "k", "h"], ["n"]), node("ConstantOfShape", ["n"], ["y"])]
    yield fed("slice_of_a_shape", nodes, ["N", "M"], ANY, initializers=[("k", array([low])), ("h", array([high]))])
    nodes = [node("Shape", ["x"], ["s"], start=low, end=high), node("ConstantOfShape", ["s"], ["y"])]
    yield fed("shape_between_extremes", nodes, ["N", "M"], ANY)
    nodes = [node("Shape", ["x"], ["s"]), node("Gather", ["s", "k"], ["n"]), node("ConstantOfShape", ["n"], ["y"])]
    yield fed("gather_outside_a_shape", nodes, ["N", "M"], REFUSED, initializers=[("k", array([7]))])
    nodes = [node("NonZero", ["x"], ["n"]), node("Shape", ["n"], ["s"]), node("Div", ["k", "s"], ["d"]), node("Expand", ["x", "d"], ["y"])]
    yield fed("divided_by_a_count_of_0", nodes, ["N", "M"], ANY, initializers=[("k", array([6]))])
    nodes = [node("Size", ["x"], ["s"]), node("Mul", ["s", "k"], ["m"]), node("Reshape", ["m", "flat"], ["n"]), node("Expand", ["one", "n"], ["y"])]
    yield fed("size_overflows", nodes, ["N", "M"], TOO_BIG, initializers=[("k", array(2**62)), ("flat", array([1])), ("one", np.float32([1]))])


def cases():
    for family in (name_cases, formula_cases, arithmetic_cases):
        yield from family()
