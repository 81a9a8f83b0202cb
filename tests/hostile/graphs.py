# SPDX-License-Identifier: Apache-2.0
"""Hostile graphs: cycles, bodies and functions that nest, recurse or multiply, attributes of the wrong kind, loops
without end, graphs that double what they hold."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from .case import BOOL, F32, I64, REFUSED, STRING, TOO_BIG, Case, array, info, message, model, varint, wire

TIME_OR_MEMORY = ("DeadlineExceeded", "OutOfMemory", "LimitExceeded")
node = helper.make_node


def constant(name, value):
    return numpy_helper.from_array(np.array(value), name)


def structure_cases():
    x = [info("x", F32, [2])]
    fed = {"x": array([1, 2], np.float32)}

    def graph(name, nodes, words=(), expect=REFUSED, outputs=("y",), **fields):
        return Case(name, model(nodes, x, outputs, **fields), expect, words, inputs=fed)

    yield graph("cycle", [node("Add", ["x", "b"], ["a"], "first"), node("Relu", ["a"], ["b"]), node("Relu", ["a"], ["y"])],
                ("cycle",))
    yield graph("cycle_of_one", [node("Add", ["x", "y"], ["y"], "self")])
    yield graph("cycle_of_10000", [node("Relu", [f"v{i}"], [f"v{(i + 1) % 10000}"]) for i in range(10000)], outputs=["v5"])
    yield graph("name_made_twice", [node("Relu", ["x"], ["y"]), node("Neg", ["x"], ["y"])], ("'y'",))
    yield graph("name_of_an_input_made_again", [node("Relu", ["x"], ["x"]), node("Relu", ["x"], ["y"])], ("'x'",))
    yield graph("initializer_twice", [node("Add", ["x", "w"], ["y"])], ("'w'",),
                initializers=[constant("w", np.float32(1)), constant("w", np.float32(2))])
    yield graph("dangling_input", [node("Add", ["x", "nothing"], ["y"], "n")], ("'nothing'",))
    yield graph("dangling_output", [node("Relu", ["x"], ["z"])], ("'y'",))
    yield graph("output_missing", [node("Relu", ["x"], [])])
    yield graph("too_many_inputs", [node("Relu", ["x"] * 5000, ["y"], "n")])
    yield graph("too_many_outputs", [node("Relu", ["x"], [f"y{i}" for i in range(5000)], "n")], outputs=["y0"])
    yield graph("unknown_operators", [node("Nonsense", ["x"], ["a"]), node("Rubbish", ["a"], ["y"])], ("Nonsense", "Rubbish"))
    yield graph("unknown_domain", [node("Relu", ["x"], ["y"], domain="com.nobody")], ("com.nobody",))
    chain = [node("Neg", [f"v{i}" if i else "x"], [f"v{i + 1}"]) for i in range(5000)]
    yield graph("chain_of_5000", chain, expect=("Ok",), outputs=["v5000"])
    doubling = [node("Add", [f"v{i}" if i else "x"] * 2, [f"v{i + 1}"]) for i in range(60)]
    yield graph("diamonds_60", doubling, expect=("Ok",), outputs=["v60"])


def attribute_cases():
    def case(name, made, words=("axis",), expect=REFUSED):
        return Case("attribute_" + name, model([made], [info("x", F32, [2, 3])]), expect, words,
                    inputs={"x": np.zeros((2, 3), np.float32)})

    def softmax(**fields):
        made = node("Softmax", ["x"], ["y"], "n")
        made.attribute.add(name="axis", **fields)
        return made

    kinds = onnx.AttributeProto
    yield case("text_for_a_number", softmax(type=kinds.STRING, s=b"one"))
    yield case("tensor_for_a_number", softmax(type=kinds.TENSOR, t=constant("t", np.int64(1))))
    yield case("list_for_a_number", softmax(type=kinds.INTS, ints=[1]))
    yield case("graph_for_a_number", softmax(type=kinds.GRAPH, g=onnx.GraphProto(name="g")))
    yield case("kind_lies", softmax(type=kinds.INT, s=b"one"), expect=(*REFUSED, "Ok"), words=())
    yield case("kind_missing", softmax(i=1), expect=(*REFUSED, "Ok"), words=())
    yield case("kind_99", softmax(type=14, i=1), expect=(*REFUSED, "Ok"), words=())
    yield case("reference_outside_a_function", softmax(type=kinds.INT, ref_attr_name="a"), words=())
    yield case("axis_huge", softmax(type=kinds.INT, i=2**62))
    yield case("axis_lowest", softmax(type=kinds.INT, i=-2**63))
    twice = softmax(type=kinds.INT, i=1)
    twice.attribute.add(name="axis", type=kinds.INT, i=0)
    yield case("twice", twice)
    yield case("unknown", node("Softmax", ["x"], ["y"], "n", nonsense=3), ("nonsense",), (*REFUSED, "Ok"))
    yield case("body_of_a_number", node("If", ["x"], ["y"], "n", then_branch=1, else_branch=2), ())
    added = node("Relu", ["x"], ["y"], "n")
    added.attribute.add(name="body", type=kinds.GRAPH, g=onnx.GraphProto(name="g"))
    yield case("body_on_relu", added, ("body",))
    shape = node("Constant", [], ["y"], "n")
    shape.attribute.add(name="value", type=kinds.TENSOR, t=constant("t", np.float32(1)))
    shape.attribute.add(name="value_int", type=kinds.INT, i=1)
    yield case("constant_of_two_values", shape, ())
    yield case("constant_of_none", node("Constant", [], ["y"], "n"), ())


LEAF = helper.make_graph([node("Identity", ["w"], ["o"])], "leaf", [], [onnx.ValueInfoProto(name="o")],
                         [constant("w", np.array(True))])


def nested_ifs(depth, true):
    """`depth` Ifs inside each other, written by hand: protobuf itself refuses to write more than 100 levels."""
    inner = node("Identity", ["c"], ["o"]).SerializeToString()
    other = message(5, node("If", ["c"], ["o"], else_branch=LEAF).attribute[0].SerializeToString())
    for _ in range(depth):
        body = message(1, inner) + message(2, b"b") + message(12, message(1, b"o"))
        nested = message(5, message(1, b"then_branch") + message(6, body) + wire(20, 0, b"\5"))
        inner = message(1, b"c") + message(2, b"o") + message(4, b"If") + nested + other
    graph = message(1, inner) + message(2, b"g") + message(5, true.SerializeToString()) + message(12, message(1, b"o"))
    return b"\x08\x0a" + message(7, graph) + message(8, helper.make_opsetid("", 21).SerializeToString())


def body_cases():
    true = [constant("c", np.array(True))]
    leaf = LEAF
    for depth, expect in ((30, ("Ok",)), (40, ("LimitExceeded",)), (3000, ("LimitExceeded",))):
        yield Case(f"bodies_nested_{depth}", nested_ifs(depth, true[0]), expect)

    def branch(name, body, words=(), expect=REFUSED, inputs=("c",), outputs=("y",)):
        made = node("If", inputs, outputs, "if", then_branch=body, else_branch=leaf)
        return Case(name, model([made], outputs=outputs, initializers=true), expect, words)

    empty = onnx.GraphProto(name="b")
    yield branch("body_empty", empty)
    yield branch("body_output_not_made", onnx.GraphProto(name="b", output=[onnx.ValueInfoProto(name="nothing")]))
    with_input = helper.make_graph([node("Identity", ["i"], ["o"])], "b", [info("i", F32, [1])], [info("o", F32, [1])])
    yield branch("body_of_if_with_inputs", with_input)
    yield branch("if_with_two_inputs", leaf, inputs=("c", "c"))
    yield branch("if_with_three_outputs", leaf, outputs=("y", "z", "u"))
    same = helper.make_graph([node("Identity", ["c"], ["c"])], "b", [], [info("c", BOOL, [])])
    yield branch("body_makes_an_outer_name", same, expect=(*REFUSED, "Ok"))
    cyclic = helper.make_graph([node("Not", ["o"], ["o"])], "b", [], [info("o", BOOL, [])])
    yield branch("body_cycle", cyclic)
    looks_at_itself = helper.make_graph([node("Identity", ["y"], ["o"])], "b", [], [info("o", F32)])
    yield branch("body_takes_its_own_result", looks_at_itself)


def loop(body_inputs, body_nodes, body_outputs, start=(), trips="m", condition="c", outputs=None, initializers=()):
    body = helper.make_graph(body_nodes, "b", body_inputs, [onnx.ValueInfoProto(name=o) for o in body_outputs],
                             initializers)
    outputs = outputs or [f"y{i}" for i in range(len(body_outputs) - 1)]
    return node("Loop", [trips, condition, *start], outputs, "loop", body=body), outputs


def loop_cases():
    many = [constant("m", np.int64(2**63 - 1)), constant("c", np.array(True)), constant("s", np.float32([1]))]
    head = [info("i", I64, []), info("k", BOOL, [])]
    state = [*head, info("v", F32, None)]

    def case(name, made, expect=TIME_OR_MEMORY, more=()):
        return Case(name, model([made[0]], outputs=made[1], initializers=[*many, *more]), expect)

    keep = node("Identity", ["k"], ["k2"])
    yield case("loop_for_ever", loop(state, [keep, node("Neg", ["v"], ["v2"])], ["k2", "v2"], ["s"]))
    yield case("loop_for_ever_without_count", loop(state, [keep, node("Neg", ["v"], ["v2"])], ["k2", "v2"], ["s"], ""))
    yield case("loop_without_count_or_condition",
               loop(state, [keep, node("Neg", ["v"], ["v2"])], ["k2", "v2"], ["s"], "", ""))
    yield case("loop_doubles", loop(state, [keep, node("Concat", ["v", "v"], ["v2"], axis=0)], ["k2", "v2"], ["s"]))
    yield case("loop_scans_for_ever", loop(state, [keep, node("Identity", ["v"], ["v2"]), node("Neg", ["v"], ["n"])],
                                           ["k2", "v2", "n"], ["s"]))
    big = node("ConstantOfShape", ["n"], ["z"])
    yield case("loop_scans_megabytes", loop(head, [keep, big], ["k2", "z"]), more=[constant("n", array([1 << 20]))])
    inner, _ = loop([info("i2", I64, []), info("k3", BOOL, []), info("u", F32, None)],
                    [node("Identity", ["k3"], ["k4"]), node("Neg", ["u"], ["u2"])], ["k4", "u2"], ["v"], outputs=["w"])
    yield case("loop_in_loop", loop(state, [keep, inner], ["k2", "w"], ["s"]))
    sequence = helper.make_tensor_sequence_value_info("q", F32, None)
    grow = [keep, node("SequenceInsert", ["q", "s"], ["q2"])]
    empty = node("SequenceEmpty", [], ["e"])
    made, outputs = loop([*head, sequence], grow, ["k2", "q2"], ["e"])
    yield Case("loop_inserts_for_ever", model([empty, made], outputs=outputs, initializers=many), TIME_OR_MEMORY)
    text = [keep, node("StringConcat", ["v", "v"], ["v2"])]
    made, outputs = loop([*head, info("v", STRING, [1])], text, ["k2", "v2"], ["t"])
    yield Case("loop_doubles_a_string", model([made], outputs=outputs, opset=21, initializers=[
        *many, helper.make_tensor("t", STRING, [1], [b"text"])]), TIME_OR_MEMORY)
    yield case("loop_count_lowest", loop(state, [keep, node("Neg", ["v"], ["v2"])], ["k2", "v2"], ["s"], "low"),
               ("Ok", *REFUSED), [constant("low", np.int64(-2**63))])
    yield case("loop_body_without_condition", loop(state, [node("Neg", ["v"], ["v2"])], ["v2"], ["s"], outputs=["y"]),
               REFUSED)
    yield case("loop_body_of_no_inputs", loop([], [node("Identity", ["c"], ["k2"])], ["k2"], outputs=["y"]), REFUSED)
    yield case("loop_condition_is_a_float",
               loop(state, [node("Neg", ["v"], ["v2"])], ["v", "v2"], ["s"]), REFUSED)
    yield case("loop_count_is_a_float", loop(state, [keep, node("Neg", ["v"], ["v2"])], ["k2", "v2"], ["s"], "s"), REFUSED)
    yield case("loop_input_is_an_initializer",
               loop(state, [keep, node("Neg", ["v"], ["v2"])], ["k2", "v2"], ["s"],
                    initializers=[constant("v", np.float32([1, 2, 3])), constant("i", np.int64(7))]),
               (*REFUSED, *TIME_OR_MEMORY, "Ok"))
    yield case("loop_state_changes_type",
               loop(state, [keep, node("Cast", ["v"], ["v2"], to=TensorProto.DOUBLE)], ["k2", "v2"], ["s"]), REFUSED)
    body = helper.make_graph([node("Identity", ["e"], ["o"])], "b", [info("e", F32, None)], [info("o", F32, None)])
    for name, fields, expect in (
            ("scan_counts_minus_one", {"num_scan_inputs": -1}, REFUSED), ("scan_counts_zero", {"num_scan_inputs": 0}, REFUSED),
            ("scan_counts_too_many", {"num_scan_inputs": 2**62}, REFUSED),
            ("scan_axis_outside", {"num_scan_inputs": 1, "scan_input_axes": [5]}, REFUSED),
            ("scan_direction_of_7", {"num_scan_inputs": 1, "scan_input_directions": [7]}, (*REFUSED, "Ok"))):
        yield Case(name, model([node("Scan", ["s"], ["y"], "scan", body=body, **fields)], initializers=many), expect)
    long = [node("ConstantOfShape", ["n"], ["z"]), node("Scan", ["z"], ["y"], "scan", body=body, num_scan_inputs=1)]
    yield Case("scan_of_30_million", model(long, initializers=[constant("n", array([30_000_000]))]), TIME_OR_MEMORY)


def function_cases():
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("my", 1)]

    def function(name, nodes, inputs=("a",), outputs=("b",)):
        return helper.make_function("my", name, inputs, outputs, nodes, opsets)

    def call(name, source="x", result="y"):
        return node(name, [source], [result], domain="my")

    def case(name, functions, expect=("InvalidModel", "LimitExceeded"), words=()):
        made = model([call("F0")], [info("x", F32, [2])], functions=functions, opsets={"": 21, "my": 1})
        return Case(name, made, expect, words, inputs={"x": array([1, 2], np.float32)})

    yield case("function_calls_itself", [function("F0", [call("F0", "a", "b")])], words=("F0",))
    yield case("functions_call_each_other", [function("F0", [call("F1", "a", "b")]), function("F1", [call("F0", "a", "b")])])
    deep = [function(f"F{i}", [call(f"F{i + 1}", "a", "b")]) for i in range(500)]
    yield case("functions_nested_500", [*deep, function("F500", [node("Neg", ["a"], ["b"])])])
    bomb = [function(f"F{i}", [call(f"F{i + 1}", "a" if j == 0 else f"t{j}", "b" if j == 9 else f"t{j + 1}")
                               for j in range(10)]) for i in range(12)]
    yield case("function_bomb", [*bomb, function("F12", [node("Neg", ["a"], ["b"])])])
    branch = helper.make_graph([call("F0", "a", "o")], "b", [], [onnx.ValueInfoProto(name="o")])
    body = [node("Constant", [], ["c"], value=constant("c", np.array(True))),
            node("If", ["c"], ["b"], then_branch=branch, else_branch=branch)]
    yield case("function_calls_itself_in_a_body", [function("F0", body)])
    yield case("function_twice", [function("F0", [node("Neg", ["a"], ["b"])])] * 2, (*REFUSED, "Ok"))
    yield case("function_output_not_made", [function("F0", [node("Neg", ["a"], ["z"])])], REFUSED)
    yield case("function_of_no_outputs", [function("F0", [node("Neg", ["a"], ["z"])], outputs=())], REFUSED)
    yield case("function_takes_outer_names", [function("F0", [node("Neg", ["x"], ["b"])])], REFUSED)
    needs = function("F0", [node("Softmax", ["a"], ["b"])])
    needs.node[0].attribute.add(name="axis", type=onnx.AttributeProto.INT, ref_attr_name="axis")
    needs.attribute.append("axis")
    yield case("function_attribute_not_given", [needs], (*REFUSED, "Ok"))


def more_function_cases():
    here = [helper.make_opsetid("", 21), helper.make_opsetid("my", 1)]
    x, fed = [info("x", F32, [2])], {"x": array([1, 2], np.float32)}

    def case(name, functions, expect=(*REFUSED, "Ok"), call=None, domain="my"):
        made = model([call or node("F", ["x"], ["y"], domain=domain)], x, functions=functions, opsets={"": 21, "my": 1})
        return Case("function_" + name, made, expect, inputs=fed)

    def function(nodes, name="F", domain="my", opsets=here, inputs=("a",), outputs=("b",)):
        return helper.make_function(domain, name, inputs, outputs, nodes, opsets)

    negate = [node("Neg", ["a"], ["b"])]
    yield case("named_relu", [function(negate, "Relu", "")], call=node("Relu", ["x"], ["y"]))
    yield case("of_no_name", [function(negate, "")])
    yield case("of_another_opset", [function(negate, opsets=[helper.make_opsetid("", 5)])])
    yield case("of_opset_99999", [function(negate, opsets=[helper.make_opsetid("", 99999)])])
    yield case("of_no_opset", [function(negate, opsets=[])])
    yield case("input_twice", [function(negate, inputs=("a", "a"))], call=node("F", ["x", "x"], ["y"], domain="my"))
    yield case("output_twice", [function(negate, outputs=("b", "b"))], call=node("F", ["x"], ["y", "z"], domain="my"))
    yield case("output_is_input", [function(negate, outputs=("a",))])
    yield case("called_with_1000", [function(negate)], call=node("F", ["x"] * 1000, ["y"], domain="my"))
    yield case("called_with_none", [function(negate)], call=node("F", [], ["y"], domain="my"))
    overloaded = node("F", ["x"], ["y"], domain="my")
    overloaded.overload = "none"
    yield case("overload_unknown", [function(negate)], REFUSED, overloaded)
    default = function(negate)
    default.attribute_proto.add(name="g", type=onnx.AttributeProto.GRAPH, g=helper.make_graph([node("F", ["a"], ["o"], domain="my")], "d", [], []))
    yield case("default_is_a_graph", [default])
    whole = node("If", ["c"], ["b"])
    for name in ("then_branch", "else_branch"):
        whole.attribute.add(name=name, type=onnx.AttributeProto.GRAPH, ref_attr_name="g")
    taken = function([node("Constant", [], ["c"], value=constant("c", np.array(True))), whole])
    taken.attribute.append("g")
    call = node("F", ["x"], ["y"], domain="my")
    call.attribute.add(name="g", type=onnx.AttributeProto.GRAPH, g=helper.make_graph([node("F", ["x"], ["o"], domain="my")], "d", [], [onnx.ValueInfoProto(name="o")]))
    yield case("given_a_body_that_calls_it", [taken], REFUSED, call)

    def branches(i):
        body = helper.make_graph([node(f"F{i}", ["a"], ["o"], domain="my")], "b", [], [onnx.ValueInfoProto(name="o")])
        return [node("Constant", [], ["c"], value=constant("c", np.array(True))), node("If", ["c"], ["b"], then_branch=body, else_branch=body)]

    forest = [function(branches(i + 1), f"F{i}") for i in range(25)]
    yield Case("function_bomb_of_branches", model([node("F0", ["x"], ["y"], domain="my")], x, functions=[*forest, function(negate, "F25")],
                                                  opsets={"": 21, "my": 1}), ("InvalidModel", "LimitExceeded"), inputs=fed)


def many_cases():
    """Long lists of what is usually few: nothing may take time of the square of the file's size."""
    x, fed = [info("x", F32, [2])], {"x": array([1, 2], np.float32)}
    named = b"".join(message(5, message(1, f"a{i}".encode()) + wire(3, 0, b"\1") + wire(20, 0, b"\2")) for i in range(200_000))
    tail = message(2, b"g") + message(11, x[0].SerializeToString()) + message(12, message(1, b"y"))
    opset = message(8, helper.make_opsetid("", 21).SerializeToString())
    relu = node("Relu", ["x"], ["y"]).SerializeToString()
    yield Case("attributes_200000", b"\x08\x0a" + message(7, message(1, relu + named) + tail) + opset, REFUSED, inputs=fed)
    function = helper.make_function("my", "F", ["a"], ["b"], [node("Neg", ["a"], ["b"])], [helper.make_opsetid("", 21)])
    function.attribute.extend(f"a{i}" for i in range(30_000))
    call = node("F", ["x"], ["y"], domain="my")
    for i in range(30_000):
        call.attribute.add(name=f"a{i}", type=onnx.AttributeProto.INT, i=i)
    yield Case("function_attributes_30000", model([call], x, functions=[function], opsets={"": 21, "my": 1}), (*REFUSED, "Ok"), inputs=fed)
    many = [helper.make_function("my", f"F{i}", ["a"], ["b"], [node("Neg", ["a"], ["b"])], [helper.make_opsetid("", 21)]) for i in range(20_000)]
    yield Case("functions_20000", model([node("F7", ["x"], ["y"], domain="my")], x, functions=many, opsets={"": 21, "my": 1}), (*REFUSED, "Ok"), inputs=fed)
    backwards = [node("Neg", [f"v{i}"], [f"v{i + 1}" if i < 19_999 else "y"]) for i in range(20_000)][::-1]
    yield Case("nodes_backwards_20000", model(backwards, [info("v0", F32, [2])]), (*REFUSED, "Ok"), inputs={"v0": fed["x"]}, timeout=1.0)
    one = [node("Neg", ["x"], [f"v{i}"]) for i in range(3000)]
    yield Case("users_3000", model([*one, node("Sum", [f"v{i}" for i in range(3000)], ["y"])], x), (*REFUSED, "Ok", "DeadlineExceeded"), inputs=fed, timeout=1.0)
    weights = [TensorProto(name=f"w{i}", data_type=F32, dims=[0]) for i in range(100_000)]
    yield Case("initializers_100000", model([node("Relu", ["x"], ["y"])], x, initializers=weights), (*REFUSED, "Ok"), inputs=fed)
    body = helper.make_graph([node("Neg", [f"c{i}"], [f"o{i}"]) for i in range(2000)], "b", [], [onnx.ValueInfoProto(name="o0")])
    outer = [node("Neg", ["x"], [f"c{i}"]) for i in range(2000)]
    yield Case("captures_2000", model([*outer, node("If", ["t"], ["y"], then_branch=body, else_branch=body)], x, initializers=[constant("t", np.array(True))]),
               (*REFUSED, "Ok"), inputs=fed)


