# SPDX-License-Identifier: Apache-2.0
"""Ferry refuses what onnx.checker refuses: single-field corruptions of the suite's models."""

import check_corruptions
import pytest


def unexplained(count, seed):
    _, theirs, _ = check_corruptions.compare(count, seed)
    return [(kind, name, why[:200]) for kind, name, why, _ in theirs]


def test_some():
    assert unexplained(450, 1) == []


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2, 6))
def test_many(seed):
    assert unexplained(2000, seed) == []
