# SPDX-License-Identifier: Apache-2.0
"""Every model of the zoo by name, in the order of the tables."""

from . import (
    bert,
    control_flow,
    efficientnet,
    gpt2,
    lstm,
    mobilenet,
    resnet,
    srcnn,
    unet,
    vit,
    whisper,
    yolo,
)
from .model import ZooModel

FAMILIES = (
    srcnn,
    resnet,
    mobilenet,
    lstm,
    control_flow,
    efficientnet,
    yolo,
    unet,
    vit,
    bert,
    gpt2,
    whisper,
)
MODELS: dict[str, ZooModel] = {model.name: model for family in FAMILIES for model in family.MODELS}
SOURCES: dict[str, str] = {
    model.name: family.__file__ for family in FAMILIES for model in family.MODELS
}
