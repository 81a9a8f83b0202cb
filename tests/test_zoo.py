# SPDX-License-Identifier: Apache-2.0
"""The zoo's own arithmetic, and one small model built, skipped when current, and checked."""

import json
import subprocess
import sys

import numpy as np
import pytest

from bench.zoo.parity import check_form, relative_error


def test_error_is_relative_to_the_largest_reference():
    assert relative_error(np.array([1.0, 8.1]), np.array([1.0, 8.0])) == pytest.approx(0.1 / 8)


def test_error_per_channel_is_not_hidden_by_a_larger_unit():
    wanted = np.array([[[640.0], [0.5]]])
    seen = wanted + np.array([[[0.0], [0.05]]])
    assert relative_error(seen, wanted) < 1e-4
    assert relative_error(seen, wanted, channel_axis=1) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("seen", "wanted", "error"),
    [
        ([0.0, 0.0], [0.0, 0.0], 0.0),
        ([1e-30], [0.0], np.inf),
        ([np.nan, 1.0], [np.nan, 1.0], 0.0),
        ([np.nan, 1.0], [0.5, 1.0], np.inf),
        ([0.5, 1.0], [np.nan, 1.0], np.inf),
        ([np.nan, 1.5], [np.nan, 1.0], 0.5),
        ([np.inf], [np.inf], 0.0),
        ([np.inf, 1.5], [np.inf, 1.0], 0.5),
        ([-np.inf], [np.inf], np.inf),
        ([], [], 0.0),
    ],
)
def test_error_at_the_edges(seen, wanted, error):
    assert relative_error(np.array(seen), np.array(wanted)) == error


def test_error_of_rank_0():
    assert relative_error(np.float32(2), np.float32(4)) == 0.5


def test_form_is_part_of_parity():
    wanted = {"y": np.zeros((2, 3), np.float32)}
    with pytest.raises(ValueError, match="'y' is missing; the engine gave \\['z'\\]"):
        check_form({"z": wanted["y"]}, wanted)
    with pytest.raises(ValueError, match="'y' is .*float64.*PyTorch's is .*float32"):
        check_form({"y": np.zeros((2, 3))}, wanted)
    with pytest.raises(ValueError, match=r"\(3, 2\)"):
        check_form({"y": np.zeros((3, 2), np.float32)}, wanted)


def run_module(module: str, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", module, *arguments], capture_output=True, text=True
    )


def test_build_is_idempotent_and_its_files_run(tmp_path):
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    pytest.importorskip("onnxruntime")
    build = ("bench.zoo.build", "--only", "branch", "--out", str(tmp_path))
    first = run_module(*build)
    assert first.returncode == 0, first.stderr
    meta = json.loads((tmp_path / "branch" / "meta.json").read_text())
    assert meta["spellings"] == ["torchscript", "dynamo"] and not meta["failures"]
    assert "up to date" in run_module(*build).stdout
    (tmp_path / "branch" / "case_0.npz").unlink()
    assert "up to date" not in run_module(*build).stdout
    report = tmp_path / "report.json"
    parity = run_module(
        "bench.zoo.parity",
        "--engine",
        "onnxruntime",
        "--out",
        str(tmp_path),
        "--time",
        "none",
        "--json",
        str(report),
    )
    assert parity.returncode == 0, parity.stdout + parity.stderr
    assert [row["failure"] for row in json.loads(report.read_text())["rows"]] == ["", ""]
