# SPDX-License-Identifier: Apache-2.0
"""The split, the figures it gives, and the steps between pictures and tensors."""

import numpy as np
import pytest
from evaluate import average_gain, evaluate
from engines import open_engine
from PIL import Image
from pictures import (
    HELD_OUT,
    SAME_SCENE,
    TRAINING,
    crop_to_scale,
    load_rgb,
    psnr,
    shrink,
    to_input,
    to_picture,
)

WANTED_GAIN = 0.5
RECORDED_GAIN = 0.838


def test_split_sides_are_disjoint():
    assert not set(TRAINING) & set(HELD_OUT)
    assert len(set(TRAINING)) == len(TRAINING)
    assert len(set(HELD_OUT)) == len(HELD_OUT)


@pytest.mark.parametrize("scene", SAME_SCENE)
def test_pictures_of_one_scene_stay_on_one_side(scene):
    assert set(scene) <= set(TRAINING) or set(scene) <= set(HELD_OUT)


def test_every_left_right_pair_is_declared():
    """Catches a stereo pair that is added to the split and forgotten in SAME_SCENE."""
    declared = {frozenset(scene) for scene in SAME_SCENE}
    names = set(TRAINING + HELD_OUT)
    for name in names:
        other = name.replace("_left", "_right")
        if other != name and other in names:
            assert frozenset((name, other)) in declared


def test_sides_share_no_pixels():
    """No held-out picture is a training picture under another name."""
    def fingerprint(name):
        small = load_rgb(name).convert("L").resize((16, 16), Image.Resampling.BOX)
        values = np.asarray(small, dtype=np.float64).ravel()
        return (values - values.mean()) / (values.std() + 1e-9)

    training = [fingerprint(name) for name in TRAINING]
    for name in HELD_OUT:
        seen = fingerprint(name)
        assert max(np.mean(seen * other) for other in training) < 0.9, name


def test_gain_on_held_out_pictures(engine):
    figures = evaluate(open_engine(engine, threads=2), show=False)
    assert set(figures) == set(HELD_OUT)
    gain = average_gain(figures)
    assert gain >= WANTED_GAIN
    assert gain == pytest.approx(RECORDED_GAIN, abs=0.005)


def test_crop_and_shrink_sizes():
    picture = crop_to_scale(Image.new("RGB", (11, 7)))
    assert picture.size == (9, 6)
    assert shrink(picture).size == (3, 2)


def test_to_input_orders_and_scales():
    picture = Image.new("RGB", (2, 1))
    picture.putpixel((1, 0), (255, 51, 0))
    x = to_input(picture)
    assert x.shape == (1, 3, 1, 2) and x.dtype == np.float32
    np.testing.assert_allclose(x[0, :, 0, 1], [1, 0.2, 0])


def test_to_picture_clamps_and_rounds():
    y = np.array([-1, 0, 0.4 / 255, 0.6 / 255, 254.4 / 255, 7], np.float32)
    y = np.broadcast_to(y, (1, 3, 1, 6))
    assert np.asarray(to_picture(y))[0, :, 0].tolist() == [0, 0, 0, 1, 254, 255]


def test_every_byte_survives_the_round_trip():
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    picture = Image.fromarray(np.stack([levels, levels.T, 255 - levels], axis=2))
    assert np.array_equal(np.asarray(to_picture(to_input(picture))), np.asarray(picture))


def test_psnr():
    black = Image.new("RGB", (12, 10))
    grey = Image.new("RGB", (12, 10), (255, 255, 255))
    assert psnr(black, black) == float("inf")
    assert psnr(black, grey) == pytest.approx(0)
    edge = black.copy()
    edge.paste((255, 255, 255), (0, 0, 12, 3))
    assert psnr(edge, black) == float("inf"), "the 3-pixel border does not count"
    edge.putpixel((3, 3), (255, 0, 0))
    assert psnr(edge, black) == pytest.approx(10 * np.log10(6 * 4 * 3))
