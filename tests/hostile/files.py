# SPDX-License-Identifier: Apache-2.0
"""Hostile files: damaged wire format, tensors that lie about their size, external data that leaves the folder."""

import os

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from .case import F32, I64, REFUSED, STRING, Case, array, info, message, model, varint, wire

READ = ("InvalidModel", "IoError", "LimitExceeded", "UnsupportedType", "UnsupportedOp")


def external(entries, dims=(4,), element=F32, **fields):
    tensor = TensorProto(name="w", data_type=element, dims=dims, data_location=TensorProto.EXTERNAL, **fields)
    for key, value in entries.items():
        tensor.external_data.add(key=key, value=str(value))
    return tensor


def identity(tensor):
    return model([helper.make_node("Identity", ["w"], ["y"], "node")], initializers=[tensor])


def tensor(dims, element=F32, **fields):
    return identity(TensorProto(name="w", data_type=element, dims=dims, **fields))


def external_cases():
    def at(location, name, files=None, expect=READ, **entries):
        made = identity(external({"location": location} | entries))
        return Case(f"external_{name}", made, expect, ("'w'",), files or {})

    sixteen = bytes(16)
    link = lambda target: lambda path: path.symlink_to(target)  # noqa: E731
    yield at("../outside.bin", "dotdot", length=16)
    yield at("sub/../../outside.bin", "dotdot_inside", {"sub/w.bin": sixteen}, length=16)
    yield at("./../outside.bin", "dot_dotdot", length=16)
    yield at("/etc/hostname", "absolute")
    yield at("/proc/self/environ", "proc")
    yield at("w.bin", "symlink", {"w.bin": link("../outside.bin")}, length=16)
    yield at("sub/outside.bin", "symlink_folder", {"sub": link("..")}, length=16)
    yield at("w.bin", "symlink_inside", {"real.bin": sixteen, "w.bin": link("real.bin")}, length=16)
    yield at("w.bin", "hard_link",
             {"w.bin": lambda path: os.link(path.parent.parent / "outside.bin", path)}, length=16)
    yield at("w.bin", "fifo", {"w.bin": os.mkfifo})
    yield at("sub", "folder", {"sub/w.bin": sixteen})
    yield at("", "no_location")
    yield at("w.bin\0.txt", "nul", {"w.bin": sixteen})
    yield at("x" * 5000, "long_name")
    yield at("none.bin", "missing")
    one = {"w.bin": sixteen}
    yield at("w.bin", "offset_past_end", one, offset=17, length=16)
    yield at("w.bin", "offset_plus_length_wraps", one, offset=2**64 - 8, length=16)
    yield at("w.bin", "length_past_end", one, length=17)
    yield at("w.bin", "length_wraps", one, offset=8, length=2**64 - 8)
    yield at("w.bin", "length_is_not_the_size", one, length=12)
    yield at("w.bin", "negative_offset", one, offset=-16, length=16)
    yield at("w.bin", "offset_over_64_bits", one, offset=2**64, length=16)
    yield at("w.bin", "offset_is_text", one, offset="1e3")
    yield at("w.bin", "unknown_key", one, folder="..")
    yield at("*/_ORT_MEM_ADDR_/*", "address_of_memory", offset=0x7fff0000, length=16)
    yield at("file:///etc/hostname", "url", length=16)
    yield at("http://localhost/w.bin", "web", length=16)
    yield at("..\\outside.bin", "backslash", length=16)
    yield at("~/w.bin", "home", length=16)
    yield at("$HOME/w.bin", "variable", length=16)
    yield at("w.bin/../../outside.bin", "through_a_file", one, length=16)
    yield at("w.bin/", "trailing_slash", one, length=16)
    yield at("fd", "symlink_to_proc", {"fd": link("/proc/self/fd")}, length=16)
    yield at("cycle.bin", "symlink_cycle", {"cycle.bin": link("cycle.bin")}, length=16)
    yield at("w.bin", "empty_file", {"w.bin": b""}, length=16)
    yield at("model.onnx", "is_the_model", length=16, expect=(*READ, "Ok"))
    yield at("w.bin", "not_aligned", {"w.bin": bytes(19)}, offset=3, length=16, expect=("Ok",))
    yield at("w.bin", "plus_sign", one, offset="+0", length=" 16")
    yield at("w.bin", "checksum_lies", one, length=16, checksum="0" * 40, expect=(*READ, "Ok"))
    twice = external({"location": "w.bin", "length": 16})
    twice.external_data.add(key="location", value="../outside.bin")
    yield Case("external_location_twice", identity(twice), READ, ("'w'",), one)
    hole = {"w.bin": lambda path: (path.touch(), os.truncate(path, 1 << 40))}
    yield Case("external_of_a_tebibyte", identity(external({"location": "w.bin"}, dims=(1 << 38,))), ("Ok", *READ, "OutOfMemory"), files=hole)
    yield at("w.bin", "right", one, length=16, expect=("Ok",))
    yield Case("external_dims_lie", identity(external({"location": "w.bin"}, dims=(1 << 40,))), READ, ("'w'",), one)
    yield Case("external_strings", identity(external({"location": "w.bin"}, element=STRING)), READ, (), one)
    yield Case("external_and_raw", identity(external({"location": "../outside.bin"}, raw_data=sixteen)), READ, (), one)
    yield Case("external_from_bytes", identity(external({"location": "w.bin"})), READ, ("bytes",), one,
               from_bytes=True)
    leaves = external({"location": "../outside.bin", "length": 16})
    constant = helper.make_node("Constant", [], ["y"], "node")
    constant.attribute.add(name="value", type=onnx.AttributeProto.TENSOR).t.CopyFrom(leaves)
    yield Case("external_in_attribute", model([constant]), READ, ("outside",))
    body = onnx.GraphProto(name="b", initializer=[leaves])
    body.output.add(name="w")
    branch = helper.make_node("If", ["c"], ["y"], "node", then_branch=body, else_branch=body)
    yield Case("external_in_body", model([branch], initializers=[("c", np.array(True))]), READ, ("outside",))
    function = helper.make_function("my", "F", [], ["y"], [constant], [helper.make_opsetid("", 21)])
    yield Case("external_in_function", model([helper.make_node("F", [], ["y"], domain="my")], functions=[function],
                                             opsets={"": 21, "my": 1}), READ, ("outside",))
    sparse = onnx.SparseTensorProto(values=leaves, dims=[9])
    sparse.indices.CopyFrom(numpy_helper.from_array(array([0, 1, 2, 3])))
    yield Case("external_in_sparse", model([helper.make_node("Identity", ["w"], ["y"])], sparse=[sparse]), READ,
               ("outside",))


