# SPDX-License-Identifier: Apache-2.0
"""The names of onnxruntime, run by Ferry:

    import ferry.compat.onnxruntime as ort
    session = ort.InferenceSession("net.onnx")

Missing: training, quantization and transformers subpackages, sparse tensors, LoRA adapters, custom
operator libraries, devices other than the CPU. They raise, or the name does not exist.
"""

import enum
import warnings
from typing import Any

import ferry

from .options import ExecutionMode, ExecutionOrder, GraphOptimizationLevel, RunOptions, SessionOptions
from .session import PROVIDERS as _PROVIDERS
from .session import InferenceSession, ModelMetadata
from .values import IOBinding, NodeArg, OrtDevice, OrtValue

SessionIOBinding = IOBinding
__version__ = ferry.__version__
version = __version__
package_name = "ferry"
cuda_version = ""
has_collective_ops = False


class OrtAllocatorType(enum.IntEnum):
    INVALID = -1
    ORT_DEVICE_ALLOCATOR = 0
    ORT_ARENA_ALLOCATOR = 1


class OrtMemType(enum.IntEnum):
    CPU_INPUT = -2
    CPU_OUTPUT = -1
    DEFAULT = 0


class OrtMemoryInfo:
    def __init__(self, name: str, allocator_type: OrtAllocatorType, id: int, mem_type: OrtMemType):
        self.name, self.allocator_type, self.id, self.mem_type = name, allocator_type, id, mem_type


class OrtArenaCfg:
    """Settings of an arena; Ferry plans its memory and keeps them only."""

    def __init__(self, *args: Any, **kwargs: Any):
        self.args, self.kwargs = args, kwargs


def get_available_providers() -> list[str]:
    return list(_PROVIDERS)


def get_all_providers() -> list[str]:
    return list(_PROVIDERS)


def get_device() -> str:
    return "CPU"


def get_version_string() -> str:
    return __version__


def get_build_info() -> str:
    return f"Ferry {__version__}"


def get_ep_devices() -> list[Any]:
    return []


def set_default_logger_severity(severity: int) -> None:
    """Ferry prints nothing; accepted for scripts that silence onnxruntime."""


def set_default_logger_verbosity(verbosity: int) -> None:
    """See set_default_logger_severity."""


def set_seed(seed: int) -> None:
    warnings.warn("Ferry seeds random operators by the model and the count of runs; the seed is ignored",
                  stacklevel=2)


def set_global_thread_pool_sizes(intra_op_num_threads: int, inter_op_num_threads: int) -> None:
    warnings.warn("Ferry sizes one pool by the machine; use SessionOptions.intra_op_num_threads", stacklevel=2)


def create_and_register_allocator(memory_info: OrtMemoryInfo, arena_cfg: OrtArenaCfg | None) -> None:
    """Ferry plans its memory; accepted for scripts that share arenas."""


def create_and_register_allocator_v2(provider: str, memory_info: OrtMemoryInfo, options: dict,
                                     arena_cfg: OrtArenaCfg | None) -> None:
    """See create_and_register_allocator."""


def register_execution_provider_library(name: str, path: str) -> None:
    raise NotImplementedError("Ferry does not load execution providers")


def unregister_execution_provider_library(name: str) -> None:
    raise NotImplementedError("Ferry does not load execution providers")


def copy_tensors(src: list[OrtValue], dst: list[OrtValue], stream: Any = None) -> None:
    for source, target in zip(src, dst, strict=True):
        target.update_inplace(source.numpy())


def preload_dlls(*args: Any, **kwargs: Any) -> None:
    """Ferry has no libraries to load ahead."""


def disable_telemetry_events() -> None:
    """Ferry has no telemetry."""


def enable_telemetry_events() -> None:
    """Ferry has no telemetry."""


__all__ = [
    "ExecutionMode", "ExecutionOrder", "GraphOptimizationLevel", "IOBinding", "InferenceSession",
    "ModelMetadata", "NodeArg", "OrtAllocatorType", "OrtArenaCfg", "OrtDevice", "OrtMemType",
    "OrtMemoryInfo", "OrtValue", "RunOptions", "SessionIOBinding", "SessionOptions",
    "copy_tensors", "create_and_register_allocator", "create_and_register_allocator_v2",
    "disable_telemetry_events", "enable_telemetry_events", "get_all_providers",
    "get_available_providers", "get_build_info", "get_device", "get_ep_devices",
    "get_version_string", "preload_dlls", "register_execution_provider_library",
    "set_default_logger_severity", "set_default_logger_verbosity", "set_global_thread_pool_sizes",
    "set_seed", "unregister_execution_provider_library",
]
