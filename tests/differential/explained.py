# SPDX-License-Identifier: Apache-2.0
"""Disagreements with one peer, or among three, whose reason is known. What is not listed here is a defect to find."""

import onnx
from onnx import helper

from . import elements as el


def _transposed_by_group(attributes: dict, shapes: list) -> bool:
    return attributes.get("group", 1) > 1


def _transposed_beyond_kernel(attributes: dict, shapes: list) -> bool:
    """The schema makes y input * stride long, and a stride that is larger than what the kernel covers leaves no padding to cut."""
    return _beyond_kernel(attributes, shapes[1][2:])


def _pooled_beyond_kernel(attributes: dict, shapes: list) -> bool:
    """The formula of the padding is less than 0 then; the schema speaks of adding only, so nothing is cut off (as TensorFlow defines SAME)."""
    return _beyond_kernel(attributes, attributes["kernel_shape"])


def _beyond_kernel(attributes: dict, kernel: tuple) -> bool:
    dilations, strides = (attributes.get(name, [1] * len(kernel)) for name in ("dilations", "strides"))
    return attributes.get("auto_pad", b"").startswith(b"SAME") and any(s > (k - 1) * d + 1 for s, k, d in zip(strides, kernel, dilations))


def _max_pool_of_steps_of_one(attributes: dict, shapes: list) -> bool:
    return all(n == 1 for name in ("strides", "dilations") for n in attributes.get(name, []))


def _ceil_mode(attributes: dict, shapes: list) -> bool:
    return attributes.get("ceil_mode", 0) == 1


def _valid_and_dilated(attributes: dict, shapes: list) -> bool:
    return attributes.get("auto_pad") == b"VALID" and any(n > 1 for n in attributes.get("dilations", []))


def _same_lower(attributes: dict, shapes: list) -> bool:
    return attributes.get("auto_pad") == b"SAME_LOWER"


def _unsorted(attributes: dict, shapes: list) -> bool:
    return attributes.get("sorted", 1) == 0


def _two_classes_without_a_negative_weight(attributes: dict, shapes: list) -> bool:
    return len(attributes.get("vectors_per_class", [])) == 2 and min(attributes["coefficients"]) >= 0


def _cubic_border(attributes: dict, shapes: list) -> bool:
    return attributes.get("mode") in (b"cubic", b"bicubic") and attributes.get("padding_mode") == b"border"


_SIZE_OF_VALID = "the size of VALID is that of a kernel without dilations"

# Reasons that concern some nodes of an operator; tried before those below.
_SOME = {
    ("onnx", "ConvTranspose"): [
        (_transposed_by_group, "of several groups: every group gets the bias of the first, weights are cut by outputs where they lie by inputs"),
        (_transposed_beyond_kernel, "pads less than 0 before the first element; the schema wants pads of 0 or more, so what lacks is added behind"),
    ],
    ("onnxruntime", "ConvTranspose"): [
        (_transposed_beyond_kernel, "leaves out the end: y has fewer than the schema's input * stride elements"),
    ],
    ("onnxruntime", "LpPool"): [(_pooled_beyond_kernel, "cuts off what the formula of the padding gives as less than 0")],
    ("onnx", "LpPool"): [
        (_valid_and_dilated, _SIZE_OF_VALID),
        (_ceil_mode, "a last window that leaves the padded image: the mean of what is inside, times the size of the kernel"),
    ],
    ("onnxruntime", "SVMClassifier"): [
        (_two_classes_without_a_negative_weight, "the vote decides; the evaluator takes the second class, as the vote of one pair is never below a half"),
    ],
    ("onnxruntime", "MaxPool"): [(_pooled_beyond_kernel, "cuts off what the formula of the padding gives as less than 0")],
    ("onnxruntime", "AveragePool"): [(_pooled_beyond_kernel, "cuts off what the formula of the padding gives as less than 0")],
    ("onnx", "AveragePool"): [
        (_valid_and_dilated, _SIZE_OF_VALID),
        (_ceil_mode, "a last window that leaves the image shifts all windows"),
    ],
    ("onnx", "GridSample"): [(_cubic_border, "moves the position to the border, where PyTorch, whose function it is, moves each pixel")],
    ("onnx", "Unique"): [(_unsorted, "takes the elements along axis 0, whatever the axis")],
    ("onnx", "MaxPool"): [
        (_max_pool_of_steps_of_one, "pads of two axes are read as (top, bottom, left, right), those of one or three axes are ignored, ceil_mode adds "
                                    "them twice, and indices count within one channel and one window"),
        (_pooled_beyond_kernel, "cuts off what the formula of the padding gives as less than 0"),
        (_same_lower, "rounds the size down where the schema rounds it up, and pads as SAME_UPPER does"),
    ],
}

