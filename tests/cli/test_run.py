# SPDX-License-Identifier: Apache-2.0
"""`ferry run` on tensors: good input, bad input, bad models."""

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from tests.cli import models

X = np.float32([[-3, -1], [0, 2]])
Y = np.float32([[0, 0], [1, 3]])


@pytest.fixture
def model(tmp_path):
    return models.add_relu(tmp_path / "m.onnx")


def test_version_and_help(ferry):
    assert ferry("--version").out.startswith("ferry 0.")
    for verb in ("run", "info", "check", "bench"):
        done = ferry(verb, "--help")
        assert done.code == 0 and "examples:" in done.out and "exit codes:" in done.out


@pytest.mark.parametrize("words", [
    [], ["fly"], ["run"], ["run", "m.onnx", "--wings"], ["run", "m.onnx", "--threads", "-1"],
    ["run", "m.onnx", "--range", "0-7"], ["check"], ["bench", "m.onnx", "--vs", "nobody"]])
def test_wrong_command_lines_exit_with_2(ferry, words):
    done = ferry(*words)
    assert done.code == 2 and done.out == "" and done.err.startswith("ferry")


@pytest.mark.parametrize("words, said", [
    ([], "a verb is missing; the verbs are run, info, "), (["fly"], "there is no verb 'fly'; the verbs are run, "),
    (["rn", "m.onnx", "--threads", "1"], "there is no verb 'rn'"), (["--wings"], "there is no option '--wings'")])
def test_what_is_no_verb_is_named(ferry, words, said):
    done = ferry(*words)
    assert done.code == 2 and done.err.startswith(f"ferry: {said}")


def test_npy_in_and_out(ferry, model, tmp_path):
    np.save(tmp_path / "x.npy", X)
    done = ferry("run", model, "-i", f"x={tmp_path / 'x.npy'}", "-o", tmp_path / "y.npy")
    assert done.code == 0, done.err
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), Y)
    assert "output 'y': f32[2,2], min 0, max 3, mean 1" in done.out


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz_in_and_out(ferry, model, tmp_path, save):
    save(tmp_path / "in.npz", x=X)
    done = ferry("run", model, "-i", tmp_path / "in.npz", "-o", tmp_path / "out.npz")
    assert done.code == 0, done.err
    with np.load(tmp_path / "out.npz") as out:
        np.testing.assert_array_equal(out["y"], Y)


def test_pb_in_and_folder_out(ferry, model, tmp_path):
    (tmp_path / "x.pb").write_bytes(numpy_helper.from_array(X, "x").SerializeToString())
    done = ferry("run", model, "-i", tmp_path / "x.pb", "-o", tmp_path / "out")
    assert done.code == 0, done.err
    np.testing.assert_array_equal(np.load(tmp_path / "out" / "y.npy"), Y)


@pytest.mark.parametrize("array", [np.asfortranarray(X), X.astype(">f4")])
def test_other_orders_of_npy(ferry, model, tmp_path, array):
    np.save(tmp_path / "x.npy", array)
    done = ferry("run", model, "-i", tmp_path / "x.npy", "-o", tmp_path / "y.npy")
    assert done.code == 0, done.err
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), Y)


@pytest.mark.parametrize("dtype", ["f2", "f8", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "?", "U"])
def test_every_element_type(ferry, tmp_path, dtype):
    array = np.array([["0", "grün", "1"]]) if dtype == "U" else np.array([[0, 1, 1]]).astype(dtype)
    kind = onnx.TensorProto.STRING if dtype == "U" else helper.np_dtype_to_tensor_dtype(array.dtype)
    path = models.save(tmp_path / "m.onnx", [helper.make_node("Identity", ["x"], ["y"])],
                       [("x", kind, [1, 3])], [("y", kind, [1, 3])])
    np.save(tmp_path / "x.npy", array)
    done = ferry("run", path, "-i", tmp_path / "x.npy", "-o", tmp_path / "y.npy")
    assert done.code == 0, done.err
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), array)


def test_random_inputs_are_told_and_repeat(ferry, model, tmp_path):
    outputs = []
    for seed in (1, 1, 2):
        done = ferry("run", model, "--seed", seed, "--dim", "N=3", "-o", tmp_path / "y.npy")
        assert done.code == 0 and f"input 'x': random f32[3,2], seed {seed}" in done.out
        outputs.append(np.load(tmp_path / "y.npy"))
    assert np.array_equal(outputs[0], outputs[1]) and not np.array_equal(outputs[0], outputs[2])
    assert "assumed N=1" in ferry("run", model).out


def test_values_inside_can_be_fetched(ferry, model, tmp_path):
    np.save(tmp_path / "x.npy", X)
    done = ferry("run", model, "-i", tmp_path / "x.npy", "--fetch", "sum", "-o", tmp_path / "s.npy")
    assert done.code == 0, done.err
    np.testing.assert_array_equal(np.load(tmp_path / "s.npy"), X + 1)


def test_json(ferry, model):
    report = ferry("run", model, "--json").json
    assert report["outputs"][0]["name"] == "y" and report["run_ms"] > 0


