# SPDX-License-Identifier: Apache-2.0
"""Arguments of a wrong kind or range: an error of Ferry that names the argument, whatever is given."""

import math
import os
import warnings

import ferry
import ferry.arguments
import ferry.backend
import ferry.compat.onnxruntime as ort
import models
import numpy as np
import onnx
import pytest
from ferry.compat.onnxruntime import errors as ort_errors
from onnx import TensorProto, helper

X = np.float32([[1, 2]])
MODEL = models.add_relu()
WRONG = [None, True, 5, -1, 2**70, 2.5, math.nan, 1j, "x", "\ud800", "a\0b", b"x", [1], {1: 2}, ["\ud800"],
         {"\ud800": 1}, object(), np.zeros(3), len]


@pytest.fixture(scope="module")
def session():
    return ferry.Session(MODEL, threads=1)


@pytest.fixture(scope="module")
def ort_session():
    return ort.InferenceSession(MODEL)


@pytest.mark.parametrize("options, words", [
    ({"threads": 2.0}, r"threads is 2\.0 \(float\); wanted an integer"),
    ({"threads": 2**40}, "threads is 1099511627776, wanted at most 2147483647"),
    ({"tuning_ms": "1"}, r"tuning_ms is '1' \(str\); wanted an integer"),
    ({"cache_limit": -1}, "cache_limit is -1, wanted 0 or more"),
    ({"memory_limit": 2**64}, "memory_limit is .*, wanted at most 18446744073709551615"),
    ({"limits": {"max_nodes": -1}}, r"limits\['max_nodes'\] is -1, wanted 0 or more"),
    ({"limits": {1: 1}}, r"a key of limits is 1 \(int\); wanted a text"),
    ({"limits": 5}, r"limits is 5 \(int\); wanted a dict by name"),
    ({"optimize": "x"}, r"optimize is 'x' \(str\); wanted True or False"),
    ({"passes_off": "fuse_attention"}, r"passes_off is 'fuse_attention' \(str\); wanted a list of names"),
    ({"passes_off": [3]}, r"passes_off\[0\] is 3 \(int\); wanted a text"),
    ({"accuracy": None}, "accuracy is None; wanted a text"),
    ({"isa": "\ud800"}, r"isa is '\\ud800' \(str\); wanted a text without lone surrogates"),
    ({"cache": 5}, r"cache is 5 \(int\); wanted a path"),
    ({"cache": "a\0b"}, r"cache is 'a\\x00b' \(str\); wanted a path without NUL"),
    ({"external_folder": X}, "external_folder is of type ndarray; wanted a path"),
])
def test_options_of_a_session(options, words):
    with pytest.raises(ferry.InvalidArgument, match=words):
        ferry.Session(MODEL, **options)


@pytest.mark.parametrize("call, words", [
    (lambda s: s.run(X), r"inputs is of type ndarray; wanted a dict of arrays by name, .* or a list"),
    (lambda s: s.run(None), "inputs is None; wanted a dict"),
    (lambda s: s.run({"\ud800": X}), "input"),
    (lambda s: s.run([X], [1]), r"outputs\[0\] is 1 \(int\)"),
    (lambda s: s.run([X], [None]), r"outputs\[0\] is None"),
    (lambda s: s.run([X], out=5), r"out is 5 \(int\); wanted a dict by name"),
    (lambda s: s.run([X], out={1: X}), r"a key of out is 1 \(int\)"),
    (lambda s: s.run([X], timeout="1"), r"timeout is '1' \(str\); wanted seconds, as a number"),
    (lambda s: s.run([X], timeout=math.nan), r"timeout is nan \(float\); wanted more than 0 seconds"),
    (lambda s: s.run([X], cancel=5), r"cancel is 5 \(int\); wanted a ferry.Cancel"),
    (lambda s: s.profile(X), "inputs is of type ndarray"),
    (lambda s: ferry.Cancel().set("x"), r"on is 'x' \(str\); wanted True or False"),
    (lambda s: ferry.Session(5), r"source is 5 \(int\); wanted a path, or the bytes of an ONNX file"),
    (lambda s: ferry.Model(onnx.ModelProto()), r"source is of type ModelProto; .*SerializeToString\(\)"),
    (lambda s: ferry.Model("a\0b"), "source is .*; wanted a path without NUL"),
    (lambda s: s.model.optimize(5), r"path is 5 \(int\); wanted a path"),
])
def test_calls(session, call, words):
    with pytest.raises(ferry.InvalidArgument, match=words):
        call(session)


