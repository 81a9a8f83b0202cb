# SPDX-License-Identifier: Apache-2.0
"""Inputs of the deadline survey: the same ones each time."""

import numpy as np

F = np.float32


def ones(*dims, dtype=F):
    return np.ones(dims, dtype)


def noise(*dims, seed=1):
    return np.random.default_rng(seed).random(dims, F)


def integers(high, *dims, dtype=np.int64):
    return np.random.default_rng(2).integers(0, high, dims).astype(dtype)


def words(n):
    return np.array([f"word {i} of many, A\u00e9" for i in range(n)], object)
