# SPDX-License-Identifier: Apache-2.0
"""SessionOptions and RunOptions. What Ferry has no use for is kept and, where it would have changed
results or speed, answered with a warning."""

import enum
import warnings
from typing import Any

import ferry


class GraphOptimizationLevel(enum.IntEnum):
    ORT_DISABLE_ALL = 0
    ORT_ENABLE_BASIC = 1
    ORT_ENABLE_EXTENDED = 2
    ORT_ENABLE_LAYOUT = 3
    ORT_ENABLE_ALL = 99


class ExecutionMode(enum.IntEnum):
    ORT_SEQUENTIAL = 0
    ORT_PARALLEL = 1


class ExecutionOrder(enum.IntEnum):
    DEFAULT = 0
    PRIORITY_BASED = 1
    MEMORY_EFFICIENT = 2


# Configuration keys that tune what Ferry does by itself: accepted in silence.
_KNOWN_KEYS = {
    "session.intra_op.allow_spinning", "session.inter_op.allow_spinning", "session.set_denormal_as_zero",
    "session.use_env_allocators", "session.disable_prepacking", "session.load_model_format",
    "session.use_ort_model_bytes_directly", "session.dynamic_block_base",
    "session.force_spinning_stop", "session.intra_op_thread_affinities", "ferry.cache",
}


class SessionOptions:
    """Honoured: intra_op_num_threads, graph_optimization_level and the configuration key "ferry.cache",
    the folder of the program cache. The other attributes are kept; one that onnxruntime lacks is an error."""

    __slots__ = (
        "_entries", "_load_cancelled", "enable_cpu_mem_arena", "enable_mem_pattern", "enable_mem_reuse",
        "enable_profiling", "execution_mode", "execution_order", "graph_optimization_level", "inter_op_num_threads",
        "intra_op_num_threads", "log_severity_level", "log_verbosity_level", "logid", "optimized_model_filepath",
        "profile_file_prefix", "use_deterministic_compute", "use_per_session_threads")

    def __init__(self) -> None:
        self.enable_cpu_mem_arena = True
        self.enable_mem_pattern = True
        self.enable_mem_reuse = True
        self.enable_profiling = False
        self.execution_mode = ExecutionMode.ORT_SEQUENTIAL
        self.execution_order = ExecutionOrder.DEFAULT
        self.graph_optimization_level = GraphOptimizationLevel.ORT_ENABLE_ALL
        self.inter_op_num_threads = 0
        self.intra_op_num_threads = 0
        self.log_severity_level = -1
        self.log_verbosity_level = 0
        self.logid = ""
        self.optimized_model_filepath = ""
        self.profile_file_prefix = "onnxruntime_profile_"
        self.use_deterministic_compute = False
        self.use_per_session_threads = True
        self._load_cancelled = False
        self._entries: dict[str, str] = {}

    def add_session_config_entry(self, key: str, value: str) -> None:
        if key not in _KNOWN_KEYS:
            warnings.warn(f"Ferry does not know the session configuration key '{key}'", stacklevel=2)
        self._entries[key] = str(value)

    def get_session_config_entry(self, key: str) -> str:
        if key not in self._entries:
            raise RuntimeError(f"SessionOptions does not have configuration with key: {key}")
        return self._entries[key]

    def _ignored(self, what: str) -> None:
        warnings.warn(f"Ferry does not have SessionOptions.{what}; it is ignored", stacklevel=3)

    def _refused(self, what: str) -> None:
        raise NotImplementedError(f"Ferry does not have SessionOptions.{what}")

    def add_free_dimension_override_by_name(self, name: str, size: int) -> None:
        self._ignored("add_free_dimension_override_by_name")

    def add_free_dimension_override_by_denotation(self, denotation: str, size: int) -> None:
        self._ignored("add_free_dimension_override_by_denotation")

    def add_provider(self, name: str, options: dict[str, str] | None = None) -> None:
        self._ignored("add_provider")

    def add_provider_for_devices(self, devices: Any, options: dict[str, str] | None = None) -> None:
        self._ignored("add_provider_for_devices")

    def has_providers(self) -> bool:
        return False

    def set_provider_selection_policy(self, policy: Any) -> None:
        self._ignored("set_provider_selection_policy")

    def set_provider_selection_policy_delegate(self, delegate: Any) -> None:
        self._ignored("set_provider_selection_policy_delegate")

    def set_load_cancellation_flag(self, flag: bool) -> None:
        self._load_cancelled = bool(flag)

    def add_initializer(self, name: str, value: Any) -> None:
        self._refused("add_initializer")

    def add_external_initializers(self, names: Any, values: Any) -> None:
        self._refused("add_external_initializers")

    def add_external_initializers_from_files_in_memory(self, *args: Any) -> None:
        self._refused("add_external_initializers_from_files_in_memory")

    def register_custom_ops_library(self, path: str) -> None:
        self._refused("register_custom_ops_library")


class RunOptions:
    """Honoured: terminate, also when another thread sets it during a run."""

    __slots__ = ("_cancel", "_entries", "log_severity_level", "log_verbosity_level", "logid",
                 "only_execute_path_to_fetches", "training_mode")

    def __init__(self) -> None:
        self.log_severity_level = -1
        self.log_verbosity_level = 0
        self.logid = ""
        self.only_execute_path_to_fetches = False
        self.training_mode = False
        self._cancel = ferry.Cancel()
        self._entries: dict[str, str] = {}

    @property
    def terminate(self) -> bool:
        return self._cancel.is_set()

    @terminate.setter
    def terminate(self, on: bool) -> None:
        self._cancel.set(bool(on))

    def add_run_config_entry(self, key: str, value: str) -> None:
        self._entries[key] = str(value)

    def get_run_config_entry(self, key: str) -> str:
        if key not in self._entries:
            raise RuntimeError(f"RunOptions does not have configuration with key: {key}")
        return self._entries[key]

    def add_active_adapter(self, adapter: Any) -> None:
        raise NotImplementedError("Ferry does not have LoRA adapters")
