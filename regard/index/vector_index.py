"""VectorIndex: what finds the nearest embeddings. It is derived from SQL and may be thrown away at any time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from regard.domain.arrays import FloatArray, IntArray
from regard.domain.galleries import Hits


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume:
    """What an index still holds from before: by collection the key up to which none is missing, and up to which
    deletion that is true."""

    deletion: int = 0
    sealed: Mapping[int, int] = field(default_factory=dict)


class VectorIndex(Protocol):
    """Galleries of unit vectors under their faces' keys. Safe to call from many threads at once.

    A gallery begins with its first `add`, which fixes its dimension D. `tests/contract/test_vector_index.py` holds
    every implementation to what stands here.
    """

    def add(self, collection_key: int, keys: IntArray, vectors: FloatArray) -> None:
        """Add N keys with N×D unit rows. A key already there keeps its vector. Raises ValueError for another D."""

    def remove(self, collection_key: int, keys: IntArray) -> None:
        """Forget these keys; those not there are passed over."""

    def drop(self, collection_key: int) -> None:
        """Forget the whole gallery, if there is one."""

    def search(self, collection_key: int, probes: FloatArray, *, limit: int, threshold: float) -> list[Hits]:
        """For each of M×D unit probes, up to `limit` keys of cosine >= `threshold`, best first, ties by key.

        A gallery that is not there holds nothing. Raises ValueError for probes of another D.
        """

    def keys(self, collection_key: int) -> IntArray:
        """The keys held, ascending."""

    def collections(self) -> Sequence[int]:
        """The collections of which a key is held, ascending."""

    def resume(self) -> Resume:
        """What it holds already, to be asked before the first `add`."""

    def settle(self, deletion: int) -> None:
        """Every deletion up to this one has been made."""


class SharedIndex(VectorIndex, Protocol):
    """One index that many servers write to. It outlives them all, so `resume` has nothing to say and `settle` nothing
    to do: how far it has got is kept in SQL, beside its `identity` and its `moment`.

    A key belongs to one gallery only, and to one vector: adding it again adds the same.
    """

    @property
    def identity(self) -> str:
        """A random name that it got when it was made, asked for each time. Another one: it was emptied since."""

    @property
    def moment(self) -> int:
        """By its own clock, the last write of this process or any that it was told of by `see`; 0 before the first."""

    def see(self, moment: int) -> None:
        """From now on answer with everything that was written up to this moment, by whatever server."""

    def health(self) -> str:
        """Where and what it is, in words. Raises InternalServerError where it does not answer."""

    def close(self) -> None:
        """Leave it."""
