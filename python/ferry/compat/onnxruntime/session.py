# SPDX-License-Identifier: Apache-2.0
"""InferenceSession over ferry.Session."""

import concurrent.futures
import os
import threading
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

import ferry
from ferry import arguments as given

from .errors import Fail, InvalidArgument, InvalidGraph, InvalidProtobuf, NoSuchFile, refused_as, translated
from .options import GraphOptimizationLevel, RunOptions, SessionOptions
from .values import ELEMENTS, IOBinding, NodeArg, OrtValue, element_of, nameless, type_text

PROVIDERS = ["CPUExecutionProvider"]


class ModelMetadata:
    """What a model file says about itself."""

    def __init__(self, metadata: ferry.ModelMetadata):
        self.producer_name = metadata.producer_name
        self.graph_name = metadata.graph_name
        self.domain = metadata.domain
        self.description = metadata.doc
        self.graph_description = ""
        self.version = metadata.model_version
        self.custom_metadata_map = dict(metadata.properties)


class InferenceSession:
    """onnxruntime's session, run by Ferry on the CPU.

    Other providers than CPUExecutionProvider are passed over with a warning, as onnxruntime does.
    Pickled as the path or the bytes, and the options.
    """

    def __init__(self, path_or_bytes: str | bytes | os.PathLike[str],
                 sess_options: SessionOptions | None = None,
                 providers: Sequence[str | tuple[str, dict]] | None = None,
                 provider_options: Sequence[dict] | None = None, **kwargs: Any):
        if not isinstance(path_or_bytes, (str, bytes, os.PathLike)):
            raise TypeError(f"Unable to load from type '{type(path_or_bytes)}'")
        self._source = path_or_bytes if isinstance(path_or_bytes, bytes) else os.fsdecode(path_or_bytes)
        self._sess_options = sess_options
        _check_providers(providers, provider_options)
        options = SessionOptions() if sess_options is None else sess_options
        with refused_as(TypeError):
            given.instance("sess_options", options, SessionOptions, "a SessionOptions")
            level = given.any_int("graph_optimization_level", options.graph_optimization_level)
            threads = given.any_int("intra_op_num_threads", options.intra_op_num_threads)
        self._session = _open(self._source, threads=max(0, threads),
                              optimize=level != GraphOptimizationLevel.ORT_DISABLE_ALL,
                              cache=options._entries.get("ferry.cache"))
        infos = self._session.inputs
        made = nameless(infos)
        self._inputs = [NodeArg(info, made) for info in infos if not info.optional]
        self._overridable = [NodeArg(info, made) for info in infos if info.optional]
        self._outputs = [NodeArg(info, made) for info in self._session.outputs]
        self._types = {info.name: info for info in infos}
        self._required = [arg.name for arg in self._inputs if not arg.type.startswith("optional(")]
        self._output_names = [arg.name for arg in self._outputs]
        self._started = time.time_ns()
        self._pool: concurrent.futures.ThreadPoolExecutor | None = None
        self._pool_lock = threading.Lock()

    def __reduce__(self):
        return _restore, (self._source, self._sess_options)

    # Descriptions

    def get_inputs(self) -> list[NodeArg]:
        return list(self._inputs)

    def get_outputs(self) -> list[NodeArg]:
        return list(self._outputs)

    def get_overridable_initializers(self) -> list[NodeArg]:
        return list(self._overridable)

    def get_modelmeta(self) -> ModelMetadata:
        return ModelMetadata(self._session.metadata)

    def get_session_options(self) -> SessionOptions:
        return self._sess_options or SessionOptions()

    def get_providers(self) -> list[str]:
        return list(PROVIDERS)

    def get_provider_options(self) -> dict[str, dict[str, str]]:
        return {name: {} for name in PROVIDERS}

    def set_providers(self, providers: Sequence[str | tuple[str, dict]] | None = None,
                      provider_options: Sequence[dict] | None = None) -> None:
        _check_providers(providers, provider_options)

    def get_input_memory_infos(self) -> list[Any]:
        return [None] * len(self._inputs)

    def get_output_memory_infos(self) -> list[Any]:
        return [None] * len(self._outputs)

    def get_input_epdevices(self) -> list[Any]:
        return [None] * len(self._inputs)

    def get_provider_graph_assignment_info(self) -> list[Any]:
        return []

    # Running

    def run(self, output_names: Sequence[str] | None, input_feed: Mapping[str, Any],
            run_options: RunOptions | None = None) -> list[Any]:
        self._check_feed(input_feed, run_options)
        names = self._names(output_names)
        results = self._compute(input_feed, names, run_options)
        return [results[name] for name in names]

    def run_async(self, output_names: Sequence[str] | None, input_feed: Mapping[str, Any],
                  callback: Callable[[Any, Any, str], None], user_data: Any,
                  run_options: RunOptions | None = None) -> None:
        self._check_feed(input_feed, run_options)
        with refused_as(TypeError):
            given.instance("callback", callback, Callable, "a function of results, user data and an error")
        with self._pool_lock:
            if self._pool is None:
                self._pool = concurrent.futures.ThreadPoolExecutor(2, "ferry_run_async")

        def work() -> None:
            try:
                results, error = self.run(output_names, input_feed, run_options), ""
            except Exception as failure:  # noqa: BLE001: the callback is told
                results, error = [], str(failure)
            callback(results, user_data, error)

        self._pool.submit(work)

    def run_with_ort_values(self, output_names: Sequence[str] | None, input_dict_ort_values: Mapping[str, OrtValue],
                            run_options: RunOptions | None = None) -> list[OrtValue]:
        with refused_as(TypeError):
            given.instance("input_dict_ort_values", input_dict_ort_values, Mapping, "a dict by name")
            for name, value in input_dict_ort_values.items():
                given.instance(f"input_dict_ort_values[{name!r}]", value, OrtValue, "an OrtValue")
        feed = {name: value._value for name, value in input_dict_ort_values.items()}
        return [OrtValue(value) for value in self.run(output_names, feed, run_options)]

    def run_with_ortvaluevector(self, run_options: RunOptions | None, feed_names: Sequence[str],
                                feeds: Sequence[OrtValue], fetch_names: Sequence[str], fetches: list[OrtValue],
                                fetch_devices: Any = None) -> None:
        with refused_as(TypeError):
            feed_names = given.names("feed_names", feed_names)
            given.instance("feeds", feeds, Sequence, "a list of OrtValues")
            given.instance("fetches", fetches, list, "a list")
        fetches[:] = self.run_with_ort_values(fetch_names, dict(zip(feed_names, feeds)), run_options)

    def io_binding(self) -> IOBinding:
        return IOBinding(self)

    def run_with_iobinding(self, iobinding: IOBinding, run_options: RunOptions | None = None) -> None:
        with refused_as(TypeError):
            given.instance("iobinding", iobinding, IOBinding, "an IOBinding")
        self._check_feed(iobinding._inputs, run_options)
        names = list(iobinding._outputs)
        out = {name: array for name, array in iobinding._outputs.items() if array is not None}
        results = self._compute(iobinding._inputs, names, run_options, out)
        iobinding._results = [results[name] for name in names]

    def create_ortvalue_from_shape_and_type(self, shape: Sequence[int], element_type: Any,
                                            *args: Any) -> OrtValue:
        return OrtValue.ortvalue_from_shape_and_type(shape, element_type)

    # Kept for scripts that call them

    def disable_fallback(self) -> None:
        """Ferry never changes the device."""

    def enable_fallback(self) -> None:
        """Ferry never changes the device."""

    def end_profiling(self) -> str:
        warnings.warn("Ferry writes no profile file; see ferry.Session.profile", stacklevel=2)
        return ""

    def get_profiling_start_time_ns(self) -> int:
        return self._started

    def set_ep_dynamic_options(self, options: Mapping[str, str]) -> None:
        warnings.warn("Ferry has no dynamic provider options; they are ignored", stacklevel=2)

    def get_tuning_results(self) -> list[Any]:
        return []

    def set_tuning_results(self, results: Any, *, error_on_invalid: bool = False) -> None:
        warnings.warn("Ferry has no tuning results; they are ignored", stacklevel=2)

    # Checks

    def _check_feed(self, feed: Mapping[str, Any], run_options: RunOptions | None) -> None:
        if not isinstance(feed, (dict, Mapping)):
            with refused_as(AttributeError):
                given.refuse("input_feed", feed, "a dict of arrays by name")
        if run_options is not None:
            with refused_as(TypeError):
                given.instance("run_options", run_options, RunOptions, "a RunOptions")
        missing = [name for name in self._required if name not in feed]
        if missing:
            raise ValueError(f"Required inputs ({missing}) are missing from input feed ({list(feed)}).")

    def _check_input_name(self, name: str) -> None:
        if not isinstance(name, str) or name not in self._types:
            raise InvalidArgument(f"Invalid input name: {name}")

    def _check_output_name(self, name: str) -> None:
        if name not in self._output_names:
            raise InvalidArgument(f"Invalid output name:{name}")

    def _names(self, names: Sequence[str] | None) -> list[str]:
        if names is None:
            return self._output_names
        with refused_as(TypeError):
            names = given.names("output_names", names)
        for name in names:
            self._check_output_name(name)
        return names or self._output_names

    def _check_type(self, name: str, value: Any) -> None:
        info = self._types[name]
        array = getattr(value, "dtype", None) is not None and isinstance(value, (np.ndarray, np.generic))
        if not array or not info.is_tensor:
            return
        actual, wanted = element_of(value.dtype), info.onnx_type
        # Integers of the same size may carry the bits of types that NumPy lacks.
        carried = wanted > 15 and actual in (2, 3, 4)
        if actual != wanted and not carried:
            raise InvalidArgument(f"Unexpected input data type. Actual: (tensor({ELEMENTS[actual]})) , "
                                  f"expected: ({type_text(info.type)})")

    def _compute(self, feed: Mapping[str, Any], names: Sequence[str], run_options: RunOptions | None,
                 out: Mapping[str, np.ndarray] | None = None) -> dict[str, Any]:
        values = {}
        for name, value in feed.items():
            self._check_input_name(name)
            value = value._value if isinstance(value, OrtValue) else value
            self._check_type(name, value)
            values[name] = value
        cancel = run_options._cancel if run_options is not None else None
        try:
            with translated():
                return self._session.run(values, list(dict.fromkeys(names)), out=out, cancel=cancel)
        except Fail as error:
            if isinstance(error.__cause__, ferry.Cancelled):
                raise Fail("Exiting due to terminate flag being set to true.") from error
            raise


