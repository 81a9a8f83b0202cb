# SPDX-License-Identifier: Apache-2.0
"""One long step of every operator that `deadlines` has no case of its own for, and of other types than f32."""

import numpy as np
from onnx import helper

from .case import F32, I64, STRING, info
from .deadline_inputs import integers, noise, ones, words

node = helper.make_node
F = np.float32
ML, MS, TRAINING, PREVIEW = ({"domain": d} for d in ("ai.onnx.ml", "com.microsoft", "ai.onnx.preview.training", "ai.onnx.preview"))

UNARY = ("Abs Acos Asin Asinh Atan Atanh Ceil Celu Cos Cosh Elu Floor Gelu HardSigmoid HardSwish IsInf LeakyRelu Log Neg Reciprocal Relu Selu "
         "Shrink Sigmoid Sign Sin Sinh Softsign Sqrt Swish Tan ThresholdedRelu").split()
BINARY = "Add Greater GreaterOrEqual Less LessOrEqual Min Mul Sub Sum".split()
REDUCTIONS = "ReduceL1 ReduceLogSum ReduceMean ReduceMin ReduceSumSquare".split()


def elements():
    x = noise(5000, 8000)
    for name in UNARY:
        yield name, x, {"opset": 24 if name == "Swish" else 23}
    for name in BINARY:
        yield name, x, x
    for name in ("Sin", "Log", "Sigmoid", "Sqrt", "Gelu"):
        yield f"{name} of double", x[:2000].astype(np.float64)
        yield f"{name} of half", x[:2000].astype(np.float16)
    truth = np.ones((5000, 8000), bool)
    for name in ("And", "Or", "Xor"):
        yield name, truth, truth
    yield "Not", truth
    whole = integers(9, 5000, 8000)
    for name in ("BitwiseAnd", "BitwiseOr", "BitwiseXor"):
        yield name, whole, whole
    yield "BitwiseNot", whole
    yield "Add of one column", ones(5000, 1), x
    yield "Add of one row", x, ones(8000)
    yield "BitCast", x, {"to": I64 - 1, "opset": 26}
    yield "SwiGLU", x, x, {"opset": 28}
    for name in ("Flatten", "Shape", "Size"):
        yield name, x
    yield "Squeeze", ones(1, 40_000_000), np.array([0])
    yield "Unsqueeze", ones(40_000_000), np.array([0])
    for name in ("BlackmanWindow", "HammingWindow"):
        yield name, np.array(30_000_000)
    for name in ("RandomNormal", "RandomUniform"):
        yield name, {"shape": [5000, 8000], "outputs": 1}
    yield "Cast to 4 bits", x, {"to": 22}
    yield "Cast to bool", x, {"to": 9}
    yield "Cast of integers to text", integers(10**9, 500_000), {"to": STRING}


def sums():
    x = noise(5000, 8000)
    for name in REDUCTIONS:
        yield name, x, np.array([1])
        yield f"{name} of the first", x, np.array([0])
        yield f"{name} of half", x[:3000].astype(np.float16), np.array([1])
        yield f"{name} of double", x[:3000].astype(np.float64), np.array([0])
    yield "ReduceSum of the middle", noise(300, 400, 300), np.array([1])
    yield "ReduceSum of two ends", noise(300, 400, 300), np.array([0, 2])
    for kind in ("Softmax", "LogSoftmax", "LpNormalization", "Hardmax"):
        yield f"{kind} of half", x[:3000].astype(np.float16), {"axis": 0}
    yield "CumSum of half", x[:3000].astype(np.float16), np.array(1)
    yield "LayerNormalization of half", x[:3000].astype(np.float16), ones(8000, dtype=np.float16)
    yield "InstanceNormalization of double", ones(4, 8, 700, 700, dtype=np.float64), ones(8, dtype=np.float64), ones(8, dtype=np.float64)
    yield "TopK of half", x[:1000].astype(np.float16), np.array([3000])
    yield "TopK of one axis", noise(4000, 3000), np.array([1500]), {"axis": 0}
    yield "TopK of double", noise(8_000_000).astype(np.float64), np.array([4_000_000])


