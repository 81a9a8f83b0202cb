# SPDX-License-Identifier: Apache-2.0
"""The program cache: Session(cache=...), FERRY_CACHE, the report."""

import os
import pickle
import subprocess
import sys

import ferry
import ferry.compat.onnxruntime as ort
import models
import numpy as np
import pytest

X = np.random.default_rng(5).standard_normal((3, 64)).astype(np.float32)


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    monkeypatch.delenv("FERRY_CACHE", raising=False)


def test_a_second_session_finds_what_the_first_made(tmp_path):
    folder, source = tmp_path / "cache", models.matmuls()
    plain = ferry.Session(source)
    assert plain.report().cache == "off" and plain.report().cache_file == ""
    first, second = ferry.Session(source, cache=folder), ferry.Session(source, cache=str(folder))
    assert first.report().cache == "written" and "no program" in first.report().cache_reason
    assert second.report().cache == "hit" and second.report().cache_reason == ""
    (file,) = folder.iterdir()
    assert second.report().cache_file == str(file) and second.report().cache_bytes == file.stat().st_size
    assert folder.stat().st_mode & 0o777 == 0o700 and file.stat().st_mode & 0o777 == 0o600
    for session in (first, second, pickle.loads(pickle.dumps(second))):
        np.testing.assert_array_equal(session.run([X])["y"], plain.run([X])["y"])
    report = second.report()
    assert report.packed_bytes >= report.source_bytes == 8 * 64 * 64 * 4
    assert ferry.Session(source, cache=folder, accuracy="exact").report().cache == "written"


def test_a_model_file_that_changes_is_another_model(tmp_path):
    path = tmp_path / "m.onnx"
    results = []
    for count in (2, 3):
        path.write_bytes(models.matmuls(count))
        session = ferry.Session(path, cache=tmp_path / "cache")
        assert session.report().cache == "written"
        results.append(session.run([X])["y"])
        assert ferry.Session(path, cache=tmp_path / "cache").report().cache == "hit"
    assert not np.array_equal(*results)


def test_the_environment_names_a_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("FERRY_CACHE", str(tmp_path / "cache"))
    assert ferry.Session(models.matmuls()).report().cache == "written"
    assert ferry.Session(models.matmuls(), cache="off").report().cache == "off"
    code = "import ferry, sys; print(ferry.Session(sys.argv[1]).report().cache)"
    path = tmp_path / "m.onnx"
    path.write_bytes(models.matmuls())
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "hit"


def test_what_cannot_be_used_is_told(tmp_path):
    (tmp_path / "file").write_text("no folder")
    session = ferry.Session(models.matmuls(), cache=tmp_path / "file")
    assert session.report().cache == "unused" and "file" in session.report().cache_reason
    np.testing.assert_array_equal(session.run([X])["y"], ferry.Session(models.matmuls()).run([X])["y"])
    small = ferry.Session(models.matmuls(), cache=tmp_path / "cache", cache_limit=1000)
    assert small.report().cache == "unused" and "cache_limit" in small.report().cache_reason
    with pytest.raises(ferry.InvalidArgument, match="cache is 7"):
        ferry.Session(models.matmuls(), cache=7)


def test_damage_is_a_rebuild(tmp_path):
    source = models.matmuls()
    file = ferry.Session(source, cache=tmp_path / "c").report().cache_file
    good = open(file, "rb").read()
    for at, verify in ((100, False), (len(good) - 70, True)):
        bad = bytearray(good)
        bad[at] ^= 1
        open(file, "wb").write(bad)
        session = ferry.Session(source, cache=tmp_path / "c", verify_cache=verify)
        assert session.report().cache == "rebuilt" and "damaged" in session.report().cache_reason
        assert open(file, "rb").read() == good
    os.truncate(file, len(good) // 2)
    assert ferry.Session(source, cache=tmp_path / "c").report().cache == "rebuilt"


def test_the_drop_in_has_a_key(tmp_path):
    options = ort.SessionOptions()
    options.add_session_config_entry("ferry.cache", str(tmp_path / "cache"))
    for _ in range(2):
        session = ort.InferenceSession(models.matmuls(), options, providers=["CPUExecutionProvider"])
        assert session.run(None, {"x": X})[0].shape == (3, 64)
    assert len(list((tmp_path / "cache").iterdir())) == 1
