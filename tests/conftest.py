"""What many tests stand on: the models, and the photographs that are kept beside the repository."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

import pytest
from folders import data_folder, models_folder
from scratch import in_memory

from regard.vision.cards import catalogue
from regard.vision.zoo import Zoo

pytest_plugins = ["authorised", "made_once", "milvus_server", "postgres_server", "stores"]

_OF_TERMINALS = ("COLUMNS", "LINES", "FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "TERMINAL_WIDTH")


def pytest_configure(config: pytest.Config) -> None:
    """The servers of tests inherit what is ignored here: nohup ignores SIGHUP, a shell's background job SIGINT. Nor do
    commands hear of the terminal that the tests are run in: a table that is cut to its width breaks words and paths."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in _OF_TERMINALS:
        os.environ.pop(name, None)
    in_memory()


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes are named by their place: what gzip made has the second in it, and a run fails before its first test where
    two workers name one test differently."""
    return argname if isinstance(val, bytes) and len(val) > 4 else None


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    """What a worker reports is sent as UTF-8, which a log line with half a surrogate pair is not."""
    return _encodable((yield))


def _encodable(reported: Any) -> Any:
    if isinstance(reported, str):
        return reported.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(reported, dict):
        return {name: _encodable(value) for name, value in reported.items()}
    if isinstance(reported, list | tuple):
        return type(reported)(map(_encodable, reported))
    return reported


@pytest.fixture(scope="session")
def models() -> Path:
    """A folder with the verified models of all packs: $REGARD_TEST_MODELS, or .cache/models, pulled into it once."""
    directory = models_folder()
    mirror = os.environ.get("REGARD_MODELS_MIRROR")
    zoo = Zoo(directory, Path(mirror) if mirror else None, catalogue())
    zoo.pull(zoo.select(pack for pack in zoo.packs if pack != "glasses"))
    return directory


@pytest.fixture(scope="session")
def disk() -> Iterator[Path]:
    """A folder on a disk: temporary files may be below /dev, where a server indexes nothing that it is asked to."""
    with TemporaryDirectory(prefix="regard-", dir="/var/tmp") as folder:
        yield Path(folder)


@pytest.fixture
def pictures(disk: Path) -> Path:
    """An empty one in it, of the test's own."""
    return Path(mkdtemp(dir=disk))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of test photographs: $REGARD_TEST_DATA, or ../shared/data beside the repository."""
    folder = data_folder()
    if not folder.is_dir():
        pytest.skip(f"needs test photographs: {folder} is not there; REGARD_TEST_DATA may name another folder")
    return folder
