"""The Milvus collections of one index: what they are called, how they are made, and which there are."""

from __future__ import annotations

import re
import secrets
import threading

from regard.index.milvus.milvus_client import Milvus, MilvusFault

#: Partitions that galleries are dealt out to: a search reads one of them, not the others.
_PARTITIONS = 64
#: Seconds that Milvus may take to make a collection or to load one.
_MAKING_SECONDS = 120.0
#: Before the identity, in the name of the one field that says it; milvus-lite keeps no descriptions.
_IDENTITY = "identity_"


class MilvusCollections:
    """One collection for each D, of key, gallery and vector, every row compared in a search (FLAT): `NAME_IDENTITY_D`.

    One called NAME says what the identity is, and holds nothing. An index that is made again has another, and so begins
    with nothing, whatever is left of the one before.
    """

    def __init__(self, milvus: Milvus, name: str) -> None:
        self._milvus = milvus
        self._name = re.sub(r"\W", "_", name, flags=re.ASCII)
        self._lock = threading.Lock()
        self._ready: set[str] = set()
        self.identity = ""

    def identified(self) -> str:
        """The identity as it is now, which is kept as `identity`. An index that is not there begins."""
        if not self._milvus.call("has_collection", self._name):
            self._begin()
        fields = self._milvus.call("describe_collection", self._name)["fields"]
        self.identity = str(fields[-1]["name"]).removeprefix(_IDENTITY)
        return self.identity

    def all(self) -> dict[int, str]:
        """By dimension what was made, by whatever server; loaded."""
        prefix = self._called("")
        names = [name for name in self._milvus.call("list_collections") if name.startswith(prefix)]
        sizes = [int(size) for name in names if (size := name.removeprefix(prefix)).isdecimal()]
        return {size: self.made(size) for size in sorted(sizes)}

    def known(self, dimension: int) -> str | None:
        """The one of a dimension, if it was made."""
        name = self._called(dimension)
        if name in self._ready or self._milvus.call("has_collection", name):
            return self.made(dimension)
        return None

    def made(self, dimension: int) -> str:
        """The one of a dimension, made and loaded if need be, also where another server was stopped halfway."""
        name, call = self._called(dimension), self._milvus.call
        with self._lock:
            if name in self._ready:
                return name
            if not call("has_collection", name):
                self._create(name, dimension)
            if not call("list_indexes", name):
                indexes = self._milvus.library.MilvusClient.prepare_index_params()
                indexes.add_index("vector", index_type="FLAT", metric_type="IP")
                call("create_index", name, indexes, timeout=_MAKING_SECONDS)
            call("load_collection", name, timeout=_MAKING_SECONDS)
            self._ready.add(name)
        return name

    def _called(self, dimension: int | str) -> str:
        return f"{self._name}_{self.identity or self.identified()}_{dimension}"

    def _begin(self) -> None:
        """Give the index an identity, and delete what is left of one that had another."""
        identity = secrets.token_hex(8)
        try:
            self._create(self._name, 2, _IDENTITY + identity)
        except MilvusFault:
            if not self._milvus.call("has_collection", self._name):
                raise
            return  # another server was first
        older = re.compile(rf"{self._name}_(?!{identity})[0-9a-f]{{16}}_[0-9]+")
        for name in filter(older.fullmatch, self._milvus.call("list_collections")):
            self._milvus.call("drop_collection", name)

    def _create(self, name: str, dimension: int, vector: str = "vector") -> None:
        client, kinds = self._milvus.library.MilvusClient, self._milvus.library.DataType
        schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("key", kinds.INT64, is_primary=True)
        schema.add_field("gallery", kinds.INT64, is_partition_key=True)
        schema.add_field(vector, kinds.FLOAT_VECTOR, dim=dimension)
        self._milvus.call("create_collection", name, schema=schema, num_partitions=_PARTITIONS, timeout=_MAKING_SECONDS)
