"""The numbers that make confidences of the models' scores, from `label_confidence.toml`."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import resources
from typing import Annotated

from pydantic import Field

from regard.config.toml_tables import Table, parse, read

Four = Annotated[tuple[float, float, float, float], Field(strict=False)]
Five = Annotated[tuple[float, float, float, float, float], Field(strict=False)]

_NAME = "label_confidence.toml"


class SceneWeights(Table, frozen=True):
    """For labels of whole pictures."""

    temperature: float = Field(gt=0)
    weights: Five
    portrait_part: float = Field(gt=0, lt=1)


class ObjectWeights(Table, frozen=True):
    """For boxes of persons, and of others."""

    person: Four
    other: Four


class LabelConfidence(Table, frozen=True):
    """All of the file."""

    revision: int
    scenes: SceneWeights
    objects: ObjectWeights


@cache
def label_confidence() -> LabelConfidence:
    """The numbers in use."""
    return read(LabelConfidence, parse(_text(_NAME), _NAME), _NAME)


@cache
def label_fingerprint() -> str:
    """What stands for all that turns scores into labels: other numbers or another taxonomy have another."""
    return hashlib.sha256(f"{_text(_NAME)}\n{_text('taxonomy.toml')}".encode()).hexdigest()


def _text(name: str) -> str:
    return resources.files("regard.vision.images").joinpath(name).read_text(encoding="utf-8")
