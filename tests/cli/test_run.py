# SPDX-License-Identifier: Apache-2.0
"""`ferry run` on tensors: good input, bad input, bad models."""

import os
import resource
import signal
import subprocess

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from tests.cli import models
from tests.cli.conftest import FERRY

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
    (["benhc", "m.onnx"], "there is no verb 'benhc'; did you mean 'bench'? The verbs are run, "),
    (["rn", "m.onnx", "--threads", "1"], "there is no verb 'rn'"), (["--wings"], "there is no option '--wings'")])
def test_what_is_no_verb_is_named(ferry, words, said):
    done = ferry(*words)
    assert done.code == 2 and done.err.startswith(f"ferry: {said}")


def test_the_nearest_option_is_named(ferry):
    done = ferry("run", "m.onnx", "--thread", "1")
    assert done.code == 2 and "not expected: 1 --thread; did you mean '--threads'?" in done.err, done.err


@pytest.mark.parametrize("option, words", [
    (["--seed", "-1"], "'-1' is no whole number"), (["--seed", "1.5"], "'1.5' is no whole number"),
    (["--max-fold-bytes", "-1"], "--max-fold-bytes: '-1' is no size; wanted 512M, 2GiB or the like"),
    (["--tuning-ms", "-1"], "--tuning-ms: Value -1 not in range 0 to 2147483647"), (["-o", ""], "--output: is empty")])
def test_wrong_values_are_told(ferry, model, option, words):
    done = ferry("run", model, *option)
    assert done.code == 2 and words in done.err, done.err


@pytest.mark.parametrize("words", [
    ["run", "--dim", "N=1"], ["run", "--fetch", "sum"], ["info", "--node", "relu"], ["info", "--shape", "x=1x2"],
    ["bench", "--threads", "1,2", "--seconds", "0", "--dim", "N=1"], ["check", "--passes-off", "fold_constants"]])
def test_the_model_may_come_last(ferry, model, words):
    done = ferry(*words, model)
    assert done.code == 0, done.err


def test_options_repeat_or_have_commas(ferry, model):
    for words in (["--fetch", "sum,y"], ["--fetch", "sum", "--fetch", "y"]):
        assert [output["name"] for output in ferry("run", model, *words, "--json").json["outputs"]] == ["sum", "y"]
    done = ferry("run", model, "--fetch", "sum", "y")
    assert done.code == 2 and "y" in done.err


def test_seeds_have_64_bits(ferry, model):
    assert f"seed {2**64 - 1}" in ferry("run", model, "--seed", 2**64 - 1).out


def test_an_input_is_given_once(ferry, tmp_path):
    model, one, two = models.add_two(tmp_path / "m.onnx"), tmp_path / "one.npz", tmp_path / "two.npz"
    np.savez(one, a=X)
    np.savez(two, a=X, b=X)
    done = ferry("run", model, "-i", one, "-i", two)
    assert done.code == 2 and "two.npz: input 'a' is given twice" in done.err


def test_help_is_plain(ferry):
    assert "{false}" not in ferry("run", "--help").out


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["run", "--help"], ["info", "--operators"],
                                   ["info", "--operators", "--json"]])
def test_output_that_cannot_be_written_is_an_error(words):
    for target in ("/dev/full", None):
        with open(target or "/dev/null", "w", encoding="utf-8") as out:
            done = subprocess.run([FERRY, *words], stdout=out, stderr=subprocess.PIPE, text=True, timeout=60,
                                  check=False, preexec_fn=None if target else lambda: os.close(1))
        assert done.returncode == 1 and "IoError" in done.stderr, done.stderr


def test_a_file_is_written_whole_or_not_at_all(model, tmp_path):
    big = tmp_path / "y.npy"
    done = subprocess.run([FERRY, "run", model, "--dim", "N=10000", "-o", big], stderr=subprocess.PIPE, text=True,
                          timeout=60, check=False, stdout=subprocess.DEVNULL, preexec_fn=limit_files)
    assert done.returncode == 1 and "y.npy: cannot be written: File too large" in done.stderr
    assert not big.exists()


def limit_files():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))


def test_an_unknown_instruction_set_is_told(ferry, model):
    done = ferry("run", model, env={"FERRY_ISA": "fast"})
    assert done.code == 1 and "the environment's FERRY_ISA is 'fast'; wanted 'scalar', 'avx2'" in done.err
    assert ferry("run", model, "--json", env={"FERRY_ISA": "scalar"}).json["isa"] == "scalar"


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
