# SPDX-License-Identifier: Apache-2.0
"""Model and Session: load a model file, make it ready for this machine, run it."""

import os
from collections.abc import Mapping, Sequence
from typing import Any, overload

import numpy as np

from . import _native
from . import arguments as given
from ._native import Cancel, ModelMetadata, SessionReport, Step, ValueInfo
from .errors import InvalidArgument

Source = str | os.PathLike[str] | bytes | bytearray | memoryview
Path = str | bytes | os.PathLike[str]


def _load(source: Source, external_folder: bytes | None, limits: dict[str, int],
          memory_limit: int, strict: bool) -> tuple[str | bytes, _native.Model]:
    """The source as it is pickled (an absolute path, or bytes), and the native model."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        data = bytes(source)
        return data, _native.Model.from_bytes(data, external_folder or b"", limits, memory_limit, strict)
    if not isinstance(source, (str, os.PathLike)):
        message = "; a message of onnx has them in SerializeToString()" if hasattr(source, "SerializeToString") else ""
        given.refuse("source", source, f"a path, or the bytes of an ONNX file{message}")
    path = os.path.abspath(given.path("source", source))
    return os.fsdecode(path), _native.Model.load(path, True, external_folder or b"", limits, memory_limit, strict)


def _folder(external_folder: Path | None) -> bytes | None:
    return None if external_folder is None else os.path.abspath(given.path("external_folder", external_folder))


class Model:
    """A loaded and verified model, before any machine is chosen; sessions may share it.

    source           a path, or the bytes of an ONNX file. A file stays mapped while the model lives.
    external_folder  the folder of external data; None: that of the file, and none for bytes
    limits           what the file may ask for, by name: {"max_nodes": 1000}; others keep their default
    memory_limit     bytes of tensors that reading may allocate besides what stays a view of the file;
                     0: 80 % of the machine's memory
    strict           refuses what the standard forbids even where Ferry knows what is meant, as
                     onnx.checker does: nodes out of order, names that shadow others, ...

    Errors: IoError, InvalidModel, UnsupportedOp, LimitExceeded, OutOfMemory, InvalidArgument.
    Pickled as the absolute path, or the bytes.
    """

    def __init__(self, source: Source, *, external_folder: Path | None = None,
                 limits: Mapping[str, int] | None = None, memory_limit: int = 0,
                 strict: bool = False):
        self._arguments: dict[str, Any] = {
            "external_folder": _folder(external_folder),
            "limits": {} if limits is None else given.mapping("limits", limits, given.size),
            "memory_limit": given.size("memory_limit", memory_limit), "strict": given.flag("strict", strict),
        }
        self._source, self._native = _load(source, **self._arguments)

    @property
    def inputs(self) -> list[ValueInfo]:
        return self._native.inputs

    @property
    def outputs(self) -> list[ValueInfo]:
        return self._native.outputs

    @property
    def metadata(self) -> ModelMetadata:
        return self._native.metadata

    @property
    def values(self) -> list[ValueInfo]:
        """Every named value of the main graph with the type that inference finds; symbols that start
        with '%' stand for sizes that depend on data."""
        return self._native.values()

    @overload
    def optimize(self, path: None = None, *, level: str = "all", opset: int = 0, accuracy: str = "fast",
                 passes_off: Sequence[str] = ()) -> bytes: ...

    @overload
    def optimize(self, path: Path, *, level: str = "all", opset: int = 0, accuracy: str = "fast",
                 passes_off: Sequence[str] = (), external_data: bool = False) -> None: ...

    def optimize(self, path: Path | None = None, *, level: str = "all", opset: int = 0,
                 accuracy: str = "fast", passes_off: Sequence[str] = (),
                 external_data: bool = False) -> bytes | None:
        """Writes the model as an ONNX file, or returns its bytes when no path is given.

        level          "none": as it was read; "basic": less work, the same arithmetic; "all": every
                       rewrite that a session makes
        opset          of ai.onnx; 0: the lowest that does, from 20 on
        accuracy       "exact" leaves out rewrites that re-associate
        passes_off     names of rewrites to leave out
        external_data  weights in a file beside the model, called `path` + ".data"; always so over 2 GB.
                       Wants a path.

        Errors: InvalidArgument (a node that the opset has no words for), IoError, LimitExceeded.
        """
        options: dict[str, Any] = {
            "level": given.text("level", level), "opset": given.count("opset", opset),
            "accuracy": given.text("accuracy", accuracy), "passes_off": given.names("passes_off", passes_off),
        }
        external_data = given.flag("external_data", external_data)
        if path is None:
            if external_data:
                raise InvalidArgument("external_data puts weights in a file beside the model, and no path is given; "
                                      "give one, optimize('net.onnx', external_data=True)")
            return self._native.optimize_to_bytes(**options)
        self._native.optimize(given.path("path", path), external_data=external_data, **options)
        return None

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore_model, (self._source, self._arguments)

    def __repr__(self) -> str:
        return _describe("Model", self)


class Session:
    """A model made ready for this machine.

    source             a path, the bytes of an ONNX file, or a Model
    threads            threads that one run may use; 0: chosen for the model and the sizes of its
                       inputs, during the first runs. Results do not depend on it.
    accuracy           "fast": Winograd and re-association allowed, subnormals count as zero;
                       "exact": neither
    memory_limit       bytes of tensors that the session may hold; 0: 80 % of the machine's memory
    optimize           False runs the model as written
    passes_off         names of rewrites to leave out; one that does not exist is an error
    isa                "scalar", "avx2" or "avx512"; None: as the environment's FERRY_ISA says, else the best of
                       this machine
    reference_kernels  only the slow reference kernels
    external_folder    for sources that are no Model yet: as Model takes it
    prefer             "speed", or "memory": no weights in a transformed form that is larger than the
                       plain one, one arena and no buffers kept between runs
    limits             for sources that are no Model yet: as Model takes them, and its memory_limit
    max_fold_bytes_per_value, max_fold_bytes
                       bytes of one constant that folding makes, and of all; 0 for the latter: 64 MiB
                       or twice the model and its external data, the larger. Larger ones are computed
                       by each run.
    tuning_ms          milliseconds of the first runs that may be spent on measuring what is
                       fastest, and as many on moving weights to huge pages that loading did not get
                       at once; 0: a cost model decides, nothing moves. Never changes a result.
    cache              folder of the program cache, which keeps what was made of a model for the next
                       session, in any process; made when it is missing. None: as the environment's
                       FERRY_CACHE says, else none; "off": none. report().cache tells what it did.
    cache_limit        bytes that the folder may hold; 0: 8 GiB
    verify_cache       True checks the weights in the cache too, not only everything else

    A session may be run from several threads at once. It is pickled as its source (the absolute path,
    or the bytes) and options, and works in a child process after fork.
    Errors: those of Model; InvalidArgument, OutOfMemory, UnsupportedOp.
    """

    def __init__(self, source: Source | Model, threads: int = 0, accuracy: str = "fast",
                 memory_limit: int = 0, optimize: bool = True, passes_off: Sequence[str] = (),
                 isa: str | None = None, reference_kernels: bool = False,
                 external_folder: Path | None = None, prefer: str = "speed",
                 limits: Mapping[str, int] | None = None, max_fold_bytes_per_value: int = 64 << 20,
                 max_fold_bytes: int = 0, tuning_ms: int = 200,
                 cache: Path | None = None, cache_limit: int = 0, verify_cache: bool = False):
        self._options: dict[str, Any] = {
            "threads": given.count("threads", threads), "accuracy": given.text("accuracy", accuracy),
            "memory_limit": given.size("memory_limit", memory_limit), "optimize": given.flag("optimize", optimize),
            "passes_off": given.names("passes_off", passes_off), "isa": "" if isa is None else given.text("isa", isa),
            "reference_kernels": given.flag("reference_kernels", reference_kernels),
            "prefer": given.text("prefer", prefer),
            "max_fold_bytes_per_value": given.size("max_fold_bytes_per_value", max_fold_bytes_per_value),
            "max_fold_bytes": given.size("max_fold_bytes", max_fold_bytes),
            "tuning_ms": given.count("tuning_ms", tuning_ms),
            "cache": b"" if cache is None else given.path("cache", cache),
            "cache_limit": given.size("cache_limit", cache_limit),
            "verify_cache": given.flag("verify_cache", verify_cache),
        }
        if isinstance(source, Model):
            for name, value in (("limits", limits), ("external_folder", external_folder)):
                if value is not None:
                    raise InvalidArgument(f"{name} is for loading, and the source is a ferry.Model, which is loaded; "
                                          f"give it there: ferry.Model(..., {name}=...)")
            self._model = source
        else:
            self._model = Model(source, external_folder=external_folder, limits=limits, memory_limit=memory_limit)
        self._native = _native.Session.create(self._model._native, **self._options)
        self._run = self._native.run

    def run(self, inputs: Mapping[str, Any] | Sequence[Any], outputs: Sequence[str] | None = None, *,
            out: Mapping[str, np.ndarray] | None = None, timeout: float | None = None,
            cancel: Cancel | None = None) -> dict[str, Any]:
        """Runs the model once; returns its outputs by name.

        inputs   arrays by name, or a list in model order; inputs with a default may be left out.
                 NumPy arrays and CPU tensors with __dlpack__ are not copied when they are
                 C-contiguous, aligned and in native byte order; others are copied into that form.
                 An array keeps its type: a wrong one is an error. Numbers and lists are converted, but no
                 fraction to an integer and no text to a number.
        outputs  names of what to compute, internal values too; None: the model's outputs.
        out      arrays by output name to write into: writable, C-contiguous, of the exact type and
                 shape. They are returned in place of new ones. They may lie in the memory of inputs
                 (the result is that of separate arrays), but not in that of each other.
        timeout  seconds after which the run stops with DeadlineExceeded.
        cancel   stops the run with Cancelled when another thread sets it.

        Results own their memory. Strings are object arrays of str, sequences lists, maps dicts, an
        absent optional is None; ferry.types says what stands for element types that NumPy lacks.
        The GIL is released while the model runs. Do not change the inputs meanwhile.
        Errors: InvalidArgument (a name, a missing input, an element type), ShapeMismatch,
        OutOfMemory, Cancelled, DeadlineExceeded.
        """
        return self._run(given.inputs(inputs), None if outputs is None else given.names("outputs", outputs),
                         None if out is None else given.mapping("out", out), timeout, cancel)

    @property
    def inputs(self) -> list[ValueInfo]:
        return self._native.inputs

    @property
    def outputs(self) -> list[ValueInfo]:
        return self._native.outputs

    @property
    def metadata(self) -> ModelMetadata:
        return self._native.metadata

    @property
    def model(self) -> Model:
        return self._model

    def report(self) -> SessionReport:
        """What the session holds and how it was made: passes, steps, kernels, memory."""
        return self._native.report()

    def profile(self, inputs: Mapping[str, Any] | Sequence[Any]) -> list[tuple[Step, float]]:
        """Runs once; each step with the seconds that it took, in the order of the steps."""
        return self._native.profile(given.inputs(inputs))

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore_session, (self._model, self._options)

    def __repr__(self) -> str:
        return _describe("Session", self)


def _restore_model(source: Source, arguments: dict[str, Any]) -> Model:
    return Model(source, **arguments)


def _restore_session(model: Model, options: dict[str, Any]) -> Session:
    return Session(model, **options)


def _describe(what: str, owner: Model | Session) -> str:
    values = ", ".join(map(repr, owner.inputs)), ", ".join(map(repr, owner.outputs))
    return f"<ferry.{what} ({values[0]}) -> ({values[1]})>"
