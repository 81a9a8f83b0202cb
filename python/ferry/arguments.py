# SPDX-License-Identifier: Apache-2.0
"""What callers pass, checked and in the form that ferry._native takes; the errors name the argument."""

import difflib
import operator
import os
import reprlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NoReturn

import numpy as np

from .errors import InvalidArgument

INT_MAX = (1 << 31) - 1
INT64_MAX = (1 << 63) - 1
SIZE_MAX = (1 << 64) - 1


def refuse(name: str, value: Any, wanted: str) -> NoReturn:
    kind = type(value).__name__
    # Other objects may print a page.
    short = isinstance(value, (bool, int, float, str, bytes))
    seen = f"{reprlib.repr(value)} ({kind})" if short else "None" if value is None else f"of type {kind}"
    raise InvalidArgument(f"{name} is {seen}; wanted {wanted}")


def instance(name: str, value: Any, kind: Any, wanted: str) -> None:
    if not isinstance(value, kind):
        refuse(name, value, wanted)


def flag(name: str, value: Any) -> bool:
    if not isinstance(value, (bool, np.bool_)):
        refuse(name, value, "True or False")
    return bool(value)


def integer(name: str, value: Any, low: int, high: int) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        refuse(name, value, "an integer")
    if not low <= number <= high:
        most = f"at most {high}" if number > high else f"{low} or more"
        raise InvalidArgument(f"{name} is {reprlib.repr(number)}, wanted {most}")
    return number


def any_int(name: str, value: Any) -> int:
    return integer(name, value, -INT_MAX, INT_MAX)


def count(name: str, value: Any) -> int:
    return integer(name, value, 0, INT_MAX)


def size(name: str, value: Any) -> int:
    return integer(name, value, 0, SIZE_MAX)


def text(name: str, value: Any) -> str:
    instance(name, value, str, "a text (str)")
    try:
        value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        refuse(name, value, "a text without lone surrogates")
    return value


def names(name: str, values: Any) -> list[str]:
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        refuse(name, values, "a list of names")
    return [text(f"{name}[{i}]", value) for i, value in enumerate(values)]


def choice(name: str, value: Any, first: str, second: str) -> bool:
    """Whether it is the second."""
    if text(name, value) not in (first, second):
        refuse(name, value, f"{first!r} or {second!r}")
    return value == second


def numbers(name: str, values: Any) -> list[float]:
    """One number, or a list of them."""
    try:
        listed = [float(value) for value in (values if np.ndim(values) == 1 else [values])]
    except (TypeError, ValueError):
        refuse(name, values, "a number, or a list of one for each channel")
    if not 1 <= len(listed) <= 4:
        refuse(name, values, "a number, or a list of 1 to 4")
    return listed


def exact(name: str, value: Any, array: np.ndarray, wanted: str) -> None:
    """Refuses what lost a fraction on its way into an array of integers, and text for numbers."""
    if array.dtype.kind not in "iub" and not isinstance(value, str | bytes | list | tuple):
        return
    natural = np.asarray(value)
    if natural.dtype.kind in "US" or (array.dtype.kind in "iub" and not np.array_equal(natural, array)):
        refuse(name, value, f"numbers that {wanted} holds exactly")


def nearest(name: str, names: list[str]) -> str:
    """The one of `names` that a misspelt name may have meant, or "". Case does not count."""
    lowered = {known.lower(): known for known in names}
    near = difflib.get_close_matches(name.lower(), lowered, 1)
    return lowered[near[0]] if near else ""


def sizes(name: str, values: Any) -> list[int]:
    instance(name, values, Iterable, "a list of sizes")
    return [integer(f"{name}[{i}]", value, 0, INT64_MAX) for i, value in enumerate(values)]


def mapping(name: str, values: Any, convert: Callable[[str, Any], Any] = lambda _, value: value) -> dict[str, Any]:
    instance(name, values, Mapping, "a dict by name")
    return {text(f"a key of {name}", key): convert(f"{name}[{key!r}]", value) for key, value in values.items()}


def path(name: str, value: Any) -> bytes:
    """As the system spells it: a name of a file need not be UTF-8."""
    try:
        encoded = os.fsencode(value)
    except TypeError:
        refuse(name, value, "a path (str, bytes or os.PathLike)")
    except UnicodeEncodeError:
        refuse(name, value, "a path that the file system can spell")
    if b"\0" in encoded:
        refuse(name, value, "a path without NUL")
    return encoded


def inputs(values: Any) -> dict[str, Any] | list[Any] | tuple[Any, ...]:
    if isinstance(values, (dict, list, tuple)):
        return values
    if isinstance(values, Mapping):
        return dict(values)
    if isinstance(values, Sequence) and not isinstance(values, (str, bytes)):
        return list(values)
    refuse("inputs", values, "a dict of arrays by name, {'x': array}, or a list in model order, [array]")
