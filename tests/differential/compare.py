# SPDX-License-Identifier: Apache-2.0
"""Whether a result is the expected one, to within what rounding can do.

The tolerance of an element is derived, not chosen. The builder perturbs every input and result of every
node by AMPLITUDE (8) rounding units, each element in a random direction, twice, and sees how far the
element moves: that is eps times the accumulated magnitudes of everything that it was computed from,
conditioning included (for products with long sums a larger perturbation, see builder.long_sum). So an
element may differ by

    FACTOR * (its own movement + the mean movement of its tensor) + FLOOR * unit * |value|

The mean stands for elements whose two random directions cancelled. What is computed without rounding
(integers, booleans, texts, moved data) has no movement, and must be equal.
"""

from typing import Any

import numpy as np

from . import elements as el
from .builder import Value, same, spread

FACTOR = 3.0
FLOOR = 4.0
# Numbers below may be counted as zero.
SUBNORMAL = {el.F16: 6.2e-5 / 512, el.BF16: 1.2e-38, el.F32: 1.2e-38, el.F64: 2.3e-308}


def difference(got: Any, want: Value, widen: float = 1.0) -> str:
    """What is wrong with `got`, or an empty text."""
    return measured(got, want, widen)[0]


def measured(got: Any, want: Value, widen: float = 1.0) -> tuple[str, float]:
    """What is wrong, and the largest error as a share of its tolerance."""
    if isinstance(want.data, list):
        if not isinstance(got, (list, tuple)) or len(got) != len(want.data):
            return f"a sequence of {len(got) if isinstance(got, (list, tuple)) else type(got).__name__}; wanted {len(want.data)}", np.inf
        moved = spread(want)
        pairs = [_tensor(g, w, moved[i], want.element, widen) for i, (g, w) in enumerate(zip(got, want.data))]
        wrong = next((t for t, _ in pairs if t), "")
        return wrong, max([s for _, s in pairs], default=0.0)
    if want.data is None or got is None:
        return ("", 0.0) if got is None and want.data is None else ("absent" if got is None else "present; wanted absent", np.inf)
    return _tensor(got, want.data, spread(want), want.element, widen)


def equal_bits(got: np.ndarray, want: np.ndarray) -> np.ndarray:
    if want.dtype.kind in "OUS":
        return got == want
    if want.dtype.name in ("int4", "uint4", "int2", "uint2"):  # what lies above the value is nobody's
        return got.astype(np.int8) == want.astype(np.int8)
    bits = np.dtype(f"u{want.dtype.itemsize}")
    return np.ascontiguousarray(got).view(bits) == np.ascontiguousarray(want).view(bits)


def _tensor(got: Any, want: Any, moved: Any, element: int, widen: float) -> tuple[str, float]:
    if isinstance(want, dict):
        return ("", 0.0) if isinstance(got, dict) and same(got, want) else (f"{got!r}; wanted {want!r}", np.inf)
    got, want = np.asarray(got), np.asarray(want)
    if got.shape != want.shape:
        return f"shape {list(got.shape)}; wanted {list(want.shape)}", np.inf
    if got.dtype != want.dtype and not (got.dtype.kind in "OUS" and want.dtype.kind in "OUS"):
        return f"type {got.dtype}; wanted {want.dtype}", np.inf
    if not want.size:
        return "", 0.0
    if want.dtype.kind in "OUS" or element not in el.UNIT:
        equal = equal_bits(got, want)
        if element in el.TINY_FLOATS:  # the sign of a zero that was computed is not compared, as it is not in wider floats
            equal |= got.astype(np.float32) == want.astype(np.float32)
        if np.all(equal):
            return "", 0.0
        at = tuple(int(i) for i in np.argwhere(~np.asarray(equal))[0]) if want.shape else ()
        return f"{got[at]!r} at {list(at)}; wanted {want[at]!r} ({int(np.sum(~np.asarray(equal)))} of {want.size} differ)", np.inf
    wide = np.complex128 if want.dtype.kind == "c" else np.float64
    g, w = got.astype(wide), want.astype(wide)
    mean = float(np.mean(moved))
    allowed = widen * (FACTOR * (moved + mean) + FLOOR * el.UNIT[element] * np.abs(w)) + 64 * SUBNORMAL.get(element, 1e-37)
    with np.errstate(all="ignore"):
        error = np.where(g == w, 0, np.abs(g - w))
    bad = ~(error <= allowed)
    if not bad.any():
        return "", float(np.max(error / allowed))
    at = tuple(int(i) for i in np.argwhere(bad)[np.argmax(np.nan_to_num(error[bad], nan=np.inf))])
    return (f"{got[at]!r} at {list(at)}; wanted {want[at]!r} within {allowed[at]:.3g} ({int(bad.sum())} of {want.size} differ)", np.inf)
