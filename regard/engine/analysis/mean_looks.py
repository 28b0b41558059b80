"""People by the mean of several looks: the embeddings of looks at one person agree, and only those are averaged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from regard.domain.arrays import FloatArray
from regard.engine.analysis.probes import Look, ProbeReader, Probes

#: Looks that a person is searched for by: 3 to 5 lift the mates found of small and dark faces by a third to a half.
MOST_LOOKS: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanLook:
    """A person by several looks: a unit vector, D long, and the utility of the best of them. `person` and `looks` say
    which of those that were given."""

    embedding: FloatArray
    utility: float | None
    person: int = 0
    looks: tuple[int, ...] = ()


def mean_look(looks: Sequence[Probes]) -> MeanLook:
    """The mean of looks at one person, one face each and one look at least."""
    mean = np.mean([look.embeddings[0] for look in looks], axis=0)
    utilities = [float(look.faces.utility[0]) for look in looks if look.faces.utility is not None]
    unit = np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-9), np.float32)
    return MeanLook(embedding=unit, utility=max(utilities, default=None))


def mean_looks(reader: ProbeReader, people: Sequence[Sequence[Look]], least: float) -> list[MeanLook]:
    """Whom the looks show, by person and by their first look: one for each person whose looks have a cosine of `least`
    with each other, more where they have not. The first MOST_LOOKS of those that agree are averaged: let the best come
    first."""
    found = []
    for person, looks in enumerate(people):
        seen = [reader.embedded(each.image, each.face) for each in looks]
        for rows in _agreeing(np.concatenate([each.embeddings for each in seen]), least):
            mean = mean_look([seen[row] for row in rows[:MOST_LOOKS]])
            part = MeanLook(embedding=mean.embedding, utility=mean.utility, person=person, looks=tuple(rows))
            found.append(part)
    return found


def _agreeing(embeddings: FloatArray, least: float) -> list[list[int]]:
    """The rows, those together that are like the mean of those before: the track of a person can have gone over to
    somebody else, and a mean of two people is like either, or like a third."""
    groups: list[list[int]] = []
    for row, embedding in enumerate(embeddings):
        means = [embeddings[rows].mean(axis=0) for rows in groups]
        cosines = [float(mean @ embedding / max(float(np.linalg.norm(mean)), 1e-9)) for mean in means]
        best = int(np.argmax(cosines)) if cosines else -1
        if cosines and cosines[best] >= least:
            groups[best].append(row)
        else:
            groups.append([row])
    return groups
