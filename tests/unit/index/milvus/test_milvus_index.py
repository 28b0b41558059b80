"""What `tests/contract` does not ask of the index in Milvus: originals, several servers, and a Milvus that fails."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

import numpy as np
import pytest
from milvus_server import TOKEN, MilvusServer
from pymilvus import MilvusClient

from regard.domain.arrays import FloatArray, IntArray
from regard.errors import InternalServerError, SettingsError
from regard.index.milvus.milvus_index import Consistency, MilvusEmptied, MilvusIndex, MilvusOptions

pytestmark = pytest.mark.slow

D = 8
NOWHERE = "http://127.0.0.1:9"


class Kept:
    """The originals of one collection: what SQL would have."""

    def __init__(self, vectors: FloatArray) -> None:
        self.vectors = vectors
        self.keys = set(range(len(vectors)))

    def __call__(self, collection_key: int, keys: IntArray) -> tuple[IntArray, FloatArray]:
        there = np.array([key for key in keys.tolist()[::-1] if key in self.keys], np.int64)
        return there, self.vectors[there]


def units(count: int, seed: int = 0) -> FloatArray:
    vectors = np.random.default_rng(seed).standard_normal((count, D), dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def options(milvus: MilvusServer, consistency: Consistency = Consistency.STRONG) -> MilvusOptions:
    return MilvusOptions(uri=milvus.uri, token=TOKEN, consistency=consistency, timeout=60)


@pytest.fixture(scope="module")
def name(milvus: MilvusServer) -> str:
    return milvus.name()


@pytest.fixture(scope="module")
def shared(milvus: MilvusServer, name: str) -> Iterator[MilvusIndex]:
    """One for the tests of this file, for Milvus takes seconds to make a collection."""
    index = MilvusIndex(options(milvus), name)
    yield index
    index.close()


@pytest.fixture
def index(shared: MilvusIndex) -> Iterator[MilvusIndex]:
    yield shared
    for collection_key in shared.collections():
        shared.drop(collection_key)


@pytest.fixture
def client(milvus: MilvusServer) -> Iterator[MilvusClient]:
    """pymilvus itself, to do what others might."""
    client = MilvusClient(milvus.uri, token=TOKEN)
    yield client
    client.close()


def table(index: MilvusIndex, name: str, dimension: int = D) -> str:
    return f"{name}_{index.identity}_{dimension}"


# -- originals -------------------------------------------------------------------------------------------------------


def test_answers_are_scored_from_the_originals(milvus, name, index):
    vectors = units(500)
    index.add(1, np.arange(500), vectors + np.float32(5e-6))
    kept = MilvusIndex(options(milvus), name, Kept(vectors))
    (hits,) = kept.search(1, vectors[:1], limit=20, threshold=-1)
    exact = vectors @ vectors[0]
    order = np.argsort(-exact)[:20]
    assert hits.keys.tolist() == order.tolist()
    np.testing.assert_allclose(hits.cosines, exact[order], atol=2e-7)
    kept.close()


def test_what_the_originals_lack_is_never_an_answer_and_the_next_best_is(milvus, name, index):
    vectors = units(3000)
    index.add(1, np.arange(3000), vectors)
    originals = Kept(vectors)
    best = np.argsort(-(vectors @ vectors[0]))
    originals.keys -= set(best[:1000].tolist())
    kept = MilvusIndex(options(milvus), name, originals)
    assert kept.search(1, vectors[:1], limit=3, threshold=-1)[0].keys.tolist() == best[1000:1003].tolist()
    originals.keys.clear()
    assert kept.search(1, vectors[:1], limit=3, threshold=-1)[0].keys.tolist() == []
    kept.close()


# -- several servers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("told", [False, True])
def test_what_one_server_wrote_another_finds_at_once(milvus, name, index, told):
    other = MilvusIndex(options(milvus, Consistency.SESSION if told else Consistency.STRONG), name)
    for key, vector in enumerate(units(5)):
        index.add(1, np.array([key]), vector[None])
        if told:
            other.see(index.moment)
        assert other.search(1, vector[None], limit=1, threshold=0.99)[0].keys.tolist() == [key]
        index.remove(1, np.array([key]))
        if told:
            other.see(index.moment)
        assert other.search(1, vector[None], limit=1, threshold=0.99)[0].keys.tolist() == []
    other.close()


def test_a_moment_never_goes_back(index):
    before = index.moment
    index.add(1, np.arange(1), units(1))
    assert (after := index.moment) > before
    index.see(1)
    assert index.moment == after


def test_servers_agree_on_the_identity_and_another_name_is_another_index(milvus, name, index):
    again, another = MilvusIndex(options(milvus), name), MilvusIndex(options(milvus), milvus.name())
    index.add(1, np.arange(1), units(1))
    assert again.identity == index.identity != another.identity
    assert (again.collections(), another.collections()) == ([1], [])
    again.close()
    another.close()


def test_what_another_server_left_half_made_or_released_is_completed(milvus, client, name, index):
    index.add(1, np.arange(10), units(10))
    client.release_collection(table(index, name))
    client.drop_index(table(index, name), "vector")
    other = MilvusIndex(options(milvus), name)
    assert other.keys(1).tolist() == list(range(10))
    assert other.search(1, units(1), limit=1, threshold=0.99)[0].keys.tolist() == [0]
    other.close()


# -- much, and twice -------------------------------------------------------------------------------------------------


def test_more_than_milvus_answers_with_at_once_is_listed_and_dropped(index):
    index.add(1, np.arange(20_000), units(20_000))
    index.add(2, np.arange(30_000, 30_003), units(3))
    assert np.array_equal(index.keys(1), np.arange(20_000))
    assert index.collections() == [1, 2]
    index.add(1, np.arange(0, 20_001, 4)[::-1], units(5001))
    assert np.array_equal(index.keys(1), np.arange(20_001))
    index.drop(1)
    assert (index.keys(1).tolist(), index.collections()) == ([], [2])


def test_a_key_that_is_there_twice_is_one(client, name, index):
    vectors = units(200)
    index.add(1, np.arange(200), vectors)
    rows = [{"key": key, "gallery": 1, "vector": vector} for key, vector in enumerate(vectors)]
    client.insert(table(index, name), rows)
    (hits,) = index.search(1, vectors[:1], limit=150, threshold=-1)
    assert hits.keys.tolist() == np.argsort(-(vectors @ vectors[0]))[:150].tolist()
    assert index.keys(1).tolist() == list(range(200))
    index.remove(1, np.arange(199))
    assert index.keys(1).tolist() == [199]


def test_what_is_added_again_is_not_inserted_again(client, name, index):
    def rows() -> int:
        counted = client.query(table(index, name), "gallery == 1", ["count(*)"], consistency_level="Strong")
        return int(counted[0]["count(*)"])

    index.add(1, np.arange(300), units(300))
    index.add(1, np.arange(300), units(300))
    assert rows() == 300
    client.insert(table(index, name), [{"key": 0, "gallery": 1, "vector": units(1)[0]}])
    assert rows() == 301


def test_more_than_milvus_can_give_is_refused(index):
    with pytest.raises(ValueError, match="16384"):
        index.search(1, units(1), limit=16_384, threshold=0)


# -- a Milvus that fails ---------------------------------------------------------------------------------------------


def test_an_emptied_milvus_is_noticed_and_the_index_begins_anew(milvus, client):
    name, vectors = milvus.name(), units(3)
    index, another = MilvusIndex(options(milvus), name), MilvusIndex(options(milvus), name)
    index.add(1, np.arange(3), vectors)
    before, moment = index.identity, index.moment
    client.drop_collection(name)
    client.drop_collection(f"{name}_{before}_{D}")
    for ask in (lambda: index.search(1, vectors, limit=1, threshold=0), lambda: index.add(1, np.arange(4, 7), vectors)):
        with pytest.raises(MilvusEmptied, match=milvus.uri):
            ask()
    another.see(moment)
    with pytest.raises(MilvusEmptied):
        another.search(1, vectors, limit=1, threshold=0)
    assert index.identity == another.identity != before
    assert index.moment == 0
    index.add(1, np.arange(3), vectors)
    assert [hits.keys.tolist() for hits in another.search(1, vectors, limit=1, threshold=0.99)] == [[0], [1], [2]]
    index.close()
    another.close()


def test_an_index_that_begins_anew_deletes_what_is_left_of_the_one_before(milvus, client):
    name = milvus.name()
    index = MilvusIndex(options(milvus), name)
    index.add(1, np.arange(3), units(3))
    left = f"{name}_{index.identity}_{D}"
    assert client.has_collection(left)
    client.drop_collection(name)
    assert index.identity not in left
    assert not client.has_collection(left)
    assert index.collections() == []
    index.close()


def test_a_milvus_that_nobody_reaches_is_named_and_its_secrets_are_not():
    index = MilvusIndex(MilvusOptions(uri="http://me:pa55@127.0.0.1:9", token="root:s3cret", timeout=1), "faces")
    began = time.monotonic()
    with pytest.raises(InternalServerError, match=f"Milvus at {NOWHERE} failed") as caught:
        index.search(1, units(1), limit=1, threshold=0)
    assert time.monotonic() - began < 10
    assert "s3cret" not in caught.value.message
    assert "pa55" not in caught.value.message
    index.close()


def test_a_wrong_token_is_said_and_not_shown(milvus):
    index = MilvusIndex(MilvusOptions(uri=milvus.uri, token="root:s3cret", timeout=1), "faces")
    with pytest.raises(InternalServerError, match="token") as caught:
        index.health()
    assert "s3cret" not in caught.value.message
    index.close()


def test_its_health_is_its_version_and_place(milvus, index):
    assert index.health() == f"Milvus v2.3.5-lite at {milvus.uri}"


@pytest.mark.parametrize("uri", ["", "milvus", "ftp://host", "http://me:s3cret@host:port"])
def test_an_address_that_is_none_is_refused_and_not_repeated(uri):
    with pytest.raises(SettingsError, match="http://host:19530") as caught:
        MilvusOptions(uri=uri)
    assert "s3cret" not in caught.value.message


def test_options_hide_the_token():
    assert "s3cret" not in repr(MilvusOptions(uri=NOWHERE, token="root:s3cret"))


def test_without_pymilvus_it_is_said_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pymilvus", None)
    with pytest.raises(SettingsError, match=r"regard\[milvus\]"):
        MilvusIndex(MilvusOptions(uri=NOWHERE), "faces")


def test_a_milvus_that_is_started_again_has_everything_and_who_waits_is_answered(milvus, name, index):
    vectors = units(300)
    index.add(1, np.arange(300), vectors)
    milvus.stop()
    milvus.start()
    found = index.search(1, vectors[:5], limit=1, threshold=0.99)
    assert [hits.keys.tolist() for hits in found] == [[0], [1], [2], [3], [4]]
    assert index.keys(1).tolist() == list(range(300))