def products():
    half, double, whole = np.float16, np.float64, np.int32
    for name, dtype, n in (("half", half, 1500), ("integers", whole, 1000)):
        yield f"MatMul of {name}", ones(n, n, dtype=dtype), ones(n, n, dtype=dtype)
        yield f"Gemm of {name}", ones(n, n, dtype=dtype), ones(n, n, dtype=dtype)
    yield "MatMul of many small", noise(200_000, 8, 8), noise(200_000, 8, 8)
    yield "MatMul of a vector", noise(9000, 9000), noise(9000)
    for name, dtype in (("half", half), ("double", double)):
        yield f"Conv of {name}", ones(1, 32, 250, 250, dtype=dtype), ones(64, 32, 3, 3, dtype=dtype)
        yield f"ConvTranspose of {name}", ones(1, 32, 150, 150, dtype=dtype), ones(32, 32, 4, 4, dtype=dtype), {"strides": [2, 2]}
        yield f"MaxPool of {name}", ones(1, 16, 400, 400, dtype=dtype), {"kernel_shape": [15, 15]}
        yield f"AveragePool of {name}", ones(1, 16, 400, 400, dtype=dtype), {"kernel_shape": [15, 15]}
        yield f"Resize of {name}", ones(1, 8, 500, 500, dtype=dtype), None, np.array([1, 1, 3.3, 3.3], F), {"mode": "linear"}
        yield f"GridSample of {name}", ones(1, 16, 300, 300, dtype=dtype), noise(1, 600, 600, 2).astype(dtype)
        yield f"LSTM of {name}", ones(200, 4, 128, dtype=dtype), ones(1, 512, 128, dtype=dtype), ones(1, 512, 128, dtype=dtype), {"hidden_size": 128}
        yield f"Attention of {name}", *[ones(1, 4, 1500, 64, dtype=dtype)] * 3
    yield "MaxPool with indices", ones(1, 64, 400, 400), {"kernel_shape": [15, 15], "outputs": 2}
    yield "MaxPool in volumes", ones(1, 8, 100, 100, 100), {"kernel_shape": [7, 7, 7]}
    yield "AveragePool 1-D", ones(1, 64, 300_000), {"kernel_shape": [99]}
    yield "Conv dilated", ones(1, 64, 300, 300), ones(64, 64, 3, 3), {"dilations": [5, 5]}
    yield "Conv with strides", ones(1, 64, 800, 800), ones(64, 64, 5, 5), {"strides": [2, 2]}
    yield "Conv depthwise 3-D", ones(1, 32, 60, 100, 100), ones(32, 1, 5, 5, 5), {"group": 32}
    yield "Conv of one channel", ones(1, 1, 3000, 3000), ones(8, 1, 11, 11)
    yield "Conv of 256 channels", ones(1, 256, 200, 200), ones(256, 256, 3, 3), {"pads": [1] * 4}
    yield "Resize in volumes", ones(1, 4, 60, 60, 60), None, np.array([1, 1, 3, 3, 3], F), {"mode": "linear"}
    yield "Resize nearest", ones(1, 16, 500, 500), None, np.array([1, 1, 3.3, 3.3], F)
    yield "GridSample in volumes", ones(1, 8, 60, 60, 60), noise(1, 100, 100, 100, 3), {"mode": "linear"}
    yield "LSTM in both directions", ones(800, 8, 128), ones(2, 1024, 128), ones(2, 1024, 256), {"hidden_size": 256, "direction": "bidirectional", "outputs": 3}
    yield "CausalConvWithState", ones(4, 512, 20_000), ones(512, 1, 4), {"opset": 27, "outputs": 2}
    yield "LinearAttention", *[noise(2, 1500, 512)] * 3, None, noise(2, 1500, 8), noise(2, 1500, 8), {
        "q_num_heads": 8, "kv_num_heads": 8, "opset": 27, "outputs": 2}
    yield "FlexAttention", *[noise(1, 8, 2500, 64)] * 3, PREVIEW
    yield "STFT of complex", ones(4, 200_000, 2), np.array(16), None, np.array(1024), {"onesided": 0}
    yield "DFT of double", ones(32, 65536, 1, dtype=np.float64)
    yield "DFT of the first axis", ones(4096, 2048, 1), None, np.array(0)
    yield "Einsum outer", noise(6000), noise(6000), {"equation": "i,j->ij"}
    yield "Einsum of batches", noise(64, 200, 200), noise(64, 200, 200), {"equation": "bij,bjk->bik"}
    yield "Einsum diagonal", noise(5000, 5000), {"equation": "ii->i"}


