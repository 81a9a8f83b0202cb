# SPDX-License-Identifier: Apache-2.0
"""How late a run with a deadline returns, in the middle of one long step of every family.

    python -m tests.hostile.deadlines [--timeout-ms 30] [--threads 1] [--only REGEX] [--reference]

A case that ends before its deadline says 'done'. Times are of the wall clock: measure on a quiet machine.
"""

import argparse
import io
import re
import time

import numpy as np
from onnx import TensorProto, helper

import ferry

from . import deadline_operators
from .case import BOOL, F32, I64, STRING, element_of, info, model
from .deadline_inputs import integers, noise, ones, words

node = helper.make_node
F = np.float32
VERSIONS = {"ai.onnx.ml": 3, "com.microsoft": 1, "ai.onnx.preview": 1, "ai.onnx.preview.training": 1}


def products():
    yield "MatMul", ones(3000, 3000), ones(3000, 3000)
    yield "Gemm", ones(3000, 3000), ones(3000, 3000), {"transB": 1}
    yield "MatMul thin", ones(4, 8000), ones(8000, 8000)
    yield "MatMul double", ones(1200, 1200, dtype=np.float64), ones(1200, 1200, dtype=np.float64)
    yield "MatMul deep", ones(1, 30_000_000), ones(30_000_000, 1)
    yield "MatMul deep double", ones(2, 8_000_000, dtype=np.float64), ones(8_000_000, 2, dtype=np.float64)
    yield "MatMulInteger deep", ones(1, 20_000_000, dtype=np.uint8), ones(20_000_000, 1, dtype=np.uint8)
    yield "MatMulInteger", ones(2500, 2500, dtype=np.uint8), ones(2500, 2500, dtype=np.uint8)
    yield "Einsum", ones(90, 90), ones(90, 90), ones(90, 90), {"equation": "ab,cd,ef->a"}
    yield "Einsum product", ones(600, 600), ones(600, 600), ones(600, 600), {"equation": "ij,jk,kl->il"}
    yield "Det", noise(900, 900)
    image = ones(1, 64, 500, 500)
    yield "Conv 3x3", image, ones(128, 64, 3, 3), {"pads": [1] * 4}
    yield "Conv 1x1", image, ones(512, 64, 1, 1)
    yield "Conv 7x7", image, ones(64, 64, 7, 7)
    yield "Conv depthwise", ones(1, 64, 1500, 1500), ones(64, 1, 7, 7), {"group": 64}
    yield "Conv in groups", image, ones(64, 8, 5, 5), {"group": 8}
    yield "Conv 1-D", ones(1, 128, 60000), ones(128, 128, 15)
    yield "Conv 3-D", ones(1, 16, 64, 64, 64), ones(32, 16, 5, 5, 5)
    yield "ConvTranspose", image, ones(64, 64, 4, 4), {"strides": [2, 2]}
    yield "ConvInteger", ones(1, 32, 200, 200, dtype=np.uint8), ones(64, 32, 3, 3, dtype=np.uint8)
    yield "DeformConv", ones(1, 16, 150, 150), ones(32, 16, 3, 3), ones(1, 18, 148, 148)
    yield "LSTM", ones(3000, 8, 128), ones(1, 1024, 128), ones(1, 1024, 256), {"hidden_size": 256}
    yield "LSTM large", ones(40, 64, 1024), ones(1, 4096, 1024), ones(1, 4096, 1024), {"hidden_size": 1024}
    yield "GRU", ones(3000, 8, 128), ones(1, 768, 128), ones(1, 768, 256), {"hidden_size": 256}
    yield "Attention", ones(1, 8, 4000, 64), ones(1, 8, 4000, 64), ones(1, 8, 4000, 64)


