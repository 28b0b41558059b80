"""An index in memory that several followers share, as Milvus is: it can be emptied, fall silent, and be slow."""

from __future__ import annotations

import threading
from uuid import uuid4

from regard.domain.arrays import FloatArray, IntArray
from regard.domain.galleries import Hits
from regard.errors import InternalServerError
from regard.index.embedded.embedded_index import EmbeddedIndex


class ToyShared(EmbeddedIndex):
    """`wait` is met by every `add` before it takes effect; `asked` are the methods called."""

    def __init__(self) -> None:
        super().__init__()
        self.name, self.down, self.closed = str(uuid4()), False, False
        self.asked: list[str] = []
        self.wait = threading.Event()
        self.wait.set()
        self.adding = threading.Event()
        self._moment = 0

    @property
    def identity(self) -> str:
        self._ask("identity")
        return self.name

    @property
    def moment(self) -> int:
        return self._moment

    def see(self, moment: int) -> None:
        self._moment = max(self._moment, moment)

    def health(self) -> str:
        self._ask("health")
        return "a toy, well"

    def close(self) -> None:
        self.closed = True

    def empty(self) -> None:
        """As if it had been deleted and made again."""
        for key in self.collections():
            super().drop(key)
        self.name = str(uuid4())

    def add(self, collection_key: int, keys: IntArray, vectors: FloatArray) -> None:
        self.adding.set()
        assert self.wait.wait(30)
        self._ask("add")
        super().add(collection_key, keys, vectors)
        self._moment += 1

    def remove(self, collection_key: int, keys: IntArray) -> None:
        self._ask("remove")
        super().remove(collection_key, keys)

    def drop(self, collection_key: int) -> None:
        self._ask("drop")
        super().drop(collection_key)

    def search(self, collection_key: int, probes: FloatArray, *, limit: int, threshold: float) -> list[Hits]:
        self._ask("search")
        return super().search(collection_key, probes, limit=limit, threshold=threshold)

    def all(self) -> dict[int, list[int]]:
        """The keys of every collection."""
        return {key: self.keys(key).tolist() for key in self.collections()}

    def _ask(self, method: str) -> None:
        if self.down:
            raise InternalServerError("The toy is away.")
        self.asked.append(method)