# By peer and operator: (why, element types of the first output that it concerns; None: any).
_KNOWN: dict[tuple[str, str], tuple[str, tuple[int, ...] | None]] = {
    ("onnx", "Adagrad"): ("returns the type of the learning rate, not of the tensors", None),
    ("onnx", "Adam"): ("returns the type of the learning rate, not of the tensors", None),
    ("onnx", "Momentum"): ("returns the type of the learning rate, not of the tensors", None),
    ("onnx", "AffineGrid"): ("computes and returns float32", None),
    ("onnx", "Attention"): ("the scale is rounded through float32; Ferry's is double", (el.F64,)),
    ("onnx", "CenterCropPad"): ("fills texts with the number 0", (el.STRING,)),
    ("onnx", "Det"): ("returns the type that numpy computes in", (el.BF16,)),
    ("onnx", "QLinearConv"): ("adds the zero point before it rounds: a value halfway between two steps goes to the other one where that is odd", None),
    ("onnx", "FeatureVectorizer"): ("returns the type that numpy joins the inputs to; the schema says float", None),
    ("onnx", "DictVectorizer"): ("a map gives a vector; the schema says one row of a matrix", None),
    ("onnx", "Erf"): ("rounds through float32", (el.F64,)),
    ("onnx", "FlexAttention"): ("the scale is rounded through float32; Ferry's is double", (el.F64,)),
    ("onnx", "Gelu"): ("the constants are float32; Ferry's are double", (el.F64,)),
    ("onnxruntime", "Gelu"): ("the constants are float32; Ferry's are double", (el.F64,)),
    ("onnx", "GlobalMaxPool"): ("reduces the wrong axes of inputs that are not of four dims", None),
    ("onnx", "GridSample"): ("coordinates are float32", (el.F64,)),
    ("onnx", "ImageDecoder"): ("a file of one channel stays one channel, whatever pixel_format asks for", None),
    ("onnx", "LayerNormalization"): ("Mean and InvStdDev have the input's type; the schema says that of stash_type", None),
    ("onnx", "Gemm"): ("alpha and beta are floats, by which numpy makes doubles of 64-bit integers", (el.I64, el.U64)),
    ("onnx", "GRU"): ("ignores clip, sequence_lens and activations", None),
    ("onnx", "LSTM"): ("ignores clip, sequence_lens and activations", None),
    ("onnx", "RNN"): ("ignores clip, sequence_lens and activations", None),
    ("onnx", "LRN"): ("fills as many channels as there are batches", None),
    ("onnx", "LinearClassifier"): ("returns the type that numpy computes in; the schema says float", None),
    ("onnx", "LinearRegressor"): ("absent intercepts become NaN; coefficients take an integer input's type", None),
    ("onnx", "Loop"): ("joins stacked outputs by np.vstack, without a new axis", None),
    ("onnx", "LpNormalization"): ("p = 1 without absolute values; axis 0 is taken for the default", None),
    ("onnx", "Normalizer"): ("returns the input's type; the schema says float", None),
    ("onnx", "Optional"): ("wraps the value in a list", None),
    ("onnx", "Pad"): ("string and complex fill values", None),
    ("onnx", "QuantizeLinear"): ("quotients beyond 32 bits wrap; Ferry's saturate", (*el.NIBBLES, el.I8, el.U8, el.I16, el.U16)),
    ("onnx", "ReduceMean"): ("the sum wraps in the input's type; Ferry's mean lies among the elements", el.INTS),
    ("onnx", "ReduceSumSquare"): ("returns the type that numpy sums in", (el.U32, el.I32)),
    ("onnx", "Resize"): ("drops imaginary parts; double has the precision of float32; corners are aligned for the fractional length of a scale", None),
    ("onnx", "Scaler"): ("returns the input's type; the schema says float", None),
    ("onnx", "SequenceInsert"): ("the position behind the last element is taken for 0", None),
    ("onnx", "SVMClassifier"): ("returns the input's type; the schema says float", None),
    ("onnx", "SVMRegressor"): ("returns the input's type; the schema says float", None),
    ("onnx", "StringNormalizer"): ("removes accents, empty texts, and stopwords inside of texts", None),
    ("onnx", "TreeEnsemble"): ("MIN and MAX of a target without leaves is the largest number, not 0", None),
    ("onnx", "Trilu"): ("fills texts with the number 0", None),
    ("onnx", "GroupNormalization"): ("the first stage is float32; Ferry keeps double", (el.F64,)),
    ("onnxruntime", "CastMap"): ("writes six decimals; Ferry writes the shortest text that reads back, as Cast does", (el.STRING,)),
    ("onnxruntime", "GroupNormalization"): ("the first stage is float32; Ferry keeps double", (el.F64,)),
    ("onnxruntime", "StringSplit"): ("no piece of an empty text, whatever the delimiter; Ferry and NumPy: one empty piece", (el.STRING,)),
    ("onnxruntime", "ReduceSumSquare"): ("sums of int32 saturate; Ferry's wrap", (el.I32,)),
    ("onnx", "Pow"): ("integers beyond 32 bits go through float64; Ferry's wrap", (el.I32,)),
    ("onnxruntime", "Loop"): ("unknown dims of stacked outputs without a turn are 0", None),
    ("onnxruntime", "Normalizer"): ("MAX divides by the largest number, not by the largest magnitude", None),
}


def why(peer: str, node: onnx.NodeProto, shapes: list[tuple], element: int) -> str:
    """The reason, or an empty text; `shapes` are those of the node's inputs, `element` is the type of its first output."""
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    for concerns, text in _SOME.get((peer, node.op_type), ()):
        if concerns(attributes, shapes):
            return text
    text, types = _KNOWN.get((peer, node.op_type), ("", None))
    return text if text and (types is None or element in types) else ""
