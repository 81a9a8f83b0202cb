# SPDX-License-Identifier: Apache-2.0
"""onnxruntime's exceptions, and which of them stands for each of Ferry's.

Their text starts with "[ONNXRuntimeError] : <code> : <NAME> : ", which scripts parse.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ferry


class OrtError(Exception):
    """Base of the exceptions below; onnxruntime itself has none."""

    code, label = 1, "FAIL"

    def __init__(self, message: str = ""):
        text = str(message)
        if not text.startswith("[ONNXRuntimeError]"):
            text = f"[ONNXRuntimeError] : {self.code} : {self.label} : {text}"
        super().__init__(text)


class Fail(OrtError):
    code, label = 1, "FAIL"


class InvalidArgument(OrtError):
    code, label = 2, "INVALID_ARGUMENT"


class NoSuchFile(OrtError):
    code, label = 3, "NO_SUCHFILE"


class NoModel(OrtError):
    code, label = 4, "NO_MODEL"


class EngineError(OrtError):
    code, label = 5, "ENGINE_ERROR"


class RuntimeException(OrtError):
    code, label = 6, "RUNTIME_EXCEPTION"


class InvalidProtobuf(OrtError):
    code, label = 7, "INVALID_PROTOBUF"


class ModelLoaded(OrtError):
    code, label = 8, "MODEL_LOADED"


class NotImplemented(OrtError):  # noqa: A001: onnxruntime's name
    code, label = 9, "NOT_IMPLEMENTED"


class InvalidGraph(OrtError):
    code, label = 10, "INVALID_GRAPH"


class EPFail(OrtError):
    code, label = 11, "EP_FAIL"


class ModelLoadCanceled(OrtError):
    code, label = 12, "MODEL_LOAD_CANCELED"


class ModelRequiresCompilation(OrtError):
    code, label = 13, "MODEL_REQUIRES_COMPILATION"


class NotFound(OrtError):
    code, label = 14, "NOT_FOUND"


class DeviceReset(OrtError):
    code, label = 15, "DEVICE_RESET"


_RUNNING = {
    ferry.InvalidArgument: InvalidArgument, ferry.ShapeMismatch: InvalidArgument,
    ferry.UnsupportedOp: NotImplemented, ferry.UnsupportedType: NotImplemented,
    ferry.OutOfMemory: RuntimeException, ferry.Internal: RuntimeException, ferry.DeviceError: EPFail,
}
_LOADING = _RUNNING | {
    ferry.InvalidModel: InvalidGraph, ferry.UnsupportedOp: InvalidGraph, ferry.ShapeMismatch: InvalidGraph,
    ferry.Cancelled: ModelLoadCanceled,
}


class refused_as:  # noqa: N801: reads as `with refused_as(TypeError):`
    """Raises what onnxruntime does about arguments of a wrong kind, in Ferry's words."""

    def __init__(self, kind: type[Exception]):
        self._kind = kind

    def __enter__(self) -> None:
        """Nothing to set up."""

    def __exit__(self, _: Any, error: BaseException | None, __: Any) -> None:
        if isinstance(error, ferry.InvalidArgument):
            raise self._kind(str(error)) from None


@contextmanager
def translated(loading: bool = False) -> Iterator[None]:
    """Raises onnxruntime's exceptions in place of Ferry's."""
    try:
        yield
    except ferry.Error as error:
        table = _LOADING if loading else _RUNNING
        raise table.get(type(error), Fail)(str(error)) from error