def movements():
    text = words(600_000)
    square = text.reshape(600, 1000)
    yield "Gather of texts", text, integers(600_000, 600_000)
    yield "GatherElements of texts", text, integers(600_000, 600_000)
    yield "GatherND of texts", text, integers(600_000, 600_000, 1)
    yield "ScatterElements of texts", text, integers(600_000, 600_000), text
    yield "ScatterND of texts", text, integers(600_000, 600_000, 1), text
    yield "Concat of texts", text, text, {"axis": 0}
    yield "Split of texts", text, {"axis": 0, "num_outputs": 2, "outputs": 2}
    yield "Slice of texts", text, np.array([-1]), np.array([-(2**62)]), np.array([0]), np.array([-1])
    yield "Where of texts", np.ones(600_000, bool), text, text
    yield "Pad of texts", text, np.array([400_000, 0]), np.array("x", object)
    yield "Tile of texts", text, np.array([2])
    yield "Expand of texts", text, np.array([2, 600_000])
    yield "Compress of texts", text, np.ones(600_000, bool)
    yield "ReverseSequence of texts", square, np.full(1000, 600), {"time_axis": 0, "batch_axis": 1}
    yield "Unique of texts", text, {"outputs": 4}
    yield "Reshape of texts", text, np.array([2, -1])
    yield "Squeeze of texts", text.reshape(1, -1), np.array([0])
    yield "NonZero of texts", text
    yield "SplitToSequence of texts", text, {"keepdims": 0}
    yield "Gather of bytes", ones(20_000, 2000, dtype=np.uint8), integers(20_000, 20_000)
    yield "Gather of scalars", noise(1_000_000), integers(1_000_000, 20_000_000)
    yield "Transpose of bytes", ones(6000, 7000, dtype=np.uint8), {"perm": [1, 0]}
    yield "Transpose of 6", ones(12, 13, 14, 15, 16, 17), {"perm": [5, 1, 3, 0, 4, 2]}
    yield "ScatterElements of maxima", noise(2000, 5000), integers(2000, 2000, 5000), noise(2000, 5000), {"reduction": "max"}
    yield "ScatterND of products", noise(5000, 4000), integers(5000, 5000, 1), noise(5000, 4000), {"reduction": "mul"}
    yield "Scatter", noise(2000, 5000), integers(2000, 2000, 5000), noise(2000, 5000), {"opset": 9}
    yield "Upsample", noise(1, 16, 500, 500), np.array([1, 1, 3, 3], F), {"opset": 9}
    yield "Concat of many", *[ones(5000, 100)] * 60, {"axis": 1}
    yield "Split into many", ones(5000, 6000), {"axis": 1, "num_outputs": 60, "outputs": 60}
    yield "DepthToSpace of columns", ones(1, 64, 800, 800), {"blocksize": 8, "mode": "CRD"}
    yield "OneHot of texts", integers(1000, 1000), np.array(1000), np.array(["off", "on"], object)