def windows():
    yield "MaxPool", ones(1, 64, 700, 700), {"kernel_shape": [31, 31], "pads": [15] * 4}
    yield "AveragePool", ones(1, 64, 700, 700), {"kernel_shape": [31, 31], "pads": [15] * 4}
    yield "LpPool", ones(1, 64, 700, 700), {"kernel_shape": [31, 31], "pads": [15] * 4}
    yield "GlobalAveragePool", ones(1, 64, 1000, 1000)
    yield "LRN", ones(1, 256, 300, 300), {"size": 129}
    yield "Resize cubic", ones(1, 16, 500, 500), None, np.array([1, 1, 3.3, 3.3], F), {"mode": "cubic"}
    yield "Resize shrinking", ones(1, 4, 4000, 4000), None, np.array([1, 1, 0.01, 0.01], F), {"mode": "cubic", "antialias": 1}
    yield "GridSample", ones(1, 64, 300, 300), noise(1, 900, 900, 2), {"mode": "cubic"}
    yield "RoiAlign", ones(1, 64, 100, 100), np.tile(np.array([0, 0, 90, 90], F), (4000, 1)), integers(1, 4000), {"output_height": 14, "output_width": 14}
    yield "MaxRoiPool", ones(1, 64, 200, 200), np.tile(np.array([0, 0, 0, 190, 190], F), (2000, 1)), {"pooled_shape": [7, 7]}
    yield "NonMaxSuppression", noise(1, 30000, 4), noise(1, 1, 30000), np.array(30000), np.array(0.99, F)
    yield "AffineGrid", ones(64, 2, 3), np.array([64, 3, 1000, 1000])
    yield "Col2Im", ones(1, 64 * 25, 250000 // 25 * 4), np.array([204, 204]), np.array([5, 5])
    yield "DFT", ones(64, 65537, 1), {"outputs": 1}
    yield "DFT prime", ones(1, 1299709, 1)
    yield "MaxRoiPool of one region", ones(1, 1, 5000, 5000), np.array([[0, 0, 0, 4999, 4999]], F), {"pooled_shape": [1, 1]}
    yield "STFT", ones(8, 400000, 1), np.array(16), None, np.array(1024)


def rows():
    row, two, column, wide = ones(30_000_000), ones(2, 15_000_000), ones(10_000_000, 3), ones(2, 15_000_000)
    for name in ("Softmax", "LogSoftmax", "LpNormalization"):
        yield f"{name} of one row", row
        yield f"{name} of two rows", two
        yield f"{name} of three columns", column, {"axis": 0}
        yield f"{name} of a wide matrix", wide, {"axis": 0}
        yield f"{name} of doubles", ones(5_000_000, 2, dtype=np.float64), {"axis": 0}
    for name in ("ReduceSum", "ReduceMax", "ReduceL2", "ReduceProd", "ReduceLogSumExp"):
        yield f"{name} of one row", row, np.array([0])
        yield f"{name} of two rows", two, np.array([1])
        yield f"{name} of three columns", column, np.array([0])
    yield "ReduceSum of two rows of doubles", two.astype(np.float64), np.array([1])
    yield "ReduceMax of two rows of integers", two.astype(np.int64), np.array([1])
    for name in ("LayerNormalization", "RMSNormalization"):
        yield f"{name} of one row", row, row, {"axis": 0}
        yield f"{name} of two rows", two, ones(15_000_000)
    yield "ArgMax of the last", row, {"axis": 0, "select_last_index": 1}
    yield "ArgMax of bytes", two.astype(np.uint8), {"axis": 1}
    yield "MeanVarianceNormalization wide", wide, {"axes": [0]}
    yield "BatchNormalization wide", wide, *[ones(15_000_000)] * 4
    yield "Unique of one axis", ones(6_000_000), {"axis": 0}
    yield "Unique in order", integers(10**9, 10_000_000), {"sorted": 0, "outputs": 4}
    yield "Softmax", ones(30_000_000)
    yield "Softmax of rows", ones(30_000, 1000)
    yield "Softmax axis 0", ones(1000, 30_000), {"axis": 0}
    yield "LogSoftmax", ones(30_000, 1000)
    yield "Hardmax", ones(30_000, 1000)
    yield "LayerNormalization", ones(30_000, 1000), ones(1000)
    yield "InstanceNormalization", ones(1, 64, 500_000), ones(64), ones(64)
    yield "BatchNormalization", ones(1, 64, 500_000), ones(64), ones(64), ones(64), ones(64)
    yield "LpNormalization", ones(30_000, 1000)
    yield "MeanVarianceNormalization", ones(4, 16, 700, 700)
    yield "ReduceSum", ones(1000, 40_000), np.array([0])
    yield "ReduceLogSumExp", ones(1000, 40_000), np.array([1])
    yield "ReduceMax of all", ones(60_000_000)
    yield "ReduceL2 of half", ones(1000, 20_000).astype(np.float16), np.array([0])
    yield "ArgMax", ones(40_000, 1000), {"axis": 0}
    yield "CumSum", ones(1000, 40_000), np.array(0)
    yield "CumSum of one row", ones(40_000_000), np.array(0)
    yield "TopK", noise(20_000_000), np.array([1_000_000])
    yield "TopK of rows", noise(2000, 10_000), np.array([5000])
    yield "Unique", integers(10**6, 5_000_000)
    yield "Unique of rows", integers(3, 1_000_000, 4), {"axis": 0}
    yield "NonZero", ones(30_000_000)
    yield "Compress", ones(30_000_000), np.ones(30_000_000, bool)


def movements():
    x = ones(5000, 8000)
    yield "Transpose", x, {"perm": [1, 0]}
    yield "Transpose of 4", ones(60, 70, 80, 90), {"perm": [3, 1, 0, 2]}
    yield "Gather", x, integers(5000, 5000)
    yield "Gather of columns", x, integers(8000, 8000), {"axis": 1}
    yield "GatherElements", x, integers(5000, 5000, 4000)
    yield "GatherND", x, np.stack([integers(5000, 10_000_000), integers(8000, 10_000_000)], -1)
    yield "ScatterElements", ones(2000, 5000), integers(2000, 2000, 5000), ones(2000, 5000), {"reduction": "add"}
    yield "ScatterND", x, integers(5000, 5000, 1), ones(5000, 8000)
    row, where = ones(20_000_000), np.zeros(20_000_000, np.int64)
    yield "GatherElements of one row", row, where
    yield "GatherND of two rows", ones(2, 15_000_000), integers(2, 2, 1)
    yield "ScatterElements of one row", row, where, row
    yield "ScatterND of two rows", ones(2, 15_000_000), np.array([[0], [1]]), ones(2, 15_000_000)
    yield "Pad of one row", row, np.array([3, 3]), {"mode": "edge"}
    yield "Identity of one row", {"op": "Identity"}, ones(60_000_000)
    yield "Reshape", ones(60_000_000), np.array([2, -1])
    yield "Tile", ones(1000, 1000), np.array([8, 8])
    yield "Tile by columns", ones(4_000_000, 1), np.array([1, 16])
    yield "Expand", ones(8000), np.array([8000, 8000])
    yield "Pad reflect", ones(3000, 4000), np.array([2000] * 4), {"mode": "reflect"}
    yield "Slice backwards", x, np.array([-1]), np.array([-(2**62)]), np.array([1]), np.array([-1])
    yield "Where", np.ones((5000, 8000), bool), x, x
    yield "OneHot", integers(1000, 60_000), np.array(1000), np.array([0, 1], F)
    yield "ReverseSequence", ones(5000, 8000), np.full(8000, 5000), {"time_axis": 0, "batch_axis": 1}
    yield "DepthToSpace", ones(1, 64, 800, 800), {"blocksize": 8}
    yield "Trilu", x
    yield "EyeLike", x
    yield "Concat", x, x, {"axis": 1}
    yield "Split", x, {"num_outputs": 2, "outputs": 2, "axis": 1}
    yield "CenterCropPad", ones(3000, 4000), np.array([7000, 7000])
    yield "Range", np.array(0), np.array(60_000_000), np.array(1)
    yield "Constant of shape", {"op": "ConstantOfShape"}, np.array([80_000_000])


def elements():
    x = ones(5000, 8000)
    for name in ("Exp", "Erf", "Tanh", "Softplus", "Round", "Acosh", "IsNaN", "Mish"):
        yield name, x
    yield "Pow", x, x
    yield "Div of integers", {"op": "Div"}, integers(9, 20_000_000) + 1, integers(9, 20_000_000) + 1
    yield "Mod", integers(9, 20_000_000) + 1, integers(9, 20_000_000) + 1
    yield "PRelu of two rows", ones(2, 15_000_000), ones(15_000_000)
    yield "QuantizeLinear of two rows", ones(2, 15_000_000), ones(15_000_000), np.zeros(15_000_000, np.uint8), {"axis": 1}
    yield "Multinomial of one row", ones(1, 10_000_000), {"sample_size": 2, "seed": 1.0}
    yield "Max", x, x
    yield "Mean of three", {"op": "Mean"}, x, x, x
    yield "BitShift", integers(9, 20_000_000, dtype=np.uint64), integers(9, 20_000_000, dtype=np.uint64), {"direction": "LEFT"}
    yield "PRelu", x, ones(8000)
    yield "Clip of half", {"op": "Clip"}, x.astype(np.float16)
    yield "Cast to half", {"op": "Cast", "to": TensorProto.FLOAT16}, x
    yield "Cast to 8 bits", {"op": "Cast", "to": TensorProto.FLOAT8E4M3FN}, x
    yield "Cast to text", {"op": "Cast", "to": STRING}, ones(400_000)
    yield "Cast from text", {"op": "Cast", "to": F32}, np.array(["1.25"] * 2_000_000, object)
    yield "QuantizeLinear", x, np.array(0.1, F), np.array(0, np.uint8)
    yield "DynamicQuantizeLinear", x, {"outputs": 3}
    yield "RandomNormalLike", x
    yield "Multinomial", ones(2000, 1000), {"sample_size": 2000}
    yield "Bernoulli", x


def texts():
    many = words(600_000)
    yield "StringConcat", many, many
    yield "StringSplit", many, {"outputs": 2, "delimiter": " "}
    yield "StringNormalizer", many, {"case_change_action": "UPPER", "stopwords": ["a"] * 50}
    yield "RegexFullMatch", many, {"pattern": "(word|text) [0-9]+ of (many|few)+.*[A-Z].?"}
    yield "Equal of texts", {"op": "Equal"}, many, many
    yield "Identity of texts", {"op": "Identity"}, many
    yield "TfIdfVectorizer", integers(5, 64, 20_000), {"mode": "TF", "min_gram_length": 1, "max_gram_length": 2, "max_skip_count": 5, "ngram_counts": [0, 2],
                                                      "ngram_indexes": [0, 1, 2], "pool_int64s": [0, 1, 2, 3]}
    ml = {"domain": "ai.onnx.ml"}
    yield "LabelEncoder", integers(1000, 5_000_000), ml | {"keys_int64s": list(range(1000)), "values_int64s": list(range(1000))}
    yield "SVMRegressor", ones(20_000, 64), ml | {"n_supports": 500, "coefficients": [1.0] * 500, "support_vectors": [0.5] * 32_000, "rho": [0.0],
                                                 "kernel_type": "RBF", "kernel_params": [0.1, 0.0, 0.0]}
    depth, trees = 10, 50
    inner, all_nodes = 2**depth - 1, 2 ** (depth + 1) - 1
    ids = list(range(all_nodes))
    yield "TreeEnsembleRegressor", noise(100_000, 16), ml | dict(
        n_targets=1, nodes_treeids=[t for t in range(trees) for _ in ids], nodes_nodeids=ids * trees, nodes_featureids=[i % 16 for i in ids] * trees,
        nodes_modes=(["BRANCH_LEQ"] * inner + ["LEAF"] * (inner + 1)) * trees, nodes_values=[0.5] * all_nodes * trees,
        nodes_truenodeids=([2 * i + 1 for i in range(inner)] + [0] * (inner + 1)) * trees, nodes_falsenodeids=([2 * i + 2 for i in range(inner)] + [0] * (inner + 1)) * trees,
        target_treeids=[t for t in range(trees) for _ in range(inner + 1)], target_nodeids=ids[inner:] * trees, target_ids=[0] * (inner + 1) * trees,
        target_weights=[0.25] * (inner + 1) * trees)
    yield "ImageDecoder png", encoded("PNG")
    yield "ImageDecoder jpeg", encoded("JPEG")
    yield "ImageDecoder webp", encoded("WEBP")
    yield "ImageDecoder tiff", encoded("TIFF")
    yield "ImageDecoder tiff of YCbCr", encoded("TIFF", mode="YCbCr")
    yield "ImageDecoder jpeg2000", encoded("JPEG2000")
    yield "ImageDecoder jpeg2000 in tiles", encoded("JPEG2000", tile_size=(256, 256))
    yield "ImageDecoder webp lossless", encoded("WEBP", lossless=True)
    yield "ImageDecoder bmp", encoded("BMP")
    yield "ImageDecoder ppm", encoded("PPM")


def others():
    x, image = ones(5000, 4000), ones(1, 64, 700, 700)
    yield "CumProd", ones(40_000_000), np.array(0), {"opset": 26}
    yield "DequantizeLinear", ones(5000, 4000, dtype=np.uint8), np.array(0.1, F), np.array(3, np.uint8)
    yield "DequantizeLinear of blocks", ones(5000, 4000, dtype=np.uint8), ones(5000, 125), {"block_size": 32, "axis": 1}
    yield "Dropout", x, np.array(0.5, F), np.array(True)
    yield "GroupNormalization", image, ones(64), ones(64), {"num_groups": 8}
    yield "RMSNormalization", ones(30_000, 1000), ones(1000)
    yield "RNN", ones(3000, 8, 128), ones(1, 256, 128), ones(1, 256, 256), {"hidden_size": 256}
    yield "GRU of double", ones(300, 8, 512, dtype=np.float64), ones(1, 1536, 512, dtype=np.float64), ones(1, 1536, 512, dtype=np.float64), {"hidden_size": 512}
    yield "MaxUnpool", ones(1, 64, 350, 350), integers(700 * 700, 1, 64, 350, 350), {"kernel_shape": [2, 2], "strides": [2, 2]}
    yield "HannWindow", np.array(30_000_000)
    yield "MelWeightMatrix", np.array(4000), np.array(8192), np.array(16000), np.array(0, F), np.array(8000, F)
    yield "NegativeLogLikelihoodLoss", ones(30_000, 1000), integers(1000, 30_000)
    yield "SoftmaxCrossEntropyLoss", ones(30_000, 1000), integers(1000, 30_000)
    yield "TensorScatter", ones(8, 8, 8000, 64), ones(8, 8, 4000, 64), integers(1000, 8), {"opset": 24}
    yield "RotaryEmbedding", ones(4, 16, 4000, 64), ones(4, 4000, 32), ones(4, 4000, 32)
    yield "SoftmaxCrossEntropyLoss of one row", ones(1, 20_000_000), integers(2, 1)
    yield "SplitToSequence", ones(300_000, 8)
    yield "GlobalMaxPool", image
    yield "GlobalLpPool", image
    yield "SpaceToDepth", ones(1, 8, 2000, 2000), {"blocksize": 4}
    yield "Identity", x
    yield "CastLike", x, np.array(1, np.float64)
    yield "RandomUniformLike", x
    yield "QLinearMatMul", ones(1500, 1500, dtype=np.uint8), np.array(0.1, F), np.array(1, np.uint8), ones(1500, 1500, dtype=np.uint8), np.array(
        0.1, F), np.array(1, np.uint8), np.array(100, F), np.array(1, np.uint8)
    yield "QLinearConv", ones(1, 32, 200, 200, dtype=np.uint8), np.array(0.1, F), np.array(1, np.uint8), ones(64, 32, 3, 3, dtype=np.uint8), np.array(
        0.1, F), np.array(1, np.uint8), np.array(100, F), np.array(1, np.uint8)
    yield "ArgMin of one row", {"op": "ArgMin"}, ones(60_000_000)
    yield "ReduceProd", ones(5000, 8000), np.array([1])
    yield "ReduceMean of integers", {"op": "ReduceMean"}, integers(9, 5000, 4000), np.array([0])
    yield "Conv of large computed weights", {"op": "Conv"}, ones(1, 1024, 4, 4), ones(2048, 1024, 3, 3)
    yield "ConvTranspose of large computed weights", {"op": "ConvTranspose"}, ones(1, 1024, 4, 4), ones(1024, 2048, 3, 3)
    yield "Transpose of text", {"op": "Transpose"}, words(400_000).reshape(1000, 400)
    yield "Einsum transposed", {"op": "Einsum"}, ones(400, 400), ones(400, 400), {"equation": "ij,kj->ki"}


def learned():
    ml = {"domain": "ai.onnx.ml"}
    x = ones(200_000, 100)
    yield "ArrayFeatureExtractor", x, integers(100, 100), ml
    yield "Binarizer", x, ml | {"threshold": 0.5}
    yield "FeatureVectorizer", x, x, ml | {"inputdimensions": [100, 100]}
    yield "Imputer", x, ml | {"imputed_value_floats": [1.0], "replaced_value_float": 1.0}
    yield "LinearRegressor", x, ml | {"coefficients": [0.5] * 1000, "targets": 10, "intercepts": [0.0] * 10}
    yield "LinearClassifier", x, ml | {"coefficients": [0.5] * 1000, "classlabels_ints": list(range(10)), "intercepts": [0.0] * 10, "outputs": 2}
    yield "Normalizer", x, ml | {"norm": "L2"}
    yield "OneHotEncoder", integers(100, 300_000), ml | {"cats_int64s": list(range(100))}
    yield "Scaler", x, ml | {"offset": [0.0] * 100, "scale": [2.0] * 100}
    yield "SVMClassifier", ones(20_000, 64), ml | {
        "vectors_per_class": [250, 250], "coefficients": [1.0] * 500, "support_vectors": [0.5] * 32_000, "rho": [0.0], "kernel_type": "RBF",
        "kernel_params": [0.1, 0.0, 0.0], "classlabels_ints": [0, 1], "outputs": 2}


def encoded(kind, side=None, mode="RGB", **options):
    from PIL import Image

    side = side or (1500 if kind in ("JPEG2000", "WEBP") else 5000)
    pixels = np.random.default_rng(3).integers(0, 256, (side // 50, side // 50, 3), np.uint8).repeat(50, 0).repeat(50, 1)
    out = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(out, kind, **options)
    return np.frombuffer(out.getvalue(), np.uint8)


def bodies():
    state = [info("i", I64, []), info("k", BOOL, []), info("v", F32, None)]

    def loop(*nodes):
        body = helper.make_graph([node("Identity", ["k"], ["k2"]), *nodes], "b", state, [info("k2", BOOL, []), info("v2", F32, None)])
        return node("Loop", ["m", "", "x"], ["y"], "loop", body=body)

    trips = ("m", np.array(2**62))
    yield "Loop of small steps", [loop(node("Neg", ["v"], ["v2"]))], {"x": ones(4)}, [trips]
    yield "Loop of large steps", [loop(node("Exp", ["v"], ["e"]), node("Neg", ["e"], ["v2"]))], {"x": ones(30_000_000)}, [trips]
    scan = helper.make_graph([node("Neg", ["e"], ["o"])], "b", [info("e", F32, None)], [info("o", F32, None)])
    yield "Scan", [node("Scan", ["x"], ["y"], "scan", body=scan, num_scan_inputs=1)], {"x": ones(3_000_000, 2)}, []
    yield "SequenceMap", [node("SplitToSequence", ["x"], ["s"]), node("SequenceMap", ["s"], ["q"], body=scan), node("SequenceLength", ["q"], ["y"])], {"x": ones(200_000, 2)}, []


def singles():
    for family in (products, windows, rows, movements, elements, texts, others, learned, deadline_operators.singles):
        for name, *values in family():
            fields = {}
            for given in [v for v in values if isinstance(v, dict)]:
                fields |= given
            values = [v for v in values if not isinstance(v, dict)]
            kind = fields.pop("op", name.split()[0])
            yield name, kind, values, fields


def cases():
    """Name, model, inputs."""
    for name, kind, values, fields in singles():
        names = [f"x{i}" if v is not None else "" for i, v in enumerate(values)]
        outputs = [f"y{i}" for i in range(fields.pop("outputs", 1))]
        domain, opset = fields.pop("domain", ""), fields.pop("opset", 23)
        made = node(kind, names, outputs, "node", domain=domain, **fields)
        given = {n: v for n, v in zip(names, values) if v is not None}
        infos = [info(n, element_of(v), [None] * v.ndim) for n, v in given.items()]
        yield name, model([made], infos, outputs, opsets={"": opset} | ({domain: VERSIONS[domain]} if domain else {})), given
    for name, nodes, given, initializers in (*bodies(), *deadline_operators.graphs()):
        infos = [info(n, element_of(v), [None] * v.ndim) for n, v in given.items()]
        yield name, model(nodes, infos, ["y"], initializers, opsets={"": 23, "com.microsoft": 1}), given


def lateness(made, given, timeout, **options):
    """Milliseconds after the deadline, or None for a run that ended before it."""
    session = ferry.Session(made, **options)
    start = time.perf_counter()
    try:
        session.run(given, timeout=timeout)
        ended = True
    except ferry.DeadlineExceeded:
        ended = False
    late = time.perf_counter() - start - timeout
    return None if ended and late < 0 else late * 1e3


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--timeout-ms", type=float, default=30)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", default="")
    parser.add_argument("--reference", action="store_true")
    args = parser.parse_args()
    worst = 0.0
    for name, made, given in cases():
        if not re.search(args.only, name):
            continue
        late = lateness(made, given, args.timeout_ms / 1e3, threads=args.threads, reference_kernels=args.reference)
        print(f"{name:30} " + ("done" if late is None else f"{late:8.1f} ms late"), flush=True)
        worst = max(worst, late or 0)
    print(f"worst: {worst:.1f} ms late")


if __name__ == "__main__":
    main()