def test_nan_and_empty_are_legal(ferry, model, tmp_path):
    np.save(tmp_path / "x.npy", np.float32([[np.nan, 1]]))
    done = ferry("run", model, "-i", tmp_path / "x.npy")
    assert done.code == 0 and "1 NaN" in done.out
    np.save(tmp_path / "x.npy", np.zeros((0, 2), np.float32))
    done = ferry("run", model, "-i", tmp_path / "x.npy", "-o", tmp_path / "y.npy")
    assert done.code == 0, done.err
    assert np.load(tmp_path / "y.npy").shape == (0, 2)


@pytest.mark.parametrize(("content", "words"), [
    (b"", []), (b"hello, I am text\n" * 20, []), (bytes(range(256)) * 8, []), (None, [])])
@pytest.mark.parametrize("verb", ["run", "info", "check", "bench"])
def test_what_is_no_model(fails, model, tmp_path, verb, content, words):
    bad = tmp_path / "bad.onnx"
    bad.write_bytes(model.read_bytes()[:-20] if content is None else content)
    fails(verb, bad, words=["bad.onnx", *words])


@pytest.mark.parametrize("verb", ["run", "info", "check", "bench"])
def test_missing_model(fails, tmp_path, verb):
    fails(verb, tmp_path / "none.onnx", words=["IoError", "none.onnx"])
    fails(verb, tmp_path, words=["IoError"])


def test_missing_external_data(fails, tmp_path):
    path = models.matmul(tmp_path / "m.onnx", k=64, n=64)
    onnx.save(onnx.load(path), path, save_as_external_data=True, location="w.bin", size_threshold=0)
    (tmp_path / "w.bin").unlink()
    fails("run", path, words=["IoError", "w.bin"])


def test_unknown_operators_are_all_listed(fails, ferry, tmp_path):
    path = models.unknown_ops(tmp_path / "m.onnx")
    for verb in ("run", "check"):
        fails(verb, path, words=["UnsupportedOp", "Nonsense", "Rubbish"])
    done = ferry("check", path, "--json")
    assert done.code == 1 and '"ok": false' in done.out


def test_sizes_agree_with_the_files(ferry, fails, model, tmp_path):
    np.save(tmp_path / "x.npy", X)
    given = ("-i", tmp_path / "x.npy")
    assert ferry("run", model, *given, "--dim", "N=2").code == 0
    for verb in ("run", "bench"):
        for sizes in (("--dim", "N=7"), ("--shape", "x=7x2")):
            fails(verb, model, *given, *sizes, words=["ShapeMismatch: input 'x' is f32[2,2]: 'N' is 2", "says 7"])


def test_wrong_inputs(fails, model, tmp_path):
    def given(array, name="x"):
        np.save(tmp_path / "x.npy", array)
        return "-i", f"{name}={tmp_path / 'x.npy'}"

    fails("run", model, *given(X, "z"), words=["InvalidArgument", "'z'", "'x'"])
    fails("run", model, *given(X.astype(np.float64)), words=["InvalidArgument", "x"])
    fails("run", model, *given(X[0]), words=["ShapeMismatch", "x"])
    fails("run", model, *given(np.zeros((2, 3), np.float32)), words=["ShapeMismatch", "x"])
    fails("run", model, "-i", f"x={tmp_path / 'none.npy'}", words=["IoError", "none.npy"])
    fails("run", model, "--fetch", "nothing", words=["InvalidArgument", "nothing"])
    fails("run", model, "--dim", "M=1", words=["InvalidArgument", "'M'"])
    fails("run", model, "--shape", "x=2x3", words=["ShapeMismatch"])
    fails("run", model, "--shape", "x=2", words=["ShapeMismatch"])


def test_damaged_arrays(fails, model, tmp_path):
    np.save(tmp_path / "x.npy", X)
    np.savez_compressed(tmp_path / "x.npz", x=X)
    for name in ("x.npy", "x.npz"):
        whole = (tmp_path / name).read_bytes()
        for cut in (0, 3, 9, 60, len(whole) // 2, len(whole) - 1):
            (tmp_path / ("cut" + name)).write_bytes(whole[:cut])
            fails("run", model, "-i", tmp_path / ("cut" + name), words=["InvalidArgument"])
    np.save(tmp_path / "o.npy", np.array([{}]), allow_pickle=True)
    fails("run", model, "-i", tmp_path / "o.npy", words=["UnsupportedType"])


def test_symbols_must_agree(fails, tmp_path):
    path = models.add_two(tmp_path / "m.onnx")
    np.savez(tmp_path / "in.npz", a=np.zeros((2, 2), np.float32), b=np.zeros((3, 2), np.float32))
    fails("run", path, "-i", tmp_path / "in.npz", words=["ShapeMismatch", "N"])


def test_a_missing_input_takes_the_given_sizes(ferry, tmp_path):
    path = models.add_two(tmp_path / "m.onnx")
    np.save(tmp_path / "a.npy", np.zeros((5, 2), np.float32))
    done = ferry("run", path, "-i", f"a={tmp_path / 'a.npy'}")
    assert done.code == 0 and "input 'b': random f32[5,2]" in done.out


def test_memory_limit(fails, tmp_path):
    path = models.matmul(tmp_path / "m.onnx", k=64, n=64)
    fails("run", path, "--dim", "N=100000", "--memory-limit", "1M", words=["OutOfMemory"])
