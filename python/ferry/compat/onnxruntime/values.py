# SPDX-License-Identifier: Apache-2.0
"""NodeArg, OrtValue, OrtDevice and IOBinding over NumPy arrays."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

import ferry
from ferry import arguments as given
from ferry.types import DTYPES

from .errors import InvalidArgument, refused_as

# onnxruntime's element names by the number of ONNX's TensorProto.DataType.
ELEMENTS = [
    "undefined", "float", "uint8", "int8", "uint16", "int16", "int32", "int64", "string", "bool",
    "float16", "double", "uint32", "uint64", "complex64", "complex128", "bfloat16", "float8e4m3fn",
    "float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz", "uint4", "int4", "float4e2m1", "float8e8m0",
    "uint2", "int2",
]
# Ferry's names in the same order.
_FERRY = [
    "", "f32", "u8", "i8", "u16", "i16", "i32", "i64", "str", "bool", "f16", "f64", "u32", "u64", "c64",
    "c128", "bf16", "f8e4m3fn", "f8e4m3fnuz", "f8e5m2", "f8e5m2fnuz", "u4", "i4", "f4e2m1", "f8e8m0",
    "u2", "i2",
]


def element_of(dtype: np.dtype) -> int:
    """The ONNX number of an array's element type; text of any kind is a string tensor."""
    dtype = np.dtype(dtype).newbyteorder("=")
    if dtype.kind in "OUST":
        return 8
    for number, known in enumerate(DTYPES):
        if known is not None and known == dtype:
            return number
    raise InvalidArgument(f"no ONNX element type for arrays of {dtype}")


def type_text(ferry_type: str) -> str:
    """'f32[N,3]' as 'tensor(float)', 'seq(i64[...])' as 'seq(tensor(int64))'."""
    for outer in ("seq", "optional"):
        if ferry_type.startswith(outer + "("):
            return f"{outer}({type_text(ferry_type[len(outer) + 1:-1])})"
    if ferry_type.startswith("map("):
        key, value = ferry_type[4:-1].split(",", 1)
        return f"map({ELEMENTS[_FERRY.index(key)]},{type_text(value)})"
    element = ferry_type.split("[", 1)[0]
    return f"tensor({ELEMENTS[_FERRY.index(element)]})" if element in _FERRY else ferry_type


def nameless(inputs: Sequence[ferry.ValueInfo]) -> set[str]:
    """The names that Ferry made for nameless dimensions of inputs: 'x_d0' for axis 0 of 'x'."""
    return {f"{info.name}_d{axis}" for info in inputs for axis in range(len(info.shape or ()))}


class NodeArg:
    """An input or output: name, type ("tensor(float)"), shape (int, symbol or None a dimension)."""

    def __init__(self, info: ferry.ValueInfo, made: set[str] = frozenset()):
        self.name = info.name
        self.type = type_text(info.type)
        # '%n.0' is an axis that only a run decides.
        self.shape = [None if d in made or str(d).startswith("%") else d for d in info.shape or ()]

    def __repr__(self) -> str:
        return f"NodeArg(name='{self.name}', type='{self.type}', shape={self.shape})"


class OrtDevice:
    """A place where values live. Ferry has one: the CPU."""

    def __init__(self, device_type: str | int = "cpu", device_id: int = 0):
        self._type, self._id = device_type, device_id

    @staticmethod
    def make(device_type: str, device_id: int, vendor_id: int = -1) -> "OrtDevice":
        check_device(device_type)
        return OrtDevice(device_type, device_id)

    def device_type(self) -> str | int:
        return self._type

    def device_id(self) -> int:
        return self._id

    @staticmethod
    def cpu() -> int:
        return 0

    @staticmethod
    def default_memory() -> int:
        return 0


def check_device(device_type: str) -> None:
    if str(device_type).lower() not in ("cpu", "0"):
        raise RuntimeError(f"Ferry runs on the CPU; the device '{device_type}' is not available")


