# SPDX-License-Identifier: Apache-2.0
"""Small valid models of what the suite has little of: functions with overloads and attributes, bodies
that state types, sparse and external tensors, training information, annotations of quantization and
devices, classifiers of ai.onnx.ml.

External data lie in DATA_FILE of the folder that the models are read in.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper, parser

DATA_FILE = "weights.bin"
DATA_BYTES = 256


def write_data(folder: Path) -> None:
    (folder / DATA_FILE).write_bytes(np.arange(DATA_BYTES // 4, dtype=np.float32).tobytes())


FUNCTIONS = """
<ir_version: 10, opset_import: ["" : 18, "local" : 1, "other" : 1]>
calls (float[2,3] x, bool c) => (float[2,3] y, float[N,3] z)
<float[2,3] t> {
  t = local.scale : twice <by = 2.0> (x)
  u = local.scale (t)
  y = local.shifted <axis = 1> (u)
  z = If (c) <then_branch = yes () => (float[2,3] a) { a = local.scale (x) },
              else_branch = no () => (float[2,3] b) { b = Neg (x) }>
}
<domain: "local", opset_import: ["" : 18], overload: "twice">
scale <by: float = 1.0> (v) => (w) {
  f = Constant <value_float: float = @by> ()
  d = Mul (v, f)
  w = Add (d, d)
}
<domain: "local", opset_import: ["" : 18, "local" : 1]>
scale (v) => (w) { w = local.scale : twice <by = 3.0> (v) }
<domain: "local", opset_import: ["" : 18, "other" : 1]>
shifted <axis> (v) => (w) {
  s = Softmax <axis: int = @axis> (v)
  one = Constant <value = float {1.0}> ()
  w = other.sum (s, one)
}
<domain: "other", opset_import: ["" : 18]>
sum (a, b) => (c) { c = Add (a, b) }
<domain: "other", opset_import: ["" : 18]>
unused <alpha: float = 0.5> (a) => (c) { k = Constant <value = float[2] {1.0, 2.0}> () b = Elu <alpha: float = @alpha> (a) c = Mul (b, k) }
"""

BODIES = """
<ir_version: 10, opset_import: ["" : 21]>
bodies (float[2,3] x, int64 n, bool c, float[4,3] rows) => (float[2,3] y, float[K,2,3] each, float[3] total, float[4,3] sums)
<float[2,3] first> {
  y, each = Loop (n, c, x) <body = round (int64 i, bool on, float[2,3] state) => (bool off, float[2,3] next, float[2,3] seen)
    <float[2,3] bent, float step> {
      off = Identity (on)
      step = Cast <to = 1> (i)
      bent = Add (state, step)
      next = Relu (bent)
      seen = If (on) <then_branch = yes () => (float[2,3] p) <float[2,3] q> { q = Neg (bent) p = Abs (q) },
                      else_branch = no () => (float[2,3] r) { r = Sigmoid (x) }>
    }>
  zero = Constant <value = float[3] {0.0, 0.0, 0.0}> ()
  total, sums = Scan <num_scan_inputs = 1, body = add (float[3] acc, float[3] row) => (float[3] sum, float[3] copy)
    <float[3] both> { both = Add (acc, row) sum = Identity (both) copy = Mul (both, row) }> (zero, rows)
}
"""

SEQUENCES = """
<ir_version: 10, opset_import: ["" : 21]>
sequences (float[2,3] x, seq(float[N,3]) s, optional(float[2]) o) => (seq(float[2,3]) t, float[M,3] all, bool has)
{
  t = SequenceConstruct (x, x)
  all = ConcatFromSequence <axis = 0> (s)
  has = OptionalHasElement (o)
}
"""


def with_notes(model):
    """All that is kept beside the nodes."""
    model.ir_version = 11
    for place in (model, model.graph, model.graph.node[0]):
        entry = place.metadata_props.add()
        entry.key, entry.value = "note", "kept"
    annotation = model.graph.quantization_annotation.add()
    annotation.tensor_name = "x"
    for key in ("SCALE_TENSOR", "ZERO_POINT_TENSOR"):
        entry = annotation.quant_parameter_tensor_names.add()
        entry.key, entry.value = key, f"x_{key.lower()}"
    training = model.training_info.add()
    training.algorithm.CopyFrom(onnx.GraphProto(name="step", node=[helper.make_node("Neg", ["w"], ["w_new"])]))
    training.initialization.CopyFrom(onnx.GraphProto(name="start"))
    entry = training.update_binding.add()
    entry.key, entry.value = "w", "w_new"
    configuration = model.configuration.add()
    configuration.name, configuration.num_devices = "two", 2
    configuration.device.extend(["first", "second"])
    device = model.graph.node[0].device_configurations.add()
    device.configuration_id, device.pipeline_stage = "two", 1
    spec = device.sharding_spec.add()
    spec.tensor_name = "x"
    spec.device.extend([0, 1])
    group = spec.index_to_device_group_map.add()
    group.key = 0
    group.value.extend([0, 1])
    sharded = spec.sharded_dim.add()
    sharded.axis = 0
    simple = sharded.simple_sharding.add()
    simple.dim_value, simple.num_shards = 2, 2
    return model


def noted():
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, [2, 3]) for n in "xy")
    weights = [numpy_helper.from_array(np.ones((3, 3), np.float32), "w"),
               numpy_helper.from_array(np.array(0.1, np.float32), "scale"),
               numpy_helper.from_array(np.array(3, np.uint8), "zero")]
    nodes = [helper.make_node("MatMul", ["x", "w"], ["t"], name="product"),
             helper.make_node("QuantizeLinear", ["t", "scale", "zero"], ["q"], name="quantize"),
             helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["y"], name="dequantize")]
    stated = [helper.make_tensor_value_info("q", TensorProto.UINT8, [2, 3])]
    graph = helper.make_graph(nodes, "noted", [x], [y], weights, value_info=stated)
    return with_notes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)]))


def sparse(name, values, indices, dims, shape=None):
    v = helper.make_tensor(name, TensorProto.FLOAT, [len(values)], values)
    i = helper.make_tensor(f"{name}_at", TensorProto.INT64, shape or [len(indices)], indices)
    return helper.make_sparse_tensor(v, i, dims)


def stored():
    """Sparse tensors by place and by coordinates, of an initializer and of a node; external ones."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [4])
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [4]),
               helper.make_tensor_value_info("z", TensorProto.FLOAT, [3, 4])]
    nodes = [helper.make_node("Constant", [], ["c"], sparse_value=sparse("", [1.0, 2.0, 3.0], [0, 5, 11], [3, 4])),
             helper.make_node("Add", ["c", "far"], ["z"]), helper.make_node("Mul", ["x", "near"], ["y"])]
    external = []
    for name, dims, offset in (("far", [3, 4], 16), ("near", [4], 0)):
        t = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=dims, data_location=TensorProto.EXTERNAL)
        for key, value in (("location", DATA_FILE), ("offset", offset), ("length", 4 * int(np.prod(dims)))):
            t.external_data.add(key=key, value=str(value))
        external.append(t)
    graph = helper.make_graph(nodes, "stored", [x], outputs, external)
    # Used by no node: to onnx.checker it is of a sparse type, which no operator takes.
    graph.sparse_initializer.append(sparse("pairs", [5.0, 6.0], [0, 1, 2, 3], [3, 4], [2, 2]))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def ml(nodes, inputs, outputs, name):
    infos = [helper.make_tensor_value_info(n, t, s) for n, t, s in inputs]
    graph = helper.make_graph(nodes, name, infos, outputs)
    imports = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=imports, ir_version=9)


