# SPDX-License-Identifier: Apache-2.0
"""Corrupted models: does Ferry refuse all that onnx.checker refuses?

    python tests/conformance/check_corruptions.py [--count N] [--seed S] [--fields] [--verbose]

Each corruption changes one thing of one model of the suite: drops an input or output, another
attribute kind, element type, opset, a name given twice, bytes cut, ... With --fields it changes one or
two fields, whichever they are, of those models and of rare_models.py. onnx.checker (full check) and
Ferry (strict) judge it. Prints a table: by kind, how often both accept, both refuse, and one alone
does. Exit status 1 when Ferry accepts what onnx.checker refuses, unless the reason is one of EXPLAINED.
"""

import argparse
import collections
import contextlib
import json
import os
import random
import re
import sys
import tempfile
from pathlib import Path

import corrupt_fields
import onnx
import rare_models
import suite

import ferry

# Refusals of onnx.checker that Ferry does not share, by a pattern of its message (docs/conformance.md
# says why for each).
EXPLAINED = {
    "a function body of the package itself is refused": r"One and only one of the attributes 'value'",
    "arithmetic, logic and comparisons of old opsets broadcast as later ones do":
        r"\(op_type:(Add|Sub|Mul|Div|And|Or|Xor|Equal|Less|Greater|Max|Min|Sum|Mean|Pow)\): .*existing shape differ",
    "values of another width than keys are computed": r"Key and value must share the same head dimension",
    "a size that is not known is not one of 0":
        r"\(op_type:Attention\): .*differ in dimension 3: \(\d+\) vs|of input 'sizes' \(0\)|StringNormalizer.*must have either",
    "an input of no elements counts as absent": r"Either `sizes` or `scales` must be provided",
    "pooling rounds up as opset 22 says in older ones too":
        r"\(op_type:(Max|Average)Pool\): .*existing shape differ in dimension \d: \((\d+)\) vs",
    "what sequences hold that a loop fills": r"\(op_type:Loop\): .*\(op_type:SequenceInsert\): .*existing shape differ",
}


class Skip(Exception):
    """The corruption does not apply to this model."""


def pick(rng, items):
    items = list(items)
    if not items:
        raise Skip
    return rng.choice(items)


def a_node(rng, graph, wanted=lambda n: True):
    nodes = [n for n in graph.node if wanted(n)]
    for node in list(graph.node):
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                nodes += [n for n in attribute.g.node if wanted(n)]
    return pick(rng, nodes)


def drop_input(rng, m):
    node = a_node(rng, m.graph, lambda n: n.input)
    del node.input[rng.randrange(len(node.input))]


def drop_output(rng, m):
    node = a_node(rng, m.graph, lambda n: n.output)
    del node.output[rng.randrange(len(node.output))]


def empty_input(rng, m):
    node = a_node(rng, m.graph, lambda n: n.input)
    node.input[rng.randrange(len(node.input))] = ""


def extra_input(rng, m):
    node = a_node(rng, m.graph, lambda n: n.input)
    node.input.append(node.input[0] or "nothing")


def extra_output(rng, m):
    a_node(rng, m.graph).output.append("one_more_output")


def unknown_input(rng, m):
    node = a_node(rng, m.graph, lambda n: n.input)
    node.input[rng.randrange(len(node.input))] = "defined_nowhere"


def other_input(rng, m):
    node = a_node(rng, m.graph, lambda n: n.input)
    names = [i.name for i in m.graph.input] + [t.name for t in m.graph.initializer]
    node.input[rng.randrange(len(node.input))] = pick(rng, names)


def duplicate_output(rng, m):
    node = a_node(rng, m.graph, lambda n: n.output)
    node.output[rng.randrange(len(node.output))] = pick(rng, [o for n in m.graph.node for o in n.output if o])


def output_named_as_input(rng, m):
    node = a_node(rng, m.graph, lambda n: n.output)
    node.output[rng.randrange(len(node.output))] = pick(rng, [i.name for i in m.graph.input])