def test_texts_that_utf8_cannot_spell():
    texts = ferry.Session(models.unary("Identity", TensorProto.STRING, ["N"]))
    for x in (["\ud800"], np.array(["a", "\ud800"], object)):
        with pytest.raises(ferry.InvalidArgument, match="input 'x' .*surrogate"):
            texts.run({"x": x})


CALLS = {
    "Session": lambda s, **k: ferry.Session(**{"source": MODEL, **k}),
    "Model": lambda s, **k: ferry.Model(**{"source": MODEL, **k}),
    "optimize": lambda s, **k: s.model.optimize(**k),
    "run": lambda s, **k: s.run(**{"inputs": [X], **k}),
    "profile": lambda s, **k: s.profile(**k),
    "Cancel.set": lambda s, **k: ferry.Cancel().set(**k),
    "prepare": lambda s, **k: ferry.backend.prepare(**{"model": MODEL, **k}),
    "is_compatible": lambda s, **k: ferry.backend.is_compatible(**{"model": MODEL, **k}),
    "run_model": lambda s, **k: ferry.backend.run_model(**{"model": MODEL, "inputs": [X], **k}),
    "run_node": lambda s, **k: ferry.backend.run_node(**{"node": helper.make_node("Relu", ["x"], ["y"]),
                                                         "inputs": [X], **k}),
    "rep.run": lambda s, **k: ferry.backend.prepare(MODEL).run(**k),
    "read_picture": lambda s, **k: ferry.read_picture(**{"path": "x.png", **k}),
    "decode_picture": lambda s, **k: ferry.decode_picture(**{"data": b"x", **k}),
    "write_picture": lambda s, **k: ferry.write_picture(**{"path": "x.png", "picture": np.zeros((1, 3, 4, 4), "f"),
                                                           **k}),
}
KEYWORDS = {
    "Session": "source threads accuracy memory_limit optimize passes_off isa reference_kernels external_folder "
               "prefer limits max_fold_bytes_per_value max_fold_bytes tuning_ms cache cache_limit verify_cache",
    "Model": "source external_folder limits memory_limit strict",
    "optimize": "path level opset accuracy passes_off external_data",
    "run": "inputs outputs out timeout cancel",
    "profile": "inputs",
    "Cancel.set": "on",
    "prepare": "model device",
    "is_compatible": "model device",
    "run_model": "model inputs device",
    "run_node": "node inputs device opset_version",
    "rep.run": "inputs",
    "read_picture": "path layout order range channels mean std dtype",
    "decode_picture": "data layout order range channels mean std dtype",
    "write_picture": "path picture layout order range mean std rounding",
}


@pytest.mark.parametrize("name, keyword", [(name, word) for name, words in KEYWORDS.items() for word in words.split()])
def test_every_keyword_refuses_in_ferrys_words(session, monkeypatch, tmp_path, name, keyword):
    monkeypatch.chdir(tmp_path)
    if name.endswith("picture") and not hasattr(ferry, name):
        pytest.skip("built without pictures")
    for value in WRONG:
        try:
            CALLS[name](session, **{keyword: value})
        except ferry.InvalidArgument as error:
            assert str(error), value
        except ferry.Error:
            pass


ORT_CALLS = {
    "InferenceSession": (lambda s, **k: ort.InferenceSession(**{"path_or_bytes": MODEL, **k}),
                         "path_or_bytes sess_options providers provider_options"),
    "run": (lambda s, **k: s.run(**{"output_names": None, "input_feed": {"x": X}, **k}),
            "output_names input_feed run_options"),
    "run_async": (lambda s, **k: s.run_async(**{"output_names": None, "input_feed": {"x": X}, "user_data": None,
                                                "callback": lambda *_: None, **k}),
                  "output_names input_feed callback run_options"),
    "run_with_ort_values": (lambda s, **k: s.run_with_ort_values(
        **{"output_names": None, "input_dict_ort_values": {"x": ort.OrtValue.ortvalue_from_numpy(X)}, **k}),
        "output_names input_dict_ort_values run_options"),
    "run_with_iobinding": (lambda s, **k: s.run_with_iobinding(**k), "iobinding"),
    "bind_input": (lambda s, **k: s.io_binding().bind_input(
        **{"name": "x", "device_type": "cpu", "device_id": 0, "element_type": np.float32, "shape": (1, 2),
           "buffer_ptr": X.ctypes.data, **k}), "name device_type element_type shape"),
    "bind_ortvalue_input": (lambda s, **k: s.io_binding().bind_ortvalue_input(**{"name": "x", **k}), "ortvalue"),
    "bind_ortvalue_output": (lambda s, **k: s.io_binding().bind_ortvalue_output(**{"name": "y", **k}), "ortvalue"),
    "from_shape_and_type": (lambda s, **k: ort.OrtValue.ortvalue_from_shape_and_type(
        **{"shape": [2], "element_type": np.float32, **k}), "element_type device_type"),
    "from_numpy_with_onnx_type": (lambda s, **k: ort.OrtValue.ortvalue_from_numpy_with_onnx_type(
        **{"data": X, "onnx_element_type": 1, **k}), "onnx_element_type"),
    "intra_op_num_threads": (lambda s, **k: ort.InferenceSession(MODEL, _with(**k)), "intra_op_num_threads"),
    "graph_optimization_level": (lambda s, **k: ort.InferenceSession(MODEL, _with(**k)), "graph_optimization_level"),
}