def tensor_cases():
    yield Case("raw_too_short", tensor([1000], raw_data=b"1234"), READ, ("'w'", "4000"))
    yield Case("raw_too_long", tensor([1], raw_data=bytes(4000)), READ, ("'w'", "4000"))
    yield Case("raw_int4_too_short", tensor([5], TensorProto.INT4, raw_data=bytes(2)), READ, ("'w'",))
    yield Case("raw_int2_too_long", tensor([5], TensorProto.INT2, raw_data=bytes(3)), READ, ("'w'",))
    yield Case("floats_too_few", tensor([1000], float_data=[1.0]), READ, ("'w'",))
    yield Case("floats_too_many", tensor([1], float_data=[1.0] * 1000), READ, ("'w'",))
    yield Case("floats_in_the_wrong_list", tensor([2], int64_data=[1, 2]), READ, ("'w'",))
    yield Case("strings_too_few", tensor([1 << 40], STRING, string_data=[b"x"]), READ, ("'w'",))
    yield Case("strings_raw", tensor([2], STRING, raw_data=bytes(64)), READ, ("'w'",))
    yield Case("no_data", tensor([1 << 30]), READ, ("'w'",))
    yield Case("dims_negative", tensor([-1], raw_data=b""), READ, ("'w'", "-1"))
    yield Case("dims_overflow", tensor([2**31, 2**31, 4], raw_data=b""), READ, ("'w'",))
    yield Case("dims_wrap_to_zero", tensor([2**32, 2**32], raw_data=b""), READ, ("'w'",))
    yield Case("bytes_wrap_to_four", tensor([2**62 + 1], raw_data=b"1234"), READ, ("'w'",))
    yield Case("zero_hides_overflow", tensor([0, 2**62, 2**62], raw_data=b""), (*READ, "Ok"))
    yield Case("rank_10000", tensor([1] * 10000, raw_data=b"1234"), READ)
    yield Case("rank_20", tensor([1] * 20, raw_data=b"1234"), READ)
    yield Case("element_type_0", tensor([1], 0, raw_data=b"1234"), READ, ("'w'",))
    yield Case("element_type_99", tensor([1], 99, raw_data=b"1234"), READ, ("'w'", "99"))
    yield Case("element_type_negative", tensor([1], -1, raw_data=b"1234"), READ, ("'w'",))
    yield Case("raw_and_list", tensor([1], float_data=[1.0], raw_data=bytes(4)), (*READ, "Ok"))
    yield Case("raw_twice", tensor([1], raw_data=bytes(4)).replace(b"J\4" + bytes(4), b"J\4" + bytes(4) + b"J\0"), READ)
    yield Case("part_of_a_tensor", tensor([1], segment=TensorProto.Segment(begin=-5, end=2**62), raw_data=bytes(4)), (*READ, "Ok"))
    yield Case("halves_out_of_range", tensor([2], TensorProto.FLOAT16, int32_data=[-1, 2**31 - 1]), (*READ, "Ok"))
    yield Case("bytes_out_of_range", tensor([2], TensorProto.UINT8, int32_data=[-1, 2**31 - 1]), (*READ, "Ok"))
    yield Case("complex_odd", tensor([1], TensorProto.COMPLEX64, float_data=[1.0]), READ, ("'w'",))
    yield Case("complex_raw_short", tensor([1], TensorProto.COMPLEX128, raw_data=bytes(8)), READ, ("'w'",))
    yield Case("location_99", tensor([1], data_location=TensorProto.EXTERNAL, raw_data=bytes(4)), READ, ("'w'",))
    yield Case("bools_of_255", tensor([4], TensorProto.BOOL, raw_data=b"\xff\x80\x02\x01"), ("Ok",))


