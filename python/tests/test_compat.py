# SPDX-License-Identifier: Apache-2.0
"""ferry.compat.onnxruntime against onnxruntime: scripts that differ in their import only."""

import importlib
import pickle
import threading
import time

import models
import numpy as np
import pytest
from onnx import TensorProto, helper

import ferry.compat.onnxruntime as ort
from ferry.compat.onnxruntime.capi import onnxruntime_pybind11_state as state

ADD_RELU, ADD_MUL, MATMULS = models.add_relu(), models.add_mul(), models.matmuls(2)
X = np.array([[-3, -1], [0, 2]], np.float32)
AB = {"a": np.float32([1, 2, 3]), "b": np.float32([4, 5, 6])}


def defaulted():
    graph = helper.make_graph(
        [helper.make_node("Mul", ["x", "k"], ["y"])], "scale",
        [models.tensor("x", TensorProto.FLOAT, ["N"]), models.tensor("k", TensorProto.FLOAT, [1])],
        [models.tensor("y", TensorProto.FLOAT, ["N"])], [helper.make_tensor("k", TensorProto.FLOAT, [1], [3.0])])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8,
                             producer_name="me", doc_string="doc", model_version=5,
                             domain="d").SerializeToString()


def strings():
    return models.unary("Identity", TensorProto.STRING, ["N"])


def dims(session):
    return [(a.name, a.type, a.shape) for a in session.get_inputs() + session.get_outputs()]


def binding_arrays(m):
    session = m.InferenceSession(ADD_MUL)
    binding = session.io_binding()
    for name, array in AB.items():
        binding.bind_cpu_input(name, array)
    binding.bind_output("s")
    binding.bind_output("p", "cpu")
    session.run_with_iobinding(binding)
    return binding.copy_outputs_to_cpu(), [v.shape() for v in binding.get_outputs()]


def binding_pointers(m):
    session = m.InferenceSession(ADD_MUL)
    binding = session.io_binding()
    for name, array in AB.items():
        binding.bind_input(name, "cpu", 0, np.float32, array.shape, array.ctypes.data)
    out = np.zeros(3, np.float32)
    binding.bind_output("p", "cpu", 0, np.float32, (3,), out.ctypes.data)
    session.run_with_iobinding(binding)
    return out


def binding_values(m):
    session = m.InferenceSession(ADD_MUL)
    binding = session.io_binding()
    for name, array in AB.items():
        binding.bind_ortvalue_input(name, m.OrtValue.ortvalue_from_numpy(array))
    out = m.OrtValue.ortvalue_from_shape_and_type([3], np.float32, "cpu", 0)
    binding.bind_ortvalue_output("s", out)
    session.run_with_iobinding(binding)
    return out.numpy(), out.shape(), out.data_type()


def ort_values(m):
    value = m.OrtValue.ortvalue_from_numpy(X.copy())
    told = (value.shape(), value.data_type(), value.element_type(), value.device_name(), value.is_tensor(),
            value.has_value(), value.is_sparse_tensor(), value.is_tensor_sequence(), value.tensor_size_in_bytes())
    value.update_inplace(X * 2)
    session = m.InferenceSession(ADD_RELU)
    return told, [v.numpy() for v in session.run_with_ort_values(["y"], {"x": value})]


def asynchronous(m):
    done, got = threading.Event(), []

    def callback(results, user_data, error):
        got.extend([results, user_data, error])
        done.set()

    session = m.InferenceSession(ADD_RELU)
    session.run_async(None, {"x": X}, callback, "mine")
    assert done.wait(30)
    return got


def options(m):
    o = m.SessionOptions()
    o.intra_op_num_threads = 1
    o.inter_op_num_threads = 1
    o.graph_optimization_level = m.GraphOptimizationLevel.ORT_DISABLE_ALL
    o.execution_mode = m.ExecutionMode.ORT_SEQUENTIAL
    o.log_severity_level = 3
    o.enable_mem_pattern = False
    o.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = m.InferenceSession(ADD_RELU, o, providers=["CPUExecutionProvider"])
    return (session.run(["y"], {"x": X}), session.get_session_options().intra_op_num_threads,
            o.get_session_config_entry("session.intra_op.allow_spinning"))


def option_defaults(m):
    o, r = m.SessionOptions(), m.RunOptions()
    names = ["enable_cpu_mem_arena", "enable_mem_pattern", "enable_mem_reuse", "enable_profiling",
             "inter_op_num_threads", "intra_op_num_threads", "log_severity_level", "log_verbosity_level",
             "logid", "optimized_model_filepath", "profile_file_prefix", "use_deterministic_compute",
             "use_per_session_threads"]
    return ([getattr(o, n) for n in names], int(o.execution_mode), int(o.graph_optimization_level),
            int(o.execution_order), r.logid, r.terminate, r.only_execute_path_to_fetches)


