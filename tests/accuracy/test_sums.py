# SPDX-License-Identifier: Apache-2.0
"""Sums of products are as near the truth as docs/accuracy.md says."""

import numpy as np
import pytest

from tests.accuracy import sums


@pytest.mark.parametrize("accuracy", ["exact", "fast"])
@pytest.mark.parametrize("family", sums.FAMILIES)
def test_errors_are_bounded(family, accuracy):
    c, case = sums.worst(family, accuracy, 40, seed=1)
    assert c <= sums.LIMIT, f"case {case} of seed 1"


@pytest.mark.long
@pytest.mark.parametrize("accuracy", ["exact", "fast"])
@pytest.mark.parametrize("family", sums.FAMILIES)
def test_errors_of_many_cases_are_bounded(family, accuracy):
    c, case = sums.worst(family, accuracy, 3000, seed=2)
    assert c <= sums.LIMIT, f"case {case} of seed 2"


def test_an_error_of_one_unit_is_seen():
    wanted = np.float64([1, 2])
    got = np.float32([1 + 2 ** -22, 2])
    assert sums.units(got, wanted, 1, np.abs(wanted)) == pytest.approx(2)
    assert sums.units(got, wanted, 4, np.abs(wanted)) == pytest.approx(0.5)
