# SPDX-License-Identifier: Apache-2.0
"""Element types: their NumPy dtypes, rounding units, and which of them an operator allows."""

import functools

import ml_dtypes
import numpy as np
import onnx
from onnx import TensorProto as P
from onnx import helper

F16, F32, F64, BF16 = P.FLOAT16, P.FLOAT, P.DOUBLE, P.BFLOAT16
I8, I16, I32, I64 = P.INT8, P.INT16, P.INT32, P.INT64
U8, U16, U32, U64 = P.UINT8, P.UINT16, P.UINT32, P.UINT64
BOOL, STRING = P.BOOL, P.STRING

FLOATS = (F32, F64, F16, BF16)
SIGNED = (I8, I16, I32, I64)
UNSIGNED = (U8, U16, U32, U64)
INTS = SIGNED + UNSIGNED
COMPLEX = (P.COMPLEX64, P.COMPLEX128)
TINY_FLOATS = (P.FLOAT8E4M3FN, P.FLOAT8E4M3FNUZ, P.FLOAT8E5M2, P.FLOAT8E5M2FNUZ, P.FLOAT4E2M1, P.FLOAT8E8M0)
NIBBLES = (P.INT4, P.UINT4, P.INT2, P.UINT2)
ALL = FLOATS + INTS + (BOOL, STRING) + COMPLEX + TINY_FLOATS + NIBBLES

# Half the distance between 1 and the next number: the largest relative error of one rounding.
UNIT = {F16: 2.0**-11, BF16: 2.0**-8, F32: 2.0**-24, F64: 2.0**-53, P.COMPLEX64: 2.0**-24, P.COMPLEX128: 2.0**-53}
# Largest magnitude that a graph may carry, far from where the type overflows.
LARGEST = {F16: 2000.0, BF16: 1e6, F32: 1e6, F64: 1e8, P.COMPLEX64: 1e6, P.COMPLEX128: 1e8}


def dtype(element: int) -> np.dtype:
    return np.dtype(object) if element == STRING else np.dtype(helper.tensor_dtype_to_np_dtype(element))


def is_float(element: int) -> bool:
    return element in FLOATS


def name(element: int) -> str:
    return P.DataType.Name(element).lower()


_ELEMENT_OF_TEXT = {f"tensor({helper.tensor_dtype_to_string(e).removeprefix('TensorProto.').lower()})": e for e in ALL}


@functools.cache
def schema(op: str, domain: str = "", opset: int = 10**6) -> onnx.defs.OpSchema:
    return onnx.defs.get_schema(op, min(opset, newest_opset(domain)), domain)


@functools.cache
def newest_opset(domain: str = "") -> int:
    return max(s.since_version for s in onnx.defs.get_all_schemas_with_history() if s.domain == domain)


@functools.cache
def allowed(op: str, variable: str, domain: str = "", opset: int = 10**6) -> tuple[int, ...]:
    """Element types of tensors that a type variable (or a spelled-out type) of an operator may stand for."""
    texts: list[str] = [variable]
    for constraint in schema(op, domain, opset).type_constraints:
        if constraint.type_param_str == variable:
            texts = list(constraint.allowed_type_strs)
    return tuple(_ELEMENT_OF_TEXT[t] for t in texts if t in _ELEMENT_OF_TEXT)


def of_text(text: str) -> int:
    """The element type of 'tensor(float)' and the like; 0 for what is no tensor."""
    return _ELEMENT_OF_TEXT.get(text, 0)


def text_of(element: int) -> str:
    return next(t for t, e in _ELEMENT_OF_TEXT.items() if e == element)


def as_array(values, element: int) -> np.ndarray:
    """An array of the type; values are taken into its range first where it is narrow."""
    array = np.asarray(values)
    if element == STRING:
        return array.astype(object)
    if element == BOOL:
        return array.astype(bool)
    if element in NIBBLES:
        low, high = {P.INT4: (-8, 7), P.UINT4: (0, 15), P.INT2: (-2, 1), P.UINT2: (0, 3)}[element]
        return np.clip(np.rint(array.astype(np.float64)), low, high).astype(np.int8).astype(dtype(element))
    if element in INTS:
        if array.dtype.kind not in "iub":
            array = np.rint(array.astype(np.float64)).astype(np.int64)
        info = np.iinfo(dtype(element))
        if array.dtype.kind == "i":
            array = np.clip(array, max(info.min, -(2**62)), min(info.max, 2**62))
        return array.astype(dtype(element))
    if element == P.FLOAT8E8M0:
        powers = np.exp2(np.clip(np.rint(array.astype(np.float64)), -6, 6))
        return powers.astype(np.float32).astype(ml_dtypes.float8_e8m0fnu)
    if element in TINY_FLOATS:
        return array.astype(np.float32).astype(dtype(element))
    return array.astype(dtype(element))