def metadata(m):
    meta = m.InferenceSession(defaulted()).get_modelmeta()
    return (meta.producer_name, meta.graph_name, meta.domain, meta.description, meta.version,
            meta.custom_metadata_map)


def overridable(m):
    session = m.InferenceSession(defaulted())
    x = np.float32([1, 2])
    return ([a.name for a in session.get_inputs()], [a.name for a in session.get_overridable_initializers()],
            session.run(None, {"x": x}), session.run(None, {"x": x, "k": np.float32([5])}))


def run_options(m):
    o = m.RunOptions()
    o.logid = "run"
    return m.InferenceSession(ADD_RELU).run(None, {"x": X}, run_options=o)


# name: script. Each takes the module and returns what is compared.
SCRIPTS = {
    "run": lambda m: m.InferenceSession(ADD_RELU).run(None, {"x": X}),
    "empty names": lambda m: m.InferenceSession(ADD_RELU).run([], {"x": X}),
    "names": lambda m: m.InferenceSession(ADD_MUL).run(["p", "s"], AB),
    "one name": lambda m: m.InferenceSession(ADD_MUL).run(["p"], AB),
    "a name twice": lambda m: m.InferenceSession(ADD_MUL).run(["p", "p"], AB),
    "matmuls": lambda m: m.InferenceSession(MATMULS).run(None, {"x": np.ones((3, 64), np.float32)}),
    "keyword arguments": lambda m: m.InferenceSession(
        path_or_bytes=ADD_RELU, sess_options=None, providers=None).run(output_names=["y"], input_feed={"x": X}),
    "provider pairs": lambda m: m.InferenceSession(
        ADD_RELU, providers=[("CPUExecutionProvider", {})]).get_providers(),
    "kwargs in the wild": lambda m: m.InferenceSession(
        ADD_RELU, disabled_optimizers=[], enable_fallback=False).run(None, {"x": X}),
    "plain list": lambda m: m.InferenceSession(ADD_RELU).run(None, {"x": [[1.0, -2.0]]}),
    "not contiguous": lambda m: m.InferenceSession(ADD_RELU).run(None, {"x": X.T[::-1]}),
    "no rows": lambda m: m.InferenceSession(ADD_RELU).run(None, {"x": np.zeros((0, 2), np.float32)}),
    "descriptions": lambda m: dims(m.InferenceSession(ADD_MUL)),
    "nameless dimensions": lambda m: dims(m.InferenceSession(
        models.unary("Relu", shape=[None, "batch_size", 2]))),
    "scalar": lambda m: dims(m.InferenceSession(models.unary("Relu", shape=[]))),
    "types": lambda m: [dims(m.InferenceSession(models.unary("Identity", e)))
                        for e in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 16)],
    "strings": lambda m: m.InferenceSession(strings()).run(None, {"x": np.array(["a", "ü"])}),
    "object strings": lambda m: m.InferenceSession(strings()).run(None, {"x": np.array(["a", ""], object)}),
    "binding arrays": binding_arrays,
    "binding pointers": binding_pointers,
    "binding values": binding_values,
    "values": ort_values,
    "asynchronous": asynchronous,
    "options": options,
    "option defaults": option_defaults,
    "run options": run_options,
    "metadata": metadata,
    "overridable": overridable,
    "device": lambda m: (m.get_device(), "CPUExecutionProvider" in m.get_available_providers()),
    "provider options": lambda m: m.InferenceSession(ADD_RELU).get_provider_options(),
    "logger": lambda m: (m.set_default_logger_severity(3), m.set_default_logger_verbosity(0)),
    "levels": lambda m: {k: int(v) for k, v in m.GraphOptimizationLevel.__members__.items()},
    "modes": lambda m: {k: int(v) for k, v in m.ExecutionMode.__members__.items()},
}


def same(a, b):
    if isinstance(a, (list, tuple)):
        assert isinstance(b, (list, tuple)) and len(a) == len(b), (a, b)
        for x, y in zip(a, b):
            same(x, y)
    elif isinstance(a, np.ndarray):
        assert isinstance(b, np.ndarray) and a.dtype == b.dtype and a.shape == b.shape
        if a.dtype == object:
            assert a.tolist() == b.tolist()
        else:
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    else:
        assert a == b


@pytest.fixture(scope="module")
def original():
    return pytest.importorskip("onnxruntime")


@pytest.mark.parametrize("name", SCRIPTS)
def test_script(name, original):
    same(SCRIPTS[name](original), SCRIPTS[name](ort))


def bad(nodes):
    graph = helper.make_graph(nodes, "g", [models.tensor("x", TensorProto.FLOAT, [1])],
                              [models.tensor("y", TensorProto.FLOAT, [1])])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


def terminated(m):
    o = m.RunOptions()
    o.terminate = True
    return m.InferenceSession(ADD_RELU).run(None, {"x": X}, o)


