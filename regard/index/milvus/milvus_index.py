"""The index in Milvus: one that every server of a cluster writes to and searches."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from regard.domain.arrays import FloatArray, IntArray
from regard.domain.galleries import Hits
from regard.index.exact_search import best
from regard.index.milvus.milvus_client import Consistency, Milvus, MilvusEmptied, MilvusFault, MilvusOptions
from regard.index.milvus.milvus_collections import MilvusCollections
from regard.index.vector_index import Resume

__all__ = ["Consistency", "MilvusEmptied", "MilvusFault", "MilvusIndex", "MilvusOptions", "Originals"]

#: Of one collection, the keys wanted -> those of them that are stored, K, with their K×D unit rows, in any order.
Originals = Callable[[int, IntArray], tuple[IntArray, FloatArray]]

#: The most rows that Milvus answers with at once (docs, "Limits": topK, and offset + limit of a query).
_MOST_ROWS = 16_384
#: Candidates first asked for, and how many times as many where those were not enough.
_FIRST_CANDIDATES, _DEEPER = 256, 8
#: Probes in one question.
_BATCH_PROBES = 64
#: How far Milvus' score of a float32 row may lie from ours: sums of products in another order.
_ROUNDING = 1e-4
#: Keys in one insertion or deletion, and bytes of vectors in one insertion: a proxy takes 64 MiB.
_BATCH_KEYS, _BATCH_BYTES = 8192, 16 << 20

_NOTHING = Hits(keys=np.empty(0, np.int64), cosines=np.empty(0, np.float32))


@dataclass(frozen=True, slots=True)
class _Question:
    table: str
    collection_key: int
    limit: int
    threshold: float


class MilvusIndex:
    """Galleries as the partition key of a few Milvus collections."""

    def __init__(self, options: MilvusOptions, name: str, originals: Originals | None = None) -> None:
        """Connects at first use. With `originals` every answer is scored from them, and what they lack is left out;
        without, Milvus' own scores are given. Raises SettingsError where pymilvus is not installed."""
        self._milvus = Milvus(options)
        self._options = options
        self._tables = MilvusCollections(self._milvus, name)
        self._originals = originals
        self._lock = threading.Lock()
        self._moment, self._highest = 0, -1

    def close(self) -> None:
        self._milvus.close()

    def health(self) -> str:
        return f"Milvus {self._milvus.call('get_server_version')} at {self._options.where}"

    @property
    def identity(self) -> str:
        before, found = self._tables.identity, self._tables.identified()
        if before not in ("", found):
            with self._lock:
                self._moment = 0  # by the clock of the one before
        return found

    @property
    def moment(self) -> int:
        return self._moment

    def see(self, moment: int) -> None:
        with self._lock:
            self._moment = max(self._moment, moment)

    def resume(self) -> Resume:
        return Resume()

    def settle(self, deletion: int) -> None:
        pass

    # -- writing ---------------------------------------------------------------------------------------------

    def add(self, collection_key: int, keys: IntArray, vectors: FloatArray) -> None:
        if len(keys) == 0:
            return
        if vectors.ndim != 2 or len(vectors) != len(keys):
            raise ValueError(f"{len(keys)} keys with vectors {vectors.shape}, not N×D")
        dimension = vectors.shape[1]
        self._refuse_another(collection_key, dimension)
        table = self._tables.made(dimension)
        keys, first = np.unique(keys, return_index=True)
        step = max(1, min(_BATCH_KEYS, _BATCH_BYTES // (4 * dimension)))
        for start in range(0, len(keys), step):
            self._insert(table, collection_key, keys[start:][:step], vectors[first[start:][:step]])
        self.see(self._milvus.clock())

    def _insert(self, table: str, collection_key: int, keys: IntArray, vectors: FloatArray) -> None:
        """Insert what is not there. Milvus would hold a key twice, and before 2.3.10 its upsert files rows under the
        wrong partition (milvus-io/milvus#30607)."""
        fresh = ~np.isin(keys, self._there(table, collection_key, keys))
        pairs = zip(keys[fresh].tolist(), vectors[fresh].astype(np.float32), strict=True)
        if rows := [{"key": key, "gallery": collection_key, "vector": vector} for key, vector in pairs]:
            self._milvus.call("insert", table, rows)

    def _there(self, table: str, collection_key: int, keys: IntArray) -> IntArray:
        """Of rising keys those that this process knows to be there, and maybe others. A key that another server has
        just added may be missing: then it is there twice, with one vector, which is asked for and deleted as one."""
        with self._lock:  # what is above all that it added need not wait until those are to be seen
            seen = _up_to(self._moment if keys[0] <= self._highest else 0)
            self._highest = max(self._highest, int(keys[-1]))
        mine = f"gallery == {collection_key}"
        found = self._query(table, f"{mine} and key >= {keys[0]} and key <= {keys[-1]}", "key", **seen)
        if len(found) == _MOST_ROWS:  # a list of keys takes Milvus much longer to read
            found = self._query(table, f"{mine} and key in {keys.tolist()}", "key", **seen)
        return found

    def _refuse_another(self, collection_key: int, dimension: int) -> None:
        mine, seen = f"gallery == {collection_key}", _up_to(self._moment)
        for other, table in self._tables.all().items():
            if other != dimension and len(self._query(table, mine, "key", 1, **seen)):
                raise ValueError(f"vectors of {dimension} numbers in a gallery of D={other}")

    def remove(self, collection_key: int, keys: IntArray) -> None:  # noqa: ARG002 - a key belongs to one gallery
        for table in self._tables.all().values():
            self._delete(table, keys)

    def _delete(self, table: str, keys: IntArray) -> None:
        for start in range(0, len(keys), _BATCH_KEYS):
            self._milvus.call("delete", table, ids=keys[start:][:_BATCH_KEYS].tolist())
        if len(keys):
            self.see(self._milvus.clock())

    def drop(self, collection_key: int) -> None:
        for table in self._tables.all().values():
            while len(left := self._keys(table, collection_key)):
                self._delete(table, left)

    # -- reading ---------------------------------------------------------------------------------------------

    def keys(self, collection_key: int) -> IntArray:
        parts = [self._keys(table, collection_key) for table in self._tables.all().values()]
        return np.unique(np.concatenate([np.empty(0, np.int64), *parts]))

    def collections(self) -> list[int]:
        found: set[int] = set()
        for table in self._tables.all().values():
            known: list[int] = []
            seen = _up_to(self._milvus.clock())
            while len(page := self._query(table, f"gallery not in {known}", "gallery", **seen)):
                known += np.unique(page).tolist()
            found.update(known)
        return sorted(found)

    def _keys(self, table: str, collection_key: int) -> IntArray:
        """All of a gallery as of now, whichever server wrote it, ascending."""
        return np.concatenate([np.empty(0, np.int64), *self._pages(table, collection_key)])

    def _pages(self, table: str, collection_key: int) -> Iterator[IntArray]:
        seen, mine, above = _up_to(self._milvus.clock()), f"gallery == {collection_key}", ""
        while len(page := self._query(table, mine + above, "key", **seen)):
            yield np.unique(page)
            above = f" and key > {page.max()}"

    def _query(self, table: str, where: str, column: str, limit: int = _MOST_ROWS, **seen: Any) -> IntArray:
        """One column of the rows for which `where` is true, those of the lowest keys."""
        rows = self._milvus.call("query", table, filter=where, output_fields=[column], limit=limit, **seen)
        return np.fromiter((row[column] for row in rows), np.int64, len(rows))

    # -- searching -------------------------------------------------------------------------------------------

    def search(self, collection_key: int, probes: FloatArray, *, limit: int, threshold: float) -> list[Hits]:
        """As VectorIndex; and ValueError for a `limit` of 16,384 or more, which is beyond Milvus."""
        if probes.ndim != 2 or limit >= _MOST_ROWS:
            raise ValueError(f"probes {probes.shape}, not M×D, or {limit} of them wanted, not less than {_MOST_ROWS}")
        if limit <= 0 or not len(probes):
            return [_NOTHING] * len(probes)
        dimension = probes.shape[1]
        found = [_NOTHING] * len(probes)
        if table := self._tables.known(dimension):
            question = _Question(table, collection_key, limit, threshold)
            parts = (probes[start:][:_BATCH_PROBES] for start in range(0, len(probes), _BATCH_PROBES))
            found = [
                hits for part in parts for hits in self._nearest(question, part, min(limit + 1, _FIRST_CANDIDATES))
            ]
        elif self._moment and not self._tables.all():  # it was written to, and there is nothing to write in
            raise MilvusEmptied(self._milvus.where)
        if not all(len(hits.keys) for hits in found):
            self._refuse_another(collection_key, dimension)
        return found

    def _nearest(self, question: _Question, probes: FloatArray, depth: int) -> list[Hits]:
        """Ask for the `depth` best, and for more as long as one of those might belong to the answer."""
        candidates = self._candidates(question, probes, depth)
        answers = self._scored(question, probes, candidates)
        for row, (asked, hits) in enumerate(zip(candidates, answers, strict=True)):
            if depth < _MOST_ROWS and not _complete(question, asked, hits, depth):
                (answers[row],) = self._nearest(question, probes[row : row + 1], min(depth * _DEEPER, _MOST_ROWS))
        return answers

    def _candidates(self, question: _Question, probes: FloatArray, depth: int) -> list[Hits]:
        found = self._milvus.call(
            "search",
            question.table,
            data=probes.astype(np.float32),
            filter=f"gallery == {question.collection_key}",
            limit=depth,
            output_fields=["key"],
            **self._seen(),
        )
        return [Hits(keys=np.array(hits.ids, np.int64), cosines=np.array(hits.distances, np.float32)) for hits in found]

    def _scored(self, question: _Question, probes: FloatArray, candidates: Sequence[Hits]) -> list[Hits]:
        """The candidates at or above the threshold, `limit` at most, by their true cosines."""
        scored = candidates
        if self._originals:
            wanted = np.unique(np.concatenate([hits.keys for hits in candidates]))
            keys, vectors = self._originals(question.collection_key, wanted)
            scored = [
                _rescored(keys, vectors, probe, hits.keys) for probe, hits in zip(probes, candidates, strict=True)
            ]
        return [_cut(hits, question) for hits in scored]

    def _seen(self) -> dict[str, Any]:
        consistency = self._options.consistency
        if consistency is Consistency.SESSION:
            return _up_to(self._moment)
        return {"consistency_level": consistency.value}


def _up_to(moment: int) -> dict[str, Any]:
    """How a question says that it must see what was written up to a moment; 1 is Milvus' word for whatever there is."""
    return {"consistency_level": "Customized", "guarantee_timestamp": max(moment, 1)}


def _complete(question: _Question, asked: Hits, hits: Hits, depth: int) -> bool:
    """Whether nothing beyond the `depth` rows asked for can belong to the answer."""
    if len(asked.keys) <= depth // 2:  # a key that is there twice counts twice, and is given once
        return True
    full = len(hits.keys) == question.limit
    return bool(asked.cosines.min() < (hits.cosines[-1] if full else question.threshold) - _ROUNDING)


def _rescored(keys: IntArray, vectors: FloatArray, probe: FloatArray, wanted: IntArray) -> Hits:
    """The wanted that are among `keys`, with their cosines."""
    rows = np.flatnonzero(np.isin(keys, wanted))
    cosines = vectors[rows] @ probe if len(rows) else np.empty(0, np.float32)  # without rows D is not known
    return Hits(keys=keys[rows], cosines=cosines)


def _cut(hits: Hits, question: _Question) -> Hits:
    keys, first = np.unique(hits.keys, return_index=True)
    cosines = np.minimum(hits.cosines[first], np.float32(1))
    above = cosines >= np.float32(question.threshold)
    return best(keys[above], cosines[above], question.limit)