def learned():
    text, many = words(300_000), integers(1000, 2_000_000)
    strings = [f"word {i} of many, A\u00e9" for i in range(1000)]
    depth, trees = 10, 50
    inner, every = 2**depth - 1, 2 ** (depth + 1) - 1
    ids = list(range(every))
    nodes = dict(
        nodes_treeids=[t for t in range(trees) for _ in ids], nodes_nodeids=ids * trees, nodes_featureids=[i % 16 for i in ids] * trees,
        nodes_modes=(["BRANCH_LEQ"] * inner + ["LEAF"] * (inner + 1)) * trees, nodes_values=[0.5] * every * trees,
        nodes_truenodeids=([2 * i + 1 for i in range(inner)] + [0] * (inner + 1)) * trees,
        nodes_falsenodeids=([2 * i + 2 for i in range(inner)] + [0] * (inner + 1)) * trees)
    yield "TreeEnsembleClassifier", noise(100_000, 16), ML | nodes | dict(
        outputs=2, classlabels_int64s=[0, 1, 2], class_treeids=[t for t in range(trees) for _ in range(inner + 1)], class_nodeids=ids[inner:] * trees,
        class_ids=[0, 1] * ((inner + 1) * trees // 2), class_weights=[0.25] * (inner + 1) * trees)
    yield "LabelEncoder of texts", text, ML | {"keys_strings": strings, "values_int64s": list(range(1000))}
    yield "LabelEncoder to texts", many[:400_000], ML | {"keys_int64s": list(range(1000)), "values_strings": strings}
    yield "CategoryMapper", text, ML | {"cats_strings": strings, "cats_int64s": list(range(1000))}
    yield "OneHotEncoder of texts", text, ML | {"cats_strings": strings[:100]}
    yield "TfIdfVectorizer of texts", words(400_000).reshape(20, -1), {
        "mode": "TFIDF", "min_gram_length": 1, "max_gram_length": 2, "max_skip_count": 5, "ngram_counts": [0, 2], "ngram_indexes": [0, 1, 2],
        "pool_strings": strings[:4], "weights": [0.5] * 3}
    yield "ZipMap of classes", noise(100_000, 20), ML | {"op": "ZipMap", "classlabels_int64s": list(range(20))}
    yield "Imputer of integers", many.reshape(-1, 100), ML | {"imputed_value_int64s": [1], "replaced_value_int64": 1}
    yield "SVMClassifier of kernels", ones(20_000, 64), ML | {
        "op": "SVMClassifier", "vectors_per_class": [100] * 5, "coefficients": [1.0] * 2000, "support_vectors": [0.5] * 32_000, "rho": [0.0] * 10,
        "kernel_type": "POLY", "kernel_params": [0.1, 0.0, 3.0], "classlabels_ints": list(range(5)), "prob_a": [1.0] * 10, "prob_b": [0.0] * 10, "outputs": 2}


def training():
    x = noise(10_000_000)
    rate, step = np.array(0.1, F), np.array(1)
    yield "Adagrad", rate, step, x, x, x, TRAINING | {"outputs": 2}
    yield "Adam", rate, step, x, x, x, x, TRAINING | {"outputs": 3}
    yield "Momentum", rate, step, x, x, x, TRAINING | {"outputs": 2, "alpha": 0.9, "beta": 1.0, "mode": "standard", "norm_coefficient": 0.0}


def runtime_operators():
    x, row = noise(20_000, 1024), ones(1024)
    scale, zero, whole = np.array(0.1, F), np.array(1, np.uint8), ones(20_000, 1024, dtype=np.uint8)
    yield "BiasGelu", x, row, MS
    yield "FastGelu", x, row, MS
    yield "QuickGelu", x, MS
    yield "BiasAdd", noise(8, 2000, 1024), row, noise(8, 2000, 1024), MS
    yield "BiasSplitGelu", noise(8, 2000, 1024), row, MS
    yield "SkipLayerNormalization", noise(8, 2500, 1024), noise(8, 2500, 1024), row, row, MS
    yield "SkipSimplifiedLayerNormalization", noise(8, 2500, 1024), noise(8, 2500, 1024), row, MS
    yield "EmbedLayerNormalization", integers(1000, 16, 512, dtype=np.int32), None, noise(1000, 768), noise(512, 768), None, ones(768), ones(768), MS
    yield "FusedMatMul", noise(1500, 1500), noise(1500, 1500), MS | {"transB": 1, "alpha": 0.5}
    yield "FusedGemm", noise(1500, 1500), noise(1500, 1500), ones(1500), MS | {"activation": "Relu"}
    yield "FusedConv", ones(1, 64, 300, 300), ones(64, 64, 3, 3), MS | {"activation": "Relu"}
    yield "NhwcConv", ones(1, 300, 300, 64), ones(64, 64, 3, 3), MS
    yield "CDist", noise(3000, 128), noise(3000, 128), MS
    yield "CropAndResize", noise(2, 16, 200, 200), np.tile(np.array([[0.1, 0.1, 0.8, 0.8]], F), (300, 1)), integers(2, 300, dtype=np.int32), np.array([64, 64], np.int32), MS
    yield "Attention of 3 in 1", noise(2, 1500, 512), noise(512, 1536), ones(1536), MS | {"op": "Attention", "num_heads": 8}
    yield "MultiHeadAttention", *[noise(2, 2000, 512)] * 3, MS | {"num_heads": 8}
    yield "GroupQueryAttention", noise(1, 2500, 512), noise(1, 2500, 128), noise(1, 2500, 128), None, None, np.array([2499], np.int32), np.array(2500, np.int32), MS | {
        "num_heads": 8, "kv_num_heads": 2, "outputs": 3}
    yield "RotaryEmbedding of runtimes", noise(4, 8000, 512), np.arange(8000)[None].repeat(4, 0), noise(8000, 32), noise(8000, 32), MS | {"op": "RotaryEmbedding", "num_heads": 8}
    yield "MatMulBnb4", noise(512, 2048), integers(255, 2048 * 1024, dtype=np.uint8), noise(2048 * 2048 // 64), MS | {"K": 2048, "N": 2048, "block_size": 64, "quant_type": 1}
    yield "MoE", noise(1024, 256), noise(1024, 8), noise(8, 512, 256), None, noise(8, 256, 512), MS | {"k": 2}
    yield "QLinearAdd", whole, scale, zero, whole, scale, zero, scale, zero, MS
    yield "QLinearMul", whole, scale, zero, whole, scale, zero, scale, zero, MS
    yield "QLinearSigmoid", whole, scale, zero, scale, zero, MS
    yield "QLinearLeakyRelu", whole, scale, zero, scale, zero, MS | {"alpha": 0.1}
    yield "QLinearSoftmax", whole, scale, zero, scale, zero, MS | {"opset": 13, "axis": -1}
    yield "QLinearGlobalAveragePool", ones(4, 64, 500, 500, dtype=np.uint8), scale, zero, scale, zero, MS
    yield "QLinearAveragePool", ones(1, 64, 300, 300, dtype=np.uint8), scale, zero, scale, zero, MS | {"kernel_shape": [9, 9]}
    yield "QLinearConcat", scale, zero, whole, scale, zero, whole, scale, zero, MS | {"axis": 1}
    yield "QLinearWhere", np.ones((20_000, 1024), bool), whole, scale, zero, whole, scale, zero, scale, zero, MS
    yield "QGemm", ones(1500, 1500, dtype=np.uint8), scale, zero, ones(1500, 1500, dtype=np.uint8), scale, zero, MS
    yield "QAttention", ones(2, 1000, 512, dtype=np.uint8), ones(512, 1536, dtype=np.uint8), ones(1536), scale, scale, None, zero, zero, MS | {"num_heads": 8}
    yield "MatMulIntegerToFloat", ones(1500, 1500, dtype=np.uint8), ones(1500, 1500, dtype=np.uint8), scale, scale, MS
    yield "DynamicQuantizeMatMul", noise(1500, 1500), ones(1500, 1500, dtype=np.uint8), scale, MS


def graphs():
    """Name, nodes, inputs, initializers."""
    packed = [("w", integers(255, 2048, 64, 16, dtype=np.uint8)), ("s", noise(2048 * 64))]
    yield "MatMulNBits", [node("MatMulNBits", ["x", "w", "s"], ["y"], **MS, K=2048, N=2048, bits=4, block_size=32)], {"x": noise(512, 2048)}, packed
    x, one = {"x": ones(300_000, 8)}, [("i", np.array(1))]
    split = node("SplitToSequence", ["x"], ["s"])
    length = node("SequenceLength", ["q"], ["y"])
    yield "ConcatFromSequence", [split, node("ConcatFromSequence", ["s"], ["y"], axis=0)], x, []
    yield "ConcatFromSequence of a new axis", [node("SplitToSequence", ["x"], ["s"], keepdims=0), node("ConcatFromSequence", ["s"], ["y"], axis=0, new_axis=1)], x, []
    yield "SequenceInsert", [split, node("SequenceInsert", ["s", "x"], ["q"]), length], x, []
    yield "SequenceInsert in front", [split, node("SequenceInsert", ["s", "x", "i"], ["q"]), length], x, one
    yield "SequenceErase", [split, node("SequenceErase", ["s", "i"], ["q"]), length], x, one
    yield "SequenceAt", [split, node("SequenceAt", ["s", "i"], ["y"])], x, one
    yield "Identity of a sequence", [split, node("Identity", ["s"], ["y"])], x, []
    yield "SequenceConstruct", [node("SequenceConstruct", ["x"] * 40, ["y"])], {"x": ones(1_000_000)}, []
    yield "Optional of a sequence", [split, node("Optional", ["s"], ["o"]), node("OptionalGetElement", ["o"], ["y"])], x, []
    body = helper.make_graph(
        [node("Identity", ["k"], ["k2"]), node("SequenceInsert", ["v", "e"], ["v2"])], "b",
        [info("i", I64, []), info("k", 9, []), helper.make_tensor_sequence_value_info("v", F32, None)],
        [info("k2", 9, []), helper.make_tensor_sequence_value_info("v2", F32, None)])
    yield "Loop that grows a sequence", [
        node("SequenceEmpty", [], ["s"]), node("Loop", ["m", "", "s"], ["q"], body=body), length], {"e": ones(4)}, [("m", np.array(2**62))]
    body = helper.make_graph(
        [node("Identity", ["k"], ["k2"]), node("Identity", ["e"], ["o"])], "b", [info("i", I64, []), info("k", 9, [])],
        [info("k2", 9, []), info("o", F32, None)])
    yield "Loop that scans", [node("Loop", ["m", ""], ["y"], body=body)], {"e": ones(1000)}, [("m", np.array(300_000))]
    branch = helper.make_graph([node("Exp", ["x"], ["z"])], "b", [], [info("z", F32, None)])
    yield "If", [node("If", ["c"], ["y"], then_branch=branch, else_branch=branch)], {"x": ones(40_000_000), "c": np.array(True)}, []
    text = {"x": words(300_000)}
    yield "Sequence of texts", [node("SplitToSequence", ["x"], ["s"], keepdims=0), node("ConcatFromSequence", ["s"], ["y"], axis=0, new_axis=1)], text, []


def singles():
    for family in (elements, sums, products, movements, learned, training, runtime_operators):
        yield from family()