def sparse_cases():
    def sparse(values, indices, dims, expect=READ):
        made = onnx.SparseTensorProto(dims=dims)
        made.values.CopyFrom(numpy_helper.from_array(values, "w"))
        made.indices.CopyFrom(numpy_helper.from_array(indices))
        return model([helper.make_node("Identity", ["w"], ["y"], "node")], sparse=[made]), expect, ("w",)

    two = array([1, 2], np.float32)
    yield Case("sparse_index_past_end", *sparse(two, array([0, 9]), [9]))
    yield Case("sparse_index_negative", *sparse(two, array([-1, 0]), [9]))
    yield Case("sparse_index_wraps", *sparse(two, array([[0, 0], [2**62, 4]]), [9, 9]))
    yield Case("sparse_indices_too_few", *sparse(two, array([0]), [9]))
    yield Case("sparse_indices_of_the_wrong_rank", *sparse(two, array([[[0]], [[1]]]), [9]))
    yield Case("sparse_indices_too_narrow", *sparse(two, array([[0], [1]]), [9, 9]))
    yield Case("sparse_indices_are_floats", *sparse(two, array([0, 1], np.float32), [9]))
    yield Case("sparse_dims_overflow", *sparse(two, array([0, 1]), [2**32, 2**32]))
    yield Case("sparse_dims_negative", *sparse(two, array([0, 1]), [-9]))
    yield Case("sparse_4_tib", *sparse(two, array([0, 1]), [2**40], (*READ, "OutOfMemory")))
    yield Case("sparse_1_gib", *sparse(two, array([0, 1]), [2**28], (*READ, "OutOfMemory")))
    yield Case("sparse_strings", *sparse(np.array(["a", "b"], object), array([0, 2**40]), [2**41],
                                         (*READ, "OutOfMemory")))