def _open(source: str | bytes, **options: Any) -> ferry.Session:
    if not isinstance(source, bytes) and not os.path.exists(source):
        raise NoSuchFile(f"Load model from {source} failed:Load model {source} failed. File doesn't exist")
    if source == b"":
        raise InvalidArgument("No graph was found in the protobuf.")
    try:
        with translated(loading=True):
            return ferry.Session(source, **options)
    except InvalidGraph as error:
        # What is no ONNX message at all has exceptions of its own.
        text = str(error.__cause__)
        if "holds no graph" in text:
            raise InvalidArgument(f"No graph was found in the protobuf. {text}") from error
        if "not an ONNX model" in text or "damaged ONNX model" in text:
            raise InvalidProtobuf(f"Failed to load model because protobuf parsing failed. {text}") from error
        raise


def _check_providers(providers: Sequence[Any] | None, provider_options: Sequence[dict] | None) -> None:
    if not isinstance(providers, (Sequence, type(None))) or not isinstance(provider_options, (Sequence, type(None))):
        raise ValueError("'providers' and 'provider_options' should be sequences.")
    given_providers = [providers] if isinstance(providers, str) else providers or []
    if not all(isinstance(p, str) or isinstance(p, tuple) and p and isinstance(p[0], str) for p in given_providers):
        raise ValueError("'providers' values must be either strings or (string, dict) tuples.")
    names = [p if isinstance(p, str) else p[0] for p in given_providers]
    if provider_options and len(provider_options) != len(names):
        raise ValueError("'providers' and 'provider_options' should be the same length if both are given.")
    for name in names:
        if name not in PROVIDERS:
            warnings.warn(f"Specified provider '{name}' is not in available provider names."
                          f"Available providers: '{', '.join(PROVIDERS)}'", stacklevel=3)


def _restore(source: str | bytes, options: SessionOptions | None) -> InferenceSession:
    return InferenceSession(source, options)