def classifiers():
    tensor, map_type = helper.make_tensor_value_info, helper.make_map_type_proto
    node = lambda *a, **k: helper.make_node(*a, domain="ai.onnx.ml", **k)  # noqa: E731
    label, probabilities = tensor("label", TensorProto.INT64, ["N"]), tensor("p", TensorProto.FLOAT, ["N", 2])
    x = [("x", TensorProto.FLOAT, ["N", 3])]
    linear = node("LinearClassifier", ["x"], ["label", "raw"], coefficients=[1.0, -1.0, 0.5, -1.0, 1.0, -0.5],
                  intercepts=[0.1, -0.1], classlabels_ints=[0, 1], post_transform="SOFTMAX", multi_class=0)
    zipped = onnx.ValueInfoProto(name="maps", type=helper.make_sequence_type_proto(
        map_type(TensorProto.INT64, helper.make_tensor_type_proto(TensorProto.FLOAT, []))))
    yield ml([linear, node("Normalizer", ["raw"], ["p"], norm="L1"), node("ZipMap", ["p"], ["maps"], classlabels_int64s=[0, 1])],
             x, [label, zipped], "linear")
    tree = dict(nodes_treeids=[0, 0, 0], nodes_nodeids=[0, 1, 2], nodes_featureids=[1, 0, 0], nodes_values=[0.5, 0.0, 0.0],
                nodes_hitrates=[1.0, 1.0, 1.0], nodes_modes=["BRANCH_LEQ", "LEAF", "LEAF"], nodes_truenodeids=[1, 0, 0],
                nodes_falsenodeids=[2, 0, 0], nodes_missing_value_tracks_true=[0, 0, 0])
    votes = dict(class_treeids=[0, 0], class_nodeids=[1, 2], class_ids=[0, 1], class_weights=[1.0, 1.0])
    yield ml([node("TreeEnsembleClassifier", ["x"], ["label", "p"], classlabels_int64s=[0, 1], **tree, **votes)], x,
             [label, probabilities], "forest")
    targets = dict(n_targets=1, target_treeids=[0, 0], target_nodeids=[1, 2], target_ids=[0, 0], target_weights=[1.0, 2.0])
    yield ml([node("Scaler", ["x"], ["s"], offset=[0.0], scale=[2.0]),
              node("TreeEnsembleRegressor", ["s"], ["y"], **tree, **targets)], x, [tensor("y", TensorProto.FLOAT, ["N", 1])], "regressor")
    yield ml([node("LabelEncoder", ["w"], ["i"], keys_strings=["a", "b"], values_int64s=[0, 1], default_int64=-1),
              node("OneHotEncoder", ["i"], ["h"], cats_int64s=[0, 1], zeros=1)],
             [("w", TensorProto.STRING, ["N"])], [tensor("h", TensorProto.FLOAT, ["N", 2])], "words")
    yield ml([node("SVMRegressor", ["x"], ["y"], kernel_type="RBF", kernel_params=[0.5, 0.0, 3.0], n_supports=2, rho=[0.1],
                   coefficients=[1.0, -1.0], support_vectors=[0.0, 1.0, 2.0, 2.0, 1.0, 0.0])], x,
             [tensor("y", TensorProto.FLOAT, ["N", 1])], "support")


def models():
    """{name: ModelProto}"""
    made = {name: parser.parse_model(text) for name, text in
            (("functions", FUNCTIONS), ("bodies", BODIES), ("sequences", SEQUENCES))}
    made["noted"], made["stored"] = noted(), stored()
    made.update((m.graph.name, m) for m in classifiers())
    return made
