"""What is in a picture besides faces, in words; and how the picture itself looks."""

from __future__ import annotations

from dataclasses import dataclass

from regard.domain.images import Box, Image


@dataclass(frozen=True, slots=True, kw_only=True)
class Colour:
    """A colour of CSS, and how much of what was looked at has it: 0 to 100."""

    red: int
    green: int
    blue: int
    css: str
    #: One of twelve plain words: red, pink, orange, yellow, brown, green, cyan, blue, purple, white, grey, black.
    plain: str
    percent: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One object that a label was given for; its colours, most first, if they were asked for."""

    box: Box
    confidence: float
    colours: tuple[Colour, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A word for something in a picture. `confidence` is 0 to 100: of labels with that number so many in a hundred are
    right. `parents` are all of its ancestors."""

    name: str
    confidence: float
    instances: tuple[Instance, ...] = ()
    parents: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    category: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """From 0 to 100 each; no `contrast` is told of a part of a picture."""

    brightness: float
    sharpness: float
    contrast: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """How a picture, or its foreground or background, looks. Colours come most first."""

    quality: Quality
    colours: tuple[Colour, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageProperties:
    """`foreground` is what objects were found in, or the middle of the picture where there are none; `background` the
    rest, None where there is none."""

    whole: Region
    foreground: Region | None
    background: Region | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which labels are wanted, by name or category; a field that is empty keeps nothing out."""

    names: frozenset[str] = frozenset()
    not_names: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    not_categories: frozenset[str] = frozenset()

    def keeps(self, label: Label) -> bool:
        """Whether the label passes: among what is included, by its name or its category, and not excluded."""
        wanted = self.names or self.categories
        included = not wanted or label.name in self.names or label.category in self.categories
        return included and label.name not in self.not_names and label.category not in self.not_categories


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelOptions:
    """What is asked of a picture: labels of at least `least` confidence, `most` at most; properties, with so many
    colours."""

    labels: bool = True
    properties: bool = False
    least: float = 55.0
    most: int = 1000
    colours: int = 10
    filters: Filters = Filters()


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledImage:
    """A picture with its labels, most certain first, and how it looks; None for what was not asked for."""

    image: Image
    labels: tuple[Label, ...] | None
    properties: ImageProperties | None
    model: str
