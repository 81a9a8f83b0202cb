# SPDX-License-Identifier: Apache-2.0
"""Random nodes end alike on fast and on reference kernels, and never in a signal."""

import pytest

from tests.hostile import random_nodes


def findings(first, count):
    found = []
    random_nodes.search(range(first, first + count), lambda seed, what: found.append((seed, what)))
    return found


def test_nodes():
    assert findings(0, 4000) == []


# What such a search has found; each fails without its fix.
@pytest.mark.parametrize("seed", [100845, 1065180, 1065320])
def test_nodes_that_once_failed(seed):
    assert findings(seed, 1) == []


@pytest.mark.long
def test_many_nodes():
    assert findings(10**6, 200_000) == []
