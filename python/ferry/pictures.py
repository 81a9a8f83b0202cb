# SPDX-License-Identifier: Apache-2.0
"""Pictures as arrays, and back. The options have the names and values of `ferry run`.

What the numbers mean, for each channel c:

    number = (sample / white - mean[c]) / std[c]      white is 255 for range "0-1" and 1 for "0-255"
"""

import os
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from . import _native
from . import arguments as given


class Picture(NamedTuple):
    """A picture that was read; `tensor` is what a session takes."""

    tensor: np.ndarray
    width: int
    height: int
    format: str  # "PNG", "JPEG", ...
    notes: list[str]  # what was converted, dropped or ignored, in order


def _options(layout: Any, order: Any, range: Any, mean: Any, std: Any) -> dict[str, Any]:
    return {
        "layout": given.choice("layout", layout, "nchw", "nhwc"), "order": given.choice("order", order, "rgb", "bgr"),
        "range": given.choice("range", range, "0-1", "0-255"),
        "mean": given.numbers("mean", mean), "std": given.numbers("std", std),
    }


def _reading(channels: Any, dtype: Any) -> dict[str, Any]:
    try:
        element = np.dtype(dtype)
    except (TypeError, ValueError):
        given.refuse("dtype", dtype, "numpy.float32 or numpy.uint8")
    if dtype is None or element not in (np.float32, np.uint8):
        given.refuse("dtype", dtype, "numpy.float32 or numpy.uint8")
    return {"channels": given.count("channels", channels), "bytes": bool(element == np.uint8)}


def read_picture(path: str | bytes | os.PathLike[str], layout: str = "nchw", order: str = "rgb", range: str = "0-1",
                 channels: int = 3, *, mean: float | Sequence[float] = 0.0, std: float | Sequence[float] = 1.0,
                 dtype: Any = np.float32) -> Picture:
    """The picture in a file; of several pictures or frames the first one.

    layout    "nchw": the array is [1,C,H,W]; "nhwc": [1,H,W,C]
    order     of colours: "rgb" or "bgr"
    range     numbers of black and white: "0-1" or "0-255"
    channels  1 (grey), 3 (colour) or 4 (colour and alpha)
    mean, std one number, or one for each channel, in units of the range
    dtype     numpy.float32, or numpy.uint8 for samples as they are

    The format is found from the bytes. Nothing is converted silently: see Picture.notes.
    Errors: IoError, InvalidArgument, UnsupportedType, LimitExceeded, OutOfMemory.
    """
    return Picture(*_native.read_picture(given.path("path", path), **_options(layout, order, range, mean, std),
                                         **_reading(channels, dtype)))


def decode_picture(data: bytes | bytearray | memoryview, layout: str = "nchw", order: str = "rgb",
                   range: str = "0-1", channels: int = 3, *, mean: float | Sequence[float] = 0.0,
                   std: float | Sequence[float] = 1.0, dtype: Any = np.float32) -> Picture:
    """read_picture from the bytes of a file."""
    given.instance("data", data, bytes | bytearray | memoryview, "the bytes of a picture file")
    return Picture(*_native.decode_picture(bytes(data), **_options(layout, order, range, mean, std),
                                           **_reading(channels, dtype)))


def write_picture(path: str | bytes | os.PathLike[str], picture: Any, layout: str = "nchw", order: str = "rgb",
                  range: str = "0-1", *, mean: float | Sequence[float] = 0.0, std: float | Sequence[float] = 1.0,
                  rounding: str = "nearest") -> list[str]:
    """Writes f32 or u8 samples as a picture of 8 bits by the extension of `path`; returns notes, as of NaN
    that became 0. Numbers outside of the range are clamped.

    picture   an array of [1,C,H,W] or [C,H,W], by `layout` [1,H,W,C] or [H,W,C], or of [H,W]
    rounding  "nearest" (half to even) or "down"
    Others    as read_picture takes them; they are undone.

    Errors: ShapeMismatch, UnsupportedType, InvalidArgument, IoError, OutOfMemory.
    """
    options = _options(layout, order, range, mean, std)
    options["rounding"] = given.choice("rounding", rounding, "nearest", "down")
    return _native.write_picture(given.path("path", path), picture, **options)