def unknown_op(rng, m):
    a_node(rng, m.graph).op_type = "NoSuchOperator"


def empty_op(rng, m):
    a_node(rng, m.graph).op_type = ""


def other_op(rng, m):
    a_node(rng, m.graph).op_type = rng.choice(["Relu", "Conv", "Concat", "If", "Gather", "Reshape", "Softmax"])


def unknown_domain(rng, m):
    a_node(rng, m.graph).domain = "not.imported"


def rename_attribute(rng, m):
    node = a_node(rng, m.graph, lambda n: n.attribute)
    pick(rng, node.attribute).name = rng.choice(["no_such_attribute", ""])


def drop_attribute(rng, m):
    node = a_node(rng, m.graph, lambda n: n.attribute)
    del node.attribute[rng.randrange(len(node.attribute))]


def repeat_attribute(rng, m):
    node = a_node(rng, m.graph, lambda n: n.attribute)
    node.attribute.append(pick(rng, node.attribute))


def attribute_kind(rng, m):
    attribute = pick(rng, a_node(rng, m.graph, lambda n: n.attribute).attribute)
    name = attribute.name
    made = onnx.helper.make_attribute(name, rng.choice([1, 1.5, "text", [1, 2], [1.5], ["a"]]))
    attribute.CopyFrom(made)


def attribute_type_only(rng, m):
    attribute = pick(rng, a_node(rng, m.graph, lambda n: n.attribute).attribute)
    attribute.type = rng.choice([0, 1, 2, 3, 4, 6, 7, 8])


def attribute_value(rng, m):
    node = a_node(rng, m.graph, lambda n: any(a.type in (2, 7) for a in n.attribute))
    attribute = pick(rng, [a for a in node.attribute if a.type in (2, 7)])
    if attribute.type == 2:
        attribute.i = rng.choice([-1000, -1, 0, 1, 7, 10**9])
    else:
        values = list(attribute.ints) or [0]
        values[rng.randrange(len(values))] = rng.choice([-1000, -1, 0, 100])
        del attribute.ints[:]
        attribute.ints.extend(values)


def two_values(rng, m):
    attribute = pick(rng, a_node(rng, m.graph, lambda n: n.attribute).attribute)
    attribute.f, attribute.i = 1.0, 1


def input_dtype(rng, m):
    value = pick(rng, [i for i in m.graph.input if i.type.HasField("tensor_type")])
    value.type.tensor_type.elem_type = rng.choice([0, 1, 2, 6, 7, 8, 9, 10, 11, 14, 17, 99])


def input_shape(rng, m):
    value = pick(rng, [i for i in m.graph.input if i.type.tensor_type.shape.dim])
    dim = pick(rng, value.type.tensor_type.shape.dim)
    dim.dim_value = rng.choice([1, 2, 3, 5, 17, 1000])


def input_rank(rng, m):
    value = pick(rng, [i for i in m.graph.input if i.type.HasField("tensor_type")])
    shape = value.type.tensor_type.shape
    if shape.dim and rng.random() < 0.5:
        del shape.dim[0]
    else:
        shape.dim.add().dim_value = 2


def no_type(rng, m):
    pick(rng, [*m.graph.input, *m.graph.output]).ClearField("type")


def no_shape(rng, m):
    value = pick(rng, [v for v in [*m.graph.input, *m.graph.output] if v.type.HasField("tensor_type")])
    value.type.tensor_type.ClearField("shape")


def output_dtype(rng, m):
    value = pick(rng, [o for o in m.graph.output if o.type.HasField("tensor_type")])
    value.type.tensor_type.elem_type = rng.choice([0, 1, 6, 7, 9, 10, 11])


def output_shape(rng, m):
    value = pick(rng, [o for o in m.graph.output if o.type.tensor_type.shape.dim])
    pick(rng, value.type.tensor_type.shape.dim).dim_value = rng.choice([1, 2, 3, 5, 17, 1000])


def output_name(rng, m):
    pick(rng, m.graph.output).name = rng.choice(["defined_nowhere", ""])


