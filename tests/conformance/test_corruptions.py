# SPDX-License-Identifier: Apache-2.0
"""Ferry refuses what onnx.checker refuses: corruptions of the suite's models and of rarer ones."""

import check_corruptions
import pytest


def unexplained(made):
    _, theirs, _ = check_corruptions.compare(made)
    return [(kind, name, why[:200]) for kind, name, why, _ in theirs]


def test_the_models_are_right():
    made = [("none", name, m.SerializeToString()) for name, m in check_corruptions.rare_models.models().items()]
    table, theirs, ours = check_corruptions.compare(made)
    assert (theirs, ours) == ([], [])
    assert table["none"]["accepted"] == len(made)


def test_some():
    assert unexplained(check_corruptions.corrupted(450, 1)) == []


def test_some_fields():
    assert unexplained(check_corruptions.with_changed_fields(1500, 1)) == []


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2, 6))
def test_many(seed):
    assert unexplained(check_corruptions.corrupted(2000, seed)) == []


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2, 5))
def test_many_fields(seed):
    assert unexplained(check_corruptions.with_changed_fields(5000, seed)) == []
