"""What of a collection is there twice, and what is seen too badly to be told apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from regard.accountability.cases import Cases
from regard.accountability.gate import Grant
from regard.domain.authority import Action
from regard.domain.galleries import Collection, Face
from regard.engine.analysis.quality_filter import BARS
from regard.engine.galleries.matching import Matcher
from regard.engine.galleries.user_likenesses import SAME_PICTURE, looks_for_nobody
from regard.store.collection_rows import CollectionRows
from regard.store.database import Database
from regard.store.face_rows import FaceRows
from regard.store.feed_tables import FACE_FEED
from regard.store.vector_rows import VectorRows

#: Faces of one group that are named.
_MOST_ALIKE = 50
#: A face of less utility is worth another picture: what the level MEDIUM refuses.
_POOR = bar.utility if (bar := BARS["MEDIUM"]) else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityPage:
    """Of some faces of a collection: groups that are the same picture again, each with the first of them first, and
    faces that are seen badly, the worst first. `looked` is how many were looked at, `next` the key to go on after."""

    duplicates: list[list[Face]]
    poor: list[Face]
    looked: int
    next: int | None


class CollectionQuality:
    """Looks a collection through, page by page."""

    def __init__(self, database: Database, matcher: Matcher, cases: Cases) -> None:
        self._collections, self._faces = CollectionRows(database), FaceRows(database)
        self._vectors = VectorRows(database, FACE_FEED)
        self._matcher = matcher
        self._cases = cases

    def page(self, grant: Grant, collection_id: str, after: int, limit: int) -> QualityPage:
        """Of the next `limit` faces with a key above `after`; no duplicates where to look for somebody takes a search.
        Raises ResourceNotFound."""
        grant.require(Action.READ, collection_id)
        self._cases.require_listing(grant)
        collection = self._collections.get(collection_id)
        faces = self._faces.page(collection.key, after, limit + 1)
        looked = faces[:limit]
        poor = [each for each in looked if each.utility is not None and each.utility < _POOR]
        duplicates = [] if looks_for_nobody(grant) else self._duplicates(collection, looked)
        grant.note(looked=len(looked), faces=_named([*duplicates, poor]))
        return QualityPage(
            duplicates=duplicates,
            poor=sorted(poor, key=lambda each: each.utility or 0.0),
            looked=len(looked),
            next=looked[-1].key if len(faces) > limit else None,
        )

    def _duplicates(self, collection: Collection, looked: list[Face]) -> list[list[Face]]:
        """Each group is told where its first face is looked at."""
        keys, rows = self._vectors.among(collection.key, np.array([each.key for each in looked], np.int64))
        if not len(keys):
            return []
        found = self._matcher.alike(collection, rows, most=_MOST_ALIKE, least_cosine=SAME_PICTURE)
        groups, told = list[list[int]](), set[int]()
        for key, alike in zip(keys.tolist(), found, strict=True):
            group = sorted({each for each, _ in alike} | {key})
            if len(group) > 1 and group[0] == key and key not in told:
                told.update(group)
                groups.append(group)
        faces = self._faces.by_keys({key for group in groups for key in group})
        shown = ([faces[key] for key in group if key in faces] for group in groups)
        return [group for group in shown if len(group) > 1]


def _named(groups: list[list[Face]]) -> list[str]:
    return list(dict.fromkeys(each.face_id for group in groups for each in group))