def input_name(rng, m):
    value = pick(rng, m.graph.input)
    value.name = rng.choice(["renamed", "", m.graph.input[0].name])


def graph_name(rng, m):
    m.graph.name = ""


def opset(rng, m):
    pick(rng, m.opset_import).version = rng.choice([-1, 0, 1, 3, 6, 7, 9, 11, 13, 17, 20, 23, 99])


def no_opset(rng, m):
    del m.opset_import[:]


def repeat_opset(rng, m):
    m.opset_import.append(pick(rng, m.opset_import))


def ir_version(rng, m):
    m.ir_version = rng.choice([0, 1, 2, 3, 4, 99])


def no_graph(rng, m):
    m.ClearField("graph")


def reverse_nodes(rng, m):
    if len(m.graph.node) < 2:
        raise Skip
    nodes = list(m.graph.node)
    i = rng.randrange(len(nodes) - 1)
    nodes[i], nodes[i + 1] = nodes[i + 1], nodes[i]
    copies = [onnx.NodeProto.FromString(n.SerializeToString()) for n in nodes]
    del m.graph.node[:]
    m.graph.node.extend(copies)


def drop_node(rng, m):
    if not m.graph.node:
        raise Skip
    del m.graph.node[rng.randrange(len(m.graph.node))]


def repeat_metadata(rng, m):
    for _ in range(2):
        entry = m.metadata_props.add()
        entry.key, entry.value = "key", "value"


def a_tensor(rng, m):
    tensors = list(m.graph.initializer)
    tensors += [a.t for n in m.graph.node for a in n.attribute if a.type == onnx.AttributeProto.TENSOR]
    return pick(rng, tensors)


def tensor_dims(rng, m):
    t = a_tensor(rng, m)
    if t.dims:
        t.dims[rng.randrange(len(t.dims))] += rng.choice([1, -1, -1000, 2**40])
    else:
        t.dims.append(3)


def tensor_dtype(rng, m):
    a_tensor(rng, m).data_type = rng.choice([0, 1, 2, 6, 7, 8, 9, 10, 11, 16, 99])


def tensor_data(rng, m):
    t = a_tensor(rng, m)
    if t.raw_data:
        t.raw_data = t.raw_data[:-1]
    elif t.float_data:
        t.float_data.append(1)
    elif t.int64_data:
        t.int64_data.append(1)
    else:
        t.raw_data = b"1"


def tensor_name(rng, m):
    t = pick(rng, m.graph.initializer)
    t.name = rng.choice(["", "renamed", m.graph.initializer[0].name])


def initializer_as_input(rng, m):
    t = pick(rng, m.graph.initializer)
    m.graph.input.append(onnx.helper.make_tensor_value_info(t.name, rng.choice([t.data_type, 1, 7]), t.dims))


def cut_bytes(rng, m):
    data = m.SerializeToString()
    return data[: rng.randrange(len(data))]


def flip_byte(rng, m):
    data = bytearray(m.SerializeToString())
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(data)


KINDS = [
    drop_input, drop_output, empty_input, extra_input, extra_output, unknown_input, other_input, duplicate_output,
    output_named_as_input, unknown_op, empty_op, other_op, unknown_domain, rename_attribute, drop_attribute,
    repeat_attribute, attribute_kind, attribute_type_only, attribute_value, two_values, input_dtype, input_shape,
    input_rank, no_type, no_shape, output_dtype, output_shape, output_name, input_name, graph_name, opset, no_opset,
    repeat_opset, ir_version, no_graph, reverse_nodes, drop_node, repeat_metadata, tensor_dims, tensor_dtype,
    tensor_data, tensor_name, initializer_as_input, cut_bytes, flip_byte,
]


def onnx_says(data: bytes) -> str:
    try:
        onnx.checker.check_model(data, full_check=True)
    except Exception as error:  # noqa: BLE001: the checker's are of many kinds
        return " ".join(str(error).split()) or type(error).__name__
    return ""


