"""Embeddings of another model are seen by what they have where the model has nothing."""

from __future__ import annotations

import numpy as np
from transfer_store import units

from regard.domain.arrays import FloatArray
from regard.engine.transfer.model_fit import ModelFit
from regard.index.embedded import codebook

MODEL = "fr-feature-87aacdfe"


def of_the_model(count: int) -> FloatArray:
    book = codebook.of(MODEL)
    assert book is not None
    vectors = units(count, dimension=book.width) @ book.projection.T
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def test_embeddings_of_the_model_fit_it_as_the_database_keeps_them() -> None:
    fit = ModelFit(MODEL)
    fit.add(of_the_model(2000).astype(np.float16))
    assert fit.strangers().count == 0


def test_those_of_another_are_counted_with_the_energy_that_lies_outside() -> None:
    fit = ModelFit(MODEL)
    fit.add(of_the_model(500))
    fit.add(units(300, dimension=512))
    fit.add(of_the_model(500))
    strangers = fit.strangers()
    assert strangers.count == 300
    assert abs(strangers.share - (1 - 192 / 512)) < 0.05


def test_a_model_without_a_codebook_says_nothing() -> None:
    fit = ModelFit("toy-1")
    fit.add(units(300, dimension=512))
    assert fit.strangers().count == 0
