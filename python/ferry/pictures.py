# SPDX-License-Identifier: Apache-2.0
"""Pictures as arrays, and back."""

import os
from typing import Any

import numpy as np

from . import _native
from . import arguments as given


def read_picture(path: str | bytes | os.PathLike, layout: str = "nchw", order: str = "rgb", range: str = "unit",
                 channels: int = 3) -> np.ndarray:
    """The picture in a file as f32[1,C,H,W] or, for layout "nhwc", f32[1,H,W,C].

    order     of colours: "rgb" or "bgr"
    range     "unit" (0 to 1) or "255"
    channels  1, 3 or 4

    Errors: IoError, InvalidArgument, UnsupportedType, LimitExceeded, OutOfMemory.
    """
    return _native.read_picture(given.path("path", path), given.text("layout", layout), given.text("order", order),
                                given.text("range", range), given.count("channels", channels))


def write_picture(path: str | bytes | os.PathLike, picture: Any, layout: str = "nchw", order: str = "rgb",
                  range: str = "unit") -> list[str]:
    """Writes f32 or u8 samples as a picture by the extension of `path`; returns notes of what was
    clamped or dropped.

    Errors: ShapeMismatch, UnsupportedType, InvalidArgument, IoError.
    """
    return _native.write_picture(given.path("path", path), picture, given.text("layout", layout),
                                 given.text("order", order), given.text("range", range))