class OrtValue:
    """A tensor, sequence, map or nothing. A tensor shares the memory of the array that it is made of."""

    def __init__(self, value: Any):
        self._value = value._value if isinstance(value, OrtValue) else value

    @staticmethod
    def ortvalue_from_numpy(numpy_obj: np.ndarray, /, device_type: str = "cpu", device_id: int = 0,
                            vendor_id: int = -1) -> "OrtValue":
        check_device(device_type)
        return OrtValue(np.ascontiguousarray(numpy_obj) if np.ndim(numpy_obj) else np.asarray(numpy_obj))

    @staticmethod
    def ortvalue_from_numpy_with_onnx_type(data: np.ndarray, onnx_element_type: int) -> "OrtValue":
        with refused_as(TypeError):
            dtype = dtype_from(given.any_int("onnx_element_type", onnx_element_type))
        array = np.ascontiguousarray(data)
        if dtype.itemsize == array.dtype.itemsize:
            array = array.view(dtype)
        return OrtValue(array)

    @staticmethod
    def ortvalue_from_shape_and_type(shape: Sequence[int], element_type: Any, device_type: str = "cpu",
                                     device_id: int = 0, vendor_id: int = -1,
                                     memory_info: Any = None) -> "OrtValue":
        check_device(device_type)
        return OrtValue(np.empty(shape_from(shape), dtype_from(element_type)))

    @staticmethod
    def ort_value_from_sparse_tensor(sparse_tensor: Any) -> "OrtValue":
        raise NotImplementedError("Ferry does not have sparse tensors")

    @staticmethod
    def from_dlpack(data: Any, is_bool_tensor: bool = False) -> "OrtValue":
        array = np.from_dlpack(data)
        return OrtValue(array.view(np.bool_) if is_bool_tensor else array)

    def _tensor(self) -> np.ndarray:
        if not self.is_tensor():
            raise RuntimeError("this OrtValue is not a tensor")
        return self._value

    def numpy(self) -> np.ndarray:
        return self._tensor()

    def shape(self) -> list[int]:
        return list(self._tensor().shape)

    def element_type(self) -> int:
        return element_of(self._tensor().dtype)

    def data_type(self) -> str:
        if self.is_tensor():
            return f"tensor({ELEMENTS[self.element_type()]})"
        if self.is_tensor_sequence():
            inner = OrtValue(self._value[0]).data_type() if self._value else "tensor(float)"
            return f"seq({inner})"
        return "undefined"

    def device_name(self) -> str:
        return "cpu"

    def data_ptr(self) -> int:
        return self._tensor().ctypes.data

    def tensor_size_in_bytes(self) -> int:
        return self._tensor().nbytes

    def has_value(self) -> bool:
        return self._value is not None

    def is_tensor(self) -> bool:
        return isinstance(self._value, np.ndarray)

    def is_sparse_tensor(self) -> bool:
        return False

    def is_tensor_sequence(self) -> bool:
        return isinstance(self._value, list)

    def as_sparse_tensor(self) -> Any:
        raise NotImplementedError("Ferry does not have sparse tensors")

    def update_inplace(self, np_arr: np.ndarray) -> None:
        target, source = self._tensor(), np.asarray(np_arr)
        if source.shape != target.shape or source.dtype != target.dtype:
            raise RuntimeError(f"wanted an array of {target.dtype}{list(target.shape)}, "
                               f"got {source.dtype}{list(source.shape)}")
        np.copyto(target, source)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self._tensor(), dtype=dtype, copy=copy)

    def __dlpack__(self, **kwargs: Any) -> Any:
        return self._tensor().__dlpack__(**kwargs)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self._tensor().__dlpack_device__()


def dtype_from(element_type: Any) -> np.dtype:
    """A NumPy dtype from what scripts pass: a NumPy type or an ONNX number."""
    if isinstance(element_type, (int, np.integer)):
        dtype = DTYPES[element_type] if 0 <= element_type < len(DTYPES) else None
        if dtype is None:
            raise RuntimeError(f"no element type has the number {element_type}")
        return dtype
    try:
        return np.dtype(element_type)
    except (TypeError, ValueError, SyntaxError):
        with refused_as(TypeError):
            given.refuse("element_type", element_type, "a NumPy type or the number of an ONNX type")


def shape_from(shape: Any) -> tuple[int, ...]:
    with refused_as(TypeError):
        return tuple(given.sizes("shape", shape))


def array_at(pointer: int, element_type: Any, shape: Sequence[int]) -> np.ndarray:
    """A view of memory that the caller keeps alive."""
    import ctypes
    dtype, shape = dtype_from(element_type), shape_from(shape)
    with refused_as(TypeError):
        pointer = given.size("buffer_ptr", pointer)
    count = math.prod(shape)
    if count == 0:
        return np.empty(shape, dtype)
    memory = (ctypes.c_byte * (count * dtype.itemsize)).from_address(pointer)
    return np.frombuffer(memory, np.uint8).view(dtype).reshape(shape)


class IOBinding:
    """Inputs and outputs of later runs. A bound output array is written in place."""

    def __init__(self, session: Any):
        self._session = session
        self.clear_binding_inputs()
        self.clear_binding_outputs()

    def clear_binding_inputs(self) -> None:
        self._inputs: dict[str, Any] = {}

    def clear_binding_outputs(self) -> None:
        self._outputs: dict[str, np.ndarray | None] = {}
        self._results: list[Any] = []

    def bind_cpu_input(self, name: str, arr_on_cpu: np.ndarray) -> None:
        self._session._check_input_name(name)
        self._inputs[name] = arr_on_cpu

    def bind_input(self, name: str, device_type: str, device_id: int, element_type: Any,
                   shape: Sequence[int], buffer_ptr: int) -> None:
        check_device(device_type)
        self.bind_cpu_input(name, array_at(buffer_ptr, element_type, shape))

    def bind_ortvalue_input(self, name: str, ortvalue: OrtValue) -> None:
        with refused_as(TypeError):
            given.instance("ortvalue", ortvalue, OrtValue, "an OrtValue")
        self.bind_cpu_input(name, ortvalue._value)

    def bind_output(self, name: str, device_type: str = "cpu", device_id: int = 0,
                    element_type: Any = None, shape: Sequence[int] | None = None,
                    buffer_ptr: int | None = None) -> None:
        check_device(device_type)
        self._session._check_output_name(name)
        if buffer_ptr is None:
            self._outputs[name] = None
        elif element_type is None or shape is None:
            raise ValueError("`element_type` and `shape` are to be provided if pre-allocated memory is provided")
        else:
            self._outputs[name] = array_at(buffer_ptr, element_type, shape)

    def bind_ortvalue_output(self, name: str, ortvalue: OrtValue) -> None:
        self._session._check_output_name(name)
        with refused_as(TypeError):
            given.instance("ortvalue", ortvalue, OrtValue, "an OrtValue")
        self._outputs[name] = ortvalue.numpy()

    def synchronize_inputs(self) -> None:
        """Nothing to wait for on the CPU."""

    def synchronize_outputs(self) -> None:
        """Nothing to wait for on the CPU."""

    def get_outputs(self) -> list[OrtValue]:
        return [OrtValue(value) for value in self._results]

    def get_outputs_as_ortvaluevector(self) -> list[OrtValue]:
        return self.get_outputs()

    def copy_outputs_to_cpu(self) -> list[Any]:
        return list(self._results)
