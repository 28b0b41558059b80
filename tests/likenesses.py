"""Vectors of which some are alike, as faces of one person are, and a codebook for them."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from regard.domain.arrays import FloatArray
from regard.index.embedded import codebook
from regard.index.embedded.codebook import Codebook

D = 64


def alike(count: int, seed: int = 0, *, each: int = 4) -> FloatArray:
    """N×64 unit vectors: `each` of a person, one after the other, with cosines from 0.1 to 1 between them."""
    rng = np.random.default_rng(seed)
    people = rng.standard_normal((-(-count // each), D), dtype=np.float32)
    share = np.sqrt(rng.beta(6, 3, (count, 1))).astype(np.float32)
    noise = rng.standard_normal((count, D), dtype=np.float32)
    vectors = share * np.repeat(people, each, axis=0)[:count] + np.sqrt(1 - share**2) * noise
    vectors *= np.linspace(1.5, 0.5, D, dtype=np.float32)  # some directions are used more than others
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


@lru_cache(maxsize=1)
def known() -> Codebook:
    """The codebook of such vectors."""
    return codebook.train(alike(8000, seed=100))