def nested_cases():
    """Bodies that are inferred again with every body around them."""
    for depth in (8, 30):
        inner = node("Neg", ["v0"], ["w0"])
        for i in range(depth):
            body = helper.make_graph([node("Identity", [f"k{i}"], [f"l{i}"]), inner], "b", [info(f"i{i}", I64, []), info(f"k{i}", BOOL, []), info(f"v{i}", F32, None)],
                                     [onnx.ValueInfoProto(name=f"l{i}"), onnx.ValueInfoProto(name=f"w{i}")])
            inner = node("Loop", ["m", "", f"v{i + 1}" if i < depth - 1 else "x"], [f"w{i + 1}" if i < depth - 1 else "y"], f"loop{i}", body=body)
        made = model([inner], [info("x", F32, [2])], initializers=[constant("m", np.int64(1))])
        yield Case(f"loops_nested_{depth}", made, (*REFUSED, "Ok"), inputs={"x": array([1, 2], np.float32)})
        inner = node("Neg", ["v0"], ["w0"])
        for i in range(depth):
            body = helper.make_graph([inner], "b", [info(f"v{i}", F32, None)], [onnx.ValueInfoProto(name=f"w{i}")])
            inner = node("Scan", [f"v{i + 1}" if i < depth - 1 else "x"], [f"w{i + 1}" if i < depth - 1 else "y"], f"scan{i}", body=body, num_scan_inputs=1)
        yield Case(f"scans_nested_{depth}", model([inner], [info("x", F32, [1] * min(depth, 14))]), (*REFUSED, "Ok"), inputs={"x": np.ones([1] * min(depth, 14), np.float32)})


