"""Labels as Amazon Rekognition names them: parents, aliases, categories, and the classes of models behind them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources

import numpy as np
from pydantic import Field

from regard.config.toml_tables import Table, parse, read
from regard.domain.arrays import BoolArray, FloatArray, IntArray

#: Classes of the classifier: ImageNet's.
SCENES = 1000
#: What people wear is one of these.
GARMENTS = ("Clothing", "Accessories")
#: What the classifier takes bare shoulders and hair for. No portrait shows it, and nobody is told to wear it for that.
BARE = ("Underwear", "Swimwear", "Diaper", "Wig")


class Entry(Table, frozen=True):
    """A label in the file: its nearest parents, its aliases, and the classes that mean it and nothing more special."""

    parents: tuple[str, ...] = Field(default=(), strict=False)
    aliases: tuple[str, ...] = Field(default=(), strict=False)
    objects: tuple[int, ...] = Field(default=(), strict=False)
    scenes: tuple[int, ...] = Field(default=(), strict=False)


@dataclass(frozen=True)
class Taxonomy:
    """Every label by name, and the category of each."""

    entries: Mapping[str, Entry]
    categories: Mapping[str, str]

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(self.entries)

    def ancestors(self, name: str) -> frozenset[str]:
        """Parents, and theirs."""
        return self._lineage[name]

    @cached_property
    def _lineage(self) -> dict[str, frozenset[str]]:
        found: dict[str, frozenset[str]] = {}

        def of(name: str) -> frozenset[str]:
            if name not in found:
                parents = self.entries[name].parents
                found[name] = frozenset(parents).union(*(of(parent) for parent in parents))
            return found[name]

        return {name: of(name) for name in self.entries}

    @cached_property
    def object_names(self) -> Mapping[int, str]:
        """The label of each class of the detectors."""
        return {number: name for name, entry in self.entries.items() for number in entry.objects}

    @cached_property
    def _examples(self) -> tuple[IntArray, IntArray]:
        """Every class and the place in `names` of every label that it is an example of, in pairs."""
        columns = {name: column for column, name in enumerate(self.names)}
        pairs = [
            (number, columns[each])
            for name, entry in self.entries.items()
            for number in entry.scenes
            for each in (name, *self.ancestors(name))
        ]
        classes, labels = np.array(pairs, np.int64).T
        return classes, labels

    @cached_property
    def breadths(self) -> IntArray:
        """How many classes each label has examples in, in the order of `names`."""
        return np.bincount(self._examples[1], minlength=len(self.names))

    @cached_property
    def worn(self) -> BoolArray:
        """Whether each label, in that order, is of something that people wear."""
        return self._among(GARMENTS)

    @cached_property
    def bare(self) -> BoolArray:
        """Whether each label, in that order, is among what no portrait shows."""
        return self._among(BARE)

    def _among(self, kinds: Collection[str]) -> BoolArray:
        return np.array([not {name, *self.ancestors(name)}.isdisjoint(kinds) for name in self.names], bool)

    def of_scenes(self, probabilities: FloatArray) -> FloatArray:
        """N×labels, in the order of `names`: the sum of the N×SCENES probabilities of what is an example of each."""
        classes, labels = self._examples
        sums = [np.bincount(labels, row[classes], len(self.names)) for row in probabilities]
        return np.minimum(np.stack(sums), 1).astype(np.float32)


@cache
def taxonomy() -> Taxonomy:
    """The labels that the models can reach, from `taxonomy.toml`."""
    text = resources.files("regard.vision.images").joinpath("taxonomy.toml").read_text(encoding="utf-8")
    return _read(parse(text, "taxonomy.toml").items())


def _read(categories: Iterable[tuple[str, Mapping[str, object]]]) -> Taxonomy:
    entries, found = {}, {}
    for category, labels in categories:
        for name, table in labels.items():
            entries[name] = read(Entry, table, f"taxonomy.toml, {name}")
            found[name] = category
    return Taxonomy(entries, found)