def all_onnx_says(models: list[bytes]) -> list[str]:
    """onnx.checker ends the process at some models: it judges in a child, which says what it has."""
    said = []
    while len(said) < len(models):
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            with open(write, "wb", buffering=0) as out:
                for data in models[len(said):]:
                    out.write(json.dumps(onnx_says(data)).encode() + b"\n")
            os._exit(0)
        os.close(write)
        with open(read, "rb") as lines:
            said += [json.loads(line) for line in lines if line.endswith(b"\n")]
        if os.waitpid(child, 0)[1] != 0 and len(said) < len(models):
            said.append("onnx.checker crashed")
    return said


def ferry_says(data: bytes) -> str:
    try:
        ferry.Model(data, strict=True, external_folder=".")
    except ferry.Error as error:
        return str(error)
    return ""


def corrupted(count: int, seed: int):
    """(kind, model's name, bytes), the kinds in turn."""
    rng = random.Random(seed)
    # Large models and networks add time, not kinds of mistakes.
    cases = [c for c in suite.cases() if len(c.model) < 20_000 and not onnx_says(c.model)]
    made = 0
    while made < count:
        kind = KINDS[made % len(KINDS)]
        case = rng.choice(cases)
        model = onnx.load_from_string(case.model)
        try:
            data = kind(rng, model) or model.SerializeToString()
        except Skip:
            continue
        made += 1
        yield kind.__name__, case.name, data


def with_changed_fields(count: int, seed: int):
    """(kind, model's name, bytes): one field changed of three models in four, two of the others."""
    rng = random.Random(seed)
    rare = [(name, m.SerializeToString()) for name, m in rare_models.models().items()]
    common = [(c.name, c.model) for c in suite.cases() if len(c.model) < 20_000 and not onnx_says(c.model)]
    for i in range(count):
        name, data = rng.choice(rare if i % 2 else common)
        model = onnx.load_from_string(data)
        done = [corrupt_fields.change(rng, model) for _ in range(2 if i % 4 == 3 else 1)]
        kind = "one field" if len(done) == 1 else "two fields"
        yield kind, f"{name} ({'; '.join(done)})", model.SerializeToString()


def explained(message: str) -> bool:
    return any(re.search(pattern, message) for pattern in EXPLAINED.values())


def compare(made):
    """Counts by kind, and what onnx.checker alone refuses, or Ferry alone."""
    made = list(made)
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        rare_models.write_data(Path(folder))
        return compare_here(made)


def compare_here(made):
    table = collections.defaultdict(collections.Counter)
    theirs, ours = [], []
    for (kind, name, data), a in zip(made, all_onnx_says([data for _, _, data in made]), strict=True):
        b = ferry_says(data)
        if a and not b and explained(a):
            a = ""
            table[kind]["explained"] += 1
            continue
        table[kind][("refused" if b else "onnx only") if a else ("ferry only" if b else "accepted")] += 1
        if a and not b:
            theirs.append((kind, name, a, data))
        if b and not a:
            ours.append((kind, name, b, data))
    return table, theirs, ours


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fields", action="store_true", help="change any fields, of rare models too")
    parser.add_argument("--verbose", action="store_true", help="print what one side alone refuses")
    args = parser.parse_args()
    make = with_changed_fields if args.fields else corrupted
    table, theirs, ours = compare(make(args.count, args.seed))
    columns = ("refused", "accepted", "onnx only", "ferry only", "explained")
    print(f"{'kind':24}" + "".join(f"{c:>12}" for c in columns))
    for kind, counts in table.items():
        print(f"{kind:24}" + "".join(f"{counts[c]:12}" for c in columns))
    if args.verbose:
        for side, rows in (("onnx", theirs), ("ferry", ours)):
            for kind, name, why, _ in rows:
                print(f"{side} only: {kind} {name}: {why[:240]}")
    print(f"{sum(map(sum, (c.values() for c in table.values())))} corruptions, {len(theirs)} refused by "
          f"onnx.checker alone, {len(ours)} by Ferry alone")
    return 1 if theirs else 0


if __name__ == "__main__":
    sys.exit(main())
