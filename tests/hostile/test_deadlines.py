# SPDX-License-Identifier: Apache-2.0
"""A run that may be stopped works in slices: they change no bit, and what was stopped leaves nothing behind."""

import re

import numpy as np
import pytest

import ferry
from tests.hostile import deadlines

# Steps that look for the deadline inside of one row, one column or one product.
SLICED = re.compile(
    "MatMul thin|MatMulInteger|NonMaxSuppression|Resize shrinking|ArgMax|CumSum.*|TopK.*|Unique of rows|NonZero|Compress|GatherND|"
    "ScatterND|EyeLike|CenterCropPad|Softmax axis 0|ImageDecoder .*"
)


@pytest.fixture(scope="module")
def cases():
    return {name: (made, given) for name, made, given in deadlines.cases() if SLICED.fullmatch(name)}


@pytest.mark.long
def test_slices_change_no_bit(cases):
    for name, (made, given) in cases.items():
        session = ferry.Session(made, threads=1)
        whole = session.run(given)
        sliced = session.run(given, timeout=600)
        for output in whole:
            assert np.array_equal(whole[output], sliced[output], equal_nan=True), name


@pytest.mark.long
def test_stopped_runs_leave_the_session_usable(cases):
    for name in ("TopK", "NonMaxSuppression", "CumSum of one row"):
        made, given = cases[name]
        session = ferry.Session(made, threads=2)
        wanted = session.run(given)
        stopped = 0
        for milliseconds in (1, 3, 9, 27):
            try:
                session.run(given, timeout=milliseconds / 1e3)
            except ferry.DeadlineExceeded:
                stopped += 1
        assert stopped > 0, name
        again = session.run(given)
        assert all(np.array_equal(wanted[o], again[o]) for o in wanted), name
