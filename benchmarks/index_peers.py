"""The indexes that `make bench-index` runs beside the embedded one, each as its makers would have it be exact."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import faiss
import lancedb
import numpy as np
import pyarrow as pa
from pymilvus import DataType, MilvusClient
from usearch.index import Index as UsearchIndex

from regard.domain.arrays import FloatArray, IntArray
from regard.index.embedded import codebook
from regard.index.embedded.embedded_index import EmbeddedIndex
from tests.milvus_server import TOKEN, running

#: Faces an approximate peer is asked for: a graph's time grows with them.
NEAREST = 100


class Contender(Protocol):
    """One index under test; `most` is how many faces it returns at most."""

    name: str
    most: int

    def add(self, keys: IntArray, vectors: FloatArray) -> None: ...

    def finish(self) -> None:
        """All are added; search comes next."""

    def search(self, probe: FloatArray, threshold: float) -> IntArray:
        """The keys found, best first, of one probe."""

    def remove(self, keys: IntArray) -> bool:
        """Whether it can."""

    def close(self) -> None: ...


class Regard:
    name, most = "Regard", 4096

    def __init__(self, version: str, folder: Path) -> None:
        known = codebook.of(version)
        if known is None:
            raise SystemExit(f"{version} has no codebook: `make codebook`")
        self.codebook, self._folder = known, folder
        self.reopen()

    def add(self, keys: IntArray, vectors: FloatArray) -> None:
        self.index.add(1, keys, vectors)

    def finish(self) -> None:
        self.index.quiet()

    def search(self, probe: FloatArray, threshold: float) -> IntArray:
        return self.index.search(1, probe[None], limit=self.most, threshold=threshold)[0].keys

    def remove(self, keys: IntArray) -> bool:
        self.index.remove(1, keys)
        return True

    def close(self) -> None:
        self.index.close()

    def reopen(self) -> None:
        self.index = EmbeddedIndex(lambda _: self.codebook, self._folder)


class FaissFlat:
    """Every face above the threshold."""

    name, most = "faiss Flat", 1 << 30

    def __init__(self, dimension: int, _: Path) -> None:
        self._index = faiss.IndexIDMap2(faiss.IndexFlatIP(dimension))

    def add(self, keys: IntArray, vectors: FloatArray) -> None:
        self._index.add_with_ids(vectors, keys)

    def finish(self) -> None:
        faiss.omp_set_num_threads(1)

    def search(self, probe: FloatArray, threshold: float) -> IntArray:
        _, cosines, keys = self._index.range_search(probe[None], threshold)
        return keys[np.argsort(-cosines)]

    def remove(self, keys: IntArray) -> bool:
        self._index.remove_ids(keys)
        return True

    def close(self) -> None:
        self._index.reset()


class FaissGraph:
    name, most = "faiss HNSW, M 16, ef 256", NEAREST

    def __init__(self, dimension: int, _: Path) -> None:
        self._index = faiss.IndexHNSWFlat(dimension, 16, faiss.METRIC_INNER_PRODUCT)
        self._index.hnsw.efConstruction, self._index.hnsw.efSearch = 100, 256

    def add(self, keys: IntArray, vectors: FloatArray) -> None:
        faiss.omp_set_num_threads(2)
        if keys[0] != self._index.ntotal + 1:
            raise ValueError("keys are rows, from 1")
        self._index.add(vectors)

    def finish(self) -> None:
        faiss.omp_set_num_threads(1)

    def search(self, probe: FloatArray, threshold: float) -> IntArray:
        cosines, rows = self._index.search(probe[None], self.most)
        return rows[0][cosines[0] >= threshold] + 1

    def remove(self, _: IntArray) -> bool:
        return False

    def close(self) -> None:
        self._index.reset()


class Usearch:
    name, most = "usearch, M 16, ef 256", NEAREST

    def __init__(self, dimension: int, _: Path) -> None:
        self._index = UsearchIndex(
            ndim=dimension, metric="ip", dtype="f16", connectivity=16, expansion_add=100, expansion_search=256
        )

    def add(self, keys: IntArray, vectors: FloatArray) -> None:
        self._index.add(keys.astype(np.uint64), vectors, threads=2)

    def finish(self) -> None: ...

    def search(self, probe: FloatArray, threshold: float) -> IntArray:
        found = self._index.search(probe, self.most, threads=1)
        return found.keys[1 - found.distances >= threshold].astype(np.int64)

    def remove(self, keys: IntArray) -> bool:
        self._index.remove(keys.astype(np.uint64))
        return True

    def close(self) -> None:
        self._index.reset()


class LanceDB:
    """IVF_PQ: 64 of √N lists are visited, ten times the answer is compared with the originals."""

    name, most = "LanceDB IVF_PQ, 64 probes, refined", NEAREST

    def __init__(self, dimension: int, folder: Path) -> None:
        self._schema = pa.schema([("key", pa.int64()), ("vector", pa.list_(pa.float32(), dimension))])
        self._faces = lancedb.connect(folder).create_table("faces", schema=self._schema)
        self._waiting: list[pa.RecordBatch] = []

    def add(self, keys: IntArray, vectors: FloatArray) -> None:
        flat = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])
        self._waiting.append(pa.record_batch([pa.array(keys), flat], schema=self._schema))
        if len(self._waiting) == 8:
            self._write()

    def finish(self) -> None:
        self._write()
        lists = int(self._faces.count_rows() ** 0.5)
        self._faces.create_index(metric="dot", num_partitions=lists, num_sub_vectors=128, index_type="IVF_PQ")

    def search(self, probe: FloatArray, threshold: float) -> IntArray:
        query = self._faces.search(probe).distance_type("dot").nprobes(64).refine_factor(10).limit(self.most)
        found = query.select(["key", "_distance"]).to_arrow()
        return found["key"].to_numpy()[1 - found["_distance"].to_numpy() >= threshold]

    def remove(self, keys: IntArray) -> bool:
        self._faces.delete(f"key IN ({', '.join(map(str, keys.tolist()))})")
        return True

    def close(self) -> None: ...

    def _write(self) -> None:
        if self._waiting:
            self._faces.add(pa.Table.from_batches(self._waiting))
        self._waiting = []


class Milvus:
    """A standalone server, FLAT: the one index of it that misses nobody. It answers from what it has seen so far."""

    name, most = "Milvus 2.3 FLAT, Eventually", NEAREST

    def __init__(self, dimension: int, folder: Path) -> None:
        self._end = ExitStack()
        server = self._end.enter_context(running(folder))
        self._client = MilvusClient(uri=server.uri, token=TOKEN)
        schema = MilvusClient.create_schema(auto_id=False)
        schema.add_field("key", DataType.INT64, is_primary=True)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=dimension)
        self._client.create_collection("faces", schema=schema, consistency_level="Eventually")

    def add(self, keys: IntArray, vectors: FloatArray) -> None:
        for start in range(0, len(keys), 4096):
            rows = zip(keys[start:][:4096].tolist(), vectors[start:][:4096].tolist(), strict=True)
            self._client.insert("faces", [{"key": key, "vector": vector} for key, vector in rows])

    def finish(self) -> None:
        self._client.flush("faces")
        index = MilvusClient.prepare_index_params()
        index.add_index("vector", index_type="FLAT", metric_type="IP")
        self._client.create_index("faces", index)
        self._client.load_collection("faces")

    def search(self, probe: FloatArray, threshold: float) -> IntArray:
        (found,) = self._client.search("faces", [probe.tolist()], limit=self.most, timeout=60)
        return np.array([hit["id"] for hit in found if hit["distance"] >= threshold], np.int64)

    def remove(self, keys: IntArray) -> bool:
        self._client.delete("faces", ids=keys.tolist())
        return True

    def close(self) -> None:
        self._client.close()
        self._end.close()
