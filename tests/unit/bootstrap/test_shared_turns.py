from __future__ import annotations

from pathlib import Path

import pytest

from regard.bootstrap.http import pipeline
from regard.config.sections import StoreSettings
from regard.config.settings import Settings
from regard.edge.turns import Lane


@pytest.mark.parametrize(
    ("url", "single"),
    [(None, {Lane.STORE}), ("sqlite:////var/lib/x.db", {Lane.STORE}), ("postgresql://regard@host/regard", set())],
)
def test_what_asks_sqlite_and_needs_no_model_computes_one_at_a_time(
    url: str | None, single: set[Lane], tmp_path: Path
) -> None:
    turns = pipeline(Settings(home=tmp_path, store=StoreSettings(database=url))).turns
    assert {lane for lane, queue in turns._queues.items() if queue.single} == single
