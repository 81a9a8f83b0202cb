# SPDX-License-Identifier: Apache-2.0
"""The list of templates: functions that add a legal node, or a few, to a Builder."""

from collections.abc import Callable

TEMPLATES: list[tuple[float, Callable]] = []


def template(weight: float = 1.0):
    """Registers a function of a Builder; `weight` is how often it is drawn."""

    def register(function: Callable) -> Callable:
        TEMPLATES.append((weight, function))
        return function

    return register
