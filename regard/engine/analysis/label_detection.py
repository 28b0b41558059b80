"""Telling what is in one picture and how it looks. The door for DetectLabels and `regard labels`."""

from __future__ import annotations

from dataclasses import replace

from regard.accountability.gate import Grant
from regard.domain.authority import Action
from regard.domain.images import ObjectName
from regard.domain.labels import Label, LabelledImage, LabelOptions
from regard.engine.analysis.image_loader import ImageLoader
from regard.engine.analysis.image_properties import box_colours, image_properties
from regard.engine.analysis.label_analyzer import SEEN_PIXELS, Findings, LabelAnalyzer
from regard.vision.geometry import reduced
from regard.vision.images.picture_look import PictureLook

#: An object that is as certain as labels are unless more or less is asked for is in the foreground.
_FRONT_PERCENT = LabelOptions().least


class LabelDetection:
    """Labels pictures, and stores nothing."""

    def __init__(self, loader: ImageLoader, analyzer: LabelAnalyzer) -> None:
        self._loader = loader
        self._analyzer = analyzer

    def detect(self, grant: Grant, picture: bytes | ObjectName, options: LabelOptions) -> LabelledImage:
        """What `options` ask of a picture. Raises what `ImageLoader.reading` raises, and ModelUnavailable."""
        grant.require(Action.DETECT)
        with self._loader.reading(picture) as (opened,):
            grant.note(pictures=[opened.image_id])
            image = opened.load().image
            seen = replace(image, pixels=reduced(image.pixels, SEEN_PIXELS))
            look = PictureLook(seen.pixels)
            if options.properties:
                look.measure()
            findings = self._analyzer.find(seen)
            labels = _chosen(findings, look, options) if options.labels else None
            grant.note(found=len(labels or ()))
            front = findings.boxes[findings.percents >= _FRONT_PERCENT]
            return LabelledImage(
                image=image,
                labels=labels,
                properties=image_properties(look, front, options.colours) if options.properties else None,
                model=self._analyzer.version,
            )


def _chosen(findings: Findings, look: PictureLook, options: LabelOptions) -> tuple[Label, ...]:
    kept = [label for label in findings.labels(options.least) if options.filters.keeps(label)][: options.most]
    return tuple(_coloured(label, look, options.colours) for label in kept) if options.properties else tuple(kept)


def _coloured(label: Label, look: PictureLook, most: int) -> Label:
    """The label, its instances with their colours."""
    instances = (replace(one, colours=box_colours(look, one.box, most)) for one in label.instances)
    return replace(label, instances=tuple(instances))
