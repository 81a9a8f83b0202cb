# SPDX-License-Identifier: Apache-2.0
"""ferry.Session: the interface, errors, threads, pickling, fork."""

import concurrent.futures
import gc
import multiprocessing
import pickle
import subprocess
import sys
import threading
import time
import weakref

import ferry
import models
import numpy as np
import pytest
from onnx import TensorProto, helper

X = np.array([[-3, -1], [0, 2]], np.float32)
Y = np.array([[0, 0], [1, 3]], np.float32)


@pytest.fixture(scope="module")
def session():
    return ferry.Session(models.add_relu(), threads=1)


def test_runs_by_name_and_by_position(session):
    for inputs in ({"x": X}, [X], (X,)):
        results = session.run(inputs)
        assert list(results) == ["y"]
        assert results["y"].dtype == np.float32
        np.testing.assert_array_equal(results["y"], Y)


def test_describes_its_values(session):
    (x,), (y,) = session.inputs, session.outputs
    assert (x.name, x.type, x.dtype, x.shape, x.optional) == ("x", "f32[N,2]", np.float32, ("N", 2), False)
    assert y.name == "y" and y.shape == ("N", 2)
    assert session.metadata.producer_name == "tests" and session.metadata.opsets == {"": 21}
    assert "x: f32[N,2]" in repr(session)
    assert ferry.__version__.count(".") == 2