def sequence_cases():
    head = [constant("n", array([4])), constant("c", np.array(True)), constant("low", np.int64(-2**63)), constant("s", np.float32([1, 2]))]

    def case(name, nodes, expect=REFUSED):
        return Case("sequence_" + name, model(nodes, initializers=head), expect)

    two = node("SequenceConstruct", ["s", "s"], ["q"])
    yield case("of_two_types", [node("SequenceConstruct", ["s", "n"], ["y"])])
    yield case("insert_at_lowest", [two, node("SequenceInsert", ["q", "s", "low"], ["y"])])
    yield case("erase_at_lowest", [two, node("SequenceErase", ["q", "low"], ["y"])])
    yield case("at_lowest", [two, node("SequenceAt", ["q", "low"], ["y"])])
    yield case("joined_of_none", [node("SequenceEmpty", [], ["e"]), node("ConcatFromSequence", ["e"], ["y"], axis=0)])
    yield case("joined_axis_lowest", [two, node("ConcatFromSequence", ["q"], ["y"], axis=-2**63)])
    yield case("joined_uneven", [node("SequenceConstruct", ["s", "c"], ["q"]), node("ConcatFromSequence", ["q"], ["y"], axis=0)])
    yield case("of_type_99", [node("SequenceEmpty", [], ["y"], dtype=99)])
    yield case("for_a_tensor", [two, node("Relu", ["q"], ["y"])])
    yield case("tensor_for_it", [node("SequenceLength", ["s"], ["y"])])
    yield case("of_sequences", [two, node("SequenceConstruct", ["q", "q"], ["y"])])
    yield case("of_an_empty_optional", [node("Optional", [], ["o"], type=helper.make_tensor_type_proto(F32, None)), node("OptionalGetElement", ["o"], ["y"])])
    yield case("optional_of_nothing", [node("Optional", [], ["y"])])
    body = helper.make_graph([node("Concat", ["e", "e"], ["o"], axis=0)], "b", [info("e", F32, None)], [info("o", F32, None)])
    yield case("mapped_by_two_inputs", [two, node("SequenceMap", ["q", "s", "q"], ["y"], body=body)])
    other = helper.make_graph([node("SequenceConstruct", ["s"], ["o"])], "b", [], [onnx.ValueInfoProto(name="o")])
    tensor = helper.make_graph([node("Neg", ["s"], ["o"])], "b", [], [onnx.ValueInfoProto(name="o")])
    yield case("from_one_branch", [node("If", ["c"], ["y"], then_branch=other, else_branch=tensor)], (*REFUSED, "Ok"))
    text = helper.make_graph([node("Cast", ["s"], ["o"], to=STRING)], "b", [], [onnx.ValueInfoProto(name="o")])
    yield case("branches_of_two_types", [node("If", ["c"], ["y"], then_branch=tensor, else_branch=text)], (*REFUSED, "Ok"))
    yield case("condition_of_two", [node("Greater", ["s", "s"], ["k"]), node("If", ["k"], ["y"], then_branch=tensor, else_branch=tensor)])
    yield case("condition_is_text", [node("Cast", ["c"], ["k"], to=STRING), node("If", ["k"], ["y"], then_branch=tensor, else_branch=tensor)])
    outputs = [f"o{i}" for i in range(5000)]
    wide = helper.make_graph([node("Neg", ["s"], [o]) for o in outputs], "b", [], [onnx.ValueInfoProto(name=o) for o in outputs])
    yield case("of_5000_results", [node("If", ["c"], ["y", *outputs[1:]], then_branch=wide, else_branch=wide)], (*REFUSED, "Ok"))


