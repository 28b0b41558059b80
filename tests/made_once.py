"""What is the same for every test is made once in a run: an empty database, and models that are ready to run; and what
few tests ask for is made when they do: the native API.

Only what tests open in their own process comes from here. Servers and commands in processes of their own, and the tests
of migrations, begin from nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from folders import models_folder
from sqlalchemy import URL
from starlette.types import ASGIApp, Receive, Scope, Send

from regard.bootstrap import http
from regard.bootstrap.engine import Engine
from regard.edge.request_pipeline import RequestPipeline
from regard.store import database, sqlite_engine
from regard.vision import session
from regard.vision.cards import Download
from regard.vision.conversion.model_files import ModelFiles
from regard.vision.zoo import State, Zoo

FROM_NOTHING = sqlite_engine.alone


@pytest.fixture(scope="session", autouse=True)
def _new_databases_are_copies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Of one that was migrated, each with an identity of its own."""
    file = tmp_path_factory.mktemp("migrated") / "regard.db"
    with closing(database.open(f"sqlite:///{file}")) as opened:
        identity = opened.identity().encode()
    migrated = file.read_bytes()

    @contextmanager
    def alone(url: URL) -> Iterator[None]:
        with FROM_NOTHING(url):
            made = Path(url.database or "")
            if not made.stat().st_size:
                made.write_bytes(migrated.replace(identity, str(uuid4()).encode()))
            yield

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite_engine, "alone", alone)
        yield


@pytest.fixture(scope="session", autouse=True)
def _models_are_loaded_once() -> Iterator[None]:
    """Of the folder that all tests share, which none of them changes; sessions keep nothing between runs."""
    prepare, load, folder = session.prepared, session._loaded, models_folder().resolve()
    prepare_once, load_once, known = cache(prepare), cache(load), set[int]()
    look, sound = Zoo._state, set[tuple[str, str]]()

    def prepared(files: ModelFiles, **how: Any) -> bytes:
        if files.file.parent.resolve() != folder:
            return prepare(files, **how)
        graph = prepare_once(files, **how)
        known.add(id(graph))
        return graph

    def loaded(graph: bytes, threads: int) -> Any:
        return (load_once if id(graph) in known else load)(graph, threads)

    def state(zoo: Zoo, download: Download) -> State:
        if zoo.directory.resolve() != folder:
            return look(zoo, download)
        wanted = download.file, download.sha256
        if wanted not in sound and (found := look(zoo, download)) is not State.PRESENT:
            return found
        sound.add(wanted)
        return State.PRESENT

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Zoo, "_state", state)
        patch.setattr(session, "prepared", prepared)
        patch.setattr(session, "_loaded", loaded)
        yield


@pytest.fixture(scope="session", autouse=True)
def _the_native_api_is_made_when_it_is_asked() -> Iterator[None]:
    """Its hundreds of routes are half of what a server costs, and most servers of tests are asked by boto3 alone."""
    make = http.native

    def native(engine: Engine, pipeline: RequestPipeline) -> ASGIApp:
        made = cache(lambda: make(engine, pipeline))

        async def asked(scope: Scope, receive: Receive, send: Send) -> None:
            await made()(scope, receive, send)

        return asked

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(http, "native", native)
        yield
