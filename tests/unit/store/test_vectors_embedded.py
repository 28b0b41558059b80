"""What is particular to the index in memory; what every index must do is in tests/contract."""

from __future__ import annotations

import tracemalloc

import numpy as np

from regard.store.vectors_embedded import EmbeddedIndex


def test_ten_thousand_small_galleries_cost_little_more_than_their_vectors(make_units):
    vectors = make_units(50, 32)
    tracemalloc.start()
    index = EmbeddedIndex()
    for gallery in range(10_000):
        index.add(gallery, np.arange(50), vectors)
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert used < 10_000 * (vectors.nbytes + 50 * 8 + 2048)
    assert len(index.search(9_999, vectors[:1], limit=1, threshold=0)[0].keys) == 1


def test_memory_is_given_back_when_most_of_a_gallery_is_removed(make_units):
    vectors = make_units(20_000, 32)
    tracemalloc.start()
    index = EmbeddedIndex()
    index.add(1, np.arange(20_000), vectors)
    index.remove(1, np.arange(100, 20_000))
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert used < vectors.nbytes / 50


def test_a_search_over_several_blocks_finds_what_one_block_would(make_units):
    vectors = make_units(150_000, 8, seed=1)
    index = EmbeddedIndex()
    index.add(1, np.arange(150_000), vectors)
    probe = make_units(1, 8, seed=2)
    (hits,) = index.search(1, probe, limit=20, threshold=-1)
    assert hits.keys.tolist() == np.argsort(-(vectors @ probe[0]), kind="stable")[:20].tolist()


def test_the_same_vectors_give_the_same_cosines_wherever_their_rows_lie(make_units):
    vectors, probes = make_units(5000, 512, seed=3), make_units(7, 512, seed=4)
    forward, backward = EmbeddedIndex(), EmbeddedIndex()
    forward.add(1, np.arange(5000), vectors)
    backward.add(1, np.arange(5000)[::-1].copy(), vectors[::-1].copy())
    together = forward.search(1, probes, limit=50, threshold=-1)
    for probe, hits in zip(probes, together, strict=True):
        (alone,) = backward.search(1, probe[None], limit=50, threshold=-1)
        assert alone.keys.tolist() == hits.keys.tolist()
        assert alone.cosines.tolist() == hits.cosines.tolist()
