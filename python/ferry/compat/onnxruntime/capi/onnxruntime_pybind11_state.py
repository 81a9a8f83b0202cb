# SPDX-License-Identifier: Apache-2.0
"""onnxruntime's exceptions under the module name that scripts import."""

from ..errors import (DeviceReset, EngineError, EPFail, Fail, InvalidArgument, InvalidGraph, InvalidProtobuf,
                      ModelLoadCanceled, ModelLoaded, ModelRequiresCompilation, NoModel, NoSuchFile, NotFound,
                      NotImplemented, RuntimeException)
from ..session import ModelMetadata
from ..values import NodeArg, OrtDevice

__all__ = [
    "DeviceReset", "EPFail", "EngineError", "Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf",
    "ModelLoadCanceled", "ModelLoaded", "ModelMetadata", "ModelRequiresCompilation", "NoModel",
    "NoSuchFile", "NodeArg", "NotFound", "NotImplemented", "OrtDevice", "RuntimeException",
]
