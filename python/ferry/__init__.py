# SPDX-License-Identifier: Apache-2.0
"""Ferry runs ONNX models.

    session = ferry.Session("net.onnx")
    outputs = session.run({"image": pixels})   # NumPy arrays by name

ferry.compat.onnxruntime has the names of onnxruntime; ferry.backend is a backend of the onnx package.
"""

from . import _native
from .errors import (Cancelled, DeadlineExceeded, DeviceError, Error, Internal, InvalidArgument,
                     InvalidModel, IoError, LimitExceeded, OutOfMemory, ShapeMismatch, UnsupportedOp,
                     UnsupportedType)
from .types import DTYPES as _DTYPES

_native.set_dtypes(_DTYPES)

from ._native import Cancel, ModelMetadata, Pass, SessionReport, Step, ValueInfo  # noqa: E402
from .pictures import Picture, decode_picture, read_picture, write_picture  # noqa: E402
from .session import Model, Session  # noqa: E402

__version__ = _native.version()

__all__ = [
    "Cancel", "Cancelled", "DeadlineExceeded", "DeviceError", "Error", "Internal", "InvalidArgument",
    "InvalidModel", "IoError", "LimitExceeded", "Model", "ModelMetadata", "OutOfMemory", "Pass", "Picture",
    "Session", "SessionReport", "ShapeMismatch", "Step", "UnsupportedOp", "UnsupportedType", "ValueInfo",
    "__version__", "decode_picture", "read_picture", "write_picture",
]