SAID = ("; wanted ", ", wanted ", "Unable to load", "Ferry runs on the CPU", "no element type has the number",
        "'providers' and 'provider_options' should be", "'providers' values must be", "Required inputs (")


def _with(**attributes):
    options = ort.SessionOptions()
    for name, value in attributes.items():
        setattr(options, name, value)
    return options


@pytest.mark.parametrize("name, keyword", [(name, word) for name, (_, words) in ORT_CALLS.items()
                                           for word in words.split()])
def test_every_keyword_of_the_drop_in_names(ort_session, monkeypatch, tmp_path, name, keyword):
    """onnxruntime's exceptions, or the built-in ones that it raises, in words that say what was wanted."""
    monkeypatch.chdir(tmp_path)
    for value in WRONG:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                ORT_CALLS[name][0](ort_session, **{keyword: value})
        except ort_errors.OrtError:
            pass
        except Exception as error:  # noqa: BLE001
            assert any(words in str(error) for words in SAID), (value, error)


@pytest.fixture
def latin1(tmp_path):
    """Bytes of a path that is not UTF-8."""
    path = os.fsencode(tmp_path) + b"/caf\xe9.onnx"
    try:
        with open(path, "wb") as file:
            file.write(MODEL)
    except OSError:
        pytest.skip("the file system takes only UTF-8")
    return path


def test_names_that_are_not_utf8():
    model = models.model([helper.make_node("Abs", ["xQ"], ["tQ"]), helper.make_node("Relu", ["tQ"], ["yQ"])],
                         [models.tensor("xQ", TensorProto.FLOAT, ["NQ", 2])],
                         [models.tensor("yQ", TensorProto.FLOAT, ["NQ", 2])])
    for letter in (b"x", b"t", b"y", b"N"):
        model = model.replace(letter + b"Q", letter + b"\xff")
    session = ferry.Session(model)
    (x,) = session.inputs
    assert (x.name, x.shape, repr(x)) == ("x\udcff", ("N\udcff", 2), r"x\xff: f32[N\xff,2]")
    for results in (session.run({x.name: X}), session.run([X], ["t\udcff", "y\udcff"])):
        np.testing.assert_array_equal(results["y\udcff"], X)
    out = np.zeros_like(X)
    assert session.run([X], out={"y\udcff": out})["y\udcff"] is out
    with pytest.raises(ferry.InvalidArgument, match=r"a key of inputs is '\\ud800' \(str\); wanted the name"):
        session.run({x.name: X, "\ud800": X})


def test_paths_that_are_not_utf8(latin1, session):
    text = os.fsdecode(latin1)
    np.testing.assert_array_equal(ferry.Session(text).run([X])["y"], session.run([X])["y"])
    (entry,) = os.scandir(os.path.dirname(latin1))
    assert ferry.Model(entry).inputs[0].name == "x"
    assert ort.InferenceSession(text).get_inputs()[0].name == "x"
    for path in (latin1 + b"1", text + "2"):
        ferry.Model(MODEL).optimize(path)
        assert os.path.exists(path)
    folder = latin1 + b".cache"
    assert [ferry.Session(text, cache=folder).report().cache for _ in range(2)] == ["written", "hit"]
    with pytest.raises(ferry.IoError, match=r"absent\\xe9"):
        ferry.Session(text + "absent\udce9")
