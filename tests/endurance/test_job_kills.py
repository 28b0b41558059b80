"""Workers of jobs killed again and again: twice here; by `make endurance-jobs` a hundred times on each database."""

from __future__ import annotations

from pathlib import Path

import pytest
from job_kills import sweep
from postgres_server import PostgresServer

from .conftest import Plan

pytestmark = pytest.mark.slow


def test_killing_workers_loses_no_job_and_does_nothing_twice(
    plan: Plan, postgres: PostgresServer | None, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'regard.db'}"
    if postgres is not None:
        postgres.run("CREATE DATABASE jobs ENCODING 'UTF8' TEMPLATE template0")
        url = postgres.url("jobs")
    assert sweep(url, plan.kills, jobs=20, seed=2) >= min(plan.kills, 1)