# Scripts that fail: class and first words of the text are compared.
FAILURES = {
    "missing input": lambda m: m.InferenceSession(ADD_RELU).run(None, {}),
    "unknown input": lambda m: m.InferenceSession(ADD_RELU).run(None, {"x": X, "z": X}),
    "wrong type": lambda m: m.InferenceSession(ADD_RELU).run(None, {"x": X.astype(np.float64)}),
    "wrong rank": lambda m: m.InferenceSession(ADD_RELU).run(None, {"x": X[0]}),
    "wrong size": lambda m: m.InferenceSession(ADD_RELU).run(None, {"x": np.zeros((2, 3), np.float32)}),
    "unknown output": lambda m: m.InferenceSession(ADD_RELU).run(["q"], {"x": X}),
    "internal value": lambda m: m.InferenceSession(ADD_RELU).run(["sum"], {"x": X}),
    "no file": lambda m: m.InferenceSession("absent.onnx"),
    "garbage": lambda m: m.InferenceSession(b"garbage\x00\xff"),
    "truncated": lambda m: m.InferenceSession(ADD_RELU[:-5]),
    "no graph": lambda m: m.InferenceSession(b"\x08\x07"),
    "no bytes": lambda m: m.InferenceSession(b""),
    "no path": lambda m: m.InferenceSession(3),
    "unknown operator": lambda m: m.InferenceSession(bad([helper.make_node("Unheard", ["x"], ["y"])])),
    "terminated": terminated,
    "unknown configuration": lambda m: m.SessionOptions().get_session_config_entry("q"),
    "a list of inputs": lambda m: m.InferenceSession(ADD_RELU).run(None, [X]),
}


@pytest.mark.parametrize("name", FAILURES)
@pytest.mark.filterwarnings("ignore")
def test_failure(name, original):
    errors = []
    for module in (original, ort):
        with pytest.raises(Exception) as caught:
            FAILURES[name](module)
        errors.append(caught.value)
    theirs, ours = errors
    assert type(ours).__name__ == type(theirs).__name__
    if str(theirs).startswith("[ONNXRuntimeError]"):
        assert str(ours).split(" : ")[:3] == str(theirs).split(" : ")[:3]
        assert isinstance(ours, getattr(state, type(theirs).__name__))


def test_a_misspelt_option_is_an_error(original):
    for module in (original, ort):
        for options in (module.SessionOptions(), module.RunOptions()):
            with pytest.raises(AttributeError, match="intra_op_num_thread"):
                options.intra_op_num_thread = 1


def test_every_exception_exists(original):
    theirs = importlib.import_module("onnxruntime.capi.onnxruntime_pybind11_state")
    for name in dir(theirs):
        value = getattr(theirs, name)
        if isinstance(value, type) and issubclass(value, BaseException):
            assert issubclass(getattr(state, name), Exception)


def test_every_method_exists(original):
    for name in ("InferenceSession", "SessionOptions", "RunOptions", "OrtValue", "IOBinding"):
        theirs, ours = getattr(original, name), getattr(ort, name)() if name.endswith("Options") else getattr(ort, name)
        missing = [m for m in dir(theirs) if not m.startswith("_") and not hasattr(ours, m)]
        known = {"set_ep_context_data_read_func", "clear_ep_context_data_read_func", "release_captured_graph"}
        assert set(missing) <= known, (name, missing)


def test_unknown_settings_warn():
    with pytest.warns(UserWarning, match="session.unheard"):
        ort.SessionOptions().add_session_config_entry("session.unheard", "1")
    with pytest.warns(UserWarning, match="CUDAExecutionProvider"):
        session = ort.InferenceSession(ADD_RELU, providers=["CUDAExecutionProvider", "CPUExecutionProvider"])
    assert session.get_providers() == ["CPUExecutionProvider"]


def test_terminate_during_a_run():
    o = ort.RunOptions()
    session = ort.InferenceSession(models.long_loop())
    timer = threading.Timer(0.05, lambda: setattr(o, "terminate", True))
    timer.start()
    began = time.monotonic()
    with pytest.raises(state.Fail, match="terminate"):
        session.run(None, {"x": np.zeros(4, np.float32)}, o)
    assert time.monotonic() - began < 30


def test_pickling():
    o = ort.SessionOptions()
    o.intra_op_num_threads = 1
    session = pickle.loads(pickle.dumps(ort.InferenceSession(ADD_RELU, o)))
    assert session.get_session_options().intra_op_num_threads == 1
    same(session.run(None, {"x": X}), ort.InferenceSession(ADD_RELU).run(None, {"x": X}))


def test_values_share_memory():
    x = X.copy()
    value = ort.OrtValue.ortvalue_from_numpy(x)
    assert value.data_ptr() == x.ctypes.data
    np.testing.assert_array_equal(np.from_dlpack(value), x)
    np.testing.assert_array_equal(np.asarray(value), x)
    with pytest.raises(RuntimeError):
        ort.OrtValue.ortvalue_from_numpy(x, "cuda", 0)
