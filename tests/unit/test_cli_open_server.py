"""`regard serve` under `open`, with many faces, where others reach it: what that means is said once."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from cli_home import Person
from stores import NOW, new_faces, units

from regard.bootstrap.engine import open_engine
from regard.commands.serve_command import _too_open
from regard.config.settings import load_settings
from regard.store import database
from regard.store.collection_rows import CollectionRows
from regard.store.face_rows import FaceRows


@pytest.fixture
def crowded(user: Person) -> Person:
    """A home with 10,001 faces."""
    opened = database.open(f"sqlite:///{user.home / 'regard.db'}")
    collection = CollectionRows(opened).create("people", "sface-2021dec-1", {}, NOW)
    FaceRows(opened).add(collection.key, new_faces(10_001), units(10_001, 128), "sface-2021dec-1", NOW)
    opened.close()
    return user


@pytest.mark.slow
def test_an_open_server_with_many_faces_says_once_what_that_means(crowded: Person) -> None:
    command = [sys.executable, "-m", "regard", "serve", "--home", str(crowded.home), "--port", "0"]
    with subprocess.Popen(
        [*command, "--host", "0.0.0.0"],  # noqa: S104 - what is warned of
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        said = ""
        while "search_faces_by_image" not in said:
            line = process.stdout.readline()
            assert line, process.communicate()[1]
            said += line
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate()
    assert log.count("10,001 faces are served at 0.0.0.0 under the profile open") == 1
    assert "find any of these people" in log
    assert "`regard profiles list`" in log


@pytest.mark.parametrize(
    ("profile", "host", "warned"),
    [
        ("open", "0.0.0.0", True),  # noqa: S104 - compared, not bound
        ("open", "::", True),
        ("open", "192.0.2.7", True),
        ("open", "", True),
        ("open", "127.0.0.1", False),
        ("open", "127.0.0.9", False),
        ("open", "::1", False),
        ("open", "localhost", False),
        ("recorded", "0.0.0.0", False),  # noqa: S104 - compared, not bound
    ],
)
@pytest.mark.slow
def test_only_an_open_one_that_others_reach(crowded: Person, profile: str, host: str, warned: bool) -> None:
    settings = load_settings({}, home=crowded.home, server={"host": host}, accountability={"profile": profile})
    with open_engine(settings) as engine:
        assert (_too_open(settings, engine) is not None) is warned


def test_not_one_with_few_faces(tmp_path: Path) -> None:
    settings = load_settings({}, home=tmp_path, server={"host": "0.0.0.0"})  # noqa: S104 - compared, not bound
    with open_engine(settings) as engine:
        assert _too_open(settings, engine) is None
