# SPDX-License-Identifier: Apache-2.0
"""The demo ends well when all is well and says so when it is not."""

import os
import subprocess
import sys
from pathlib import Path

import demo
import numpy as np
import pytest
from engines import HERE, open_engine
from PIL import Image

STUB = """#!{python}
# Stands in for the ferry command: `check` answers, `run` copies {picture}.
import shutil, sys
print("ferry stub", sys.argv[1])
if sys.argv[1] == "run":
    shutil.copy({picture!r}, sys.argv[sys.argv.index("--output") + 1])
sys.exit({code} if sys.argv[1] == "check" else 0)
"""


def write_stub(folder: Path, picture: Path, code: int = 0) -> Path:
    path = folder / "ferry"
    path.write_text(STUB.format(python=sys.executable, picture=str(picture), code=code))
    path.chmod(0o755)
    return path


@pytest.fixture
def run_demo(monkeypatch, tmp_path):
    """Runs the demo in this process, with onnxruntime in the place of the ferry package."""
    pytest.importorskip("onnxruntime")

    def run(*arguments: str) -> int:
        options = ["--out", str(tmp_path), "--rounds", "1", *arguments]
        monkeypatch.setattr(sys, "argv", ["demo.py", *options])
        monkeypatch.setattr(
            demo, "open_engine", lambda name, threads: open_engine("onnxruntime", threads=threads)
        )
        return demo.main()

    return run


def test_rehearsal_in_a_process_of_its_own(tmp_path):
    pytest.importorskip("onnxruntime")
    command = [sys.executable, str(HERE / "demo.py"), "--engine", "onnxruntime"]
    command += ["--out", str(tmp_path), "--rounds", "1"]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All checks passed." in done.stdout
    assert str(tmp_path / "triptych.png") in done.stdout
    with Image.open(tmp_path / "triptych.png") as sheet:
        assert sheet.size == (3 * 510 + 2 * demo.GAP, 339 + demo.MARGIN)


def test_all_steps_with_a_stub(run_demo, tmp_path, capsys):
    stub = write_stub(tmp_path, HERE / "expected.png")
    assert run_demo("--ferry", str(stub)) == 0
    printed = capsys.readouterr().out
    for words in ("stub check", "stub run", "largest difference 0 of 255", "x the time"):
        assert words in printed


def test_failed_check_fails_the_demo(run_demo, tmp_path, capsys):
    stub = write_stub(tmp_path, HERE / "expected.png", code=3)
    assert run_demo("--ferry", str(stub)) == 1
    assert "exit code 3" in capsys.readouterr().out


def test_wrong_pixels_fail_the_demo(run_demo, tmp_path, capsys):
    with Image.open(HERE / "expected.png") as expected:
        levels = np.array(expected.convert("RGB"))
    levels[5, 5, 1] ^= 2
    Image.fromarray(levels).save(tmp_path / "wrong.png")
    stub = write_stub(tmp_path, tmp_path / "wrong.png")
    assert run_demo("--ferry", str(stub)) == 1
    assert "largest difference 2 of 255 (allowed 1), 1 of" in capsys.readouterr().out


def test_wrong_size_fails_the_demo(run_demo, tmp_path, capsys):
    Image.new("RGB", (7, 5)).save(tmp_path / "small.png")
    stub = write_stub(tmp_path, tmp_path / "small.png")
    assert run_demo("--ferry", str(stub)) == 1
    assert "(7, 5) is not the recorded (510, 339)" in capsys.readouterr().out


def test_absent_command_is_named(run_demo, tmp_path, capsys):
    assert run_demo("--ferry", str(tmp_path / "nowhere")) == 1
    assert "nowhere" in capsys.readouterr().out


def test_nan_is_no_parity(capsys):
    assert not demo.compare_floats(lambda x: np.full((1, 3, 60, 72), np.nan, np.float32))
    assert not demo.compare_floats(lambda x: x)
    assert "is not the recorded" in capsys.readouterr().out