def growth_cases():
    def chain(kind, count, start, **fields):
        nodes = [node(kind, [f"v{i}", f"v{i}"], [f"v{i + 1}"], **fields) for i in range(count)]
        return model(nodes, outputs=[f"v{count}"], initializers=[start])

    yield Case("concat_doubles_50_times", chain("Concat", 50, constant("v0", np.float32([1])), axis=0), TOO_BIG)
    text = helper.make_tensor("v0", STRING, [1], [b"text"])
    yield Case("string_doubles_40_times", chain("StringConcat", 40, text), TIME_OR_MEMORY)
    nodes = [node("Unsqueeze", [f"v{i}", "a"], [f"v{i + 1}"]) for i in range(100)]
    yield Case("rank_grows_to_100", model(nodes, outputs=["v100"], initializers=[
        constant("v0", np.float32([1])), constant("a", array([0]))]), REFUSED)
    # Each dimension is an expression over the one before it.
    nodes = []
    for i in range(40):
        nodes += [node("Concat", [f"v{i}", f"v{i}"], [f"c{i}"], axis=0), node("Slice", [f"c{i}", "one", f"e{i}"], [f"v{i + 1}"]),
                  node("Shape", [f"v{i}"], [f"e{i}"])]
    yield Case("dims_of_dims_40", model(nodes, [info("v0", F32, ["N"])], ["v40"],
                                        [constant("one", array([1]))]), ("Ok", *TOO_BIG), inputs={"v0": np.zeros(2, np.float32)})
    values = []
    for i in range(30):  # sequences of sequences are refused; sequences that hold one tensor many times are not
        values.append(node("SequenceConstruct", ["s"] * 200, [f"q{i}"]))
    join = node("ConcatFromSequence", ["q0"], ["y"], axis=0)
    yield Case("sequence_of_200_megabytes", model([node("ConstantOfShape", ["n"], ["s"]), *values, join],
                                                  initializers=[constant("n", array([1 << 20]))]), TOO_BIG,
               timeout=2)  # on a busy machine 200 MB take more than the usual time


def cases():
    yield from structure_cases()
    yield from attribute_cases()
    yield from body_cases()
    yield from loop_cases()
    yield from function_cases()
    yield from more_function_cases()
    yield from many_cases()
    yield from nested_cases()
    yield from sequence_cases()
    yield from growth_cases()
