# SPDX-License-Identifier: Apache-2.0
"""Ferry's inference is never weaker than onnx.shape_inference."""

from pathlib import Path

import compare_inference
import onnx
import pytest
import suite

ZOO = Path(__file__).parents[2] / "build/zoo"
# Channels of a Resize whose scales are computed from an input.
DATA_DEPENDENT = {"srcnn_scale"}


def test_suite():
    weaker = {}
    for case in suite.cases():
        if case.kind == "light":
            continue
        lines, _ = compare_inference.compare(onnx.load_from_string(case.model))
        if lines:
            weaker[case.name] = lines
    assert weaker == {}


@pytest.mark.long
@pytest.mark.skipif(not ZOO.exists(), reason="the zoo is not built")
def test_zoo():
    for path in compare_inference.zoo_models(ZOO):
        if path.parent.name in DATA_DEPENDENT:
            continue
        model = onnx.load(path, load_external_data=False)
        lines, counts = compare_inference.compare(model, str(path))
        assert lines == [], path
        # The one whose trip count is an input has values that depend on data.
        assert counts["unknown"] == 0 or path.parent.name == "scan", path
