"""Labels, colours and image properties in AWS's JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from regard.domain.labels import Colour, ImageProperties, Instance, Label, Quality, Region
from regard.operations.face_shapes import bounding_box


def label_shape(label: Label) -> dict[str, Any]:
    """A Label; its lists may be empty."""
    return {
        "Name": label.name,
        "Confidence": label.confidence,
        "Instances": [_instance(each) for each in label.instances],
        "Parents": _named(label.parents),
        "Aliases": _named(label.aliases),
        "Categories": _named([label.category]),
    }


def properties_shape(properties: ImageProperties) -> dict[str, Any]:
    """A DetectLabelsImageProperties."""
    parts = {"Foreground": properties.foreground, "Background": properties.background}
    shape = _region(properties.whole)
    return shape | {name: _region(region) for name, region in parts.items() if region is not None}


def _instance(instance: Instance) -> dict[str, Any]:
    shape: dict[str, Any] = {"BoundingBox": bounding_box(instance.box), "Confidence": instance.confidence}
    if instance.colours is not None:
        shape["DominantColors"] = _colours(instance.colours)
    return shape


def _region(region: Region) -> dict[str, Any]:
    return {"Quality": _quality(region.quality), "DominantColors": _colours(region.colours)}


def _quality(quality: Quality) -> dict[str, float]:
    shape = {"Brightness": quality.brightness, "Sharpness": quality.sharpness}
    if quality.contrast is not None:
        shape["Contrast"] = quality.contrast
    return shape


def _colours(colours: Iterable[Colour]) -> list[dict[str, Any]]:
    return [
        {
            "Red": colour.red,
            "Green": colour.green,
            "Blue": colour.blue,
            "HexCode": f"#{colour.red:02x}{colour.green:02x}{colour.blue:02x}",
            "CSSColor": colour.css,
            "SimplifiedColor": colour.plain,
            "PixelPercent": colour.percent,
        }
        for colour in colours
    ]


def _named(names: Iterable[str]) -> list[dict[str, str]]:
    return [{"Name": name} for name in names]
