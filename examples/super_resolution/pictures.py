# SPDX-License-Identifier: Apache-2.0
"""The photographs, their split, and the few steps between a picture and the model's tensors.

Every picture is a file inside the scikit-image wheel; nothing is downloaded. The low
resolution is made by Pillow's BICUBIC, in training and in evaluation alike.
"""

from pathlib import Path

import numpy as np
from PIL import Image

SCALE = 3
BORDER = 3  # pixels that evaluation leaves out on every side

# The split. Held out: four everyday photographs that training never sees, in no form.
HELD_OUT = ("astronaut.png", "camera.png", "chelsea.png", "coffee.png")
TRAINING = (
    "motorcycle_left.png",
    "motorcycle_right.png",
    "rocket.jpg",
    "retina.jpg",
    "hubble_deep_field.jpg",
    "ihc.png",
    "brick.png",
    "grass.png",
    "gravel.png",
    "coins.png",
    "moon.png",
    "page.png",
    "text.png",
)
# Pictures of one scene: all of a group stay on one side of the split.
SAME_SCENE = (("motorcycle_left.png", "motorcycle_right.png"),)


def load_rgb(name: str) -> Image.Image:
    """A picture of scikit-image as RGB; grey ones get three equal channels."""
    import skimage

    with Image.open(Path(skimage.__file__).parent / "data" / name) as picture:
        return picture.convert("RGB")


def crop_to_scale(picture: Image.Image) -> Image.Image:
    """The picture without the last columns and rows that a factor of 3 cannot make."""
    return picture.crop((0, 0, picture.width // SCALE * SCALE, picture.height // SCALE * SCALE))


def shrink(picture: Image.Image) -> Image.Image:
    size = (picture.width // SCALE, picture.height // SCALE)
    return picture.resize(size, Image.Resampling.BICUBIC)


def enlarge(picture: Image.Image, how: Image.Resampling = Image.Resampling.BICUBIC) -> Image.Image:
    return picture.resize((picture.width * SCALE, picture.height * SCALE), how)


def to_input(picture: Image.Image) -> np.ndarray:
    """uint8 [h, w, 3] to float32 [1, 3, h, w] in 0..1."""
    pixels = np.asarray(picture.convert("RGB"), dtype=np.float32) / np.float32(255)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])


def to_picture(output: np.ndarray) -> Image.Image:
    """float32 [1, 3, h, w] to a picture: clamped to 0..1, rounded to the nearest of 256 levels."""
    levels = np.rint(np.clip(output[0], 0, 1) * np.float32(255)).astype(np.uint8)
    return Image.fromarray(np.ascontiguousarray(levels.transpose(1, 2, 0)))


def psnr(picture: Image.Image, original: Image.Image) -> float:
    """Peak signal-to-noise ratio in dB over R, G and B, without the border."""
    inner = slice(BORDER, -BORDER)
    seen = np.asarray(picture, dtype=np.float64)[inner, inner]
    wanted = np.asarray(original, dtype=np.float64)[inner, inner]
    error = np.mean((seen - wanted) ** 2)
    return float("inf") if error == 0 else float(10 * np.log10(255.0**2 / error))
