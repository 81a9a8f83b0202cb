# SPDX-License-Identifier: Apache-2.0
"""NumPy's dtype of each element type of ONNX.

Types that NumPy lacks are those of ml_dtypes where it is installed. Without it they are integers:
bfloat16 is uint16 and an 8-bit float uint8 (the bits); int4 and int2 are int8, uint4 and uint2 uint8
(the values, one element a byte); float4 is uint8 (the bits). Inputs may use either form at any time.
"""

import numpy as np

# By the number of ONNX's TensorProto.DataType: name of Ferry, NumPy or ml_dtypes, and the integer.
_TABLE = [
    ("undefined", None, None), ("f32", "float32", None), ("u8", "uint8", None), ("i8", "int8", None),
    ("u16", "uint16", None), ("i16", "int16", None), ("i32", "int32", None), ("i64", "int64", None),
    ("str", "object", None), ("bool", "bool", None), ("f16", "float16", None),
    ("f64", "float64", None), ("u32", "uint32", None), ("u64", "uint64", None),
    ("c64", "complex64", None), ("c128", "complex128", None), ("bf16", "bfloat16", "uint16"),
    ("f8e4m3fn", "float8_e4m3fn", "uint8"), ("f8e4m3fnuz", "float8_e4m3fnuz", "uint8"),
    ("f8e5m2", "float8_e5m2", "uint8"), ("f8e5m2fnuz", "float8_e5m2fnuz", "uint8"),
    ("u4", "uint4", "uint8"), ("i4", "int4", "int8"), ("f4e2m1", "float4_e2m1fn", "uint8"),
    ("f8e8m0", "float8_e8m0fnu", "uint8"), ("u2", "uint2", "uint8"), ("i2", "int2", "int8"),
]


def _dtypes() -> list[np.dtype | None]:
    try:
        import ml_dtypes
    except ImportError:
        ml_dtypes = None
    dtypes: list[np.dtype | None] = []
    for _, name, integer in _TABLE:
        if integer is not None and not hasattr(ml_dtypes, name):
            name = integer
        if name is None:
            dtypes.append(None)
        elif integer is not None and name != integer:
            dtypes.append(np.dtype(getattr(ml_dtypes, name)))
        else:
            dtypes.append(np.dtype(name))
    return dtypes


DTYPES = _dtypes()
