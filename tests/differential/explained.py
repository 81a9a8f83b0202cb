# SPDX-License-Identifier: Apache-2.0
"""Disagreements with one peer, or among three, whose reason is known. What is not listed here is a defect to find."""

from . import elements as el

# By peer and operator: (why, element types of the first output that it concerns; None: any).
_KNOWN: dict[tuple[str, str], tuple[str, tuple[int, ...] | None]] = {
    ("onnx", "Adagrad"): ("returns the type of the learning rate, not of the tensors", None),
    ("onnx", "Adam"): ("returns the type of the learning rate, not of the tensors", None),
    ("onnx", "Momentum"): ("returns the type of the learning rate, not of the tensors", None),
    ("onnx", "AffineGrid"): ("computes and returns float32", None),
    ("onnx", "ConvTranspose"): ("outvoted by onnxruntime for float; the cause was not looked into", None),
    ("onnx", "Erf"): ("rounds through float32", (el.F64,)),
    ("onnx", "Gelu"): ("the constants are float32; Ferry's are double", (el.F64,)),
    ("onnxruntime", "Gelu"): ("the constants are float32; Ferry's are double", (el.F64,)),
    ("onnx", "GlobalMaxPool"): ("reduces the wrong axes of inputs that are not of four dims", None),
    ("onnx", "GridSample"): ("coordinates are float32", (el.F64,)),
    ("onnx", "GRU"): ("ignores clip, sequence_lens and activations", None),
    ("onnx", "LSTM"): ("ignores clip, sequence_lens and activations", None),
    ("onnx", "RNN"): ("ignores clip, sequence_lens and activations", None),
    ("onnx", "LRN"): ("fills as many channels as there are batches", None),
    ("onnx", "LinearRegressor"): ("absent intercepts become NaN; coefficients take an integer input's type", None),
    ("onnx", "Loop"): ("joins stacked outputs by np.vstack, without a new axis", None),
    ("onnx", "LpPool"): ("outvoted by onnxruntime for float; the cause was not looked into", None),
    ("onnx", "LpNormalization"): ("p = 1 without absolute values; axis 0 is taken for the default", None),
    ("onnx", "MaxPool"): ("outvoted by onnxruntime for float; the cause was not looked into", None),
    ("onnx", "Normalizer"): ("returns the input's type; the schema says float", None),
    ("onnx", "Optional"): ("wraps the value in a list", None),
    ("onnx", "Pad"): ("string and complex fill values", None),
    ("onnx", "Resize"): ("drops imaginary parts; double has the precision of float32", None),
    ("onnx", "Scaler"): ("returns the input's type; the schema says float", None),
    ("onnx", "SVMClassifier"): ("returns the input's type; the schema says float", None),
    ("onnx", "SVMRegressor"): ("returns the input's type; the schema says float", None),
    ("onnx", "StringNormalizer"): ("removes accents, empty texts, and stopwords inside of texts", None),
    ("onnx", "TreeEnsemble"): ("MIN and MAX of a target without leaves is the largest number, not 0", None),
    ("onnx", "Trilu"): ("fills texts with the number 0", None),
    ("onnx", "GroupNormalization"): ("the first stage is float32; Ferry keeps double", (el.F64,)),
    ("onnxruntime", "GroupNormalization"): ("the first stage is float32; Ferry keeps double", (el.F64,)),
    ("onnxruntime", "Loop"): ("unknown dims of stacked outputs without a turn are 0", None),
    ("onnxruntime", "Normalizer"): ("MAX divides by the largest number, not by the largest magnitude", None),
}


def why(peer: str, op: str, element: int) -> str:
    """The reason, or an empty text."""
    text, types = _KNOWN.get((peer, op), ("", None))
    return text if text and (types is None or element in types) else ""