def test_runs_a_file(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(models.add_relu())
    for source in (path, str(path), ferry.Model(path), bytearray(models.add_relu())):
        np.testing.assert_array_equal(ferry.Session(source).run({"x": X})["y"], Y)


def test_sessions_share_a_model():
    model = ferry.Model(models.add_relu())
    assert model.inputs[0].name == "x"
    results = [ferry.Session(model, accuracy=a).run([X])["y"] for a in ("fast", "exact")]
    np.testing.assert_array_equal(results[0], results[1])


@pytest.mark.parametrize("options", [
    {"optimize": False}, {"reference_kernels": True}, {"isa": "scalar"}, {"threads": 2},
    {"accuracy": "exact"}, {"memory_limit": 1 << 30}, {"prefer": "memory"}, {"tuning_ms": 0}])
def test_options_keep_the_results(options):
    np.testing.assert_array_equal(ferry.Session(models.add_relu(), **options).run([X])["y"], Y)


def test_what_is_for_loading_is_no_option_of_a_loaded_model(tmp_path):
    model = ferry.Model(models.add_relu())
    for options in ({"limits": {}}, {"external_folder": tmp_path}):
        (name,) = options
        with pytest.raises(ferry.InvalidArgument, match=f"{name} is for loading, .*give it there: ferry.Model"):
            ferry.Session(model, **options)


def test_external_data_in_another_folder(tmp_path, monkeypatch):
    (tmp_path / "weights").mkdir()
    path = tmp_path / "weights" / "model.onnx"
    weights = np.arange(1000, dtype=np.float32).reshape(2, 500)
    path.write_bytes(models.model([helper.make_node("MatMul", ["x", "w"], ["y"])],
                                  [models.tensor("x", TensorProto.FLOAT, ["N", 2])],
                                  [models.tensor("y", TensorProto.FLOAT, ["N", 500])], [("w", weights)]))
    ferry.Model(path).optimize(path, external_data=True)
    moved = path.rename(tmp_path / "model.onnx")
    with pytest.raises(ferry.IoError, match="model.onnx.data"):
        ferry.Model(moved)
    monkeypatch.chdir(tmp_path)
    for source in (moved, moved.read_bytes()):
        model = ferry.Model(source, external_folder="weights")
        monkeypatch.chdir("/")
        again = pickle.loads(pickle.dumps(model))
        monkeypatch.chdir(tmp_path)
        np.testing.assert_array_equal(ferry.Session(again).run([X])["y"], X @ weights)


def test_optimize_wants_a_path_for_external_data():
    model = ferry.Model(models.add_relu())
    with pytest.raises(ferry.InvalidArgument, match="no path is given; give one, optimize"):
        model.optimize(external_data=True)


def test_a_misspelt_input_is_named(session):
    for model, inputs, words in [
            (session, {"z": X}, "no input 'z'; its inputs are 'x'$"),
            (session, {"x": X, "xx": X}, "no input 'xx'; its inputs are 'x'; did you mean 'x'"),
            (ferry.Session(models.add_mul()), {"a": X[0], "B": X[0]}, "no input 'B'; its inputs are 'a', 'b'; did you mean 'b'")]:
        with pytest.raises(ferry.InvalidArgument, match=words):
            model.run(inputs)
    with pytest.raises(ferry.InvalidArgument, match="no value named 'summ'; its outputs are 'y'; did you mean 'sum'"):
        session.run({"x": X}, ["summ"])


def test_outputs_are_chosen_by_name(session):
    assert list(session.run({"x": X}, ["sum"])) == ["sum"]
    np.testing.assert_array_equal(session.run({"x": X}, ["sum"])["sum"], X + 1)
    results = session.run({"x": X}, ["y", "sum"])
    np.testing.assert_array_equal(results["y"], Y)
    both = ferry.Session(models.add_mul())
    ab = {"a": np.float32([1, 2]), "b": np.float32([3, 4])}
    assert list(both.run(ab)) == ["s", "p"]
    assert list(both.run(ab, ["p", "s"])) == ["p", "s"]
    assert list(both.run(ab, ["p"])) == ["p"]


def test_out_is_written_in_place(session):
    out = np.full((2, 2), 7, np.float32)
    results = session.run({"x": X}, out={"y": out})
    assert results["y"] is out
    np.testing.assert_array_equal(out, Y)
    part = np.zeros((2, 2), np.float32)
    assert session.run({"x": X}, ["sum"], out={"sum": part})["sum"] is part
    np.testing.assert_array_equal(part, X + 1)


def test_an_output_named_twice(session):
    for names in (["y", "y"], ["sum", "y", "sum"]):
        results = session.run({"x": X}, names)
        assert list(results) == list(dict.fromkeys(names))
        np.testing.assert_array_equal(results["y"], Y)
    out = np.zeros((2, 2), np.float32)
    assert session.run({"x": X}, ["y", "y"], out={"y": out})["y"] is out
    np.testing.assert_array_equal(out, Y)


def test_what_is_printed_of_objects(session):
    cancel = ferry.Cancel()
    assert repr(cancel) == "<ferry.Cancel, not set>"
    cancel.set()
    assert repr(cancel) == "<ferry.Cancel, set>"
    assert "ai.onnx 21>" in repr(session.metadata)
    assert repr(session.report()).startswith("<ferry.SessionReport ")


@pytest.mark.parametrize("out, error", [
    (np.zeros((3, 2), np.float32), ferry.ShapeMismatch),
    (np.zeros((2, 2), np.float64), ferry.ShapeMismatch),
    (np.zeros((2, 4), np.float32)[:, ::2], ferry.InvalidArgument),
    ([[0.0, 0.0], [0.0, 0.0]], ferry.InvalidArgument)])
def test_out_must_fit(session, out, error):
    with pytest.raises(error, match=r"out\['y'\]"):
        session.run({"x": X}, out={"y": out})


def test_out_must_be_writable_and_known(session):
    frozen = np.zeros((2, 2), np.float32)
    frozen.flags.writeable = False
    with pytest.raises(ferry.InvalidArgument, match="writable"):
        session.run({"x": X}, out={"y": frozen})
    with pytest.raises(ferry.InvalidArgument, match="'q'"):
        session.run({"x": X}, out={"q": np.zeros((2, 2), np.float32)})


@pytest.mark.parametrize("inputs, error, words", [
    ({}, ferry.InvalidArgument, "input 'x' .* is missing"),
    ([], ferry.InvalidArgument, "is missing"),
    ([X, X], ferry.InvalidArgument, "2 inputs are given; the model has 1"),
    ({"x": X, "z": X}, ferry.InvalidArgument, "no input 'z'; its inputs are 'x'"),
    ({"x": X.astype(np.float64)}, ferry.InvalidArgument, "f64.*f32"),
    ({"x": X.astype(np.float16)}, ferry.InvalidArgument, "f16.*f32"),
    ({"x": np.zeros((2, 3), np.float32)}, ferry.ShapeMismatch, "axis 1 has size 3.*wants 2"),
    ({"x": np.zeros(2, np.float32)}, ferry.ShapeMismatch, "rank 1"),
    ({"x": np.array(["a"], object)}, ferry.InvalidArgument, "str"),
    ({"x": "text"}, ferry.InvalidArgument, "input 'x'"),
    ({"x": object()}, ferry.InvalidArgument, "input 'x'"),
    ({"x": None}, ferry.InvalidArgument, "none"),
    ({"x": np.zeros(3, "M8[s]")}, ferry.InvalidArgument, "datetime64"),
    ({"x": np.zeros((1,) * 17, np.float32)}, ferry.InvalidArgument, "17 dimensions"),
    ({"x": [[1, 2], [3]]}, ferry.InvalidArgument, "input 'x' is a list"),
    ({"x": X.astype(object)}, ferry.InvalidArgument,
     r"input 'x' holds an element of type float; wanted f32\[N,2\], which an array of objects is not"),
])
def test_wrong_inputs(session, inputs, error, words):
    with pytest.raises(error, match=words):
        session.run(inputs)


def test_wrong_calls(session):
    with pytest.raises(ferry.InvalidArgument, match="no value named 'q'"):
        session.run({"x": X}, ["q"])
    with pytest.raises(ferry.InvalidArgument, match="list of names"):
        session.run({"x": X}, "y")
    with pytest.raises(ferry.InvalidArgument, match="timeout"):
        session.run({"x": X}, timeout=-1)
    with pytest.raises(ferry.InvalidArgument, match="accuracy"):
        ferry.Session(models.add_relu(), accuracy="wrong")
    with pytest.raises(ferry.InvalidArgument, match="threads"):
        ferry.Session(models.add_relu(), threads=-1)
    with pytest.raises(ferry.InvalidArgument, match="tuning_ms is -1, wanted 0 or more"):
        ferry.Session(models.add_relu(), tuning_ms=-1)
    with pytest.raises(ferry.InvalidArgument, match="isa"):
        ferry.Session(models.add_relu(), isa="wrong")


def test_wrong_models(tmp_path):
    with pytest.raises(ferry.IoError):
        ferry.Session(tmp_path / "absent.onnx")
    with pytest.raises(OSError):
        ferry.Session(tmp_path / "absent.onnx")
    with pytest.raises(ferry.InvalidModel):
        ferry.Session(b"no model at all")
    unknown = helper.make_model(helper.make_graph(
        [helper.make_node("Unheard", ["x"], ["y"])], "g", [models.tensor("x", TensorProto.FLOAT, [1])],
        [models.tensor("y", TensorProto.FLOAT, [1])]), opset_imports=[helper.make_opsetid("", 21)])
    with pytest.raises(ferry.UnsupportedOp, match="Unheard"):
        ferry.Session(unknown.SerializeToString())


def test_one_class_per_code():
    codes = {c.code for c in ferry.Error.__subclasses__()}
    assert codes == set(range(1, 13))
    assert issubclass(ferry.ShapeMismatch, ValueError) and issubclass(ferry.OutOfMemory, MemoryError)


def test_a_small_memory_limit():
    with pytest.raises(ferry.OutOfMemory):
        ferry.Session(models.matmuls(size=256), memory_limit=1 << 16).run([np.ones((512, 256), np.float32)])


def test_timeout_and_cancel():
    session = ferry.Session(models.long_loop(), threads=1)
    x = np.zeros(4, np.float32)
    with pytest.raises(ferry.DeadlineExceeded):
        session.run({"x": x}, timeout=0.05)
    with pytest.raises(TimeoutError):
        session.run({"x": x}, timeout=1e-9)
    cancel = ferry.Cancel()
    timer = threading.Timer(0.05, cancel.set)
    timer.start()
    with pytest.raises(ferry.Cancelled):
        session.run({"x": x}, cancel=cancel)
    timer.join()
    assert cancel.is_set()


def test_the_gil_is_released():
    session = ferry.Session(models.long_loop(), threads=1)
    cancel = ferry.Cancel()
    failures = []

    def work():
        with pytest.raises(ferry.Cancelled):
            session.run({"x": np.zeros(4, np.float32)}, cancel=cancel)
        failures.append(None)

    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(0.05)  # other Python code runs meanwhile
    cancel.set()
    thread.join(timeout=30)
    assert failures == [None]


@pytest.mark.parametrize("tuning_ms", [0, 50])
def test_threads_are_chosen_and_explained(tuning_ms):
    session = ferry.Session(models.matmuls(), tuning_ms=tuning_ms)
    x = np.random.default_rng(2).standard_normal((33, 64)).astype(np.float32)
    first = session.run([x])["y"]
    for _ in range(300):
        np.testing.assert_array_equal(session.run([x])["y"], first)
    assert session.report().threads >= 1
    assert session.report().threads_reason.startswith(("measured", "cost model", "the only CPU"))
    assert ferry.Session(models.matmuls(), threads=2).report().threads_reason == "as asked for"


def test_results_do_not_depend_on_threads():
    data = models.matmuls()
    x = np.random.default_rng(1).standard_normal((33, 64)).astype(np.float32)
    results = [ferry.Session(data, threads=n).run([x])["y"] for n in (1, 2, 3, 8)]
    for result in results[1:]:
        np.testing.assert_array_equal(result, results[0])


def test_many_callers_of_one_session():
    session = ferry.Session(models.matmuls(), threads=2)
    random = np.random.default_rng(2)
    inputs = [random.standard_normal((n, 64)).astype(np.float32) for n in (1, 5, 17, 64) * 4]
    wanted = [session.run([x])["y"] for x in inputs]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for result, want in zip(pool.map(lambda x: session.run([x])["y"], inputs), wanted):
            np.testing.assert_array_equal(result, want)


def test_pickling(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(models.add_relu())
    for source in (path, models.add_relu()):
        session = ferry.Session(source, threads=1, accuracy="exact")
        copy = pickle.loads(pickle.dumps(session))
        np.testing.assert_array_equal(copy.run([X])["y"], Y)
        assert copy._options == session._options
    assert pickle.loads(pickle.dumps(ferry.Model(path))).inputs[0].name == "x"


def _run_in_child(connection, session):
    connection.send(session.run([X])["y"])


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_after_fork():
    session = ferry.Session(models.add_relu(), threads=2)
    session.run([X])
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    child = context.Process(target=_run_in_child, args=(theirs, session))
    child.start()
    assert ours.poll(30), "the child hangs"
    np.testing.assert_array_equal(ours.recv(), Y)
    child.join(30)
    assert child.exitcode == 0


def test_report_and_profile(session):
    session.run([X])
    report = session.report()
    assert report.steps and report.threads == 1 and report.isa
    assert {step.op for step in report.steps}
    steps = session.profile({"x": X})
    assert len(steps) == len(report.steps)
    assert all(seconds >= 0 for _, seconds in steps)


def test_results_outlive_their_session():
    session = ferry.Session(models.add_relu())
    y = session.run([X])["y"]
    del session
    gc.collect()
    np.testing.assert_array_equal(y, Y)
    y += 1  # the array is the caller's own


def test_constants_and_inputs_are_copied_out():
    data = models.model([helper.make_node("Identity", ["c"], ["y"]), helper.make_node("Identity", ["x"], ["z"])],
                        [models.tensor("x", TensorProto.FLOAT, [2])],
                        [models.tensor("y", TensorProto.FLOAT, [2]), models.tensor("z", TensorProto.FLOAT, [2])],
                        [("c", np.float32([1, 2]))])
    session = ferry.Session(data)
    x = np.float32([3, 4])
    first = session.run([x])
    first["y"] += 10
    first["z"] += 10
    np.testing.assert_array_equal(x, [3, 4])
    np.testing.assert_array_equal(session.run([x])["y"], [1, 2])


def test_nothing_leaks():
    session = ferry.Session(models.add_relu(), threads=1)
    x = np.ones((4, 2), np.float32)
    before = sys.getrefcount(x)
    for _ in range(100):
        session.run([x])
        with pytest.raises(ferry.Error):
            session.run([x, x])
    assert sys.getrefcount(x) == before
    alive = weakref.ref(session)
    del session
    gc.collect()
    assert alive() is None


def test_module_as_a_command():
    done = subprocess.run([sys.executable, "-m", "ferry", "--version"], capture_output=True, text=True)
    if done.returncode == 127:
        assert "not part of this installation" in done.stderr
    else:
        assert ferry.__version__ in done.stdout


@pytest.mark.parametrize("shift", range(4))
def test_weights_may_lie_at_any_address_of_the_file(tmp_path, shift):
    random = np.random.default_rng(shift)
    weights = random.standard_normal((160, 160)).astype(np.float32)
    x = random.standard_normal((2, 160)).astype(np.float32)
    name = "w" + "x" * shift
    path = tmp_path / "m.onnx"
    path.write_bytes(models.model(
        [helper.make_node("MatMul", ["x", name], ["y"])],
        [models.tensor("x", TensorProto.FLOAT, ["N", 160])], [models.tensor("y", TensorProto.FLOAT, ["N", 160])],
        [(name, weights)]))
    sources = (path, path.read_bytes(), ferry.Model(path).optimize())
    for session in [ferry.Session(s, cache=tmp_path / "cache") for s in (*sources, *sources)]:
        np.testing.assert_allclose(session.run([x])["y"], x @ weights, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(session.run([x], [name])[name], weights)
    assert session.report().cache == "hit"
