# SPDX-License-Identifier: Apache-2.0
"""Real networks give the same bits with any number of threads, chosen ones too."""

from pathlib import Path

import numpy as np
import pytest

import ferry

ZOO = Path(__file__).parents[1] / "build" / "zoo"
MODELS = ["mobilenet_v2", "efficientnet_b0", "srcnn", "lstm_tagger", "yolov8n"]


def random_feed(session):
    random = np.random.default_rng(0)
    feed = {}
    for value in session.inputs:
        shape = [d if isinstance(d, int) else 1 for d in value.shape]
        kind = np.dtype(value.dtype)
        feed[value.name] = (random.random(shape) if kind.kind == "f" else np.ones(shape)).astype(kind)
    return feed


@pytest.mark.parametrize("name", MODELS)
def test_same_bits(name):
    path = next(iter(sorted((ZOO / name).glob("*.onnx"))), None)
    if path is None:
        pytest.skip(f"{name} is not built: python -m bench.zoo.build --only {name}")
    one = ferry.Session(path, threads=1)
    feed = random_feed(one)
    wanted = one.run(feed)
    for threads in (2, 3, 4, 0):
        session = ferry.Session(path, threads=threads)
        for _ in range(2 if threads else 5):
            for key, value in session.run(feed).items():
                np.testing.assert_array_equal(value, wanted[key], err_msg=f"{threads} threads")
