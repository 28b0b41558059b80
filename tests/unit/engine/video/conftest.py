from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from film_studio import Studio

from regard.bootstrap.engine import open_engine
from regard.bootstrap.videos import video_task
from regard.config.settings import load_settings


@pytest.fixture(scope="module")
def studio(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    home = tmp_path_factory.mktemp("home")
    (home / "buckets" / "videos").mkdir(parents=True)
    with ExitStack() as closing:
        engine = closing.enter_context(open_engine(load_settings(home=home, models={"folder": models})))
        task = video_task(engine.settings, engine.stores)
        yield Studio(engine, task, home / "buckets" / "videos")