def wire_cases():
    good = model([helper.make_node("Relu", ["x"], ["y"])], [info("x", F32, [2])])
    head = wire(1, 0, b"\x0a")
    yield Case("empty", b"", READ, ("empty",))
    yield Case("text", b"hello, this is a text\n", READ, ("text",))
    yield Case("git_lfs", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", READ, ("lfs",))
    yield Case("zip", b"PK\x03\x04" + bytes(60), READ, ("zip",))
    yield Case("zeros", bytes(4096), READ)
    yield Case("truncated", good[:-9], READ)
    yield Case("varint_without_end", head + b"\xff" * 64, READ)
    yield Case("length_past_end", head + wire(7, 2, varint(2**40)) + b"xx", READ)
    yield Case("length_over_64_bits", head + wire(7, 2, b"\xff" * 9 + b"\x7f"), READ)
    yield Case("field_0", head + b"\x02\x00", READ)
    yield Case("wire_type_7", head + b"\x3f\x00", READ)
    yield Case("groups_nested_100000", head + wire(100, 3) * 100000, READ)
    yield Case("group_without_end", head + wire(100, 4), READ)
    yield Case("graph_is_a_number", head + wire(7, 0, b"\x05"), READ)
    nested = b""
    for _ in range(2000):
        nested = message(5, message(6, nested))  # AttributeProto.g / NodeProto.attribute, not closed by field numbers
    yield Case("messages_nested_4000", head + message(7, message(1, nested)), READ)
    deep = b""
    for _ in range(500):
        deep = message(4, message(1, deep))  # TypeProto.sequence_type.elem_type
    yield Case("types_nested_500", head + message(7, message(11, message(1, b"x") + message(2, deep))), READ)
    packed = message(1, b"\xff" * 8)
    yield Case("packed_dims_broken", head + message(7, message(5, packed)), READ)
    yield Case("ir_version_huge", wire(1, 0, varint(2**62)) + good[2:], READ)
    yield Case("ir_version_negative", wire(1, 0, varint(2**64 - 1)) + good[2:], READ)
    yield Case("nodes_2_million", head + message(7, message(1, b"") * 2_000_000), READ)
    yield Case("names_5_million", head + message(7, message(1, message(1, b"") * 5_000_000)), READ)
    yield Case("name_of_a_megabyte", model([helper.make_node("Relu", ["x" * 10**6], ["y"])]), REFUSED)
    yield Case("names_are_no_utf8", good.replace(b"Relu", b"\xff\xfe\x00\x1b"), READ)
    yield Case("opset_huge", model([helper.make_node("Relu", ["x"], ["y"])], [info("x", F32, [2])], opset=2**62), READ)
    yield Case("opset_negative", model([helper.make_node("Relu", ["x"], ["y"])], [info("x", F32, [2])], opset=-1), READ)
    yield Case("opset_missing", model([helper.make_node("Relu", ["x"], ["y"])], [info("x", F32, [2])],
                                      opsets={"my": 1}), (*READ, "Ok"), inputs={"x": np.zeros(2, np.float32)})
    yield Case("shape_rank_1000", model([helper.make_node("Relu", ["x"], ["y"])], [info("x", F32, [1] * 1000)]), READ)
    yield Case("shape_negative", model([helper.make_node("Relu", ["x"], ["y"])], [info("x", F32, [-5])]), (*READ, "Ok"),
               inputs={"x": np.zeros(2, np.float32)})
    relu = helper.make_node("Relu", ["x"], ["y"])
    two = {"x": np.zeros(2, np.float32)}
    yield Case("graph_twice", good + good, (*READ, "Ok"), inputs=two)
    yield Case("graph_missing", head + message(8, message(1, b"") + wire(2, 0, b"\x15")), READ)
    yield Case("opsets_100000", good + message(8, message(1, b"d") + wire(2, 0, b"\1")) * 100_000, (*READ, "Ok"), inputs=two)
    yield Case("opset_of_a_domain_twice", good + message(8, message(1, b"") + wire(2, 0, b"\1")), (*READ, "Ok"), inputs=two)
    yield Case("properties_200000", good + message(14, message(1, b"k") + message(2, b"v")) * 200_000, (*READ, "Ok"), inputs=two)
    yield Case("unknown_fields", good + message(1000, bytes(1 << 20)) + wire(999, 5, bytes(4)) + wire(998, 1, bytes(8)), (*READ, "Ok"), inputs=two)
    yield Case("text_of_names", model([helper.make_node("Relu", ["x\x1b[2J\n'"], ["y%s%n{}"], "n\0n")], [info("x\x1b[2J\n'", F32, [2])], ["z"]), REFUSED)
    yield Case("operator_with_slashes", model([helper.make_node("../../Relu", ["x"], ["y"], domain="../x")], [info("x", F32, [2])]), READ)
    yield Case("inputs_30000", model([relu], [info("x", F32, [2]), *[info(f"x{i}", F32, [f"N{i}"]) for i in range(30_000)]]), (*REFUSED, "Ok"), inputs=two)
    yield Case("input_twice", model([relu], [info("x", F32, [2])] * 2), (*REFUSED, "Ok"), inputs=two)
    yield Case("output_10000_times", model([relu], [info("x", F32, [2])], ["y"] * 10_000), (*REFUSED, "Ok"), inputs=two)
    yield Case("output_is_an_input", model([relu], [info("x", F32, [2])], ["x"]), ("Ok",), inputs=two)
    yield Case("input_of_no_type", model([relu], [onnx.ValueInfoProto(name="x")]), (*REFUSED, "Ok"), inputs=two)
    yield Case("input_of_no_name", model([relu], [info("", F32, [2])]), READ)
    number = message(1, message(5, message(1, b"ints") + message(8, b"\1" * 2_000_000) + wire(20, 0, b"\7")) + message(4, b"Relu"))
    yield Case("attribute_of_2_million_numbers", head + message(7, number) + message(8, wire(2, 0, b"\x15")), READ)
    yield Case("number_of_11_bytes", head + wire(7, 2, b"\x80" * 10 + b"\1"), READ)
    yield Case("type_lies", model([helper.make_node("Identity", ["w"], ["y"])], outputs=[info("y", I64, [7, 7])],
                                  initializers=[("w", array([1.5], np.float32))]), (*REFUSED, "Ok"))


def cases():
    yield from external_cases()
    yield from tensor_cases()
    yield from sparse_cases()
    yield from wire_cases()
