# SPDX-License-Identifier: Apache-2.0
"""Every model of this set by name."""

from bench.zoo.model import ZooModel

from . import convnets, dense_prediction, language, mixers, signals

FAMILIES = (convnets, mixers, dense_prediction, signals, language)
MODELS: dict[str, ZooModel] = {model.name: model for family in FAMILIES for model in family.MODELS}
SOURCES: dict[str, str] = {
    model.name: family.__file__ for family in FAMILIES for model in family.MODELS
}
