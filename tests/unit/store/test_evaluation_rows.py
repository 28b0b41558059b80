from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from measured import MEASURED, NOW
from sqlalchemy import update

from regard.store.evaluation_rows import EvaluationRows
from regard.store.tables.retention import evaluations


def test_an_evaluation_comes_back_as_it_was_stored(store):
    rows = EvaluationRows(store.database)
    rows.add(MEASURED)
    assert rows.get("evaluation-1") == MEASURED
    assert rows.get("evaluation-2") is None


def test_evaluations_are_listed_newest_first_and_the_newest_of_a_model_is_found(store):
    rows = EvaluationRows(store.database)
    for number, model in ((2, "m1"), (3, "m2")):
        later = NOW + timedelta(days=number)
        rows.add(replace(MEASURED, id=f"evaluation-{number}", face_model=model, measured_at=later))
    rows.add(MEASURED)
    assert [each.id for each in rows.all()] == ["evaluation-3", "evaluation-2", "evaluation-1"]
    newest = rows.newest_of("m1")
    assert newest is not None
    assert newest.id == "evaluation-2"


def test_a_damaged_evaluation_does_not_keep_the_others_from_being_read(store):
    rows = EvaluationRows(store.database)
    rows.add(MEASURED)
    rows.add(replace(MEASURED, id="evaluation-2"))
    with store.database.write() as connection:
        connection.execute(update(evaluations).where(evaluations.c.id == "evaluation-1").values(report={"rates": 1}))
    assert [each.id for each in rows.all()] == ["evaluation-2"]
